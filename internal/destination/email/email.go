// Package email writes each message as a mail and hands it to an SMTP server:
// subject, HTML and text are templates, links can be tracked, and the recipient
// can leave the list by a link and by the button of the mail client. It never
// keeps an address and never puts it where a link shows it.
package email

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"rapport/internal/destination"
	"rapport/internal/message"
	"rapport/internal/message/link"
)

// Settings are the settings of a mail.
type Settings struct {
	Host        string  `json:"host" required:"true" doc:"The SMTP server"`
	Port        int     `json:"port,omitempty" doc:"Left out: 587, with security tls 465"`
	Security    string  `json:"security,omitempty" enum:"starttls,tls,none" default:"starttls" doc:"starttls: the connection turns to TLS before anything is said; none: only for a server on your own machine"`
	CA          string  `json:"ca_certificate,omitempty" doc:"PEM of the authority that signed the server's certificate, where it is one of your own"`
	User        string  `json:"user,omitempty" doc:"Left out: the server is not told who sends"`
	Password    string  `json:"password,omitempty" secret:"true" doc:"Of the user"`
	From        string  `json:"from" required:"true" doc:"The sender, such as Shop <news@shop.example>"`
	ReplyTo     string  `json:"reply_to,omitempty" doc:"Where answers go; left out: to the sender"`
	To          string  `json:"to" required:"true" doc:"Liquid for the recipient's address, such as {{ identifiers.email }}"`
	Subject     string  `json:"subject" required:"true" doc:"Liquid"`
	HTML        string  `json:"html,omitempty" doc:"Liquid; values are escaped for their place. Left out: the mail is text only"`
	Text        string  `json:"text,omitempty" doc:"Liquid; left out: made of the HTML"`
	Unsubscribe string  `json:"unsubscribe,omitempty" enum:"yes,no" default:"yes" doc:"yes: the mail has the headers List-Unsubscribe and List-Unsubscribe-Post, and templates have unsubscribe_url; leaving withdraws what the destination asks in its consent; no: only for mails that are part of a contract, such as receipts"`
	TrackOpens  bool    `json:"track_opens,omitempty" doc:"Put an invisible image into the HTML whose loading becomes the event Email Opened"`
	TrackClicks bool    `json:"track_clicks,omitempty" doc:"Lead the links of the HTML over this server; following one becomes the event Email Link Clicked"`
	Lenient     bool    `json:"lenient,omitempty" doc:"Write nothing for a variable that is not there, instead of refusing the message"`
	Rate        float64 `json:"rate,omitempty" doc:"Mails per second at most; left out: as many as there are"`
}

// Type is the register's entry.
func Type() destination.Type {
	return destination.Type{
		Name: "email", Title: "E-mail",
		About:  "Sends each message as a mail over SMTP. Subject, HTML and text are templates. Opens and clicks can flow back as events; leaving the list withdraws consent.",
		Schema: destination.SchemaOf[Settings](), Open: open, Content: []string{"subject", "html", "text", "reply_to", "track_opens", "track_clicks"},
	}
}

type sink struct {
	Settings
	from, replyTo           *mail.Address
	to, subject, html, text *message.Template
	links                   *link.Maker
	env                     destination.Env
	mask                    *destination.Masker
	tls                     *tls.Config
}

func open(_ context.Context, settings json.RawMessage, env destination.Env) (destination.Sink, error) {
	s := &sink{env: env}
	if err := destination.Decode(settings, &s.Settings); err != nil {
		return nil, err
	}
	s.links = env.Links
	if s.links == nil && (s.TrackOpens || s.TrackClicks) {
		return nil, destination.Invalid("track_opens", "links cannot be tracked: set http.public_url, the address under which recipients reach this server")
	}
	if s.Unsubscribe == "yes" && env.Purpose == "" {
		return nil, destination.Invalid("unsubscribe", "leaving would change nothing: say in the destination's consent which purpose these mails have, or give unsubscribe no for mails that nobody can leave")
	}
	if s.Unsubscribe == "yes" && s.links == nil {
		return nil, destination.Invalid("unsubscribe", "recipients could not unsubscribe: set http.public_url, the address under which they reach this server, or give unsubscribe no for mails that nobody can leave")
	}
	for _, check := range []func() error{s.checkServer, s.checkPeople, s.compile} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	s.mask = destination.NewMasker(s.Password)
	return s, nil
}

