package nats_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	natsclient "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rapport/internal/destination"
	"rapport/internal/destination/nats"
	"rapport/internal/destination/sinktest"
	"rapport/internal/fault"
)

const password = "a secret password"

// server is a NATS server with a stream, as users run it.
func server(t *testing.T, change func(*natsserver.Options), more ...natsclient.Option) (*natsserver.Server, jetstream.Stream) {
	t.Helper()
	o := &natsserver.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true, Username: "rapport", Password: password,
	}
	if change != nil {
		change(o)
	}
	s, err := natsserver.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the server does not start")
	}
	nc, err := natsclient.Connect(s.ClientURL(), append(more, natsclient.UserInfo(o.Username, o.Password), natsclient.Token(o.Authorization))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "people", Subjects: []string{"rapport.>"}, MaxMsgSize: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	return s, stream
}

func settings(t *testing.T, s *natsserver.Server, change func(*nats.Settings)) json.RawMessage {
	t.Helper()
	in := nats.Settings{URL: s.ClientURL(), User: "rapport", Password: password}
	if change != nil {
		change(&in)
	}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func stored(t *testing.T, stream jetstream.Stream) (out []*jetstream.RawStreamMsg) {
	t.Helper()
	info, err := stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := uint64(1); i <= info.State.LastSeq; i++ {
		m, err := stream.GetMsg(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

func TestNATS_PassesTheSuite(t *testing.T) {
	t.Parallel()
	s, stream := server(t, nil)
	sinktest.Run(t, sinktest.Suite{
		Type: nats.Type(), Settings: settings(t, s, nil), Secrets: []string{password}, Once: true,
		Received: func() (ids []string) {
			for _, m := range stored(t, stream) {
				ids = append(ids, m.Header.Get("Nats-Msg-Id"))
			}
			return ids
		},
	})
}

func open(t *testing.T, s json.RawMessage) destination.Sink {
	t.Helper()
	sink, err := nats.Type().Open(t.Context(), s, sinktest.Env(t, &sinktest.Line{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sink.Close() })
	return sink
}

func one(payload string) []destination.Message {
	return []destination.Message{{ID: "m", Kind: destination.Entered, Person: "p1", Time: sinktest.At, Payload: json.RawMessage(payload)}}
}

func TestNATS_PublishesAMessage(t *testing.T) {
	t.Parallel()
	s, stream := server(t, nil)
	sink := open(t, settings(t, s, func(s *nats.Settings) { s.Subject = "rapport.{{ segment.key }}.{{ message.kind }}" }))
	if r := sink.Send(t.Context(), one(`{"segment":{"key":"vip"}}`))[0]; r.Outcome != destination.Delivered {
		t.Fatalf("%+v", r)
	}
	all := stored(t, stream)
	if len(all) != 1 || all[0].Subject != "rapport.vip.entered" || string(all[0].Data) != `{"segment":{"key":"vip"}}` ||
		all[0].Header.Get("Rapport-Person") != "p1" || all[0].Header.Get("Rapport-Time") != "2026-11-22T09:30:00Z" || all[0].Header.Get("Rapport-Kind") != "entered" {
		t.Errorf("%+v", all)
	}
	for payload, want := range map[string]string{
		`{"segment":{"key":"a b"}}`: "subject cannot be published to", `{"segment":{"key":">"}}`: "subject cannot", `{"segment":{"key":""}}`: "subject cannot",
		`{}`: "there is no variable segment", `{"segment":{"key":"x"},"y":"` + strings.Repeat("y", 200_000) + `"}`: "maximum",
	} {
		if r := sink.Send(t.Context(), one(payload))[0]; r.Outcome != destination.Refused || !strings.Contains(r.Reason, want) {
			t.Errorf("%.60s: %+v", payload, r)
		}
	}
}

func TestNATS_WaitsForAStreamAndForBeingLetIn(t *testing.T) {
	t.Parallel()
	s, _ := server(t, nil)
	for want, change := range map[string]func(*nats.Settings){
		"no stream takes":   func(s *nats.Settings) { s.Subject = "other" },
		"check user, token": func(s *nats.Settings) { s.Password = "a wrong password" },
	} {
		r := open(t, settings(t, s, change)).Send(t.Context(), one(`{}`))[0]
		if r.Outcome != destination.Retry || !strings.Contains(r.Reason, want) {
			t.Errorf("%+v, want %s", r, want)
		}
	}
}

func TestNATS_SaysWhoItIsByAToken(t *testing.T) {
	t.Parallel()
	s, _ := server(t, func(o *natsserver.Options) { o.Username, o.Password, o.Authorization = "", "", "a secret token" })
	sink := open(t, settings(t, s, func(s *nats.Settings) { s.User, s.Password, s.Token = "", "", "a secret token" }))
	if r := sink.Send(t.Context(), one(`{}`))[0]; r.Outcome != destination.Delivered {
		t.Errorf("%+v", r)
	}
}

func TestOpen_NamesTheSettingThatIsWrong(t *testing.T) {
	t.Parallel()
	for field, s := range map[string]nats.Settings{
		"/settings/url":            {URL: "http://a"},
		"/settings/subject":        {URL: "nats://a", Subject: "{{"},
		"/settings/credentials":    {URL: "nats://a", Credentials: "x"},
		"/settings/ca_certificate": {URL: "tls://a", CA: "x"},
	} {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		_, err = nats.Type().Open(t.Context(), b, destination.Env{})
		var f *fault.Fault
		if !errors.As(err, &f) || f.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// The server's certificate is checked: against an authority of one's own where one
// is given, else against those that the machine knows.
func TestNATS_SecuresItsConnection(t *testing.T) {
	t.Parallel()
	secured, ca := sinktest.Secured(t)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(ca))
	s, _ := server(t, func(o *natsserver.Options) { o.TLSConfig, o.TLSTimeout = secured, 30 }, natsclient.Secure(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}))
	sink := open(t, settings(t, s, func(n *nats.Settings) { n.URL, n.CA = strings.Replace(n.URL, "nats://", "tls://", 1), ca }))
	if r := sink.Send(t.Context(), one(`{}`))[0]; r.Outcome != destination.Delivered {
		t.Errorf("%+v", r)
	}
	unknown := open(t, settings(t, s, func(n *nats.Settings) { n.URL = strings.Replace(n.URL, "nats://", "tls://", 1) }))
	if r := unknown.Send(t.Context(), one(`{}`))[0]; r.Outcome != destination.Retry {
		t.Errorf("an authority that nobody knows: %+v", r)
	}
}
