package responder

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"rapport/internal/decision/offer"
	"rapport/internal/definition"
	"rapport/internal/experience"
	"rapport/internal/fault"
	"rapport/internal/predict"
)

// shelf is all that is live of what can be shown, made ready. It is immutable.
type shelf struct {
	sign        string
	offers      map[string]*offer.Ready
	places      map[string]*offer.Set
	experiences map[string]*experience.Ready
	filling     map[string][]*experience.Ready // by placement, the larger priority first
	onEvents    map[string][]string            // keys of experiences, by the name of the event
	public      *offer.PublicData
	computed    bool // something reads what is computed
}

// shelves makes the shelf anew where something of it changed.
type shelves struct {
	source definitions
	now    atomic.Pointer[shelf]
	index  atomic.Pointer[definition.Index] // that the shelf was last found to agree with
	making sync.Mutex
	read   map[docKey]any // guarded by making
	plain  map[docKey]bool
}

type docKey struct {
	kind    definition.Kind
	key     string
	version int
}

// get gives the shelf of today.
func (s *shelves) get(ctx context.Context) (*shelf, error) {
	index := s.source.Definitions()
	if now := s.now.Load(); now != nil && s.index.Load() == index {
		return now, nil
	}
	s.making.Lock()
	defer s.making.Unlock()
	index = s.source.Definitions()
	sign := signOf(index)
	if now := s.now.Load(); now != nil && now.sign == sign {
		s.index.Store(index)
		return now, nil
	}
	made, err := s.make(ctx, index)
	if err != nil {
		return nil, err
	}
	made.sign = sign
	s.now.Store(made)
	s.index.Store(index)
	return made, nil
}

// OnEvent lists the experiences that are given in the answer to an event of a
// name, in the order of their keys.
func (r *Responder) OnEvent(ctx context.Context, name string) ([]string, error) {
	s, err := r.shelf.get(ctx)
	if err != nil || len(s.onEvents) == 0 {
		return nil, err
	}
	all := slices.Concat(s.onEvents[name], s.onEvents["*"])
	slices.Sort(all)
	return slices.Compact(all), nil
}

// signOf names the live versions that a shelf is made of.
func signOf(index *definition.Index) string {
	var b []byte
	for _, kind := range []definition.Kind{definition.Offer, definition.Placement, definition.Experience, definition.PublicData, definition.PredictiveModel} {
		for _, series := range index.List(kind) {
			if v := series.Live(); v != nil {
				b = append(append(append(b, kind...), 0), series.Key...)
				b = strconv.AppendInt(append(b, 0), int64(v.Version), 10)
			}
		}
	}
	return string(b)
}

func (s *shelves) make(ctx context.Context, index *definition.Index) (*shelf, error) {
	out := &shelf{
		offers: map[string]*offer.Ready{}, places: map[string]*offer.Set{}, experiences: map[string]*experience.Ready{},
		filling: map[string][]*experience.Ready{}, public: &offer.PublicData{},
		onEvents: map[string][]string{},
	}
	if s.read == nil {
		s.read, s.plain = map[docKey]any{}, map[docKey]bool{}
	}
	for _, kind := range []definition.Kind{definition.PublicData, definition.Offer, definition.Experience, definition.Placement} {
		for _, series := range index.List(kind) {
			v := series.Live()
			if v == nil {
				continue
			}
			if err := s.add(ctx, index, out, docKey{kind, series.Key, v.Version}); err != nil {
				return nil, err
			}
		}
	}
	for _, list := range out.filling {
		slices.SortFunc(list, func(a, b *experience.Ready) int {
			return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Key, b.Key))
		})
	}
	return out, nil
}

// add puts one live version on the shelf.
func (s *shelves) add(ctx context.Context, index *definition.Index, out *shelf, at docKey) error {
	doc, err := s.load(ctx, at)
	if err != nil {
		return fmt.Errorf("%s %q: %w", at.kind, at.key, err)
	}
	out.computed = out.computed || !s.plain[at]
	switch x := doc.(type) {
	case *offer.PublicData:
		out.public.Segments = append(out.public.Segments, x.Segments...)
		out.public.Traits = append(out.public.Traits, x.Traits...)
	case *offer.Ready:
		out.offers[at.key] = x
	case *experience.Ready:
		out.experiences[at.key] = x
		if x.Type == experience.Web {
			out.filling[x.Placement] = append(out.filling[x.Placement], x)
		}
		for _, name := range slices.Compact(slices.Sorted(slices.Values(x.OnEvents))) {
			out.onEvents[name] = append(out.onEvents[name], at.key)
		}
	case *offer.Place:
		var model *predict.Model
		if key := x.Ranking.Model; key != "" {
			out.computed = true
			if v := index.Get(definition.PredictiveModel, key).Live(); v != nil {
				loaded, err := s.load(ctx, docKey{definition.PredictiveModel, key, v.Version})
				if err != nil {
					return fmt.Errorf("predictive model %q: %w", key, err)
				}
				model, _ = loaded.(*predict.Model)
			}
		}
		out.places[at.key] = offer.NewSet(x, out.offers, model)
	}
	return nil
}

// load reads a version once.
func (s *shelves) load(ctx context.Context, at docKey) (any, error) {
	if doc, ok := s.read[at]; ok {
		return doc, nil
	}
	d, err := s.source.Definition(ctx, at.kind, at.key, at.version)
	if err != nil {
		return nil, err
	}
	var doc any
	switch at.kind {
	case definition.Offer:
		doc, err = offer.ReadOffer(at.key, at.version, d.Document)
	case definition.Placement:
		doc, err = offer.ReadPlacement(at.key, at.version, d.Document)
	case definition.Experience:
		doc, err = experience.Read(at.key, at.version, d.Document)
	case definition.PublicData:
		doc, err = offer.ReadPublicData(d.Document)
	case definition.PredictiveModel:
		doc, err = loadModel(at.key, &d)
	default:
		err = fault.Errorf(fault.Invalid, "unknown_kind", "nothing shows a %s", at.kind)
	}
	if err != nil {
		return nil, err
	}
	s.read[at] = doc
	s.plain[at] = !bytes.Contains(d.Document, []byte("computed")) && !bytes.Contains(d.Document, []byte("affinities")) && !bytes.Contains(d.Document, []byte(`"model"`))
	return doc, nil
}

func loadModel(key string, d *definition.Definition) (*predict.Model, error) {
	spec, raw, err := predict.Unpack(key, d.ContentType, d.Document)
	if err != nil {
		return nil, err
	}
	return predict.Load(spec, raw)
}

// version gives a version of an experience that need not be live.
func (s *shelves) version(ctx context.Context, key string, version int) (*experience.Ready, error) {
	s.making.Lock()
	defer s.making.Unlock()
	if s.read == nil {
		s.read, s.plain = map[docKey]any{}, map[docKey]bool{}
	}
	doc, err := s.load(ctx, docKey{definition.Experience, key, version})
	if err != nil {
		return nil, err
	}
	x, _ := doc.(*experience.Ready)
	return x, nil
}
