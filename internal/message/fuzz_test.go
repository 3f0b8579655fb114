package message_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"rapport/internal/message"
)

func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		"{{ x }}", "{% for i in (1..3) %}{{ i }}{% endfor %}", "{% if a and b or c %}{% elsif d %}{% else %}{% endif %}",
		"{% case x %}{% when 1 %}{% endcase %}", "{{ x | date: '%Y' | append: y }}", "{% capture x %}{% endcapture %}{{ x['a'][0] }}",
		"<a href=\"{{ x }}\" {{-y-}}>{%- assign z = 1 -%}", "{% raw %}{{{% endraw %}{% comment %}{% endcomment %}", "{{ (1..9).first }}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		for _, format := range []message.Format{message.Text, message.HTML, message.JSON, message.URL} {
			tpl, err := message.Compile(source, format)
			if err != nil {
				continue
			}
			in := message.Input{Now: now, Vars: map[string]any{"x": "a<b", "y": []any{1, "2", nil}, "z": map[string]any{"k": 1.5}}, Lenient: true}
			first, err := tpl.Render(in)
			if again, err2 := tpl.Render(in); first != again || (err == nil) != (err2 == nil) {
				t.Fatalf("%q is written %q, then %q", source, first, again)
			}
			if len(first) > message.MaxOutput {
				t.Fatalf("%d bytes", len(first))
			}
		}
	})
}

// places are templates with one value each, in every place of a page where a
// value may stand.
var places = []string{
	`<p>{{ v }}</p>`, `<p title="{{ v }}">x</p>`, `<p title='{{ v }}'>x</p>`, `<p title={{ v }}>x</p>`, `<p title=a{{ v }} id=b>x</p>`,
	`<a href="{{ v }}">x</a>`, `<a href={{ v }}>x</a>`, `<a href="https://e.example/{{ v }}">x</a>`, `<a href="/x?y={{ v }}">x</a>`,
	`<td style="color: {{ v }}">x</td>`, `<!-- {{ v }} --><p>x</p>`, `<title>{{ v }}</title>`, `<textarea>{{ v }}</textarea>`,
	`{% capture c %}<i>{{ v }}</i>{% endcapture %}<p title="{{ c }}">{{ c }}</p>`, `<style>p { color: {{ v }} }</style>`, `<img src="{{ v }}">`,
}

// shape is what a page is made of, without its texts and values.
func shape(t *testing.T, page string) []string {
	t.Helper()
	var out []string
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return out
		}
		token := z.Token()
		if kind == html.TextToken {
			continue
		}
		line := kind.String()
		if kind != html.CommentToken {
			line += " " + token.Data
		}
		for _, a := range token.Attr {
			line += " " + a.Key
			scheme, _, ok := strings.Cut(strings.ToLower(strings.TrimSpace(a.Val)), ":")
			if (a.Key == "href" || a.Key == "src") && ok && !strings.ContainsAny(scheme, "/?#") && !slices.Contains([]string{"http", "https", "mailto", "tel", "sms", "cid"}, scheme) {
				t.Errorf("%s leads to %q", page, a.Val)
			}
		}
		out = append(out, line)
	}
}

func FuzzHTML_AValueNeverChangesThePage(f *testing.F) {
	for _, v := range []string{
		"x", "", "<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "' onmouseover='alert(1)", "--><b>", "javascript:alert(1)",
		"JaVa\tScRiPt:alert(1)", "data:text/html,<b>", "</title><b>", "</textarea><b>", "</style><b>", "red", "a b=c", "\x00", "`", "&#x6a;avascript:x", "//e.example",
		"http://e.example/?a=b#c", "}", "{{ x }}", "\\\"", " ", "\u2028",
	} {
		f.Add(v)
	}
	var templates []*message.Template
	for _, p := range places {
		tpl, err := message.Compile(p, message.HTML)
		if err != nil {
			f.Fatal(err)
		}
		templates = append(templates, tpl)
	}
	f.Fuzz(func(t *testing.T, v string) {
		for i, tpl := range templates {
			got, err := tpl.Render(message.Input{Vars: map[string]any{"v": v}})
			if err != nil {
				if i != 9 && i != 14 {
					t.Errorf("%s of %q: %v", places[i], v, err)
				}
				continue
			}
			plain, err := tpl.Render(message.Input{Vars: map[string]any{"v": "red"}})
			if err != nil {
				t.Fatal(err)
			}
			if a, b := shape(t, got), shape(t, plain); !slices.Equal(a, b) {
				t.Errorf("%s of %q\n  is %s\nwith %q\ninstead of %q", places[i], v, got, a, b)
			}
		}
	})
}

func FuzzJSON_StaysJSON(f *testing.F) {
	for _, v := range []string{"x", `"`, `\`, "\n", "\u2028", "\xff", `","b":1,"c":"`} {
		f.Add(v)
	}
	tpl, err := message.Compile(`{"a":"x{{ v }}","b":{{ v }},"c":[{{ l }}],"d":"{{ l | json }}"}`, message.JSON)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, v string) {
		got, err := tpl.Render(message.Input{Vars: map[string]any{"v": v, "l": []any{v, 1}}})
		if err != nil {
			t.Fatal(err)
		}
		var back struct {
			A string
			B string
			C [][]any
			D string
		}
		if err := json.Unmarshal([]byte(got), &back); err != nil {
			t.Fatalf("%s: %v", got, err)
		}
		want := strings.ToValidUTF8(v, "\ufffd")
		if strings.ToValidUTF8(v, "") == v && (back.A != "x"+want || back.B != want) {
			t.Errorf("%q arrives as %q and %q", v, back.A, back.B)
		}
	})
}
