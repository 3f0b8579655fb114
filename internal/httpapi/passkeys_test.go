package httpapi

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"rapport/internal/access"
)

// device is an authenticator made of software: it does what the standard asks of
// one, and what a test has it do wrong.
type device struct {
	key    *ecdsa.PrivateKey
	id     []byte
	handle string
	count  uint32
	flags  byte // UP 1, UV 4, BE 8, BS 16
	origin string
	party  string
}

func newDevice(t *testing.T) *device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &device{key: key, id: []byte(rand.Text()), flags: 1 | 4, origin: atHome, party: "rapport.example.com"}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (v *device) data(flags byte) []byte {
	host := sha256.Sum256([]byte(v.party))
	return binary.BigEndian.AppendUint32(append(host[:], flags), v.count)
}

func (v *device) client(kind, challenge string) []byte {
	text, _ := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": v.origin, "crossOrigin": false}) //nolint:errcheck // strings
	return text
}

// make makes a passkey by the options of the server.
func (v *device) make(t *testing.T, options map[string]any) string {
	t.Helper()
	v.handle, _ = options["user"].(map[string]any)["id"].(string)
	public, err := v.key.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	point := public.PublicKey().Bytes()
	cose, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		t.Fatal(err)
	}
	auth := v.data(v.flags | 0x40)
	auth = append(auth, make([]byte, 16)...)
	auth = append(binary.BigEndian.AppendUint16(auth, uint16(len(v.id))), v.id...)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": append(auth, cose...)})
	if err != nil {
		t.Fatal(err)
	}
	return v.credential(t, map[string]any{
		"clientDataJSON": b64(v.client("webauthn.create", options["challenge"].(string))), "attestationObject": b64(object), "transports": []string{"internal"},
	})
}

// show signs the server's challenge.
func (v *device) show(t *testing.T, options map[string]any) string {
	t.Helper()
	client, auth := v.client("webauthn.get", options["challenge"].(string)), v.data(v.flags)
	sum := sha256.Sum256(client)
	digest := sha256.Sum256(append(auth[:len(auth):len(auth)], sum[:]...))
	sig, err := v.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return v.credential(t, map[string]any{
		"clientDataJSON": b64(client), "authenticatorData": b64(auth), "signature": b64(sig), "userHandle": v.handle,
	})
}

