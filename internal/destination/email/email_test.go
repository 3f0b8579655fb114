package email_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"rapport/internal/destination"
	"rapport/internal/destination/email"
	"rapport/internal/destination/sinktest"
	"rapport/internal/fault"
	"rapport/internal/message/link"
)

const password = "a secret password"

// server is an SMTP server that keeps what it gets.
type server struct {
	mu    sync.Mutex
	mails [][]byte
	port  int
	ca    string
	fail  func(to string) error
	login bool
}

type session struct {
	s  *server
	in bool
}

func (s *server) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{s: s}, nil }

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, pass string) error {
		if user != "shop" || pass != password {
			return &smtp.SMTPError{Code: 535, Message: "wrong password " + pass}
		}
		s.in = true
		return nil
	}), nil
}

func (s *session) Mail(string, *smtp.MailOptions) error {
	if s.s.login && !s.in {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.s.fail != nil {
		return s.s.fail(to)
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.s.mu.Lock()
	s.s.mails = append(s.s.mails, b)
	s.s.mu.Unlock()
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func (s *server) all() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([][]byte(nil), s.mails...)
}

func start(t *testing.T, security string, login bool) *server {
	t.Helper()
	s := &server{login: login}
	config := s.certificate(t)
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	far := smtp.NewServer(s)
	far.Domain, far.AllowInsecureAuth = "mail.example", security == "none"
	far.ErrorLog = quiet{}
	switch security {
	case "tls":
		l = tls.NewListener(l, config)
	case "starttls":
		far.TLSConfig = config
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = far.Serve(l) // it ends with the test
	}()
	t.Cleanup(func() { _ = far.Close(); <-done })
	return s
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func (s *server) certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	s.ca = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func (s *server) settings(security string) email.Settings {
	return email.Settings{
		Host: "127.0.0.1", Port: s.port, Security: security, CA: s.ca, From: "Der Shop Ä <news@shop.example>",
		To: "{{ to | default: 'ada@example.com' }}", Subject: "Hello {{ name }}", Lenient: true,
		HTML: `<html><body><p>Hello {{ name }}, <a href="https://shop.example/x?a=1&amp;b={{ name }}">look</a> <a href="{{ unsubscribe_url }}">leave</a></p></body></html>`,
	}
}

func encode(t *testing.T, s email.Settings) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// got is a mail as a client reads it.
type got struct {
	mail.Header
	html, text string
}

func read(t *testing.T, raw []byte) got {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	out := got{Header: m.Header}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if kind == "text/plain" {
		b, err := io.ReadAll(quotedprintable.NewReader(m.Body))
		if err != nil {
			t.Fatal(err)
		}
		out.text = string(b)
		return out
	}
	r := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := r.NextPart() // which decodes quoted-printable
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%v: %s", err, raw)
		}
		b, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
			out.html = string(b)
		} else {
			out.text = string(b)
		}
	}
}

func TestEmail_PassesTheSuite(t *testing.T) {
	t.Parallel()
	for _, security := range []string{"starttls", "tls", "none"} {
		t.Run(security, func(t *testing.T) {
			t.Parallel()
			s := start(t, security, true)
			settings := s.settings(security)
			settings.User, settings.Password = "shop", password
			settings.Subject = "{{ message.id }}"
			sinktest.Run(t, sinktest.Suite{
				Type: email.Type(), Settings: encode(t, settings), Secrets: []string{password},
				Received: func() (ids []string) {
					for _, raw := range s.all() {
						ids = append(ids, read(t, raw).Get("Subject"))
					}
					return ids
				},
			})
		})
	}
}

func open(t *testing.T, s email.Settings) destination.Sink {
	t.Helper()
	env := sinktest.Env(t, &sinktest.Line{})
	env.Key, env.Purpose, env.Channel = "newsletter", "marketing", "email"
	sink, err := email.Type().Open(t.Context(), encode(t, s), env)
	if err != nil {
		t.Fatal(err)
	}
	return sink
}

