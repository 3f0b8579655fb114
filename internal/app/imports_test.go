package app_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"rapport/internal/app"
)

// imported is an import as the instance shows it.
type imported struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Error string `json:"error"`
	Sums  struct {
		Rows, Inserted, Updated, Unchanged, Conflict, Failed int64
	} `json:"sums"`
}

// load sends a file and waits until it is imported.
func load(t *testing.T, a *app.App, query, file string) (imported, string) {
	t.Helper()
	status, _, text := call(t, "POST", a.URL()+"/api/v1/imports?"+query, file, "Authorization", "Bearer "+secretKey)
	if status != 202 {
		t.Fatalf("%s: %d %s", query, status, text)
	}
	return ended(t, a, text)
}

// ended waits for the end of an import that was answered so, and gives its report.
func ended(t *testing.T, a *app.App, text string) (imported, string) {
	t.Helper()
	var out imported
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatal(err)
		}
		if out.State == "done" || out.State == "failed" {
			_, _, report := call(t, "GET", a.URL()+"/api/v1/imports/"+out.ID+"/report", "", "Authorization", "Bearer "+secretKey)
			return out, report
		}
		_, _, text = call(t, "GET", a.URL()+"/api/v1/imports/"+out.ID, "", "Authorization", "Bearer "+secretKey)
	}
	t.Fatalf("the import does not end: %s", text)
	return out, ""
}

func TestImports_AnEarlierFileSentAgainUndoesWhatCameBetween(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	const one, two = "userId,attribute:tier\nu1,gold\nu1,silver\n", "userId,attribute:tier\nu1,platinum\n"
	for i, c := range []struct{ file, want string }{
		{one, "done 2: +1 ~1 =0 !0 x0"},
		{one, "done 2: +0 ~0 =2 !0 x0"},
		{two, "done 1: +0 ~1 =0 !0 x0"},
		{one, "done 2: +0 ~2 =0 !0 x0"},
	} {
		if got, report := load(t, a, "name=user-1.csv", c.file); got.String() != c.want {
			t.Errorf("file %d: %s, want %s\n%s", i, got, c.want, report)
		}
	}
	if _, _, text := call(t, "GET", a.URL()+"/api/v1/profiles/user_id:u1", "", "Authorization", "Bearer "+secretKey); !strings.Contains(text, `"tier":"silver"`) || !strings.Contains(text, `"event_count":5`) {
		t.Errorf("u1 is %s", text)
	}
}

func (s imported) String() string {
	return fmt.Sprintf("%s %d: +%d ~%d =%d !%d x%d", s.State, s.Sums.Rows, s.Sums.Inserted, s.Sums.Updated, s.Sums.Unchanged, s.Sums.Conflict, s.Sums.Failed)
}

func TestImports_ReadTheFeedsAndSendingThemAgainChangesNothing(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	for _, c := range []struct{ name, file, first, again string }{
		{
			"user-2024-01-01_00-00-00.csv", "userId,attribute:emailAddress,attribute:tier,attribute:points\nu1,ada@example.org,gold,12\nu2,bob@example.org,,3\nu3\nu1,,silver,\n",
			"done 4: +2 ~1 =0 !0 x1", "done 4: +0 ~0 =3 !0 x1",
		},
		{"product-1.csv", "id,name,price,categories\np1,Pen,1.50,office|school\np2,Ink,,office\n", "done 2: +2 ~0 =0 !0 x0", "done 2: +0 ~0 =2 !0 x0"},
		{
			"transaction-1.csv", "transactionId,userId,purchaseDate,productId,price,quantity,currency\nt1,u1,2024-01-02 10:00:00,p1,1.50,2,EUR\nt1,u1,2024-01-02 10:00:00,p2,1,1,EUR\nt2,u2,2024-01-03 10:00:00,p1,1.50,1,EUR\n",
			"done 3: +3 ~0 =0 !0 x0", "done 3: +0 ~0 =3 !0 x0",
		},
		{"segment-vip.csv", "userId,segmentName,member\nu1,vip,yes\n", "done 1: +0 ~1 =0 !0 x0", "done 1: +0 ~0 =1 !0 x0"},
		{"email-campaign-1.csv", "userId,campaignId,action,sendDate\nu1,c1,open,2024-01-02 11:00:00\n", "done 1: +1 ~0 =0 !0 x0", "done 1: +0 ~0 =1 !0 x0"},
	} {
		first, report := load(t, a, "name="+c.name, c.file)
		if first.String() != c.first {
			t.Errorf("%s: %s, want %s\n%s", c.name, first, c.first, report)
		}
		if again, report := load(t, a, "name="+c.name, c.file); again.String() != c.again {
			t.Errorf("%s again: %s, want %s\n%s", c.name, again, c.again, report)
		}
	}
	for path, want := range map[string]string{
		"profiles/user_id:u1":            `"tier":"silver"`,
		"profiles/email:bob@example.org": `"points":3`,
		"catalog/items/p1":               `"Category":["office","school"]`,
		"orders/t1":                      `"total":4`,
	} {
		if _, _, text := call(t, "GET", a.URL()+"/api/v1/"+path, "", "Authorization", "Bearer "+secretKey); !strings.Contains(strings.ReplaceAll(text, " ", ""), want) {
			t.Errorf("%s lacks %s: %s", path, want, text)
		}
	}
}

