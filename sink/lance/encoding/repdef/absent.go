package repdef

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Absent makes the leaves of a nullable field that a file does not hold, such
// as a member that its struct gained later: every entry is null. Where the
// field's entries are is told by a leaf that the file does hold beside it:
// shared is the number of layers above both, counted from the outermost. With
// none shared it needs only the leaf's Rows. The leaves hold their own
// references; an unsound sibling is a *corrupt.Error.
func Absent(field arrow.Field, sibling Leaf, shared int, mem memory.Allocator) ([]Leaf, error) {
	if !field.Nullable {
		return nil, fmt.Errorf("make %s of nulls: the field has none", field.Name)
	}
	paths, err := pathsOf(field)
	if err != nil {
		return nil, err
	}
	o, err := outerOf(sibling, shared)
	if err != nil {
		return nil, err
	}
	leaves := make([]Leaf, len(paths))
	for i, p := range paths {
		leaves[i] = o.null(p, mem)
	}
	return leaves, nil
}

// outer is the levels of a leaf's outermost layers alone: one per entry that
// the innermost of them has below it, or that is missing further out.
type outer struct {
	rows      int
	path      []step
	continued []uint16 // nil without lists
	causes    []cause
	slots     int // entries of a field right below
}

// outerOf drops the inner layers of a leaf.
func outerOf(l Leaf, shared int) (*outer, error) {
	if shared == 0 {
		return &outer{rows: l.Rows, causes: make([]cause, l.Rows), slots: l.Rows}, nil
	}
	if err := l.Check("levels"); err != nil {
		return nil, err
	}
	if shared > len(l.Layers) {
		return nil, misfit("%d layers where at least %d are due", len(l.Layers), shared)
	}
	o := &outer{rows: l.Rows}
	lists, barrier := uint16(0), cause(0)
	for i := range shared {
		kind := l.Layers[len(l.Layers)-1-i]
		o.path = append(o.path, step{kind.IsList(), kind.hasNull(), kind.hasEmpty()})
		if kind.IsList() {
			lists++
			barrier = emptyAt(i)
		}
	}
	table, maxRep := causeOfDef(l.Layers), MaxRep(l.Layers)
	for i := range l.Levels() {
		continued, why := uint16(0), cause(0)
		if len(l.Rep) > 0 {
			continued = maxRep - l.Rep[i]
		}
		if continued > lists {
			continue // another item of a list further in
		}
		if len(l.Def) > 0 {
			why = table[l.Def[i]]
		}
		if why != 0 && layerOf(why) >= shared {
			why = 0
		}
		if why == 0 || why > barrier {
			o.slots++
		}
		if lists > 0 {
			o.continued = append(o.continued, continued)
		}
		o.causes = append(o.causes, why)
	}
	return o, nil
}

// null is a leaf below, reached by a path whose outermost field is null
// wherever it has an entry.
func (o *outer) null(p path, mem memory.Allocator) Leaf {
	d := descent{rows: o.rows, levels: len(o.causes), continued: o.continued, path: o.path}
	slots := o.slots
	for i, r := range p.rungs {
		d.path = d.extend(step{list: r.list, null: i == 0})
		if r.list {
			slots = 0
			if d.continued == nil {
				d.continued = make([]uint16, d.levels)
			}
		}
	}
	why := nullAt(len(o.path))
	d.causes = make([]cause, d.levels)
	for i, c := range o.causes {
		if c == 0 {
			c = why
		}
		d.causes[i] = c
	}
	layers := d.layers()
	return Leaf{
		Values: array.MakeArrayOfNull(mem, p.kind, slots),
		Rep:    d.repLevels(layers),
		Def:    d.defLevels(layers),
		Layers: layers,
		Rows:   o.rows,
	}
}
