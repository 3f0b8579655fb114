package message_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"rapport/internal/fault"
	"rapport/internal/message"
)

var now = time.Date(2026, 3, 1, 10, 30, 0, 0, time.UTC)

const person = `{
	"profile": {"id": "p1", "traits": {"first_name": "Ada", "age": 36, "score": 31.50, "big": 12345678901234567890, "vip": true,
		"nothing": null, "note": "", "tags": ["a","b","b","c"], "born": "1815-12-10"}},
	"event": {"name": "Order Completed", "properties": {"total": 1000000, "items": [
		{"name": "Shoe", "price": 19.9}, {"name": "Hat <b>", "price": 5}]}},
	"decision": {"offer": {"name": "10 % off", "code": "A&B"}},
	"catalog": {"shoe-1": {"title": "Shoe"}}
}`

func render(source string, f message.Format, vars string, lenient bool) (string, error) {
	t, err := message.Compile(source, f)
	if err != nil {
		return "", err
	}
	v, err := message.Vars([]byte(vars))
	if err != nil {
		return "", err
	}
	return t.Render(message.Input{Now: now, Vars: v, Lenient: lenient})
}

func TestRender_SpeaksLiquid(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"Hello {{ profile.traits.first_name }}!":                                               "Hello Ada!",
		"{{ profile['traits']['first_name'] | upcase | append: '?' }}":                         "ADA?",
		"{{profile.traits.age}} {{ profile.traits.age | plus: 1 }}":                            "36 37",
		"{{ profile.traits.score }}":                                                           "31.5",
		"{{ profile.traits.big }}":                                                             "12345678901234567890",
		"{{ event.properties.total }} {{ event.properties.total | times: 2 }}":                 "1000000 2000000",
		"{{ profile.traits.nothing }}|{{ profile.traits.vip }}":                                "|true",
		"{{ profile.traits.last_name | default: 'friend' }}":                                   "friend",
		"{{ profile.traits.note | default: 'none' }}":                                          "none",
		"{% if profile.traits.last_name %}a{% else %}b{% endif %}":                             "b",
		"{% if profile.traits.age > 30 and profile.traits.vip %}a{% elsif true %}b{% endif %}": "a",
		"{% unless profile.traits.vip %}a{% else %}b{% endunless %}":                           "b",
		"{% if profile.traits.last_name == blank %}a{% endif %}{% if profile.traits.note == empty %}b{% endif %}{% if blank == profile.traits.tags %}c{% endif %}": "ab",
		"{% case event.name %}{% when 'X', 'Order Completed' %}1{% else %}2{% endcase %}":                                                                          "1",
		"{% case event.missing %}{% when 'X' %}1{% else %}2{% endcase %}":                                                                                          "2",
		"{% for i in event.properties.items %}{{ forloop.index }}. {{ i.name }} {{ i.price }};{% endfor %}":                                                        "1. Shoe 19.9;2. Hat <b> 5;",
		"{% for t in profile.traits.tags limit: 2 offset: 1 reversed %}{{ t }}{% endfor %}":                                                                        "bb",
		"{% for t in profile.traits.tags %}{% if t == 'b' %}{% continue %}{% endif %}{{ t }}{% if t == 'a' %}{% endif %}{% endfor %}":                              "ac",
		"{% for t in profile.traits.tags %}{% if t == 'b' %}{% break %}{% endif %}{{ t }}{% endfor %}":                                                             "a",
		"{% for n in (1..3) %}{{ n }}{% cycle ',', ';' %}{% endfor %}":                                                                                             "1,2;3,",
		"{% for k in catalog %}{{ k[0] }}={{ k[1].title }}{% endfor %}":                                                                                            "shoe-1=Shoe",
		"{% for n in profile.traits.nothing %}a{% else %}none{% endfor %}":                                                                                         "none",
		"{% assign x = profile.traits.tags | uniq | join: '-' %}{{ x }}":                                                                                           "a-b-c",
		"{% assign o = decision.offer %}{{ o.name }}":                                                                                                              "10 % off",
		"{% capture x %}[{{ profile.id }}]{% endcapture %}{{ x }}{{ x | size }}":                                                                                   "[p1]4",
		"{{ catalog['shoe-1'].title }} {{ profile.traits.tags[-1] }} {{ profile.traits.tags.first }} {{ profile.traits.tags.size }}":                               "Shoe c a 4",
		"{{ 'now' | date: '%d.%m.%Y %H:%M' }} {{ profile.traits.born | date: '%Y' }}":                                                                              "01.03.2026 10:30 1815",
		"a  {{- profile.id -}}  b {%- if true -%} c {%- endif -%} d":                                                                                               "ap1bcd",
		"{% raw %}{{ x }}{% endraw %}{% comment %}{{ y {% endcomment %}":                                                                                           "{{ x }}",
		"{{ 'abcdef' | slice: 1, 3 }} {{ 'abcdef' | slice: 9 }}|{{ 'a b c d' | truncatewords: 2 }} {{ 'abcdefgh' | truncate: 5 }}":                                 "bcd |a b... ab...",
		"{{ profile.traits.tags | json }} {{ event.properties.items | map: 'price' | join: '/' }}":                                                                 `["a","b","b","c"] 19.9/5`,
		"{{ 'a,b' | split: ',' | first }} {{ 7 | divided_by: 2 }} {{ 3.14159 | round: 2 }}":                                                                        "a 3 3.14",
		"{{ 'aXbX' | replace: 'X', '-' | remove_first: '-' }}":                                                                                                     "ab-",
	} {
		if got, err := render(source, message.Text, person, false); err != nil || got != want {
			t.Errorf("%s\n got %q, %v\nwant %q", source, got, err, want)
		}
	}
}

