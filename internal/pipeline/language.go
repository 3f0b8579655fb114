package pipeline

import (
	"context"

	"rapport/internal/wording"
)

type languageKey struct{}

// InLanguage says in which language a request's answer is.
func InLanguage(ctx context.Context, l wording.Language) context.Context {
	return context.WithValue(ctx, languageKey{}, l)
}

// Language is that of a request's answer; English where nobody said another.
func Language(ctx context.Context) wording.Language {
	if l, ok := ctx.Value(languageKey{}).(wording.Language); ok {
		return l
	}
	return wording.English
}
