package e2e_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"rapport/internal/app"
	"rapport/internal/config"
	"rapport/internal/demo"
	"rapport/internal/soak"
)

// retailFile is where the real order lines are in the folder of test data.
const retailFile = "commerce/online-retail/online_retail_240007.csv.gz"

// TestOnlineRetail_EveryCustomerHasWhatPlainSumsSay plays a real shop's order
// lines through the HTTP door and compares each person with sums over the file
// that share no code with what is played.
func TestOnlineRetail_EveryCustomerHasWhatPlainSumsSay(t *testing.T) {
	t.Parallel()
	soak.Unraced(t)
	raw, err := os.ReadFile(filepath.Join(os.Getenv("RAPPORT_TESTDATA"), retailFile))
	if os.Getenv("RAPPORT_TESTDATA") == "" || err != nil {
		t.Skip("the real order lines are not here: set RAPPORT_TESTDATA to the folder that has " + retailFile)
	}
	want := plainSums(t, raw)
	to := openRetail(t)
	report, err := demo.Retail(t.Context(), to, bytes.NewReader(raw), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Rejected) != 0 || len(report.Bare) != 0 || report.Adjustments != want.adjustments || report.Stock != want.stock {
		t.Errorf("report %+v, want %d adjustments and %d corrections of the stock", report, want.adjustments, want.stock)
	}
	t.Logf("%d lines, %d customers, %d orders, %d refunds, %d purchases without a customer",
		report.Lines, len(want.customers), report.Orders, report.Returns, len(want.unnamed))

	wrong := atomic.Int64{}
	var group errgroup.Group
	group.SetLimit(4)
	for _, of := range []map[string]*retailSums{want.customers, want.unnamed} {
		for ref, sum := range of {
			group.Go(func() error {
				err := sum.check(t.Context(), to, ref)
				if err != nil && wrong.Add(1) <= 20 {
					t.Errorf("%s: %v", ref, err)
				}
				return nil
			})
		}
	}
	group.Wait() //nolint:errcheck // every error was told
	if n := wrong.Load(); n > 0 {
		t.Errorf("%d of %d people are wrong", n, len(want.customers)+len(want.unnamed))
	}
	checkEquation(t, to, len(want.invoices)+1)
}

