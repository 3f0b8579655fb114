// Package offer chooses what to offer: which of many offers may be shown to a
// person in a place, in which order, and why the others are not. It is handed
// what is known and gives what follows. It never reads a person, a clock or a
// stock itself, and never keeps what it chose.
package offer

import (
	"encoding/json"

	"rapport/internal/clock"
	"rapport/internal/profile/shown"
)

// Offer is something that can be offered, as it is defined.
type Offer struct {
	Name       string                     `json:"name,omitempty" maxLength:"200"`
	Tags       []string                   `json:"tags,omitempty" maxItems:"50" doc:"Words by which placements choose"`
	Groups     []string                   `json:"groups,omitempty" maxItems:"20" doc:"What belongs together: caps and limits count by group"`
	Attributes map[string]json.RawMessage `json:"attributes,omitempty" doc:"Typed values of your own: formulas read them as offer.attributes"`
	Priority   float64                    `json:"priority,omitempty" minimum:"-1000000" maximum:"1000000" doc:"The larger is offered first"`
	Value      float64                    `json:"value,omitempty" minimum:"0" doc:"What it is worth when it is taken up; left out: 1"`
	Lever      float64                    `json:"lever,omitempty" minimum:"0" doc:"A factor by which people push it or hold it back; left out: 1"`
	From       clock.Instant              `json:"from,omitzero" doc:"Not before"`
	To         clock.Instant              `json:"to,omitzero" doc:"Not from then on"`
	Channels   []string                   `json:"channels,omitempty" maxItems:"20" doc:"Only there; left out: everywhere"`
	Content    Content                    `json:"content" doc:"What is shown: by placement, then by language; * stands for any"`

	Eligibility *EligibilityRule `json:"eligibility,omitempty" doc:"Who may be offered it; left out: everybody"`
	Caps        []FrequencyCap   `json:"caps,omitempty" maxItems:"20" doc:"How often it may be offered"`
	Suppress    []RestAfter      `json:"suppress,omitempty" maxItems:"10" doc:"How long it is not offered after something came of it"`
	Inventory   *Supply          `json:"inventory,omitempty" doc:"How many there are of it"`
	Item        string           `json:"item,omitempty" maxLength:"512" doc:"Id of a catalog item that it is about: formulas read it as item"`
	Stock       *StockRule       `json:"stock,omitempty" doc:"Needs the item to be in stock"`
	Excludes    []string         `json:"excludes,omitempty" maxItems:"100" doc:"Keys of offers that are not shown beside it"`
}

// Content is what is shown, by placement and language.
type Content map[string]map[string]json.RawMessage

// EligibilityRule says of whom something holds. All of it must.
type EligibilityRule struct {
	Segments    []string     `json:"segments,omitempty" maxItems:"50" doc:"In all of these"`
	AnySegment  []string     `json:"any_segment,omitempty" maxItems:"50" doc:"In one of these"`
	NotSegments []string     `json:"not_segments,omitempty" maxItems:"50" doc:"In none of these"`
	When        string       `json:"when,omitempty" maxLength:"8192" doc:"FEEL over person, context, offer and item that must be true"`
	Consent     *ConsentRule `json:"consent,omitempty" doc:"What the person must have agreed to"`
}

// ConsentRule names what is asked of consent.
type ConsentRule struct {
	Purpose string `json:"purpose"`
	Channel string `json:"channel,omitempty"`
}

// FrequencyCap says how often something may happen before an offer is no longer made.
type FrequencyCap struct {
	Per    string `json:"per,omitempty" enum:"offer,group,placement,channel,person" doc:"What is counted together; left out: offer"`
	Key    string `json:"key,omitempty" doc:"Of per group: which group; left out: each of the offer's own"`
	Of     string `json:"of,omitempty" enum:"decided,viewed,clicked,dismissed,accepted" doc:"What is counted; left out: viewed"`
	Times  int    `json:"times" minimum:"1" maximum:"100"`
	Period Span   `json:"period,omitempty" doc:"A sliding span, such as 24h or 7d; left out: as long as it is remembered"`
	Each   string `json:"each,omitempty" enum:"hour,day,week,month" doc:"A span of the calendar, of UTC, in place of period"`
}

// RestAfter holds an offer back after an outcome.
type RestAfter struct {
	After string `json:"after" enum:"viewed,clicked,dismissed,accepted"`
	For   Span   `json:"for" doc:"Such as 30d"`
}

