package segment

import (
	"encoding/base64"
	"net/http"
	"strings"

	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// caller is who a request comes from, as far as it is known before its body.
type caller struct {
	source Source
	key    string // the write key, where there was one
	known  bool
	oauth  bool // by an access token: a write key of the body must be the same source's
	lost   bool // the key is unknown and the door is lenient: answer and drop
}

var errKey = fault.Errorf(fault.Unauthenticated, "invalid_write_key", "the write key is not known here; take one from the sources of this instance")

// fromHeader reads the Authorization header, or the query where the address
// allows it. Without either the caller is not known yet.
func (d *Door) fromHeader(r *http.Request, to route) (caller, error) {
	head := r.Header.Get("Authorization")
	scheme, value, _ := strings.Cut(head, " ")
	switch {
	case strings.EqualFold(scheme, "Basic"):
		key, err := basicKey(strings.TrimSpace(value))
		if err != nil {
			return caller{}, err
		}
		if key != "" {
			return d.byKey(key)
		}
	case strings.EqualFold(scheme, "Bearer"):
		source, err := d.byToken(strings.TrimSpace(value))
		return caller{source: source, known: err == nil, oauth: true}, err
	case head != "":
		return caller{}, fault.Errorf(fault.Unauthenticated, "unsupported_authorization",
			"Authorization must be Basic with the write key as user name, or Bearer with an access token")
	}
	if to.query {
		if key := r.URL.Query().Get("writeKey"); key != "" {
			return d.byKey(key)
		}
	}
	return caller{}, nil
}

// basicKey is the user name. Some clients leave the colon out.
func basicKey(value string) (string, error) {
	b, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		b, err = base64.RawStdEncoding.DecodeString(value)
	}
	if err != nil {
		return "", fault.Errorf(fault.Unauthenticated, "invalid_authorization", "the Basic credentials are not base64")
	}
	key, _, _ := strings.Cut(string(b), ":")
	return key, nil
}

func (d *Door) byKey(key string) (caller, error) {
	if source, ok := d.Keys.SourceByWriteKey(key); ok {
		return caller{source: source, key: key, known: true}, nil
	}
	if d.Lenient {
		return caller{lost: true}, nil
	}
	return caller{}, errKey
}

// fromBody looks at the write key of the body: the only word on who is calling
// where the header had none.
func (d *Door) fromBody(c caller, root jsondoc.Value) (caller, error) {
	key := root.Get("writeKey").Text()
	switch {
	case c.lost || key == "" || c.known && !c.oauth:
		return c, nil
	case !c.known:
		return d.byKey(key)
	}
	if other, ok := d.Keys.SourceByWriteKey(key); !ok || other.Key != c.source.Key {
		return caller{}, fault.Errorf(fault.Unauthenticated, "invalid_write_key", "the write key of the body is not of the source that the access token is for")
	}
	return c, nil
}
