package wire_test

import (
	"testing"

	"pgregory.net/rapid"

	"rapport/internal/catalog/wire"
)

func TestMark_IsShortWhenItCameBefore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		marks := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) wire.Mark {
			return wire.Mark{
				Time: rapid.Int64Range(0, 3).Draw(t, "time"), Short: rapid.Uint64Range(0, 3).Draw(t, "short"),
				Priority: rapid.Uint8Range(0, 1).Draw(t, "priority"), Source: rapid.SampledFrom([]string{"", "a"}).Draw(t, "source"),
			}
		}), 0, 40).Draw(t, "marks")
		var enc wire.Encoder
		for i, m := range marks {
			before := len(enc.B)
			enc.Mark(m)
			if i > 0 && marks[i-1] == m && len(enc.B) != before+1 {
				t.Fatalf("a mark that just came takes %d bytes", len(enc.B)-before)
			}
		}
		dec := wire.NewDecoder(enc.B, nil)
		for i, m := range marks {
			if got := dec.Mark(); got != m {
				t.Fatalf("mark %d: got %+v, want %+v", i, got, m)
			}
		}
		if dec.Bad() || dec.Len() != 0 {
			t.Fatalf("bad %v, %d bytes left", dec.Bad(), dec.Len())
		}
	})
}

func TestDecoder_SaysThatItsInputIsBad(t *testing.T) {
	t.Parallel()
	reads := map[string]func(*wire.Decoder){
		"byte":  func(d *wire.Decoder) { d.Byte() },
		"uint":  func(d *wire.Decoder) { d.Uint() },
		"int":   func(d *wire.Decoder) { d.Int() },
		"fixed": func(d *wire.Decoder) { d.Fixed() },
		"text":  func(d *wire.Decoder) { _ = d.Str() },
		"mark":  func(d *wire.Decoder) { d.Mark() },
	}
	for name, read := range reads {
		d := wire.NewDecoder(nil, nil)
		if read(d); !d.Bad() {
			t.Errorf("%s reads what is not there", name)
		}
	}
	for _, b := range [][]byte{{200, 1, 2}, {3, 'a', 'b'}} {
		d := wire.NewDecoder(b, nil)
		if _ = d.Str(); !d.Bad() {
			t.Errorf("%v has a text", b)
		}
	}
	d := wire.NewDecoder([]byte{1}, nil)
	if d.Mark(); !d.Bad() {
		t.Error("a mark refers to one that never came")
	}
}

func TestNames_ShareAndForget(t *testing.T) {
	t.Parallel()
	n := wire.NewNames()
	calls := 0
	form := func(b []byte) []byte { calls++; return append(b, "canonical"...) }
	for range 2 {
		s, ok := n.Form([]byte("raw"))
		if !ok {
			s = n.SetForm([]byte("raw"), form)
		}
		if s != "canonical" {
			t.Fatalf("got %q", s)
		}
	}
	if calls != 1 {
		t.Fatalf("the form was made %d times", calls)
	}
	var none *wire.Names
	if _, ok := none.Form([]byte("raw")); ok || none.SetForm([]byte("raw"), form) != "canonical" || none.Of([]byte("x")) != "x" || none.OfText("y") != "y" {
		t.Fatal("nil names do not pass values on")
	}
	if n.Of([]byte("x")) != "x" || n.OfText("x") != "x" || n.Of(nil) != "" {
		t.Fatal("names change what they share")
	}
}
