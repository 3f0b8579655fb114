package assistant

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// kinds are the kinds of definitions that can be drafted, and where they are.
// Those are left out whose writing tells somebody outside something, or that
// hold a secret.
func kinds() map[string]string {
	return map[string]string{
		"segment": "/segments", "computed_trait": "/computed-traits", "affinity": "/affinities", "offer": "/offers",
		"placement": "/placements", "experience": "/experiences", "experiment": "/experiments",
	}
}

// draftNote stands before what an assistant says of its draft.
const draftNote = "Drafted by an assistant"

const conditionHelp = `A condition is a tree: {"all": [...]}, {"any": [...]}, {"none": [...]}, {"not": {...}}; ` +
	`{"trait": "plan", "op": "=", "value": "gold"}; {"event": "Order Completed", "count": {"min": 2}, "within": "30d"}; ` +
	`{"order": {}, "sum": {"currency": "EUR", "min": 100}, "within": "90d"}; {"profile": "last_seen", "within": "30d"}; {"segment": "vip"}; ` +
	`{"computed": "ltv", "op": ">", "value": 100}; {"consent": "marketing"}. What cannot be answered is refused with the place and the mend.`

// The arguments of the tools.
type (
	searchIn struct {
		Query, Cursor string
		Limit         int
	}
	explainIn struct{ Person, Segment string }
	previewIn struct{ Condition json.RawMessage }
	resultsIn struct {
		Experiment   string
		Once, Mature bool
		Cursor       string
	}
	healthIn      struct{}
	definitionsIn struct{ Kind, Key, Cursor string }
	draftIn       struct {
		Kind, Key, Note string
		Document        json.RawMessage
	}
)

func (s *Server) addTools() {
	cursor := text(2048, "next of the page before")
	s.addPeople(cursor)
	s.addResults(cursor)
	s.addDefinitions(cursor)
}

// addPeople adds the tools about people.
func (s *Server) addPeople(cursor *jsonschema.Schema) {
	add(s, "search_people", "People by the beginning of an identifier, such as jane@ or user_id:42. What is personal is masked, as the caller's role has it.",
		object([]string{"query"}, map[string]*jsonschema.Schema{
			"query":  word(512, "Beginning of an identifier's value, or namespace:beginning"),
			"limit":  {Type: "integer", Minimum: new(1.0), Maximum: new(50.0), Description: "How many at most; left out: 20"},
			"cursor": cursor,
		}), func(_ *Call, in *searchIn) Request {
			limit := in.Limit
			if limit == 0 {
				limit = 20
			}
			return get("/profiles", url.Values{"query": {in.Query}, "limit": {strconv.Itoa(limit)}, "cursor": some(in.Cursor)})
		})
	add(s, "explain_segments", "Which segments a person is in and which not, and why: of each condition whether it holds, and since when.",
		object([]string{"person"}, map[string]*jsonschema.Schema{
			"person":  word(2000, "A profile id, or namespace:value such as user_id:42"),
			"segment": text(128, "Key of the segment to explain; left out: all"),
		}), func(c *Call, in *explainIn) Request {
			c.Person = in.Person
			return get("/profiles/"+url.PathEscape(in.Person)+"/segments", url.Values{"segment": some(in.Segment)})
		})
	add(s, "preview_segment", "How many people a condition holds for, before it is a segment; nothing is stored. "+conditionHelp,
		object([]string{"condition"}, map[string]*jsonschema.Schema{"condition": {Type: "object", Description: "As in a segment"}}),
		func(_ *Call, in *previewIn) Request {
			return Request{Method: http.MethodPost, Target: "/segments/preview?wait=exact", Body: member("condition", in.Condition)}
		})
}

// addResults adds the tools about what came of things.
func (s *Server) addResults(cursor *jsonschema.Schema) {
	add(s, "read_experiment_results", "What an experiment showed up to now; without a key, the experiments there are.",
		object(nil, map[string]*jsonschema.Schema{
			"experiment": text(128, "Key of the experiment; left out: lists them"),
			"once":       {Type: "boolean", Description: "Leave out people who were shown several variants"},
			"mature":     {Type: "boolean", Description: "Leave out people whose windows are not over yet"},
			"cursor":     cursor,
		}), func(_ *Call, in *resultsIn) Request {
			if in.Experiment == "" {
				return get("/experiments", url.Values{"cursor": some(in.Cursor)})
			}
			return get("/experiments/"+url.PathEscape(in.Experiment)+"/results", url.Values{"once": yes(in.Once), "mature": yes(in.Mature)})
		})
	add(s, "read_health", "How the instance is: what fails, what is late, what is stuck, what the disk holds and when it is full.",
		object(nil, nil), func(*Call, *healthIn) Request { return get("/health", nil) })
}

