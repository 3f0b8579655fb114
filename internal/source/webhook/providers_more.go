package webhook

import "rapport/internal/jsondoc"

func mailchimp(root jsondoc.Value) (out []report, err error) {
	err = each(root, func(v jsondoc.Value) {
		kind := v.Get("event").Text()
		r := report{
			email: v.Path("msg", "email").Text(), at: seconds(v.Get("ts")), message: v.Path("msg", "_id").Text(), url: v.Get("url").Text(),
			reason: v.Path("msg", "bounce_description").Text(),
		}
		switch kind {
		case "send":
			r.event = sent
		case "delivered":
			r.event = delivered
		case "deferral":
			r.event = deferred
		case "hard_bounce":
			r.event, r.bounce = bounced, hard
		case "soft_bounce":
			r.event, r.bounce = bounced, soft
		case "reject":
			r.event = dropped
		case "open":
			r.event = opened
		case "click":
			r.event = clicked
		case "spam":
			r.event = complained
		case "unsub":
			r.event = unsubscribed
		}
		out = append(out, r)
	})
	return out, err
}

func brevo(root jsondoc.Value) (out []report, err error) {
	err = each(root, func(v jsondoc.Value) {
		r := report{
			email: v.Get("email").Text(), message: v.Get("message-id").Text(), url: v.Get("link").Text(), reason: v.Get("reason").Text(),
		}
		for _, name := range [...]string{"ts_epoch", "ts_event", "ts"} {
			if r.at = seconds(v.Get(name)); r.at != 0 {
				break
			}
		}
		switch v.Get("event").Text() {
		case "request":
			r.event = sent
		case "delivered":
			r.event = delivered
		case "deferred":
			r.event = deferred
		case "hard_bounce", "invalid_email", "invalid":
			r.event, r.bounce = bounced, hard
		case "soft_bounce":
			r.event, r.bounce = bounced, soft
		case "blocked", "error":
			r.event = dropped
		case "opened", "unique_opened", "proxy_open", "unique_proxy_open", "loaded_by_proxy":
			r.event = opened
		case "click":
			r.event = clicked
		case "spam", "complaint":
			r.event = complained
		case "unsubscribed", "unsubscribe":
			r.event = unsubscribed
		}
		out = append(out, r)
	})
	return out, err
}

func mailjet(root jsondoc.Value) (out []report, err error) {
	err = each(root, func(v jsondoc.Value) {
		r := report{email: v.Get("email").Text(), at: seconds(v.Get("time")), message: number(v.Get("MessageID")), url: v.Get("url").Text(), reason: v.Get("error").Text()}
		switch v.Get("event").Text() {
		case "sent":
			r.event = delivered
		case "bounce":
			r.event, r.bounce = bounced, soft
			if permanent, _ := v.Get("hard_bounce").Bool(); permanent {
				r.bounce = hard
			}
		case "blocked":
			r.event = dropped
		case "open":
			r.event = opened
		case "click":
			r.event = clicked
		case "spam":
			r.event = complained
		case "unsub":
			r.event = unsubscribed
		}
		out = append(out, r)
	})
	return out, err
}

func number(v jsondoc.Value) string {
	if v.Kind() == jsondoc.Number {
		return v.Number()
	}
	return v.Text()
}
