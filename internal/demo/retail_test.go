package demo

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const head = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"

func gathered(t *testing.T, file string) *retail {
	t.Helper()
	g, err := gather(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	r := g.report
	if sum := r.Sales + r.Gifts + r.Refunds + r.Adjustments + r.Stock + len(r.Rejected); sum != r.Lines {
		t.Errorf("%d lines, but %d accounted for: %+v", r.Lines, sum, r)
	}
	return g
}

func TestGather_SortsLinesByTheRule(t *testing.T) {
	t.Parallel()
	g := gathered(t, head+
		"1,A,a,2,12/1/10 8:26,2.55,7,UK\n"+
		"1,B,\"b, with a \"\"quote\"\"\",1,12/1/10 8:27,0,7,UK\n"+
		"C2,A,a,-1,12/2/10 8:26,2.55,7,UK\n"+
		"A3,B,Adjust bad debt,1,12/2/10 8:26,-11062.06,,UK\n"+
		"4,A,lost,-5,12/2/10 8:26,0,,UK\n"+
		"5,A,a,1,12/3/10 8:26,1.001,,UK\n"+
		"1,A,a,3,12/1/10 8:26,0.10,7,UK")
	r := g.report
	if r.Sales != 3 || r.Gifts != 1 || r.Refunds != 1 || r.Adjustments != 1 || r.Stock != 1 || len(r.Rejected) != 0 {
		t.Errorf("report %+v", r)
	}
	want := map[string]string{"1": "5.4", "C2": "2.55", "5": "1.001"}
	for _, v := range g.invoices {
		sum, err := v.total()
		if err != nil || amount(sum).String() != want[v.id] {
			t.Errorf("invoice %s: total %v, %v, want %s", v.id, sum, err, want[v.id])
		}
	}
	if len(g.invoices) != len(want) || g.invoices[0].lines[1].description != `b, with a "quote"` {
		t.Errorf("invoices %+v", g.invoices)
	}
}

func TestGather_ABrokenLineTakesNoOtherWithIt(t *testing.T) {
	t.Parallel()
	good := "1,A,a,1,12/1/10 8:26,1,7,UK\n"
	f := func(line, reason string) {
		t.Helper()
		g := gathered(t, head+good+line+"\n"+good)
		if r := g.report; r.Sales != 2 || len(r.Rejected) != 1 || r.Rejected[0].Line != 3 ||
			!strings.Contains(r.Rejected[0].Reason, reason) {
			t.Errorf("%q: report %+v, want line 3 rejected for %q", line, r, reason)
		}
	}
	f("1,A,a,1,12/1/10 8:26,1,7", "the line is cut")
	f("1,A,a", "the line is cut")
	f("1,A,\"a,1,12/1/10 8:26,1,7,UK", "begins with a quote")
	f("1,A,a,b,1,12/1/10 8:26,1,7,UK", "quotes around")
	f("1,A,a,one,12/1/10 8:26,1,7,UK", "Quantity")
	f("1,A,a,1.5,12/1/10 8:26,1,7,UK", "Quantity")
	f("1,A,a,1,yesterday,1,7,UK", "InvoiceDate")
	f("1,A,a,1,12/1/10 8:26,free,7,UK", "UnitPrice")
	f("1,A,a,1,12/1/10 8:26,-1,7,UK", "negative price")
	f("1,A,a,-1,12/1/10 8:26,1,7,UK", "quantity -1")
	f("1,A,a,0,12/1/10 8:26,1,7,UK", "quantity 0")
	f("C1,A,a,1,12/1/10 8:26,1,7,UK", "negative quantity")
	f(",A,a,1,12/1/10 8:26,1,7,UK", "InvoiceNo")
	f("1,A,a,1,12/1/10 8:26,1,8,UK", `customer "8", but line 2 says "7"`)
}

func TestGather_TakesTheFormsInWhichTheFileIsPassedAround(t *testing.T) {
	t.Parallel()
	f := func(name, file string) {
		t.Helper()
		g := gathered(t, file)
		if len(g.invoices) != 1 || g.report.Sales != 1 || g.invoices[0].customer != "7" {
			t.Errorf("%s: %+v", name, g.report)
		}
	}
	f("CR LF", strings.ReplaceAll(head, "\n", "\r\n")+"1,A,a,1,12/1/10 8:26,1,7,UK\r\n")
	f("CR", strings.ReplaceAll(head, "\n", "\r")+"1,A,a,1,12/1/10 8:26,1,7,UK\r")
	f("byte order mark", "\ufeff"+head+"1,A,a,1,12/1/10 8:26,1,7,UK")
	f("customer as a float", head+"1,A,a,1,2010-12-01 08:26:00,1,7.0,UK")
	f("cut in the country", head+"1,A,a,1,12/1/10 8:26,1,7,Un")
	f("empty lines", head+"\n1,A,a,1,12/1/10 8:26,1,7,UK\n\n")
	f("other order of columns", "CustomerID,UnitPrice,InvoiceDate,Quantity,StockCode,InvoiceNo\n7,1,12/1/10 8:26,1,A,1\n")

	g := gathered(t, head+"1,A,\xa340 voucher,1,12/1/10 8:26,1,7,UK\n")
	if d := g.invoices[0].lines[0].description; d != "£40 voucher" {
		t.Errorf("Latin-1 description is read as %q", d)
	}

	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(head + strings.Repeat("1,A,a,1,12/1/10 8:26,1,7,UK\n", 1000))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if g := gathered(t, packed.String()); g.report.Sales != 1000 {
		t.Errorf("gzip: %+v", g.report)
	}
	cut := gathered(t, packed.String()[:packed.Len()-20])
	if n := len(cut.report.Rejected); n == 0 || !strings.Contains(cut.report.Rejected[n-1].Reason, "gzip stream ends") {
		t.Errorf("cut gzip: %+v, want the last to say so", cut.report.Rejected)
	}
}

func TestGather_RefusesAFileWithoutItsHeader(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"", "1,A,a,1,12/1/10 8:26,1,7,UK\n", strings.Replace(head, "Quantity", "Qty", 1)} {
		if _, err := gather(strings.NewReader(file)); err == nil {
			t.Errorf("%q is taken for a file", file)
		}
	}
}

