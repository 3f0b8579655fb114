package dmnxml

func (e *encoder) drgElements(d *Definitions) {
	for _, in := range d.Inputs {
		e.element("inputData", &in.Element, nil, func() { e.variable("variable", in.Variable) })
	}
	for _, dec := range d.Decisions {
		e.decision(dec)
	}
	for _, b := range d.Knowledge {
		e.element("businessKnowledgeModel", &b.Element, nil, func() {
			e.variable("variable", b.Variable)
			if b.Logic != nil {
				e.function("encapsulatedLogic", b.Logic)
			}
			e.requirements(b.Requirements)
		})
	}
	for _, s := range d.Services {
		e.element("decisionService", &s.Element, nil, func() {
			e.variable("variable", s.Variable)
			for _, part := range []struct {
				tag   string
				hrefs []string
			}{
				{"outputDecision", s.Outputs},
				{"encapsulatedDecision", s.Encapsulated},
				{"inputDecision", s.InputDecisions},
				{"inputData", s.InputData},
			} {
				for _, href := range part.hrefs {
					e.href(part.tag, href)
				}
			}
		})
	}
	for _, s := range d.Sources {
		e.element("knowledgeSource", &s.Element, []string{"locationURI", s.LocationURI}, func() {
			e.requirements(s.Requirements)
			if s.Type != "" {
				e.leaf("type", s.Type)
			}
			e.raw(s.Owner)
		})
	}
}

func (e *encoder) decision(d *Decision) {
	e.element("decision", &d.Element, nil, func() {
		if d.Question != "" {
			e.leaf("question", d.Question)
		}
		if d.AllowedAnswers != "" {
			e.leaf("allowedAnswers", d.AllowedAnswers)
		}
		e.variable("variable", d.Variable)
		e.requirements(d.Requirements)
		for _, b := range d.Business {
			e.raw(b)
		}
		e.expression(d.Logic)
	})
}

func (e *encoder) requirements(list []*Requirement) {
	for _, r := range list {
		tag, target := "informationRequirement", r.tag
		switch r.Kind {
		case RequiresInput:
			target = "requiredInput"
		case RequiresDecision:
			target = "requiredDecision"
		case RequiresKnowledge:
			tag, target = "knowledgeRequirement", "requiredKnowledge"
		case RequiresAuthority:
			tag = "authorityRequirement"
			if target == "" {
				target = "requiredAuthority"
			}
		}
		e.element(tag, &r.Element, nil, func() { e.href(target, r.Href) })
	}
}
