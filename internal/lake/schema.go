package lake

import (
	"context"
)

// schemaDay is the day of the files without rows that tell which columns an
// object has. They let who reads the lake find every object and every column,
// also before there is a row.
const schemaDay = "1970-01-01"

// schemaLevel marks such a file.
const schemaLevel = 9

// schemaFile makes the file of an object's columns.
func (l *Lake) schemaFile(o *object, edition int) (made, error) {
	w := newWriter(o)
	w.begin()
	f, err := l.ended(w, schemaDay, schemaLevel)
	f.Low, f.Edition = 0, edition
	return f, err
}

func schemaOf(m *Manifest, name string) []File {
	var out []File
	for _, f := range m.Files {
		if f.Object == name && f.Level == schemaLevel {
			out = append(out, f)
		}
	}
	return out
}

// ensureSchemas makes the files of the objects that have none.
func (l *Lake) ensureSchemas(ctx context.Context) error {
	m := l.current()
	var files []made
	for _, name := range Names() {
		if len(schemaOf(m, name)) > 0 {
			continue
		}
		f, err := l.schemaFile(l.object(m, name), m.Edition)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return nil
	}
	if err := l.put(ctx, files); err != nil {
		return err
	}
	return l.commit(ctx, func(m *Manifest) { m.replace(nil, filesOf(files)...) })
}
