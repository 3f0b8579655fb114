package httpapi

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/access"
	"rapport/internal/fault"
	"rapport/internal/profile/schema"
)

// data tells whether a route's answers hold what is personal.
type data uint8

const (
	asArea     data = iota // as personalAreas say
	personal               // they do
	impersonal             // they do not
)

// personalAreas are those whose answers are about people unless a route says
// otherwise. An area is in one of the two lists.
func personalAreas() []access.Area {
	return []access.Area{
		access.Profiles, access.Identity, access.Entities, access.PrivacyDesk, access.Accounting, access.Segments, access.Decisions,
		access.Experiments, access.Experiences, access.Broadcasts, access.Destinations, access.Imports, access.Lake,
	}
}

// ofDocuments are the ends of paths at which documents that people wrote are
// read: they are edited and written back, and never say anything of a customer.
var ofDocuments = regexp.MustCompile(`/\{key\}(/(versions|diff|status|rollback|settings|history|test-cases))?$`)

// personalRoute tells whether the answers of a route are masked for members.
func (a *API) personalRoute(op *huma.Operation, said data) bool {
	area := access.Area(op.Tags[0])
	if said != asArea || !slices.Contains(personalAreas(), area) {
		return said == personal
	}
	_, list := a.huma.OpenAPI().Paths[op.Path+"/{key}"]
	return !list && !ofDocuments.MatchString(op.Path)
}

// sayPersonal settles it for all routes, once all are known.
func (a *API) sayPersonal() {
	for _, item := range a.huma.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Patch, item.Delete} {
			if op != nil && op.Metadata != nil {
				said, _ := op.Metadata[personalOf].(data)
				op.Metadata[personalOf] = a.personalRoute(op, said)
			}
		}
	}
}

// unmaskHeader asks to see what is personal and says why; the reason is noted.
const unmaskHeader = "X-Rapport-Unmask"

type sightKey struct{}

// sight is how much of what is personal a request gets to see.
type sight struct {
	masked bool
	hidden []string // traits that are never shown
	reason string   // why it asked to see; empty: it did not
	schema *schema.Schema
}

// sightOf tells it: members see people masked until they say why they look, and
// so do assistants, whose key is for a program that hands on what it reads.
func sightOf(p *access.Principal, op *huma.Operation, r *http.Request) (sight, error) {
	isPersonal, _ := op.Metadata[personalOf].(bool)
	if !isPersonal || !p.Masked() && !assisted(r.Context()) {
		return sight{}, nil
	}
	out := sight{masked: true}
	if p.Member != nil {
		out.hidden = p.Member.Hidden
	}
	reason, err := url.PathUnescape(r.Header.Get(unmaskHeader))
	if err != nil || len(reason) > 500 || !utf8.ValidString(reason) {
		return sight{}, fault.Errorf(fault.Invalid, "invalid_unmask", "the header %s has 3 to 500 characters, percent-encoded: say why you look", unmaskHeader)
	}
	if reason != "" {
		switch {
		case !p.MayUnmask():
			return sight{}, fault.Errorf(fault.Forbidden, "unmask_refused", "your roles do not let you see what is personal: ask an admin for a role that does")
		case utf8.RuneCountInString(reason) < 3:
			return sight{}, fault.Errorf(fault.Invalid, "invalid_unmask", "the header %s has 3 to 500 characters, percent-encoded: say why you look", unmaskHeader)
		}
		out.masked, out.reason = false, reason
	}
	if isRaw, _ := op.Metadata[rawOf].(bool); isRaw && (out.masked || len(out.hidden) > 0) {
		return sight{}, fault.Errorf(fault.Forbidden, "unmask_needed", "this file holds what is personal and cannot be masked: send the header %s and say why you look, or have somebody do it whose view is not limited", unmaskHeader)
	}
	return out, nil
}

// maskSign stands where something was masked, and nowhere else.
const maskSign = "•••"

// refuseMasked refuses to write down what was masked when it was read. Files
// that are read as a stream are of other origin.
func refuseMasked(r *http.Request, op *huma.Operation) error {
	if stream, _ := op.Metadata[takesOf].(string); r.Body == nil || op.RequestBody == nil || stream != "" {
		return nil
	}
	head, err := io.ReadAll(io.LimitReader(r.Body, op.MaxBodyBytes+1))
	if err != nil {
		return nil // the handler reads on and says what is wrong
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), r.Body), r.Body}
	if bytes.Contains(head, []byte(maskSign)) {
		return fault.Errorf(fault.Invalid, "masked_value", "the body holds a value that was masked (%s): read it again unmasked, or leave it out", maskSign)
	}
	return nil
}

// personalNames are members of objects whose values are personal, whatever they
// look like; without _ - and case.
func personalNames() []string {
	return []string{
		"email", "emailaddress", "phone", "phonenumber", "mobile", "telephone", "firstname", "lastname", "middlename", "givenname",
		"familyname", "fullname", "surname", "displayname", "username", "nickname", "address", "street", "streetaddress", "zip", "zipcode",
		"postalcode", "postcode", "birthday", "birthdate", "dateofbirth", "dob", "ip", "ipaddress", "avatar", "ssn", "iban", "taxid",
		"latitude", "longitude", "token", "pushtoken", "advertisingid",
	}
}

