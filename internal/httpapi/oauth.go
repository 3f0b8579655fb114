package httpapi

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"rapport/internal/access"
	"rapport/internal/fault"
)

// tokenPath is where access tokens are given for client credentials.
const tokenPath = "/oauth/token"

// TokenBody is what a token is asked for with, in a form; for the OpenAPI.
type TokenBody struct {
	GrantType string `json:"grant_type" enum:"client_credentials"`
	ID        string `json:"client_id,omitempty" doc:"Id of a secret key; it may stand in the header Authorization: Basic instead"`
	Secret    string `json:"client_secret,omitempty" doc:"The secret key"`
	Scope     string `json:"scope,omitempty" doc:"Scopes of the key, with spaces; left out: all of them"`
}

// TokenView is an access token, or why there is none, by RFC 6749.
type TokenView struct {
	Token       string `json:"access_token,omitempty"`
	Type        string `json:"token_type,omitempty" doc:"Bearer"`
	ExpiresIn   int    `json:"expires_in,omitempty" doc:"Seconds"`
	Scope       string `json:"scope,omitempty"`
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
	register(a, spec{
		id: "create-access-token", method: http.MethodPost, path: tokenPath, outside: true, tag: "access", status: http.StatusOK,
		summary: "An access token for an hour, by OAuth's client credentials: it is sent in the place of a secret key",
		body:    TokenBody{}, accepts: []string{formType}, returns: TokenView{}, also: []int{http.StatusBadRequest, http.StatusUnauthorized},
	}, a.giveToken)
}

const formType = "application/x-www-form-urlencoded"

func (a *API) giveToken(_ context.Context, in *struct {
	Authorization string `header:"Authorization" maxLength:"2000" doc:"Basic, with id and key"`
	RawBody       []byte
},
) (*tokenAnswer, error) {
	no := func(status int, code, why string) (*tokenAnswer, error) {
		out := &tokenAnswer{Status: status, CacheControl: "no-store", Pragma: "no-cache", Body: TokenView{Error: code, Description: why}}
		if status == http.StatusUnauthorized {
			out.Challenge = `Basic realm="rapport"`
		}
		return out, nil
	}
	form, err := url.ParseQuery(string(in.RawBody))
	if err != nil {
		return no(http.StatusBadRequest, "invalid_request", "the body is not a form")
	}
	for name, values := range form {
		if len(values) > 1 {
			return no(http.StatusBadRequest, "invalid_request", name+" is there more than once")
		}
	}
	switch form.Get("grant_type") {
	case "client_credentials":
	case "":
		return no(http.StatusBadRequest, "invalid_request", "grant_type is missing: send a form with grant_type=client_credentials")
	default:
		return no(http.StatusBadRequest, "unsupported_grant_type", "grant_type must be client_credentials, in a form")
	}
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if scheme, basic, _ := strings.Cut(in.Authorization, " "); strings.EqualFold(scheme, "Basic") {
		text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(basic))
		if err != nil {
			return no(http.StatusUnauthorized, "invalid_client", "the Basic credentials are not base64")
		}
		user, password, _ := strings.Cut(string(text), ":")
		// RFC 6749 has both percent-encoded.
		if id, err = url.QueryUnescape(user); err != nil {
			id = user
		}
		if secret, err = url.QueryUnescape(password); err != nil {
			secret = password
		}
	}
	token, granted, err := a.Access.Index().ClientToken(id, secret, strings.Fields(form.Get("scope")), a.Clock.Now())
	switch fault.KindOf(err) {
	case fault.Unauthenticated:
		return no(http.StatusUnauthorized, "invalid_client", problemOf(err).Detail)
	case fault.Forbidden, fault.Invalid:
		if err != nil {
			return no(http.StatusBadRequest, "invalid_scope", problemOf(err).Detail)
		}
	}
	if err != nil {
		return nil, err
	}
	return &tokenAnswer{Status: http.StatusOK, CacheControl: "no-store", Pragma: "no-cache", Body: TokenView{
		Token: token, Type: "Bearer", ExpiresIn: int(access.TokenLife.Seconds()), Scope: strings.Join(granted, " "),
	}}, nil
}
