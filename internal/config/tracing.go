package config

import (
	"net/url"
	"strconv"
	"strings"
)

// Tracing is where traces are sent, and how many of them.
type Tracing struct {
	Endpoint  string  `koanf:"endpoint"` // empty: none are made
	Headers   string  `koanf:"headers"`
	Sample    float64 `koanf:"sample"`
	PerSecond int     `koanf:"per_second"`
	Service   string  `koanf:"service"`
}

func (t *Tracing) validate() error {
	if t.Endpoint == "" {
		return nil
	}
	u, err := url.Parse(t.Endpoint)
	grpc := err == nil && oneOf(u.Scheme, "grpc", "grpcs")
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || !grpc && !oneOf(u.Scheme, "http", "https") || grpc && strings.Trim(u.Path, "/") != "":
		return bad("tracing.endpoint", t.Endpoint, "give http://HOST:4318 or https://… for OTLP over HTTP, grpc://HOST:4317 or grpcs://… for OTLP over gRPC")
	case grpc && u.Port() == "":
		return bad("tracing.endpoint", t.Endpoint, "give the port, such as "+u.Scheme+"://"+u.Host+":4317")
	case !(t.Sample >= 0 && t.Sample <= 1):
		return bad("tracing.sample", strconv.FormatFloat(t.Sample, 'g', -1, 64), "give 0 to 1")
	case t.PerSecond < 1:
		return bad("tracing.per_second", strconv.Itoa(t.PerSecond), "give at least 1")
	case t.Service == "":
		return bad("tracing.service", t.Service, "give a name")
	}
	for _, pair := range strings.Split(t.Headers, ",") {
		if name, _, found := strings.Cut(pair, "="); t.Headers != "" && (!found || strings.TrimSpace(name) == "") {
			return bad("tracing.headers", "…", "give NAME=VALUE pairs with commas between them")
		}
	}
	return nil
}

// HeaderMap are the headers by their names.
func (t *Tracing) HeaderMap() map[string]string {
	out := map[string]string{}
	for _, pair := range strings.Split(t.Headers, ",") {
		if name, value, found := strings.Cut(pair, "="); found {
			out[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	return out
}
