package repdef

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
)

// Concat joins leaves of one column, such as the pages of a range of rows, in
// order. Their layers may differ in kind from page to page; the result has the
// layers that can say all of it. It needs at least one leaf; of one leaf it
// returns that leaf with a new reference, unchecked. Layers that do not fit
// together and unsound leaves are a *corrupt.Error.
func Concat(leaves []Leaf, mem memory.Allocator) (Leaf, error) {
	if len(leaves) == 0 {
		return Leaf{}, fmt.Errorf("concat: no leaves")
	}
	if len(leaves) == 1 {
		if leaves[0].Values != nil {
			leaves[0].Values.Retain()
		}
		return leaves[0], nil
	}
	layers, err := union(leaves)
	if err != nil {
		return Leaf{}, err
	}
	parts := make([]Leaf, 0, len(leaves))
	values := make([]arrow.Array, 0, len(leaves))
	defer func() { releaseAll(values) }()
	for _, l := range leaves {
		part, err := Normalize(l, layers)
		if err != nil {
			return Leaf{}, err
		}
		parts, values = append(parts, part), append(values, part.Values)
		if !arrow.TypeEqual(part.Values.DataType(), values[0].DataType()) {
			return Leaf{}, fmt.Errorf("concat: values of %s and of %s", values[0].DataType(), part.Values.DataType())
		}
	}
	whole := joinLevels(parts, layers)
	if whole.Values, err = array.Concatenate(values, mem); err != nil {
		return Leaf{}, fmt.Errorf("concat values: %w", err)
	}
	return whole, nil
}

// joinLevels is a leaf without values of the levels of sound leaves that all
// have the same layers.
func joinLevels(parts []Leaf, layers []Layer) Leaf {
	whole := Leaf{Layers: layers}
	levels := 0
	for _, l := range parts {
		levels += l.Levels()
	}
	if MaxRep(layers) > 0 {
		whole.Rep = make([]uint16, 0, levels)
	}
	if MaxDef(layers) > 0 {
		whole.Def = make([]uint16, 0, levels)
	}
	for _, l := range parts {
		whole.Rows += l.Rows
		whole.Rep = append(whole.Rep, l.Rep...)
		whole.Def = append(whole.Def, l.Def...)
	}
	return whole
}

// union is the layers that can say what any of the leaves says.
func union(leaves []Leaf) ([]Layer, error) {
	layers := slices.Clone(leaves[0].Layers)
	for _, l := range leaves[1:] {
		if len(l.Layers) != len(layers) {
			return nil, misfit("%d layers beside %d", len(l.Layers), len(layers))
		}
		for i, kind := range l.Layers {
			if kind.IsList() != layers[i].IsList() {
				return nil, misfit("layer %d is %s beside %s", i, kind, layers[i])
			}
			layers[i] = makeLayer(step{
				list:  kind.IsList(),
				null:  kind.hasNull() || layers[i].hasNull(),
				empty: kind.hasEmpty() || layers[i].hasEmpty(),
			})
		}
	}
	return layers, nil
}

// Normalize is the leaf with other layers that can say the same: of the same
// number and sort (item or list), each able to tell nulls and empty lists
// where the leaf's own layer is. It shares the leaf's memory where it can and
// holds its own reference to the values. An unsound leaf and layers that
// cannot say the same are a *corrupt.Error.
func Normalize(l Leaf, layers []Layer) (Leaf, error) {
	if err := l.Check("levels"); err != nil {
		return Leaf{}, err
	}
	if len(l.Layers) != len(layers) {
		return Leaf{}, misfit("%d layers where %d are due", len(l.Layers), len(layers))
	}
	for i, kind := range l.Layers {
		to := layers[i]
		if kind.IsList() != to.IsList() || kind.hasNull() && !to.hasNull() || kind.hasEmpty() && !to.hasEmpty() {
			return Leaf{}, misfit("layer %d is %s where %s is due", i, kind, to)
		}
	}
	l.Values.Retain()
	if slices.Equal(l.Layers, layers) {
		return l, nil
	}
	l.Def = renumber(l, layers)
	l.Layers = layers
	return l, nil
}

// renumber is the leaf's definition levels under other layers.
func renumber(l Leaf, layers []Layer) []uint16 {
	if MaxDef(layers) == 0 {
		return nil
	}
	def := make([]uint16, l.Levels())
	if len(l.Def) == 0 {
		return def
	}
	to := defOfCause(layers)
	table := causeOfDef(l.Layers)
	for i, c := range table {
		table[i] = to[c]
	}
	for i, d := range l.Def {
		def[i] = table[d]
	}
	return def
}

// misfit is the error for layers that do not go together.
func misfit(format string, args ...any) error {
	return corrupt.Errorf("", "levels", -1, format, args...)
}
