package segment

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// gif is a transparent image of one pixel.
var gif = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

// discarded is an answer that nobody reads.
type discarded struct{ header http.Header }

func (d discarded) Header() http.Header         { return d.header }
func (d discarded) Write(b []byte) (int, error) { return len(b), nil }
func (d discarded) WriteHeader(int)             {}

// pixel takes one event out of the address of an image in a mail. The answer
// is the image, whatever becomes of the event: a mail shows no errors.
func (d *Door) pixel(w http.ResponseWriter, r *http.Request, to route) {
	if to.typ != 0 && r.Method == http.MethodGet {
		in := d.intake(r, to, caller{}, d.Now.Now())
		in.base.IP = in.ip
		d.receive(discarded{http.Header{}}, r, to, in, pixelData(r.URL.Query().Get("data")))
	}
	h := w.Header()
	h.Set("Content-Type", "image/gif")
	h.Set("Cache-Control", "no-store, no-cache, must-revalidate, private")
	_, _ = w.Write(gif) // a client that is gone needs no answer
}

// pixelData is JSON as it is or in either base64, padded or not.
func pixelData(data string) []byte {
	trimmed := strings.TrimSpace(data)
	if strings.HasPrefix(trimmed, "{") {
		return []byte(trimmed)
	}
	// A plus sign that nobody escaped arrives as a space.
	trimmed = strings.TrimRight(strings.ReplaceAll(trimmed, " ", "+"), "=")
	for _, e := range [...]*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if b, err := e.DecodeString(trimmed); err == nil {
			return b
		}
	}
	return []byte(data)
}