func (v *device) credential(t *testing.T, response map[string]any) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"id": b64(v.id), "rawId": b64(v.id), "type": "public-key", "authenticatorAttachment": "platform", "clientExtensionResults": map[string]any{}, "response": response,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// asked begins a ceremony and gives ticket and options.
func (d *door) asked(t *testing.T, path string, headers []string) (ticket string, options map[string]any) {
	t.Helper()
	res, text := d.ask(t, "POST", path, "{}", headers...)
	var v struct {
		Ticket  string
		Options map[string]any
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	return v.Ticket, v.Options
}

func (d *door) addPasskey(t *testing.T, v *device, in []string) (reply, string) {
	t.Helper()
	ticket, options := d.asked(t, "/api/v1/session/passkeys/begin", in)
	return d.ask(t, "POST", "/api/v1/session/passkeys", `{"ticket":"`+ticket+`","name":"Laptop","credential":`+v.make(t, options)+`}`, in...)
}

// showPasskey signs in; the change bends what the device does in between.
func (d *door) showPasskey(t *testing.T, v *device) (reply, string) {
	t.Helper()
	ticket, options := d.asked(t, "/api/v1/session/passkey/begin", anybody)
	v.count++
	return d.ask(t, "POST", "/api/v1/session/passkey", `{"ticket":"`+ticket+`","credential":`+v.show(t, options)+`}`, anybody...)
}

func TestPasskey_FromMakingToTakingAway(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.api.PublicURL = atHome
	m, cookie := d.member(t, access.Admin)
	in := []string{"Authorization", "", "Cookie", cookie, consoleHeader, "1"}
	v := newDevice(t)
	_, options := d.asked(t, "/api/v1/session/passkeys/begin", in)
	if s := options["authenticatorSelection"].(map[string]any); s["residentKey"] != "required" || s["userVerification"] != "required" || options["rp"].(map[string]any)["id"] != "rapport.example.com" {
		t.Errorf("asked for %v", options)
	}
	res, text := d.addPasskey(t, v, in)
	var made PasskeyView
	if err := json.Unmarshal([]byte(text), &made); err != nil || res.StatusCode != http.StatusCreated || made.Name != "Laptop" || !made.Here {
		t.Fatalf("%d %s %s", res.StatusCode, text, d.log)
	}
	if res, text := d.addPasskey(t, v, in); res.StatusCode != http.StatusConflict || !strings.Contains(text, "known_passkey") {
		t.Errorf("the same one again: %d %s", res.StatusCode, text)
	}
	res, text = d.showPasskey(t, v)
	if res.StatusCode != http.StatusOK || !strings.Contains(text, m.ID) || signedIn(res.Header.Values("Set-Cookie")) == "" {
		t.Fatalf("%d %s %s", res.StatusCode, text, d.log)
	}
	_, text = d.ask(t, "GET", "/api/v1/session/passkeys", "", in...)
	if !strings.Contains(text, `"last_used_at"`) {
		t.Errorf("no last use: %s", text)
	}
	if res, text := d.ask(t, "PUT", "/api/v1/session/passkeys/"+made.ID, `{"name":"Old laptop"}`, in...); res.StatusCode != http.StatusOK || !strings.Contains(text, "Old laptop") {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	// A copy has not counted as far.
	v.count = 0
	if res, text := d.showPasskey(t, v); res.StatusCode != http.StatusForbidden || !strings.Contains(text, "copied_passkey") {
		t.Errorf("a copy: %d %s", res.StatusCode, text)
	}
	v.count = 7
	// Another register on the same folder, as after a restart or at another node.
	if err := d.api.Access.Reopen(); err != nil {
		t.Fatal(err)
	}
	if use := d.api.Access.PasskeyUsed(d.api.Access.Index().Member(m.ID).Passkeys[0].ID); use.Count != 1 {
		t.Errorf("the count is %d", use.Count)
	}
	if res, text := d.ask(t, "DELETE", "/api/v1/session/passkeys/"+made.ID, "", in...); res.StatusCode != http.StatusNoContent {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	if res, text := d.showPasskey(t, v); res.StatusCode != http.StatusUnauthorized || !strings.Contains(text, "wrong_passkey") {
		t.Errorf("one that was taken away: %d %s", res.StatusCode, text)
	}
	_, text = d.ask(t, "GET", "/api/v1/audit", "")
	for _, op := range []string{"add-passkey", "sign-in-passkey", "name-passkey", "drop-passkey", "refused-sign-in"} {
		if !strings.Contains(text, `"operation":"`+op+`"`) {
			t.Errorf("the audit lacks %s: %s", op, text)
		}
	}
}

// A session that was stolen hours after its member signed in opens no other way in.
func TestPasskey_ANewOneNeedsAFreshSignIn(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.api.PublicURL = atHome
	_, cookie := d.member(t, access.Admin)
	in := []string{"Authorization", "", "Cookie", cookie, consoleHeader, "1"}
	begun := d.now
	for after, want := range map[time.Duration]int{0: 200, access.FreshFor: 200, access.FreshFor + time.Second: 403} {
		d.now = begun.Add(after)
		if res, text := d.ask(t, "POST", "/api/v1/session/passkeys/begin", "{}", in...); res.StatusCode != want || want == 403 && !strings.Contains(text, "sign_in_again") {
			t.Errorf("after %s: %d %s", after, res.StatusCode, text)
		}
	}
}

// TestPasskey_WhatIsRefused has a good passkey do one thing wrong each time.
func TestPasskey_WhatIsRefused(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.api.PublicURL = atHome
	m, cookie := d.member(t, access.Admin)
	in := []string{"Authorization", "", "Cookie", cookie, consoleHeader, "1"}
	v := newDevice(t)
	if res, text := d.addPasskey(t, v, in); res.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	for name, bend := range map[string]func(*device){
		"the person is not verified":   func(v *device) { v.flags = 1 },
		"nobody was there":             func(v *device) { v.flags = 4 },
		"at another site":              func(v *device) { v.origin = "https://rapport.example.com.evil.example" },
		"for another host":             func(v *device) { v.party = "example.com" },
		"signed by another key":        func(v *device) { v.key = newDevice(t).key },
		"as another member":            func(v *device) { v.handle = b64([]byte("mem_0")) },
		"by address and not by id":     func(v *device) { v.handle = b64([]byte(m.Email)) },
		"another passkey, same owner":  func(v *device) { v.id = []byte("another") },
		"it can be copied of a sudden": func(v *device) { v.flags = 1 | 4 | 8 },
	} {
		bent := *v
		bend(&bent)
		if res, text := d.showPasskey(t, &bent); res.StatusCode != http.StatusUnauthorized || !strings.Contains(text, "wrong_passkey") {
			t.Errorf("%s: %d %s", name, res.StatusCode, text)
		}
	}
	// A challenge is good once, and for what it was asked for.
	ticket, options := d.asked(t, "/api/v1/session/passkey/begin", anybody)
	v.count = 5
	answer := `{"ticket":"` + ticket + `","credential":` + v.show(t, options) + `}`
	if res, text := d.ask(t, "POST", "/api/v1/session/passkey", answer, anybody...); res.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	if res, text := d.ask(t, "POST", "/api/v1/session/passkey", answer, anybody...); res.StatusCode != http.StatusUnauthorized || !strings.Contains(text, "sign_in_over") {
		t.Errorf("the same answer again: %d %s", res.StatusCode, text)
	}
	making, _ := d.asked(t, "/api/v1/session/passkeys/begin", in)
	if res, text := d.ask(t, "POST", "/api/v1/session/passkey", strings.Replace(answer, ticket, making, 1), anybody...); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a ticket for making: %d %s", res.StatusCode, text)
	}
	// One that another member began.
	_, other := d.member(t, access.Viewer)
	foreign, options := d.asked(t, "/api/v1/session/passkeys/begin", in)
	if res, text := d.ask(t, "POST", "/api/v1/session/passkeys", `{"ticket":"`+foreign+`","credential":`+newDevice(t).make(t, options)+`}`,
		"Authorization", "", "Cookie", other, consoleHeader, "1"); res.StatusCode != http.StatusForbidden {
		t.Errorf("another member's ticket: %d %s", res.StatusCode, text)
	}
	unverified := newDevice(t)
	unverified.flags = 1
	if res, text := d.addPasskey(t, unverified, in); res.StatusCode != http.StatusBadRequest || !strings.Contains(text, "invalid_passkey") {
		t.Errorf("made without verifying the person: %d %s", res.StatusCode, text)
	}
	// Who is switched off, or gone, does not come in.
	blocked := *d.api.Access.Index().Member(m.ID)
	if _, _, err := d.api.Access.PutMember("test", access.Member{Name: "Root", Email: "root@example.org", Roles: []access.Role{access.Admin}}); err != nil {
		t.Fatal(err)
	}
	blocked.Disabled = true
	if _, _, err := d.api.Access.PutMember("test", blocked); err != nil {
		t.Fatal(err)
	}
	if res, _ := d.showPasskey(t, v); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a member who is switched off: %d", res.StatusCode)
	}
	if err := d.api.Access.DropMember("test", m.ID); err != nil {
		t.Fatal(err)
	}
	if res, _ := d.showPasskey(t, v); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a member who is gone: %d", res.StatusCode)
	}
	d.api.PublicURL = "http://192.0.2.1:8080"
	if res, text := d.ask(t, "POST", "/api/v1/session/passkey/begin", "{}", anybody...); res.StatusCode != http.StatusConflict || !strings.Contains(text, "http.public_url") {
		t.Errorf("at an IP address: %d %s", res.StatusCode, text)
	}
}