// traitHolders are objects whose members are traits.
func traitHolders() []string {
	return []string{"traits", "lineage", "contact", "billing", "shipping", "customer", "values", "conflicts", "losing"}
}

var (
	emailShape = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+`)
	// phoneShape is a number alone, or behind its namespace.
	phoneShape     = regexp.MustCompile(`^([a-z_]{1,40}:)?(\+[0-9]{2})[0-9 ()/.-]{4,19}[0-9]$`)
	personalMember = setOf(personalNames())
	holders        = setOf(traitHolders())
)

func setOf(names []string) map[string]bool {
	out := make(map[string]bool, len(names))
	for _, n := range names {
		out[n] = true
	}
	return out
}

// mask gives a JSON answer with what is personal masked, in the order in which
// it was. hidden names traits that are masked whatever the sight.
func (s sight) mask(doc []byte) (encoded, error) {
	m := masker{sight: s, dec: json.NewDecoder(bytes.NewReader(doc))}
	m.dec.UseNumber()
	if err := m.value("", false, false); err != nil {
		return nil, err
	}
	m.out.WriteByte('\n')
	return m.out.Bytes(), nil
}

type masker struct {
	sight
	dec *json.Decoder
	out bytes.Buffer
}

// value copies one value. hide masks all of it; inTraits says that names of
// members are names of traits.
func (m *masker) value(name string, hide, inTraits bool) error {
	t, err := m.dec.Token()
	if err != nil {
		return err
	}
	switch v := t.(type) {
	case json.Delim:
		if v == '{' {
			return m.object(hide, inTraits || holders[plain(name)])
		}
		return m.array(name, hide, inTraits)
	case string:
		return m.write(m.text(v, hide))
	case json.Number:
		if hide {
			return m.write(maskSign)
		}
		m.out.WriteString(v.String())
		return nil
	case bool:
		if hide {
			return m.write(maskSign)
		}
		return m.write(v)
	default: // null
		return m.write(v)
	}
}

func (m *masker) object(hide, inTraits bool) error {
	m.out.WriteByte('{')
	for i := 0; m.dec.More(); i++ {
		if i > 0 {
			m.out.WriteByte(',')
		}
		t, err := m.dec.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		if err := m.write(m.text(name, false)); err != nil {
			return err
		}
		m.out.WriteByte(':')
		within := hide || inTraits && slices.Contains(m.hidden, name) || m.masked && m.isPersonal(name, inTraits)
		if err := m.value(name, within, inTraits); err != nil {
			return err
		}
	}
	_, err := m.dec.Token()
	m.out.WriteByte('}')
	return err
}

// isPersonal tells members whose values say who somebody is: traits as they are
// declared, others by their names.
func (m *masker) isPersonal(name string, inTraits bool) bool {
	if inTraits && m.schema.Of(name) != nil {
		return m.schema.Personal(name)
	}
	return personalMember[plain(name)] || inTraits && m.schema.Personal(name)
}

func (m *masker) array(name string, hide, inTraits bool) error {
	m.out.WriteByte('[')
	for i := 0; m.dec.More(); i++ {
		if i > 0 {
			m.out.WriteByte(',')
		}
		if err := m.value(name, hide, inTraits); err != nil {
			return err
		}
	}
	_, err := m.dec.Token()
	m.out.WriteByte(']')
	return err
}

// text masks a string: all of it, what looks personal in it, or, where it is
// JSON itself, what is personal there.
func (m *masker) text(s string, hide bool) string {
	if trimmed := strings.TrimSpace(s); !hide && trimmed != "" && (trimmed[0] == '{' || trimmed[0] == '[') && json.Valid([]byte(trimmed)) {
		if inner, err := m.mask([]byte(trimmed)); err == nil {
			return strings.TrimSpace(string(inner))
		}
	}
	if !m.masked && !hide {
		return s
	}
	masked := emailShape.ReplaceAllStringFunc(s, maskEmail)
	switch {
	case masked != s:
		return masked
	case s == "":
		return s
	case hide:
		return maskSign
	}
	if parts := phoneShape.FindStringSubmatch(s); parts != nil {
		return parts[1] + parts[2] + maskSign + s[len(s)-2:]
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return maskSign
	}
	return s
}

// maskEmail keeps of an address what tells two apart at a glance.
func maskEmail(s string) string {
	local, domain, _ := strings.Cut(s, "@")
	_, top, _ := strings.Cut(domain, ".")
	return local[:1] + maskSign + "@" + domain[:1] + maskSign + "." + top
}

func plain(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name))
}

func (m *masker) write(v any) error {
	b, err := encode(v)
	if err != nil {
		return err
	}
	m.out.Write(bytes.TrimRight(b, "\n"))
	return nil
}
