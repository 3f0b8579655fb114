package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/store/memory"
)

func model(doc string, status definition.Status) definition.Command {
	return definition.Command{
		Kind: definition.DecisionModel, Key: "discount", Status: status, Document: []byte(doc), ContentType: "text/xml",
		Author: "key_1", Time: worldStart, Note: "because",
	}
}

// told is all that a pipeline says of its definitions.
func told(t *testing.T, p *Pipeline) string {
	t.Helper()
	var b strings.Builder
	for _, s := range p.Definitions().List(definition.DecisionModel) {
		for _, v := range s.Versions {
			d, err := p.Definition(t.Context(), v.Kind, v.Key, v.Version)
			if err != nil {
				t.Fatal(err)
			}
			listed, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			stored, err := json.Marshal(d.Version)
			if err != nil || !bytes.Equal(listed, stored) {
				t.Errorf("the row says\n%s\nthe list\n%s", stored, listed)
			}
			fmt.Fprintf(&b, "%s %s\n", stored, d.Document)
		}
	}
	return b.String()
}

func TestDefine_VersionsSurviveARestartAndARebuild(t *testing.T) {
	t.Parallel()
	disk := memory.NewDisk()
	p := open(t, memory.Open(disk), 2, 7)
	ctx := context.Background()
	do := func(c definition.Command) Defined {
		t.Helper()
		d, err := p.Define(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	first := do(model("<one/>", definition.Live))
	do(model("<two/>", definition.Draft))
	do(definition.Command{Kind: definition.DecisionModel, Key: "discount", Status: definition.Test, Author: "key_2", Time: worldStart})
	do(definition.Command{Kind: definition.DecisionModel, Key: "discount", Status: definition.Live, Author: "key_2", Time: worldStart})
	back := do(definition.Command{Kind: definition.DecisionModel, Key: "discount", Status: definition.Live, RollbackTo: 1, Author: "key_3", Time: worldStart})
	if first.Version.Version != 1 || back.Version.Version != 3 || back.RollbackOf != 1 || back.Status() != definition.Live {
		t.Errorf("first %+v, rolled back %+v", first, back)
	}
	want := told(t, p)
	if strings.Count(want, "<one/>") != 2 || strings.Count(want, "\n") != 3 {
		t.Fatalf("told\n%s", want)
	}
	closeNow(t, p)
	p = open(t, memory.Open(disk), 3, 16)
	if got := told(t, p); got != want {
		t.Errorf("after a restart\n%s\nbefore\n%s", got, want)
	}
	if live := p.Definitions().Get(definition.DecisionModel, "discount").Live(); live == nil || live.Version != 3 {
		t.Errorf("live %+v", live)
	}
	closeNow(t, p)
	if err := Rebuild(ctx, config(memory.Open(disk), 2, 1), nil); err != nil {
		t.Fatal(err)
	}
	p = open(t, memory.Open(disk), 1, 1000)
	defer closeNow(t, p)
	if got := told(t, p); got != want {
		t.Errorf("after a rebuild\n%s\nbefore\n%s", got, want)
	}
	// What was read from rows is what the next command is decided against.
	if _, err := p.Define(ctx, definition.Command{Kind: definition.DecisionModel, Key: "discount", Version: 1, Status: definition.Live, Time: worldStart}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("an archived version went live: %v", err)
	}
}

func TestDefine_OfManyOnTheSameTagOneWins(t *testing.T) {
	t.Parallel()
	p := open(t, memory.New(), 2, 16)
	defer closeNow(t, p)
	made, err := p.Define(t.Context(), model("<one/>", definition.Live))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		all.Go(func() {
			c := model(fmt.Sprintf("<m%d/>", i), definition.Live)
			c.IfMatch = made.ETag()
			_, errs[i] = p.Define(context.Background(), c)
		})
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if fault.KindOf(err) != fault.Precondition {
			t.Error(err)
		}
	}
	if s := p.Definitions().Get(definition.DecisionModel, "discount"); won != 1 || len(s.Versions) != 2 || s.Live().Version != 2 {
		t.Errorf("%d won, versions %+v", won, s.Versions)
	}
	if _, err := p.Definition(t.Context(), definition.DecisionModel, "discount", 9); fault.KindOf(err) != fault.NotFound {
		t.Errorf("version 9: %v", err)
	}
}
