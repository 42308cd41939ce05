package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding"
)

// columnReader gathers the columns of one topic.
type columnReader struct {
	*schemaReader
	what   string
	list   []schema.Column
	lines  []int
	failed bool
}

func columnKeys() []string {
	return []string{"type", "nullable", "default", "compression", "compression_level", "conflict", "vector", "widen", "fields", "lance-encoding:*"}
}

// lanceKeys are the settings that a column's writer obeys.
func lanceKeys() []string {
	return []string{
		encoding.KeyCompression, encoding.KeyLevel, encoding.KeyStructural, encoding.KeyRLEThreshold, encoding.KeySplit, encoding.KeyDictRatio,
		encoding.KeyDictDivisor, encoding.KeyDictMaxSize, encoding.KeyChunkSize, encoding.KeyDictCompression, encoding.KeyDictLevel,
	}
}

// columns reads a map of columns, whose names follow prefix.
func (c *columnReader) columns(prefix string, v docValue) {
	if v.kind != docMap {
		c.fail(v.line, "%s: columns are a map from names to types, or to maps with a type", c.what)
		return
	}
	for i, key := range v.keys {
		c.column(prefix+key.name, key.line, v.items[i])
	}
}

func (c *columnReader) fail(line int, format string, args ...any) {
	c.failed = true
	c.bad(line, format, args...)
}

func (c *columnReader) column(path string, line int, v docValue) {
	col := schema.Column{Path: path}
	if v.kind == docText {
		col.Type = v.text
		c.add(col, line)
		return
	}
	what := c.what + ", column " + path
	before := len(c.errs)
	if !c.known(v, what, columnKeys()...) {
		c.failed = true
		return
	}
	if t, ok := v.get("type"); ok {
		if col.Type = t.text; t.kind != docText {
			c.bad(t.line, "%s: type is a name such as utf8", what)
		}
	}
	if n, ok := v.get("nullable"); ok {
		may := strings.EqualFold(n.text, "true")
		if col.Nullable = &may; n.kind != docBool {
			c.bad(n.line, "%s: nullable is true or false", what)
		}
	}
	if def, ok := v.get("default"); ok && def.kind != docNull {
		var err error
		if col.Default, err = def.json(); err != nil {
			c.errs = append(c.errs, err)
		}
	}
	col.Conflict = c.word(v, what, "conflict", "string", "reject")
	if col.Conflict == "reject" {
		col.Conflict = ""
	}
	if col.Vector = c.word(v, what, "vector", "to_list", "fixed"); col.Vector == "fixed" {
		col.Vector = ""
	}
	if col.Widen = c.word(v, what, "widen", "float", "exact"); col.Widen == "exact" {
		col.Widen = ""
	}
	col.Settings = c.settings(what, v)
	c.failed = c.failed || len(c.errs) > before
	c.add(col, line)
	if inside, ok := v.get("fields"); ok {
		c.columns(path+".", inside)
	}
}

func (c *columnReader) settings(what string, v docValue) map[string]string {
	out := map[string]string{}
	for i, key := range v.keys {
		value, name := v.items[i], key.name
		switch name {
		case "compression":
			name = encoding.KeyCompression
		case "compression_level":
			name = encoding.KeyLevel
		}
		if !strings.HasPrefix(name, "lance-encoding:") {
			continue
		}
		if !slices.Contains(lanceKeys(), name) {
			c.bad(key.line, "%s: the setting %s is none of %s", what, name, strings.Join(lanceKeys(), ", "))
		}
		if value.kind == docList || value.kind == docMap || value.kind == docNull {
			c.bad(value.line, "%s: %s is a word or number", what, key.name)
		}
		if _, twice := out[name]; twice {
			c.bad(key.line, "%s: %s is set twice", what, name)
		}
		out[name] = value.text
	}
	return out
}

func (c *columnReader) add(col schema.Column, line int) {
	c.list, c.lines = append(c.list, col), append(c.lines, line)
}

// declare makes the fields. What is wrong with a column gets its line.
func (c *columnReader) declare(primaryKey []string) []arrow.Field {
	if c.failed {
		return nil
	}
	out, err := schema.Declare(c.list, primaryKey)
	if err == nil {
		return out
	}
	for _, err := range unjoin(err) {
		var col *schema.ColumnError
		line := c.lines[0]
		if errors.As(err, &col) && col.Index >= 0 {
			line = c.lines[col.Index]
		}
		c.fail(line, "%s: %w", c.what, err)
	}
	return nil
}

// unjoin lists the errors that errors.Join joined.
func unjoin(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	return []error{err}
}
