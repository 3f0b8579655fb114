package httpapi

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// admitNulls says of members that may be null that they may, in all schemas.
func admitNulls(schemas huma.Registry) {
	for name, s := range schemas.Map() {
		admitNull(s, schemas.TypeFromRef("#/components/schemas/"+name))
	}
}

// admitNull says it of the members of one type: a pointer that is always written
// is null where there is nothing.
func admitNull(s *huma.Schema, t reflect.Type) {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return
	}
	for _, f := range reflect.VisibleFields(t) {
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := s.Properties[key]
		if p == nil || f.Type.Kind() != reflect.Pointer || strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero") {
			continue
		}
		if p.Ref == "" {
			p.Nullable = p.Type != ""
			continue
		}
		s.Properties[key] = &huma.Schema{AnyOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}, Description: p.Description}
	}
}
