package manifest

import (
	"net/http"
	"slices"
)

// Kind is a kind of definition, and how the API shows and takes it.
type Kind struct {
	Name string // the folder, or the file of what there is one of
	path string // after /api/v1
	// single: an instance has one. under: it belongs to each definition of
	// another kind, and path is what comes after that one's key.
	single bool
	under  string
	// member holds the document in an answer; empty: it lies open in the answer,
	// beside the members of wrap.
	member string
	wrap   []string
	drop   []string // members of the document that the server alone writes
	status bool     // its versions have statuses
	raw    bool     // the document is a file with options, not JSON
	// remove says how one is taken away; empty: it cannot be.
	remove string
	ended  []string // values of the member state in which it is over, and not carried
}

// How definitions are taken away.
const (
	archive = "archive"
	drop    = "delete"
)

var versioned = []string{"key", "version", "status", "live_version", "rollback_of", "changes", "state"}

// kinds lists every kind, in the order in which one may need another.
func kinds() []Kind {
	shelf := func(name string) Kind {
		return Kind{Name: name, path: "/" + name, member: "document", status: true, remove: archive}
	}
	rules := func(name, path string) Kind {
		return Kind{Name: name, path: path, single: true, member: "document", status: true, remove: archive}
	}
	flat := func(name string) Kind {
		return Kind{Name: name, path: "/" + name, wrap: versioned, status: true, remove: archive}
	}
	criterion := func(name string) Kind {
		k := shelf(name)
		k.remove = drop
		return k
	}
	mappings, pulls := shelf("import-mappings"), shelf("import-pulls")
	mappings.member, pulls.member = "mapping", "pull"
	models := Kind{Name: "decision-models", path: "/decision-models", member: "xml", status: true, remove: archive}
	ofModel := func(name, path string) Kind { return Kind{Name: name, under: "decision-models", path: path} }
	predictive := Kind{Name: "predictive-models", path: "/predictive-models", status: true, remove: archive, raw: true}
	experiments := Kind{Name: "experiments", path: "/experiments", member: "document", drop: []string{"phases"}, ended: []string{"stopped", "archived"}}
	broadcasts := Kind{Name: "broadcasts", path: "/broadcasts", wrap: append(slices.Clone(versioned), "standing")}
	return []Kind{
		rules("trait-schema", "/trait-schema"), rules("reconciliation", "/reconciliation"), rules("rfm", "/rfm"),
		rules("consent-policy", "/consent-policy"), rules("identity-rules", "/identity/rules"), rules("broadcast-rules", "/broadcast-rules"), rules("processing-statement", "/processing-statement"),
		shelf("entity-types"), shelf("tracking-plans"), shelf("retention-policies"),
		{Name: "sources", path: "/sources", wrap: []string{"key", "version", "changed_at", "write_keys"}, remove: drop},
		{Name: "suppressions", path: "/suppressions", wrap: []string{"key", "created_at", "entries"}, remove: drop},
		shelf("webhooks"), mappings, pulls, criterion("computed-traits"), criterion("affinities"), criterion("segments"),
		flat("connections"), predictive, models, ofModel("decision-model-tests", "/test-cases"), ofModel("decision-model-settings", "/settings"),
		shelf("offers"), shelf("placements"), shelf("experiences"), shelf("public-data"), experiments, flat("destinations"), broadcasts, shelf("alerts"),
	}
}

// KindNames lists the names of all kinds.
func KindNames() []string {
	var out []string
	for _, k := range kinds() {
		out = append(out, k.Name)
	}
	return out
}

func kindNamed(name string) *Kind {
	all := kinds()
	if i := slices.IndexFunc(all, func(k Kind) bool { return k.Name == name }); i >= 0 {
		return &all[i]
	}
	return nil
}

// address is where one definition is.
func (k *Kind) address(key string) string {
	switch {
	case k.single:
		return k.path
	case k.under != "":
		return kindNamed(k.under).address(key) + k.path
	}
	return k.path + "/" + escape(key)
}

// document cuts the definition out of an answer.
func (k *Kind) document(view *value) *value {
	doc := view
	switch {
	case k.member == "xml":
		return object(field{"xml", view.get("xml")})
	case k.member != "":
		doc = view.get(k.member)
	}
	doc = doc.without(append(slices.Clone(k.wrap), k.drop...)...)
	if len(k.wrap) > 0 {
		// What lies open says null where it says nothing.
		doc.fields = slices.DeleteFunc(doc.fields, func(f field) bool { return f.of.kind == 's' && f.of.scalar == nil })
	}
	return doc
}

// write is how a document is sent.
func (k *Kind) write(o *Object) (contentType, query string, body []byte) {
	if !k.raw {
		return "application/json", "", o.Document.JSON()
	}
	if options := o.Document.get("options"); options != nil {
		query = "options=" + queryEscape(string(options.JSON()))
	}
	return "application/octet-stream", query, []byte(o.Document.get("file").text())
}

// removal is the request that takes a definition away.
func (k *Kind) removal(key string, live string) (method, path string, body []byte) {
	if k.remove == drop {
		return http.MethodDelete, k.address(key), nil
	}
	return http.MethodPost, k.address(key) + "/status", []byte(`{"status":"archived","version":` + live + `}`)
}
