package retention

import "rapport/internal/jsondoc"

// Statement is what only the controller can say of the processing, for the record
// that article 30 of the GDPR asks for. The rest of the record follows from what
// the instance is told to do.
type Statement struct {
	Controller  Party    `json:"controller,omitzero" doc:"Who decides what data is processed for"`
	JointWith   []Party  `json:"joint_with,omitempty" maxItems:"20" doc:"Who decides it together with the controller"`
	Officer     Party    `json:"officer,omitzero" doc:"The data protection officer"`
	People      []string `json:"people,omitempty" maxItems:"100" doc:"Categories of people, such as customers or visitors of the web shop"`
	Data        []string `json:"data,omitempty" maxItems:"100" doc:"Categories of personal data, such as contact data or orders"`
	Recipients  []string `json:"recipients,omitempty" maxItems:"100" doc:"Recipients beside the destinations of the instance, such as who hosts it"`
	Transfers   []string `json:"transfers,omitempty" maxItems:"100" doc:"Transfers to third countries, with what makes them lawful; say none where there is none"`
	Security    []string `json:"security,omitempty" maxItems:"100" doc:"Measures of your own, such as who has keys to the machine room"`
	Kept        []string `json:"kept,omitempty" maxItems:"100" doc:"How long what no retention policy is about is kept, and why"`
	Description string   `json:"description,omitempty" maxLength:"2000"`
}

// Party is somebody who can be reached.
type Party struct {
	Name    string `json:"name,omitempty" maxLength:"200"`
	Contact string `json:"contact,omitempty" maxLength:"2000" doc:"Address, e-mail, telephone"`
}

// ReadStatement reads a statement and checks it.
func ReadStatement(document []byte) (*Statement, error) {
	var s Statement
	if err := jsondoc.Strict(document, &s); err != nil {
		return nil, invalid("", "the statement cannot be read: %v", err)
	}
	for at, list := range map[string][]string{
		"/people": s.People, "/data": s.Data, "/recipients": s.Recipients, "/transfers": s.Transfers, "/security": s.Security, "/kept": s.Kept,
	} {
		if len(list) > maxLines {
			return nil, invalid(at, "there are %d entries, %d are possible", len(list), maxLines)
		}
		for _, text := range list {
			if text == "" || len(text) > maxText {
				return nil, invalid(at, "an entry is empty or longer than %d bytes", maxText)
			}
		}
	}
	if len(s.JointWith) > maxParties {
		return nil, invalid("/joint_with", "there are %d parties, %d are possible", len(s.JointWith), maxParties)
	}
	for _, p := range append([]Party{s.Controller, s.Officer}, s.JointWith...) {
		if len(p.Name) > 200 || len(p.Contact) > maxText {
			return nil, invalid("", "a name has up to 200 bytes, a contact up to %d", maxText)
		}
	}
	if len(s.Description) > maxText {
		return nil, invalid("/description", "description has up to %d bytes", maxText)
	}
	return &s, nil
}

const (
	maxLines   = 100
	maxParties = 20
)

// Missing names what the record asks for and nobody has said.
func (s *Statement) Missing() []string {
	out := []string{}
	for _, m := range []struct {
		name string
		said bool
	}{
		{"controller", s.Controller.Name != "" && s.Controller.Contact != ""},
		{"people", len(s.People) > 0},
		{"data", len(s.Data) > 0},
		{"transfers", len(s.Transfers) > 0},
		{"security", len(s.Security) > 0},
	} {
		if !m.said {
			out = append(out, m.name)
		}
	}
	return out
}
