package profile

import (
	"rapport/internal/profile/golden"
	"rapport/internal/profile/rfm"
	"rapport/internal/profile/schema"
)

// Rules are what people decided on how profiles are put together. A nil Rules
// is that of an instance where nobody decided anything. They are immutable.
type Rules struct {
	Golden *golden.Rules   // which value of a trait counts; nil: the latest
	Schema *schema.Schema  // what traits are; nil: nothing is declared
	RFM    *rfm.Boundaries // nil: the defaults
}

func (r *Rules) golden() *golden.Rules {
	if r == nil {
		return nil
	}
	return r.Golden
}

func (r *Rules) schema() *schema.Schema {
	if r == nil {
		return nil
	}
	return r.Schema
}

var defaultRFM = rfm.Default()

func (r *Rules) rfm() *rfm.Boundaries {
	if r == nil || r.RFM == nil {
		return defaultRFM
	}
	return r.RFM
}
