package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"rapport/internal/decision/model"
	"rapport/internal/definition"
)

// TestRun is what the test cases of a model came to.
type TestRun struct {
	Version int             `json:"version"`
	Passed  int             `json:"passed"`
	Failed  int             `json:"failed"`
	Cases   []model.Verdict `json:"cases" nullable:"false"`
}

// storedTests is the answer to a read or write of test cases.
type storedTests struct {
	ETag string `header:"ETag"`
	Applied
	Body *model.Cases
}

// tests gives the test cases of a model and their version, none where there
// are none.
func (a *API) tests(ctx context.Context, key string) (*model.Cases, *definition.Version, error) {
	v := a.Spine.Definitions().Get(definition.DecisionModelTests, key).Live()
	if v == nil {
		return &model.Cases{Cases: []model.Case{}}, nil, nil
	}
	d, err := a.Spine.Definition(ctx, definition.DecisionModelTests, key, v.Version)
	if err != nil {
		return nil, nil, err
	}
	c, err := model.ReadCases(d.Document)
	return c, v, err
}

// passes refuses to let a model go live that fails a test case.
func (a *API) passes(ctx context.Context, key string, m *model.Model) error {
	c, _, err := a.tests(ctx, key)
	if err != nil {
		return err
	}
	verdicts, failed := m.Try(c)
	if failed == 0 {
		return nil
	}
	p := newProblem(http.StatusConflict, "tests_failed", strconv.Itoa(failed)+" of "+strconv.Itoa(len(verdicts))+
		" test cases fail, see errors: mend the model or its test cases, or store it with status=draft; nothing was changed")
	for _, v := range verdicts {
		if v.Error != "" {
			p.Errors = append(p.Errors, FieldError{Field: v.Name, Message: v.Error})
		}
		for _, d := range v.Differences {
			p.Errors = append(p.Errors, FieldError{Field: v.Name, Message: different(d)})
		}
	}
	return p
}

func different(d model.Difference) string {
	got, err := json.Marshal(d.Got)
	if err != nil {
		got = []byte("something else")
	}
	return strconv.Quote(d.Decision) + " came to " + string(got) + ", expected " + string(d.Expected)
}

func (a *API) getModelTests(ctx context.Context, in *ModelKey) (*storedTests, error) {
	if _, err := a.pick(in.Key, ""); err != nil {
		return nil, err
	}
	c, v, err := a.tests(ctx, in.Key)
	if err != nil {
		return nil, err
	}
	out := &storedTests{Body: c}
	if v != nil {
		out.ETag = v.ETag()
	}
	return out, nil
}

func (a *API) putModelTests(ctx context.Context, in *struct {
	ModelKey
	IfMatch string `header:"If-Match" maxLength:"512" doc:"Replace them only if they have this ETag"`
	Waiting
	RawBody []byte
},
) (*storedTests, error) {
	if err := a.waitable(in.Waiting); err != nil {
		return nil, err
	}
	if _, err := a.pick(in.Key, ""); err != nil {
		return nil, err
	}
	c, err := model.ReadCases(in.RawBody)
	if err != nil {
		return nil, err
	}
	d, err := a.Spine.Define(ctx, definition.Command{
		Kind: definition.DecisionModelTests, Key: in.Key, Status: definition.Live, Document: bytes.Clone(in.RawBody),
		ContentType: "application/json", Author: author(ctx), Time: a.Clock.Now(), IfMatch: in.IfMatch,
	})
	if err != nil {
		return nil, err
	}
	out := &storedTests{ETag: d.ETag(), Body: c}
	out.Applied, err = a.await(ctx, in.Waiting, d.Receipt)
	return out, err
}

func (a *API) testModel(ctx context.Context, in *struct {
	ModelKey
	PickVersion
},
) (*body[TestRun], error) {
	v, err := a.pick(in.Key, in.Version)
	if err != nil {
		return nil, err
	}
	m, err := a.Decider.Model(ctx, in.Key, v.Version)
	if err != nil {
		return nil, err
	}
	c, _, err := a.tests(ctx, in.Key)
	if err != nil {
		return nil, err
	}
	verdicts, failed := m.Try(c)
	return &body[TestRun]{TestRun{v.Version, len(verdicts) - failed, failed, verdicts}}, nil
}
