package httpapi

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"rapport/internal/access"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// tokenPath is where access tokens are given for client credentials.
const tokenPath = "/oauth/token"

// exchangePath is where clients of Data Cloud bring the token that they were given
// and take one for its other doors.
const exchangePath = "/services/a360/token"

// tokenService is an address of the one service of tokens. Clients of what this
// instance replaces ask at theirs, and are pointed here by their host alone.
type tokenService struct {
	id, path, grant, summary string
	// instance is how its answer names this instance; nil: it does not.
	instance func(base string) string
}

const (
	clientGrant   = "client_credentials"
	exchangeGrant = "urn:salesforce:grant-type:external:cdp"
)

func tokenServices() []tokenService {
	const give = "An access token for an hour, by OAuth's client credentials: it is sent in the place of a secret key"
	return []tokenService{
		{"create-access-token", tokenPath, clientGrant, give, nil},
		{"create-access-token-sitecore", "/v2/oauth/token", clientGrant, give + "; where tenants of Sitecore ask", nil},
		{"create-access-token-salesforce", "/services/oauth2/token", clientGrant, give + "; where clients of Salesforce ask", func(base string) string { return base }},
		{"exchange-access-token", exchangePath, exchangeGrant, "An access token for an access token, with the same rights and the same end; where clients of Data Cloud ask",
			func(base string) string { _, host, _ := strings.Cut(base, "://"); return host }},
	}
}

// TokenPaths are the addresses of the service of tokens.
func TokenPaths() (paths []string) {
	for _, s := range tokenServices() {
		paths = append(paths, s.path)
	}
	return paths
}

// TokenBody is what a token is asked for with, in a form; for the OpenAPI.
type TokenBody struct {
	GrantType string `json:"grant_type" enum:"client_credentials,urn:salesforce:grant-type:external:cdp"`
	ID        string `json:"client_id,omitempty" doc:"Id of a secret key; it may stand in the header Authorization: Basic instead"`
	Secret    string `json:"client_secret,omitempty" doc:"The secret key"`
	Scope     string `json:"scope,omitempty" doc:"Scopes of the key, with spaces; left out: all of them"`
	Subject   string `json:"subject_token,omitempty" doc:"The access token that is exchanged"`
	Kind      string `json:"subject_token_type,omitempty" enum:"urn:ietf:params:oauth:token-type:access_token"`
}

// TokenView is an access token, or why there is none, by RFC 6749.
type TokenView struct {
	Token       string `json:"access_token,omitempty"`
	Type        string `json:"token_type,omitempty" doc:"Bearer"`
	ExpiresIn   int    `json:"expires_in,omitempty" doc:"Seconds"`
	Scope       string `json:"scope,omitempty"`
	Instance    string `json:"instance_url,omitempty" doc:"Where this instance is, for clients of Salesforce; of an exchange its host"`
	Error       string `json:"error,omitempty"`
	Description string `json:"error_description,omitempty"`
}

type tokenAnswer struct {
	Status       int
	CacheControl string `header:"Cache-Control"`
	Pragma       string `header:"Pragma"`
	Challenge    string `header:"WWW-Authenticate"`
	Body         TokenView
}

func (a *API) oauthRoutes() {
	for _, service := range tokenServices() {
		register(a, spec{
			id: service.id, method: http.MethodPost, path: service.path, outside: true, foreign: true, bare: true, tag: "access", status: http.StatusOK,
			summary: service.summary, body: TokenBody{}, accepts: []string{formType}, returns: TokenView{}, also: []int{http.StatusBadRequest, http.StatusUnauthorized},
		}, func(ctx context.Context, in *tokenAsked) (*tokenAnswer, error) { return a.giveToken(ctx, &service, in) })
	}
}

const (
	formType = "application/x-www-form-urlencoded"
	// accessTokenType is a kind of token of RFC 8693.
	accessTokenType = "urn:ietf:params:oauth:token-type:access_token"
)

type tokenAsked struct {
	Authorization string `header:"Authorization" maxLength:"2000" doc:"Basic, with id and key"`
	RawBody       []byte
}

