package httpapi

import (
	"context"
	"encoding/base64"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/pipeline"
)

func typeOf(v any) reflect.Type { return reflect.TypeOf(v) }

// Paging is how every list is asked for.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many items at most"`
	Cursor string `query:"cursor" maxLength:"2048" doc:"next of the page before"`
}

// List is one page. next is null on the last one.
type List[T any] struct {
	Items []T     `json:"items" nullable:"false"`
	Next  *string `json:"next" doc:"cursor of the next page, null on the last"`
}

// listOf makes the wire form of a page.
func listOf[T any](p pipeline.Page[T]) List[T] {
	l := List[T]{Items: p.Items}
	if l.Items == nil {
		l.Items = []T{}
	}
	if p.Next != "" {
		l.Next = &p.Next
	}
	return l
}

// Waiting is what every write takes: ?wait=applied holds the answer until the
// write is visible everywhere.
type Waiting struct {
	Wait    string `query:"wait" enum:"applied" doc:"applied: answer when the write and everything before it is visible"`
	Timeout string `query:"timeout" doc:"How long to wait at most, such as 2s or 500ms"`
}

// Applied is the header of a write that was waited for.
type Applied struct {
	Applied string `header:"Rapport-Applied" enum:"yes,no" doc:"no: the wait was over before the write was visible; it is safe all the same"`
}

const (
	waitApplied = "applied"
	appliedYes  = "yes"
	appliedNo   = "no"
)

// span reads the timeout of a wait. Without a unit it is milliseconds.
func (w Waiting) span(l Limits) (time.Duration, error) {
	if w.Timeout == "" {
		return l.Wait, nil
	}
	text := w.Timeout
	if strings.Trim(text, "0123456789") == "" {
		text += "ms"
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fault.Errorf(fault.Invalid, "invalid_timeout", "timeout %q is no duration: give 2s, 500ms or a number of milliseconds", w.Timeout).At("timeout")
	}
	return min(d, l.MaxWait), nil
}

// await waits where the request asked for it and says whether that was in
// time. A write that is late is a success all the same.
func (a *API) await(ctx context.Context, w Waiting, r pipeline.Receipt) (Applied, error) {
	if w.Wait != waitApplied {
		return Applied{}, nil
	}
	span, err := w.span(a.Limits)
	if err != nil {
		return Applied{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, span)
	defer cancel()
	switch err := a.Spine.WaitApplied(ctx, r); {
	case err == nil:
		return Applied{appliedYes}, nil
	case errors.Is(err, context.DeadlineExceeded), fault.KindOf(err) == fault.Unavailable:
		return Applied{appliedNo}, nil
	default:
		return Applied{}, err
	}
}

// done is the answer to a wait for a change of the access document, which is
// visible when it is made.
func (w Waiting) done() Applied {
	if w.Wait == waitApplied {
		return Applied{appliedYes}
	}
	return Applied{}
}

// changed is the answer to a change of the access document.
type changed[T any] struct {
	Applied
	Body T
}

// waitable refuses a bad timeout before anything is written.
func (a *API) waitable(w Waiting) error {
	_, err := w.span(a.Limits)
	return err
}

// pageOf cuts a list that is in memory, sorted by key.
func pageOf[T any](all []T, key func(T) string, p Paging) (pipeline.Page[T], error) {
	from := 0
	if p.Cursor != "" {
		b, err := base64.RawURLEncoding.DecodeString(p.Cursor)
		after, ok := strings.CutPrefix(string(b), cursorMark)
		if err != nil || !ok {
			return pipeline.Page[T]{}, fault.Errorf(fault.Invalid, "invalid_cursor", "the cursor is none of ours: give next of the page before, unchanged").At("cursor")
		}
		from = slices.IndexFunc(all, func(t T) bool { return key(t) > after })
		if from < 0 {
			from = len(all)
		}
	}
	to := min(from+p.Limit, len(all))
	page := pipeline.Page[T]{Items: all[from:to]}
	if to < len(all) {
		page.Next = base64.RawURLEncoding.EncodeToString([]byte(cursorMark + key(all[to-1])))
	}
	return page, nil
}

const cursorMark = "key:"
