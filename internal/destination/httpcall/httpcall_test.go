package httpcall_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rapport/internal/destination"
	"rapport/internal/destination/httpcall"
	"rapport/internal/destination/sinktest"
	"rapport/internal/fault"
)

const secret = "very secret key/1"

func settings(t *testing.T, s httpcall.Settings) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func payload(i int) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"profile":{"traits":{"name":"A \"%d\" & B","crm_id":"a/b %d"}},"n":%d}`, i, i, i))
}

// base is a request with a bit of everything.
func base(at string) httpcall.Settings {
	return httpcall.Settings{
		Method: "PUT", URL: at + "/people/{{ profile.traits.crm_id | default: 'none' }}?k={{ message.kind }}",
		Headers: map[string]string{"X-Name": "{{ profile.traits.name }}"}, Secrets: map[string]string{"X-Team": "a team's secret"},
		Body: `{"name":"{{ profile.traits.name }}","n":{{ n }},"id":"{{ message.id }}"}`, Lenient: true,
	}
}

func check(t *testing.T, r *http.Request, body []byte) []string {
	t.Helper()
	if id := r.Header.Get("Idempotency-Key"); strings.HasPrefix(id, "odd_") {
		if !json.Valid(body) {
			t.Errorf("body %s", body)
		}
		return []string{id}
	}
	var got struct {
		Name string
		N    int
		ID   string
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Errorf("body %s: %v", body, err)
	}
	want := fmt.Sprintf(`A "%d" & B`, got.N)
	if got.Name != want || r.Header.Get("X-Name") != want || r.Header.Get("Idempotency-Key") != got.ID || r.Header.Get("X-Team") != "a team's secret" ||
		r.Method != http.MethodPut || r.URL.EscapedPath() != fmt.Sprintf("/people/a%%2Fb%%20%d", got.N) || r.URL.RawQuery != "k=event" {
		t.Errorf("%s %s %v %s", r.Method, r.URL, r.Header, body)
	}
	return []string{got.ID}
}

func TestHTTP_PassesTheSuite(t *testing.T) {
	t.Parallel()
	for name, auth := range map[string]destination.Auth{
		"Key":   {Kind: "key", Header: "X-Key", Secret: secret},
		"Query": {Kind: "key", Query: "key", Secret: secret},
		"Basic": {Kind: "basic", User: "ada", Secret: secret},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sinktest.RunHTTP(t, sinktest.HTTPSuite{
				Suite: sinktest.Suite{Type: httpcall.Type(), Secrets: []string{secret, url.QueryEscape(secret), "a team's secret", "YWRhOnZlcnkgc2VjcmV0IGtleS8x"}, Payload: payload},
				Settings: func(at string) json.RawMessage {
					s := base(at)
					s.Auth = auth
					return settings(t, s)
				},
				Serve: func(t *testing.T, _ http.ResponseWriter, r *http.Request, body []byte) []string {
					user, password, _ := r.BasicAuth()
					if r.Header.Get("X-Key") != secret && r.URL.Query().Get("key") != secret && (user != "ada" || password != secret) {
						t.Errorf("nobody says who asks: %s %v", r.URL, r.Header)
					}
					values := r.URL.Query()
					values.Del("key")
					r.URL.RawQuery = values.Encode()
					return check(t, r, body)
				},
			})
		})
	}
}

func TestHTTP_PassesTheSuiteWithOAuth(t *testing.T) {
	t.Parallel()
	tokens := 0
	sinktest.RunHTTP(t, sinktest.HTTPSuite{
		Suite: sinktest.Suite{Type: httpcall.Type(), Secrets: []string{secret, "token-"}, Payload: payload},
		Settings: func(at string) json.RawMessage {
			s := base(at)
			s.Auth = destination.Auth{Kind: "oauth", User: "client", Secret: secret, TokenURL: at + "/token", Scope: "people"}
			return settings(t, s)
		},
		Serve: func(t *testing.T, w http.ResponseWriter, r *http.Request, body []byte) []string {
			if r.URL.Path == "/token" {
				user, password, _ := r.BasicAuth()
				form, _ := url.ParseQuery(string(body))
				if user != "client" || password != url.QueryEscape(secret) || form.Get("grant_type") != "client_credentials" || form.Get("scope") != "people" {
					t.Errorf("token asked with %q %q %s", user, password, body)
				}
				tokens++
				fmt.Fprintf(w, `{"access_token":"token-%d","expires_in":3600}`, tokens)
				return nil
			}
			if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer token-") {
				t.Errorf("authorization %q", r.Header.Get("Authorization"))
			}
			return check(t, r, body)
		},
	})
}

// far is a counterpart of a test of its own.
func far(t *testing.T, s httpcall.Settings, serve http.HandlerFunc) destination.Sink {
	t.Helper()
	suite := sinktest.HTTPSuite{Serve: func(_ *testing.T, w http.ResponseWriter, r *http.Request, _ []byte) []string {
		serve(w, r)
		return []string{"x"}
	}}
	f := sinktest.NewFar(t, &suite)
	s.URL = strings.ReplaceAll(s.URL, "http://far", f.URL)
	s.Auth.TokenURL = strings.ReplaceAll(s.Auth.TokenURL, "http://far", f.URL)
	sink, err := httpcall.Type().Open(t.Context(), settings(t, s), sinktest.Env(t, &sinktest.Line{}))
	if err != nil {
		t.Fatal(err)
	}
	return sink
}

func one(payload string) []destination.Message {
	return []destination.Message{{ID: "m1", Kind: destination.Entered, Person: "p", Time: time.Unix(0, 0), Payload: json.RawMessage(payload)}}
}

func TestHTTP_AsksForANewTokenWhenTheOldOneIsNotTaken(t *testing.T) {
	t.Parallel()
	given, asked := 0, []string{}
	sink := far(t, httpcall.Settings{
		URL: "http://far/x", Auth: destination.Auth{Kind: "oauth", User: "c", Secret: secret, TokenURL: "http://far/token"},
	}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			given++
			fmt.Fprintf(w, `{"access_token":"t%d"}`, given)
			return
		}
		asked = append(asked, r.Header.Get("Authorization"))
		if r.Header.Get("Authorization") == "Bearer t1" && len(asked) > 1 {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	for range 3 {
		if r := sink.Send(t.Context(), one(`{}`))[0]; r.Outcome != destination.Delivered {
			t.Errorf("%+v", r)
		}
	}
	if got := strings.Join(asked, ","); got != "Bearer t1,Bearer t1,Bearer t2,Bearer t2" {
		t.Errorf("asked with %s", got)
	}
}

func TestHTTP_RefusesWhatItCannotWrite(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]httpcall.Settings{
		"the address cannot be written: line 1: there is no variable gone":             {URL: "http://far/{{ gone }}"},
		"the body cannot be written: line 1: there is no variable there.x":             {URL: "http://far/", Body: `{"a":{{ there.x }}}`},
		"the header X-A cannot be written: line 1: there is no variable gone":          {URL: "http://far/", Headers: map[string]string{"X-A": "{{ gone }}"}},
		"the body that the template writes is no JSON":                                 {URL: "http://far/", Body: `{"a":{{ n }}`},
		"the address cannot be written: line 1: a part of an address cannot be \"..\"": {URL: "http://far/a/{{ dots }}/b"},
	} {
		sink := far(t, s, func(http.ResponseWriter, *http.Request) { t.Error("something is sent") })
		r := sink.Send(t.Context(), one(`{"n":1,"there":{},"dots":".."}`))[0]
		if !strings.HasPrefix(r.Reason, want) || r.Outcome != destination.Refused {
			t.Errorf("%+v, want %s", r, want)
		}
	}
}

func TestHTTP_TakesAStatusAsDelivered(t *testing.T) {
	t.Parallel()
	sink := far(t, httpcall.Settings{URL: "http://far/", Delivered: []int{409}}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusConflict) })
	if r := sink.Send(t.Context(), one(`{}`))[0]; r.Outcome != destination.Delivered || r.Status != 409 {
		t.Errorf("%+v", r)
	}
}

func TestOpen_NamesTheSettingThatIsWrong(t *testing.T) {
	t.Parallel()
	for field, s := range map[string]httpcall.Settings{
		"/settings/url":             {URL: "https://{{ host }}/x"},
		"/settings/body":            {URL: "https://a.example", Body: "{{ x | nope }}"},
		"/settings/headers/X":       {URL: "https://a.example", Headers: map[string]string{"X": "{% if %}"}},
		"/settings/headers":         {URL: "https://a.example", Headers: map[string]string{"Host": "x"}},
		"/settings/auth/secret":     {URL: "https://a.example", Auth: destination.Auth{Kind: "key"}},
		"/settings/auth/user":       {URL: "https://a.example", Auth: destination.Auth{Kind: "basic", Secret: "x"}},
		"/settings/auth/token_url":  {URL: "https://a.example", Auth: destination.Auth{Kind: "oauth", User: "u", Secret: "x"}},
		"/settings/auth/kind":       {URL: "https://a.example", Auth: destination.Auth{Kind: "wave"}},
		"/settings/method":          {URL: "https://a.example", Method: "HEAD"},
		"/settings/timeout_seconds": {URL: "https://a.example", Timeout: 99},
		"/settings/concurrency":     {URL: "https://a.example", Concurrency: 99},
	} {
		_, err := httpcall.Type().Open(t.Context(), settings(t, s), destination.Env{})
		var f *fault.Fault
		if !errors.As(err, &f) || f.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
