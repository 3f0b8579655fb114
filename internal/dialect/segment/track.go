package segment

import (
	"net/http"

	"rapport/internal/dialect"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// track takes an event or a batch.
func (d *Door) track(w http.ResponseWriter, r *http.Request, to route) {
	c, err := d.fromHeader(r, to)
	if err != nil {
		dialect.Drain(r)
		answerFault(w, err)
		return
	}
	now := d.Now.Now()
	raw, err := readBody(r)
	if err != nil {
		d.refuse(w, r, d.intake(r, to, c, now), 1, err)
		return
	}
	d.receive(w, r, to, d.intake(r, to, c, now), raw)
}

// receive reads a body, hands its events over and answers.
func (d *Door) receive(w http.ResponseWriter, r *http.Request, to route, in *intake, raw []byte) {
	root, list, err := cut(raw, to.batch)
	if err != nil {
		d.refuse(w, r, in, 1, err)
		return
	}
	if in.caller, err = d.fromBody(in.caller, root); err != nil {
		answerFault(w, err)
		return
	}
	if in.caller.lost {
		answerSuccess(w)
		return
	}
	if err := dialect.MayCome(r, in.caller.source.Origins); err != nil {
		answerFault(w, err)
		return
	}
	in.belongTo(&in.base, in.caller.source)
	if len(raw) > MaxBatch {
		n := max(list.Len(), 1)
		d.refuse(w, r, in, n, fault.Errorf(fault.TooLarge, "batch_too_large",
			"the body has %d bytes; send at most %d per batch", len(raw), MaxBatch))
		return
	}
	if !to.batch {
		in.single(root)
	} else if err = in.batch(root, list); err != nil {
		d.refuse(w, r, in, max(list.Len(), 1), err)
		return
	}
	if in.empty() && !in.caller.known && (!to.batch || list.Len() > 0) {
		if d.Lenient {
			answerSuccess(w)
			return
		}
		answerFault(w, errKey)
		return
	}
	d.handOver(w, r, to, in)
}

// cut parses a body and finds its events.
func cut(raw []byte, batch bool) (root, list jsondoc.Value, err error) {
	limits := jsondoc.DefaultLimits()
	if batch {
		limits.Depth = batchDepth
	}
	doc, err := jsondoc.Parse(raw, limits)
	if err != nil {
		return root, list, fault.Errorf(fault.Invalid, "invalid_json", "the body is not JSON: %s", err.Error())
	}
	root = doc.Root()
	if root.Kind() != jsondoc.Object {
		return root, list, fault.Errorf(fault.Invalid, "invalid_body", "the body is of the kind %s; send an object", root.Kind())
	}
	if !batch {
		return root, list, nil
	}
	list = root.Get("batch")
	if list.Kind() != jsondoc.Array {
		return root, list, fault.Errorf(fault.Invalid, "missing_batch", `the body has no "batch"; send {"batch":[…]} with the events`).At("/batch")
	}
	if _, flawed := root.Flaw(); flawed && twice(root, "batch") {
		return root, list, fault.Errorf(fault.Invalid, "duplicate_key", `the body has "batch" twice`).At("/batch")
	}
	return root, list, nil
}

func twice(object jsondoc.Value, name string) bool {
	n := 0
	for key := range object.Members() {
		if key == name {
			n++
		}
	}
	return n > 1
}

// refuse answers a request out of which no event is taken, and counts it
// where it had a valid key.
func (d *Door) refuse(w http.ResponseWriter, r *http.Request, in *intake, n int, why error) {
	if kind := fault.KindOf(why); in.caller.known && (kind == fault.Invalid || kind == fault.TooLarge) {
		in.reject(dialect.Code(why), n)
		in.bring()
		if _, err := d.Accept.Accept(r.Context(), in.sub); err != nil {
			answerFault(w, err)
			return
		}
	}
	answerFault(w, why)
}

// handOver gives the submission to the pipeline, waits where the caller wants
// to read it back, and answers.
func (d *Door) handOver(w http.ResponseWriter, r *http.Request, to route, in *intake) {
	// A caller that waits is told of everything acknowledged before, so it has
	// something to wait for even where it brought nothing.
	if dialect.Wait(r) > 0 || !in.empty() {
		in.bring()
		receipt, err := d.Accept.Accept(r.Context(), in.sub)
		if err != nil {
			answerFault(w, err)
			return
		}
		dialect.Await(w, r, d.Accept, receipt)
	}
	if !to.batch && len(in.sub.Dead) == 1 {
		answerError(w, http.StatusBadRequest, in.sub.Dead[0].Reason, in.sub.Dead[0].Message)
		return
	}
	answerSuccess(w)
}

// drop takes what the clients report about themselves and forgets it.
func (d *Door) drop(w http.ResponseWriter, r *http.Request, _ route) {
	dialect.Drain(r)
	answerSuccess(w)
}
