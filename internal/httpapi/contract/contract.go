// Package contract holds answers of the API against its OpenAPI document: what
// the tests of the API share. It never calls the API itself.
package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

// at is the name under which schemas refer to the document.
const at = "openapi.json"

// Contract is an OpenAPI document that answers are held against. It may be used
// by several goroutines.
type Contract struct {
	mu       sync.Mutex
	paths    map[string]map[string]any
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema
	kept     map[string]bool
}

// Answer is what the API said to a request.
type Answer struct {
	Method string
	Path   string // escaped, without the query
	Status int
	Header http.Header
	Body   []byte
}

// Read reads a document, in YAML.
func Read(file string) (*Contract, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var loose any
	if err := yaml.Unmarshal(text, &loose); err != nil {
		return nil, err
	}
	asJSON, err := json.Marshal(loose) // YAML has other numbers than the validator takes
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		return nil, err
	}
	c := &Contract{
		compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{},
		paths: map[string]map[string]any{}, kept: map[string]bool{},
	}
	if err := c.compiler.AddResource(at, doc); err != nil {
		return nil, err
	}
	for path, item := range doc.(map[string]any)["paths"].(map[string]any) {
		c.paths[path] = item.(map[string]any)
	}
	return c, nil
}

// Breaks says where an answer is not what the document says; empty: nowhere.
// What is no JSON is held against its status and type alone. Addresses outside
// of /api/v1/ are not the document's matter, and neither is what any source may
// send.
func (c *Contract) Breaks(a Answer) string {
	if !strings.HasPrefix(a.Path, "/api/v1/") || strings.HasPrefix(a.Path, "/api/v1/ingest/") {
		return ""
	}
	route := c.route(a.Method, a.Path)
	if route == "" {
		if a.Status >= 400 {
			return ""
		}
		return "the OpenAPI document has no such route"
	}
	key, response := c.response(route, &a)
	if response == nil {
		return "the OpenAPI document has no such answer"
	}
	why := c.says(route, key, response, &a)
	if why == "" && a.Status < 400 && a.Status != http.StatusNotModified {
		c.mu.Lock()
		c.kept[a.Method+" "+route] = true
		c.mu.Unlock()
	}
	return why
}

// Has tells whether the document has an operation for an escaped path.
func (c *Contract) Has(method, path string) bool { return c.route(method, path) != "" }

// Takes tells whether an operation takes a value of a parameter in the query.
func (c *Contract) Takes(method, path, name, value string) bool {
	op, _ := c.paths[c.route(method, path)][strings.ToLower(method)].(map[string]any)
	parameters, _ := op["parameters"].([]any)
	return slices.ContainsFunc(parameters, func(p any) bool {
		m, _ := p.(map[string]any)
		schema, _ := m["schema"].(map[string]any)
		values, _ := schema["enum"].([]any)
		return m["in"] == "query" && m["name"] == name && slices.Contains(values, any(value))
	})
}

// says holds the body of an answer against what the document says of it.
func (c *Contract) says(route, key string, response map[string]any, a *Answer) string {
	kind, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	content, _ := response["content"].(map[string]any)
	if len(a.Body) == 0 {
		return ""
	}
	media, ok := content[kind].(map[string]any)
	if !ok {
		return fmt.Sprintf("the OpenAPI document has no answer of the type %q", kind)
	}
	if media["schema"] == nil || kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return ""
	}
	return c.fits(route, strings.ToLower(a.Method), key, kind, a.Body)
}

// Missing are the operations of which no answer of success was held against the
// document yet, as "METHOD /path", sorted.
func (c *Contract) Missing() (out []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for path, item := range c.paths {
		for name := range item {
			method := strings.ToUpper(name)
			if slices.Contains(methods, method) && strings.HasPrefix(path, "/api/v1/") && !c.kept[method+" "+path] {
				out = append(out, method+" "+path)
			}
		}
	}
	slices.Sort(out)
	return out
}

// methods are the members of a path's item that are operations.
var methods = []string{http.MethodGet, http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete}

// response is what the document says of a status: under its own key, or the one
// that stands for all problems.
func (c *Contract) response(route string, a *Answer) (key string, response map[string]any) {
	op := c.paths[route][strings.ToLower(a.Method)].(map[string]any)
	responses := op["responses"].(map[string]any)
	key = fmt.Sprint(a.Status)
	response, ok := responses[key].(map[string]any)
	if !ok && a.Status >= 400 {
		key = "default"
		response, _ = responses[key].(map[string]any)
	}
	return key, response
}

func (c *Contract) fits(route, method, status, kind string, body []byte) string {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err.Error()
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	place := at + "#/paths/" + escape.Replace(route) + "/" + method + "/responses/" + status + "/content/" + escape.Replace(kind) + "/schema"
	c.mu.Lock()
	defer c.mu.Unlock()
	schema := c.schemas[place]
	if schema == nil {
		if schema, err = c.compiler.Compile(place); err != nil {
			return err.Error()
		}
		c.schemas[place] = schema
	}
	if err := schema.Validate(v); err != nil {
		return err.Error()
	}
	return ""
}

// route finds the route of a path: the one with the most parts that are written
// out.
func (c *Contract) route(method, path string) (best string) {
	parts, most := strings.Split(path, "/"), -1
	for route, item := range c.paths {
		want := strings.Split(route, "/")
		if len(want) != len(parts) || item[strings.ToLower(method)] == nil {
			continue
		}
		same, fits := 0, true
		for i, w := range want {
			switch {
			case w == parts[i]:
				same++
			case !strings.HasPrefix(w, "{"):
				fits = false
			}
		}
		if fits && same > most {
			best, most = route, same
		}
	}
	return best
}
