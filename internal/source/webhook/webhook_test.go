package webhook_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // as Mailchimp signs
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/dialect/segment"
	"rapport/internal/event/hook"
	"rapport/internal/identity"
	"rapport/internal/pipeline"
	"rapport/internal/source/webhook"
)

var now = time.Date(2026, 3, 10, 12, 0, 10, 0, time.UTC)

// ledger takes what comes.
type ledger struct{ got []*pipeline.Submission }

func (l *ledger) Accept(_ context.Context, s *pipeline.Submission) (pipeline.Receipt, error) {
	l.got = append(l.got, s)
	return pipeline.Receipt{}, nil
}

func plainly(b []byte) ([]byte, error) { return b, nil }

// open makes a door with one webhook, stored and opened as the product does.
func open(t testing.TB, d hook.Definition) (*webhook.Door, *ledger) {
	t.Helper()
	if d.Source == "" {
		d.Source = "mail"
	}
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	read, err := hook.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := read.Store(plainly, nil)
	if err != nil {
		t.Fatal(err)
	}
	ready, err := hook.Open(stored, plainly)
	if err != nil {
		t.Fatal(err)
	}
	l := &ledger{}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("this machine has no time zones")
	}
	return &webhook.Door{Config: webhook.Config{
		Accept: l, Map: segment.NewMapper(identity.DefaultRules()), Dialect: segment.Dialect,
		Hook: func(_ context.Context, key string) (*hook.Hook, error) {
			if key != "h" {
				return nil, nil
			}
			return ready, nil
		},
		Source: func(key string) (webhook.Source, bool) { return webhook.Source{Key: key, Zone: berlin}, true },
		Rules:  func() int { return 1 }, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
	}}, l
}

func send(t testing.TB, d *webhook.Door, body string, headers ...string) (webhook.Taken, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/h?secret=q-secret", strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	taken, _, err := d.Receive(r, "h", []byte(body))
	return taken, err
}

func sign(key, text string) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

const mapping = `{type: "track", event: body.kind, userId: body.user, properties: {n: body.n}}`

