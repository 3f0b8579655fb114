package links

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rapport/internal/message/link"
)

// Standing is what a recipient gets, and in which language to say so.
type Standing struct {
	Language string // of the person, such as de; empty: not known
	Choices  []Choice
}

// Choice is one kind of message on one channel.
type Choice struct {
	Purpose, Channel string
	Name             string            // of the purpose, for people
	Names            map[string]string // in other languages
	On               bool              // the recipient gets it
}

// key names a choice in a form.
func (c *Choice) key() string {
	return url.QueryEscape(c.Purpose) + "|" + url.QueryEscape(c.Channel)
}

const maxForm = 64 << 10

// prefer shows what a recipient gets, and takes what the recipient wants.
func (d *Door) prefer(w http.ResponseWriter, r *http.Request, l link.Link) {
	standing, err := d.Standing(r.Context(), l)
	if err != nil {
		d.fail(w, r, "preferences", err)
		return
	}
	v := view{status: http.StatusOK, say: choose, link: l, standing: standing}
	if r.Method != http.MethodPost {
		d.show(w, r, v)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		d.show(w, r, view{status: http.StatusBadRequest, say: later})
		return
	}
	changed := chosen(standing.Choices, r.PostForm)
	if len(changed) > 0 {
		if err := d.Choose(r.Context(), l, changed); err != nil {
			d.fail(w, r, "preferences", err)
			return
		}
	}
	for _, c := range changed {
		if !c.On && c.Purpose == l.Purpose && c.Channel == l.Channel {
			d.tell(r, l, "Unsubscribed")
		}
	}
	if v.standing, err = d.Standing(r.Context(), l); err != nil {
		d.fail(w, r, "preferences", err)
		return
	}
	v.saved = true
	d.show(w, r, v)
}

// chosen are the choices that a form changes. What the form did not show stays.
func chosen(have []Choice, form url.Values) (changed []Choice) {
	none := form.Get("none") != ""
	for _, c := range have {
		shown := slices.Contains(form["choice"], c.key())
		on := slices.Contains(form["on"], c.key()) && !none
		if (shown || none) && on != c.On {
			c.On = on
			changed = append(changed, c)
		}
	}
	return changed
}

// preferences is the path of the page on which a recipient chooses.
func (d *Door) preferences(l link.Link) string {
	l.Action, l.Target = link.Preferences, ""
	address := d.Links.URL(l)
	if at := strings.LastIndex(address, link.Path); at >= 0 {
		return address[at:]
	}
	return ""
}

// languageOf is the language of a page: the recipient's own, else what the
// browser asks for first of those that there are.
func (d *Door) languageOf(ctx context.Context, v *view, accept string) string {
	if v.standing == nil && v.link.Identifier != "" && d.Standing != nil {
		if s, err := d.Standing(ctx, v.link); err == nil {
			v.standing = s
		}
	}
	if v.standing != nil {
		if _, ok := texts[strings.ToLower(v.standing.Language)]; ok {
			return strings.ToLower(v.standing.Language)
		}
	}
	for part := range strings.SplitSeq(accept, ",") {
		tag, weight, _ := strings.Cut(part, ";")
		name, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		if _, ok := texts[name]; ok && strings.TrimSpace(weight) != "q=0" {
			return name
		}
	}
	return "en"
}

// masked is an address that its owner knows again and nobody else learns.
func masked(address string) string {
	name, domain, mail := strings.Cut(address, "@")
	letters := []rune(name)
	if !mail || len(letters) == 0 {
		return "•••"
	}
	return string(letters[:1]) + "•••@" + domain
}
