package connection

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rapport/internal/decider"
)

// token is what an OAuth server gave for the client's credentials.
type token struct {
	value string
	until time.Time
}

// tokenMargin is how long before its end a token is no longer used.
const tokenMargin = 30 * time.Second

func (l *line) forgetToken() {
	l.mu.Lock()
	l.token = token{}
	l.mu.Unlock()
}

// tokenOf gives the token of a connection, asking for one where there is none.
func (c *Client) tokenOf(ctx context.Context, l *line, at decider.Source, secret string) (string, error) {
	l.mu.Lock()
	t := l.token
	l.mu.Unlock()
	if t.value != "" && c.Now().Before(t.until) {
		return t.value, nil
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if at.Auth.Scope != "" {
		form.Set("scope", at.Auth.Scope)
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, at.Auth.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("%w: the address of tokens cannot be asked", errFinal)
	}
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Header.Set("Accept", "application/json")
	q.SetBasicAuth(url.QueryEscape(at.Auth.User), url.QueryEscape(secret))
	a, err := c.send(q)
	if err != nil {
		return "", err
	}
	var given struct {
		Token   string  `json:"access_token"`
		Expires float64 `json:"expires_in"`
	}
	if a.Status != http.StatusOK {
		return "", fmt.Errorf("%w: it gives no token: status %d", errFinal, a.Status)
	}
	if err := json.Unmarshal(a.Body, &given); err != nil || given.Token == "" {
		return "", fmt.Errorf("%w: it gives no token: its answer has no access_token", errFinal)
	}
	if given.Expires <= 0 {
		given.Expires = 300
	}
	life := time.Duration(min(given.Expires, 24*3600)*float64(time.Second)) - tokenMargin
	t = token{given.Token, c.Now().Add(max(life, time.Second))}
	l.mu.Lock()
	l.token = t
	l.mu.Unlock()
	return t.value, nil
}
