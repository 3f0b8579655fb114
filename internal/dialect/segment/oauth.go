package segment

import (
	"net/http"

	"rapport/internal/clock"
	"rapport/internal/dialect"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// The names of OAuth that this server knows.
const (
	trackingScope = "tracking_api:write"
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	maxForm       = 64 << 10
)

// Tokens change the signed assertions of OAuth clients into access tokens and
// know them again. A token is good for an hour.
type Tokens interface {
	// Exchange gives a fault of kind Unauthenticated where the assertion (a
	// JWT, RS256) is not that of a registered client, was not made for a server
	// at this host, or was brought before.
	Exchange(assertion, host string, now clock.Instant) (token string, err error)
	SourceByToken(token string, now clock.Instant) (Source, bool)
}

// token changes a client's assertion into an access token.
func (d *Door) token(w http.ResponseWriter, r *http.Request, _ route) {
	now := d.Now.Now()
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Date", now.Time().Format(http.TimeFormat)) // by which clients correct their clock
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		refuseToken(w, http.StatusBadRequest, "invalid_request", "the body is not a form")
		return
	}
	form := r.PostForm
	switch scope := form.Get("scope"); {
	case d.Tokens == nil:
		refuseToken(w, http.StatusBadRequest, "unauthorized_client", "this server has no OAuth clients; use a write key")
		return
	case form.Get("grant_type") != "client_credentials":
		refuseToken(w, http.StatusBadRequest, "unsupported_grant_type", "grant_type must be client_credentials")
		return
	case form.Get("client_assertion_type") != assertionType:
		refuseToken(w, http.StatusBadRequest, "invalid_request", "client_assertion_type must be "+assertionType)
		return
	case scope != "" && scope != trackingScope:
		refuseToken(w, http.StatusBadRequest, "invalid_scope", "the only scope is "+trackingScope)
		return
	}
	_, host := d.reachedAt(r)
	token, err := d.Tokens.Exchange(form.Get("client_assertion"), host, now)
	switch {
	case fault.KindOf(err) == fault.Unauthenticated:
		refuseToken(w, http.StatusUnauthorized, "invalid_client", dialect.Message(err))
	case err != nil:
		answerFault(w, err)
	default:
		b := append(make([]byte, 0, 256), `{"access_token":`...)
		b = append(jsondoc.AppendString(b, token), `,"token_type":"Bearer","expires_in":3600,"scope":"`...)
		answerJSON(w, http.StatusOK, append(append(b, trackingScope...), `"}`...))
	}
}

// refuseToken answers in OAuth's shape and, as far as the two agree, in ours.
func refuseToken(w http.ResponseWriter, status int, code, message string) {
	b := append(make([]byte, 0, 256), `{"success":false,"error":`...)
	b = append(jsondoc.AppendString(b, code), `,"error_description":`...)
	b = append(jsondoc.AppendString(b, message), `,"code":`...)
	b = append(jsondoc.AppendString(b, code), `,"message":`...)
	answerJSON(w, status, append(jsondoc.AppendString(b, message), '}'))
}

// byToken gives the source of an access token.
func (d *Door) byToken(token string) (Source, error) {
	if d.Tokens != nil {
		if source, ok := d.Tokens.SourceByToken(token, d.Now.Now()); ok {
			return source, nil
		}
	}
	return Source{}, fault.Errorf(fault.Unauthenticated, "invalid_token", "the access token is not valid or has expired; ask for another at /token")
}
