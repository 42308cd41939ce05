package fields

import (
	"strconv"
	"strings"
)

// Path names a field by the names of its ancestors and its own. Equal paths are
// equal strings, so a Path can be a map key. Inside, components are joined by a
// dot, and a dot or backslash that is part of a name follows a backslash. The
// child of a list is always called "item" here, whatever its field is named.
type Path string

// MakePath joins the names of a field's ancestors and its own.
func MakePath(parts ...string) Path {
	var p Path
	for i, part := range parts {
		if i == 0 {
			p = Path(escape(part))
			continue
		}
		p = p.Child(part)
	}
	return p
}

// Child returns the path of the member name of the field at p.
func (p Path) Child(name string) Path { return p + "." + Path(escape(name)) }

// Parts returns the component names. A Path that was not made by this package is
// taken apart by the same rule; a backslash at its very end stands for itself.
func (p Path) Parts() []string {
	if p == "" {
		return []string{""}
	}
	var parts []string
	var part strings.Builder
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] == '\\' && i+1 < len(p):
			i++
			part.WriteByte(p[i])
		case p[i] == '.':
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(p[i])
		}
	}
	return append(parts, part.String())
}

// String shows the path to people: plain names joined by dots, other names quoted.
func (p Path) String() string {
	parts := p.Parts()
	for i, part := range parts {
		if part == "" || strings.ContainsFunc(part, func(r rune) bool {
			return r == '.' || r == '"' || !strconv.IsPrint(r)
		}) {
			parts[i] = strconv.Quote(part)
		}
	}
	return strings.Join(parts, ".")
}

func escape(name string) string {
	if !strings.ContainsAny(name, `.\`) {
		return name
	}
	return strings.NewReplacer(`\`, `\\`, `.`, `\.`).Replace(name)
}
