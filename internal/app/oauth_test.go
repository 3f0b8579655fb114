package app_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

func TestFlow_AnOAuthClientGetsATokenAndSendsWithIt(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	source, err := json.Marshal(map[string]any{"name": "Backend", "kind": "server", "oauth_clients": []any{map[string]any{
		"id": "backend-1", "public_key": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	made, _ := asker{t, a}.api("PUT", "/sources/backend", string(source), 201)
	if made["priority"] != 100.0 {
		t.Errorf("a source of which nobody said a priority has %v", made["priority"])
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	assertion, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: "backend-1", Subject: "backend-1", Audience: jwt.Audience{a.URL()}, ID: "once", Expiry: jwt.NewNumericDate(now.Add(time.Minute)), IssuedAt: jwt.NewNumericDate(now),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {"tracking_api:write"}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
	status, _, text := call(t, "POST", a.URL()+"/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	var token struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(text), &token); err != nil || status != 200 || token.AccessToken == "" || token.ExpiresIn != 3600 {
		t.Fatalf("%d %s, %v", status, text, err)
	}
	if status, _, text := call(t, "POST", a.URL()+"/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded"); status != 401 || !strings.Contains(text, "used before") {
		t.Errorf("the same assertion again: %d %s", status, text)
	}
	writeKeyOf := made["write_keys"].([]any)[0].(map[string]any)["key"].(string)
	event := fmt.Sprintf(`{"userId":"u1","event":"x","messageId":"m1","writeKey":%q}`, writeKeyOf)
	if status, _, text := call(t, "POST", a.URL()+"/v1/track?wait=applied", event, "Authorization", "Bearer "+token.AccessToken); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	if status, _, _ := call(t, "POST", a.URL()+"/v1/track", event, "Authorization", "Bearer "+token.AccessToken+"x"); status != 401 {
		t.Errorf("a forged token: %d", status)
	}
	page, _ := asker{t, a}.api("GET", "/profiles/user_id:u1/timeline", "", 200)
	if item := page["items"].([]any)[0].(map[string]any); item["source"] != "backend" {
		t.Errorf("timeline %v", page)
	}
}
