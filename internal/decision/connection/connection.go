// Package connection is a data connection as it is defined: which request
// answers a question of a decision model, how its answer becomes a value, and
// what happens when there is none. It never calls anything and never knows a
// secret in the clear for longer than it is read.
package connection

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/feel"
)

// Definition is the document of a connection.
type Definition struct {
	Name       string            `json:"name,omitempty"`
	Method     string            `json:"method,omitempty" enum:"GET,POST,PUT" doc:"Left out: GET"`
	URL        string            `json:"url" doc:"With parameters in braces, such as https://api.example.com/weather/{city}?units={units}"`
	Headers    map[string]string `json:"headers,omitempty" doc:"With parameters in braces"`
	Body       string            `json:"body,omitempty" doc:"FEEL over the parameters; its value is sent as JSON"`
	Parameters []string          `json:"parameters,omitempty" doc:"Names of the parameters"`
	Auth       Auth              `json:"auth,omitzero"`
	Result     string            `json:"result,omitempty" doc:"FEEL that makes the value of status, headers and body; left out: body"`
	Type       string            `json:"type,omitempty" doc:"FEEL type of the value, such as context<degrees: number>, that models are checked against"`
	Timeout    Duration          `json:"timeout,omitempty" doc:"For everything together, retries too; left out: 500ms, at most 10s"`
	Cache      Cache             `json:"cache,omitzero"`
	Retry      Retry             `json:"retry,omitzero"`
	Breaker    Breaker           `json:"breaker,omitzero"`
	Fallback   json.RawMessage   `json:"fallback,omitempty" doc:"Any JSON: the value where there is no answer; left out: null"`
}

// Auth is how the connection says who asks.
type Auth struct {
	Kind         string `json:"kind,omitempty" enum:"none,key,basic,oauth" doc:"Left out: none"`
	Header       string `json:"header,omitempty" doc:"Of a key: the header that carries it; left out: Authorization"`
	Prefix       string `json:"prefix,omitempty" doc:"Of a key: what stands before it, such as Bearer"`
	Query        string `json:"query,omitempty" doc:"Of a key: the query parameter that carries it, instead of a header"`
	User         string `json:"user,omitempty" doc:"Of basic: the user; of oauth: the client id"`
	TokenURL     string `json:"token_url,omitempty" doc:"Of oauth (client credentials): where tokens are had"`
	Scope        string `json:"scope,omitempty" doc:"Of oauth: the scope that is asked for"`
	Secret       string `json:"secret,omitempty" doc:"The key, the password or the client secret. It is kept encrypted and shown as ********; sending that back leaves it as it was"`
	SecretSealed []byte `json:"secret_sealed,omitempty" hidden:"true" doc:"The secret as it is stored"`
}

// Mask stands where a secret was.
const Mask = "********"

// Cache says how long an answer serves for.
type Cache struct {
	TTL     Duration `json:"ttl,omitempty" doc:"Left out: answers are not kept; at most 24h"`
	Entries int      `json:"entries,omitempty" minimum:"1" maximum:"100000" doc:"How many at most; left out: 1000"`
}

// Retry says how often a request is tried again that failed or was answered
// 429 or 5xx.
type Retry struct {
	Attempts int      `json:"attempts,omitempty" minimum:"0" maximum:"5" doc:"After the first; left out: 0"`
	Pause    Duration `json:"pause,omitempty" doc:"Before the first of them, doubled each time; left out: 50ms"`
}

// Breaker says when a connection that fails is left alone for a while.
type Breaker struct {
	Failures int      `json:"failures,omitempty" minimum:"1" maximum:"1000" doc:"In a row; left out: 5"`
	Pause    Duration `json:"pause,omitempty" doc:"How long it is left alone; one request then tries it; left out: 10s"`
}

// Duration is a time span as text, such as 250ms.
type Duration time.Duration

// MarshalText is the form of time.Duration.
func (d Duration) MarshalText() ([]byte, error) {
	if d == 0 {
		return nil, nil
	}
	return []byte(time.Duration(d).String()), nil
}

// UnmarshalText reads a span such as 250ms.
func (d *Duration) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = 0
		return nil
	}
	v, err := time.ParseDuration(string(text))
	if err != nil || v < 0 {
		return fmt.Errorf("%q is no time span: give 250ms or 2s", text)
	}
	*d = Duration(v)
	return nil
}

// The limits and what is taken where nothing is said.
const (
	MaxAnswer      = 1 << 20
	maxTimeout     = 10 * time.Second
	defaultTimeout = 500 * time.Millisecond
	maxTTL         = 24 * time.Hour
	maxParameters  = 50
	maxHeaders     = 50
	methodGet      = "GET"
)

// Connection is a definition that was checked, ready to be used. It is
// immutable.
type Connection struct {
	Definition
	body   *feel.Program
	result *feel.Program
	typ    *feel.Type
	fall   feel.Value
}

func invalid(field, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "invalid_connection", format, args...).At("/" + field)
}

