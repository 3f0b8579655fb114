package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"html"
	"regexp"

	"rapport/internal/fault"
)

// Settings are what is written into the script for one source. Their members
// are those of the library's Config.
type Settings struct {
	Key     string   `json:"key"`
	Base    string   `json:"base,omitempty"` // from the script to the library's paths
	Consent string   `json:"consent,omitempty"`
	GPC     string   `json:"gpc,omitempty"`
	Pages   *bool    `json:"pages,omitempty"`
	Domains []string `json:"domains,omitempty"`
	Slots   []Slot   `json:"slots,omitempty"`
	Budget  int      `json:"budget,omitempty"` // milliseconds
}

// Slot is a place of a page that is found by selector.
type Slot struct {
	Placement string `json:"placement"`
	Selector  string `json:"selector"`
	BudgetMS  int    `json:"budget_ms,omitempty"`
}

// Snippet is how a page loads the library.
type Snippet struct {
	Version         string // of the library
	URL             string // of the script: its bytes never change
	Integrity       string // hash of these bytes, for the attribute integrity
	HTML            string // for the head of a page
	LatestURL       string // the newest library with the settings of now; no hash can be given
	Module          string // the library for bundlers; beside it its types
	Markup          string // the plug-in for HTML variants
	MarkupIntegrity string
	Panels          string // the plug-in for forms and notifications
	PanelsIntegrity string
}

var baseShape = regexp.MustCompile(`^(https?://[A-Za-z0-9.:-]+)?/([A-Za-z0-9._~-]+/)*$`)

// tagged is how many bytes of the tag stand in an address.
const tagged = 9

// seal writes settings into a part of an address. The tag says that this
// instance printed it: nobody else can make an address of the site's own that
// brings other settings.
func (d *Door) seal(s Settings) (string, error) {
	s.Base = ""
	text, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(d.tag(text), text...)), nil
}

func (d *Door) tag(text []byte) []byte {
	h := hmac.New(sha256.New, d.Key)
	_, _ = h.Write(text) // it never fails
	return h.Sum(nil)[:tagged]
}

// open reads settings out of an address; false where they were not printed here.
func (d *Door) open(part string) (s Settings, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil || len(raw) < tagged || !hmac.Equal(raw[:tagged], d.tag(raw[tagged:])) {
		return s, false
	}
	return s, json.Unmarshal(raw[tagged:], &s) == nil
}

// script is the library with settings before it.
func (d *Door) script(version string, s Settings, base string) ([]byte, bool) {
	library, ok := d.Files(version, scriptFile)
	if !ok {
		return nil, false
	}
	s.Base = base
	text, err := json.Marshal(s) // it escapes what could end a script
	if err != nil {
		return nil, false
	}
	out := append(make([]byte, 0, len(library)+len(text)+32), "{const RAPPORT="...)
	out = append(append(out, text...), ';')
	return append(append(out, library...), '}', '\n'), true
}

// Snippet says how a page loads the library with the settings of a write key.
// The base is where the page reaches the paths of this door: a path of its own
// site that is handed on, or the address of this server; it ends in a slash.
func (d *Door) Snippet(key, base string) (*Snippet, error) {
	s, ok := d.Settings(key)
	if !ok {
		return nil, fault.Errorf(fault.NotFound, "invalid_write_key", "no source has this write key")
	}
	if !baseShape.MatchString(base) {
		return nil, fault.Errorf(fault.Invalid, "invalid_base", "base is %q: give a path of the site such as /m/, or an address such as https://rapport.example.com/site/; it ends in a slash", base).At("base")
	}
	part, err := d.seal(s)
	if err != nil {
		return nil, err
	}
	body, ok := d.script(d.Version, s, pinnedBase)
	markup, found := d.Files(d.Version, markupFile)
	panels, there := d.Files(d.Version, panelsFile)
	if !ok || !found || !there {
		return nil, fault.Errorf(fault.Internal, "no_library", "this binary has no library of version %s", d.Version)
	}
	out := &Snippet{
		Version: d.Version, URL: base + d.Version + "/" + part + "/" + scriptFile, Integrity: integrity(body),
		LatestURL: base + key + ".js", Module: base + d.Version + "/" + moduleFile,
		Markup: base + d.Version + "/" + markupFile, MarkupIntegrity: integrity(markup),
		Panels: base + d.Version + "/" + panelsFile, PanelsIntegrity: integrity(panels),
	}
	out.HTML = `<script src="` + html.EscapeString(out.URL) + `" integrity="` + out.Integrity + `" crossorigin="anonymous"></script>`
	return out, nil
}

func integrity(body []byte) string {
	sum := sha512.Sum384(body)
	return "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
}
