package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// docKind is what a value of a document is.
type docKind uint8

const (
	docText   docKind = iota // quoted, or plain and of no other kind
	docNumber                // as written
	docBool
	docNull
	docList
	docMap
)

// docValue is a value of a YAML or JSON document, with the line it begins in.
type docValue struct {
	kind  docKind
	line  int
	text  string     // of scalars
	keys  []docKey   // of maps, in order
	items []docValue // of lists, and the values of maps
}

type docKey struct {
	name string
	line int
}

// lineError is a fault in a line of a document.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }

func atLine(line int, format string, args ...any) error {
	return &lineError{line, fmt.Errorf(format, args...)}
}

// parseDoc reads one document. Keys that occur twice in a map, aliases and more than
// one document are refused.
func parseDoc(data []byte, isJSON bool) (docValue, error) {
	if isJSON {
		return parseJSONDoc(data)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var n yaml.Node
	if err := dec.Decode(&n); err != nil {
		if errors.Is(err, io.EOF) {
			return docValue{}, errors.New("it is empty")
		}
		return docValue{}, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return docValue{}, errors.New("it holds more than one document")
	}
	return fromYAML(n.Content[0])
}

func fromYAML(n *yaml.Node) (docValue, error) {
	v := docValue{line: n.Line, text: n.Value}
	switch n.Kind {
	case yaml.MappingNode:
		v.kind = docMap
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
				return v, atLine(key.Line, "keys are plain text")
			}
			value, err := fromYAML(n.Content[i+1])
			if err != nil {
				return v, err
			}
			if err := v.add(docKey{key.Value, key.Line}, value); err != nil {
				return v, err
			}
		}
		return v, nil
	case yaml.SequenceNode:
		v.kind = docList
		for _, c := range n.Content {
			item, err := fromYAML(c)
			if err != nil {
				return v, err
			}
			v.items = append(v.items, item)
		}
		return v, nil
	case yaml.ScalarNode:
	default:
		return v, atLine(n.Line, "aliases are not read: write it out")
	}
	switch n.Tag {
	case "!!null":
		v.kind = docNull
	case "!!bool":
		v.kind = docBool
	case "!!int", "!!float":
		v.kind = docNumber
	case "!!str", "!!timestamp":
		v.kind = docText
	default:
		return v, atLine(n.Line, "the tag %s means nothing here", n.Tag)
	}
	return v, nil
}

func (v *docValue) add(key docKey, value docValue) error {
	for _, k := range v.keys {
		if k.name == key.name {
			return atLine(key.line, "the key %q stands in line %d already", key.name, k.line)
		}
	}
	v.keys, v.items = append(v.keys, key), append(v.items, value)
	return nil
}

// get returns the value of a key; ok is false if there is none.
func (v *docValue) get(name string) (value docValue, ok bool) {
	if i := slices.IndexFunc(v.keys, func(k docKey) bool { return k.name == name }); i >= 0 {
		return v.items[i], true
	}
	return docValue{}, false
}

// json is the value as JSON text, numbers as they are written.
func (v *docValue) json() (string, error) {
	switch v.kind {
	case docNull:
		return "null", nil
	case docNumber, docBool:
		if text := strings.ToLower(v.text); v.kind == docBool && (text == "true" || text == "false") {
			return text, nil
		}
		if v.kind == docNumber && json.Valid([]byte(v.text)) {
			return v.text, nil
		}
		return "", atLine(v.line, "%s is not written as in JSON", v.text)
	case docText:
		return quoteJSON(v.text), nil
	case docList, docMap:
	}
	list := v.kind == docList
	out := "{"
	if list {
		out = "["
	}
	for i := range v.items {
		if i > 0 {
			out += ","
		}
		if !list {
			out += quoteJSON(v.keys[i].name) + ":"
		}
		text, err := v.items[i].json()
		if err != nil {
			return "", err
		}
		out += text
	}
	if list {
		return out + "]", nil
	}
	return out + "}", nil
}

func quoteJSON(s string) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // strings always can be
	return strings.TrimSuffix(out.String(), "\n")
}

// parseJSONDoc reads JSON, which a reader of YAML does not in every detail.
func parseJSONDoc(data []byte) (docValue, error) {
	p := &jsonDoc{data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	p.dec.UseNumber()
	v, err := p.value()
	if err != nil {
		var line *lineError
		if !errors.As(err, &line) {
			err = &lineError{p.line(), err}
		}
		return v, err
	}
	if _, err := p.dec.Token(); !errors.Is(err, io.EOF) {
		return v, atLine(p.line(), "there is more behind the first value")
	}
	return v, nil
}

type jsonDoc struct {
	data []byte
	dec  *json.Decoder
}

// line is the one that the last token ends in.
func (p *jsonDoc) line() int {
	return 1 + bytes.Count(p.data[:min(int(p.dec.InputOffset()), len(p.data))], []byte("\n"))
}

func (p *jsonDoc) value() (docValue, error) {
	token, err := p.dec.Token()
	v := docValue{line: p.line()}
	if err != nil {
		return v, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return v, p.object(&v)
		}
		v.kind = docList
		for p.dec.More() {
			item, err := p.value()
			if err != nil {
				return v, err
			}
			v.items = append(v.items, item)
		}
		_, err = p.dec.Token()
		return v, err
	case json.Number:
		v.kind, v.text = docNumber, t.String()
	case bool:
		v.kind, v.text = docBool, fmt.Sprint(t)
	case nil:
		v.kind = docNull
	case string:
		v.text = t
	}
	return v, nil
}

func (p *jsonDoc) object(v *docValue) error {
	v.kind = docMap
	for p.dec.More() {
		name, err := p.dec.Token()
		if err != nil {
			return err
		}
		key := docKey{fmt.Sprint(name), p.line()}
		value, err := p.value()
		if err != nil {
			return err
		}
		if err := v.add(key, value); err != nil {
			return err
		}
	}
	_, err := p.dec.Token()
	return err
}
