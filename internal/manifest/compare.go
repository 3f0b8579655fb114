package manifest

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"rapport/internal/fault"
)

// Mask is what the API shows in the place of a secret, and takes as: leave it as
// it is.
const Mask = "********"

// placeholder stands in a file for a secret that is in the environment.
var placeholder = regexp.MustCompile(`^\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}$`)

// equal tells whether an instance has what a file says. A secret of the instance
// is whatever the file leaves as it is, or takes from the environment.
func equal(instance, file *value) bool { return same(instance, masked(instance, file)) }

// masked is a file's document with the mask where the instance has it and the
// file has a placeholder.
func masked(instance, file *value) *value {
	return both(instance, file, func(i, f *value) *value {
		if i.text() == Mask && placeholder.MatchString(f.text()) {
			return i
		}
		return f
	})
}

// withPlaceholders is an instance's document with the file's placeholders.
func withPlaceholders(instance, file *value) *value {
	return both(file, instance, func(f, i *value) *value {
		if i.text() == Mask && placeholder.MatchString(f.text()) {
			return f
		}
		return i
	})
}

// both copies of, choosing each scalar by what stands in its place in beside.
func both(beside, of *value, choose func(beside, of *value) *value) *value {
	if beside == nil || of == nil || beside.kind != of.kind {
		return of
	}
	switch of.kind {
	case '{':
		out := object()
		for _, f := range of.fields {
			out.fields = append(out.fields, field{f.name, both(beside.get(f.name), f.of, choose)})
		}
		return out
	case '[':
		out := &value{kind: '['}
		for i, item := range of.items {
			var other *value
			if i < len(beside.items) {
				other = beside.items[i]
			}
			out.items = append(out.items, both(other, item, choose))
		}
		return out
	}
	return choose(beside, of)
}

// filledIn is a document with its placeholders replaced from the environment.
func filledIn(v *value) (*value, error) {
	var missing []string
	var fill func(v *value) *value
	fill = func(v *value) *value {
		switch v.kind {
		case '{':
			out := object()
			for _, f := range v.fields {
				out.fields = append(out.fields, field{f.name, fill(f.of)})
			}
			return out
		case '[':
			out := &value{kind: '['}
			for _, item := range v.items {
				out.items = append(out.items, fill(item))
			}
			return out
		}
		m := placeholder.FindStringSubmatch(v.text())
		if m == nil {
			return v
		}
		secret, ok := os.LookupEnv(m[1])
		if !ok {
			missing = append(missing, m[1])
		}
		return scalar(secret)
	}
	out := fill(v)
	if len(missing) > 0 {
		return nil, fault.Errorf(fault.Invalid, "missing_secret", "the environment lacks %s, which the file names: set it", strings.Join(missing, ", "))
	}
	return out, nil
}

func hasPlaceholder(v *value) bool {
	switch v.kind {
	case '{':
		return slices.ContainsFunc(v.fields, func(f field) bool { return hasPlaceholder(f.of) })
	case '[':
		return slices.ContainsFunc(v.items, hasPlaceholder)
	}
	return placeholder.MatchString(v.text())
}

// What is done with a definition.
const (
	Create = "create"
	Update = "update"
	Delete = "delete"
	Keep   = "keep" // it is not in the folder, and nobody asked to delete it
)

// Change is what makes an instance have what a folder says of one definition.
type Change struct {
	Verb   string
	Object *Object
	// Lines say what differs, member by member.
	Lines []string
	was   *Object // what the instance has; nil: nothing
}

// Options of a comparison.
type Options struct {
	Delete  bool // take away what the folder does not have
	Secrets bool // write again what takes secrets from the environment
}

// Compare says what it takes that an instance has what a folder says, in the
// order in which it can be done.
func Compare(instance, folder []*Object, o Options) []Change {
	var out []Change
	has, said := byName(instance), byName(folder)
	for _, want := range folder {
		is := has[want.Name()]
		if is == nil {
			out = append(out, Change{Verb: Create, Object: want})
			continue
		}
		lines := differences("", is.Document, masked(is.Document, want.Document))
		if is.Status != want.Status {
			lines = append([]string{"status: " + is.Status + " → " + want.Status}, lines...)
		}
		if len(lines) > 0 || o.Secrets && hasPlaceholder(want.Document) {
			out = append(out, Change{Update, want, lines, is})
		}
	}
	// What others may need goes last.
	for _, is := range slices.Backward(instance) {
		if said[is.Name()] != nil {
			continue
		}
		verb := Keep
		if o.Delete && kindNamed(is.Kind).remove != "" {
			verb = Delete
		}
		out = append(out, Change{Verb: verb, Object: is, was: is})
	}
	return out
}

func byName(all []*Object) map[string]*Object {
	out := make(map[string]*Object, len(all))
	for _, o := range all {
		out[o.Name()] = o
	}
	return out
}

// longest is how much of a value a line shows.
const longest = 60

func differences(at string, is, want *value) []string {
	if same(is, want) {
		return nil
	}
	if is != nil && want != nil && is.kind == want.kind && is.kind != 's' {
		var out []string
		if is.kind == '{' {
			for _, f := range is.fields {
				out = append(out, differences(at+"/"+f.name, f.of, want.get(f.name))...)
			}
			for _, f := range want.fields {
				if is.get(f.name) == nil {
					out = append(out, differences(at+"/"+f.name, nil, f.of)...)
				}
			}
			return out
		}
		for i := range max(len(is.items), len(want.items)) {
			out = append(out, differences(fmt.Sprintf("%s/%d", at, i), item(is, i), item(want, i))...)
		}
		return out
	}
	return []string{at + ": " + short(is) + " → " + short(want)}
}

func item(v *value, i int) *value {
	if i < len(v.items) {
		return v.items[i]
	}
	return nil
}

func short(v *value) string {
	if v == nil {
		return "(nothing)"
	}
	if s, ok := v.scalar.(string); ok && strings.Count(s, "\n") > 1 {
		return fmt.Sprintf("a text of %d lines", strings.Count(s, "\n")+1)
	}
	text := string(v.JSON())
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}
