package feed_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"rapport/internal/fault"
	"rapport/internal/feed"
	"rapport/internal/jsondoc"
	"rapport/internal/tablefile"
)

func TestKindOf_ReadsTheNamesOfFeeds(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]feed.Kind{
		"user-2024-05-31_14-00-00.csv": feed.User, "/in/catalog-object-1.csv.gz": feed.Catalog, "product-x.zip": feed.Product,
		"category-1.csv": feed.Category, "PROMOTION-1.csv": feed.Promotion, "transactions.csv": feed.Transaction, "manual-segment-vip.csv": feed.Segment,
		"external-email-campaign-1.csv": feed.Email, "userland.csv": "", "list.csv": "", `c:\in\user.csv`: feed.User, "events-1.jsonl": feed.Event,
	} {
		if got := feed.KindOf(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// through maps a table and gives the bodies and what was wrong.
func through(t *testing.T, m *feed.Mapping, file string) (bodies, bad []string) {
	t.Helper()
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	r, err := tablefile.Open(strings.NewReader(file), int64(len(file)), tablefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := m.Plan()
	var row tablefile.Row
	for {
		err := r.Next(&row)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		record, wrong := p.Map(&row)
		if wrong != nil {
			bad = append(bad, wrong.Column+":"+wrong.Code)
		}
		if record != nil {
			bodies = append(bodies, string(record.Body))
		}
	}
	if record := p.Rest(); record != nil {
		bodies = append(bodies, string(record.Body))
	}
	return bodies, bad
}

// suggested is the mapping of a table as it is suggested.
func suggested(t *testing.T, kind feed.Kind, file string) *feed.Mapping {
	t.Helper()
	r, err := tablefile.Open(strings.NewReader(file), int64(len(file)), tablefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var s feed.Sample
	var row tablefile.Row
	for r.Next(&row) == nil {
		s.Add(&row)
	}
	return s.Suggest(kind)
}

func TestSuggest_MapsTheFeedsAsTheyAreDocumented(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind       feed.Kind
		file, want string
	}{
		"user": {
			feed.User, "userId,attribute:emailAddress,attribute:points,attribute:zip,attribute:born\nu1, Ada@Example.org,12,01234,1990-02-03\nu2,,,,\n",
			`{"type":"identify","userId":"u1","traits":{"email":"ada@example.org","points":12,"zip":"01234","born":"1990-02-03"}}` +
				`{"type":"identify","userId":"u2","traits":{}}`,
		},
		"long numbers": {
			feed.User, "userId,score,card,sum,zero\nu1,0.02040816326530612,4111111111111111,1234567890.12345678,0.10000000000000000\n",
			`{"type":"identify","userId":"u1","traits":{"score":0.02040816326530612,"card":"4111111111111111","sum":"1234567890.12345678","zero":"0.10000000000000000"}}`,
		},
		"catalog": {
			feed.Catalog, "id,catalogObjectType,attribute:name,relatedCatalogObject:Color\nb1,Blog,Hello,red|blue\nb2,Blog,,\n",
			`{"attributes":{"type":"Blog","name":"Hello"},"dimensions":{"Color":["red","blue"]}}` +
				`{"attributes":{"type":"Blog","name":null},"dimensions":{"Color":null}}`,
		},
		"product": {
			feed.Product, "id,name,price,inventoryCount,categories\np1,Pen,1.50,3,office\n",
			`{"attributes":{"type":"Product","name":"Pen","price":1.50,"inventoryCount":3},"dimensions":{"Category":["office"]}}`,
		},
		"transaction": {
			feed.Transaction, "transactionId,userId,purchaseDate,productId,price,quantity\nt1,u1,2024-01-02,p1,2.50,1\nt1,u1,2024-01-02,p2,1,2\nt2,u2,2024-01-03,p1,2.50,1\n",
			`{"type":"track","event":"Order Completed","userId":"u1","timestamp":"2024-01-02T00:00:00Z","properties":{"order_id":"t1","products":[{"product_id":"p1","price":2.50,"quantity":1},{"product_id":"p2","price":1,"quantity":2}]}}` +
				`{"type":"track","event":"Order Completed","userId":"u2","timestamp":"2024-01-03T00:00:00Z","properties":{"order_id":"t2","products":[{"product_id":"p1","price":2.50,"quantity":1}]}}`,
		},
		"segment": {
			feed.Segment, "emailAddress,segmentName,member\na@b.de,Top 100,no\n",
			`{"type":"identify","context":{"externalIds":[{"type":"email","id":"a@b.de","collection":"users","encoding":"none"}]},"traits":{"list_top_100":false}}`,
		},
		"email": {
			feed.Email, "userId,campaignId,action,sendDate,subject\nu1,c1,open,2024-01-02 10:00:00,Hi\n",
			`{"type":"track","event":"Email Opened","userId":"u1","timestamp":"2024-01-02T10:00:00Z","properties":{"campaign_id":"c1","subject":"Hi"}}`,
		},
		"by its columns": {
			"", "event,timestamp,user_id,ok\nSigned Up,2024-01-02T10:00:00Z,u1,true\n",
			`{"type":"track","event":"Signed Up","userId":"u1","timestamp":"2024-01-02T10:00:00Z","properties":{"ok":true}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bodies, bad := through(t, suggested(t, c.kind, c.file), c.file)
			if got := strings.Join(bodies, ""); got != c.want || len(bad) > 0 {
				t.Errorf("got  %s %v\nwant %s", got, bad, c.want)
			}
			for _, b := range bodies {
				if doc, err := jsondoc.Parse([]byte(b), jsondoc.Limits{}); err != nil || doc.Root().Kind() != jsondoc.Object {
					t.Errorf("%s: %v", b, err)
				}
			}
		})
	}
}

func TestMap_NamesTheCellThatIsWrong(t *testing.T) {
	t.Parallel()
	m := &feed.Mapping{Kind: feed.User, Columns: []feed.Column{
		{Column: "id", To: "user_id"},
		{Column: "n", To: "trait:n", Type: feed.AsNumber, Transform: []string{"decimal_comma"}},
		{Column: "at", To: "trait:at", Type: feed.AsTime, Format: "02.01.2006"},
		{Column: "must", To: "trait:must", Required: true},
	}}
	file := "id;n;at;must\n1;1.234,50;31.12.2023;x\n2;many;31.12.2023;x\n3;1;2023-12-31;x\n;1;31.12.2023;x\n5;;;\n"
	bodies, bad := through(t, m, file)
	if want := `{"type":"identify","userId":"1","traits":{"n":1234.50,"at":"2023-12-31T00:00:00Z","must":"x"}}`; len(bodies) != 1 || bodies[0] != want {
		t.Errorf("%s", bodies)
	}
	if want := []string{"n:invalid_value", "at:invalid_value", "id:missing_value", "must:missing_value"}; !slices.Equal(bad, want) {
		t.Errorf("%v, want %v", bad, want)
	}
}

func TestMap_RefusesRowsOfAnOrderThatAreApart(t *testing.T) {
	t.Parallel()
	file := "transactionId,userId,purchaseDate,productId\nt1,u1,2024-01-02,a\nt2,u1,2024-01-02,a\nt1,u1,2024-01-02,b\nt2,u9,2024-01-02,b\n"
	bodies, bad := through(t, suggested(t, "", file), file)
	if want := []string{":unsorted", ":order_differs"}; len(bodies) != 2 || !slices.Equal(bad, want) {
		t.Errorf("%d orders, %v", len(bodies), bad)
	}
}

func TestRead_SaysWhatIsWrongWithAMapping(t *testing.T) {
	t.Parallel()
	for document, field := range map[string]string{
		`{"kind":"nothing","columns":[]}`:                                                         "kind",
		`{"kind":"user","columns":[]}`:                                                            "columns",
		`{"kind":"user","columns":[{"column":"a","to":"trait:x"}]}`:                               "columns",
		`{"kind":"user","columns":[{"column":"a","to":"price"}]}`:                                 "columns/0/to",
		`{"kind":"user","columns":[{"column":"a","to":"user_id"},{"column":"b","to":"user_id"}]}`: "columns/1/to",
		`{"kind":"user","columns":[{"column":"a","to":"user_id","type":"float"}]}`:                "columns/0/type",
		`{"kind":"user","columns":[{"column":"a","to":"user_id","transform":["explode"]}]}`:       "columns/0/transform",
		`{"kind":"user","delimiter":",,","columns":[{"column":"a","to":"user_id"}]}`:              "delimiter",
		`{"kind":"segment","columns":[{"column":"a","to":"user_id"}]}`:                            "segment",
		`{"kind":"user","extra":1,"columns":[{"column":"a","to":"user_id"}]}`:                     "",
	} {
		_, err := feed.Read([]byte(document))
		if f := new(fault.Fault); !errors.As(err, &f) || f.Kind != fault.Invalid || f.Field != field {
			t.Errorf("%s: %v", document, err)
		}
	}
	m, err := feed.Read([]byte(`{"kind":"user","columns":[{"column":"a","to":"user_id"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := feed.Read(again); err != nil {
		t.Error(err)
	}
}

func FuzzMap(f *testing.F) {
	f.Add("user", "id,n\n1,2\n", "number", "null:x")
	f.Add("transaction", "transactionId,userId,purchaseDate,productId\nt,u,2024-01-02,p\n", "list", "split:,")
	f.Add("product", "{\"id\":1,\"x\":[1]}\n", "json", "default:{")
	f.Fuzz(func(t *testing.T, kind, file, as, change string) {
		r, err := tablefile.Open(strings.NewReader(file), int64(len(file)), tablefile.Options{Limits: tablefile.Limits{Row: 1 << 12, Columns: 50}})
		if err != nil {
			return
		}
		var s feed.Sample
		var row tablefile.Row
		if r.Next(&row) != nil {
			return
		}
		s.Add(&row)
		m := s.Suggest(feed.Kind(kind))
		for i := range m.Columns {
			m.Columns[i].Type, m.Columns[i].Transform = feed.Type(as), []string{change}
		}
		if m.Check() != nil {
			return
		}
		p := m.Plan()
		record, _ := p.Map(&row)
		if record == nil {
			record = p.Rest()
		}
		if record == nil {
			return
		}
		if doc, err := jsondoc.Parse(record.Body, jsondoc.Limits{}); err != nil || doc.Root().Kind() != jsondoc.Object {
			t.Fatalf("%q: %v", record.Body, err)
		}
	})
}

func TestSuggest_LetsAnAddressSayWhoAUserIs(t *testing.T) {
	t.Parallel()
	m := suggested(t, feed.User, "Email,Plan\n Ana@Example.com,pro\n")
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	var to []string
	for _, c := range m.Columns {
		to = append(to, c.To)
	}
	if got := strings.Join(to, " "); got != "trait:email trait:Plan identifier:email" {
		t.Errorf("suggested %s", got)
	}
}

func TestSuggest_TellsHowTimesAreWritten(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values        []string
		format, doubt string
	}{
		"iso":      {[]string{"2024-01-02", "2024-01-02 10:00"}, "", ""},
		"german":   {[]string{"1.2.2024 8:30", "31.12.2024 23:59"}, "2.1.2006 15:04", ""},
		"american": {[]string{"12/1/10 8:26", "12/31/10 9:00"}, "1/2/06 15:04", ""},
		"british":  {[]string{"1/12/2010", "31/12/2010"}, "2/1/2006", ""},
		"either":   {[]string{"12/1/10 8:26", "12/2/10 9:00"}, "", "whether the day or the month comes first"},
		"no time":  {[]string{"yesterday"}, "", "where a time is wanted"},
		"one odd":  {[]string{"2024-01-02", "32.13.2024", "2024-01-03"}, "", `has "32.13.2024" where a time is wanted`},
		"nothing":  {[]string{"", ""}, "", ""},
	} {
		var s feed.Sample
		for i, v := range c.values {
			s.Add(&tablefile.Row{Number: int64(i + 2), Columns: []string{"orderId", "userId", "productId", "orderDate"}, Cells: []tablefile.Cell{
				{Kind: tablefile.Text, Text: []byte("o1")}, {Kind: tablefile.Text, Text: []byte("u1")}, {Kind: tablefile.Text, Text: []byte("p1")}, {Kind: tablefile.Text, Text: []byte(v)},
			}})
		}
		m := s.Suggest(feed.Transaction)
		if got := m.Columns[3]; got.To != "time" || got.Format != c.format || !strings.Contains(s.Doubt, c.doubt) || c.doubt == "" && s.Doubt != "" {
			t.Errorf("%s: %+v, doubt %q", name, got, s.Doubt)
		}
	}
}

// TestPlan_RowsOfExportsAreWholeEvents reads what others keep of their events.
func TestPlan_RowsOfExportsAreWholeEvents(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, row, want string }{
		{"tracking", `{"anonymousId":"a1","context":{"ip":"1.2.3.4"},"event":"Viewed","messageId":"m1","originalTimestamp":"2024-05-01T09:00:00Z","projectId":"p","properties":{"n":10.5},"receivedAt":"2024-05-01T10:00:02Z","sentAt":"2024-05-01T10:00:01Z","timestamp":"2024-05-01T10:00:00.5Z","type":"track","userId":"u1","version":2}`,
			`{"type":"track","event":"Viewed","userId":"u1","anonymousId":"a1","messageId":"m1","timestamp":"2024-05-01T10:00:00.5Z","properties":{"n":10.5},"context":{"ip":"1.2.3.4"}}`},
		{"tracking", `{"type":"alias","userId":"u1","previousId":"a1","originalTimestamp":"2024-05-01T09:00:00Z","traits":"none"}`,
			`{"type":"alias","userId":"u1","previousId":"a1","timestamp":"2024-05-01T09:00:00Z"}`},
		{"tracking", `{"userId":"u1"}`, `type: it has no type`},
		{"posthog", `{"uuid":"0190","event":"Bought","properties":"{\"n\":1,\"$ip\":\"1.2.3.4\",\"$set\":{\"plan\":\"gold\"},\"$set_once\":{\"plan\":\"free\",\"from\":\"ads\"}}","distinct_id":"u1","timestamp":"2024-05-01 10:00:00.123000"}`,
			`{"messageId":"0190","timestamp":"2024-05-01T10:00:00.123000Z","type":"track","userId":"u1","event":"Bought","properties":{"n":1,"$ip":"1.2.3.4","$set":{"plan":"gold"},"$set_once":{"plan":"free","from":"ads"}},"context":{"ip":"1.2.3.4","traits":{"from":"ads","plan":"gold"}}}`},
		{"posthog", `{"uuid":"1","event":"$identify","properties":{"$anon_distinct_id":"d1","$set":{"email":"a@x.example"}},"distinct_id":"u1","timestamp":"2024-05-01T10:00:00+02:00"}`,
			`{"messageId":"1","timestamp":"2024-05-01T10:00:00+02:00","userId":"u1","anonymousId":"d1","traits":{"email":"a@x.example"},"type":"identify"}`},
		{"posthog", `{"event":"$pageview","properties":{"$lib":"web","$current_url":"https://x.example/p","$pathname":"/p","title":"P"},"distinct_id":"0190a7c1-2f3e-7abc-8def-0123456789ab","timestamp":"2024-05-01 10:00:00"}`,
			`{"timestamp":"2024-05-01T10:00:00Z","type":"page","anonymousId":"0190a7c1-2f3e-7abc-8def-0123456789ab","name":"P","properties":{"$current_url":"https://x.example/p","$lib":"web","$pathname":"/p","path":"/p","referrer":"","title":"P","url":"https://x.example/p"},"context":{"page":{"url":"https://x.example/p","path":"/p","title":"P"}}}`},
		{"posthog", `{"event":"Paid","properties":{"$lib":"posthog-python"},"distinct_id":"0190a7c1-2f3e-7abc-8def-0123456789ab","timestamp":"2024-05-01 10:00:00 UTC"}`,
			`{"timestamp":"2024-05-01T10:00:00Z","type":"track","userId":"0190a7c1-2f3e-7abc-8def-0123456789ab","event":"Paid","properties":{"$lib":"posthog-python"},"context":{}}`},
		{"posthog", `{"event":"$create_alias","properties":{"alias":"d9"},"distinct_id":"u1"}`, `{"userId":"u1","previousId":"d9","type":"alias"}`},
		{"posthog", `{"event":"$groupidentify","properties":{"$group_key":"acme","$group_type":"company","$group_set":{"size":9}},"distinct_id":"u1"}`,
			`{"userId":"u1","groupId":"acme","traits":{"size":9},"type":"group"}`},
		{"posthog", `{"event":"x","properties":{}}`, `distinct_id: it has no event or no distinct_id`},
	} {
		m := &feed.Mapping{Kind: feed.Kind(c.kind)}
		if err := m.Check(); err != nil {
			t.Fatal(err)
		}
		got := ""
		r, bad := m.Plan().Map(rowOf(t, c.row))
		if bad != nil {
			got = bad.Column + ": " + bad.Reason
		} else {
			got = string(r.Body)
		}
		if got != c.want {
			t.Errorf("%s became\n%s, want\n%s", c.row, got, c.want)
		}
	}
}

// rowOf reads a row as the reader of JSON lines gives it.
func rowOf(t *testing.T, line string) *tablefile.Row {
	t.Helper()
	r, err := tablefile.Open(strings.NewReader(line+"\n"), int64(len(line)+1), tablefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	row := new(tablefile.Row)
	if err := r.Next(row); err != nil {
		t.Fatal(err)
	}
	return row
}
