package file

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// Encoding is a node of the tree that says how values became buffers, from the
// outside in: a page's layout at the root, flat values at the leaves.
type Encoding struct {
	// Role is what the node is to its parent, such as "value_compression"; empty
	// at the root.
	Role       string      `json:"role,omitempty"`
	Name       string      `json:"name"` // such as "mini_block", "flat" or "fsst"
	Attributes []Attribute `json:"attributes,omitempty"`
	Children   []*Encoding `json:"children,omitempty"`

	buffer *int // the page buffer it reads, in version 2.0
}

// Attribute is a parameter of an encoding. Those that are zero are left out.
type Attribute struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// String shows the tree on one line: name(attribute=value, role: child).
func (e *Encoding) String() string {
	var b strings.Builder
	e.write(&b)
	return b.String()
}

func (e *Encoding) write(b *strings.Builder) {
	b.WriteString(e.Name)
	if len(e.Attributes)+len(e.Children) == 0 {
		return
	}
	sep := "("
	for _, a := range e.Attributes {
		b.WriteString(sep + a.Name + "=" + a.Value)
		sep = ", "
	}
	for _, c := range e.Children {
		b.WriteString(sep + c.Role + ": ")
		sep = ", "
		c.write(b)
	}
	b.WriteString(")")
}

// depth bounds how deep a description is followed: messages nest at most as deep
// as the protobuf library allows, but nothing sound comes near this.
const depth = 64

// describe turns a message into a node. What it does not know of it is left out.
func describe(m protoreflect.Message, role string) *Encoding {
	return describeTo(m, role, depth)
}

func describeTo(m protoreflect.Message, role string, room int) *Encoding {
	e := &Encoding{Role: role, Name: snake(m.Descriptor().Name())}
	if of := m.Descriptor().Oneofs(); of.Len() == 1 && !of.Get(0).IsSynthetic() && of.Get(0).Fields().Len() == m.Descriptor().Fields().Len() {
		f := m.WhichOneof(of.Get(0))
		if f == nil {
			e.Name = "unknown"
			return e
		}
		// The message is nothing but a choice: the chosen one is the node.
		chosen := describeTo(m.Get(f).Message(), role, room)
		if chosen.Name = string(f.Name()); chosen.Name == "no_nulls" || chosen.Name == "some_nulls" || chosen.Name == "all_nulls" {
			chosen.Name = "nullable"
			chosen.Attributes = append([]Attribute{{"nulls", strings.TrimSuffix(string(f.Name()), "_nulls")}}, chosen.Attributes...)
		}
		return chosen
	}
	if room == 0 {
		return e
	}
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		if m.Has(f) {
			e.add(f, m.Get(f), room-1)
		}
	}
	return e
}

// add makes a field of a message an attribute or a child.
func (e *Encoding) add(f protoreflect.FieldDescriptor, v protoreflect.Value, room int) {
	name := string(f.Name())
	switch {
	case f.IsList() && f.Kind() == protoreflect.MessageKind:
		for i := range v.List().Len() {
			e.Children = append(e.Children, describeTo(v.List().Get(i).Message(), fmt.Sprintf("%s %d", name, i), room))
		}
	case f.IsList():
		var parts []string
		for i := range v.List().Len() {
			parts = append(parts, scalar(f, v.List().Get(i)))
		}
		e.Attributes = append(e.Attributes, Attribute{name, "[" + strings.Join(parts, " ") + "]"})
	case f.Kind() == protoreflect.MessageKind:
		switch m := v.Message().Interface().(type) {
		case *lancepb.BufferRef:
			e.Attributes = append(e.Attributes, Attribute{name, e.refer(m)})
		case *lancepb.BufferCompression:
			e.Attributes = append(e.Attributes, Attribute{name, withLevel(enumName(m.GetScheme().String()), m.Level)})
		case *lancepb.ArrayCompression:
			e.Attributes = append(e.Attributes, Attribute{name, withLevel(m.GetScheme(), m.Level)})
		default:
			e.Children = append(e.Children, describeTo(v.Message(), name, room))
		}
	default:
		e.Attributes = append(e.Attributes, Attribute{name, scalar(f, v)})
	}
}

// refer notes which buffer a node of version 2.0 reads, and names it.
func (e *Encoding) refer(b *lancepb.BufferRef) string {
	i := int(b.GetBufferIndex())
	if b.GetBufferType() == lancepb.BufferRef_PAGE {
		e.buffer = &i
		return strconv.Itoa(i)
	}
	return fmt.Sprintf("%s %d", strings.ToLower(b.GetBufferType().String()), i)
}

// nameBuffers tells what each page buffer is for, by the path of roles to the
// node that reads it.
func (e *Encoding) nameBuffers(path string, roles []string) {
	if path = strings.TrimPrefix(path+"."+e.Role, "."); path == "" {
		path = "values"
	}
	if e.buffer != nil && *e.buffer < len(roles) {
		roles[*e.buffer] = path
	}
	if path == "values" {
		path = ""
	}
	for _, c := range e.Children {
		c.nameBuffers(path, roles)
	}
}

func withLevel(scheme string, level *int32) string {
	if level == nil {
		return scheme
	}
	return fmt.Sprintf("%s:%d", scheme, *level)
}

// maxShown bounds the bytes that an attribute shows.
const maxShown = 16

func scalar(f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch f.Kind() {
	case protoreflect.BytesKind:
		if b := v.Bytes(); len(b) > maxShown {
			return fmt.Sprintf("%d bytes", len(b))
		}
		return "0x" + hex.EncodeToString(v.Bytes())
	case protoreflect.StringKind:
		return strconv.Quote(v.String())
	case protoreflect.EnumKind:
		if d := f.Enum().Values().ByNumber(v.Enum()); d != nil {
			return enumName(string(d.Name()))
		}
	default:
	}
	return v.String()
}

// enumName is the name of a value without what all values of the enum begin with.
func enumName(s string) string {
	for _, prefix := range []string{"LAYER_", "COMPRESSION_"} {
		s = strings.TrimPrefix(s, prefix)
	}
	return strings.ToLower(s)
}

// snake is the name of a message as a field would be named.
func snake(name protoreflect.Name) string {
	var b strings.Builder
	for i, r := range string(name) {
		if r >= 'A' && r <= 'Z' && i > 0 {
			b.WriteByte('_')
		}
		b.WriteString(strings.ToLower(string(r)))
	}
	return b.String()
}