// Supply is how often an offer can be given in all.
type Supply struct {
	Total int64 `json:"total" minimum:"1" doc:"A decision that chooses the offer takes one, for good or until it is given back"`
}

// StockRule asks of the item's stock.
type StockRule struct {
	Attribute string  `json:"attribute,omitempty" doc:"Attribute of the item that counts; left out: stock"`
	Min       float64 `json:"min,omitempty" doc:"At least so many; left out: 1"`
}

// Placement is a place in which something is shown, as it is defined.
type Placement struct {
	Name        string           `json:"name,omitempty" maxLength:"200"`
	Selector    string           `json:"selector,omitempty" maxLength:"1000" doc:"CSS selector of the place in a page; left out: the element with data-rapport-slot of this key"`
	Channels    []string         `json:"channels,omitempty" maxItems:"20" doc:"Left out: all"`
	ContentType string           `json:"content_type,omitempty" enum:"json,html,form,notification" doc:"Left out: json. html, form and notification are shown where the page loads their plug-in"`
	Count       int              `json:"count,omitempty" minimum:"1" maximum:"50" doc:"How many offers are shown; left out: 1"`
	Offers      *Competition     `json:"offers,omitempty" doc:"Which offers compete; left out: all that have content for the place"`
	Rule        *EligibilityRule `json:"rule,omitempty" doc:"Who is shown anything; the others get the fallback"`
	Ranking     *Ranking         `json:"ranking,omitempty" doc:"What comes first; left out: the larger priority"`
	MaxPerGroup int              `json:"max_per_group,omitempty" minimum:"1" maximum:"50" doc:"Offers of one group at the same time; left out: any number"`
	Caps        []FrequencyCap   `json:"caps,omitempty" maxItems:"20" doc:"How often anything is shown here"`
	ValidFor    *Span            `json:"valid_for,omitempty" doc:"How long a decision holds, in every channel; left out: 15m; 0s: it is made each time"`
	Fallback    json.RawMessage  `json:"fallback,omitempty" doc:"Content where nothing can be offered"`
	BudgetMS    int              `json:"budget_ms,omitempty" minimum:"0" maximum:"10000" doc:"How long a page may hide the place while it waits; left out: 300"`
	Public      bool             `json:"public,omitempty" doc:"Write keys may ask for it"`
}

// Competition says which offers compete. All that is said must hold.
type Competition struct {
	Keys   []string `json:"keys,omitempty" maxItems:"1000"`
	Tags   []string `json:"tags,omitempty" maxItems:"50" doc:"With one of these"`
	Groups []string `json:"groups,omitempty" maxItems:"50" doc:"Of one of these"`
	Where  string   `json:"where,omitempty" maxLength:"8192" doc:"FEEL over offer"`
}

// Ranking says what comes first.
type Ranking struct {
	By      string            `json:"by,omitempty" enum:"priority,formula,model" doc:"Left out: what is given, else priority"`
	Formula string            `json:"formula,omitempty" maxLength:"8192" doc:"FEEL over person, context, offer, item and propensity that gives a number"`
	Model   string            `json:"model,omitempty" doc:"Key of a predictive model. By model the score is propensity × value × lever"`
	Output  string            `json:"output,omitempty" doc:"Name of the model's output; left out: the last number"`
	Inputs  map[string]string `json:"inputs,omitempty" doc:"FEEL for inputs of the model, over person, context, offer and item; left out: traits and computed values of the same name"`
	Explore float64           `json:"explore,omitempty" minimum:"0" maximum:"1" doc:"Share of decisions in which the order is left to chance"`
}

// PublicData is what of a person a caller who only claims to be that person may
// be treated by.
type PublicData struct {
	Segments []string `json:"segments,omitempty" maxItems:"1000" doc:"Keys of segments"`
	Traits   []string `json:"traits,omitempty" maxItems:"1000" doc:"Names of traits"`
}

// Defaults of what a document leaves out.
const (
	defaultBudget   = 300
	defaultValidFor = 15 * minute
	maxValidFor     = 90 * day
)

func outcomeOf(name string) (shown.Outcome, bool) {
	if name == "" {
		return shown.Viewed, true
	}
	return shown.OutcomeOf(name)
}