// noToken is why there is no token, by section 5.2 of RFC 6749.
func noToken(status int, code, why string) *tokenAnswer {
	out := &tokenAnswer{Status: status, CacheControl: "no-store", Pragma: "no-cache", Body: TokenView{Error: code, Description: why}}
	if status == http.StatusUnauthorized {
		out.Challenge = `Basic realm="rapport"`
	}
	return out
}

func (a *API) giveToken(ctx context.Context, s *tokenService, in *tokenAsked) (*tokenAnswer, error) {
	form, why := tokenForm(in.RawBody)
	if why == "" {
		for name, values := range form {
			if len(values) > 1 {
				why = name + " is there more than once"
			}
		}
	}
	if why != "" {
		return noToken(http.StatusBadRequest, "invalid_request", why), nil
	}
	switch form.Get("grant_type") {
	case s.grant:
	case "":
		return noToken(http.StatusBadRequest, "invalid_request", "grant_type is missing: send a form with grant_type="+s.grant), nil
	default:
		return noToken(http.StatusBadRequest, "unsupported_grant_type", "grant_type must be "+s.grant+", in a form"), nil
	}
	var grant access.Grant
	var err error
	if s.grant == exchangeGrant {
		if form.Get("subject_token") == "" || form.Get("subject_token_type") != accessTokenType {
			return noToken(http.StatusBadRequest, "invalid_request", "send the access token as subject_token, and subject_token_type="+accessTokenType), nil
		}
		grant, err = a.Access.Index().ExchangeToken(form.Get("subject_token"), a.Clock.Now())
	} else {
		id, secret, why := clientOf(in.Authorization, form)
		if why != "" {
			return noToken(http.StatusUnauthorized, "invalid_client", why), nil
		}
		grant, err = a.Access.Index().ClientToken(id, secret, strings.Fields(form.Get("scope")), a.Clock.Now())
	}
	if err != nil {
		f := new(fault.Fault)
		if !errors.As(err, &f) {
			return nil, err
		}
		detail := problemOf(err).Detail
		switch {
		case f.Kind == fault.Unauthenticated && s.grant == exchangeGrant:
			return noToken(http.StatusBadRequest, "invalid_grant", detail), nil
		case f.Kind == fault.Unauthenticated:
			return noToken(http.StatusUnauthorized, "invalid_client", detail), nil
		case f.Kind == fault.Forbidden || f.Kind == fault.Invalid:
			return noToken(http.StatusBadRequest, "invalid_scope", detail), nil
		}
		return nil, err
	}
	out := &tokenAnswer{Status: http.StatusOK, CacheControl: "no-store", Pragma: "no-cache", Body: TokenView{
		Token: grant.Token, Type: "Bearer", ExpiresIn: int(grant.Life.Seconds()), Scope: strings.Join(grant.Scopes, " "),
	}}
	if s.instance != nil {
		out.Body.Instance = s.instance(a.baseURL(ctx))
	}
	return out, nil
}

// tokenForm reads what a token is asked for with: a form, or the same as JSON, which
// clients of Auth0 send.
func tokenForm(body []byte) (form url.Values, why string) {
	if text := bytes.TrimSpace(body); len(text) > 0 && text[0] == '{' {
		doc, err := jsondoc.Parse(text, jsondoc.DefaultLimits())
		if err != nil || doc.Root().Kind() != jsondoc.Object {
			return nil, "the body is neither a form nor a JSON object of texts"
		}
		form = url.Values{}
		for name, value := range doc.Root().Members() {
			text, ok := value.Str()
			if !ok && !value.IsNull() {
				return nil, "the body is neither a form nor a JSON object of texts"
			}
			form.Add(name, text) // one that comes twice is refused, as in a form
		}
		return form, ""
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, "the body is not a form"
	}
	return form, ""
}

// clientOf are the credentials of a client: of the header, where there are some, else
// of the form.
func clientOf(authorization string, form url.Values) (id, secret, why string) {
	scheme, basic, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return form.Get("client_id"), form.Get("client_secret"), ""
	}
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(basic))
	if err != nil {
		return "", "", "the Basic credentials are not base64"
	}
	user, password, _ := strings.Cut(string(text), ":")
	// RFC 6749 has both percent-encoded.
	if id, err = url.QueryUnescape(user); err != nil {
		id = user
	}
	if secret, err = url.QueryUnescape(password); err != nil {
		secret = password
	}
	return id, secret, ""
}
