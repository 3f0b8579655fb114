package links

import (
	"bytes"
	"cmp"
	"html/template"
	"net/http"

	"rapport/internal/message/link"
)

// say is what a page is about.
type say int

const (
	ask say = iota
	done
	later
	invalid
	choose
)

// view is a page that is to be shown.
type view struct {
	status   int
	say      say
	link     link.Link
	standing *Standing
	more     string // where one chooses what one gets
	saved    bool
}

// words are what a page says in a language.
type words struct {
	Title, Text, Button, More string
	Legend, Save, None, Saved string
	By, Everywhere            string
	Channels                  map[string]string
}

// shared are the words that all pages of a language may need.
type shared struct {
	pages map[say]words
	words
}

var texts = map[string]shared{
	"en": {
		map[say]words{
			ask:     {Title: "Unsubscribe", Text: "Do you want to get no more of these messages?", Button: "Unsubscribe", More: "Choose what you get instead"},
			done:    {Title: "Unsubscribed", Text: "You will get no more of these messages.", More: "Choose what else you get"},
			later:   {Title: "Please try again", Text: "This could not be done just now. Please go back and try again in a moment."},
			invalid: {Title: "This link is not valid", Text: "It may have been cut on its way: please copy all of it."},
			choose:  {Title: "What you get from us", Text: "Choose which messages you want."},
		},
		words{
			Legend: "Messages", Save: "Save", None: "Unsubscribe from everything", Saved: "Saved.", By: "by", Everywhere: "everywhere",
			Channels: map[string]string{"email": "e-mail", "sms": "text message", "push": "push notification", "phone": "phone", "mail": "post"},
		},
	},
	"de": {
		map[say]words{
			ask:     {Title: "Abmelden", Text: "Möchten Sie keine dieser Nachrichten mehr bekommen?", Button: "Abmelden", More: "Stattdessen auswählen, was Sie bekommen"},
			done:    {Title: "Abgemeldet", Text: "Sie bekommen keine dieser Nachrichten mehr.", More: "Auswählen, was Sie sonst bekommen"},
			later:   {Title: "Bitte noch einmal versuchen", Text: "Das ging gerade nicht. Bitte gehen Sie zurück und versuchen Sie es gleich noch einmal."},
			invalid: {Title: "Dieser Link ist nicht gültig", Text: "Vielleicht wurde er unterwegs abgeschnitten: Bitte kopieren Sie ihn ganz."},
			choose:  {Title: "Was Sie von uns bekommen", Text: "Wählen Sie, welche Nachrichten Sie möchten."},
		},
		words{
			Legend: "Nachrichten", Save: "Speichern", None: "Von allem abmelden", Saved: "Gespeichert.", By: "per", Everywhere: "überall",
			Channels: map[string]string{"email": "E-Mail", "sms": "SMS", "push": "Push-Nachricht", "phone": "Telefon", "mail": "Post"},
		},
	},
}

// shownChoice is a line of the form.
type shownChoice struct {
	Key, Name, By string
	On            bool
}

type shownPage struct {
	words
	Language, Address, Link string
	Saved                   string // in place of the word
	Choices                 []shownChoice
}

var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="{{.Language}}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{{.Title}}</title>
<style>:root{color-scheme:light dark}body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:10vh auto;padding:0 1rem}button{font:inherit;padding:.5rem 1.5rem;min-height:2.75rem}fieldset{margin:1.5rem 0;padding:.5rem 1rem}label{display:flex;gap:.75rem;align-items:center;min-height:2.75rem}input{width:1.25rem;height:1.25rem}:focus-visible{outline:3px solid;outline-offset:2px}</style></head>
<body><main><h1>{{.Title}}</h1>{{if .Saved}}<p role="status"><strong>{{.Saved}}</strong></p>{{end}}<p>{{.Text}}{{if .Address}} <span>({{.Address}})</span>{{end}}</p>
{{- if .Button}}<form method="post"><button>{{.Button}}</button></form>{{end}}
{{- if .Choices}}<form method="post"><fieldset><legend>{{.Legend}}</legend>
{{- range .Choices}}<label><input type="checkbox" name="on" value="{{.Key}}"{{if .On}} checked{{end}}><span>{{.Name}} <small>({{.By}})</small></span></label><input type="hidden" name="choice" value="{{.Key}}">{{end}}
</fieldset><p><button>{{.Save}}</button></p><p><button name="none" value="1">{{.None}}</button></p></form>{{end}}
{{- if .Link}}<p><a href="{{.Link}}">{{.More}}</a></p>{{end}}</main></body></html>
`))

// show shows a page in the language of its reader.
func (d *Door) show(w http.ResponseWriter, r *http.Request, v view) {
	language := d.languageOf(r.Context(), &v, r.Header.Get("Accept-Language"))
	p := pageOf(&v, language)
	var b bytes.Buffer
	if err := page.Execute(&b, p); err != nil {
		v.status = http.StatusInternalServerError
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", language)
	h.Add("Vary", "Accept-Language")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(v.status)
	_, _ = w.Write(b.Bytes()) // a client that is gone needs no answer
}

func pageOf(v *view, language string) shownPage {
	t := texts[language]
	p := shownPage{words: t.pages[v.say], Language: language, Link: v.more}
	p.Legend, p.Save, p.None = t.Legend, t.Save, t.None
	if v.link.Identifier != "" {
		p.Address = masked(v.link.Identifier)
	}
	if v.saved {
		p.Saved = t.Saved
	}
	if v.say != choose || v.standing == nil {
		return p
	}
	for i := range v.standing.Choices {
		c := &v.standing.Choices[i]
		by := t.Everywhere
		if c.Channel != "" {
			by = t.By + " " + cmp.Or(t.Channels[c.Channel], c.Channel)
		}
		p.Choices = append(p.Choices, shownChoice{c.key(), cmp.Or(c.Names[language], c.Name, c.Purpose), by, c.On})
	}
	return p
}
