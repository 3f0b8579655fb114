package natives_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"rapport/internal/destination"
	"rapport/internal/destination/natives"
)

//go:generate go test . -run TestReference -update

var update = flag.Bool("update", false, "write the reference")

const reference = "../../../docs/reference/destinations.md"

func TestAll_TypesAreDistinctAndDescribed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, d := range natives.All() {
		if seen[d.Name] || d.Name == "" || d.Title == "" || d.About == "" || d.Open == nil || !json.Valid(d.Schema) {
			t.Errorf("%+v", d)
		}
		seen[d.Name] = true
		if found, ok := natives.Find(d.Name); !ok || found.Title != d.Title {
			t.Errorf("%s is not found", d.Name)
		}
		for _, p := range properties(t, d.Schema) {
			if p.Description == "" {
				t.Errorf("%s: the setting %s is not described", d.Name, p.name)
			}
			if secret := []string{"secret", "password", "key"}; p.Type == "string" && !p.WriteOnly && slices.ContainsFunc(secret, func(s string) bool { return p.name == s }) {
				t.Errorf("%s: the setting %s is not marked as a secret", d.Name, p.name)
			}
		}
	}
	if _, ok := natives.Find("nothing"); ok {
		t.Error("a type that is not there is found")
	}
}

// property is a setting with its place.
type property struct {
	name        string
	required    bool
	Type        string
	Description string
	Default     json.RawMessage
	Enum        []string
	WriteOnly   bool
	Properties  json.RawMessage
	Required    []string
	Items       json.RawMessage
}

// properties are the settings in the order of the schema.
func properties(t *testing.T, schema json.RawMessage) (out []property) {
	t.Helper()
	var whole property
	if err := json.Unmarshal(schema, &whole); err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(whole.Properties))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			t.Fatal(err)
		}
		p := property{name: fmt.Sprint(name)}
		if err := json.Unmarshal(raw, &p); err != nil {
			t.Fatal(err)
		}
		p.required = slices.Contains(whole.Required, p.name)
		if len(p.Properties) > 0 {
			for _, below := range properties(t, raw) {
				below.name = p.name + "." + below.name
				out = append(out, below)
			}
			continue
		}
		out = append(out, p)
	}
	return out
}

func table(t *testing.T, d destination.Type) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n\nType `%s`. %s\n\n| setting | type | meaning |\n| --- | --- | --- |\n", d.Title, d.Name, d.About)
	for _, p := range properties(t, d.Schema) {
		kind := p.Type
		if len(p.Enum) > 0 {
			kind = strings.Join(p.Enum, ", ")
		}
		text := strings.ReplaceAll(p.Description, "|", "\\|")
		if len(p.Default) > 0 {
			text += fmt.Sprintf(". Default: `%s`", strings.Trim(string(p.Default), `"`))
		}
		if p.required {
			text = "**Required.** " + text
		}
		if p.WriteOnly {
			text += ". *Secret*"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", p.name, kind, text)
	}
	return b.String()
}

const head = `# Destinations

What each type of destination can be told. This page is made of the types
themselves: ` + "`go generate ./internal/destination/natives`" + `.

Settings marked *Secret* are kept encrypted and shown as ` + "`********`" + `. Where a
setting takes Liquid, a template sees what is in the message's payload by name
(without a mapping document: ` + "`person`, `event`, `segment`, `audience`, `instructions`" + `),
and beside it:

| variable | what it is |
| --- | --- |
| ` + "`message`" + ` | ` + "`id`, `kind`, `person`, `time`" + ` of the message |
| ` + "`identifiers`" + ` | the person's first identifier of each namespace, such as ` + "`identifiers.email`" + ` |
| ` + "`profile`" + ` | another name of ` + "`person`" + ` |
| ` + "`decision`" + ` | another name of ` + "`instructions`" + ` |

A variable that is not there refuses the message and is named in the delivery
log; ` + "`{{ name | default: 'friend' }}`" + ` gives it a value, and the setting
` + "`lenient`" + ` writes nothing for it. Values are escaped for the place in which they
stand; ` + "`raw`" + ` writes one as it is.

Each message has an id that stays the same with every attempt; destinations
hand it on wherever the other side can use it. Answers 408, 425, 429 and 5xx,
401 and 403, and lines that are dead, cut or silent are tried again; other
answers refuse the message, which becomes a dead letter.

Links in mails lead over ` + "`/t/…`" + ` of this server, under the address that
` + "`http.public_url`" + ` names. What they say is enciphered. An open, a click and
leaving the list become the events ` + "`Email Opened`, `Email Link Clicked` and `Unsubscribed`" + `
of the recipient, from the source ` + "`messages`" + `; leaving withdraws the purpose and
channel of the destination's consent.

Local files lie in ` + "`delivered`" + ` below the data folder. A message is in one file,
once, whenever the server is killed; each call of the outbox makes a file, so a
destination that is told of single events writes small ones. Erasing a person takes
their rows out of these files, hashed ones of audiences included; files in a bucket
were handed over, and the proof of an erasure names the destinations that wrote them.
`

func TestReference_IsCurrent(t *testing.T) {
	t.Parallel()
	text := head
	for _, d := range natives.All() {
		text += table(t, d)
	}
	if *update {
		if err := os.WriteFile(reference, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(reference)
	if err != nil || string(have) != text {
		t.Errorf("%s is not current (%v): go generate ./internal/destination/natives", reference, err)
	}
}
