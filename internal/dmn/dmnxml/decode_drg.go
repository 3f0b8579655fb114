package dmnxml

import "strings"

func (d *decoder) inputData(n *node) *InputData {
	in := &InputData{Element: d.element(n)}
	d.each(n, func(c *node) bool {
		if c.local == "variable" {
			in.Variable = d.variable(c)
		}
		return c.local == "variable"
	})
	return in
}

func (d *decoder) decision(n *node) *Decision {
	out := &Decision{Element: d.element(n)}
	d.each(n, func(c *node) bool {
		switch c.local {
		case "question":
			out.Question = c.text
		case "allowedAnswers":
			out.AllowedAnswers = c.text
		case "variable":
			out.Variable = d.variable(c)
		case "informationRequirement", "knowledgeRequirement", "authorityRequirement":
			out.Requirements = d.requirement(out.Requirements, c)
		case "supportedObjective", "impactedPerformanceIndicator", "decisionMaker", "decisionOwner",
			"usingProcess", "usingTask":
			out.Business = append(out.Business, c.raw())
		default:
			return d.logic(c, &out.Logic)
		}
		return true
	})
	return out
}

func (d *decoder) requirement(list []*Requirement, n *node) []*Requirement {
	r := &Requirement{Element: d.element(n)}
	found := false
	d.each(n, func(c *node) bool {
		switch c.local {
		case "requiredInput":
			r.Kind = RequiresInput
			if n.local == "authorityRequirement" {
				r.Kind = RequiresAuthority
			}
		case "requiredDecision":
			r.Kind = RequiresDecision
			if n.local == "authorityRequirement" {
				r.Kind = RequiresAuthority
			}
		case "requiredKnowledge":
			r.Kind = RequiresKnowledge
		case "requiredAuthority":
			r.Kind = RequiresAuthority
		default:
			return false
		}
		r.Href, r.tag, found = strings.TrimSpace(c.attr("href")), c.local, true
		return true
	})
	if !found || r.Href == "" {
		d.problem(n, "<"+n.local+"> names nothing; it is left out")
		return list
	}
	return append(list, r)
}

func (d *decoder) knowledge(n *node) *BusinessKnowledgeModel {
	out := &BusinessKnowledgeModel{Element: d.element(n)}
	d.each(n, func(c *node) bool {
		switch c.local {
		case "variable":
			out.Variable = d.variable(c)
		case "encapsulatedLogic":
			out.Logic = d.function(c)
		case "knowledgeRequirement", "authorityRequirement":
			out.Requirements = d.requirement(out.Requirements, c)
		default:
			return false
		}
		return true
	})
	return out
}

func (d *decoder) service(n *node) *DecisionService {
	out := &DecisionService{Element: d.element(n)}
	d.each(n, func(c *node) bool {
		href := strings.TrimSpace(c.attr("href"))
		switch c.local {
		case "variable":
			out.Variable = d.variable(c)
		case "outputDecision":
			out.Outputs = append(out.Outputs, href)
		case "encapsulatedDecision":
			out.Encapsulated = append(out.Encapsulated, href)
		case "inputDecision":
			out.InputDecisions = append(out.InputDecisions, href)
		case "inputData":
			out.InputData = append(out.InputData, href)
		default:
			return false
		}
		return true
	})
	return out
}

func (d *decoder) knowledgeSource(n *node) *KnowledgeSource {
	out := &KnowledgeSource{Element: d.element(n, "locationURI"), LocationURI: n.attr("locationURI")}
	d.each(n, func(c *node) bool {
		switch c.local {
		case "type":
			out.Type = c.text
		case "owner":
			out.Owner = c.raw()
		case "authorityRequirement":
			out.Requirements = d.requirement(out.Requirements, c)
		default:
			return false
		}
		return true
	})
	return out
}

// logic reads an expression into place; a second one is a mistake that some
// tools make, and the first one is kept.
func (d *decoder) logic(n *node, place *Expression) bool {
	e := d.expression(n)
	if e == nil {
		return false
	}
	if *place != nil {
		d.problem(n, "a second expression <"+n.local+">; the first one is used")
		return true
	}
	*place = e
	return true
}
