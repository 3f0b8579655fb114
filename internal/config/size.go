package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes. As text it may have a unit: KiB, MiB, GiB, TiB
// (1,024 each), kB, MB, GB, TB (1,000 each) or K, M, G, T (1,024 each).
type Size int64

var units = []struct {
	name string
	n    float64
}{
	{"kib", 1 << 10},
	{"mib", 1 << 20},
	{"gib", 1 << 30},
	{"tib", 1 << 40},
	{"kb", 1e3},
	{"mb", 1e6},
	{"gb", 1e9},
	{"tb", 1e12},
	{"k", 1 << 10},
	{"m", 1 << 20},
	{"g", 1 << 30},
	{"t", 1 << 40},
	{"b", 1},
}

// ParseSize reads a size.
func ParseSize(s string) (Size, error) {
	number, factor := strings.ToLower(strings.TrimSpace(s)), 1.0
	for _, u := range units {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, factor = strings.TrimSpace(rest), u.n
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || n < 0 || math.IsNaN(n) || n*factor > 1<<62 {
		return 0, fmt.Errorf("%q is no size: give a number of bytes or one with a unit, such as 512MiB", s)
	}
	return Size(n * factor), nil
}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(b []byte) error {
	n, err := ParseSize(string(b))
	if err == nil {
		*s = n
	}
	return err
}

// String is the size in the largest unit that keeps it readable.
func (s Size) String() string {
	for _, u := range [...]struct {
		name string
		n    Size
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if s >= u.n {
			return strconv.FormatFloat(math.Round(float64(s)/float64(u.n)*10)/10, 'f', -1, 64) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}
