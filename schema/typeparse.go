package schema

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

const (
	maxTypeDepth = 128     // as deep as rows may be
	maxTypeText  = 1 << 16 // a thousand members of long names
)

// TypeError says where the name of a type is wrong.
type TypeError struct {
	Text string
	Pos  int // byte, from 0
	Msg  string
}

// Error shows the place by its column, from 1.
func (e *TypeError) Error() string {
	text := e.Text
	if len(text) > 80 {
		text = text[:80] + "..."
	}
	return fmt.Sprintf("type %q, column %d: %s", text, e.Pos+1, e.Msg)
}

// ParseColumn makes the field of a column from its name and the name of its type, as
// Arrow prints it: "int64", "timestamp[us, UTC]", "fixed_size_list<float>[768]",
// "decimal128(18, 4)", "list<item: struct<a: int32, b: utf8>>", "list<utf8>",
// "dictionary<int32, utf8>", "fixed_size_binary[16]", "time64[us]", "duration[ms]",
// "map<utf8, int64>". Names of members that are not plain are quoted as in JSON.
// "json" is utf8 that holds the text of JSON values, marked by KeyType.
//
// Columns, members and items may be null unless their type ends in " not null". An
// error is a *TypeError.
func ParseColumn(name, typ string) (arrow.Field, error) {
	p := typeParser{text: typ}
	f, err := p.whole()
	if err != nil {
		return arrow.Field{}, err
	}
	f.Name = name
	return f, nil
}

type typeParser struct {
	text string
	i    int
}

func (p *typeParser) whole() (arrow.Field, error) {
	if len(p.text) > maxTypeText {
		return arrow.Field{}, &TypeError{p.text, maxTypeText, "the name of a type is longer than any real one"}
	}
	f, err := p.field(0)
	if err == nil && p.skip() < len(p.text) {
		err = p.fail("nothing may follow the type")
	}
	return f, err
}

func (p *typeParser) fail(format string, args ...any) error { return p.failAt(p.i, format, args...) }

func (p *typeParser) failAt(at int, format string, args ...any) error {
	return &TypeError{p.text, at, fmt.Sprintf(format, args...)}
}

// skip passes white space and returns the place.
func (p *typeParser) skip() int {
	for p.i < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.i]) >= 0 {
		p.i++
	}
	return p.i
}

