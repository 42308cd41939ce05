package repdef

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
)

// Unshred is the reverse of Shred: it builds the array of a field from all
// its leaves, in the pre-order of the column-bearing fields, each with the
// same rows. The layers of the leaves need not be alike, but what two leaves
// say about a list or struct above both has to agree. A child of a null struct
// is null if its field may be, else of any value. The leaves are borrowed; the
// array holds its own references, and bitmaps and offsets from mem. Leaves come from stored bytes: levels out of
// range, lengths that do not add up, leaves that disagree and nulls in a field
// that has none are a *corrupt.Error. Other errors are the caller's mistakes:
// a type without levels, or values of another type than the field's.
func Unshred(field arrow.Field, leaves []Leaf, mem memory.Allocator) (arrow.Array, error) {
	paths, err := pathsOf(field)
	if err != nil {
		return nil, err
	}
	if len(paths) != len(leaves) {
		return nil, fmt.Errorf("unshred %s: %d leaves for %d columns", field.Name, len(leaves), len(paths))
	}
	u := unshredder{paths: paths, leaves: leaves, mem: mem}
	for i := range leaves {
		if err := u.check(i); err != nil {
			return nil, err
		}
		unravel(leaves[i], paths[i].rungs)
	}
	return u.build(field, 0)
}

// unshredder builds the arrays of one field, leaf by leaf.
type unshredder struct {
	paths  []path
	leaves []Leaf
	mem    memory.Allocator
	next   int // the leaf that comes next
}

// check says whether leaf i is sound and fits its place in the type.
func (u *unshredder) check(i int) error {
	leaf, p := u.leaves[i], u.paths[i]
	section := "levels of " + p.name
	if err := leaf.Check(section); err != nil {
		return err
	}
	if len(leaf.Layers) != len(p.rungs) {
		return corrupt.Errorf("", section, -1, "%d layers where the type has %d", len(leaf.Layers), len(p.rungs))
	}
	if leaf.Rows != u.leaves[0].Rows {
		return corrupt.Errorf("", section, -1, "%d rows where the column before has %d", leaf.Rows, u.leaves[0].Rows)
	}
	if leaf.Levels() > math.MaxInt32 {
		return corrupt.Errorf("", section, -1, "%d levels are more than list offsets can count", leaf.Levels())
	}
	if !arrow.TypeEqual(leaf.Values.DataType(), p.kind) {
		return fmt.Errorf("unshred %s: values of %s where the field has %s", p.name, leaf.Values.DataType(), p.kind)
	}
	def := uint16(0)
	for outward, kind := range leaf.Layers {
		r := &p.rungs[len(p.rungs)-1-outward]
		if kind.IsList() != r.list {
			return corrupt.Errorf("", section, -1, "layer %d is %s, which the type is not", outward, kind)
		}
		if kind.hasNull() && !r.nullable && slices.Contains(leaf.Def, def+1) {
			return corrupt.Errorf("", section, -1, "null in layer %d, which the field forbids", outward)
		}
		def += uint16(kind.Width())
	}
	return nil
}

// build makes the array of a field whose layer is rung depth of the leaves
// from next on.
func (u *unshredder) build(field arrow.Field, depth int) (arrow.Array, error) {
	switch t := field.Type.(type) {
	case *arrow.StructType:
		return u.buildStruct(t, depth)
	case *arrow.ListType:
		return u.buildList(t, t.ElemField(), depth)
	case *arrow.MapType:
		return u.buildList(t, t.ElemField(), depth)
	case *arrow.LargeListType:
		return u.buildList(t, t.ElemField(), depth)
	case arrow.ExtensionType:
		storage, err := u.build(storageField(field, t), depth)
		if err != nil {
			return nil, err
		}
		defer storage.Release()
		return array.NewExtensionArrayWithStorage(t, storage), nil
	}
	leaf, r := u.leaves[u.next], &u.paths[u.next].rungs[depth]
	u.next++
	return withValidity(leaf.Values, &r.valid, u.mem), nil
}

