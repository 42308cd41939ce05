package repdef_test

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"pgregory.net/rapid"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
)

// model is what a leaf has to be, found from plain values level by level: an
// independent and slow way to the same levels.
type model struct {
	path   []arrow.Type // outermost first
	entry  []modelEntry
	values []any
}

// modelEntry is one level: how many lists it goes on in, and what is missing
// at which layer.
type modelEntry struct {
	continued int
	layer     int // -1: nothing is missing
	empty     bool
}

// modelOf makes the models of all leaves of a column.
func modelOf(dt arrow.DataType, rows []any) []*model {
	var models []*model
	for _, steps := range columnsOf(dt) {
		m := &model{}
		m.path = pathTypes(dt, steps)
		for _, row := range rows {
			m.add(dt, steps, row, 0, 0)
		}
		models = append(models, m)
	}
	return models
}

// columnsOf lists the ways to the leaves: at each struct the member to take.
func columnsOf(dt arrow.DataType) [][]int {
	switch t := dt.(type) {
	case *arrow.StructType:
		var all [][]int
		for i, f := range t.Fields() {
			for _, rest := range columnsOf(f.Type) {
				all = append(all, append([]int{i}, rest...))
			}
		}
		return all
	case *arrow.FixedSizeListType:
	case arrow.ListLikeType:
		return columnsOf(t.Elem())
	}
	return [][]int{nil}
}

func pathTypes(dt arrow.DataType, steps []int) []arrow.Type {
	switch t := dt.(type) {
	case *arrow.StructType:
		return append([]arrow.Type{arrow.STRUCT}, pathTypes(t.Field(steps[0]).Type, steps[1:])...)
	case *arrow.FixedSizeListType:
	case arrow.ListLikeType:
		return append([]arrow.Type{arrow.LIST}, pathTypes(t.Elem(), steps)...)
	}
	return []arrow.Type{dt.ID()}
}

// add adds the levels of one value at a layer of the way.
func (m *model) add(dt arrow.DataType, steps []int, v any, layer, continued int) {
	if v == nil {
		m.missing(layer, continued, false)
		return
	}
	switch t := dt.(type) {
	case *arrow.StructType:
		m.add(t.Field(steps[0]).Type, steps[1:], v.([]any)[steps[0]], layer+1, continued)
		return
	case *arrow.FixedSizeListType:
	case arrow.ListLikeType:
		items := v.([]any)
		if len(items) == 0 {
			m.missing(layer, continued, true)
		}
		lists := 0
		for _, p := range m.path[:layer+1] {
			if p == arrow.LIST {
				lists++
			}
		}
		for i, item := range items {
			if i > 0 {
				continued = lists
			}
			m.add(t.Elem(), steps, item, layer+1, continued)
		}
		return
	}
	m.entry = append(m.entry, modelEntry{continued: continued, layer: -1})
	m.values = append(m.values, v)
}

func (m *model) missing(layer, continued int, empty bool) {
	m.entry = append(m.entry, modelEntry{continued, layer, empty})
	if !slices.Contains(m.path[layer:], arrow.LIST) {
		m.values = append(m.values, nil) // a slot of any content
	}
}

// compare checks a leaf against the model.
func (m *model) compare(t *rapid.T, l repdef.Leaf) {
	t.Helper()
	lists := 0
	for _, p := range m.path {
		if p == arrow.LIST {
			lists++
		}
	}
	def := uint16(0)
	numbers := map[modelEntry]uint16{{layer: -1}: 0}
	for inward := range m.path {
		layer := len(m.path) - 1 - inward
		kind := repdef.AllValidItem
		null, empty := m.has(layer, false), m.has(layer, true)
		if null {
			def++
			numbers[modelEntry{layer: layer}] = def
		}
		if empty {
			def++
			numbers[modelEntry{layer: layer, empty: true}] = def
		}
		isList := m.path[layer] == arrow.LIST
		switch {
		case !isList && null:
			kind = repdef.NullableItem
		case isList && null && empty:
			kind = repdef.NullAndEmptyList
		case isList && null:
			kind = repdef.NullableList
		case isList && empty:
			kind = repdef.EmptyableList
		case isList:
			kind = repdef.AllValidList
		}
		if l.Layers[inward] != kind {
			t.Fatalf("layer %d is %s, want %s", inward, l.Layers[inward], kind)
		}
	}
	var wantRep, wantDef []uint16
	for _, e := range m.entry {
		if lists > 0 {
			wantRep = append(wantRep, uint16(lists-e.continued))
		}
		if def > 0 {
			wantDef = append(wantDef, numbers[modelEntry{layer: e.layer, empty: e.empty}])
		}
	}
	if !slices.Equal(wantRep, l.Rep) || !slices.Equal(wantDef, l.Def) {
		t.Fatalf("levels %v %v, want %v %v", l.Rep, l.Def, wantRep, wantDef)
	}
	m.compareValues(t, l.Values)
}

func (m *model) has(layer int, empty bool) bool {
	return slices.ContainsFunc(m.entry, func(e modelEntry) bool { return e.layer == layer && e.empty == empty })
}

func (m *model) compareValues(t *rapid.T, values arrow.Array) {
	t.Helper()
	if values.Len() != len(m.values) {
		t.Fatalf("%d values, want %d", values.Len(), len(m.values))
	}
	for i, want := range m.values {
		if want != nil && rowOf(values, i) != want {
			t.Fatalf("value %d is %v, want %v", i, rowOf(values, i), want)
		}
	}
}

// slice is a part of an array.
func slice(arr arrow.Array, from, to int) arrow.Array {
	return array.NewSlice(arr, int64(from), int64(to))
}
