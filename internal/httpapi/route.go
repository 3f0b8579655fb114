package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/access"
)

// Where an operation keeps the scope it asks for, and the types of bodies it
// takes beside JSON.
const (
	scopeOf   = "scope"
	acceptsOf = "accepts"
	takesOf   = "takes"
	// personalOf and rawOf tell routes whose answers hold what is personal, and
	// those that are not JSON that could be masked.
	personalOf = "personal"
	rawOf      = "raw"
)

// spec is one route.
type spec struct {
	id      string // OpenAPI's operation id, kebab-case
	method  string
	path    string // after /api/v1
	tag     string
	summary string
	scope   string
	status  int
	body    any      // a value of the type of the request's body, where the handler takes it raw
	returns any      // a value of the type of the answer, where the handler gives something freer
	also    []int    // other statuses of success
	accepts []string // types of the request's body beside JSON
	takes   string   // the one type of a request's body that the handler reads as a stream
	gives   []string // types of the answer that are no JSON
	outside bool     // the path is the whole one, and no key is asked for
	open    bool     // no key is asked for
	foreign bool     // others make the address: parameters that nobody knows are let be
	data    data     // whether what is personal is in the answer; left out: as its area says
	bare    bool     // the handler itself answers a request without a body
	maxBody int64    // bytes of the request's body, where it may be larger than others
}

// register adds a route. Whatever error its handler returns becomes a problem.
func register[I, O any](a *API, s spec, handler func(context.Context, *I) (*O, error)) {
	registry := a.huma.OpenAPI().Components.Schemas
	path := prefix[:len(prefix)-1] + s.path
	if s.outside {
		path = s.path
	}
	op := huma.Operation{
		OperationID: s.id, Method: s.method, Path: path, Summary: s.summary,
		Tags: []string{s.tag}, DefaultStatus: s.status, MaxBodyBytes: max(a.Limits.Body, s.maxBody),
		BodyReadTimeout: a.Limits.ReadTimeout,
		Metadata: map[string]any{
			scopeOf: s.scope, acceptsOf: s.accepts, takesOf: s.takes,
			personalOf: s.data, rawOf: len(s.gives) > 0 || raw[O](),
		},
		Security:  []map[string][]string{{"secret_key": {s.scope}}, {"oauth": {s.scope}}, {"session": {}}},
		Responses: map[string]*huma.Response{},
	}
	if s.outside || s.open {
		op.Security = nil
		a.open[op.Path] = true
	}
	op.SkipValidateParams = s.foreign
	if s.body != nil {
		op.SkipValidateBody = true // the domain says better what is wrong
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {Schema: schemaOf(registry, s.body)},
		}}
		for _, kind := range s.accepts {
			op.RequestBody.Content[kind] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
		}
	}
	if s.takes != "" {
		op.SkipValidateBody = true
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{s.takes: {}}}
	}
	content := s.content(registry)
	if len(content) > 0 {
		op.Responses[strconv.Itoa(s.status)] = &huma.Response{Description: http.StatusText(s.status), Content: content}
	}
	for _, status := range s.also {
		r := &huma.Response{Description: http.StatusText(status)}
		if status/100 == 2 {
			r.Content = content
		}
		op.Responses[strconv.Itoa(status)] = r
	}
	op.Responses["default"] = problemResponse(registry)
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, problemOf(err)
		}
		return out, nil
	})
	if s.bare { // huma requires what is read raw
		op.RequestBody.Required = false
	}
	for _, status := range s.also { // made or changed, it is answered with the same
		if usual := op.Responses[strconv.Itoa(s.status)]; status/100 == 2 && usual != nil && len(op.Responses[strconv.Itoa(status)].Content) == 0 {
			op.Responses[strconv.Itoa(status)].Content = usual.Content
		}
	}
	if s.body != nil {
		documented := a.huma.OpenAPI().Paths[op.Path]
		for _, o := range []*huma.Operation{documented.Put, documented.Post, documented.Patch} {
			if o != nil && o.RequestBody != nil {
				delete(o.RequestBody.Content, "application/octet-stream")
			}
		}
	}
}

