package destination

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Caller makes requests over HTTP and says what came of them.
type Caller struct {
	HTTP *http.Client
	Now  func() time.Time
	Mask *Masker
	// Hide are headers whose value is never shown, beside the usual ones.
	Hide []string
	// Judge may know better than the status what an answer means; empty: the
	// status decides.
	Judge func(status int, body []byte) (Outcome, string)
}

// maxAnswer is how much of an answer is read.
const maxAnswer = 1 << 20

// longestWait bounds what a Retry-After may ask for.
const longestWait = 24 * time.Hour

// Do sends a request with its body and gives the result, and the answer's body
// where there is an answer.
func (c *Caller) Do(ctx context.Context, q *http.Request, body []byte) (Result, []byte) {
	q = q.WithContext(ctx)
	q.Body, q.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if len(body) == 0 {
		q.Body = http.NoBody
	}
	q.GetBody = nil
	if q.Header.Get("User-Agent") == "" {
		q.Header.Set("User-Agent", "Rapport")
	}
	r := Result{Request: c.showRequest(q, body)}
	answer, err := c.HTTP.Do(q)
	if err != nil {
		return c.failed(ctx, r, err), nil
	}
	defer func() { _ = answer.Body.Close() }() // what was read counts
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	r.Status, r.Answer = answer.StatusCode, c.Mask.Show(text)
	if err != nil && answer.StatusCode/100 == 2 {
		// The other side said that it took it; what it says beside is cut.
		err = nil
	}
	if err != nil {
		return c.failed(ctx, r, err), nil
	}
	r.Outcome, r.Reason = ByStatus(answer.StatusCode)
	if c.Judge != nil {
		if o, reason := c.Judge(answer.StatusCode, text); o != "" {
			r.Outcome, r.Reason = o, c.Mask.Text(reason)
		}
	}
	if r.Outcome == Retry {
		r.RetryAfter = RetryAfter(answer.Header.Get("Retry-After"), c.Now())
	}
	return r, text
}

func (c *Caller) failed(ctx context.Context, r Result, err error) Result {
	r.Outcome, r.Reason = Retry, Unreachable(ctx, err)
	var refused interface{ Refused() bool }
	if errors.As(err, &refused) && refused.Refused() {
		r.Outcome, r.Reason = Refused, c.Mask.Text(err.Error())
	}
	return r
}

// Unreachable says why there is no answer, without the addresses and secrets
// that errors of the network carry.
func Unreachable(ctx context.Context, err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "there is no answer in time"
	case ctx.Err() != nil:
		return "the attempt was broken off"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(err.Error(), "connection reset"):
		return "the connection was cut before there was an answer"
	case strings.Contains(err.Error(), "certificate"):
		return "its certificate is not valid for this address"
	case strings.Contains(err.Error(), "no such host"):
		return "its host name is not known"
	case strings.Contains(err.Error(), "connection refused"):
		return "nothing listens at its address"
	}
	return "it cannot be reached"
}

// ByStatus says what a status means where nothing else is known.
func ByStatus(status int) (Outcome, string) {
	switch {
	case status/100 == 2:
		return Delivered, ""
	case status/100 == 3:
		return Refused, fmt.Sprintf("it answers %d with a redirect, which is not followed: give the address it leads to", status)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return Retry, fmt.Sprintf("it answers %d: check the credentials and what they may do", status)
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		return Retry, fmt.Sprintf("it answers %d %s", status, http.StatusText(status))
	}
	return Refused, fmt.Sprintf("it answers %d %s", status, http.StatusText(status))
}

// RetryAfter reads the header of that name: seconds or a date; 0 where it says
// nothing that can be used.
func RetryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	var d time.Duration
	if s, err := strconv.ParseFloat(header, 64); err == nil {
		if s > 0 { // which is also no for what is no number
			d = time.Duration(min(s, longestWait.Seconds()) * float64(time.Second))
		}
	} else if at, err := http.ParseTime(header); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), longestWait)
}

// hidden are headers that carry secrets wherever they stand.
var hidden = []string{"authorization", "proxy-authorization", "cookie", "x-api-key", "api-key"}

func (c *Caller) showRequest(q *http.Request, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s\n", q.Method, q.URL.Redacted())
	for _, name := range sortedNames(q.Header) {
		value := q.Header.Get(name)
		if low := strings.ToLower(name); slices.Contains(hidden, low) || slices.ContainsFunc(c.Hide, func(h string) bool { return strings.EqualFold(h, low) }) {
			value = Mask
		}
		fmt.Fprintf(&b, "%s: %s\n", name, value)
	}
	b.WriteByte('\n')
	b.Write(body[:min(len(body), 2*MaxShown)])
	return c.Mask.Show(b.Bytes())
}

func sortedNames(h http.Header) []string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// CheckURL checks the address of a setting.
func CheckURL(at, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return Invalid(at, "%s is no address: give https://host/path", at)
	}
	return nil
}

// CheckHeaders checks the headers of a setting.
func CheckHeaders(at string, headers map[string]string) error {
	for name, value := range headers {
		if !httpguts.ValidHeaderFieldName(name) || strings.EqualFold(name, "Host") || strings.EqualFold(name, "Content-Length") {
			return Invalid(at, "header %q cannot be sent", name)
		}
		if !httpguts.ValidHeaderFieldValue(value) {
			return Invalid(at, "the value of header %q cannot be sent: it holds a control character", name)
		}
	}
	return nil
}

// NoJSON is the result of a message whose payload cannot be read.
func NoJSON() Result {
	return Result{Outcome: Refused, Reason: "the payload is no JSON: mend the mapping document"}
}
