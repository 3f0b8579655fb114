package kafka_test

import (
	"slices"
	"strings"
	"testing"

	"rapport/internal/store/kafka"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	a, err := kafka.ParseAddress("kafkas://ad%40a:s%3Acret@one:9092,[::1]:9093/the.log?mechanism=scram-sha-512&ca=/etc/ca.pem")
	if err != nil || !slices.Equal(a.Brokers, []string{"one:9092", "[::1]:9093"}) || a.Topic != "the.log" || !a.Secure ||
		a.User != "ad@a" || a.Password != "s:cret" || a.Mechanism != "scram-sha-512" || a.CA != "/etc/ca.pem" {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err := kafka.ParseAddress("kafka://u:p@one:9092/log"); err != nil || a.Mechanism != "plain" || a.Secure {
		t.Errorf("%+v, %v", a, err)
	}
	for text, says := range map[string]string{
		"one:9092/log":                                   "kafka://",
		"http://one:9092/log":                            "kafka://",
		"kafka://one/log":                                "host and port",
		"kafka://one:9092,/log":                          "host and port",
		"kafka://one:9092":                               "topic",
		"kafka://one:9092/a b":                           "letters",
		"kafka://user@one:9092/log":                      "user:password",
		"kafka://one:9092/log?tls=yes":                   "mechanism and ca",
		"kafka://one:9092/log?mechanism=plain":           "user:password",
		"kafka://u:secret@one:9092/log?mechanism=gssapi": "scram-sha-256",
		"kafka://one:9092/log?ca=x.pem":                  "kafkas://",
	} {
		if _, err := kafka.ParseAddress(text); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