func TestReceive_ChecksWhoSent(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"kind":"Ticket Opened","user":"ann","n":1}`
	stamp, old := strconv.FormatInt(now.Unix(), 10), strconv.FormatInt(now.Unix()-3600, 10)
	elliptical := func(at string) string {
		sum := sha256.Sum256([]byte(at + body))
		sig, err := ecdsa.SignASN1(rand.Reader, private, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(sig)
	}
	standard := func(at string) string {
		return "v1,AAAA v1," + base64.StdEncoding.EncodeToString(sign("0123456789abcdef", "msg-1."+at+"."+body))
	}
	const twilio = "X-Twilio-Email-Event-Webhook-"
	for name, c := range map[string]struct {
		verify hook.Verify
		good   []string
		bad    [][]string
	}{
		"token in a header": {hook.Verify{Kind: "token", Secret: "s3"}, []string{"Authorization", "Bearer s3"}, [][]string{{}, {"Authorization", "s4"}}},
		"token in another":  {hook.Verify{Kind: "token", Secret: "s3", Header: "X-Token"}, []string{"X-Token", "s3"}, [][]string{{"Authorization", "s3"}}},
		"token in query":    {hook.Verify{Kind: "token", Secret: "q-secret", Query: "secret"}, nil, nil},
		"basic": {
			hook.Verify{Kind: "basic", User: "u", Secret: "p"},
			[]string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("u:p"))},
			[][]string{{}, {"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("u:x"))}},
		},
		"hmac": {
			hook.Verify{Kind: "hmac", Secret: "k", Header: "X-Hub-Signature-256", Prefix: "sha256="},
			[]string{"X-Hub-Signature-256", "sha256=" + hex.EncodeToString(sign("k", body))},
			[][]string{{}, {"X-Hub-Signature-256", hex.EncodeToString(sign("k", body))}, {"X-Hub-Signature-256", "sha256=" + hex.EncodeToString(sign("l", body))}},
		},
		"hmac with time": {
			hook.Verify{Kind: "hmac", Secret: "k", Encoding: "base64", TimestampHeader: "X-At"},
			[]string{"X-Signature", base64.StdEncoding.EncodeToString(sign("k", stamp+"."+body)), "X-At", stamp},
			[][]string{{"X-Signature", base64.StdEncoding.EncodeToString(sign("k", old+"."+body)), "X-At", old}, {"X-Signature", base64.StdEncoding.EncodeToString(sign("k", "."+body))}},
		},
		"standard webhooks": {
			hook.Verify{Kind: "standard", Secret: "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef"))},
			[]string{"webhook-id", "msg-1", "webhook-timestamp", stamp, "webhook-signature", standard(stamp)},
			[][]string{
				{"webhook-id", "msg-2", "webhook-timestamp", stamp, "webhook-signature", standard(stamp)},
				{"webhook-id", "msg-1", "webhook-timestamp", old, "webhook-signature", standard(old)},
				{},
			},
		},
		"ecdsa": {
			hook.Verify{Kind: "ecdsa", Secret: base64.StdEncoding.EncodeToString(der)},
			[]string{twilio + "Timestamp", stamp, twilio + "Signature", elliptical(stamp)},
			[][]string{{twilio + "Timestamp", stamp, twilio + "Signature", "AAAA"}, {twilio + "Timestamp", old, twilio + "Signature", elliptical(old)}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, l := open(t, hook.Definition{Mapping: mapping, Verify: c.verify})
			if taken, err := send(t, d, body, c.good...); err != nil || taken.Events != 1 {
				t.Errorf("a good signature: %+v, %v", taken, err)
			}
			for _, headers := range c.bad {
				if _, err := send(t, d, body, headers...); err == nil {
					t.Errorf("taken with %v", headers)
				}
			}
			if len(l.got) != 1 || !l.got[0].Events[0].Event.Verified {
				t.Errorf("%d requests were handed over", len(l.got))
			}
		})
	}
}

func TestReceive_ChecksWhatProvidersSignTheirOwnWay(t *testing.T) {
	t.Parallel()
	stamp := strconv.FormatInt(now.Unix(), 10)
	gun := fmt.Sprintf(`{"signature":{"timestamp":%q,"token":"tok","signature":%q},"event-data":{"event":"opened","recipient":"ann@example.org","id":"e1","timestamp":%s.5}}`,
		stamp, hex.EncodeToString(sign("k", stamp+"tok")), stamp)
	d, _ := open(t, hook.Definition{Provider: "mailgun", Verify: hook.Verify{Kind: "mailgun", Secret: "k"}})
	if taken, err := send(t, d, gun); err != nil || taken.Events != 1 {
		t.Errorf("mailgun: %+v, %v", taken, err)
	}
	if _, err := send(t, d, strings.Replace(gun, `"tok"`, `"other"`, 1)); err == nil {
		t.Error("mailgun: a forged report was taken")
	}
	form := url.Values{"mandrill_events": {`[{"event":"click","ts":1773144000,"_id":"m1","url":"https://x/","msg":{"email":"ann@example.org","_id":"m1"}}]`}}.Encode()
	values, _ := url.ParseQuery(form)
	mac := hmac.New(sha1.New, []byte("k"))
	mac.Write([]byte("https://me/webhooks/h" + "mandrill_events" + values.Get("mandrill_events")))
	d, _ = open(t, hook.Definition{Provider: "mailchimp", Verify: hook.Verify{Kind: "mailchimp", Secret: "k", URL: "https://me/webhooks/h"}})
	sig := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if taken, err := send(t, d, form, "X-Mandrill-Signature", sig, "Content-Type", "application/x-www-form-urlencoded"); err != nil || taken.Events != 1 {
		t.Errorf("mailchimp: %+v, %v", taken, err)
	}
	if _, err := send(t, d, form+"&x=1", "X-Mandrill-Signature", sig); err == nil {
		t.Error("mailchimp: a changed form was taken")
	}
}

func TestReceive_ReadsTheReportsOfProviders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		provider, body string
		want           []string // event, address, bounce
	}{
		"sendgrid": {
			"sendgrid", `[{"email":"a@example.org","timestamp":1773144000,"event":"delivered","sg_event_id":"1","sg_message_id":"m"},
			{"email":"b@example.org","timestamp":1773144000,"event":"bounce","type":"bounce","sg_event_id":"2","reason":"550 no"},
			{"email":"c@example.org","timestamp":1773144000,"event":"bounce","type":"blocked","sg_event_id":"3"},
			{"email":"d@example.org","timestamp":1773144000,"event":"spamreport","sg_event_id":"4"},
			{"email":"e@example.org","timestamp":1773144000,"event":"open","sg_event_id":"5"},
			{"email":"f@example.org","timestamp":1773144000,"event":"click","url":"https://x/","sg_event_id":"6"},
			{"email":"g@example.org","timestamp":1773144000,"event":"group_unsubscribe","sg_event_id":"7"},
			{"email":"h@example.org","timestamp":1773144000,"event":"something_new","sg_event_id":"8"}]`,
			[]string{"Email Delivered a", "Email Bounced b hard", "Email Bounced c soft", "Email Marked as Spam d", "Email Opened e", "Email Link Clicked f", "Unsubscribed g"},
		},
		"mailgun":         {"mailgun", `{"event-data":{"event":"failed","severity":"permanent","recipient":"a@example.org","id":"1","timestamp":1773144000.1,"delivery-status":{"message":"no such user"}}}`, []string{"Email Bounced a hard"}},
		"mailgun later":   {"mailgun", `{"event-data":{"event":"failed","severity":"temporary","recipient":"a@example.org","id":"1","timestamp":1773144000.1}}`, []string{"Email Deferred a"}},
		"postmark bounce": {"postmark", `{"RecordType":"Bounce","Type":"HardBounce","Email":"a@example.org","MessageID":"m","BouncedAt":"2026-03-10T11:00:00.1234567-05:00","Description":"gone"}`, []string{"Email Bounced a hard"}},
		"postmark click":  {"postmark", `{"RecordType":"Click","Recipient":"a@example.org","MessageID":"m","ReceivedAt":"2026-03-10T11:00:00Z","OriginalLink":"https://x/"}`, []string{"Email Link Clicked a"}},
		"postmark stop":   {"postmark", `{"RecordType":"SubscriptionChange","Recipient":"a@example.org","MessageID":"m","SuppressSending":true,"ChangedAt":"2026-03-10T11:00:00Z"}`, []string{"Unsubscribed a"}},
		"ses by sns": {
			"ses", `{"Type":"Notification","Message":"{\"notificationType\":\"Bounce\",\"bounce\":{\"bounceType\":\"Permanent\",\"bouncedRecipients\":[{\"emailAddress\":\"a@example.org\",\"diagnosticCode\":\"smtp; 550\"},{\"emailAddress\":\"b@example.org\"}],\"timestamp\":\"2026-03-10T11:00:00.000Z\"},\"mail\":{\"messageId\":\"m\",\"destination\":[\"a@example.org\"]}}"}`,
			[]string{"Email Bounced a hard", "Email Bounced b hard"},
		},
		"ses itself":            {"ses", `{"eventType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"a@example.org"}],"timestamp":"2026-03-10T11:00:00.000Z"},"mail":{"messageId":"m","destination":["a@example.org"]}}`, []string{"Email Marked as Spam a"}},
		"ses delay":             {"ses", `{"eventType":"DeliveryDelay","deliveryDelay":{"delayType":"MailboxFull","delayedRecipients":[{"emailAddress":"b@example.org","diagnosticCode":"smtp; 452"}],"timestamp":"2026-03-10T11:00:00.000Z"},"mail":{"messageId":"m","destination":["a@example.org","b@example.org"]}}`, []string{"Email Deferred b"}},
		"ses stop":              {"ses", `{"eventType":"Subscription","subscription":{"contactList":"news","timestamp":"2026-03-10T11:00:00.000Z","newTopicPreferences":{"unsubscribeAll":true}},"mail":{"messageId":"m","destination":["a@example.org"]}}`, []string{"Unsubscribed a"}},
		"ses by sns, of itself": {"ses", `{"Type":"Notification","Message":"Successfully validated SNS topic for Amazon SES event publishing."}`, []string{}},
		"sns of its end":        {"ses", `{"Type":"UnsubscribeConfirmation","Message":"You have chosen to deactivate subscription arn:x.","SubscribeURL":"https://sns/"}`, []string{}},
		"ses, of its topic":     {"ses", `{"Type":"Notification","Message":"{\"notificationType\":\"AmazonSnsSubscriptionSucceeded\",\"message\":\"x\"}"}`, []string{}},
		"mailgun refused":       {"mailgun", `{"event-data":{"event":"rejected","recipient":"a@example.org","id":"1","timestamp":1773144000.1,"reject":{"reason":"x"}}}`, []string{"Email Dropped a"}},
		"postmark out of house": {"postmark", `{"RecordType":"Bounce","Type":"AutoResponder","Email":"a@example.org","MessageID":"m","BouncedAt":"2026-03-10T11:00:00Z"}`, []string{}},
		"postmark again": {
			"postmark", `[{"RecordType":"Bounce","Type":"Transient","Email":"a@example.org","MessageID":"m","BouncedAt":"2026-03-10T11:00:00Z"},{"RecordType":"SubscriptionChange","Recipient":"b@example.org","MessageID":"m","SuppressSending":true,"SuppressionReason":"HardBounce","ChangedAt":"2026-03-10T11:00:00Z"}]`,
			[]string{"Email Deferred a", "Email Bounced b hard"},
		},
		"brevo complaint": {"brevo", `{"event":"complaint","email":"a@example.org","ts_event":1773144000,"message-id":"m"}`, []string{"Email Marked as Spam a"}},
		"ses topic":       {"ses", `{"eventType":"Subscription","subscription":{"contactList":"news","timestamp":"2026-03-10T11:00:00.000Z","newTopicPreferences":{"unsubscribeAll":false,"topicSubscriptionStatus":[{"topicName":"a","subscriptionStatus":"OptIn"}]}},"mail":{"messageId":"m","destination":["a@example.org"]}}`, nil},
		"sparkpost": {
			"sparkpost", `[{"msys":{"message_event":{"type":"bounce","bounce_class":"10","rcpt_to":"a@example.org","timestamp":"1773144000","event_id":"1","message_id":"m"}}},{"msys":{"track_event":{"type":"click","rcpt_to":"b@example.org","timestamp":"1773144000","event_id":"2","target_link_url":"https://x/"}}},{"msys":{}}]`,
			[]string{"Email Bounced a hard", "Email Link Clicked b"},
		},
		"brevo":   {"brevo", `{"event":"hard_bounce","email":"a@example.org","ts_epoch":1773144000123,"message-id":"m","reason":"no"}`, []string{"Email Bounced a hard"}},
		"mailjet": {"mailjet", `[{"event":"open","time":1773144000,"MessageID":19421777835146490,"email":"a@example.org"},{"event":"bounce","time":1773144000,"MessageID":1,"email":"b@example.org","hard_bounce":true}]`, []string{"Email Opened a", "Email Bounced b hard"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, l := open(t, hook.Definition{Provider: c.provider, Verify: hook.Verify{Kind: "none"}})
			if _, err := send(t, d, c.body); err != nil {
				t.Fatal(err)
			}
			if len(c.want) == 0 {
				if len(l.got[0].Dead) > 0 {
					t.Errorf("%s is a dead letter", l.got[0].Dead[0].Message)
				}
				if len(l.got) > 0 && len(l.got[0].Events) > 0 {
					t.Errorf("%v was taken", l.got[0].Events)
				}
				return
			}
			var got []string
			ids := map[string]bool{}
			for _, a := range l.got[0].Events {
				e := a.Event
				who, _, _ := strings.Cut(e.Anchor().Value, "@")
				got = append(got, strings.TrimSpace(e.Name+" "+who+" "+e.Properties.Get("bounce_type").Text()))
				if e.Channel != "email" || e.Time == 0 || e.Time > clock.From(now) || ids[e.MessageID] {
					t.Errorf("%s: channel %q, time %v, id %q", e.Name, e.Channel, e.Time, e.MessageID)
				}
				ids[e.MessageID] = true
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
			// A report that is sent again has the message ids that it had.
			if _, err := send(t, d, c.body); err != nil {
				t.Fatal(err)
			}
			for _, a := range l.got[1].Events {
				if !ids[a.Event.MessageID] {
					t.Errorf("%q is new the second time", a.Event.MessageID)
				}
			}
		})
	}
}

