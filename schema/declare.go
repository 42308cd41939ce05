package schema

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// Column declares a column, or adds to what an earlier one declares.
type Column struct {
	// Path is the name of the column, or of a member: names joined by dots, "[]"
	// behind a list for its items. A dot, bracket or backslash of a name stands
	// behind a backslash. The structs and lists on the way need no entry.
	Path     string
	Type     string // as ParseColumn reads it; empty where it is known already
	Nullable *bool
	Default  string            // JSON text, empty for none
	Conflict string            // "string" or empty
	Vector   string            // "to_list" or empty
	Widen    string            // "float" or empty
	Settings map[string]string // of Lance, by key; they count for all that lies below
}

// ColumnError says what is wrong with an entry of a declaration.
type ColumnError struct {
	Index int // of the entry
	Path  string
	Err   error
}

// Error names the column.
func (e *ColumnError) Error() string { return fmt.Sprintf("column %s: %v", e.Path, e.Err) }

// Unwrap returns what is wrong.
func (e *ColumnError) Unwrap() error { return e.Err }

// Declare makes the fields of a declaration from its entries, in their order, and
// marks the columns of a primary key. Whether the values of defaults fit is for the
// decoder to tell. The error joins all that is wrong, each a *ColumnError but for
// those about the key.
func Declare(columns []Column, primaryKey []string) ([]arrow.Field, error) {
	root := &node{kind: arrow.STRUCT}
	var errs []error
	for i, c := range columns {
		if err := root.declare(c); err != nil {
			errs = append(errs, &ColumnError{i, c.Path, err})
		}
	}
	for i, name := range primaryKey {
		if err := root.markKey(name, i+1); err != nil {
			errs = append(errs, fmt.Errorf("primary key: %w", err))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	out := make([]arrow.Field, len(root.children))
	for i, c := range root.children {
		var err error
		if out[i], err = c.field(); err != nil {
			errs = append(errs, &ColumnError{slices.IndexFunc(columns, func(col Column) bool { return strings.HasPrefix(col.Path, c.name) }), c.name, err})
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return out, nil
}

// node is a field that is being declared.
type node struct {
	name     string
	kind     arrow.Type     // STRUCT, LIST, LARGE_LIST, or NULL for a leaf
	leaf     arrow.DataType // nil while it is not known
	children []*node        // members, or the one item
	required bool
	md       map[string]string
}

func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// declare enters one column below the root.
func (n *node) declare(c Column) error {
	steps, err := parsePath(c.Path)
	if err != nil {
		return err
	}
	if err := checkName(steps[0].name); err != nil {
		return err
	}
	for _, s := range steps {
		if n, err = n.step(s); err != nil {
			return err
		}
	}
	if c.Type != "" {
		if n.typed() {
			return errors.New("it has a type already")
		}
		f, err := ParseColumn(n.name, c.Type)
		if err != nil {
			return err
		}
		n.take(f)
	}
	if c.Nullable != nil {
		if *c.Nullable && n.required {
			return errors.New("its type says not null, and nullable says it may be")
		}
		n.required = !*c.Nullable
	}
	return n.set(c)
}

// checkName refuses names that no top-level column may have.
func checkName(name string) error {
	switch {
	case strings.HasPrefix(name, Prefix):
		return fmt.Errorf("names that begin with %s are the bridge's own", Prefix)
	case strings.ContainsAny(name, ".`\x00") || isSystemColumn(name):
		return fmt.Errorf("no reader opens a table with a column of this name; the key %s becomes column %s", Quote(name), Quote(ColumnName(name)))
	}
	return nil
}

// set notes the settings of a column.
func (n *node) set(c Column) error {
	for _, s := range []struct {
		key, value, only, what string
		fits                   bool
	}{
		{KeyConflict, c.Conflict, "string", "conflict", n.isText()},
		{KeyVector, c.Vector, "to_list", "vector", n.leaf != nil && n.leaf.ID() == arrow.FIXED_SIZE_LIST},
		{KeyWiden, c.Widen, "float", "widen", n.leaf != nil && arrow.IsInteger(n.leaf.ID())},
	} {
		switch {
		case s.value == "":
			continue
		case s.value != s.only:
			return fmt.Errorf("%s is %q: the only choice is %s", s.what, s.value, s.only)
		case !s.fits:
			return fmt.Errorf("%s: %s is for columns of %s", s.what, s.value, map[string]string{
				KeyConflict: "utf8 or large_utf8", KeyVector: "fixed_size_list", KeyWiden: "integers",
			}[s.key])
		}
		n.mark(s.key, s.value)
	}
	if c.Default != "" {
		if n.name == "" {
			return errors.New("items of lists have no default")
		}
		n.mark(KeyDefault, c.Default)
	}
	for key, value := range c.Settings {
		n.pushDown(key, value)
	}
	return nil
}

func (n *node) isText() bool {
	return n.leaf != nil && (n.leaf.ID() == arrow.STRING || n.leaf.ID() == arrow.LARGE_STRING) && n.md[KeyType] == ""
}

func (n *node) mark(key, value string) {
	if n.md == nil {
		n.md = map[string]string{}
	}
	n.md[key] = value
}

// pushDown sets what Lance looks for at the leaves; what is about a whole column or
// struct stays there.
func (n *node) pushDown(key, value string) {
	if len(n.children) == 0 || key == "lance-encoding:structural-encoding" || key == "lance-encoding:packed" {
		n.mark(key, value)
		return
	}
	for _, c := range n.children {
		c.pushDown(key, value)
	}
}

func (n *node) markKey(name string, position int) error {
	c := n.child(name)
	switch {
	case c == nil || c.leaf == nil:
		return fmt.Errorf("column %s is not declared, or is a struct or list", Quote(name))
	case c.md[KeyPrimaryKey] != "":
		return fmt.Errorf("column %s is named twice", Quote(name))
	case !c.required:
		return fmt.Errorf("column %s has to be declared not null", Quote(name))
	}
	c.mark(KeyPrimaryKey, "true")
	c.mark(KeyPrimaryKeyPosition, strconv.Itoa(position))
	return nil
}

func (n *node) typed() bool { return n.leaf != nil || len(n.children) > 0 }

// step goes to a member or item, and makes it if need be.
func (n *node) step(s step) (*node, error) {
	if !n.typed() && n.kind == 0 {
		if n.kind = arrow.STRUCT; s.item {
			n.kind = arrow.LIST
			n.children = []*node{{}}
		}
	}
	switch {
	case s.item && (n.kind == arrow.LIST || n.kind == arrow.LARGE_LIST):
		return n.children[0], nil
	case s.item:
		return nil, fmt.Errorf("%s is no list", Quote(n.name))
	case n.kind != arrow.STRUCT:
		return nil, fmt.Errorf("%s is no struct; behind a list stands []", Quote(n.name))
	}
	if c := n.child(s.name); c != nil {
		return c, nil
	}
	c := &node{name: s.name}
	n.children = append(n.children, c)
	return c, nil
}

// take gives the node the type of a field, and the columns inside it nodes of their own.
func (n *node) take(f arrow.Field) {
	n.required = !f.Nullable
	if f.Metadata.Len() > 0 {
		n.md = f.Metadata.ToMap()
	}
	switch t := f.Type.(type) {
	case *arrow.StructType:
		n.kind = arrow.STRUCT
		for _, m := range t.Fields() {
			c := &node{name: m.Name}
			c.take(m)
			n.children = append(n.children, c)
		}
	case *arrow.ListType, *arrow.LargeListType:
		n.kind = t.ID()
		item := itemOf(t)
		c := &node{}
		c.take(item)
		if item.Name != itemName {
			c.name = item.Name
		}
		n.children = []*node{c}
	default:
		n.leaf = f.Type
	}
}

// field is the finished field.
func (n *node) field() (arrow.Field, error) {
	f := arrow.Field{Name: n.name, Nullable: !n.required, Type: n.leaf}
	keys := slices.Sorted(maps.Keys(n.md))
	values := make([]string, len(keys))
	for i, k := range keys {
		values[i] = n.md[k]
	}
	f.Metadata = arrow.NewMetadata(keys, values)
	if n.leaf != nil {
		return f, nil
	}
	if len(n.children) == 0 {
		return f, errors.New("it has no type")
	}
	inside := make([]arrow.Field, len(n.children))
	for i, c := range n.children {
		var err error
		if inside[i], err = c.field(); err != nil {
			if c.name != "" {
				err = fmt.Errorf("%s: %w", Quote(c.name), err)
			}
			return f, err
		}
	}
	switch {
	case n.kind == arrow.STRUCT:
		f.Type = arrow.StructOf(inside...)
		return f, nil
	case inside[0].Name == "":
		inside[0].Name = itemName
	}
	if f.Type = arrow.DataType(arrow.ListOfField(inside[0])); n.kind == arrow.LARGE_LIST {
		f.Type = arrow.LargeListOfField(inside[0])
	}
	return f, nil
}

// step is one part of a path: a name, or the item of a list.
type step struct {
	name string
	item bool
}

// parsePath takes a path such as a.b[].c apart.
func parsePath(path string) ([]step, error) {
	var steps []step
	var name []byte
	named := false // a name was read and no dot since
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\' && i+1 < len(path):
			i++
			name = append(name, path[i])
		case c == '.' || c == '[':
			if len(name) > 0 {
				steps, name, named = append(steps, step{name: string(name)}), nil, true
			}
			if !named || c == '[' && !strings.HasPrefix(path[i:], "[]") {
				return nil, fmt.Errorf("the path %q: a name is missing before byte %d, or ] behind it", path, i)
			}
			if named = c == '['; named {
				steps = append(steps, step{item: true})
				i++
			}
		case named:
			return nil, fmt.Errorf("the path %q: a dot is missing before byte %d", path, i)
		default:
			name = append(name, c)
		}
	}
	if len(name) > 0 {
		return append(steps, step{name: string(name)}), nil
	}
	if !named {
		return nil, fmt.Errorf("the path %q ends without a name", path)
	}
	return steps, nil
}
