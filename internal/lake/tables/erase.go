package tables

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"rapport/internal/pipeline"
)

// Erase takes a person out of all tables: rows that are the person's own, and values
// in rows about others that name the person. The pipeline knows nothing of the
// person any more.
func (t *Tables) Erase(ctx context.Context, gone pipeline.Gone) (out pipeline.Delisted, err error) {
	t.work.Lock()
	defer t.work.Unlock()
	t.tap.drop() // what waits may be the person's: the log tells what is not
	if t.spine == nil {
		there, err := t.early(ctx)
		if err != nil || !there {
			return out, err
		}
		defer func() { t.at = nil }()
	} else if err := t.connect(ctx); err != nil {
		return out, err
	}
	err = t.commit(ctx, *t.at, func(tx pgx.Tx) error {
		out = pipeline.Delisted{}
		if err := eraseRows(ctx, tx, slices.Collect(maps.Keys(gone.IDs)), &out); err != nil {
			return err
		}
		for _, s := range searches {
			if err := s.redact(ctx, tx, &gone, &out); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.at = nil
		return out, err
	}
	if out.Rows+out.Cells == 0 {
		return out, nil
	}
	// What was taken out is overwritten from now on.
	if _, err := t.pool.Exec(ctx, `VACUUM `+strings.Join(spread, ", ")); err != nil {
		return out, fmt.Errorf("vacuum the tables for analysts: %w", err)
	}
	return out, nil
}

// early finds tables while the pipeline starts, which they are attached to afterwards:
// an older backup may know people whom the ledger of erasures names.
func (t *Tables) early(ctx context.Context) (there bool, err error) {
	if err := t.dial(ctx); err != nil {
		return false, err
	}
	if err := t.pool.QueryRow(ctx, `SELECT to_regclass('progress') IS NOT NULL`).Scan(&there); err != nil || !there {
		return false, err
	}
	t.at, _, _, err = t.readProgress(ctx)
	return true, err
}

// eraseRows takes the rows out that are of somebody with some ids: a profile id is
// always that of one of the identifiers.
func eraseRows(ctx context.Context, tx pgx.Tx, ids []string, out *pipeline.Delisted) error {
	for _, table := range spread {
		sql := `DELETE FROM ` + table + ` WHERE profile_id = ANY ($1)`
		if table == "identifiers" || table == "events" {
			sql += ` OR identifier_id = ANY ($1)`
		}
		tag, err := tx.Exec(ctx, sql, ids)
		if err != nil {
			return err
		}
		out.Rows += int(tag.RowsAffected())
	}
	return nil
}

// search is where texts about somebody else may stand.
type search struct {
	table string
	keys  []string // a row whose key names the person goes
	texts []string // these become empty
	docs  []string // out of these go the values alone
}

var searches = []search{
	{"profiles", []string{"profile_id"}, nil, []string{"traits", "computed", "affinities", "consent"}},
	{"identifiers", []string{"profile_id", "identifier_id", "value"}, nil, nil},
	{"memberships", []string{"profile_id", "segment"}, nil, nil},
	{"orders", []string{"profile_id", "order_id"}, []string{"status", "cart_id"}, []string{"fields"}},
	{"order_lines", []string{"profile_id", "order_id", "line"}, []string{"item_type", "item_id"}, nil},
	{
		"events", []string{"profile_id", "time", "position"},
		[]string{
			"event_id", "type", "name", "source", "session_id", "channel", "locale", "page_type", "url", "referrer",
			"item_type", "item_id", "cart_id", "order_id",
		},
		[]string{"properties"},
	},
}

// redact takes values that name a person out of rows about others. The database
// finds rows that may, which are looked at here.
func (s *search) redact(ctx context.Context, tx pgx.Tx, gone *pipeline.Gone, out *pipeline.Delisted) error {
	found := patterns(gone)
	if len(found) == 0 {
		return nil
	}
	var all []string
	for _, c := range slices.Concat(s.keys, s.texts, s.docs) {
		all = append(all, c+"::text")
	}
	list := strings.Join(all, ", ")
	rows, err := tx.Query(ctx, `SELECT `+list+` FROM `+s.table+` WHERE lower(concat_ws(' ', `+list+`)) ~ $1`, strings.Join(found, "|"))
	if err != nil {
		return err
	}
	b := &pgx.Batch{}
	for rows.Next() {
		values := make([]*string, len(all))
		into := make([]any, len(all))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		s.change(b, gone, values, out)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return tx.SendBatch(ctx, b).Close()
}

// change queues what is to be done with a row.
func (s *search) change(b *pgx.Batch, gone *pipeline.Gone, values []*string, out *pipeline.Delisted) {
	named := func(i int) bool { return values[i] != nil && gone.Mentions.In([]byte(*values[i])) }
	var where, set []string
	var args []any
	own := false
	for i, k := range s.keys {
		args = append(args, values[i])
		where = append(where, fmt.Sprintf("%s::text = $%d", k, i+1))
		own = own || named(i)
	}
	cells := 0
	for i, c := range slices.Concat(s.texts, s.docs) {
		n := len(s.keys) + i
		if !named(n) {
			continue
		}
		cells++
		fresh := ""
		if i >= len(s.texts) {
			doc, _ := gone.Mentions.Redact([]byte(*values[n]))
			if fresh = string(doc); gone.Mentions.In(doc) {
				fresh = "{}"
			}
		}
		args = append(args, fresh)
		cast := "text"
		if i >= len(s.texts) {
			cast = "jsonb"
		}
		set = append(set, fmt.Sprintf("%s = $%d::text::%s", c, len(args), cast))
	}
	switch at := strings.Join(where, " AND "); {
	case own:
		out.Rows++
		b.Queue(`DELETE FROM `+s.table+` WHERE `+at, args[:len(s.keys)]...)
	case cells > 0:
		out.Cells += cells
		b.Queue(`UPDATE `+s.table+` SET `+strings.Join(set, ", ")+` WHERE `+at, args...)
	}
}

// patterns are regular expressions for lower-case texts that may name a person: each
// finds at least what Mentions does.
func patterns(gone *pipeline.Gone) []string {
	var out []string
	for _, v := range gone.Mentions.Values() {
		var b strings.Builder
		for _, c := range string(v) {
			switch {
			case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
				b.WriteRune(c)
			case c < ' ' || c == '"' || c == '\\' || c > '~':
				b.WriteString(".{1,12}") // it may be escaped, or have another case
			default:
				b.WriteString(`[` + strings.ReplaceAll(string(c), "^", `\^`) + `]`)
			}
		}
		out = append(out, b.String())
	}
	const nationally = 8
	for _, p := range gone.Mentions.Phones() {
		p = p[max(0, len(p)-nationally):]
		out = append(out, strings.Join(strings.Split(string(p), ""), `[ ()/.+-]*`))
	}
	return out
}