func (s *sink) checkServer() error {
	if s.Port == 0 {
		s.Port = map[bool]int{true: 465, false: 587}[s.Security == "tls"]
	}
	s.tls = &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12}
	switch {
	case s.Port < 1 || s.Port > 65535:
		return destination.Invalid("port", "port %d: give 1 to 65535", s.Port)
	case strings.ContainsAny(s.Host, "/@ \r\n"):
		return destination.Invalid("host", "host %q is no host name", s.Host)
	case s.User != "" && s.Password == "":
		return destination.Invalid("password", "password is missing: the user has one")
	case s.Rate < 0:
		return destination.Invalid("rate", "rate %v: give a number above 0", s.Rate)
	case s.CA != "":
		s.tls.RootCAs = x509.NewCertPool()
		if !s.tls.RootCAs.AppendCertsFromPEM([]byte(s.CA)) {
			return destination.Invalid("ca_certificate", "ca_certificate holds no certificate in PEM")
		}
	}
	return nil
}

func (s *sink) checkPeople() (err error) {
	if s.from, err = mail.ParseAddress(s.From); err != nil {
		return destination.Invalid("from", "from %q is no address such as Shop <news@shop.example>", s.From)
	}
	if s.ReplyTo == "" {
		return nil
	}
	if s.replyTo, err = mail.ParseAddress(s.ReplyTo); err != nil {
		return destination.Invalid("reply_to", "reply_to %q is no address", s.ReplyTo)
	}
	return nil
}

func (s *sink) compile() (err error) {
	if s.HTML == "" && s.Text == "" {
		return destination.Invalid("html", "html and text are missing: give one of them")
	}
	for _, part := range []struct {
		name, source string
		format       message.Format
		into         **message.Template
	}{
		{"to", s.To, message.Line, &s.to},
		{"subject", s.Subject, message.Line, &s.subject},
		{"html", s.HTML, message.HTML, &s.html},
		{"text", s.Text, message.Text, &s.text},
	} {
		if part.source == "" {
			continue
		}
		if *part.into, err = destination.Template(part.name, part.source, part.format); err != nil {
			return err
		}
	}
	return nil
}

func (s *sink) Limits() destination.Limits {
	return destination.Limits{Batch: 50, Bytes: 4 << 20, Concurrency: 4, Rate: s.Rate, Timeout: time.Minute}
}

func (s *sink) Close() error { return nil }

func (s *sink) Send(ctx context.Context, batch []destination.Message) []destination.Result {
	out := make([]destination.Result, len(batch))
	s.SendEach(ctx, batch, func(i int, r destination.Result) { out[i] = r })
	return out
}

// SendEach says of each mail what became of it as soon as the server answered.
func (s *sink) SendEach(ctx context.Context, batch []destination.Message, done func(i int, r destination.Result)) {
	said := make([]destination.Result, len(batch))
	mails := make([]*gomail.Msg, len(batch))
	some := false
	for i := range batch {
		if mails[i], said[i] = s.write(&batch[i]); mails[i] == nil {
			done(i, said[i])
		}
		some = some || mails[i] != nil
	}
	if !some {
		return
	}
	c := &conversation{sink: s}
	defer c.end()
	bad := c.begin(ctx)
	for i, m := range mails {
		switch {
		case m == nil:
		case bad != nil:
			shown := said[i].Request
			r := *bad
			r.Request = shown
			done(i, r)
		default:
			said[i], bad = c.send(ctx, m, said[i])
			done(i, said[i])
		}
	}
}
