package access

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"rapport/internal/disk"
	"rapport/internal/fault"
)

const (
	// viewsFile keeps the saved views.
	viewsFile = "views.json"
	// Of each member, and of all together.
	maxViews    = 100
	maxAllViews = 10_000
)

// View is a list as somebody looked at it, with a name: the part of its address
// that says what is shown.
type View struct {
	ID     string            `json:"id"`
	Name   string            `json:"name"`
	Screen string            `json:"screen"`
	Search map[string]string `json:"search"`
	// Shared says that everybody sees it, Owner is the member who made it.
	Shared  bool   `json:"shared,omitempty"`
	Owner   string `json:"owner"`
	Created string `json:"created_at"`
}

// Views are the saved views of an instance. What they hold is read anew each
// time, so that another node finds what this one kept.
type Views struct {
	register *Register
	mu       sync.Mutex
}

// OpenViews are those of a register's folder.
func OpenViews(r *Register) *Views { return &Views{register: r} }

var viewWord = regexp.MustCompile(`^[\w.:-]{1,128}$`)

// members of the address that a view of a list may keep. What people are looked
// up by is not among them: it names somebody, who may have to be forgotten.
func viewMembers(screen string) []string {
	switch screen {
	case "people":
		return []string{"segment"}
	case "segments":
		return []string{"q"}
	case "live":
		return []string{"source", "outcome"}
	case "dead-letters":
		return []string{"reason", "source"}
	}
	return nil
}

// ViewScreens are the lists that have views.
func ViewScreens() []string { return []string{"people", "segments", "live", "dead-letters"} }

func (w *View) check() error {
	w.Name = strings.TrimSpace(w.Name)
	switch {
	case w.Name == "" || len(w.Name) > 100:
		return invalid("/name", "the name has %d bytes: give 1 to 100", len(w.Name))
	case !slices.Contains(ViewScreens(), w.Screen):
		return invalid("/screen", "no list %q: give one of %s", w.Screen, strings.Join(ViewScreens(), ", "))
	case len(w.Search) == 0:
		return invalid("/search", "nothing says what is shown: give some of %s", strings.Join(viewMembers(w.Screen), ", "))
	}
	for name, v := range w.Search {
		switch {
		case !slices.Contains(viewMembers(w.Screen), name):
			return invalid("/search/"+name, "a view of %s cannot keep %q: give some of %s", w.Screen, name, strings.Join(viewMembers(w.Screen), ", "))
		case name == "q" && (v == "" || len(v) > 100), name != "q" && !viewWord.MatchString(v):
			return invalid("/search/"+name, "%q will not do: give a word of at most 100 letters", v)
		}
	}
	return nil
}

func (v *Views) read() (all []View, err error) {
	_, err = disk.ReadDocument(v.register.files, filepath.Join(v.register.dir, viewsFile), &all)
	return all, err
}

// change gives edit all views and keeps what it makes of them, but for those that
// nobody sees any more: a member's own who is gone, however they went.
func (v *Views) change(edit func([]View) ([]View, error)) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	all, err := v.read()
	if err != nil {
		return err
	}
	if all, err = edit(all); err != nil {
		return err
	}
	members := v.register.Index().Document()
	all = slices.DeleteFunc(all, func(w View) bool { return !w.Shared && members.member(w.Owner) == nil })
	text, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("keeping the saved views: %w", err)
	}
	return v.register.keepFile(viewsFile, text)
}

// Of gives the views of a list that a member sees, the member's own and those
// that are shared, by their names.
func (v *Views) Of(member, screen string) ([]View, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	all, err := v.read()
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(w View) bool { return w.Screen != screen || !w.Shared && w.Owner != member })
	slices.SortFunc(all, func(a, b View) int { return strings.Compare(a.Order(), b.Order()) })
	return all, nil
}

// Order sorts views for people.
func (w View) Order() string { return strings.ToLower(w.Name) + "\x00" + w.ID }

// Put makes a view, or changes the one of its id, which is the member's own or,
// for an admin, shared.
func (v *Views) Put(m *Member, w View) (View, error) {
	if err := w.check(); err != nil {
		return View{}, err
	}
	made := w.ID == ""
	if made {
		id, err := v.register.random(8)
		if err != nil {
			return View{}, err
		}
		w.ID, w.Owner, w.Created = "view_"+id, m.ID, stamp(v.register.clock.Now())
	}
	err := v.change(func(all []View) ([]View, error) {
		if made {
			own := 0
			for i := range all {
				if all[i].Owner == m.ID {
					own++
				}
			}
			if own >= maxViews || len(all) >= maxAllViews {
				return nil, fault.Errorf(fault.Conflict, "too_many_views", "you have %d saved views, and %d are possible: delete one first", own, maxViews)
			}
			return append(all, w), nil
		}
		i, err := ownView(all, m, w.ID)
		if err != nil {
			return nil, err
		}
		w.Owner, w.Created = all[i].Owner, all[i].Created
		all[i] = w
		return all, nil
	})
	return w, err
}

// ownView finds a view that a member may change.
func ownView(all []View, m *Member, id string) (int, error) {
	i := slices.IndexFunc(all, func(w View) bool { return w.ID == id && (w.Owner == m.ID || w.Shared) })
	switch {
	case i < 0:
		return 0, fault.Errorf(fault.NotFound, "unknown_view", "no saved view %q: list them to see which there are", id)
	case all[i].Owner != m.ID && !m.is(Admin):
		return 0, fault.Errorf(fault.Forbidden, "foreign_view", "the view %q is somebody else's: make one of your own", all[i].Name)
	}
	return i, nil
}

// Drop takes a view away.
func (v *Views) Drop(m *Member, id string) error {
	return v.change(func(all []View) ([]View, error) {
		i, err := ownView(all, m, id)
		if err != nil {
			return nil, err
		}
		return slices.Delete(all, i, i+1), nil
	})
}

// Sweep takes away what was the own of members who are gone; what they shared
// stays.
func (v *Views) Sweep() error {
	return v.change(func(all []View) ([]View, error) { return all, nil })
}
