package jsondoc

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Mistake says what is wrong with a document to whoever wrote it: encoding/json
// says it in the words of Go. It is given an error of that package.
func Mistake(err error) error {
	var kind *json.UnmarshalTypeError
	var moment *time.ParseError
	switch {
	case errors.As(err, &kind):
		return fmt.Errorf("%s cannot be %s", cmp.Or(kind.Field, "it"), article(kind.Value))
	case errors.As(err, &moment):
		return fmt.Errorf("%q is no time: write one as 2026-01-31T08:00:00Z", moment.Value)
	case errors.Is(err, io.EOF):
		return errors.New("it is empty")
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

func article(noun string) string {
	if strings.IndexByte("aeiou", noun[0]) >= 0 {
		return "an " + noun
	}
	return "a " + noun
}

// Strict reads a document that a person wrote into a struct: one JSON value,
// without members that the struct does not know; numbers in fields of any type
// stay as they are written. Its errors say which member is wrong.
func Strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return Mistake(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("it goes on behind its JSON value")
	}
	return nil
}