func (u *unshredder) buildStruct(t *arrow.StructType, depth int) (arrow.Array, error) {
	first := u.next
	children := make([]arrow.Array, 0, t.NumFields())
	defer func() { releaseAll(children) }()
	for _, f := range t.Fields() {
		child, err := u.build(f, depth+1)
		if err != nil {
			return nil, err
		}
		children = append(children, child)
	}
	r, err := u.agree(first, depth)
	if err != nil {
		return nil, err
	}
	data := make([]arrow.ArrayData, len(children))
	for i, c := range children {
		data[i] = c.Data()
	}
	return makeArray(t, &r.valid, nil, data, u.mem), nil
}

func (u *unshredder) buildList(t arrow.DataType, elem arrow.Field, depth int) (arrow.Array, error) {
	first := u.next
	items, err := u.build(elem, depth+1)
	if err != nil {
		return nil, err
	}
	defer items.Release()
	r, err := u.agree(first, depth)
	if err != nil {
		return nil, err
	}
	offsets := arrow.Int32Traits.CastToBytes(r.starts)
	if t.ID() == arrow.LARGE_LIST {
		wide := make([]int64, len(r.starts))
		for i, s := range r.starts {
			wide[i] = int64(s)
		}
		offsets = arrow.Int64Traits.CastToBytes(wide)
	}
	return makeArray(t, &r.valid, offsets, []arrow.ArrayData{items.Data()}, u.mem), nil
}

// agree is what the leaves from first up to next all tell about the rung at
// depth, which lies above them.
func (u *unshredder) agree(first, depth int) (*rung, error) {
	r := &u.paths[first].rungs[depth]
	for i := first + 1; i < u.next; i++ {
		if !u.paths[i].rungs[depth].same(r) {
			return nil, corrupt.Errorf("", "levels of "+u.paths[i].name, -1,
				"nulls or list lengths other than those of %s", u.paths[first].name)
		}
	}
	return r, nil
}

// path is the way down to one column of a field.
type path struct {
	name  string
	kind  arrow.DataType // the column's
	rungs []rung         // outermost first, empty
}

// pathsOf lists the columns of a field.
func pathsOf(field arrow.Field) ([]path, error) {
	var paths []path
	var walk func(f arrow.Field, name string, above []rung) error
	walk = func(f arrow.Field, name string, above []rung) error {
		rungs := append(above[:len(above):len(above)], rung{nullable: f.Nullable})
		last := &rungs[len(rungs)-1]
		switch t := f.Type.(type) {
		case *arrow.StructType:
			for _, child := range t.Fields() {
				if err := walk(child, name+"."+child.Name, rungs); err != nil {
					return err
				}
			}
			if t.NumFields() == 0 {
				return fmt.Errorf("unshred %s: a struct without members has no columns", name)
			}
			return nil
		case *arrow.ListType:
			last.list = true
			return walk(t.ElemField(), name+"[]", rungs)
		case *arrow.MapType:
			last.list = true
			return walk(t.ElemField(), name+"[]", rungs)
		case *arrow.LargeListType:
			last.list = true
			return walk(t.ElemField(), name+"[]", rungs)
		case arrow.ExtensionType:
			return walk(storageField(f, t), name, above)
		}
		if !isLeaf(f.Type) {
			return fmt.Errorf("unshred %s: %s has no levels", name, f.Type)
		}
		if len(rungs) > maxLayers {
			return errors.New("unshred: the type is nested too deep")
		}
		own := make([]rung, len(rungs)) // siblings share the slices above them
		copy(own, rungs)
		paths = append(paths, path{name: name, kind: f.Type, rungs: own})
		return nil
	}
	return paths, walk(field, field.Name, nil)
}

// storageField is the field an extension type is stored as.
func storageField(f arrow.Field, t arrow.ExtensionType) arrow.Field {
	return arrow.Field{Name: f.Name, Type: t.StorageType(), Nullable: f.Nullable}
}
