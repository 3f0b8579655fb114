package dmn_test

import (
	"fmt"

	"rapport/internal/dmn"
	"rapport/internal/dmn/dmnxml"
	"rapport/internal/feel"
)

func Example() {
	file := []byte(model(
		input("Guest Count", "number") +
			decision("Dish", "string", table("FIRST", []string{"Guest Count", "=dish"},
				[]string{"<= 8", `"Roastbeef"`},
				[]string{"-", `"Stew"`},
			), "in:Guest Count")))

	defs, err := dmnxml.Decode(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := dmn.Compile(defs, dmn.CompileOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	run := m.NewSession(dmn.SessionOptions{Trace: true})
	run.Set("", "Guest Count", feel.Int(20))
	dish, _ := run.Decide("", "Dish")
	fmt.Println(dish)
	for _, step := range run.Trace() {
		fmt.Println(step.Name, "matched rules", step.Tables[0].Rules)
	}

	node, _ := m.Find("", "Dish")
	fmt.Println("gaps:", len(node.Tables[0].Analyze().Gaps), "masked:", len(node.Tables[0].Analyze().Masked))
	// Output:
	// Stew
	// Dish matched rules [1]
	// gaps: 0 masked: 0
}
