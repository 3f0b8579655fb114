package slack_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"rapport/internal/destination"
	"rapport/internal/destination/sinktest"
	"rapport/internal/destination/slack"
)

const path = "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"

func settings(t *testing.T, s slack.Settings) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// post is what Slack takes, as its reference says.
type post struct {
	Text   string `json:"text"`
	Blocks []struct {
		Type string `json:"type"`
		Text struct{ Type, Text string }
	} `json:"blocks"`
}

// serve answers as an incoming webhook does.
func serve(t *testing.T, w http.ResponseWriter, r *http.Request, body []byte) []string {
	var p post
	switch {
	case r.URL.Path != path || r.Method != http.MethodPost:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, "no_service")
	case json.Unmarshal(body, &p) != nil || r.Header.Get("Content-Type") != "application/json":
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, "invalid_payload")
	case p.Text == "":
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, "no_text")
	default:
		if len(p.Blocks) != 1 || p.Blocks[0].Text.Text != p.Text {
			t.Errorf("post %s", body)
		}
		fmt.Fprint(w, "ok")
		id, _, _ := strings.Cut(strings.TrimPrefix(p.Text, "*"), "*")
		return []string{id}
	}
	return nil
}

func TestSlack_PassesTheSuite(t *testing.T) {
	t.Parallel()
	sinktest.RunHTTP(t, sinktest.HTTPSuite{
		Suite: sinktest.Suite{Type: slack.Type(), Secrets: []string{strings.TrimPrefix(path, "/services"), "XXXXXXXXXXXXXXXXXXXXXXXX"}},
		Settings: func(base string) json.RawMessage {
			return settings(t, slack.Settings{
				URL: base + path, Text: "*{{ message.id }}* {{ n }}", Lenient: true,
				Blocks: `[{"type":"section","text":{"type":"mrkdwn","text":"*{{ message.id }}* {{ n }}"}}]`,
			})
		},
		Serve: serve,
	})
}

func TestSlack_KeepsValuesFromBeingMarkup(t *testing.T) {
	t.Parallel()
	var got post
	far := sinktest.NewFar(t, &sinktest.HTTPSuite{Serve: func(t *testing.T, w http.ResponseWriter, _ *http.Request, body []byte) []string {
		if err := json.Unmarshal(body, &got); err != nil {
			t.Error(err)
		}
		fmt.Fprint(w, "ok")
		return nil
	}})
	sink, err := slack.Type().Open(t.Context(), settings(t, slack.Settings{URL: far.URL + path, Text: "New: {{ name }}"}), sinktest.Env(t, &sinktest.Line{}))
	if err != nil {
		t.Fatal(err)
	}
	r := sink.Send(t.Context(), []destination.Message{{ID: "m", Payload: json.RawMessage(`{"name":"<!channel> <https://evil.example|x> \"&\""}`)}})[0]
	if r.Outcome != destination.Delivered || got.Text != `New: &lt;!channel&gt; &lt;https://evil.example|x&gt; "&amp;"` {
		t.Errorf("%+v: %s", r, got.Text)
	}
}

func TestSlack_TellsWhatItsErrorsMean(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]struct {
		status  int
		outcome destination.Outcome
		reason  string
	}{
		"channel_is_archived": {410, destination.Refused, "archived"},
		"no_service":          {404, destination.Refused, "make a new one"},
		"invalid_token":       {403, destination.Refused, "copy it again"},
		"action_prohibited":   {403, destination.Refused, "administrator"},
		"rollup_error":        {500, destination.Retry, "500"},
		"<html>Sign in":       {200, destination.Refused, "incoming webhook"},
	} {
		far := sinktest.NewFar(t, &sinktest.HTTPSuite{Serve: func(_ *testing.T, w http.ResponseWriter, _ *http.Request, _ []byte) []string {
			w.WriteHeader(want.status)
			fmt.Fprint(w, word)
			return nil
		}})
		sink, err := slack.Type().Open(t.Context(), settings(t, slack.Settings{URL: far.URL + path, Text: "x"}), sinktest.Env(t, &sinktest.Line{}))
		if err != nil {
			t.Fatal(err)
		}
		r := sink.Send(t.Context(), []destination.Message{{ID: "m", Payload: json.RawMessage(`{}`)}})[0]
		if r.Outcome != want.outcome || !strings.Contains(r.Reason, want.reason) {
			t.Errorf("%s: %s, %s", word, r.Outcome, r.Reason)
		}
	}
}