func TestReceive_MapsBodiesByExpression(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mapping, body string
		taken         webhook.Taken
		dead          string
		rejected      string
	}{
		"one":      {mapping, `{"kind":"A","user":"ann"}`, webhook.Taken{Events: 1}, "", ""},
		"many":     {`for x in body.rows return {type: "track", event: "Row", userId: x.id, timestamp: "2026-03-10T09:00:00"}`, `{"rows":[{"id":"a"},{"id":"b"}]}`, webhook.Taken{Events: 2}, "", ""},
		"none":     {`if body.kind = "A" then {type: "track", event: "A", userId: "a"} else null`, `{"kind":"B"}`, webhook.Taken{}, "", ""},
		"nobody":   {mapping, `{"kind":"A"}`, webhook.Taken{Failed: 1}, "missing_identifier", ""},
		"a number": {`body.n`, `{"n":1}`, webhook.Taken{Failed: 1}, "unmappable", ""},
		"no JSON":  {mapping, `{`, webhook.Taken{}, "", "invalid_json"},
		"header":   {`{type: "track", event: headers.x_kind, userId: query.secret}`, `{}`, webhook.Taken{Failed: 1}, "missing_event_name", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, l := open(t, hook.Definition{Mapping: c.mapping, Verify: hook.Verify{Kind: "none"}})
			taken, err := send(t, d, c.body)
			if (err != nil) != (c.rejected != "") || taken != c.taken {
				t.Fatalf("%+v, %v", taken, err)
			}
			s := l.got[0]
			if c.dead != "" && (len(s.Dead) != 1 || s.Dead[0].Reason != c.dead) {
				t.Errorf("dead letters: %+v", s.Dead)
			}
			if c.rejected != "" && (len(s.Rejected) != 1 || s.Rejected[0].Reason != c.rejected) {
				t.Errorf("rejected: %+v", s.Rejected)
			}
			if name == "many" && s.Events[0].Event.Time.String() != "2026-03-10T08:00:00.000Z" {
				t.Errorf("nine in Berlin is %s", s.Events[0].Event.Time)
			}
			for _, a := range s.Events {
				if a.Event.Verified {
					t.Error("who may be anybody vouches for identifiers")
				}
			}
		})
	}
}

