package sitecore

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
)

// A browser id is a UUID that this instance can tell from any other without
// keeping it: its last five bytes are a seal of the ones before. So a browser
// that never did anything leaves nothing behind, and one that comes with the id
// of another system is sent for a new one.
const sealed = 11

// newBrowser makes a browser id.
func (d *Door) newBrowser() string {
	var b [16]byte
	d.Random(b[:])
	text, _ := hex.DecodeString(strings.ReplaceAll(id.UUID(b), "-", "")) // it sets the version
	copy(b[:], text)
	copy(b[sealed:], d.sealOf(b[:sealed]))
	return uuid(b)
}

func (d *Door) sealOf(b []byte) []byte {
	h := hmac.New(sha256.New, d.seal)
	_, _ = h.Write(b) // it never fails
	return h.Sum(nil)[:16-sealed]
}

// made tells whether a browser id was made here.
func (d *Door) made(browser string) bool {
	b, ok := bytesOf(browser)
	return ok && hmac.Equal(b[sealed:], d.sealOf(b[:sealed]))
}

// uuid writes sixteen bytes as a UUID, and bytesOf reads them.
func uuid(b [16]byte) string {
	t := hex.EncodeToString(b[:])
	return t[:8] + "-" + t[8:12] + "-" + t[12:16] + "-" + t[16:20] + "-" + t[20:]
}

func bytesOf(text string) (b [16]byte, ok bool) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return b, false
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(raw) != len(b) {
		return b, false
	}
	copy(b[:], raw)
	return b, true
}

// guestRef is the ref of the guest that a browser belongs to. It follows from
// the browser id alone, so it tells nothing of who that is, and it leads to the
// person for ever, whatever else the browser is linked to.
func (d *Door) guestRef(browser string) string {
	return refOf(d.Ref(event.Identifier{Namespace: event.AnonymousID, Value: browser}))
}

// refOf writes a profile id as a UUID, and profileOf reads one.
func refOf(profile string) string {
	raw, err := hex.DecodeString(profile)
	if err != nil || len(raw) != 16 {
		return profile
	}
	return uuid([16]byte(raw))
}

func profileOf(ref string) (string, bool) {
	b, ok := bytesOf(strings.ToLower(ref))
	return hex.EncodeToString(b[:]), ok
}

// createBrowser gives a browser id, or the one that the browser sends as a
// cookie.
func (d *Door) createBrowser(w http.ResponseWriter, r *http.Request) {
	key, _, err := d.tenant(r, jsondoc.Value{})
	if err != nil {
		refuse(w, r, err)
		return
	}
	browser := d.newBrowser()
	if c, err := r.Cookie(cookieName(key)); err == nil && d.made(c.Value) {
		browser = c.Value
	}
	if err := setCookie(w, r, key, browser); err != nil {
		refuse(w, r, err)
		return
	}
	b := append(appendOK(key, browser), `,"customer_ref":`...)
	answer(w, r, http.StatusCreated, append(jsondoc.AppendString(b, d.guestRef(browser)), '}'))
}

var errBrowser = fault.Errorf(fault.NotFound, "unknown_browser", "Invalid browser id/ref specified")

// showBrowser tells whose a browser is.
func (d *Door) showBrowser(w http.ResponseWriter, r *http.Request) {
	key, _, err := d.tenant(r, jsondoc.Value{})
	browser := r.PathValue("id")
	if err == nil && !d.made(browser) {
		err = errBrowser
	}
	if err != nil {
		refuse(w, r, err)
		return
	}
	b := append(appendOK(key, browser), `,"customer":{"ref":`...)
	answer(w, r, http.StatusOK, append(jsondoc.AppendString(b, d.guestRef(browser)), "}}"...))
}

// updateBrowser takes what a page says of its browser: an identity event of it.
func (d *Door) updateBrowser(w http.ResponseWriter, r *http.Request) {
	now := d.Now.Now()
	browser := r.PathValue("id")
	if !d.made(browser) {
		refuse(w, r, errBrowser)
		return
	}
	doc, err := jsondoc.Parse([]byte(r.URL.Query().Get("message")), jsondoc.DefaultLimits())
	if err != nil || doc.Root().Kind() != jsondoc.Object {
		refuse(w, r, fault.Errorf(fault.Invalid, "invalid_json", "message is no JSON object"))
		return
	}
	var b []byte
	doc.Root().EachBytes(func(key []byte, v jsondoc.Value) bool {
		if name := string(key); name != "type" && name != "browser_id" {
			b = appendMember(b, name, v.Raw())
		}
		return true
	})
	b = appendMember(b, "type", []byte(`"IDENTITY"`))
	b = appendMember(b, "browser_id", jsondoc.AppendString(nil, browser))
	if len(b) > MaxEvent {
		d.take(w, r, now, nil, tooLarge(MaxEvent))
		return
	}
	d.take(w, r, now, closed(b), nil)
}

// twoYears is how long a browser keeps its id, in seconds.
const twoYears = 63_072_000

// cookieName is where clients keep the browser id.
func cookieName(clientKey string) string {
	if clientKey == "" {
		return "sc_cid"
	}
	return "bid_" + clientKey
}

// setCookie sets the cookie that clients set themselves, where the page asks
// for it and is of the server's own domain: for sites that reach the server
// under a name of their own.
func setCookie(w http.ResponseWriter, r *http.Request, clientKey, browser string) error {
	domain := strings.TrimPrefix(strings.ToLower(r.URL.Query().Get("cookie_domain")), ".")
	if domain == "" {
		return nil
	}
	host := strings.ToLower(r.Host)
	if i := strings.LastIndexByte(host, ':'); i > 0 {
		host = host[:i]
	}
	if host != domain && !strings.HasSuffix(host, "."+domain) || !strings.Contains(domain, ".") {
		return fault.Errorf(fault.Invalid, "invalid_cookie_domain", "cookie_domain %.100q is not the domain of %s, so no browser would keep the cookie", domain, host)
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName(clientKey), Value: browser, Path: "/", Domain: domain, MaxAge: twoYears, Secure: true, SameSite: http.SameSiteNoneMode,
	})
	return nil
}
