package tables

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// table gathers rows of a table, column by column, so that one statement writes any
// number of them. The key stands first.
type table struct {
	name    string
	keys    int
	columns []string // with their types
	cells   [][]*string
	found   map[string]bool // keys of the rows
	rows    []string
}

func newTable(name string, keys int, columns ...string) *table {
	return &table{name, keys, columns, make([][]*string, len(columns)), map[string]bool{}, nil}
}

// add takes a row: texts, numbers, truths and times, nil for none. Of two with one
// key the first is taken.
func (t *table) add(values ...any) {
	cells := make([]*string, len(values))
	for i, v := range values {
		cells[i] = cellText(v)
	}
	key := ""
	for _, c := range cells[:t.keys] {
		key += *c + "\x1f"
	}
	if t.found[key] {
		return
	}
	t.found[key] = true
	t.rows = append(t.rows, key)
	for i := range cells {
		t.cells[i] = append(t.cells[i], cells[i])
	}
}

func cellText(v any) *string {
	var s string
	switch x := v.(type) {
	case nil:
		return nil
	case string:
		s = x
	case bool:
		s = strconv.FormatBool(x)
	case int64:
		s = strconv.FormatInt(x, 10)
	case time.Time:
		s = x.UTC().Format("2006-01-02 15:04:05.999999-07")
	default:
		panic(fmt.Sprintf("no cell is made of %T", v))
	}
	return &s
}

// array is a list of texts as PostgreSQL writes one.
func array(list []string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, s := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(clean(s)) + `"`)
	}
	b.WriteByte('}')
	return b.String()
}

// updated is a column that alone is no reason to write a row.
const updated = "updated_at"

// put queues the statement that writes the rows. Those that are as they were stay.
func (t *table) put(b *pgx.Batch) {
	if len(t.rows) == 0 {
		return
	}
	var names, casts, params, set, old, fresh []string
	args := make([]any, len(t.columns))
	for i, c := range t.columns {
		name, kind, _ := strings.Cut(c, " ")
		names, casts, params = append(names, name), append(casts, name+"::"+kind), append(params, fmt.Sprintf("$%d::text[]", i+1))
		if i >= t.keys {
			set = append(set, name+" = excluded."+name)
			if name != updated {
				old, fresh = append(old, t.name+"."+name), append(fresh, "excluded."+name)
			}
		}
		args[i] = t.cells[i]
	}
	all := strings.Join(names, ", ")
	b.Queue(`INSERT INTO `+t.name+` (`+all+`) SELECT `+strings.Join(casts, ", ")+` FROM unnest(`+strings.Join(params, ", ")+`) AS n (`+all+`)
		ON CONFLICT (`+strings.Join(names[:t.keys], ", ")+`) DO UPDATE SET `+strings.Join(set, ", ")+`
		WHERE (`+strings.Join(old, ", ")+`) IS DISTINCT FROM (`+strings.Join(fresh, ", ")+`)`, args...)
}

// clear queues the statement that takes out those rows of some people that were not
// added.
func (t *table) clear(b *pgx.Batch, people []string) {
	key := ""
	for _, c := range t.columns[:t.keys] {
		name, _, _ := strings.Cut(c, " ")
		key += name + ` || E'\x1f' || `
	}
	b.Queue(`DELETE FROM `+t.name+` WHERE profile_id = ANY ($1) AND `+strings.TrimSuffix(key, ` || `)+` <> ALL ($2)`, people, append([]string{}, t.rows...))
}