// What proves who sends is in no dead letter, whichever way the webhook asks for it.
func TestReceive_KeepsNoProofOfWhoSent(t *testing.T) {
	t.Parallel()
	const body = `{}`
	stamp := strconv.FormatInt(now.Unix(), 10)
	hexed := hex.EncodeToString(sign("s3-secret", body))
	encoded := base64.StdEncoding.EncodeToString(sign("0123456789abcdef", "msg-1."+stamp+"."+body))
	for name, c := range map[string]struct {
		verify  hook.Verify
		headers []string
	}{
		"token":             {hook.Verify{Kind: "token", Secret: "s3-secret", Header: "X-Token"}, []string{"X-Token", "s3-secret"}},
		"hmac, a header":    {hook.Verify{Kind: "hmac", Secret: "s3-secret", Header: "X-Hub-Signature-256"}, []string{"X-Hub-Signature-256", hexed}},
		"hmac, the usual":   {hook.Verify{Kind: "hmac", Secret: "s3-secret"}, []string{"X-Signature", hexed}},
		"standard webhooks": {hook.Verify{Kind: "standard", Secret: "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef"))}, []string{"webhook-id", "msg-1", "webhook-timestamp", stamp, "webhook-signature", "v1," + encoded}},
		"nothing":           {hook.Verify{Kind: "none"}, []string{"X-Twilio-Email-Event-Webhook-Signature", hexed, "Proxy-Authorization", "Basic s3-secret", "Cookie", "s3-secret", "Authorization", "s3-secret"}},
	} {
		d, l := open(t, hook.Definition{Mapping: mapping, Verify: c.verify})
		if taken, err := send(t, d, body, append(c.headers, "X-Shop", "graz")...); err != nil || taken.Failed != 1 {
			t.Errorf("%s: %+v, %v", name, taken, err)
			continue
		}
		kept := string(l.got[0].Dead[0].Envelope.Shared)
		if strings.Contains(kept, "s3-secret") || strings.Contains(kept, hexed) || strings.Contains(kept, encoded) || !strings.Contains(kept, `"x-shop":"graz"`) {
			t.Errorf("%s: kept %s", name, kept)
		}
	}
}

