package link_test

import (
	"strings"
	"testing"

	"rapport/internal/message/link"
)

func maker(tb testing.TB, secret string) *link.Maker {
	tb.Helper()
	m, err := link.New("https://cdp.example.com/", []byte(secret))
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

var click = link.Link{
	Action: link.Click, Destination: "mail", Message: "m1", Namespace: "email", Identifier: "ada@example.com",
	Channel: "email", Purpose: "marketing", Target: "https://shop.example.com/?a=1&b=2",
}

func TestMaker_ReadsWhatItMade(t *testing.T) {
	t.Parallel()
	m := maker(t, "0123456789abcdef")
	address := m.URL(click)
	token, ok := strings.CutPrefix(address, "https://cdp.example.com/t/")
	if !ok {
		t.Fatalf("address %q", address)
	}
	if got, err := m.Read(token); err != nil || got != click {
		t.Errorf("read %+v, %v", got, err)
	}
	if again := m.URL(click); again != address {
		t.Errorf("the second time the link is %q", again)
	}
	if strings.Contains(address, "ada") {
		t.Errorf("the address shows whom the message went to: %q", address)
	}
}

func TestMaker_RefusesWhatItDidNotMake(t *testing.T) {
	t.Parallel()
	m := maker(t, "0123456789abcdef")
	token := strings.TrimPrefix(m.URL(click), "https://cdp.example.com/t/")
	other := strings.TrimPrefix(maker(t, "another secret of 16").URL(click), "https://cdp.example.com/t/")
	for _, bad := range []string{"", "x", other, token[1:], token + "A", token[:len(token)-2], strings.Repeat("A", 20_000)} {
		if got, err := m.Read(bad); err == nil {
			t.Errorf("%.40q is read as %+v", bad, got)
		}
	}
	for i := range token {
		changed := []byte(token)
		changed[i] = 'A'
		if token[i] == 'A' {
			changed[i] = 'B'
		}
		if got, err := m.Read(string(changed)); err == nil {
			t.Fatalf("byte %d changed, read as %+v", i, got)
		}
	}
}

func TestNew_WantsASecret(t *testing.T) {
	t.Parallel()
	if _, err := link.New("https://x.example", []byte("short")); err == nil {
		t.Error("a short secret is taken")
	}
}

func FuzzRead(f *testing.F) {
	m := maker(f, "0123456789abcdef")
	made := strings.TrimPrefix(m.URL(click), "https://cdp.example.com/t/")
	f.Add(made)
	f.Add("")
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, token string) {
		if l, err := m.Read(token); err == nil && !strings.HasSuffix(m.URL(l), "/t/"+token) {
			t.Errorf("%q is read as %+v, which has the address %q", token, l, m.URL(l))
		}
	})
}
