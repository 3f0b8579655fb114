package sms_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"rapport/internal/destination"
	"rapport/internal/destination/sinktest"
	"rapport/internal/destination/sms"
	"rapport/internal/fault"
)

const secret = "gateway's secret"

func settings(t *testing.T, s sms.Settings) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSMS_PassesTheSuiteAgainstAFormGateway(t *testing.T) {
	t.Parallel()
	sinktest.RunHTTP(t, sinktest.HTTPSuite{
		Suite: sinktest.Suite{Type: sms.Type(), Secrets: []string{secret}},
		Settings: func(base string) json.RawMessage {
			return settings(t, sms.Settings{
				URL: base + "/Messages.json", Format: "form", To: "{{ phone | default: '+49 (151) 1234-5678' }}", From: "+491700000000", Text: "Hi {{ message.id }} & co",
				Fields: map[string]string{"to": "To", "from": "From", "text": "Body", "id": ""}, Fixed: map[string]string{"StatusCallback": "none"},
				Auth: destination.Auth{Kind: "basic", User: "AC1", Secret: secret},
			})
		},
		Serve: func(t *testing.T, w http.ResponseWriter, r *http.Request, body []byte) []string {
			form, err := url.ParseQuery(string(body))
			user, password, _ := r.BasicAuth()
			if err != nil || user != "AC1" || password != secret || form.Get("To") != "+4915112345678" || form.Get("From") != "+491700000000" ||
				len(form) != 4 || form.Get("StatusCallback") != "none" {
				t.Errorf("%s %q: %v", r.URL, body, err)
			}
			w.WriteHeader(http.StatusCreated)
			return []string{strings.TrimSuffix(strings.TrimPrefix(form.Get("Body"), "Hi "), " & co")}
		},
	})
}

func TestPush_PassesTheSuiteAgainstAJSONGateway(t *testing.T) {
	t.Parallel()
	sinktest.RunHTTP(t, sinktest.HTTPSuite{
		Suite: sinktest.Suite{Type: sms.Type(), Secrets: []string{secret}},
		Settings: func(base string) json.RawMessage {
			return settings(t, sms.Settings{
				URL: base, Channel: "push", To: "{{ token | default: 'device-1' }}", Title: "News", Text: "{{ message.id }}",
				Fields: map[string]string{"to": "message.token", "title": "message.notification.title", "text": "message.notification.body"},
				Auth:   destination.Auth{Kind: "key", Prefix: "Bearer", Secret: secret},
			})
		},
		Serve: func(t *testing.T, _ http.ResponseWriter, r *http.Request, body []byte) []string {
			var got struct {
				ID      string
				Message struct {
					Token        string
					Notification struct{ Title, Body string }
				}
			}
			if err := json.Unmarshal(body, &got); err != nil || got.Message.Token != "device-1" || got.Message.Notification.Title != "News" ||
				r.Header.Get("Authorization") != "Bearer "+secret || got.ID != r.Header.Get("Idempotency-Key") {
				t.Errorf("%v %s: %v", r.Header, body, err)
			}
			return []string{got.Message.Notification.Body}
		},
	})
}

func TestNumber_IsWrittenAsE164(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"+49 151 123 45 678": "+4915112345678", "0049151-12345678": "+4915112345678", "+1 (415) 555.0100": "+14155550100",
		"0151 12345678": "", "": "", "+": "", "+0123456789": "", "+12": "", "+1234567890123456": "", "call me": "", "+49151x": "", "49+151": "",
	} {
		if got, ok := sms.Number(in); got != want || ok != (want != "") {
			t.Errorf("%q is %q, %v", in, got, ok)
		}
	}
}

func FuzzNumber(f *testing.F) {
	for _, s := range []string{"+49 151 123", "0049", "(+1)", "+\u00a01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := sms.Number(s)
		if !ok {
			return
		}
		if len(got) < 8 || len(got) > 16 || got[0] != '+' || strings.Trim(got[1:], "0123456789") != "" {
			t.Errorf("%q is %q", s, got)
		}
		if again, ok := sms.Number(got); !ok || again != got {
			t.Errorf("%q is %q, then %q", s, got, again)
		}
	})
}

func TestSMS_RefusesWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	far := sinktest.NewFar(t, &sinktest.HTTPSuite{Serve: func(t *testing.T, _ http.ResponseWriter, _ *http.Request, body []byte) []string {
		t.Errorf("sent %s", body)
		return nil
	}})
	sink, err := sms.Type().Open(t.Context(), settings(t, sms.Settings{URL: far.URL, To: "{{ to }}", Text: "{{ text }}", Longest: 5}), sinktest.Env(t, &sinktest.Line{}))
	if err != nil {
		t.Fatal(err)
	}
	for payload, want := range map[string]string{
		`{"to":"0151 1","text":"x"}`:           "no phone number",
		`{"to":"","text":"x"}`:                 "no recipient",
		`{"to":"+4915112345","text":" "}`:      "text is empty",
		`{"to":"+4915112345","text":"ähäähä"}`: "6 characters",
		`{"text":"x"}`:                         "there is no variable to",
	} {
		r := sink.Send(t.Context(), []destination.Message{{ID: "m", Payload: json.RawMessage(payload)}})[0]
		if r.Outcome != destination.Refused || !strings.Contains(r.Reason, want) {
			t.Errorf("%s: %+v", payload, r)
		}
	}
}

func TestOpen_NamesTheSettingThatIsWrong(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(*sms.Settings){
		"/settings/fields":  func(s *sms.Settings) { s.Fields = map[string]string{"body": "x"} },
		"/settings/text":    func(s *sms.Settings) { s.Text = "{{" },
		"/settings/channel": func(s *sms.Settings) { s.Channel = "fax" },
		"/settings/url":     func(s *sms.Settings) { s.URL = "gateway" },
	} {
		s := sms.Settings{URL: "https://a.example", To: "x", Text: "y"}
		change(&s)
		_, err := sms.Type().Open(t.Context(), settings(t, s), destination.Env{})
		var f *fault.Fault
		if !errors.As(err, &f) || f.Field != field {
			t.Errorf("%s: %v", field, fmt.Sprint(err))
		}
	}
}
