package message

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/osteele/liquid/filters"
	"github.com/osteele/liquid/values"
	"github.com/osteele/tuesday"
)

// standard are the library's filters, by their names.
type standard map[string]any

// AddFilter takes one of the library's filters.
func (s standard) AddFilter(name string, fn any) { s[name] = fn }

// hazardous are filters of the library that would show its insides.
var hazardous = []string{"type", "inspect"}

// table has the library's filters, and ours in place of those that read the
// clock, could work without an end, or break.
var table = func() standard {
	s := standard{}
	filters.AddStandardFilters(s)
	for _, name := range hazardous {
		delete(s, name)
	}
	s["replace"] = replace(-1)
	s["replace_first"] = replace(1)
	s["join"] = join
	s["uniq"] = uniq
	s["truncate"] = truncate
	s["truncatewords"] = truncateWords
	s["slice"] = slice
	s["json"] = toJSON
	s["default"] = func(v, otherwise any) any { return v } // see filter
	s["date"] = func(v any, format func(string) string) any { return v }
	s["raw"] = func(s string) safe { return safe(s) }
	return s
}()

var names = func() []string {
	var out []string
	for name := range table {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}()

func filterNames() []string { return names }

// filter is a filter that counts what it works on and names what is not there.
func (r *run) filter(name string) func(v any, args ...any) (any, error) {
	fn := reflect.ValueOf(table[name])
	return func(v any, args ...any) (any, error) {
		if name == "default" {
			return otherwise(v, args)
		}
		all := append([]any{v}, args...)
		if err := r.admit(all); err != nil {
			return nil, err
		}
		if name == "date" {
			return r.date(all)
		}
		out, err := values.Call(fn, all)
		if err != nil {
			return nil, err
		}
		if list, ok := out.([]string); ok {
			out = many(list)
		}
		return out, r.charge(sizeOf(out))
	}
}

// admit looks at what a filter is given.
func (r *run) admit(all []any) error {
	for i, a := range all {
		if gone, ok := a.(*absent); ok {
			if err := r.missing(gone); err != nil {
				return err
			}
			all[i] = nil
		}
		if err := r.charge(sizeOf(a)); err != nil {
			return err
		}
	}
	return nil
}

func many(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// sizeOf is about how many bytes a value has.
func sizeOf(v any) int {
	switch v := v.(type) {
	case string:
		return len(v) + 1
	case safe:
		return len(v) + 1
	case written:
		return len(v) + 1
	case []byte:
		return len(v)
	case []any:
		n := 8
		for _, item := range v {
			n += sizeOf(item)
		}
		return n
	case []string:
		n := 8
		for _, item := range v {
			n += len(item)
		}
		return n
	case map[string]any:
		n := 8
		for k, item := range v {
			n += len(k) + sizeOf(item)
		}
		return n
	case values.Range:
		// As a list it would be made whole.
		return max(v.Len(), 0) * 16
	}
	return 8
}

func otherwise(v any, args []any) (any, error) {
	if len(args) != 1 {
		return nil, errors.New("default needs one value")
	}
	_, gone := v.(*absent)
	switch {
	case gone, v == nil, v == false, v == "":
		return args[0], nil
	}
	if list, ok := v.([]any); ok && len(list) == 0 {
		return args[0], nil
	}
	return v, nil
}

// date writes a time. "now" and "today" are the time of the message.
func (r *run) date(args []any) (any, error) {
	format := "%Y-%m-%d"
	if len(args) > 1 {
		f, ok := args[1].(string)
		if !ok {
			return nil, errors.New("the format must be a text such as \"%d.%m.%Y\"")
		}
		format = f
	}
	var at time.Time
	switch v := args[0].(type) {
	case nil:
		return nil, nil
	case int:
		at = time.Unix(int64(v), 0).UTC()
	case string:
		var err error
		if at, err = r.instant(v); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%.50v is no time", v)
	}
	if len(format) > 200 {
		return nil, errors.New("the format has more than 200 bytes")
	}
	return tuesday.Strftime(format, at)
}

var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02",
	"20060102T150405Z", "2006-01-02 15:04:05 -0700", time.RFC1123, time.RFC1123Z, "2 January 2006", "2 Jan 2006",
}

func (r *run) instant(s string) (time.Time, error) {
	if s == "now" || s == "today" {
		return r.in.Now, nil
	}
	for _, layout := range layouts {
		if at, err := time.Parse(layout, s); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%.50q is no time: give one such as 2026-03-01T10:00:00Z", s)
}

func replace(n int) func(s, old, with string) (string, error) {
	return func(s, old, with string) (string, error) {
		if count := strings.Count(s, old); count*max(len(with)-len(old), 0)+len(s) > maxValue && n < 0 {
			return "", fmt.Errorf("a value has more than %d bytes", maxValue)
		}
		return strings.Replace(s, old, with, n), nil
	}
}

func join(list []any, sep func(string) string) (string, error) {
	between := sep(" ")
	size := len(list) * len(between)
	parts := make([]string, len(list))
	for i, item := range list {
		parts[i] = textOf(item)
		if size += len(parts[i]); size > maxValue {
			return "", fmt.Errorf("a value has more than %d bytes", maxValue)
		}
	}
	return strings.Join(parts, between), nil
}

func uniq(list []any) ([]any, error) {
	seen := map[string]bool{}
	var out []any
	for _, item := range list {
		b, err := json.Marshal(plain(item))
		if err != nil {
			return nil, err
		}
		if !seen[string(b)] {
			seen[string(b)] = true
			out = append(out, item)
		}
	}
	return out, nil
}

func truncate(s string, length func(int) int, ellipsis func(string) string) string {
	n, end := length(50), []rune(ellipsis("..."))
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return string(runes[:max(n-len(end), 0)]) + string(end)
}

func truncateWords(s string, length func(int) int, ellipsis func(string) string) string {
	n, end := max(length(15), 1), ellipsis("...")
	words := strings.Fields(s)
	if len(words) <= n {
		return s
	}
	return strings.Join(words[:n], " ") + end
}

func slice(s string, start int, length func(int) int) string {
	runes := []rune(s)
	if start < 0 {
		start += len(runes)
	}
	if start < 0 || start > len(runes) {
		return ""
	}
	return string(runes[start:min(max(start, start+length(1)), len(runes))])
}

func toJSON(v any) (written, error) {
	b, err := json.Marshal(plain(v))
	return written(b), err
}