// Read reads a document and checks it.
func Read(document []byte) (*Connection, error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	c := &Connection{}
	if err := d.Decode(&c.Definition); err != nil {
		return nil, invalid("", "the connection cannot be read: %v", err)
	}
	c.defaults()
	for _, check := range []func() error{c.checkAddress, c.checkAuth, c.checkLimits, c.compile} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *Connection) defaults() {
	if c.Method == "" {
		c.Method = methodGet
	}
	if c.Auth.Kind == "" {
		c.Auth.Kind = "none"
	}
	fill(&c.Timeout, defaultTimeout)
	fill(&c.Retry.Pause, 50*time.Millisecond)
	fill(&c.Breaker.Pause, 10*time.Second)
	if c.Cache.Entries == 0 {
		c.Cache.Entries = 1000
	}
	if c.Breaker.Failures == 0 {
		c.Breaker.Failures = 5
	}
}

func fill(d *Duration, with time.Duration) {
	if *d == 0 {
		*d = Duration(with)
	}
}

func (c *Connection) checkAddress() error {
	if !slices.Contains([]string{methodGet, "POST", "PUT"}, c.Method) {
		return invalid("method", "method %q: give GET, POST or PUT", c.Method)
	}
	if len(c.Parameters) > maxParameters || len(c.Headers) > maxHeaders {
		return invalid("parameters", "more than %d parameters or headers", maxParameters)
	}
	texts := map[string]string{"url": c.URL}
	for name, v := range c.Headers {
		if strings.ContainsAny(name+v, "\r\n") || name == "" || strings.EqualFold(name, "Host") {
			return invalid("headers", "header %q cannot be sent", name)
		}
		texts["headers/"+name] = v
	}
	for _, field := range slices.Sorted(maps.Keys(texts)) {
		for name := range placeholders(texts[field]) {
			if !slices.Contains(c.Parameters, name) {
				return invalid(field, "%s uses {%s}, which is no parameter; it has %q", field, name, c.Parameters)
			}
		}
	}
	// A parameter must not choose the host: only what comes after it.
	base, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(c.URL, "https://"), "http://"), "/")
	if strings.ContainsAny(base, "{}@") {
		return invalid("url", "the host of the address cannot hold a parameter or a user: write it out")
	}
	return checkURL("url", expand(c.URL, func(string) string { return "x" }))
}

func checkURL(field, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return invalid(field, "%q is no address: give https://host/path", address)
	}
	return nil
}

func (c *Connection) checkAuth() error {
	a := &c.Auth
	switch a.Kind {
	case "none":
		return nil
	case "key":
	case "basic":
		if a.User == "" {
			return invalid("auth/user", "basic needs a user")
		}
	case "oauth":
		if a.User == "" {
			return invalid("auth/user", "oauth needs the client id as user")
		}
		if err := checkURL("auth/token_url", a.TokenURL); err != nil {
			return err
		}
	default:
		return invalid("auth/kind", "unknown kind %q: give none, key, basic or oauth", a.Kind)
	}
	if a.Secret == "" && len(a.SecretSealed) == 0 {
		return invalid("auth/secret", "%s needs a secret", a.Kind)
	}
	return nil
}

func (c *Connection) checkLimits() error {
	switch {
	case time.Duration(c.Timeout) > maxTimeout:
		return invalid("timeout", "timeout %v: at most %v", time.Duration(c.Timeout), maxTimeout)
	case time.Duration(c.Cache.TTL) > maxTTL:
		return invalid("cache/ttl", "ttl %v: at most %v", time.Duration(c.Cache.TTL), maxTTL)
	case c.Cache.Entries < 0 || c.Cache.Entries > 100_000:
		return invalid("cache/entries", "entries %d: give 1 to 100000", c.Cache.Entries)
	case c.Retry.Attempts < 0 || c.Retry.Attempts > 5:
		return invalid("retry/attempts", "attempts %d: give 0 to 5", c.Retry.Attempts)
	case c.Breaker.Failures < 0 || c.Breaker.Failures > 1000:
		return invalid("breaker/failures", "failures %d: give 1 to 1000", c.Breaker.Failures)
	}
	return nil
}

func (c *Connection) compile() (err error) {
	vars := make([]feel.Var, len(c.Parameters))
	for i, name := range c.Parameters {
		vars[i] = feel.Var{Name: name}
	}
	if c.Body != "" {
		if c.Method == methodGet {
			return invalid("body", "a GET has no body: give the method POST")
		}
		if c.body, err = feel.Compile(c.Body, feel.NewScope(vars...), feel.CompileOptions{}); err != nil {
			return invalid("body", "body is no FEEL: %v", err)
		}
	}
	if c.Result != "" {
		scope := feel.NewScope(feel.Var{Name: "status"}, feel.Var{Name: "headers"}, feel.Var{Name: "body"})
		if c.result, err = feel.Compile(c.Result, scope, feel.CompileOptions{}); err != nil {
			return invalid("result", "result is no FEEL: %v", err)
		}
	}
	if c.Type != "" {
		if c.typ, err = feel.ParseType(c.Type, feel.NewScope()); err != nil {
			return invalid("type", "type %q: %v", c.Type, err)
		}
	}
	if len(c.Fallback) > 0 {
		if c.fall, err = plainJSON(c.Fallback); err != nil {
			return invalid("fallback", "the fallback cannot be read: %v", err)
		}
	}
	return nil
}

// ValueType is the declared type of the value, nil where there is none.
func (c *Connection) ValueType() *feel.Type { return c.typ }

// FallbackValue is what takes the place of an answer.
func (c *Connection) FallbackValue() feel.Value { return c.fall }
