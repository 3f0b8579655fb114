package app_test

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/mail"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// postbox is an SMTP server that hands on what it gets.
type postbox struct{ mails chan []byte }

func (p postbox) NewSession(*smtp.Conn) (smtp.Session, error) { return p, nil }

func (postbox) Mail(string, *smtp.MailOptions) error { return nil }
func (postbox) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (postbox) Reset()                               {}
func (postbox) Logout() error                        { return nil }

func (p postbox) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	p.mails <- b
	return err
}

// next is the HTML of the next mail, with its headers.
func (p postbox) next(t *testing.T) (mail.Header, string) {
	t.Helper()
	select {
	case raw := <-p.mails:
		m, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		parts, html := multipart.NewReader(m.Body, params["boundary"]), ""
		for {
			part, err := parts.NextPart()
			if err != nil {
				return m.Header, html
			}
			b, err := io.ReadAll(part)
			if err != nil {
				t.Fatal(err)
			}
			html = string(b) // that of HTML is the last
		}
	case <-time.After(20 * time.Second):
		t.Fatal("no mail comes")
	}
	return nil, ""
}

func newPostbox(t *testing.T) (postbox, int) {
	t.Helper()
	p := postbox{make(chan []byte, 100)}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	far := smtp.NewServer(p)
	far.Domain = "mail.example"
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = far.Serve(l) // it ends with the test
	}()
	t.Cleanup(func() { _ = far.Close(); <-done })
	return p, l.Addr().(*net.TCPAddr).Port
}

// A mail is sent, read, clicked and left; all of it is in the person's timeline,
// and the next mail is not sent.
func TestEmail_WhatBecomesOfAMailFlowsBack(t *testing.T) {
	t.Parallel()
	box, port := newPostbox(t)
	c := settings(t, t.TempDir())
	c.Egress.Allow, c.HTTP.PublicURL = "127.0.0.1", "https://cdp.example.com"
	a := open(t, c)
	api(t, a, "PUT", "/consent-policy?wait=applied", `{"purposes":[{"key":"marketing","name":"Offers","basis":"opt_out"}]}`, 201)
	document := fmt.Sprintf(`{"type":"email","settings":{"host":"127.0.0.1","port":%d,"security":"none","from":"Shop <news@shop.example>","to":"{{ identifiers.email }}",
		"subject":"Thanks, {{ person.traits.first_name }}","html":"<body><a href=\"https://shop.example/{{ event.properties.order }}\">look</a></body>","track_opens":true,"track_clicks":true},
		"events":{"names":["Order Completed"]},"traits":["first_name"]`, port)
	if text := fmt.Sprint(api(t, a, "PUT", "/destinations/thanks?wait=applied", document+"}", 400)); !strings.Contains(text, "consent") {
		t.Errorf("without a purpose: %s", text)
	}
	api(t, a, "PUT", "/destinations/thanks?wait=applied", document+`,"consent":{"purpose":"marketing","channel":"email"}}`, 201)
	buy := func(i int) {
		t.Helper()
		body := fmt.Sprintf(`{"userId":"u1","event":"Order Completed","messageId":"m%d","properties":{"order":"o%d"},"context":{"traits":{"email":"ada@example.org","first_name":"Ada"}},"writeKey":%q}`, i, i, writeKey)
		if status, _, text := call(t, "POST", a.URL()+"/v1/track?wait=applied", body); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
	}
	call(t, "POST", a.URL()+"/v1/identify?wait=applied", fmt.Sprintf(`{"userId":"u1","traits":{"email":"ada@example.org","first_name":"Ada"},"writeKey":%q}`, writeKey))
	buy(1)
	head, html := box.next(t)
	if head.Get("To") != "<ada@example.org>" || head.Get("Subject") != "Thanks, Ada" || head.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" {
		t.Errorf("mail %v", head)
	}
	follow := func(method, address string) (int, http.Header) {
		t.Helper()
		path, ok := strings.CutPrefix(address, "https://cdp.example.com")
		if !ok {
			t.Fatalf("%q is no link of this server", address)
		}
		q, err := http.NewRequestWithContext(t.Context(), method, a.URL()+path, strings.NewReader(url.Values{"List-Unsubscribe": {"One-Click"}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.DefaultTransport.RoundTrip(q)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close() // only the head is of interest
		return r.StatusCode, r.Header
	}
	between := func(s, before string) string {
		_, s, _ = strings.Cut(s, before)
		s, _, _ = strings.Cut(s, `"`)
		return s
	}
	if status, h := follow("GET", between(html, `<img src="`)); status != 200 || h.Get("Content-Type") != "image/gif" {
		t.Errorf("open: %d %v", status, h)
	}
	if status, h := follow("GET", between(html, `<a href="`)); status != 302 || h.Get("Location") != "https://shop.example/o1" {
		t.Errorf("click: %d %v", status, h)
	}
	if status, _ := follow("POST", strings.Trim(head.Get("List-Unsubscribe"), "<>")); status != 200 {
		t.Errorf("unsubscribe: %d", status)
	}
	buy(2)
	var names []string
	for _, item := range api(t, a, "GET", "/profiles/user_id:u1/timeline?limit=20", "", 200)["items"].([]any) {
		names = append(names, fmt.Sprint(item.(map[string]any)["name"]))
	}
	for _, want := range []string{"Email Opened", "Email Link Clicked", "Unsubscribed"} {
		if !strings.Contains(strings.Join(names, ","), want) {
			t.Errorf("timeline %q, want %s", names, want)
		}
	}
	delivered(t, a, "thanks", "outcome=delivered", 1)
	select {
	case raw := <-box.mails:
		t.Errorf("a mail after unsubscribing: %s", raw)
	default:
	}
	if text := fmt.Sprint(api(t, a, "GET", "/profiles/user_id:u1/consent", "", 200)); !strings.Contains(text, "withdrawn") {
		t.Errorf("consent %s", text)
	}
}