func one(id, payload string) []destination.Message {
	return []destination.Message{{ID: id, Kind: destination.Event, Person: "p", Time: sinktest.At, Payload: json.RawMessage(payload)}}
}

func TestEmail_WritesAMail(t *testing.T) {
	t.Parallel()
	s := start(t, "none", false)
	settings := s.settings("none")
	settings.TrackClicks, settings.TrackOpens, settings.ReplyTo = true, true, "help@shop.example"
	sink := open(t, settings)
	for range 2 {
		if r := sink.Send(t.Context(), one("m1", `{"name":"Zoë <b>","to":"Ada <ada@example.com>"}`))[0]; r.Outcome != destination.Delivered {
			t.Fatalf("%+v", r)
		}
	}
	mails := s.all()
	if !bytes.Equal(mails[0], mails[1]) {
		t.Errorf("the second attempt is\n%s\nand not\n%s", mails[1], mails[0])
	}
	m := read(t, mails[0])
	subject, _ := new(mime.WordDecoder).DecodeHeader(m.Get("Subject"))
	from, err := m.AddressList("From")
	if err != nil || subject != "Hello Zoë <b>" || from[0].Name != "Der Shop Ä" || m.Get("To") != `"Ada" <ada@example.com>` || m.Get("Reply-To") != "<help@shop.example>" {
		t.Errorf("headers %v", m.Header)
	}
	links, err := link.New("https://cdp.example.com", []byte("a secret for links of tests"))
	if err != nil {
		t.Fatal(err)
	}
	follow := func(address string) link.Link {
		t.Helper()
		token, ok := strings.CutPrefix(address, "https://cdp.example.com/t/")
		l, err := links.Read(token)
		if !ok || err != nil {
			t.Fatalf("%q is no link of ours: %v", address, err)
		}
		return l
	}
	leave := m.Get("List-Unsubscribe")
	want := link.Link{Action: link.Unsubscribe, Destination: "newsletter", Message: "m1", Namespace: "email", Identifier: "ada@example.com", Channel: "email", Purpose: "marketing"}
	if l := follow(strings.Trim(leave, "<>")); l != want || m.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" {
		t.Errorf("unsubscribe %+v, %q", l, m.Get("List-Unsubscribe-Post"))
	}
	between := func(s, a, b string) string { _, s, _ = strings.Cut(s, a); s, _, _ = strings.Cut(s, b); return s }
	want.Action, want.Target = link.Click, "https://shop.example/x?a=1&b=Zo%C3%AB%20%3Cb%3E"
	if l := follow(between(m.html, `<a href="`, `"`)); l != want {
		t.Errorf("click %+v", l)
	}
	want.Action, want.Target = link.Open, ""
	if l := follow(between(m.html, `<img src="`, `"`)); l != want {
		t.Errorf("open %+v", l)
	}
	if !strings.Contains(m.html, "Hello Zoë &lt;b&gt;,") || !strings.Contains(m.html, strings.Trim(leave, "<>")+`">leave`) {
		t.Errorf("HTML %s", m.html)
	}
	if !strings.HasPrefix(m.text, "Hello Zoë <b>, look (https://shop.example/x?a=1&b=Zo%C3%AB%20%3Cb%3E) leave (https://cdp.example.com/t/") {
		t.Errorf("text %s", m.text)
	}
}

func TestEmail_TellsWhatTheServerMeans(t *testing.T) {
	t.Parallel()
	s := start(t, "none", false)
	s.fail = func(to string) error {
		switch to {
		case "gone@example.com":
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
		case "later@example.com":
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 2, 0}, Message: "greylisted"}
		}
		return nil
	}
	sink := open(t, s.settings("none"))
	var batch []destination.Message
	tos := []string{"a@example.com", "gone@example.com", "later@example.com", "nonsense", "", "b@example.com"}
	for i, to := range tos {
		batch = append(batch, one(fmt.Sprint(i), fmt.Sprintf(`{"to":%q}`, to))...)
	}
	batch[4].Payload = json.RawMessage(`{"to":" "}`)
	var outcomes []string
	for _, r := range sink.Send(t.Context(), batch) {
		outcomes = append(outcomes, fmt.Sprintf("%s %d", r.Outcome, r.Status))
	}
	if got := strings.Join(outcomes, ", "); got != "delivered 250, refused 550, retry 451, refused 0, refused 0, delivered 250" {
		t.Errorf("outcomes %s", got)
	}
}

