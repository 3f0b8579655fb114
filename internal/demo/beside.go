package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// note is what definitions carry that were made beside those of others: by it
// Withdraw knows its own. Whoever writes a newer version makes it theirs.
const note = "made by the demo shop"

// Defined is what DefineBeside made, and what it left to whoever has it, by
// their paths after /api/v1/.
type Defined struct {
	Made []string
	Kept []string
}

// DefineBeside adds what Define adds to an instance that is in use: a key that
// somebody else has stays theirs. It may be called again.
func (p *Played) DefineBeside(ctx context.Context) (Defined, error) {
	var out Defined
	for _, d := range everyDefinition() {
		own, state, err := p.to.owns(ctx, d.path)
		name := strings.TrimPrefix(d.path, "/api/v1/")
		switch {
		case err != nil:
			return out, err
		case state != "" && !own:
			out.Kept = append(out.Kept, name)
			continue
		case !own || state == "archived":
			path := d.path + "?wait=applied&timeout=30s&note=" + url.QueryEscape(note)
			if err := p.to.send(ctx, http.MethodPut, path, []byte(d.document)); err != nil {
				return out, fmt.Errorf("defining: %w", err)
			}
		}
		out.Made = append(out.Made, name)
	}
	return out, nil
}

// Withdraw archives what DefineBeside made, wherever it is still as it was made,
// in the other order: what is named by something of somebody else is refused by
// the server, and nothing after it is archived.
func Withdraw(ctx context.Context, to Target) error {
	body, err := json.Marshal(map[string]string{"status": "archived", "note": note})
	if err != nil {
		return err
	}
	for _, d := range slices.Backward(everyDefinition()) {
		own, state, err := to.owns(ctx, d.path)
		if err != nil {
			return err
		}
		if !own || state == "archived" {
			continue
		}
		if err := to.send(ctx, http.MethodPost, d.path+"/status", body); err != nil {
			return fmt.Errorf("taking a definition back: %w", err)
		}
	}
	return nil
}

func everyDefinition() []definition {
	return append(slices.Clone(shopDefinitions), definition{offerPath, string(offerModel)})
}

// owns tells whether the newest version of a definition was made beside those of
// others, and its status: empty where there is none.
func (t Target) owns(ctx context.Context, path string) (own bool, status string, err error) {
	var newest struct {
		Status  string `json:"status"`
		Changes []struct {
			Note string `json:"note"`
		} `json:"changes"`
	}
	err = t.get(ctx, path, &newest)
	if answer := (*refusal)(nil); errors.As(err, &answer) && answer.status == http.StatusNotFound {
		return false, "", nil
	}
	own = err == nil && len(newest.Changes) > 0 && newest.Changes[0].Note == note
	return own, newest.Status, err
}
