package decider

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/decision/connection"
	"rapport/internal/decision/kept"
	"rapport/internal/decision/model"
	"rapport/internal/decision/settings"
	"rapport/internal/definition"
	"rapport/internal/dmn"
	"rapport/internal/dmn/dmnxml"
	"rapport/internal/feel"
)

// wiring finds what a document depends on while it is compiled, and notes it.
type wiring struct {
	*models
	ctx    context.Context //nolint:containedctx // of the compilation, which hands none to its callbacks
	index  *definition.Index
	key    string // of the model itself
	strict bool   // what is missing is an error, not a null
	fixed  []kept.Pin
	pins   []kept.Pin
}

// compile makes a document ready with what it depends on.
func (w *wiring) compile(document []byte) (*runnable, []model.Problem) {
	r := &runnable{key: w.key, settings: &settings.Settings{}}
	if err := w.loadSettings(r); err != nil {
		return nil, []model.Problem{{Severity: "error", Message: err.Error()}}
	}
	m, problems := model.Compile(document, model.Options{Import: w.imported, External: w.external, Given: r.types()})
	if m == nil {
		return nil, problems
	}
	r.Model, r.pins = m, w.pins
	r.runs.New = func() any { return m.NewRun() }
	return r, problems
}

// version finds the version of a definition that counts: the one that is fixed,
// else the live one; 0 where there is none.
func (w *wiring) version(kind definition.Kind, key string) int {
	n := 0
	if w.fixed != nil {
		i := slices.IndexFunc(w.fixed, func(p kept.Pin) bool { return p.Kind == kind && p.Key == key && p.Namespace == "" })
		if i >= 0 {
			n = w.fixed[i].Version
		}
	} else if v := w.index.Get(kind, key).Live(); v != nil {
		n = v.Version
	}
	w.note(kept.Pin{Kind: kind, Key: key, Version: n})
	return n
}

func (w *wiring) note(p kept.Pin) {
	if !slices.Contains(w.pins, p) {
		w.pins = append(w.pins, p)
	}
}

// loadSettings reads the settings of the model and the connections they name.
func (w *wiring) loadSettings(r *runnable) error {
	n := w.version(definition.DecisionModelSettings, w.key)
	if n == 0 {
		return nil
	}
	d, err := w.source.Definition(w.ctx, definition.DecisionModelSettings, w.key, n)
	if err != nil {
		return err
	}
	if r.settings, err = settings.Read(d.Document); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(r.settings.Inputs)) {
		in := r.settings.Inputs[name]
		a := answered{name: name, params: in.Parameters(), source: Source{Key: in.Connection}}
		a.source.Version = w.version(definition.DataConnection, in.Connection)
		if a.source.Version == 0 {
			a.broken = fmt.Errorf("there is no live connection %q", in.Connection)
		} else {
			a.source.Connection, a.broken = w.connection(in.Connection, a.source.Version)
		}
		r.inputs = append(r.inputs, a)
	}
	return nil
}

func (w *wiring) connection(key string, version int) (*connection.Connection, error) {
	d, err := w.source.Definition(w.ctx, definition.DataConnection, key, version)
	if err != nil {
		return nil, err
	}
	return connection.Read(d.Document)
}

// imported finds a model that another one imports: by its location, which is
// the key of a model, with @ and a number for one version, or else by its
// namespace among the live models.
func (w *wiring) imported(namespace, location string) (*dmnxml.Definitions, error) {
	key, version, err := splitVersion(strings.TrimSuffix(strings.TrimSuffix(path.Base(location), ".dmn"), ".xml"))
	if err != nil {
		return nil, err
	}
	switch s := w.index.Get(definition.DecisionModel, key); {
	case location == "" || s == nil && version == 0:
		return w.byNamespace(namespace)
	case version != 0:
		if s.At(version) == nil {
			return nil, fmt.Errorf("there is no version %d of a model %q", version, key)
		}
	default:
		if version = w.version(definition.DecisionModel, key); version == 0 {
			return nil, fmt.Errorf("no version of the model %q is live", key)
		}
	}
	return w.decode(key, version)
}

func (w *wiring) byNamespace(namespace string) (*dmnxml.Definitions, error) {
	for _, p := range w.fixed {
		if p.Namespace == namespace && p.Version != 0 {
			w.note(p)
			return w.decode(p.Key, p.Version)
		}
	}
	for _, s := range w.index.List(definition.DecisionModel) {
		v := s.Live()
		if w.fixed != nil || v == nil || s.Key == w.key {
			continue
		}
		has, err := w.namespace(modelKey{s.Key, v.Version})
		if err != nil || has != namespace {
			continue // one that cannot be read is not the one
		}
		w.note(kept.Pin{Kind: definition.DecisionModel, Key: s.Key, Version: v.Version, Namespace: namespace})
		return w.decode(s.Key, v.Version)
	}
	w.note(kept.Pin{Kind: definition.DecisionModel, Namespace: namespace})
	return nil, fmt.Errorf("no live model has the namespace %q: PUT it first, or name its key as the import's locationURI", namespace)
}

func (w *wiring) decode(key string, version int) (*dmnxml.Definitions, error) {
	d, err := w.source.Definition(w.ctx, definition.DecisionModel, key, version)
	if err != nil {
		return nil, err
	}
	return dmnxml.Decode(d.Document)
}

// namespace gives that of a stored version, which never changes.
func (w *wiring) namespace(at modelKey) (string, error) {
	if known, ok := w.spaces.Load(at); ok {
		return known.(string), nil
	}
	defs, err := w.decode(at.key, at.version)
	if err != nil {
		return "", err
	}
	w.spaces.Store(at, defs.Namespace)
	return defs.Namespace, nil
}

// external gives the bodies of functions that are not FEEL.
func (w *wiring) external(f dmn.ExternalFunction) (feel.NativeFunc, error) {
	switch strings.ToLower(f.Kind) {
	case "pmml":
		return w.prediction(f, "document")
	case "predictive":
		return w.prediction(f, "model")
	case "javascript":
		return scripted(f)
	}
	return nil, fmt.Errorf("functions of kind %q are not known: PMML, predictive and JavaScript are", f.Kind)
}

// splitVersion takes a version off a name, as in churn@3; 0 where there is none.
func splitVersion(name string) (key string, version int, err error) {
	key, number, ok := strings.Cut(name, "@")
	if !ok {
		return name, 0, nil
	}
	if version, err = strconv.Atoi(number); err != nil || version < 1 {
		return key, 0, fmt.Errorf("%q names no version: give %s@ and a number", name, key)
	}
	return key, version, nil
}
