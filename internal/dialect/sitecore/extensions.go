package sitecore

import (
	"net/http"
	"strings"

	"rapport/internal/fault"
	"rapport/internal/jsondoc"
	"rapport/internal/profile"
)

// An extension is a group of traits: those of the extension ext1 are ext1_…,
// those of its key other are ext1.other_….

func (d *Door) extensionRoutes() {
	d.mux.Handle("GET /v2.1/guests/{ref}/extensions", d.serve(false, (*call).listExtensions))
	d.mux.Handle("POST /v2.1/guests/{ref}/extensions", d.serve(true, (*call).createExtension))
	d.mux.Handle("GET /v2.1/guests/{ref}/extensions/{ext}", d.serve(false, (*call).getExtension))
	d.mux.Handle("PUT /v2.1/guests/{ref}/extensions/{ext}", d.serve(true, (*call).putExtension))
	d.mux.Handle("PATCH /v2.1/guests/{ref}/extensions/{ext}", d.serve(true, (*call).patchExtension))
	d.mux.Handle("DELETE /v2.1/guests/{ref}/extensions/{ext}", d.serve(true, (*call).deleteExtension))
	d.mux.Handle("GET /v2/guests/{ref}/{ext}", d.serve(false, (*call).getExtension))
	d.mux.Handle("POST /v2/guests/{ref}/{ext}", d.serve(true, (*call).patchExtension))
	d.mux.Handle("GET /v2/guests/{ref}/{ext}/{head}", d.serve(false, (*call).getExtension))
	d.mux.Handle("POST /v2/guests/{ref}/{ext}/{head}", d.serve(true, (*call).patchExtension))
	d.mux.Handle("DELETE /v2/guests/{ref}/{ext}", d.serve(true, (*call).deleteExtension))
	d.mux.Handle("DELETE /v2/guests/{ref}/{ext}/{head}", d.serve(true, (*call).deleteExtension))
}

// extension is one by its name and key, with how its traits begin.
type extension struct{ name, key, prefix string }

// extension is the one that the address and the body name.
func (c *call) extension() (x extension, err error) {
	head := c.PathValue("head")
	if head == "" {
		head = c.PathValue("ext")
	}
	if head == "" {
		head = c.body.Get("name").Text()
	}
	if head == "" {
		head = "ext"
	}
	x.name, x.key, _ = strings.Cut(head, ".")
	if k := c.body.Get("key").Text(); k != "" && x.key == "" {
		x.key = k
	}
	var ok bool
	if x.prefix, ok = extensionPrefix(x.name, x.key); !ok {
		return x, fault.Errorf(fault.NotFound, "extension_not_found", "there is no extension %.60q: its name begins with ext and has letters and digits only", head)
	}
	return x, nil
}

// valuesOf are the traits of an extension.
func valuesOf(v *profile.View, prefix string) []string {
	var names []string
	for trait := range v.Traits {
		if strings.HasPrefix(trait, prefix) {
			names = append(names, trait)
		}
	}
	return names
}

func (c *call) listExtensions() (reply, error) {
	p, err := c.paging()
	if err != nil {
		return reply{}, err
	}
	v, err := c.person(c.Context(), c.PathValue("ref"))
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, c.page(c.extensionsOf(v, strings.ToLower(c.PathValue("ref"))), p)}, nil
}

func (c *call) getExtension() (reply, error) {
	v, err := c.person(c.Context(), c.PathValue("ref"))
	if err != nil {
		return reply{}, err
	}
	return c.shownExtension(http.StatusOK, v)
}

func (c *call) shownExtension(status int, v *profile.View) (reply, error) {
	x, err := c.extension()
	if err != nil {
		return reply{}, err
	}
	head := strings.TrimSuffix(x.prefix, "_")
	for _, shown := range c.extensionsOf(v, strings.ToLower(c.PathValue("ref"))) {
		if shown["ref"] == head {
			return reply{status, shown}, nil
		}
	}
	return reply{}, fault.Errorf(fault.NotFound, "extension_not_found", "the guest has no extension %s", head)
}

func (c *call) createExtension() (reply, error) { return c.writeExtension(http.StatusCreated, false) }
func (c *call) putExtension() (reply, error)    { return c.writeExtension(http.StatusOK, true) }

func (c *call) patchExtension() (reply, error) {
	status := http.StatusOK
	if c.Method == http.MethodPost && c.PathValue("head") == "" {
		status = http.StatusCreated
	}
	return c.writeExtension(status, false)
}

func (c *call) deleteExtension() (reply, error) {
	if _, err := c.writeExtension(http.StatusNoContent, true); err != nil {
		return reply{}, err
	}
	return reply{http.StatusNoContent, nil}, nil
}

// writeExtension sets the values of an extension. whole takes the others away.
func (c *call) writeExtension(status int, whole bool) (reply, error) {
	v, err := c.person(c.Context(), c.PathValue("ref"))
	if err != nil {
		return reply{}, err
	}
	x, err := c.extension()
	if err != nil {
		return reply{}, err
	}
	shared := guestShared{Who: c.anchor(v)}
	if whole {
		shared.Clear = valuesOf(v, x.prefix)
		if len(shared.Clear) == 0 && status == http.StatusNoContent {
			return reply{}, fault.Errorf(fault.NotFound, "extension_not_found", "the guest has no extension %s", x.name)
		}
	}
	b := []byte(`{"extensions":[{"name":`)
	b = append(jsondoc.AppendString(b, x.name), `,"key":`...)
	b = append(jsondoc.AppendString(b, x.key), `,"values":`...)
	values := c.body
	if inner := c.body.Get("values"); inner.Kind() == jsondoc.Object {
		values = inner
	}
	if values.Exists() {
		b = append(b, values.Raw()...)
	} else {
		b = append(b, "{}"...)
	}
	doc, err := jsondoc.Parse(append(b, "}]}"...), jsondoc.Limits{Depth: 36, Keys: 4_000})
	if err != nil {
		return reply{}, fault.Errorf(fault.Invalid, "invalid_extension", "the extension cannot be read: %w", err)
	}
	if err := overfull(v.Traits, shared.Clear, doc.Root()); err != nil {
		return reply{}, err
	}
	if err := c.write(doc.Root(), &shared); err != nil {
		return reply{}, err
	}
	if status == http.StatusNoContent {
		return reply{status, nil}, nil
	}
	if v, err = c.person(c.Context(), c.PathValue("ref")); err != nil {
		return reply{}, err
	}
	return c.shownExtension(status, v)
}
