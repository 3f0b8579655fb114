package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rapport/internal/access"
	"rapport/internal/catalog"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
)

// RefundBody is money given back for an order, for the OpenAPI document.
type RefundBody struct {
	ID       string  `json:"id,omitempty" doc:"The refund's own id: told again, it counts once. Left out: made of the Idempotency-Key, else new"`
	Amount   float64 `json:"amount,omitempty" minimum:"0" doc:"Left out: whatever the order has left"`
	Currency string  `json:"currency,omitempty" doc:"ISO 4217. Left out: the order's"`
	Lines    []any   `json:"lines,omitempty" doc:"The lines that came back"`
}

func (a *API) orderRoutes() {
	register(a, spec{
		id: "refund-order", method: http.MethodPost, path: "/orders/{id}/refunds", tag: "entities",
		summary: "Give money back for an order", scope: access.ScopeWrite, status: http.StatusCreated,
		body: RefundBody{}, returns: catalog.OrderView{},
	}, a.refund)
}

func (a *API) refund(ctx context.Context, in *entityChange) (*written, error) {
	patch, err := a.refundPatch(in.RawBody, in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	order := nouns()[0]
	out, err := a.command(ctx, order, in.Waiting, pipeline.Command{
		Kind: catalog.Order, ID: in.ID, Op: catalog.Merge, Body: patch,
		IfMatch: in.IfMatch, IfNoneMatch: in.IfNoneMatch, IdempotencyKey: in.IdempotencyKey,
	})
	if err != nil {
		return nil, ofRefund(err)
	}
	out.Status, out.Location = http.StatusCreated, prefix[:len(prefix)-1]+order.path+"/"+url.PathEscape(in.ID)
	return out, nil
}

// refundPatch wraps a refund into a patch of its order.
func (a *API) refundPatch(body []byte, idempotencyKey string) ([]byte, error) {
	var refund map[string]json.RawMessage
	if err := json.Unmarshal(body, &refund); err != nil || refund == nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_json", "the body is no JSON object: send one such as {\"amount\": 5}")
	}
	for name := range refund {
		if !slices.Contains([]string{"id", "amount", "currency", "lines"}, name) {
			return nil, fault.Errorf(fault.Invalid, "unknown_field", "unknown field %q: a refund has id, amount, currency and lines", name).At("/" + name)
		}
	}
	if given, ok := refund["id"]; ok {
		var id string
		if err := json.Unmarshal(given, &id); err != nil || id == "" {
			return nil, fault.Errorf(fault.Invalid, "invalid_id", "id: it is no text: give the refund's own id, or leave it out").At("/id")
		}
	} else {
		id, err := json.Marshal(a.refundID(idempotencyKey))
		if err != nil {
			return nil, err
		}
		refund["id"] = id
	}
	return json.Marshal(map[string]any{"refunds": []any{refund}})
}

// refundID makes the id of a refund that brings none: the same for the same
// idempotency key.
func (a *API) refundID(idempotencyKey string) string {
	if idempotencyKey == "" {
		return "rf_" + a.NewID()
	}
	sum := sha256.Sum256([]byte("refund\x00" + idempotencyKey))
	return "rf_" + hex.EncodeToString(sum[:12])
}

// ofRefund names fields as the caller sent them, not as the order has them.
func ofRefund(err error) error {
	f, ok := errors.AsType[*fault.Fault](err)
	if !ok {
		return err
	}
	field, inside := strings.CutPrefix(f.Field, "/refunds/0/")
	if !inside {
		return err
	}
	return fault.Errorf(f.Kind, f.Code, "%s", strings.ReplaceAll(f.Message, "refunds.0.", "")).At("/" + field)
}
