package app

import (
	"reflect"
	"testing"

	"rapport/internal/columns"
	"rapport/internal/config"
	"rapport/internal/health"
)

func TestLeftOut_WhatOfTheIndexDoesNotFit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		measured columns.Stats
		left     []health.LeftColumn
		bytes    uint64
	}{
		"all fits": {columns.Stats{People: 9, Bytes: 4096, Columns: 3}, nil, 0},
		"one column": {
			columns.Stats{Dropped: []columns.Dropped{{Column: "trait:email", Bytes: 62 << 20}}, Wanted: 300 << 20},
			[]health.LeftColumn{{Column: "trait:email", Bytes: 62 << 20}}, 62 << 20,
		},
		"two, in their order": {
			columns.Stats{Dropped: []columns.Dropped{{Column: "event:Order Completed", Bytes: 7}, {Column: "trait:city", Bytes: 5}}, Wanted: 900 << 20},
			[]health.LeftColumn{{Column: "event:Order Completed", Bytes: 7}, {Column: "trait:city", Bytes: 5}}, 12,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := leftOut(c.measured)
			if c.left == nil {
				if got != nil {
					t.Fatalf("all fits, and it says %+v", got)
				}
				return
			}
			if got == nil || got.Bytes != c.bytes || !reflect.DeepEqual(got.LeftOut, c.left) {
				t.Fatalf("%+v", got)
			}
			// With the memory that it names there must be room for all.
			memory, err := config.ParseSize(got.Memory)
			if room := config.NewBudget(memory).Columns; err != nil || room < config.Size(c.measured.Wanted) {
				t.Errorf("with memory=%s the columns get %v of %d bytes: %v", got.Memory, room, c.measured.Wanted, err)
			}
		})
	}
}
