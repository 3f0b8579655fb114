// Package message writes messages from Liquid templates: the text of a mail, the
// body or the address of a request. Values are escaped for the place they stand
// in, and a variable that is not there is named. It never reads a file or a
// clock, never calls anything, and never works longer than its limits say.
package message

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/fault"
)

// Format is what a template writes; it decides how values are escaped.
type Format string

// The formats.
const (
	Text Format = "text" // as it is
	Line Format = "line" // one line, such as a subject: breaks become spaces
	HTML Format = "html" // by the place in the page: text, attribute, address, style
	JSON Format = "json" // in quotes as a string's content, outside as a JSON value
	URL  Format = "url"  // percent-encoded
	// Slack is Slack's markup, where & < > have a meaning; SlackJSON is JSON whose
	// texts are such markup.
	Slack     Format = "slack"
	SlackJSON Format = "slack_json"
)

// Limits of a template and of writing one message.
const (
	MaxSource = 256 << 10 // bytes of a template
	MaxOutput = 1 << 20   // bytes of a message
	maxValue  = 128 << 10 // bytes of a value on the way
	maxSteps  = 100_000   // tags and values that are worked on
	maxWork   = 32 << 20  // bytes that filters read and write
	maxDepth  = 50        // tags within tags
)

// Template is a template that was checked. It is immutable and safe for
// concurrent use.
type Template struct {
	format  Format
	root    sequence
	words   []string // every word in tags: names that may be variables
	filters []string
}

// Input is what a template writes about.
type Input struct {
	Now time.Time
	// Vars are the variables, as Vars reads them.
	Vars map[string]any
	// Lenient writes nothing for a variable that is not there.
	Lenient bool
}

// Error says what is wrong with a template or with the values it meets.
type Error struct {
	Line int
	Text string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Text
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Text)
}

// Compile checks a template.
func Compile(source string, f Format) (t *Template, err error) {
	defer func() {
		// The parser of the library panics on some texts.
		if r := recover(); r != nil {
			t, err = nil, fault.Errorf(fault.Invalid, "invalid_template", "the template cannot be read: %v", shown(r))
		}
	}()
	if len(source) > MaxSource {
		return nil, fault.Errorf(fault.Invalid, "invalid_template", "the template has %d bytes; at most %d are taken", len(source), MaxSource)
	}
	c := &compiler{format: f}
	root, err := c.compile(source)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_template", "template, %s", err)
	}
	slices.Sort(c.words)
	slices.Sort(c.filters)
	return &Template{format: f, root: root, words: slices.Compact(c.words), filters: slices.Compact(c.filters)}, nil
}

// Render writes a message. The error is an *Error.
func (t *Template) Render(in Input) (out string, err error) {
	r := newRun(t, in)
	defer func() {
		// Filters of the library panic on some values.
		if p := recover(); p != nil {
			out, err = "", &Error{r.line, "it cannot be written: " + shown(p)}
		}
	}()
	err = t.root.write(r)
	switch {
	case err == nil:
	case errors.Is(err, errBreak), errors.Is(err, errContinue):
		return "", &Error{r.line, err.Error()}
	default:
		return "", r.explain(err)
	}
	return r.out.String(), nil
}

// shown is a panic's value in few words.
func shown(p any) string {
	text := fmt.Sprint(p)
	text, _, _ = strings.Cut(text, "\n")
	return text[:min(len(text), 200)]
}
