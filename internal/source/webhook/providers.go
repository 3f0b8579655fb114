package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// report is what a provider of e-mail says of one message to one address.
type report struct {
	event   string // as the tracking protocol calls it; empty: none that we take
	email   string
	at      clock.Instant // zero: now
	id      string        // the provider's own of this report; empty: it has none
	message string        // id of the mail
	url     string        // of a click
	reason  string        // of a bounce, a refusal
	bounce  string        // hard or soft
}

// The events, by the names that the e-mail specification of the tracking
// protocol has.
const (
	delivered    = "Email Delivered"
	bounced      = "Email Bounced"
	complained   = "Email Marked as Spam"
	opened       = "Email Opened"
	clicked      = "Email Link Clicked"
	unsubscribed = "Unsubscribed"
	sent         = "Email Sent"
	deferred     = "Email Deferred"
	dropped      = "Email Dropped"
)

const (
	hard = "hard"
	soft = "soft"
)

// providers read the reports out of a body.
var providers = map[string]func(root jsondoc.Value) ([]report, error){
	"sendgrid": sendgrid, "mailgun": mailgun, "postmark": postmark, "ses": ses, "sparkpost": sparkpost,
	"mailchimp": mailchimp, "brevo": brevo, "mailjet": mailjet,
}

var errReport = fault.Errorf(fault.Invalid, "invalid_report", "the body is no report of this provider: check which provider sends to this webhook")

// each visits the elements of a list, or what is alone.
func each(v jsondoc.Value, visit func(jsondoc.Value)) error {
	switch v.Kind() {
	case jsondoc.Object:
		visit(v)
	case jsondoc.Array:
		v.Items(func(_ int, m jsondoc.Value) bool {
			visit(m)
			return true
		})
	default:
		return errReport
	}
	return nil
}

// seconds reads a time since 1970, in seconds or, from a hundred thousand
// million on, in milliseconds.
func seconds(v jsondoc.Value) clock.Instant {
	f, ok := v.Float()
	if !ok {
		var err error
		if f, err = strconv.ParseFloat(v.Text(), 64); err != nil {
			return 0
		}
	}
	if f >= 1e11 {
		f /= 1000
	}
	if !(f > 0 && f < 1e11) {
		return 0
	}
	return clock.From(time.UnixMilli(int64(math.Round(f * 1000))))
}

func stamp(v jsondoc.Value) clock.Instant {
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05.999999Z0700", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, v.Text()); err == nil {
			return clock.From(t)
		}
	}
	return 0
}

func sendgrid(root jsondoc.Value) (out []report, err error) {
	err = each(root, func(v jsondoc.Value) {
		r := report{
			email: v.Get("email").Text(), at: seconds(v.Get("timestamp")), id: v.Get("sg_event_id").Text(),
			message: v.Get("sg_message_id").Text(), url: v.Get("url").Text(), reason: v.Get("reason").Text(),
		}
		switch v.Get("event").Text() {
		case "processed":
			r.event = sent
		case "delivered":
			r.event = delivered
		case "deferred":
			r.event, r.reason = deferred, v.Get("response").Text()
		case "bounce":
			r.event, r.bounce = bounced, hard
			if v.Get("type").Text() == "blocked" {
				r.bounce = soft
			}
		case "dropped":
			r.event = dropped
		case "open":
			r.event = opened
		case "click":
			r.event = clicked
		case "spamreport":
			r.event = complained
		case "unsubscribe", "group_unsubscribe":
			r.event = unsubscribed
		}
		out = append(out, r)
	})
	return out, err
}