func openRetail(t *testing.T) demo.Target {
	t.Helper()
	c, err := config.Load(config.Input{Flags: map[string]string{
		"data": t.TempDir(), "listen": "127.0.0.1:0", "memory": "512MiB",
		"write_key": sceneWriteKey, "secret_key": sceneSecretKey,
	}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), c, app.Parts{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return demo.Target{URL: a.URL(), WriteKey: sceneWriteKey, SecretKey: sceneSecretKey}
}

// retailSums are what a person's lines come to.
type retailSums struct {
	orders, refunds map[string]bool // invoices
	gross, returned big.Rat
}

// expected is what the file says.
type expected struct {
	customers, unnamed map[string]*retailSums // by reference
	invoices           map[string]bool
	adjustments, stock int
}

// plainSums adds up the file: a line of an invoice C… is money back, of A… an
// adjustment; what costs nothing and has no customer, or no positive quantity,
// corrects the stock; all else is bought.
func plainSums(t *testing.T, raw []byte) *expected {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	lines := csv.NewReader(bufio.NewReader(z))
	if _, err := lines.Read(); err != nil {
		t.Fatal(err)
	}
	out := &expected{customers: map[string]*retailSums{}, unnamed: map[string]*retailSums{}, invoices: map[string]bool{}}
	for {
		f, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out.add(f[0], f[3], f[5], f[6])
	}
}

func (x *expected) add(invoice, quantity, price, customer string) {
	amount, _ := new(big.Rat).SetString(price)
	n, _ := new(big.Rat).SetString(quantity)
	free := amount.Sign() == 0
	switch {
	case invoice[0] == 'A':
		x.adjustments++
		return
	case free && (customer == "" || n.Sign() <= 0):
		x.stock++
		return
	}
	of, ref := x.customers, "user_id:"+customer
	if customer == "" {
		of, ref = x.unnamed, "anonymous_id:invoice-"+invoice
	}
	if of[ref] == nil {
		of[ref] = &retailSums{orders: map[string]bool{}, refunds: map[string]bool{}}
	}
	x.invoices[invoice] = true
	s := of[ref]
	amount.Mul(amount, n)
	if invoice[0] == 'C' {
		s.refunds[invoice] = true
		s.returned.Sub(&s.returned, amount)
		return
	}
	s.orders[invoice] = true
	s.gross.Add(&s.gross, amount)
}

// check compares a profile with the sums.
func (s *retailSums) check(ctx context.Context, to demo.Target, ref string) error {
	var got struct {
		Computed struct {
			EventCount int                            `json:"event_count"`
			OrderCount int                            `json:"order_count"`
			Gross      map[string]json.Number         `json:"order_total"`
			Returned   map[string]json.Number         `json:"refund_total"`
			Net        map[string]json.Number         `json:"order_net"`
			Names      map[string]struct{ Count int } `json:"event_names"`
		} `json:"computed"`
	}
	if err := fetch(ctx, to, "/api/v1/profiles/"+ref, &got); err != nil {
		return err
	}
	c := got.Computed
	net := new(big.Rat).Sub(&s.gross, &s.returned)
	switch {
	case c.OrderCount != len(s.orders):
		return fmt.Errorf("%d orders, want %d", c.OrderCount, len(s.orders))
	case c.Names["Order Completed"].Count != len(s.orders), c.Names["Order Refunded"].Count != len(s.refunds):
		return fmt.Errorf("events %v, want %d orders and %d refunds", c.Names, len(s.orders), len(s.refunds))
	case c.EventCount != len(s.orders)+len(s.refunds):
		return fmt.Errorf("%d events, want %d", c.EventCount, len(s.orders)+len(s.refunds))
	}
	return errors.Join(
		equalMoney("gross", c.Gross, &s.gross), equalMoney("refunds", c.Returned, &s.returned), equalMoney("net", c.Net, net))
}

// equalMoney compares exactly. Nothing spent may be written as no currency.
func equalMoney(what string, got map[string]json.Number, want *big.Rat) error {
	has, ok := new(big.Rat), true
	for currency, n := range got {
		if currency != "GBP" {
			return fmt.Errorf("%s in %s", what, currency)
		}
		has, ok = has.SetString(n.String())
	}
	if !ok || has.Cmp(want) != 0 {
		return fmt.Errorf("%s %v, want %s", what, got, strings.TrimRight(want.FloatString(6), "0"))
	}
	return nil
}

// checkEquation checks the sums of everything that was handed over.
func checkEquation(t *testing.T, to demo.Target, events int) {
	t.Helper()
	var a struct {
		Received, Pending, Stored, Deduplicated, Rejected int
		DeadLettered                                      int `json:"dead_lettered"`
	}
	if err := fetch(t.Context(), to, "/api/v1/accounting", &a); err != nil {
		t.Fatal(err)
	}
	if a.Received != a.Pending+a.Stored+a.Deduplicated+a.DeadLettered+a.Rejected {
		t.Errorf("the sums do not add up: %+v", a)
	}
	if a.Stored != events || a.Pending+a.DeadLettered+a.Rejected != 0 {
		t.Errorf("%+v, want %d stored and nothing left behind", a, events)
	}
}

// fetch reads a document of the own API.
func fetch(ctx context.Context, to demo.Target, path string, into any) error {
	return ask(ctx, to, path, "", into)
}

// ask posts a body and reads the answer; without a body it gets it.
func ask(ctx context.Context, to demo.Target, path, question string, into any) error {
	method := http.MethodGet
	if question != "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, to.URL+path, strings.NewReader(question))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+to.SecretKey)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s: %s", path, res.Status, body)
	}
	return json.Unmarshal(body, into)
}