// raw tells answers that are not JSON made from a value.
func raw[O any]() bool {
	t := reflect.TypeFor[O]()
	if t == reflect.TypeFor[huma.StreamResponse]() {
		return true
	}
	f, ok := t.FieldByName("Body")
	return ok && (f.Type.Kind() == reflect.Func || f.Type == reflect.TypeFor[[]byte]())
}

// content is what the route answers with, where the handler's type does not say
// it.
func (s *spec) content(registry huma.Registry) map[string]*huma.MediaType {
	out := map[string]*huma.MediaType{}
	if s.returns != nil {
		out["application/json"] = &huma.MediaType{Schema: schemaOf(registry, s.returns)}
	}
	for _, kind := range s.gives {
		out[kind] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	}
	return out
}

func schemaOf(registry huma.Registry, v any) *huma.Schema {
	s := huma.SchemaFromType(registry, typeOf(v))
	admitNull(s, typeOf(v))
	return s
}

func problemResponse(registry huma.Registry) *huma.Response {
	return &huma.Response{
		Description: "A problem, by RFC 9457",
		Content:     map[string]*huma.MediaType{problemType: {Schema: schemaOf(registry, Problem{})}},
	}
}

// jsonFormat reads and writes JSON.
var jsonFormat = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		body, ok := v.(encoded)
		if !ok {
			var err error
			if body, err = encode(v); err != nil {
				return err
			}
		}
		_, err := w.Write(body)
		return err
	},
	Unmarshal: json.Unmarshal,
}

// encoded is an answer that is JSON already.
type encoded []byte

// encode makes an answer's body before anything of it is sent, so that one that
// cannot be encoded is still answered with an error. Nothing is escaped for
// HTML.
func encode(v any) (encoded, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// describe is the head of the OpenAPI document.
func describe(version string) *huma.OpenAPI {
	schemas := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	schemas.RegisterTypeAlias(reflect.TypeFor[json.Number](), reflect.TypeFor[float64]())
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Rapport", Version: version,
			Description: "The own API of a Rapport instance. Events come in at /v1/ in the dialects of their clients.",
			License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Components: &huma.Components{
			Schemas: schemas,
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"secret_key": {Type: "http", Scheme: "bearer", Description: "A secret key, " + access.SecretPrefix + "…"},
				"session":    {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "A member who signed in; whatever changes something carries the header " + consoleHeader + ": 1"},
				"oauth": {Type: "oauth2", Description: "The id of a secret key as client id and the key as client secret", Flows: &huma.OAuthFlows{
					ClientCredentials: &huma.OAuthFlow{TokenURL: tokenPath, Scopes: map[string]string{
						access.ScopeRead: "Read", access.ScopeWrite: "Write", access.ScopeAdmin: "Everything",
					}},
				}},
			},
		},
		Tags: []*huma.Tag{
			{Name: "profiles", Description: "Who people are and what they did"},
			{Name: "identity", Description: "Which identifiers make one person: rules, what operators say, the audit"},
			{Name: "entities", Description: "Orders, carts, catalog items and accounts"},
			{Name: "segments", Description: "Segments, computed traits and affinities: definitions with versions, evaluated for everybody at every moment"},
			{Name: "decisions", Description: "Decision models: DMN documents with versions, test cases and evaluation"},
			{Name: "experiments", Description: "Experiments: who gets which variant, and what they showed"},
			{Name: "destinations", Description: "Who outside is told what, and what came of it"},
			{Name: "lake", Description: "The data lake: Parquet files of what happened and who is known"},
			{Name: "broadcasts", Description: "Messages to everybody in a segment"},
			{Name: "privacy", Description: "Requests of people: what is known of them, and to be forgotten"},
			{Name: "imports", Description: "Tables of others: imports, their mappings, and pulls that fetch tables by themselves"},
			{Name: "sources", Description: "What comes in: tracking plans, webhooks, entity types"},
			{Name: "accounting", Description: "Where every event went"},
			{Name: "access", Description: "Keys, members and what they did"},
			{Name: "self", Description: "Who signed in"},
			{Name: "process", Description: "The instance itself"},
		},
	}
}