func mailgun(root jsondoc.Value) ([]report, error) {
	v := root.Get("event-data")
	if v.Kind() != jsondoc.Object {
		return nil, errReport
	}
	r := report{
		email: v.Get("recipient").Text(), at: seconds(v.Get("timestamp")), id: v.Get("id").Text(),
		message: v.Path("message", "headers", "message-id").Text(), url: v.Get("url").Text(),
	}
	switch v.Get("event").Text() {
	case "accepted":
		r.event = sent
	case "rejected":
		r.event, r.reason = dropped, v.Path("reject", "reason").Text()
	case "delivered":
		r.event = delivered
	case "failed":
		r.event, r.bounce = bounced, hard
		if v.Get("severity").Text() == "temporary" {
			r.event, r.bounce = deferred, ""
		}
		if r.reason = v.Path("delivery-status", "message").Text(); r.reason == "" {
			r.reason = v.Path("delivery-status", "description").Text()
		}
	case "opened":
		r.event = opened
	case "clicked":
		r.event = clicked
	case "complained":
		r.event = complained
	case "unsubscribed":
		r.event = unsubscribed
	}
	return []report{r}, nil
}

func postmark(root jsondoc.Value) (out []report, err error) {
	err = each(root, func(v jsondoc.Value) {
		r := report{email: v.Get("Recipient").Text(), message: v.Get("MessageID").Text()}
		if r.email == "" {
			r.email = v.Get("Email").Text()
		}
		for _, name := range [...]string{"DeliveredAt", "BouncedAt", "ReceivedAt", "ChangedAt"} {
			if at := stamp(v.Get(name)); at != 0 {
				r.at = at
			}
		}
		switch v.Get("RecordType").Text() {
		case "Delivery":
			r.event = delivered
		case "Bounce":
			r.postmarkBounce(v.Get("Type").Text())
			r.reason = v.Get("Description").Text()
		case "SpamComplaint":
			r.event = complained
		case "Open":
			r.event = opened
		case "Click":
			r.event, r.url = clicked, v.Get("OriginalLink").Text()
		case "SubscriptionChange":
			if off, _ := v.Get("SuppressSending").Bool(); off {
				r.event, r.reason = unsubscribed, v.Get("SuppressionReason").Text()
				switch r.reason { // Postmark's doing, and not the person's
				case "HardBounce":
					r.event, r.bounce = bounced, hard
				case "SpamComplaint":
					r.event = complained
				}
			}
		}
		out = append(out, r)
	})
	return out, err
}

// postmarkBounce takes a report of a mail that came back, which Postmark also has for
// answers of machines and for what it tries again.
func (r *report) postmarkBounce(kind string) {
	switch kind {
	case "HardBounce", "BadEmailAddress", "ManuallyDeactivated":
		r.event, r.bounce = bounced, hard
	case "SpamComplaint":
		r.event = complained
	case "Unsubscribe":
		r.event = unsubscribed
	case "Transient":
		r.event = deferred
	case "AutoResponder", "AddressChange", "Subscribe", "ChallengeVerification", "OpenRelayTest":
	default:
		r.event, r.bounce = bounced, soft
	}
}

// ses reads a report of Amazon SES, as it is or in an SNS notification.
func ses(root jsondoc.Value) ([]report, error) {
	if text := root.Get("Message").Text(); text != "" {
		if root.Get("Type").Text() == "UnsubscribeConfirmation" || !strings.HasPrefix(strings.TrimSpace(text), "{") {
			return []report{{}}, nil // SNS and SES speak of themselves
		}
		doc, err := jsondoc.Parse([]byte(text), jsondoc.DefaultLimits())
		if err != nil {
			return nil, errReport
		}
		root = doc.Root()
	}
	kind := root.Get("eventType").Text()
	if kind == "" {
		kind = root.Get("notificationType").Text()
	}
	mail := root.Get("mail")
	if kind == "AmazonSnsSubscriptionSucceeded" {
		return []report{{}}, nil
	}
	if kind == "" || mail.Kind() != jsondoc.Object {
		return nil, errReport
	}
	r := report{message: mail.Get("messageId").Text()}
	to, part, name := mail.Get("destination"), jsondoc.Value{}, ""
	switch kind {
	case "Send":
		r.event, r.at = sent, stamp(mail.Get("timestamp"))
	case "Delivery":
		r.event, part = delivered, root.Get("delivery")
		to = part.Get("recipients")
	case "Bounce":
		r.event, r.bounce, part = bounced, soft, root.Get("bounce")
		if part.Get("bounceType").Text() == "Permanent" {
			r.bounce = hard
		}
		to, name = part.Get("bouncedRecipients"), "emailAddress"
	case "Complaint":
		r.event, part = complained, root.Get("complaint")
		to, name = part.Get("complainedRecipients"), "emailAddress"
		r.reason = part.Get("complaintFeedbackType").Text()
	case "Open":
		r.event, part = opened, root.Get("open")
	case "Click":
		r.event, part = clicked, root.Get("click")
		r.url = part.Get("link").Text()
	case "Reject":
		r.event, r.reason = dropped, root.Path("reject", "reason").Text()
	case "DeliveryDelay":
		r.event, part = deferred, root.Get("deliveryDelay")
		to, name = part.Get("delayedRecipients"), "emailAddress"
	case "Subscription":
		part = root.Get("subscription") // of one topic of several it says nothing that is known here
		if all, _ := part.Path("newTopicPreferences", "unsubscribeAll").Bool(); all {
			r.event = unsubscribed
		}
	}
	if at := stamp(part.Get("timestamp")); at != 0 {
		r.at = at
	}
	var out []report
	to.Items(func(_ int, m jsondoc.Value) bool {
		one := r
		if one.email = m.Text(); name != "" {
			one.email = m.Get(name).Text()
			if why := m.Get("diagnosticCode").Text(); why != "" {
				one.reason = why
			}
		}
		out = append(out, one)
		return true
	})
	return out, nil
}

