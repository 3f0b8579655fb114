package demo

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// definition is one thing that an operator would define: where it is kept and
// what it says.
type definition struct {
	path, document string
}

// shopDefinitions are what is asked of the made-up shop, each after what it
// builds on.
var shopDefinitions = []definition{
	{"/api/v1/affinities/category", `{"dimension":"category","half_life":"14d","weights":[
		{"when":{"event":"Product Viewed"},"points":1},{"when":{"event":"Product Added"},"points":3},{"when":{"event":"Order Completed"},"points":10}]}`},
	{"/api/v1/computed-traits/spent_90d", `{"name":"Spent in 90 days, EUR","value":{"order":{},"sum":{"currency":"EUR"},"within":"90d"}}`},
	{"/api/v1/segments/big-spenders", `{"name":"Big spenders","condition":{"computed":"spent_90d","op":">","value":300}}`},
	{"/api/v1/segments/left-a-cart", `{"name":"Left a cart","condition":{"event":"Product Added","not_followed_by":{"event":"Order Completed"},"within":"1d","window":{"last":"7d"}}}`},
	{"/api/v1/segments/loyal", `{"name":"Loyal","condition":{"all":[{"order":{},"count":{"min":2},"within":"42d"},{"event":"*","within":"14d"}]}}`},
	{"/api/v1/segments/shoe-lovers", `{"name":"Shoe lovers","condition":{"affinity":"category","value":"shoes","top":1}}`},
}

// retailDefinitions are asked of a file: it is old, so nothing counts days
// back from now.
var retailDefinitions = []definition{
	{"/api/v1/computed-traits/spent", `{"name":"Spent, GBP","value":{"order":{},"sum":{"currency":"GBP"}}}`},
	{"/api/v1/segments/big-spenders", `{"name":"Big spenders","condition":{"computed":"spent","op":">","value":2000}}`},
	{"/api/v1/segments/regulars", `{"name":"Regulars","condition":{"order":{},"count":{"min":10}}}`},
	{"/api/v1/segments/sent-back", `{"name":"Sent something back","condition":{"event":"Order Refunded"}}`},
}

// The decision model that goes with either, and where it is kept.
//
//go:embed offer.dmn
var offerModel []byte

const offerPath = "/api/v1/decision-models/next-offer"

// Define adds to a played shop what an operator would: an affinity, a computed
// trait, segments and a decision model. Everybody who is there is evaluated
// when it returns.
func (p *Played) Define(ctx context.Context, out io.Writer) error {
	return define(ctx, p.to, shopDefinitions, out)
}

// Define adds what can be asked of a played file.
func (r RetailReport) Define(ctx context.Context, to Target, out io.Writer) error {
	return define(ctx, to, retailDefinitions, out)
}

func define(ctx context.Context, to Target, all []definition, out io.Writer) error {
	for _, d := range all {
		if err := to.send(ctx, http.MethodPut, d.path+"?wait=applied&timeout=30s", []byte(d.document)); err != nil {
			return fmt.Errorf("defining: %w", err)
		}
	}
	if err := to.send(ctx, http.MethodPut, offerPath, offerModel); err != nil {
		return fmt.Errorf("storing the decision model: %w", err)
	}
	var segments struct {
		Items []struct {
			Key   string `json:"key"`
			State struct {
				Size int `json:"size"`
			} `json:"state"`
		} `json:"items"`
	}
	if err := to.get(ctx, "/api/v1/segments", &segments); err != nil {
		return err
	}
	for _, s := range segments.Items {
		fmt.Fprintf(out, "segment %s: %d people\n", s.Key, s.State.Size)
	}
	return nil
}

// get reads one document of the own API.
func (t Target) get(ctx context.Context, path string, into any) error {
	answer, _, err := t.once(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}
