package decode

import (
	"strconv"

	"github.com/pst-bridge/pst-bridge/schema"
)

// maxStrange bounds how many undeclared keys of a struct are remembered from object to
// object.
const maxStrange = 256

// stranger makes what stands for a key that st has no column for.
func (b *Batch) stranger(st *column, name []byte) (*column, *Reject) {
	if b.o.Declared.Policy() == schema.Refuse {
		return nil, reject(ClassUndeclared, "field %s is not declared", b.pathTo(st, name))
	}
	if len(name) > b.o.MaxNameBytes {
		return nil, reject(ClassLimit, "field name of %d bytes, the limit is %d", len(name), b.o.MaxNameBytes)
	}
	if st.strangers >= maxStrange && st.lastStrange == st.serial {
		return b.excess(st, name)
	}
	if st.strangers >= maxStrange {
		for _, c := range st.keys {
			if c.isUndeclared() {
				st.unexpect(c)
			}
		}
		st.strangers = 0
	}
	st.strangers++
	c := &column{name: string(name), parent: st, keeps: keepsElsewhere}
	st.expect(c, c.name)
	return c, nil
}

// excess is stranger for an object that has too many of them to be remembered. That a key
// occurs twice is seen nevertheless. The column is valid until the next call.
func (b *Batch) excess(st *column, name []byte) (*column, *Reject) {
	if st.excessOf != st.serial {
		st.excess, st.excessOf = map[string]bool{}, st.serial
	}
	b.nameless = column{name: string(name), parent: st, keeps: keepsElsewhere}
	if st.excess[b.nameless.name] {
		return nil, b.nameless.twice()
	}
	st.excess[b.nameless.name] = true
	return &b.nameless, nil
}

func (b *Batch) pathTo(st *column, name []byte) string {
	path := schema.Quote(string(name))
	if st != b.root {
		path = st.path() + "." + path
	}
	return path
}

// isUndeclared tells whether c is no column but stands for an undeclared key.
func (c *column) isUndeclared() bool { return c.keeps == keepsElsewhere }

// undeclared reads the value of the undeclared field c, and keeps or drops it.
func (b *Batch) undeclared(c *column, depth int) *Reject {
	start := b.i
	if rej := b.skip(depth); rej != nil {
		return rej
	}
	if b.o.Declared.Policy() == schema.KeepJSON {
		b.keep(c, b.p[start:b.i])
	}
	return nil
}

// keep adds the text of an undeclared field to those of the row.
func (b *Batch) keep(c *column, value []byte) {
	b.extra.path = c.parent.appendPath(b.extra.path[:0])
	b.extra.add(c.name, value)
}

// appendPath appends where the object of c that is open lies in the row: keys, and the
// places of items in lists.
func (c *column) appendPath(path []string) []string {
	if c.parent == nil {
		return path
	}
	path = c.parent.appendPath(path)
	switch {
	case c.parent.item == c:
		offs := c.parent.offs
		return append(path, strconv.Itoa(c.lv.slots-int(offs[len(offs)-1])))
	case c.key != "":
		return append(path, c.key)
	default:
		return append(path, c.name)
	}
}

// extras collects the undeclared fields of a row as the text of one JSON object. Those
// of a struct lie in an object under the key of the struct, those of an item of a list
// in one under its place in the list, from 0. They come in the order of the payload, so
// what lies in one object comes together.
type extras struct {
	text []byte
	open []string // keys of the objects that are open
	path []string // those of the next field
}

// add adds the field of a given name that lies at the path.
func (e *extras) add(name string, value []byte) {
	if len(e.text) == 0 {
		e.text = append(e.text, '{')
	}
	same := 0
	for same < len(e.path) && same < len(e.open) && e.path[same] == e.open[same] {
		same++
	}
	e.close(same)
	for _, key := range e.path[same:] {
		e.key(key)
		e.text = append(e.text, '{')
	}
	e.open = append(e.open, e.path[same:]...)
	e.key(name)
	e.text = append(e.text, value...)
}

// key begins a member of the object that is open.
func (e *extras) key(name string) {
	if e.text[len(e.text)-1] != '{' {
		e.text = append(e.text, ',')
	}
	e.text = append(appendQuoted(e.text, name), ':')
}

// close ends the objects that are open but for the first n.
func (e *extras) close(n int) {
	for range e.open[n:] {
		e.text = append(e.text, '}')
	}
	e.open = e.open[:n]
}

// putExtra stores what the row has of undeclared fields.
func (b *Batch) putExtra() *Reject {
	b.extra.close(0)
	b.extra.text = append(b.extra.text, '}')
	rej := b.putText(b.root.byName[schema.Extra], b.extra.text)
	b.extra.text = b.extra.text[:0]
	return rej
}