func sparkpost(root jsondoc.Value) (out []report, err error) {
	err = each(root, func(m jsondoc.Value) {
		m.Get("msys").Each(func(_ string, v jsondoc.Value) bool {
			r := report{
				email: v.Get("rcpt_to").Text(), at: seconds(v.Get("timestamp")), id: v.Get("event_id").Text(), message: v.Get("message_id").Text(),
				url: v.Get("target_link_url").Text(), reason: v.Get("reason").Text(),
			}
			switch v.Get("type").Text() {
			case "injection":
				r.event = sent
			case "delivery":
				r.event = delivered
			case "bounce", "out_of_band":
				r.event, r.bounce = bounced, soft
				if class := v.Get("bounce_class").Text(); class == "10" || class == "30" || class == "90" {
					r.bounce = hard
				}
			case "delay":
				r.event = deferred
			case "policy_rejection", "generation_rejection", "generation_failure":
				r.event = dropped
			case "spam_complaint":
				r.event = complained
			case "open", "initial_open":
				r.event = opened
			case "click":
				r.event = clicked
			case "list_unsubscribe", "link_unsubscribe":
				r.event = unsubscribed
			}
			out = append(out, r)
			return true
		})
	})
	return out, err
}

// asEvent is a report as an event of the tracking protocol. Copies of a report
// have one message id. What the mail program said of itself stays out: it is
// often a robot of the person's provider.
func (r *report) asEvent(provider string) ([]byte, error) {
	properties := map[string]any{"provider": provider}
	for name, value := range map[string]string{"email_id": r.message, "link_url": r.url, "reason": r.reason, "bounce_type": r.bounce} {
		if value != "" {
			properties[name] = value
		}
	}
	e := map[string]any{
		"type": "track", "event": r.event, "messageId": r.messageID(provider), "channel": "email", "properties": properties,
		"context": map[string]any{"traits": map[string]any{"email": r.email}},
	}
	if r.at != 0 {
		e["timestamp"] = r.at.String()
	}
	return json.Marshal(e)
}

func (r *report) messageID(provider string) string {
	said := r.id
	if said == "" {
		said = strings.Join([]string{r.message, r.event, strings.ToLower(r.email), r.at.String(), r.url}, "\x00")
	}
	sum := sha256.Sum256([]byte(provider + "\x00" + said))
	return "report-" + hex.EncodeToString(sum[:16])
}

// form makes of a body the JSON that a provider puts into a form.
func form(provider string, body []byte) []byte {
	if provider != "mailchimp" {
		return body
	}
	values, err := url.ParseQuery(string(body))
	if err != nil || values.Get("mandrill_events") == "" {
		return body
	}
	return []byte(values.Get("mandrill_events"))
}
