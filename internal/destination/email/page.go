package email

import (
	"slices"
	"strings"

	"golang.org/x/net/html"

	"rapport/internal/message/link"
)

// track leads links over this server and adds the image that tells of an open.
func (s *sink) track(page string, about link.Link) string {
	if !s.TrackClicks && !s.TrackOpens {
		return page
	}
	image := ""
	if s.TrackOpens {
		about.Action, about.Target = link.Open, ""
		image = `<img src="` + s.links.URL(about) + `" width="1" height="1" alt="" style="border:0">`
	}
	var out strings.Builder
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			out.Write(z.Raw())
			out.WriteString(image)
			return out.String()
		case html.StartTagToken:
			raw := string(z.Raw())
			out.WriteString(s.follow(raw, z.Token(), about))
		case html.EndTagToken:
			raw := string(z.Raw())
			if name, _ := z.TagName(); image != "" && slices.Contains([]string{"body", "html"}, string(name)) {
				out.WriteString(image)
				image = ""
			}
			out.WriteString(raw)
		default:
			out.Write(z.Raw())
		}
	}
}

// follow is the start of a tag whose link leads over this server, where it is
// one to the web and not one of ours.
func (s *sink) follow(raw string, t html.Token, about link.Link) string {
	if !s.TrackClicks || t.Data != "a" && t.Data != "area" {
		return raw
	}
	changed := false
	for i, a := range t.Attr {
		target := strings.TrimSpace(a.Val)
		low := strings.ToLower(target)
		if a.Key != "href" || !strings.HasPrefix(low, "https://") && !strings.HasPrefix(low, "http://") || s.links.Own(target) {
			continue
		}
		about.Action, about.Target = link.Click, target
		t.Attr[i].Val = s.links.URL(about)
		changed = true
	}
	if !changed {
		return raw
	}
	return t.String()
}

// textOf is what a page says, for mail clients that show no HTML: its texts, a
// line for each block, and the addresses of links.
func textOf(page string) string {
	r := &reader{}
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return tidy(r.out.String())
		}
		r.take(kind, z.Token())
	}
}

// reader reads a page aloud.
type reader struct {
	out    strings.Builder
	hidden int    // tags around what is not shown
	target string // of the link one is in
}

var silent = []string{"style", "script", "title", "head"}

func (r *reader) take(kind html.TokenType, t html.Token) {
	switch kind {
	case html.TextToken:
		if r.hidden == 0 {
			r.out.WriteString(strings.Join(strings.Fields(t.Data), " ") + spaceAfter(t.Data))
		}
		return
	case html.StartTagToken:
		if slices.Contains(silent, t.Data) {
			r.hidden++
		}
		if t.Data == "a" {
			r.target = attr(t, "href")
		}
	case html.EndTagToken:
		if slices.Contains(silent, t.Data) {
			r.hidden = max(r.hidden-1, 0)
		}
		if t.Data == "a" && strings.HasPrefix(r.target, "http") && r.hidden == 0 {
			r.out.WriteString(" (" + r.target + ") ")
			r.target = ""
		}
	}
	if slices.Contains(blocks, t.Data) {
		r.out.WriteByte('\n')
	}
}

func spaceAfter(s string) string {
	if s != strings.TrimRight(s, " \t\r\n") {
		return " "
	}
	return ""
}

var blocks = []string{"p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "hr", "blockquote"}

func attr(t html.Token, key string) string {
	for _, a := range t.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// tidy leaves at most one empty line between two lines.
func tidy(s string) string {
	var lines []string
	for line := range strings.SplitSeq(s, "\n") {
		line = strings.Join(strings.Fields(line), " ")
		if line == "" && (len(lines) == 0 || lines[len(lines)-1] == "") {
			continue
		}
		lines = append(lines, line)
	}
	return strings.TrimSpace(strings.Join(lines, "\n")) + "\n"
}