// addDefinitions adds the tools for what people define.
func (s *Server) addDefinitions(cursor *jsonschema.Schema) {
	kind := &jsonschema.Schema{Type: "string", Description: "What is defined"}
	for _, k := range slices.Sorted(maps.Keys(kinds())) {
		kind.Enum = append(kind.Enum, k)
	}
	key := word(128, "Letters, digits, dots, hyphens, underscores")
	add(s, "read_definitions", "Definitions of a kind, or one with its document: what a draft can begin with.",
		object([]string{"kind"}, map[string]*jsonschema.Schema{"kind": kind, "key": text(128, "Left out: lists them"), "cursor": cursor}),
		func(_ *Call, in *definitionsIn) Request {
			if in.Key == "" {
				return get(kinds()[in.Kind], url.Values{"cursor": some(in.Cursor)})
			}
			return get(kinds()[in.Kind]+"/"+url.PathEscape(in.Key), nil)
		})
	add(s, draftTool, "Write a draft of a definition as a new version. It changes nothing: a person looks at it and makes it live. "+
		"Of an experiment that is there already no draft can be made. A segment is {\"name\": ..., \"condition\": ...}. "+conditionHelp,
		object([]string{"kind", "key", "document"}, map[string]*jsonschema.Schema{
			"kind": kind, "key": key, "document": {Type: "object", Description: "The whole definition"},
			"note": text(1000, "Why, for those who look at it"),
		}), func(_ *Call, in *draftIn) Request {
			note := draftNote
			if in.Note != "" {
				note += ": " + in.Note
			}
			return Request{
				Method: http.MethodPut, Body: in.Document,
				Target: kinds()[in.Kind] + "/" + url.PathEscape(in.Key) + "?" + url.Values{"status": {"draft"}, "note": {note}}.Encode(),
				// The state of an experiment is set on its newest version: a pause of
				// the one that runs would take the draft live.
				New: in.Kind == "experiment",
			}
		})
}

const draftTool = "draft_definition"

// add adds a tool whose arguments make one request.
func add[In any](s *Server, name, description string, schema *jsonschema.Schema, request func(*Call, *In) Request) {
	s.tools[name] = true
	closed, harmless := false, false
	tool := &mcp.Tool{
		Name: name, Description: description, InputSchema: schema,
		Annotations: &mcp.ToolAnnotations{ReadOnlyHint: name != draftTool, DestructiveHint: &harmless, OpenWorldHint: &closed},
	}
	mcp.AddTool(s.mcp, tool, func(ctx context.Context, req *mcp.CallToolRequest, _ any) (*mcp.CallToolResult, any, error) {
		// The arguments fit the schema. They are read anew, so that numbers stay
		// as they were written.
		in := new(In)
		if len(req.Params.Arguments) > 0 {
			if err := json.Unmarshal(req.Params.Arguments, in); err != nil {
				return nil, nil, fmt.Errorf("the arguments cannot be read: %w", err)
			}
		}
		call := callOf(ctx)
		reply := s.Ask(ctx, request(call, in))
		call.Status = reply.Status
		out, err := told(reply)
		return out, nil, err
	})
}

func get(path string, query url.Values) Request {
	for name, values := range query {
		if len(values) == 0 {
			delete(query, name)
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return Request{Method: http.MethodGet, Target: path}
}

func some(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

func yes(on bool) []string {
	if !on {
		return nil
	}
	return []string{"true"}
}

// member is an object with one member.
func member(name string, value json.RawMessage) []byte {
	return fmt.Appendf(nil, `{%q:%s}`, name, value)
}

func text(most int, description string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", MaxLength: &most, Description: description}
}

// word is a text that says something.
func word(most int, description string) *jsonschema.Schema {
	s := text(most, description)
	s.MinLength = new(1)
	return s
}

// object takes the members that are named, and no others.
func object(required []string, members map[string]*jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{
		Type: "object", Required: required, Properties: members, AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}},
	}
}
