package java

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"rapport/internal/feel"
)

// javaString is what Java's String.valueOf gives.
func javaString(a any) string {
	switch a := a.(type) {
	case float64:
		return javaDouble(a, 64)
	case float32:
		return javaDouble(float64(a), 32)
	case feel.Value:
		return a.String()
	}
	return fmt.Sprint(a)
}

// javaDouble writes 3 as 3.0, and very large and small numbers as 1.0E10.
func javaDouble(f float64, bits int) string {
	if abs := math.Abs(f); abs != 0 && (abs < 1e-3 || abs >= 1e7) {
		s := strconv.FormatFloat(f, 'E', -1, bits)
		mantissa, exponent, _ := strings.Cut(s, "E")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		n, _ := strconv.Atoi(exponent)
		return mantissa + "E" + strconv.Itoa(n)
	}
	s := strconv.FormatFloat(f, 'f', -1, bits)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

var javaVerb = regexp.MustCompile(`%(\d+\$)?([-#+ 0,(]*)(\d+)?(\.\d+)?([a-zA-Z%])`)

// javaFormat is Java's String.format for the verbs s, S, d, f, e, x, X, b, c,
// n and %.
func javaFormat(format string, args []feel.Value) (string, error) {
	var out strings.Builder
	last, next := 0, 0
	for _, m := range javaVerb.FindAllStringSubmatchIndex(format, -1) {
		if strings.Contains(format[last:m[0]], "%") {
			return "", fmt.Errorf("format %q has a verb that is not supported", format)
		}
		out.WriteString(format[last:m[0]])
		last = m[1]
		verb := format[m[10]]
		if verb == 'n' || verb == '%' {
			out.WriteString(map[byte]string{'n': "\n", '%': "%"}[verb])
			continue
		}
		i := next
		if m[2] >= 0 {
			i, _ = strconv.Atoi(format[m[2] : m[3]-1])
			i--
		} else {
			next++
		}
		if i < 0 || i >= len(args) {
			return "", fmt.Errorf("format %q needs more arguments than %d", format, len(args))
		}
		text, err := javaVerbText(verb, submatch(format, m, 4), submatch(format, m, 6), submatch(format, m, 8), args[i])
		if err != nil {
			return "", err
		}
		if out.WriteString(text); out.Len() > 1<<20 {
			return "", fmt.Errorf("the formatted text is longer than 1 MiB")
		}
	}
	if strings.Contains(format[last:], "%") {
		return "", fmt.Errorf("format %q has a verb that is not supported", format)
	}
	out.WriteString(format[last:])
	return out.String(), nil
}

func submatch(s string, m []int, i int) string {
	if m[i] < 0 {
		return ""
	}
	return s[m[i]:m[i+1]]
}

func javaVerbText(verb byte, flags, width, precision string, v feel.Value) (string, error) {
	group := strings.Contains(flags, ",")
	flags = strings.NewReplacer(",", "", "(", "").Replace(flags)
	if n, _ := strconv.Atoi(width); n > 10_000 || len(precision) > 4 {
		return "", fmt.Errorf("the width of a format is too large")
	}
	verbs := "%" + flags + width + precision
	wrong := fmt.Errorf("%s cannot be formatted with %%%c", shown(v), verb)
	switch verb {
	case 's':
		return fmt.Sprintf(verbs+"s", v.String()), nil
	case 'S':
		return fmt.Sprintf(verbs+"s", strings.ToUpper(v.String())), nil
	case 'b':
		return fmt.Sprintf("%"+flags+width+"s", strconv.FormatBool(v.IsTrue() || !v.IsNull() && v.Kind() != feel.KindBoolean)), nil
	case 'c':
		s, ok := v.AsString()
		if !ok || len([]rune(s)) != 1 {
			return "", wrong
		}
		return fmt.Sprintf("%"+flags+width+"s", s), nil
	case 'd', 'x', 'X':
		n, ok := v.AsInt()
		if !ok {
			return "", wrong
		}
		return grouped(fmt.Sprintf(verbs+string(verb), n), group), nil
	case 'f':
		text, ok := fixed(v, precision)
		if !ok {
			return "", wrong
		}
		return grouped(padded(text, flags, width), group), nil
	case 'e', 'E':
		f, ok := v.AsFloat()
		if !ok || v.Kind() != feel.KindNumber {
			return "", wrong
		}
		return fmt.Sprintf(verbs+string(verb), f), nil
	}
	return "", fmt.Errorf("format verb %%%c is not supported", verb)
}

// fixed writes a number with a fixed count of decimals. Java rounds halves away
// from zero, where Go rounds to even.
func fixed(v feel.Value, precision string) (string, bool) {
	d, ok := v.AsDecimal()
	if !ok {
		return "", false
	}
	places := 6
	if precision != "" {
		places, _ = strconv.Atoi(precision[1:])
	}
	if places > 100 {
		return "", false
	}
	c := apd.BaseContext.WithPrecision(200)
	c.Rounding = apd.RoundHalfUp
	var out apd.Decimal
	if _, err := c.Quantize(&out, d, -int32(places)); err != nil {
		return "", false
	}
	return out.Text('f'), true
}

// padded brings a number to a width, with zeros where the flags ask for them.
func padded(text, flags, width string) string {
	n, _ := strconv.Atoi(width)
	sign := ""
	if rest, negative := strings.CutPrefix(text, "-"); negative {
		sign, text = "-", rest
	} else if strings.Contains(flags, "+") {
		sign = "+"
	}
	missing := max(0, n-len(sign)-len(text))
	switch {
	case strings.Contains(flags, "-"):
		return sign + text + strings.Repeat(" ", missing)
	case strings.Contains(flags, "0"):
		return sign + strings.Repeat("0", missing) + text
	}
	return strings.Repeat(" ", missing) + sign + text
}

// grouped puts commas between thousands.
func grouped(s string, on bool) string {
	if !on {
		return s
	}
	whole, fraction, _ := strings.Cut(s, ".")
	start := strings.IndexAny(whole, "0123456789")
	if start < 0 {
		return s
	}
	digits := whole[start:]
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if fraction != "" {
		digits += "." + fraction
	}
	return whole[:start] + digits
}
