package schema

import (
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
)

func (p *typeParser) list(name string, depth int) (arrow.DataType, error) {
	if err := p.expect('<'); err != nil {
		return nil, err
	}
	item, err := p.item(depth + 1)
	if err != nil {
		return nil, err
	}
	if err := p.expect('>'); err != nil {
		return nil, err
	}
	switch name {
	case "list":
		return arrow.ListOfField(item), nil
	case "large_list":
		return arrow.LargeListOfField(item), nil
	}
	n, err := p.size('[', ']')
	if err != nil {
		return nil, err
	}
	return arrow.FixedSizeListOfField(int32(n), item), nil
}

// item reads the field inside a list, whose name may be left out.
func (p *typeParser) item(depth int) (arrow.Field, error) {
	was := p.skip()
	if name, err := p.name(); err == nil && p.take(':') {
		f, err := p.field(depth)
		f.Name = name
		return f, err
	}
	p.i = was
	return p.field(depth)
}

// name reads the name of a member, quoted if it is not plain.
func (p *typeParser) name() (string, error) {
	at := p.skip()
	if at == len(p.text) || p.text[at] != '"' {
		if name := p.word(); name != "" {
			return name, nil
		}
		return "", p.fail("a name is missing")
	}
	quoted, err := strconv.QuotedPrefix(p.text[at:])
	if err != nil {
		return "", p.fail("the quoted name does not end, or holds an escape that is none")
	}
	p.i += len(quoted)
	name, err := strconv.Unquote(quoted)
	if err != nil || name == "" {
		return "", p.failAt(at, "a name of no characters")
	}
	return name, nil
}

func (p *typeParser) structure(depth int) (arrow.DataType, error) {
	if err := p.expect('<'); err != nil {
		return nil, err
	}
	var members []arrow.Field
	for first := true; first || p.take(','); first = false {
		at := p.skip()
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(members, func(f arrow.Field) bool { return f.Name == name }) {
			return nil, p.failAt(at, "two members are called %s", Quote(name))
		}
		if err := p.expect(':'); err != nil {
			return nil, err
		}
		f, err := p.field(depth + 1)
		if err != nil {
			return nil, err
		}
		f.Name = name
		members = append(members, f)
	}
	return arrow.StructOf(members...), p.expect('>')
}

func (p *typeParser) mapOf(depth int) (arrow.DataType, error) {
	if err := p.expect('<'); err != nil {
		return nil, err
	}
	at := p.skip()
	key, err := p.field(depth + 2)
	if err != nil {
		return nil, err
	}
	if arrow.IsNested(key.Type.ID()) || IsJSON(key) {
		return nil, p.failAt(at, "the keys of a map are of a flat type")
	}
	if err := p.expect(','); err != nil {
		return nil, err
	}
	value, err := p.field(depth + 2)
	if err != nil {
		return nil, err
	}
	m := arrow.MapOfWithMetadata(key.Type, key.Metadata, value.Type, value.Metadata)
	m.SetItemNullable(value.Nullable)
	return m, p.expect('>')
}

// dictionary reads "<int32, utf8>", or what Arrow prints:
// "<values=utf8, indices=int32, ordered=false>".
func (p *typeParser) dictionary(depth int) (arrow.DataType, error) {
	if err := p.expect('<'); err != nil {
		return nil, err
	}
	was := p.skip()
	t := &arrow.DictionaryType{}
	if p.word() == "values" && p.take('=') {
		return t, p.longDictionary(t, depth)
	}
	p.i = was
	var err error
	if t.IndexType, err = p.indexType(depth); err != nil {
		return nil, err
	}
	if err := p.expect(','); err != nil {
		return nil, err
	}
	if t.ValueType, err = p.valueType(depth); err != nil {
		return nil, err
	}
	return t, p.expect('>')
}

func (p *typeParser) longDictionary(t *arrow.DictionaryType, depth int) (err error) {
	if t.ValueType, err = p.valueType(depth); err != nil {
		return err
	}
	assigned := func(name string) error {
		if err := p.expect(','); err != nil {
			return err
		}
		if at := p.skip(); p.word() != name {
			return p.failAt(at, "%q is missing", name)
		}
		return p.expect('=')
	}
	if err := assigned("indices"); err != nil {
		return err
	}
	if t.IndexType, err = p.indexType(depth); err != nil {
		return err
	}
	if err := assigned("ordered"); err != nil {
		return err
	}
	if at, word := p.skip(), p.word(); word != "0" && word != "false" {
		return p.failAt(at, "dictionaries in tables are not ordered")
	}
	return p.expect('>')
}

func (p *typeParser) indexType(depth int) (arrow.DataType, error) {
	at := p.skip()
	f, err := p.field(depth + 1)
	if err == nil && !arrow.IsInteger(f.Type.ID()) {
		err = p.failAt(at, "the keys of a dictionary are integers")
	}
	return f.Type, err
}

func (p *typeParser) valueType(depth int) (arrow.DataType, error) {
	at := p.skip()
	f, err := p.field(depth + 1)
	if err == nil && (arrow.IsNested(f.Type.ID()) || f.Type.ID() == arrow.DICTIONARY || IsJSON(f)) {
		err = p.failAt(at, "the values of a dictionary are of a flat type")
	}
	return f.Type, err
}
