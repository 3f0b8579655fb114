package email

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/mail"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"rapport/internal/destination"
	"rapport/internal/message"
	"rapport/internal/message/link"
)

// write makes the mail of a message; nil and a result where that cannot be. The
// same message makes the same mail, byte by byte.
func (s *sink) write(m *destination.Message) (*gomail.Msg, destination.Result) {
	vars, err := destination.Vars(m)
	if err != nil {
		return nil, destination.NoJSON()
	}
	in := message.Input{Now: m.Time, Vars: vars, Lenient: s.Lenient}
	to, bad := s.recipient(in)
	if bad != nil {
		return nil, *bad
	}
	about := link.Link{Destination: s.env.Key, Message: m.ID, Namespace: "email", Identifier: to.Address, Channel: s.env.Channel, Purpose: s.env.Purpose}
	leave := ""
	if s.links != nil && s.Unsubscribe == "yes" {
		about.Action = link.Unsubscribe
		leave = s.links.URL(about)
		vars["unsubscribe_url"] = leave
		about.Action = link.Preferences
		vars["preferences_url"] = s.links.URL(about)
	}
	p, bad := s.parts(in, about)
	if bad != nil {
		return nil, *bad
	}
	sum := sha256.Sum256([]byte(m.ID))
	mark := hex.EncodeToString(sum[:16])
	out := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	out.FromMailAddress(s.from)
	out.ToMailAddress(to)
	if s.replyTo != nil {
		out.ReplyToMailAddress(s.replyTo)
	}
	out.Subject(p.subject)
	out.SetDateWithValue(m.Time.UTC())
	_, domain, _ := strings.Cut(s.from.Address, "@")
	out.SetMessageIDWithValue(mark + "@" + domain)
	out.SetBoundary("rapport_" + mark)
	if leave != "" {
		// As it is, since it must not be folded; a second one like it would change
		// places with it from mail to mail.
		out.SetGenHeaderPreformatted(gomail.HeaderListUnsubscribe, "<"+leave+">")
		out.SetGenHeader(gomail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click")
	}
	out.SetBodyString(gomail.TypeTextPlain, p.text)
	if p.html != "" {
		out.AddAlternativeString(gomail.TypeTextHTML, p.html)
	}
	var shown bytes.Buffer
	fmt.Fprintf(&shown, "From: %s\nTo: %s\nSubject: %s\n\n%s", s.from, to, p.subject, p.text)
	return out, destination.Result{Request: s.mask.Show(shown.Bytes())}
}

// Show writes a mail for people to look at. Its links are led nowhere, so that
// nobody takes a look for an open.
func (s *sink) Show(m *destination.Message) destination.Shown {
	vars, err := destination.Vars(m)
	if err != nil {
		return destination.Shown{Problem: destination.NoJSON().Reason}
	}
	in := message.Input{Now: m.Time, Vars: vars, Lenient: s.Lenient}
	if s.links != nil && s.Unsubscribe == "yes" {
		// Nobody may leave for the person whom a preview is about.
		vars["unsubscribe_url"], vars["preferences_url"] = s.links.URL(link.Link{}), s.links.URL(link.Link{})
	}
	out := destination.Shown{Parts: map[string]string{}}
	to, bad := s.recipient(in)
	if bad != nil {
		out.Problem = bad.Reason
	} else {
		out.Address = to.Address
	}
	text := func(name string, t *message.Template) {
		if t == nil {
			return
		}
		written, err := t.Render(in)
		if err != nil {
			out.Problem = destination.BadTemplate(name, err).Reason
			return
		}
		out.Parts[name] = written
	}
	text("subject", s.subject)
	text("html", s.html)
	text("text", s.text)
	if _, own := out.Parts["text"]; !own {
		out.Parts["text"] = textOf(out.Parts["html"])
	}
	return out
}

func (s *sink) recipient(in message.Input) (*mail.Address, *destination.Result) {
	text, err := s.to.Render(in)
	if err != nil {
		r := destination.BadTemplate("recipient", err)
		return nil, &r
	}
	if strings.TrimSpace(text) == "" {
		return nil, &destination.Result{Outcome: destination.Refused, Reason: "there is no recipient: the person has no address where the setting to looks for it"}
	}
	to, err := mail.ParseAddress(strings.TrimSpace(text))
	if err != nil {
		return nil, &destination.Result{Outcome: destination.Refused, Reason: fmt.Sprintf("the recipient %.100q is no address", text)}
	}
	return to, nil
}

// parts are the pieces of a mail.
type parts struct{ subject, html, text string }

func (s *sink) parts(in message.Input, about link.Link) (p parts, bad *destination.Result) {
	render := func(what string, t *message.Template) string {
		if t == nil || bad != nil {
			return ""
		}
		text, err := t.Render(in)
		if err != nil {
			r := destination.BadTemplate(what, err)
			bad = &r
		}
		return text
	}
	p = parts{render("subject", s.subject), render("HTML", s.html), render("text", s.text)}
	if bad != nil {
		return p, bad
	}
	if p.text == "" {
		p.text = textOf(p.html)
	}
	if p.html != "" {
		p.html = s.track(p.html, about)
	}
	return p, nil
}
