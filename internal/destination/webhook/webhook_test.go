package webhook_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"rapport/internal/destination"
	"rapport/internal/destination/sinktest"
	"rapport/internal/destination/webhook"
	"rapport/internal/egress"
	"rapport/internal/fault"
)

const (
	oldSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	newSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
)

var seed = []byte("a seed of an ed25519 private key")

func settings(t *testing.T, s webhook.Settings) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// verify is a receiver with the specification's own library.
func verify(t *testing.T, secret string, h http.Header, body []byte) {
	t.Helper()
	w, err := standard.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.VerifyIgnoringTimestamp(body, h); err != nil {
		t.Errorf("the receiver refuses %s of %s: %v", h.Get("webhook-signature"), body, err)
	}
}

func TestWebhook_PassesTheSuite(t *testing.T) {
	t.Parallel()
	sinktest.RunHTTP(t, sinktest.HTTPSuite{
		Suite: sinktest.Suite{Type: webhook.Type(), Secrets: []string{oldSecret, newSecret, strings.TrimPrefix(newSecret, "whsec_"), "header-secret"}},
		Settings: func(base string) json.RawMessage {
			return settings(t, webhook.Settings{
				URL: base + "/hook", Secrets: []string{newSecret, oldSecret}, Headers: map[string]string{"X-Team": "header-secret"},
			})
		},
		Serve: func(t *testing.T, w http.ResponseWriter, r *http.Request, body []byte) []string {
			// Before and after the change of the secret.
			verify(t, oldSecret, r.Header, body)
			verify(t, newSecret, r.Header, body)
			if r.Header.Get("X-Team") != "header-secret" || r.URL.Path != "/hook" || r.Method != http.MethodPost {
				t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
			}
			w.WriteHeader(http.StatusNoContent)
			return []string{r.Header.Get("webhook-id")}
		},
	})
}

func TestSign_GivesThePublishedSignature(t *testing.T) {
	t.Parallel()
	// From the test suites of the specification's libraries.
	h := http.Header{}
	if err := webhook.SignFor(h, []string{oldSecret}, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`)); err != nil {
		t.Fatal(err)
	}
	if got := h.Get("webhook-signature"); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("signature %s", got)
	}
	if h.Get("webhook-timestamp") != "1614265330" || h.Get("webhook-id") != "msg_p5jXN8AQM9LWM0D4loKWxJek" {
		t.Errorf("headers %v", h)
	}
}

func TestSign_SignsWithAPrivateKey(t *testing.T) {
	t.Parallel()
	key := ed25519.NewKeyFromSeed(seed)
	for _, secret := range [][]byte{seed, key} {
		h := http.Header{}
		if err := webhook.SignFor(h, []string{"whsk_" + base64.StdEncoding.EncodeToString(secret), oldSecret}, "id", time.Unix(5, 0), []byte("{}")); err != nil {
			t.Fatal(err)
		}
		first, second, _ := strings.Cut(h.Get("webhook-signature"), " ")
		made, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(first, "v1a,"))
		if err != nil || !ed25519.Verify(key.Public().(ed25519.PublicKey), []byte("id.5.{}"), made) {
			t.Errorf("signature %s does not verify: %v", first, err)
		}
		if !strings.HasPrefix(second, "v1,") {
			t.Errorf("the shared secret signs %q", second)
		}
	}
}

func TestOpen_NamesTheSettingThatIsWrong(t *testing.T) {
	t.Parallel()
	good := webhook.Settings{URL: "https://example.com/x", Secrets: []string{oldSecret}}
	for field, change := range map[string]func(*webhook.Settings){
		"/settings/url":             func(s *webhook.Settings) { s.URL = "ftp://example.com" },
		"/settings/secrets":         func(s *webhook.Settings) { s.Secrets = []string{"whsec_dG9vIHNob3J0"} },
		"/settings/headers":         func(s *webhook.Settings) { s.Headers = map[string]string{"X": "a\nb"} },
		"/settings/timeout_seconds": func(s *webhook.Settings) { s.Timeout = 1000 },
	} {
		s := good
		change(&s)
		_, err := webhook.Type().Open(t.Context(), settings(t, s), destination.Env{})
		f, ok := err.(*fault.Fault) //nolint:errorlint // the fault itself is returned
		if !ok || f.Field != field || f.Kind != fault.Invalid {
			t.Errorf("%s: %v", field, err)
		}
		if ok && strings.Contains(f.Message, "dG9vIHNob3J0") {
			t.Errorf("the message shows the secret: %s", f.Message)
		}
	}
	if _, err := webhook.Type().Open(t.Context(), settings(t, good), destination.Env{}); err != nil {
		t.Error(err)
	}
}

// What the operator's rules do not let be reached is not tried again.
func TestWebhook_IsRefusedWhereTheWayOutIs(t *testing.T) {
	t.Parallel()
	policy, err := egress.New(egress.Options{})
	if err != nil {
		t.Fatal(err)
	}
	env := destination.Env{HTTP: policy.Client(), Now: time.Now}
	for _, address := range []string{"http://127.0.0.1:9/", "http://[::1]:9/", "http://169.254.169.254/latest/meta-data/"} {
		sink, err := webhook.Type().Open(t.Context(), settings(t, webhook.Settings{URL: address, Secrets: []string{oldSecret}}), env)
		if err != nil {
			t.Fatal(err)
		}
		r := sink.Send(t.Context(), []destination.Message{{ID: "m", Payload: json.RawMessage(`{}`)}})[0]
		if r.Outcome != destination.Refused || !strings.Contains(r.Reason, egress.Setting) {
			t.Errorf("%s: %+v", address, r)
		}
	}
}
