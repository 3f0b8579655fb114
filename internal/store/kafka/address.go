package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Address is where a topic is:
//
//	kafka://[user:password@]host:port[,host:port…]/topic[?mechanism=plain|scram-sha-256|scram-sha-512]
//
// kafkas:// secures the connections; ca=FILE then names the authority of the
// brokers where it is one of your own.
type Address struct {
	Brokers                   []string
	Topic                     string
	Secure                    bool
	CA                        string // a PEM file
	Mechanism, User, Password string
}

var topics = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)

// ParseAddress reads an address. Its errors never show the password.
func ParseAddress(text string) (a Address, err error) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found || scheme != "kafka" && scheme != "kafkas" {
		return a, errors.New("an address of Kafka begins with kafka:// or, with TLS, kafkas://")
	}
	a.Secure = scheme == "kafkas"
	authority, rest, _ := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, password, _ := strings.Cut(authority[:at], ":")
		if a.User, err = url.PathUnescape(user); err == nil {
			a.Password, err = url.PathUnescape(password)
		}
		if err != nil || a.User == "" || a.Password == "" {
			return a, errors.New("before the @ of an address of Kafka are user:password, special characters as %XX")
		}
		authority, a.Mechanism = authority[at+1:], "plain"
	}
	for b := range strings.SplitSeq(authority, ",") {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			return a, fmt.Errorf("broker %q: give host and port, such as kafka-1.example.com:9092, several with commas", b)
		}
		a.Brokers = append(a.Brokers, b)
	}
	topic, query, _ := strings.Cut(rest, "?")
	if a.Topic = topic; !topics.MatchString(topic) {
		return a, fmt.Errorf("topic %q: give letters, digits, dots, dashes and underscores behind the brokers, as in kafka://kafka-1:9092/rapport-log", topic)
	}
	return a, a.readOptions(query)
}

func (a *Address) readOptions(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("what follows the ? of an address of Kafka is name=value, joined by &")
	}
	for name := range values {
		switch v := values.Get(name); name {
		case "mechanism":
			if a.Mechanism == "" {
				return errors.New("mechanism: give user:password@ before the brokers")
			}
			a.Mechanism = v
		case "ca":
			a.CA = v
		default:
			return fmt.Errorf("%q is no option of an address of Kafka: there are mechanism and ca", name)
		}
	}
	if a.CA != "" && !a.Secure {
		return errors.New("ca: begin the address with kafkas://")
	}
	_, err = a.login()
	return err
}

// login is how the client says who it is; nil: it does not.
func (a *Address) login() (sasl.Mechanism, error) {
	switch a.Mechanism {
	case "":
		return nil, nil
	case "plain":
		return plain.Auth{User: a.User, Pass: a.Password}.AsMechanism(), nil
	case "scram-sha-256":
		return scram.Auth{User: a.User, Pass: a.Password}.AsSha256Mechanism(), nil
	case "scram-sha-512":
		return scram.Auth{User: a.User, Pass: a.Password}.AsSha512Mechanism(), nil
	}
	return nil, fmt.Errorf("mechanism %q: give plain, scram-sha-256 or scram-sha-512", a.Mechanism)
}

// client are the options of a client that gives up in the time that a door can
// wait. A record that is written twice harms nothing: the second is named nowhere.
func (a *Address) client() ([]kgo.Opt, error) {
	out := []kgo.Opt{
		kgo.SeedBrokers(a.Brokers...), kgo.ClientID("rapport"), kgo.DisableClientMetrics(),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.DisableIdempotentWrite(), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerLinger(0),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RecordDeliveryTimeout(patience), kgo.UnknownTopicRetries(1),
		kgo.ProducerBatchMaxBytes(recordBytes), kgo.MetadataMinAge(metadataAge),
	}
	login, err := a.login()
	if err != nil {
		return nil, err
	}
	if login != nil {
		out = append(out, kgo.SASL(login))
	}
	if !a.Secure {
		return out, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if a.CA != "" {
		pem, err := os.ReadFile(a.CA)
		if err != nil {
			return nil, fmt.Errorf("the authority of Kafka's brokers: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("the authority of Kafka's brokers: %s has no certificate in PEM", a.CA)
		}
	}
	return append(out, kgo.DialTLSConfig(config)), nil
}
