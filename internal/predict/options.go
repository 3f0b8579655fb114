package predict

import (
	"bytes"
	"encoding/binary"
	"encoding/json"

	"rapport/internal/fault"
)

// Options is what is said of a model beside its file.
type Options struct {
	Format  Format   `json:"format,omitempty" doc:"Left out: found out from the file"`
	Classes []string `json:"classes,omitempty" doc:"Names of the classes, where the file numbers them"`
	Inputs  []Input  `json:"inputs,omitempty" doc:"Inputs, by name, whose categories the file does not hold, or that may be unknown (open) or must not be missing (required)"`
}

// PackedType is the content type of a file with options before it.
const PackedType = "application/vnd.rapport.predictive-model"

// Pack joins a file and its options; without options it is the file itself.
func Pack(o Options, file []byte) (contentType string, document []byte, err error) {
	text, err := json.Marshal(o)
	if err != nil || string(text) == "{}" {
		return "application/octet-stream", file, err
	}
	document = binary.AppendUvarint(nil, uint64(len(text)))
	return PackedType, append(append(document, text...), file...), nil
}

// Unpack gives the file of a stored document, and its spec.
func Unpack(name, contentType string, document []byte) (Spec, []byte, error) {
	if contentType != PackedType {
		return Spec{Name: name}, document, nil
	}
	n, size := binary.Uvarint(document)
	if size <= 0 || n > uint64(len(document)-size) {
		return Spec{}, nil, fault.Errorf(fault.Internal, "damaged", "the stored predictive model %q is damaged", name)
	}
	o, err := ReadOptions(document[size : size+int(n)])
	if err != nil {
		return Spec{}, nil, err
	}
	return o.Spec(name), document[size+int(n):], nil
}

// ReadOptions reads options, and refuses members it does not know.
func ReadOptions(text []byte) (Options, error) {
	var o Options
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		return o, fault.Errorf(fault.Invalid, "invalid_options", "the options cannot be read: %v", err).At("options")
	}
	return o, nil
}

// Spec is what Load takes of the options.
func (o Options) Spec(name string) Spec {
	return Spec{Name: name, Format: o.Format, Declared: o.Inputs, Classes: o.Classes}
}