func TestImports_NameEveryRowThatIsNotTaken(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	status, _, text := call(t, "PUT", a.URL()+"/api/v1/import-mappings/crm", `{"kind":"user","columns":[{"column":"Nr","to":"user_id"},{"column":"Punkte","to":"trait:points","type":"integer"},{"column":"Mail","to":"trait:email"}]}`,
		"Authorization", "Bearer "+secretKey)
	if status != 201 || !strings.Contains(text, `"version":1`) {
		t.Fatalf("%d %s", status, text)
	}
	got, report := load(t, a, "mapping=crm&historical=true", "Nr;Punkte;Mail\n1;5;a@b.de\n2;=cmd;x@b.de\n;1;\n4;\"1\n5;5;M\xfc\n6;6;c@b.de\n")
	if got.String() != "done 6: +2 ~0 =0 !0 x4" {
		t.Errorf("%s", got)
	}
	for _, want := range []string{"3,Punkte,'=cmd,invalid_value", "4,Nr,,missing_value", "5,,", "unclosed_quote", "6,,", "invalid_encoding"} {
		if !strings.Contains(report, want) {
			t.Errorf("the report lacks %q:\n%s", want, report)
		}
	}
	if _, _, text := call(t, "GET", a.URL()+"/api/v1/profiles/user_id:6", "", "Authorization", "Bearer "+secretKey); !strings.Contains(text, "c@b.de") {
		t.Error(text)
	}
}

func TestImports_RefuseWhatCannotBeImported(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	for _, c := range []struct {
		method, path, file, key string
		status                  int
		code                    string
	}{
		{"POST", "imports?name=user-1.csv", "", secretKey, 400, "empty_file"},
		{"POST", "imports?name=user-1.csv", "a,b\n1,2\n", secretKey, 400, "no_mapping"},
		{"POST", "imports?mapping=none", "a,b\n1,2\n", secretKey, 404, "mapping_not_found"},
		{"POST", "imports?source=none", "a,b\n1,2\n", secretKey, 400, "unknown_source"},
		{"POST", "imports?kind=none", "a,b\n1,2\n", secretKey, 400, "invalid_request"},
		{"POST", "imports", "a,b\n1,2\n", writeKey, 401, "write_key"},
		{"GET", "imports/..%2f..%2fx", "", secretKey, 404, "import_not_found"},
		{"GET", "imports/00000000/report", "", secretKey, 404, "import_not_found"},
		{"GET", "import-mappings/none", "", secretKey, 404, "mapping_not_found"},
		{"PUT", "import-mappings/x", "{}", secretKey, 400, "invalid_mapping"},
	} {
		status, _, text := call(t, c.method, a.URL()+"/api/v1/"+c.path, c.file, "Authorization", "Bearer "+c.key)
		if status != c.status || !strings.Contains(text, `"`+c.code+`"`) {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, status, text, c.status, c.code)
		}
	}
	status, _, text := call(t, "POST", a.URL()+"/api/v1/imports/suggest?name=user.csv", "userId,attribute:n\nu1,5\n", "Authorization", "Bearer "+secretKey)
	if status != 200 || !strings.Contains(text, `"to":"trait:n","type":"integer"`) || !strings.Contains(text, `"examples":[{"type":"identify"`) {
		t.Errorf("%d %s", status, text)
	}
}

func TestImports_TryAMappingOnTheFirstRows(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	try := func(document string) (int, string) {
		status, _, text := call(t, "POST", a.URL()+"/api/v1/imports/suggest?document="+url.QueryEscape(document), "no;n\nu1;5\n", "Authorization", "Bearer "+secretKey)
		return status, text
	}
	for _, c := range []struct {
		document string
		status   int
		want     string
	}{
		{`{"kind":"user","columns":[{"column":"no","to":"user_id"},{"column":"n","to":"trait:size","type":"number"}]}`, 200, `"traits":{"size":5}`},
		{`{"kind":"user","columns":[{"column":"no","to":"user_id"},{"column":"n","to":"trait:size","type":"number"}]}`, 200, `"sample":[["u1","5"]]`},
		{`{"kind":"user","columns":[{"column":"n","to":"trait:size"}]}`, 200, `"problem":"columns: a user feed needs a column`},
		{`{"kind":"user","delimiter":",","columns":[{"column":"no","to":"user_id"}]}`, 200, `"columns":["no;n"]`},
		{`{"kind":"user","column":1}`, 400, "invalid_mapping"},
	} {
		if status, text := try(c.document); status != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s: %d %s, want %d %s", c.document, status, text, c.status, c.want)
		}
	}
}

func TestImports_KeepTheRowsBeforeAFileBreaksOff(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	var plain, packed bytes.Buffer
	plain.WriteString("userId,attribute:noise\n")
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 3_000 {
		fmt.Fprintf(&plain, "half-%d,%x\n", i, random.Uint64())
	}
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(plain.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	got, report := load(t, a, "name=user-1.csv.gz", packed.String()[:packed.Len()*2/3])
	if n := got.Sums.Inserted; got.State != "failed" || n < 1_000 || n > 2_500 || !strings.Contains(got.Error, "was not written to its end") || !strings.Contains(report, "damaged_file") {
		t.Fatalf("%s: %s\n%s", got, got.Error, report)
	}
	whole, report := load(t, a, "name=user-1.csv.gz", packed.String())
	if whole.State != "done" || whole.Sums.Unchanged != got.Sums.Inserted || whole.Sums.Inserted != 3_000-got.Sums.Inserted {
		t.Errorf("%s after %s\n%s", whole, got, report)
	}
}