func TestRender_NamesTheVariableThatIsNotThere(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"{{ profil.id }}":                                                "line 1: there is no variable profil",
		"a\nb {{ profile.traits.frist_name }}":                           "line 2: there is no variable profile.traits.frist_name",
		"{{ profile.traits.frist_name | upcase }}":                       "line 1: there is no variable profile.traits.frist_name",
		"{{ 'a' | append: profile.x.y }}":                                "line 1: there is no variable profile.x",
		"{% for i in event.things %}{% endfor %}":                        "line 1: there is no variable event.things",
		"{% for i in event.properties.items %}\n{{ i.nme }}{% endfor %}": "line 2: there is no variable i.nme",
		"{% assign x = profile.nope %}\n{{ x }}":                         "line 2: there is no variable profile.nope",
		"{{ profile.traits.tags[9] }}":                                   "line 1: there is no variable profile.traits.tags[9]",
		"{{ profile.traits.first_name.x }}":                              "line 1: there is no variable profile.traits.first_name.x",
		"{% for i in (1..event.many) %}{% endfor %}":                     "line 1: there is no variable event.many",
	} {
		_, err := render(source, message.Text, person, false)
		var e *message.Error
		if !errors.As(err, &e) || err.Error() != want {
			t.Errorf("%s\n got %v\nwant %s", source, err, want)
		}
		if strings.Contains(source, "many") {
			continue
		}
		if _, err := render(source, message.Text, person, true); err != nil {
			t.Errorf("%s, lenient: %v", source, err)
		}
	}
}

func TestCompile_SaysWhatIsWrongAndWhere(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"a\n{{ x | shout }}":                   "template, line 2: there is no filter shout",
		"{% include 'x' %}":                    "template, line 1: there is no tag include: a template reads nothing beside it",
		"a\n\n{% fort x in y %}":               "template, line 3: there is no tag fort",
		"{% if x %}a":                          "template, line 1: ",
		"{{ x":                                 "template, line 1: {{ is not closed",
		"x {% if }}":                           "template, line 1: {% is not closed",
		"{{ x y }}":                            "template, line 1: syntax error",
		"{% endif %}":                          "template, line 1: ",
		"{{ (1..1000000000).AsArray | size }}": "template, line 1: a value in parentheses",
		"{{ 99999999999999999999 }}":           "the template cannot be read",
		strings.Repeat("{% if a %}", 60) + strings.Repeat("{% endif %}", 60): "template, tags are nested",
		strings.Repeat("x", message.MaxSource+1):                             "the template has",
		"{% capture a b %}{% endcapture %}":                                  "template, line 1: {% capture a b %} needs one name",
	} {
		_, err := message.Compile(source, message.Text)
		var f *fault.Fault
		if !errors.As(err, &f) || f.Code != "invalid_template" || !strings.Contains(f.Message, want) {
			t.Errorf("%.60s\n got %v\nwant %s", source, err, want)
		}
	}
}

