package file

import (
	"fmt"
	"slices"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
)

// settle checks a leaf and, where the reference reader would lose its way,
// gives it layers that say the same in more levels. Everywhere else the kinds
// follow from the data of the page.
//
// Where a struct lies outside a list, every page gets the same layers: nullable
// where the field is, lists able to be empty. The reference takes the rows of
// such a struct to be as many as the leaf's items in a page where it has no
// nulls while another page has some ("Incorrect number of nulls for
// StructArray"), and loses count of the lists inside it where a page has
// neither null nor empty ones. A struct below a null one is nullable too,
// whatever its field says: see coverStructs.
func (n nulls) settle(leaf *repdef.Leaf) error {
	if err := n.check(leaf.Layers); err != nil {
		return err
	}
	layers := slices.Clone(leaf.Layers)
	if structOutsideList(layers) {
		n.fixLayers(layers)
	}
	coverStructs(layers)
	if slices.Equal(layers, leaf.Layers) {
		return nil
	}
	settled, err := repdef.Normalize(*leaf, layers)
	if err != nil {
		return fmt.Errorf("settle the layers of field %q: %w", n[0].Name, err)
	}
	leaf.Release()
	*leaf = settled
	return nil
}

// fixLayers makes layers depend on the schema alone.
func (n nulls) fixLayers(layers []repdef.Layer) {
	inList := false
	for i, l := range layers {
		switch {
		case l.IsList() && n[i].Nullable:
			layers[i] = repdef.NullAndEmptyList
		case l.IsList():
			layers[i] = repdef.EmptyableList
		case inList && n[i].Nullable:
			layers[i] = repdef.NullableItem
		}
		inList = inList || l.IsList()
	}
}

// coverStructs makes a struct nullable that lies in a nullable one. Where the
// inner one is said to have no nulls, the reference gives it none even where
// the outer one is null, and then finds nulls in members that must have none
// ("Found unmasked nulls for non-nullable StructArray field").
func coverStructs(layers []repdef.Layer) {
	covered := false
	for i := len(layers) - 1; i > 0; i-- {
		switch {
		case layers[i].IsList():
			covered = false
		case covered:
			layers[i] = repdef.NullableItem
		default:
			covered = layers[i] == repdef.NullableItem
		}
	}
}

// structOutsideList reports whether an item layer follows a list layer.
func structOutsideList(layers []repdef.Layer) bool {
	list := slices.IndexFunc(layers, repdef.Layer.IsList)
	return list >= 0 && slices.ContainsFunc(layers[list:], func(l repdef.Layer) bool { return !l.IsList() })
}
