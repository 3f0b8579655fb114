// Package telemetry makes the logger and the metrics of a process. It never
// puts a secret or a person's data into either, and labels have few values.
package telemetry

import (
	"io"
	"log/slog"
	"strings"
)

// NewLogger makes the process's logger: format is text or json, level debug,
// info, warn or error. Attributes that are named like a secret are blanked, and
// so is a secret key wherever one stands. The same warning or error is said once a
// minute.
func NewLogger(w io.Writer, level, format string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: l, ReplaceAttr: blank}
	var to slog.Handler = slog.NewTextHandler(w, options)
	if format == "json" {
		to = slog.NewJSONHandler(w, options)
	}
	return slog.New(&seldom{to, &repeats{by: map[string]*repeat{}}})
}

const (
	blanked      = "(hidden)"
	secretPrefix = "rp_sk_"
	tokenPrefix  = "rp_at_"
)

// blank hides what must not be in a log.
func blank(_ []string, a slog.Attr) slog.Attr {
	switch strings.ToLower(a.Key) {
	case "authorization", "secret", "secret_key", "password", "token", "cookie", "body", "email", "phone", "ip":
		return slog.String(a.Key, blanked)
	}
	var text string
	switch v := a.Value.Any().(type) {
	case string:
		text = v
	case error:
		text = v.Error()
	default:
		return a
	}
	if !strings.Contains(text, secretPrefix) && !strings.Contains(text, tokenPrefix) {
		return a
	}
	return slog.String(a.Key, hideKeys(text))
}

// hideKeys blanks every secret in a text.
func hideKeys(text string) string {
	for _, prefix := range []string{secretPrefix, tokenPrefix} {
		var out strings.Builder
		for {
			before, rest, found := strings.Cut(text, prefix)
			out.WriteString(before)
			if !found {
				break
			}
			out.WriteString(blanked)
			text = strings.TrimLeftFunc(rest, func(r rune) bool { return r > ' ' && r != '"' && r != ',' && r != '\'' })
		}
		text = out.String()
	}
	return text
}