func TestRender_EndsWhateverTheTemplate(t *testing.T) {
	t.Parallel()
	double := "{% assign s = 'xxxxxxxxxxxxxxxx' %}" + strings.Repeat("{% assign s = s | append: s %}", 40) + "{{ s }}"
	for name, source := range map[string]string{
		"range":     "{% for i in (1..1000000000) %}{% endfor %}",
		"nested":    "{% for i in (1..9999) %}{% for j in (1..9999) %}{% endfor %}{% endfor %}",
		"doubling":  double,
		"replace":   "{% assign s = 'xxxxxxxxxxxxxxxx' %}" + strings.Repeat("{% assign s = s | append: s %}", 12) + "{{ s | replace: 'x', s }}",
		"join":      "{% assign s = 'x,x,x,x,x,x,x,x' %}" + strings.Repeat("{% assign s = s | append: s %}", 11) + "{{ s | split: ',' | join: s }}",
		"rangelist": "{{ (1..1000000000) | size }}{{ (1..1000000000) | join: ',' }}",
		"output":    "{% assign s = 'xxxxxxxxxxxxxxxx' %}" + strings.Repeat("{% assign s = s | append: s %}", 12) + "{% for i in (1..9999) %}{{ s }}{% endfor %}",
		"capture":   "{% for i in (1..9999) %}{% capture x %}{{ x | default: 'x' }}{{ x | default: 'x' }}{% endcapture %}{% endfor %}",
		"work":      "{% assign s = 'xxxxxxxxxxxxxxxx' %}" + strings.Repeat("{% assign s = s | append: s %}", 12) + "{% for i in (1..9999) %}{% assign y = s | upcase %}{% endfor %}",
		"regexp":    "{{ 'x' | truncatewords: 100000 }}{{ 'x' | truncate: 1000000 }}{{ 1 | round: 400 }}{{ 1 | divided_by: 0 }}",
	} {
		if got, err := render(source, message.Text, `{}`, false); err == nil {
			t.Errorf("%s: written with %d bytes", name, len(got))
		}
	}
}

