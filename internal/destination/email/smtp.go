package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"rapport/internal/destination"
)

// conversation is one connection to the server.
type conversation struct {
	sink   *sink
	client *gomail.Client
	smtp   *smtp.Client
	conn   net.Conn
	stop   func() bool
}

// begin connects and says who sends.
func (c *conversation) begin(ctx context.Context) *destination.Result {
	s := c.sink
	options := []gomail.Option{
		gomail.WithPort(s.Port), gomail.WithTimeout(30 * time.Second), gomail.WithTLSConfig(s.tls), gomail.WithDialContextFunc(c.dialer(ctx)),
		gomail.WithHELO(helo(s.from.Address)), gomail.WithoutNoop(),
	}
	switch s.Security {
	case "starttls":
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if s.User != "" {
		kind := gomail.SMTPAuthAutoDiscover
		if s.Security != "starttls" {
			// The library does not see that the connection is TLS already, or that
			// it was chosen to be none.
			kind = gomail.SMTPAuthPlainNoEnc
		}
		options = append(options, gomail.WithSMTPAuth(kind), gomail.WithUsername(s.User), gomail.WithPassword(s.Password))
	}
	var err error
	if c.client, err = gomail.NewClient(s.Host, options...); err != nil {
		return &destination.Result{Outcome: destination.Refused, Reason: "the settings of the server are not taken: " + s.mask.Text(err.Error())}
	}
	if c.smtp, err = c.client.DialToSMTPClientWithContext(ctx); err != nil {
		r := s.failed(ctx, err)
		// Nothing was said about a mail yet: whatever it is, the mails can wait.
		if r.Outcome == destination.Refused && r.Status != 0 {
			r.Outcome = destination.Retry
			r.Reason += "; check the server's user and password"
		}
		return &r
	}
	return nil
}

func helo(from string) string {
	for i := range len(from) {
		if from[i] == '@' {
			return from[i+1:]
		}
	}
	return "localhost"
}

// dialer connects for a Send, which ends the connection with its context: what
// the library gives a dialer ends with the greeting.
func (c *conversation) dialer(whole context.Context) gomail.DialContextFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := c.sink.env.Dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		c.conn = conn
		c.stop = context.AfterFunc(whole, func() { _ = conn.Close() }) // nobody waits any more
		if c.sink.Security != "tls" {
			return conn, nil
		}
		secured := tls.Client(conn, c.sink.tls)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		return secured, nil
	}
}

// end closes the connection.
func (c *conversation) end() {
	if c.conn != nil {
		c.stop()
		_ = c.conn.Close() // what was delivered was answered
	}
}

// send hands one mail over. Where the connection is lost, the second result is
// what becomes of those after it.
func (c *conversation) send(ctx context.Context, m *gomail.Msg, r destination.Result) (destination.Result, *destination.Result) {
	err := c.client.SendWithSMTPClient(c.smtp, m)
	if m.IsDelivered() {
		r.Outcome, r.Status, r.Answer = destination.Delivered, 250, c.sink.mask.Show([]byte(m.ServerResponse()))
		if err != nil {
			lost := c.sink.failed(ctx, err)
			return r, &lost
		}
		return r, nil
	}
	shown := r.Request
	r = c.sink.failed(ctx, err)
	r.Request = shown
	if r.Status == 0 {
		return r, &r
	}
	return r, nil
}

// failed says what an error of the conversation means.
func (s *sink) failed(ctx context.Context, err error) destination.Result {
	var said *textproto.Error
	var sent *gomail.SendError
	code := 0
	switch {
	case errors.As(err, &said):
		code = said.Code
	case errors.As(err, &sent):
		code = sent.ErrorCode()
	}
	text := s.mask.Show([]byte(err.Error()))
	var refused interface{ Refused() bool }
	switch {
	case errors.As(err, &refused) && refused.Refused():
		return destination.Result{Outcome: destination.Refused, Reason: string(text)}
	case code/100 == 5:
		return destination.Result{Outcome: destination.Refused, Status: code, Answer: text, Reason: fmt.Sprintf("the server answers %d", code)}
	case code != 0:
		return destination.Result{Outcome: destination.Retry, Status: code, Answer: text, Reason: fmt.Sprintf("the server answers %d", code)}
	case errors.Is(err, gomail.ErrNoSupportedAuthDiscovered), strings.Contains(err.Error(), "STARTTLS"):
		return destination.Result{Outcome: destination.Retry, Answer: text, Reason: "the server does not offer what the settings want: " + string(text)}
	}
	return destination.Result{Outcome: destination.Retry, Reason: destination.Unreachable(ctx, err)}
}