func TestEmail_WaitsWhenTheServerDoesNotLetItIn(t *testing.T) {
	t.Parallel()
	s := start(t, "starttls", true)
	settings := s.settings("starttls")
	settings.User, settings.Password = "shop", "a wrong password"
	r := open(t, settings).Send(t.Context(), one("m", `{}`))[0]
	if r.Outcome != destination.Retry || !strings.Contains(r.Reason, "password") || strings.Contains(string(r.Answer), "wrong password a wrong") {
		t.Errorf("%+v", r)
	}
	// No certificate of an authority that is known: nothing is said.
	settings.CA, settings.Password = "", password
	if r := open(t, settings).Send(t.Context(), one("m", `{}`))[0]; r.Outcome != destination.Retry || !strings.Contains(r.Reason, "certificate") {
		t.Errorf("%+v", r)
	}
	// A server without TLS gets no password.
	plain := start(t, "none", false)
	settings.Port = plain.port
	if r := open(t, settings).Send(t.Context(), one("m", `{}`))[0]; r.Outcome != destination.Retry || !strings.Contains(r.Reason, "STARTTLS") || len(plain.all()) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestEmail_NoValueBecomesAHeader(t *testing.T) {
	t.Parallel()
	s := start(t, "none", false)
	settings := s.settings("none")
	settings.HTML, settings.Text = "", "Hi {{ name }}"
	for _, name := range []string{"x\r\nBcc: evil@example.com", "x\n.\nQUIT", "\u2028Bcc: e@example.com"} {
		payload, err := json.Marshal(map[string]string{"name": name})
		if err != nil {
			t.Fatal(err)
		}
		if r := open(t, settings).Send(t.Context(), one("m", string(payload)))[0]; r.Outcome != destination.Delivered {
			t.Errorf("%q: %+v", name, r)
		}
	}
	for _, raw := range s.all() {
		if m := read(t, raw); m.Get("Bcc") != "" || !strings.HasPrefix(m.text, "Hi ") {
			t.Errorf("mail %s", raw)
		}
	}
	if n := len(s.all()); n != 3 {
		t.Errorf("%d mails", n)
	}
}

func TestOpen_NamesTheSettingThatIsWrong(t *testing.T) {
	t.Parallel()
	good := email.Settings{Host: "mail.example", From: "a@b.example", To: "x", Subject: "y", Text: "z", Unsubscribe: "no"}
	for field, change := range map[string]func(*email.Settings){
		"/settings/from":           func(s *email.Settings) { s.From = "nobody" },
		"/settings/reply_to":       func(s *email.Settings) { s.ReplyTo = "nobody" },
		"/settings/html":           func(s *email.Settings) { s.Text = "" },
		"/settings/subject":        func(s *email.Settings) { s.Subject = "{{ x" },
		"/settings/password":       func(s *email.Settings) { s.User = "u" },
		"/settings/port":           func(s *email.Settings) { s.Port = 70000 },
		"/settings/ca_certificate": func(s *email.Settings) { s.CA = "none" },
		"/settings/track_opens":    func(s *email.Settings) { s.TrackClicks = true },
		"/settings/unsubscribe":    func(s *email.Settings) { s.Unsubscribe = "" },
		"/settings/security":       func(s *email.Settings) { s.Security = "maybe" },
	} {
		s := good
		change(&s)
		_, err := email.Type().Open(t.Context(), encode(t, s), destination.Env{Purpose: map[bool]string{true: "marketing"}[field == "/settings/unsubscribe"]})
		var f *fault.Fault
		if !errors.As(err, &f) || f.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