func TestRender_EscapesForThePlace(t *testing.T) {
	t.Parallel()
	const vars = `{"x":"<b a=\"1\">'&","u":"javascript:alert(1)","ok":"https://a.example/b c?d=e&f","q":"a b&c=d/é","n":5,"nul":null,"m":{"k":"\""},"color":"#fff","bad":"red;x:expression(1)","lines":"a\r\nBcc: b"}`
	for _, c := range []struct {
		format       message.Format
		source, want string
	}{
		{message.HTML, `<p>{{ x }}</p>`, `<p>&lt;b a=&#34;1&#34;&gt;&#39;&amp;</p>`},
		{message.HTML, `<p>{{ x | raw }}</p>`, `<p><b a="1">'&</p>`},
		{message.HTML, `<p title="{{ x }}" id='{{ x }}'>`, `<p title="&lt;b a=&#34;1&#34;&gt;&#39;&amp;" id='&lt;b a=&#34;1&#34;&gt;&#39;&amp;'>`},
		{message.HTML, `<p title={{ x }}>`, `<p title=&lt;b&#32;a&#61;&#34;1&#34;&gt;&#39;&amp;>`},
		{message.HTML, `<a href="{{ u }}">`, `<a href="#">`},
		{message.HTML, `<a href="  {{ u }}">`, `<a href="  #">`},
		{message.HTML, `<a href="java{{ 'script:alert(1)' }}">`, `<a href="java#">`},
		{message.HTML, `<a href="{{ ok }}">`, `<a href="https://a.example/b%20c?d=e&amp;f">`},
		{message.HTML, `<a href="/s?q={{ q }}&p={{ n }}">`, `<a href="/s?q=a%20b%26c%3Dd%2F%C3%A9&p=5">`},
		{message.HTML, `<a href="https://a.example/{{ q }}/x">`, `<a href="https://a.example/a%20b&amp;c=d/%C3%A9/x">`},
		{message.HTML, `<td style="color: {{ color }}">`, `<td style="color: #fff">`},
		{message.HTML, `<style>b { color: {{ color }} }</style><p>{{ x }}`, `<style>b { color: #fff }</style><p>&lt;b a=&#34;1&#34;&gt;&#39;&amp;`},
		{message.HTML, `<!--[if mso]><p>{{ x }}</p><![endif]-->{{ n }}`, `<!--[if mso]><p>&lt;b a=&#34;1&#34;&gt;&#39;&amp;</p><![endif]-->5`},
		{message.HTML, `<!DOCTYPE html><br/>{{ x }}`, `<!DOCTYPE html><br/>&lt;b a=&#34;1&#34;&gt;&#39;&amp;`},
		{message.HTML, `{% capture c %}<i>{{ x }}</i>{% endcapture %}{{ c }}<p title="{{ c }}">`, `<i>&lt;b a=&#34;1&#34;&gt;&#39;&amp;</i><p title="&lt;i&gt;&lt;b a=&#34;1&#34;&gt;&#39;&amp;&lt;/i&gt;">`},
		{message.JSON, `{"a":"{{ x }}","b":{{ x }},"c":{{ n }},"d":{{ nul }},"e":{{ m }},"f":"\"{{ m }}"}`, `{"a":"<b a=\"1\">'&","b":"<b a=\"1\">'&","c":5,"d":null,"e":{"k":"\""},"f":"\"{\"k\":\"\\\"\"}"}`},
		{message.JSON, `{"a":{{ x | json }},"b":{{ m | json }},"c":"{{ m | json }}"}`, `{"a":"\u003cb a=\"1\"\u003e'\u0026","b":{"k":"\""},"c":"{\"k\":\"\\\"\"}"}`},
		{message.HTML, `<p>{{ x | json }}`, `<p>&#34;\u003cb a=\&#34;1\&#34;\u003e&#39;\u0026&#34;`},
		{message.URL, `https://a.example/{{ q }}?x={{ x }}`, `https://a.example/a%20b%26c%3Dd%2F%C3%A9?x=%3Cb%20a%3D%221%22%3E%27%26`},
		{message.Line, `Hi {{ lines }}`, `Hi a  Bcc: b`},
		{message.Slack, `*Hi* {{ x }}`, `*Hi* &lt;b a="1"&gt;'&amp;`},
		{message.SlackJSON, `{"t":"{{ x }}"}`, `{"t":"&lt;b a=\"1\"&gt;'&amp;"}`},
		{message.Text, `{{ x }}`, `<b a="1">'&`},
	} {
		if strings.Contains(string(c.format), "json") && !json.Valid([]byte(c.want)) {
			t.Errorf("%s is no JSON", c.want)
		}
		got, err := render(c.source, c.format, vars, false)
		if err != nil || got != c.want {
			t.Errorf("%s %s\n got %s, %v\nwant %s", c.format, c.source, got, err, c.want)
		}
	}
	for source, want := range map[string]string{
		`<script>var a = "{{ x }}"</script>`: "script", `<p {{ x }}>`: "within a tag", `<p onclick="{{ x }}">`: "attribute onclick",
		`<td style="color:{{ bad }}">`: "style", `<{{ x }}>`: "", `<a {{ x }}="1">`: "within a tag", `<SCRIPT >{{ x }}</script>`: "script",
	} {
		got, err := render(source, message.HTML, vars, false)
		if want == "" {
			if err == nil && strings.Contains(got, "<b") {
				t.Errorf("%s: %s", source, got)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %s, %v\nwant an error about %s", source, got, err, want)
		}
	}
}

func TestVars_KeepsNumbersExact(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"1": "1", "-0": "0", "9007199254740993": "9007199254740993", "1e2": "100", "0.1": "0.1", "1e400": "1e400", "18446744073709551616": "18446744073709551616"} {
		if got, err := render("{{ n }}", message.Text, `{"n":`+text+`}`, false); err != nil || got != want {
			t.Errorf("%s is written %q, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "[]", "1", `{"a":1}{}`, "{"} {
		if _, err := message.Vars([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// A template is used by many messages at once.
func TestRender_IsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	tpl, err := message.Compile("{% for i in (1..20) %}{{ i | plus: n }} {% endfor %}", message.HTML)
	if err != nil {
		t.Fatal(err)
	}
	want, err := tpl.Render(message.Input{Vars: map[string]any{"n": 1}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan string)
	for range 8 {
		go func() {
			s, _ := tpl.Render(message.Input{Vars: map[string]any{"n": 1}})
			done <- s
		}()
	}
	for range 8 {
		if got := <-done; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
