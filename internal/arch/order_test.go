package arch_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// The import order, from the first step of the flow to the last. A package may
// import what stands before it in its own row, and the rows named for its row.
var (
	// base knows nothing of customers; the standard library is all it has.
	base = []string{"fault", "clock", "id", "jsondoc", "wording", "trace"}
	// domain is what the product is about, in the order of the flow.
	domain = []string{
		"event", "identity", "consent", "policy", "retention", "catalog", "profile", "segment", "predict", "definition", "experiment", "trial",
		"decision", "effect", "broadcast", "experience", "journey", "message",
	}
	// flow carries events through the domain, over the contract of storage.
	flow = []string{"columns", "enrich", "rows", "graph", "pipeline", "watch", "schedule", "decider", "assigner", "responder", "outbox"}
	// house serves the edges and app; the domain and the flow are handed values.
	house = []string{"config", "telemetry", "blob", "disk", "access", "quota", "egress", "ingress", "relay", "rowfile", "tablefile", "feed", "health", "alert", "assistant"}
	// edges meet the outside. They never know one another: app joins them.
	edges = []string{
		"httpapi", "httpapi/*", "dialect", "dialect/*", "source", "source/*", "lake", "lake/*", "backup", "destination/*",
		"store/memory", "store/embedded", "store/postgres", "store/kafka",
	}
	// languages could be products of their own: they know nothing of this one.
	languages = []string{"feel", "dmn", "dmn/*"}
	// free may import anything below internal, and nothing imports them but cmd
	// and the tests beside them.
	free = []string{"app", "arch"}
)

// allowed gives what a folder of internal/ may import of internal/, and false
// for a folder that has no place yet.
func allowed(folder string) ([]string, bool) {
	lower := slices.Concat(base, languages, domain, []string{"store", "store/seal", "script", "destination"})
	if folder == "wording/wordingtest" {
		return []string{"wording"}, true
	}
	if i := place(base, folder); i >= 0 {
		return base[:i], true
	}
	if folder == "identity/identitytest" {
		return slices.Concat(base, []string{"event", "identity"}), true
	}
	if i := place(domain, folder); i >= 0 {
		// A part of a noun (identity/match) serves it: the noun may use it.
		return slices.Concat(base, languages, domain[:i], []string{domain[i] + "/*"}), true
	}
	switch {
	case folder == "feel":
		return nil, true
	case matches(languages, folder):
		return languages, true
	case folder == "script":
		// JavaScript boxes know of the product how it fails, and nothing else.
		return base, true
	case folder == "store":
		return slices.Concat(base, domain), true
	case folder == "destination":
		// The contract with the outside: the outbox sees no more of it.
		return slices.Concat(base, domain, []string{"message/*"}), true
	case folder == "destination/natives":
		// The register: the one place that names all destinations.
		return slices.Concat(base, []string{"destination", "destination/*"}), true
	case folder == "store/seal":
		return slices.Concat(base, []string{"store"}), true
	case folder == "store/transfer":
		return slices.Concat(base, []string{"store", "store/seal"}), true
	case folder == "store/storetest":
		return slices.Concat(lower, []string{"store/memory", "soak"}), true
	case folder == "soak":
		// Tests alone use it, wherever they are.
		return nil, true
	case folder == "store/postgres/pgtest":
		// It starts a server for tests and knows nothing of the product.
		return nil, true
	case folder == "demo", folder == "manifest":
		// They are clients: they know of the server what a client knows.
		return base, true
	}
	if i := place(house, folder); i >= 0 {
		return slices.Concat(base, house[:i]), true
	}
	if i := place(flow, folder); i >= 0 {
		return slices.Concat(lower, flow[:i], []string{flow[i] + "/*"}), true
	}
	if matches(edges, folder) {
		// A family's folder holds what its members share.
		family, _, _ := strings.Cut(folder, "/")
		// The proofs of who somebody is are parts of access.
		return slices.Concat(lower, flow, house, []string{family, "access/*"}), true
	}
	return []string{"*", "*/*"}, matches(free, folder)
}

// place finds the row's member that a folder is, or is a part of.
func place(row []string, folder string) int {
	return slices.IndexFunc(row, func(in string) bool {
		return folder == in || strings.HasPrefix(folder, in+"/")
	})
}

func matches(patterns []string, folder string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := path.Match(p, folder)
		return ok
	})
}

// order checks the imports of internal/ against the order of the flow.
func order(tr *tree) []string {
	var out []string
	for _, folder := range tr.folders() {
		if _, ok := allowed(folder); !ok {
			out = append(out, fmt.Sprintf("internal/%s has no place in the import order; give it one in internal/arch/order_test.go", folder))
		}
	}
	tr.source(func(f *file) {
		folder, ok := strings.CutPrefix(f.dir(), "internal/")
		if !ok {
			return
		}
		may, known := allowed(folder)
		for _, imp := range f.imports {
			if in, own := strings.CutPrefix(imp, module); own && known && !mayImport(folder, in, may) {
				out = append(out, fmt.Sprintf("%s imports %s: %s stands before it in the flow, or beside it", f.name, imp, folder))
			}
		}
		if place(base, folder) < 0 {
			return
		}
		for _, imp := range f.imports {
			if first, _, _ := strings.Cut(imp, "/"); strings.Contains(first, ".") {
				out = append(out, fmt.Sprintf("%s imports %s: %s has the standard library and no other", f.name, imp, folder))
			}
		}
	})
	return out
}

func mayImport(folder, imp string, may []string) bool {
	if imp == "console" || imp == "sdk/web" {
		return folder == "app" // files to serve: it knows nothing of internal
	}
	in, ok := strings.CutPrefix(imp, "internal/")
	if !ok || in == "app" || in == "arch" {
		return false // cmd, e2e and bench stand above internal; app above the rest
	}
	return in == folder || matches(may, in) || place(domain, in) >= 0 && matches(may, domain[place(domain, in)])
}