func TestHook_MasksAndKeepsItsSecret(t *testing.T) {
	t.Parallel()
	read := func(text string) *hook.Hook {
		h, err := hook.Read([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	first, err := read(`{"source":"s","mapping":"null","verify":{"kind":"token","secret":"open sesame"}}`).Store(func(b []byte) ([]byte, error) { return []byte("sealed"), nil }, nil)
	if err != nil || strings.Contains(string(first), "sesame") {
		t.Fatalf("%s, %v", first, err)
	}
	shown, err := read(string(first)).Shown()
	if err != nil || !strings.Contains(string(shown), hook.Mask) || strings.Contains(string(shown), "sealed") {
		t.Errorf("%s, %v", shown, err)
	}
	again, err := read(string(shown)).Store(plainly, read(string(first)))
	if err != nil || string(again) != string(first) {
		t.Errorf("sent back it is %s, %v", again, err)
	}
	if _, err := read(string(shown)).Store(plainly, nil); err == nil {
		t.Error("a mask was taken for a secret")
	}
	for _, text := range []string{
		`{"source":"s","verify":{"kind":"none"}}`, `{"source":"s","provider":"x","verify":{"kind":"none"}}`, `{"source":"s","mapping":"1 +","verify":{"kind":"none"}}`,
		`{"source":"s","mapping":"null","verify":{"kind":"token"}}`, `{"source":"s","mapping":"null","verify":{"kind":"ecdsa","secret":"x"}}`, `{"mapping":"null","verify":{"kind":"none"}}`,
		`{"source":"s","mapping":"unknown thing","verify":{"kind":"none"}}`,
	} {
		if _, err := hook.Read([]byte(text)); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}

func FuzzReports(f *testing.F) {
	for _, p := range hook.Providers() {
		f.Add(p, `[{"event":"open","email":"a@example.org","timestamp":1e400,"msys":{"x":{}},"RecordType":"Open","event-data":{},"Message":"{}"}]`)
	}
	f.Fuzz(func(t *testing.T, provider, body string) {
		text, err := json.Marshal(hook.Definition{Source: "s", Provider: provider, Verify: hook.Verify{Kind: "none"}})
		if err != nil {
			t.Skip()
		}
		h, err := hook.Read(text)
		if err != nil {
			return
		}
		if _, err := webhook.Try(h, []byte(body), clock.From(now)); err != nil && err.Error() == "" {
			t.Fatal("an error says nothing")
		}
	})
}
