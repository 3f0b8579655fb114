// Package slack posts each message to a channel by an incoming webhook. It never
// lets a value become markup, a link or a mention.
package slack

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"rapport/internal/destination"
	"rapport/internal/message"
)

// Settings are the settings of a channel.
type Settings struct {
	URL     string `json:"url" required:"true" secret:"true" doc:"The address of the incoming webhook, such as https://hooks.slack.com/services/T…/B…/…; who knows it can post"`
	Text    string `json:"text" required:"true" doc:"Liquid for the text, in Slack's markup; also what notifications show of blocks"`
	Blocks  string `json:"blocks,omitempty" doc:"Liquid for a JSON list of blocks"`
	Lenient bool   `json:"lenient,omitempty" doc:"Write nothing for a variable that is not there, instead of refusing the message"`
}

// Type is the register's entry.
func Type() destination.Type {
	return destination.Type{
		Name: "slack", Title: "Slack",
		About:  "Posts each message to a Slack channel by an incoming webhook, one per second as Slack asks for.",
		Schema: destination.SchemaOf[Settings](), Open: open, Content: []string{"text", "blocks"},
	}
}

type sink struct {
	Settings
	text, blocks *message.Template
	caller       destination.Caller
}

func open(_ context.Context, settings json.RawMessage, env destination.Env) (destination.Sink, error) {
	s := &sink{}
	if err := destination.Decode(settings, &s.Settings); err != nil {
		return nil, err
	}
	if err := destination.CheckURL("url", s.URL); err != nil {
		return nil, err
	}
	var err error
	if s.text, err = destination.Template("text", s.Text, message.Slack); err != nil {
		return nil, err
	}
	if s.Blocks != "" {
		if s.blocks, err = destination.Template("blocks", s.Blocks, message.SlackJSON); err != nil {
			return nil, err
		}
	}
	secrets := []string{s.URL}
	if u, err := url.Parse(s.URL); err == nil {
		secrets = append(secrets, strings.TrimPrefix(u.Path, "/services"), path.Base(u.Path), u.RawQuery)
	}
	s.caller = destination.Caller{HTTP: env.HTTP, Now: env.Now, Mask: destination.NewMasker(secrets...), Judge: judge}
	return s, nil
}

func (s *sink) Limits() destination.Limits {
	return destination.Limits{Batch: 1, Concurrency: 1, Rate: 1, Timeout: 15 * time.Second}
}

func (s *sink) Close() error { return nil }

// meanings are Slack's words for what is wrong, and the mend.
var meanings = map[string]string{
	"invalid_payload":                   "Slack cannot read it: look at the blocks",
	"invalid_blocks":                    "Slack does not take the blocks: try them in its Block Kit Builder",
	"no_text":                           "the text is empty",
	"user_not_found":                    "the webhook's user is not there any more: make a new webhook",
	"channel_not_found":                 "the channel is not there any more: make a new webhook",
	"channel_is_archived":               "the channel is archived: make a webhook for another one",
	"action_prohibited":                 "Slack's administrator does not allow it",
	"posting_to_general_channel_denied": "Slack's administrator does not allow posts to this channel",
	"no_service":                        "the webhook was removed: make a new one",
	"no_service_id":                     "the webhook's address is not complete",
	"no_team":                           "the webhook's workspace is not there any more",
	"team_disabled":                     "the webhook's workspace is switched off",
	"invalid_token":                     "the webhook's address is not right: copy it again",
	"too_many_attachments":              "there are more than 100 attachments",
}

func judge(status int, body []byte) (destination.Outcome, string) {
	word := strings.TrimSpace(string(body[:min(len(body), 100)]))
	meaning, known := meanings[word]
	switch {
	case status == http.StatusTooManyRequests || status >= 500 || status/100 == 3:
		return "", ""
	case known:
		return destination.Refused, "Slack answers " + word + ": " + meaning
	case status == http.StatusOK && word != "ok":
		// A proxy or a login page answers 200 too.
		return destination.Refused, "the answer is not Slack's: is the address that of an incoming webhook?"
	}
	return "", ""
}

func (s *sink) Send(ctx context.Context, batch []destination.Message) []destination.Result {
	out := make([]destination.Result, len(batch))
	for i := range batch {
		out[i] = s.one(ctx, &batch[i])
	}
	return out
}

func (s *sink) one(ctx context.Context, m *destination.Message) destination.Result {
	vars, err := destination.Vars(m)
	if err != nil {
		return destination.NoJSON()
	}
	in := message.Input{Now: m.Time, Vars: vars, Lenient: s.Lenient}
	var post struct {
		Text   string          `json:"text"`
		Blocks json.RawMessage `json:"blocks,omitempty"`
	}
	if post.Text, err = s.text.Render(in); err != nil {
		return destination.BadTemplate("text", err)
	}
	if s.blocks != nil {
		text, err := s.blocks.Render(in)
		if err != nil {
			return destination.BadTemplate("blocks", err)
		}
		post.Blocks = json.RawMessage(text)
	}
	body, err := json.Marshal(post)
	if err != nil {
		return destination.Result{Outcome: destination.Refused, Reason: "the blocks that the template writes are no JSON"}
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, nil)
	if err != nil {
		return destination.Result{Outcome: destination.Refused, Reason: "the address cannot be asked"}
	}
	q.Header.Set("Content-Type", "application/json")
	r, _ := s.caller.Do(ctx, q, body)
	return r
}