func TestRetailMessage_FitsIntoOneEvent(t *testing.T) {
	t.Parallel()
	line := "1,22197,SMALL POPCORN HOLDER,1,12/1/10 8:26,0.85,,UK\n"
	for _, n := range []int{1, 300, 620, 5000} {
		g := gathered(t, head+strings.Repeat(line, n))
		m, err := g.message(g.invoices[0])
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := json.Marshal(m)
		if len(raw) > maxEvent {
			t.Errorf("%d lines: %d bytes", n, len(raw))
		}
		if m.Properties["products"] == nil {
			t.Errorf("%d lines: none in the event", n)
		}
	}
}

func TestGather_TheRealFile(t *testing.T) {
	t.Parallel()
	file, err := os.Open(filepath.Join(os.Getenv("RAPPORT_TESTDATA"), "commerce/online-retail/online_retail_240007.csv.gz"))
	if os.Getenv("RAPPORT_TESTDATA") == "" || err != nil {
		t.Skip("the real order lines are not here: set RAPPORT_TESTDATA to the folder that has commerce/online-retail")
	}
	defer func() { _ = file.Close() }()
	g, err := gather(file)
	if err != nil {
		t.Fatal(err)
	}
	r := g.report
	if r.Lines != 240007 || r.Sales != 168662+65582 || r.Gifts != 13 || r.Refunds != 4107+243 || r.Stock != 663+737 || len(r.Rejected) != 0 {
		t.Errorf("report %+v", r)
	}
	for _, v := range g.invoices {
		if _, err := g.message(v); err != nil {
			t.Error(err)
		}
	}
	t.Logf("bare: %v", g.report.Bare)
}