// take passes c, with white space before it, if it is next.
func (p *typeParser) take(c byte) bool {
	if p.skip() < len(p.text) && p.text[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *typeParser) expect(c byte) error {
	if p.take(c) {
		return nil
	}
	return p.fail("%q is missing", c)
}

// word reads a run of the bytes of plain names.
func (p *typeParser) word() string {
	from := p.skip()
	for p.i < len(p.text) && isNameByte(p.text[p.i]) {
		p.i++
	}
	return p.text[from:p.i]
}

// field reads a type, and whether it may be null.
func (p *typeParser) field(depth int) (arrow.Field, error) {
	f := arrow.Field{Name: itemName, Nullable: true}
	at := p.skip()
	if depth > maxTypeDepth {
		return f, p.fail("more than %d types inside each other", maxTypeDepth)
	}
	name := p.word()
	var err error
	if name == TypeJSON {
		f.Type, f.Metadata = arrow.BinaryTypes.String, arrow.NewMetadata([]string{KeyType}, []string{TypeJSON})
	} else if f.Type = flatNamed(name); f.Type == nil {
		f.Type, err = p.withParameters(name, at, depth)
	} else if name == "date32" || name == "date64" {
		err = p.dateUnit(name)
	}
	if err != nil {
		return f, err
	}
	return f, p.notNull(&f)
}

// notNull reads "not null", if it is next.
func (p *typeParser) notNull(f *arrow.Field) error {
	was := p.i
	switch p.word() {
	case "":
		return nil
	case "not":
		if p.word() == "null" {
			f.Nullable = false
			return nil
		}
	}
	p.i = was
	p.skip()
	return p.fail("only \"not null\" may follow a type")
}

// dateUnit passes the unit that Arrow prints behind dates.
func (p *typeParser) dateUnit(name string) error {
	if !p.take('[') {
		return nil
	}
	at := p.skip()
	if unit := p.word(); unit != map[string]string{"date32": "day", "date64": "ms"}[name] {
		return p.failAt(at, "%s has no unit %q", name, unit)
	}
	return p.expect(']')
}

func (p *typeParser) withParameters(name string, at, depth int) (arrow.DataType, error) {
	switch name {
	case "timestamp":
		return p.timestamp()
	case "time32", "time64", "duration":
		return p.unitOf(name)
	case "decimal", "decimal128", "decimal256":
		return p.decimal(name)
	case "fixed_size_binary":
		n, err := p.size('[', ']')
		return &arrow.FixedSizeBinaryType{ByteWidth: n}, err
	case "list", "large_list", "fixed_size_list":
		return p.list(name, depth)
	case "struct":
		return p.structure(depth)
	case "map":
		return p.mapOf(depth)
	case "dictionary":
		return p.dictionary(depth)
	case "":
		return nil, p.failAt(at, "a type is missing")
	default:
		return nil, p.failAt(at, "there is no type %q%s", name, nearest(name))
	}
}

// nearest proposes a type for a word that is none.
func nearest(name string) string {
	for word, meant := range map[string]string{
		"int": "int64", "integer": "int64", "long": "int64", "bigint": "int64", "uint": "uint64", "number": "double",
		"real": "float", "text": "utf8", "str": "utf8", "varchar": "utf8", "bytes": "binary", "datetime": "timestamp[us, UTC]",
		"date": "date32", "time": "time64[us]", "array": "list<...>", "vector": "fixed_size_list<float>[N]",
		"object": "struct<...>", "numeric": "decimal128(18, 4)", "jsonb": "json",
	} {
		if strings.EqualFold(word, name) {
			return ": write " + meant
		}
	}
	if lower := strings.ToLower(name); lower != name && flatNamed(lower) != nil {
		return ": write " + lower
	}
	return ""
}

func (p *typeParser) unit(of string, allowed ...arrow.TimeUnit) (arrow.TimeUnit, error) {
	at := p.skip()
	word := p.word()
	var names []string
	for _, u := range allowed {
		if u.String() == word {
			return u, nil
		}
		names = append(names, u.String())
	}
	return 0, p.failAt(at, "the unit of %s is one of %s, not %q", of, strings.Join(names, ", "), word)
}

func (p *typeParser) unitOf(name string) (arrow.DataType, error) {
	if err := p.expect('['); err != nil {
		return nil, err
	}
	allowed := []arrow.TimeUnit{arrow.Second, arrow.Millisecond, arrow.Microsecond, arrow.Nanosecond}
	switch name {
	case "time32":
		allowed = allowed[:2]
	case "time64":
		allowed = allowed[2:]
	}
	unit, err := p.unit(name, allowed...)
	if err != nil {
		return nil, err
	}
	if err := p.expect(']'); err != nil {
		return nil, err
	}
	switch name {
	case "time32":
		return &arrow.Time32Type{Unit: unit}, nil
	case "time64":
		return &arrow.Time64Type{Unit: unit}, nil
	default:
		return &arrow.DurationType{Unit: unit}, nil
	}
}

// timestamp reads "[us]", "[us, UTC]" or, as pyarrow prints it, "[us, tz=UTC]".
func (p *typeParser) timestamp() (arrow.DataType, error) {
	if err := p.expect('['); err != nil {
		return nil, err
	}
	unit, err := p.unit("timestamp", arrow.Second, arrow.Millisecond, arrow.Microsecond, arrow.Nanosecond)
	if err != nil {
		return nil, err
	}
	t := &arrow.TimestampType{Unit: unit}
	if p.take(',') {
		at := p.skip()
		end := strings.IndexByte(p.text[at:], ']')
		if end < 0 {
			return nil, p.failAt(len(p.text), "%q is missing", ']')
		}
		p.i = at + end
		t.TimeZone = strings.TrimPrefix(strings.TrimSpace(p.text[at:p.i]), "tz=")
		if !plainZone(t.TimeZone) {
			return nil, p.failAt(at, "%q is no time zone: write one such as UTC, Europe/Berlin or +02:00", t.TimeZone)
		}
	}
	return t, p.expect(']')
}

// plainZone tells whether the text could name a time zone. Which zones there are is
// for readers to know: the values count from 1970 UTC.
func plainZone(zone string) bool {
	for i := range len(zone) {
		if c := zone[i]; c <= ' ' || c > '~' || strings.IndexByte(`[]<>(),="'\`, c) >= 0 {
			return false
		}
	}
	return zone != "" && zone != "-" // Lance writes no zone as "-"
}

func (p *typeParser) decimal(name string) (arrow.DataType, error) {
	if err := p.expect('('); err != nil {
		return nil, err
	}
	most := 38
	if name == "decimal256" {
		most = 76
	}
	precision, err := p.number(1, most)
	if err != nil {
		return nil, err
	}
	if err := p.expect(','); err != nil {
		return nil, err
	}
	scale, err := p.number(-precision, precision)
	if err != nil {
		return nil, err
	}
	if err := p.expect(')'); err != nil {
		return nil, err
	}
	if name == "decimal256" {
		return &arrow.Decimal256Type{Precision: int32(precision), Scale: int32(scale)}, nil
	}
	return &arrow.Decimal128Type{Precision: int32(precision), Scale: int32(scale)}, nil
}

func (p *typeParser) number(low, high int) (int, error) {
	at := p.skip()
	word := p.word()
	n, err := strconv.Atoi(word)
	if err != nil || n < low || n > high {
		return 0, p.failAt(at, "a whole number from %d to %d is needed, not %q", low, high, word)
	}
	return n, nil
}

func (p *typeParser) size(before, after byte) (int, error) {
	if err := p.expect(before); err != nil {
		return 0, err
	}
	n, err := p.number(1, math.MaxInt32)
	if err != nil {
		return 0, err
	}
	return n, p.expect(after)
}
