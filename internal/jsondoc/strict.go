package jsondoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Strict reads a document that a person wrote into a struct: one JSON value,
// without members that the struct does not know; numbers in fields of any type
// stay as they are written. Its errors say which member is wrong.
func Strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	d.UseNumber()
	var kind *json.UnmarshalTypeError
	switch err := d.Decode(into); {
	case errors.As(err, &kind):
		return fmt.Errorf("%s cannot be a %s", kind.Field, kind.Value)
	case errors.Is(err, io.EOF):
		return errors.New("it is empty")
	case err != nil:
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("it goes on behind its JSON value")
	}
	return nil
}
