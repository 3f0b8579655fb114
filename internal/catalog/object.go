package catalog

import (
	"encoding/json"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/event"
)

// objectSeparator stands between the type of an object and its own id.
const objectSeparator = "/"

// ObjectID is the id of an object among all entities: its type, which has no
// slash in it, and the id that is its own within the type.
func ObjectID(kind, own string) string { return kind + objectSeparator + own }

// SplitObject gives the type of an object and the id that is its own.
func SplitObject(entityID string) (kind, own string) {
	kind, own, _ = strings.Cut(entityID, objectSeparator)
	return kind, own
}

// ObjectView is an entity of a declared type as the API shows it.
type ObjectView struct {
	ID        string                     `json:"id"`
	Type      string                     `json:"type"`
	Customer  *event.Identifier          `json:"customer" doc:"Whose it is; null where nobody said"`
	Fields    map[string]json.RawMessage `json:"fields"`
	UpdatedAt clock.Instant              `json:"updated_at" doc:"When the newest thing was said"`
	Truncated bool                       `json:"truncated,omitempty"`
}

// ObjectView is the object as it is.
func (e *Entity) ObjectView() *ObjectView {
	kind, own := SplitObject(e.ID)
	return &ObjectView{
		ID: own, Type: kind, Customer: e.customerView(), Fields: e.under(FieldPrefix),
		UpdatedAt: e.updated(), Truncated: e.Truncated(),
	}
}

// Field is the canonical JSON of a free field, "" where there is none.
func (e *Entity) Field(name string) string { return e.raw(FieldPrefix + name) }
