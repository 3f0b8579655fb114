// Package nats publishes each message to a stream of NATS JetStream, with its id
// as the Nats-Msg-Id, by which the stream knows what it has. It never makes a
// stream.
package nats

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"rapport/internal/destination"
	"rapport/internal/message"
)

// Settings are the settings of a stream.
type Settings struct {
	URL         string `json:"url" required:"true" doc:"The server, such as tls://nats.example.com:4222; nats:// without TLS"`
	CA          string `json:"ca_certificate,omitempty" doc:"PEM of the authority that signed the server's certificate, where it is one of your own"`
	Subject     string `json:"subject,omitempty" default:"rapport.{{ message.kind }}" doc:"Liquid for the subject; a stream must take it"`
	User        string `json:"user,omitempty" doc:"Left out: the server is not told who publishes, or by a token or credentials"`
	Password    string `json:"password,omitempty" secret:"true" doc:"Of the user"`
	Token       string `json:"token,omitempty" secret:"true" doc:"Instead of a user"`
	Credentials string `json:"credentials,omitempty" secret:"true" doc:"What a .creds file holds, instead of a user"`
}

// Type is the register's entry.
func Type() destination.Type {
	return destination.Type{
		Name: "nats", Title: "NATS JetStream",
		About:  "Publishes each message to a stream of NATS JetStream and waits until the stream has it. The message's id is the Nats-Msg-Id, so the stream takes it once; headers say kind, person and time.",
		Schema: destination.SchemaOf[Settings](), Open: open,
	}
}

type sink struct {
	Settings
	env     destination.Env
	host    string
	secure  bool
	tls     *tls.Config
	subject *message.Template
	mask    *destination.Masker
	mu      sync.Mutex
	line    *line
}

// line is a connection to the server.
type line struct {
	nc *nats.Conn
	js jetstream.JetStream
}

func open(_ context.Context, settings json.RawMessage, env destination.Env) (destination.Sink, error) {
	s := &sink{env: env}
	if err := destination.Decode(settings, &s.Settings); err != nil {
		return nil, err
	}
	u, err := url.Parse(s.URL)
	if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "" || u.User != nil {
		return nil, destination.Invalid("url", "url is no address such as tls://nats.example.com:4222")
	}
	s.host, s.secure = u.Host, u.Scheme == "tls"
	if u.Port() == "" {
		s.host = net.JoinHostPort(u.Hostname(), "4222")
	}
	if s.tls, err = destination.TLS("ca_certificate", u.Hostname(), s.CA); err != nil {
		return nil, err
	}
	if s.subject, err = destination.Template("subject", s.Subject, message.Line); err != nil {
		return nil, err
	}
	if s.Credentials != "" {
		if _, err := nkeys.ParseDecoratedJWT([]byte(s.Credentials)); err != nil {
			return nil, destination.Invalid("credentials", "credentials hold no JWT: give what the .creds file holds")
		}
		if _, err := nkeys.ParseDecoratedUserNKey([]byte(s.Credentials)); err != nil {
			return nil, destination.Invalid("credentials", "credentials hold no key: give what the .creds file holds")
		}
	}
	s.mask = destination.NewMasker(s.Password, s.Token, s.Credentials)
	return s, nil
}

func (s *sink) Limits() destination.Limits {
	return destination.Limits{Batch: 200, Bytes: 8 << 20, Concurrency: 1, Timeout: 30 * time.Second}
}

func (s *sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line != nil {
		s.line.nc.Close()
		s.line = nil
	}
	return nil
}

// dialer connects by the operator's rules.
type dialer struct {
	ctx  context.Context //nolint:containedctx // the library dials without one
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.dial(d.ctx, network, address)
}

// connect gives the connection, a new one where there is none that is good.
func (s *sink) connect(ctx context.Context) (*line, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line != nil && s.line.nc.IsConnected() {
		return s.line, nil
	}
	if s.line != nil {
		s.line.nc.Close()
		s.line = nil
	}
	// The library greets without a context: connections are closed instead.
	var stops []func() bool
	defer func() {
		for _, stop := range stops {
			stop()
		}
	}()
	options := []nats.Option{
		nats.Name("rapport"), nats.NoReconnect(), nats.Timeout(10 * time.Second), nats.PingInterval(20 * time.Second),
		nats.SetCustomDialer(dialer{ctx, func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := s.env.Dial(ctx, network, address)
			if err == nil {
				stops = append(stops, context.AfterFunc(ctx, func() { _ = c.Close() })) // nobody waits any more
			}
			return c, err
		}}),
		// Failures are told by what is sent.
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
	switch {
	case s.Credentials != "":
		options = append(options, nats.UserCredentialBytes([]byte(s.Credentials)))
	case s.Token != "":
		options = append(options, nats.Token(s.Token))
	case s.User != "":
		options = append(options, nats.UserInfo(s.User, s.Password))
	}
	if s.secure {
		options = append(options, nats.Secure(s.tls))
	}
	nc, err := nats.Connect("nats://"+s.host, options...)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, err
	}
	s.line = &line{nc, js}
	return s.line, nil
}

// lose ends a connection on which something was lost.
func (s *sink) lose(l *line) {
	l.nc.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line == l {
		s.line = nil
	}
}

// subjectOf writes the subject of a message.
func (s *sink) subjectOf(m *destination.Message) (string, *destination.Result) {
	vars, err := destination.Vars(m)
	if err != nil {
		r := destination.NoJSON()
		return "", &r
	}
	subject, err := s.subject.Render(message.Input{Now: m.Time, Vars: vars})
	if err != nil {
		r := destination.BadTemplate("subject", err)
		return "", &r
	}
	if strings.ContainsAny(subject, " \t*>") || subject == "" || strings.Contains("."+subject+".", "..") || strings.HasPrefix(subject, "$") {
		return "", &destination.Result{Outcome: destination.Refused, Reason: "the subject cannot be published to: it may hold no blanks, *, > or empty parts, and not begin with $"}
	}
	return subject, nil
}
