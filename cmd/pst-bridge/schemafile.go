package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/schema/decode"
	"github.com/pst-bridge/pst-bridge/sink"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// maxSchemaFile bounds what is read of a schema file.
const maxSchemaFile = 8 << 20

// schemaFlags name the declared schemas.
type schemaFlags struct {
	Schema declared `env:"PST_SCHEMA" placeholder:"FILE|DIR" help:"Declared columns of topics: a schema file in YAML or JSON, or a directory of them (*.yaml, *.yml, *.json)."`
}

// declared is what schema files declare, by topic.
type declared struct {
	topics map[string]*schema.Declaration
}

// UnmarshalText reads the file or directory of that name: what is wrong in it is wrong
// with the command line.
func (d *declared) UnmarshalText(path []byte) (err error) {
	if len(path) == 0 {
		return nil
	}
	d.topics, err = readSchemas(string(path))
	return err
}

// of is what is declared of a topic, nil for nothing.
func (d declared) of(topic string) *schema.Declaration {
	if found, ok := d.topics[topic]; ok {
		return found
	}
	return d.topics[bridge.AnyTopic]
}

// readSchemas reads a schema file, or those of a directory. The error joins all faults,
// each with file and line.
func readSchemas(path string) (map[string]*schema.Declaration, error) {
	files := []string{path}
	if info, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	} else if info.IsDir() {
		if files, err = schemaFiles(path); err != nil {
			return nil, err
		}
	}
	all := map[string]*schema.Declaration{}
	from := map[string]string{}
	var errs []error
	for _, file := range files {
		one, err := readSchemaFile(file)
		if err != nil {
			errs = append(errs, err)
		}
		for topic, d := range one {
			if other, ok := from[topic]; ok {
				errs = append(errs, fmt.Errorf("topic %s is declared in %s and in %s", topic, other, file))
			}
			all[topic], from[topic] = d, file
		}
	}
	return all, errors.Join(errs...)
}

func schemaFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	var files []string
	for _, e := range entries {
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".yaml", ".yml", ".json":
			if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
				files = append(files, filepath.Join(dir, e.Name()))
			}
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("schema: %s holds no *.yaml, *.yml or *.json", dir)
	}
	return files, nil
}

func readSchemaFile(path string) (map[string]*schema.Declaration, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxSchemaFile {
		err = fmt.Errorf("%s has more than %d bytes", path, maxSchemaFile)
	}
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	doc, err := parseDoc(data, strings.EqualFold(filepath.Ext(path), ".json"))
	if err != nil {
		return nil, inFile(path, err)
	}
	r := &schemaReader{}
	topics := r.topics(doc)
	errs := make([]error, len(r.errs))
	for i, err := range r.errs {
		errs[i] = inFile(path, err)
	}
	return topics, errors.Join(errs...)
}

// inFile puts the name of the file before a fault.
func inFile(path string, err error) error {
	var line *lineError
	if errors.As(err, &line) {
		return fmt.Errorf("%s:%d: %w", path, line.line, line.err)
	}
	return fmt.Errorf("%s: %w", path, err)
}

// schemaReader turns a document into declarations and gathers what is wrong.
type schemaReader struct{ errs []error }

func (r *schemaReader) bad(line int, format string, args ...any) {
	r.errs = append(r.errs, atLine(line, format, args...))
}

// known reports keys of a map that mean nothing.
func (r *schemaReader) known(v docValue, what string, names ...string) bool {
	if v.kind != docMap {
		r.bad(v.line, "%s: a map is needed", what)
		return false
	}
	for _, k := range v.keys {
		if !slices.Contains(names, k.name) && !(slices.Contains(names, "lance-encoding:*") && strings.HasPrefix(k.name, "lance-encoding:")) {
			r.bad(k.line, "%s: the key %q is none of %s", what, k.name, strings.Join(names, ", "))
		}
	}
	return true
}

// word reads a value that is one of a few words; empty if the key is missing or wrong.
func (r *schemaReader) word(v docValue, what, key string, words ...string) string {
	value, ok := v.get(key)
	if !ok {
		return ""
	}
	text := value.text
	if value.kind != docText || !slices.Contains(words, text) {
		r.bad(value.line, "%s: %s is one of %s", what, key, strings.Join(words, ", "))
		return ""
	}
	return text
}

func (r *schemaReader) topics(doc docValue) map[string]*schema.Declaration {
	if !r.known(doc, "the file", "topics") {
		return nil
	}
	topics, ok := doc.get("topics")
	if !ok || topics.kind != docMap {
		r.bad(doc.line, "the file: \"topics\" is a map from names of topics to what is declared of them")
		return nil
	}
	out := map[string]*schema.Declaration{}
	for i, key := range topics.keys {
		if _, err := sink.TableName(key.name); err != nil && key.name != bridge.AnyTopic {
			r.bad(key.line, "topic %q: %w", key.name, err)
		}
		out[key.name] = r.topic("topic "+key.name, topics.items[i])
	}
	return out
}

func (r *schemaReader) topic(what string, v docValue) *schema.Declaration {
	d := &schema.Declaration{}
	if !r.known(v, what, "columns", "undeclared", "vectors", "primary_key") {
		return d
	}
	if word := r.word(v, what, "undeclared", "evolve", "ignore", "json", "reject"); word != "" {
		d.Undeclared, _ = schema.ParseUndeclared(word) // it is one of them
	}
	d.AutoVectors = r.word(v, what, "vectors", "auto", "off") == "auto"
	list, ok := v.get("columns")
	if !ok {
		return d
	}
	c := &columnReader{schemaReader: r, what: what}
	c.columns("", list)
	before := len(r.errs)
	d.Fields = c.declare(r.primaryKey(what, v))
	if len(r.errs) == before && !c.failed {
		r.check(what, list.line, d)
	}
	return d
}

func (r *schemaReader) primaryKey(what string, v docValue) []string {
	key, ok := v.get("primary_key")
	if !ok {
		return nil
	}
	items := key.items
	if key.kind == docText {
		items = []docValue{key}
	}
	var names []string
	for _, item := range items {
		if item.kind == docText {
			names = append(names, item.text)
		}
	}
	if len(names) == 0 || len(names) != len(items) || key.kind == docMap {
		r.bad(key.line, "%s: primary_key is the name of a column, or a list of names", what)
	}
	return names
}

// check holds the columns against what tables can hold and defaults against their types.
func (r *schemaReader) check(what string, line int, d *schema.Declaration) {
	s, err := fields.FromArrow(arrow.NewSchema(d.Fields, nil))
	if err == nil {
		for _, top := range s.Fields {
			if err = checkSettings(top, top); err != nil {
				break
			}
		}
	}
	if err == nil {
		err = decode.CheckDeclaration(d)
	}
	if err != nil {
		r.bad(line, "%s: %w", what, err)
	}
}

// checkSettings holds the settings of the leaves below f against what they can be.
func checkSettings(f, top *fields.Field) error {
	if f.IsMap() {
		return fmt.Errorf("column %s: new tables are of file version 2.1, which has no maps", f.Name)
	}
	if f.IsLeaf() {
		_, err := encoding.SettingsOf(f.Name, f.Metadata, top.Metadata)
		return err
	}
	for _, c := range f.Children {
		if err := checkSettings(c, top); err != nil {
			return err
		}
	}
	return nil
}

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
