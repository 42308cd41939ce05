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
	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/schema/decode"
	"github.com/pst-bridge/pst-bridge/sink"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
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
		if err := checkName(key.name); err != nil && key.name != bridge.AnyTopic {
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
		err = checkVectors(arrow.StructOf(d.Fields...))
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

// checkName reports why no topic has the name, or none that has a table.
func checkName(topic string) error {
	if err := consumer.CheckTopic(topic); err != nil {
		return err
	}
	_, err := sink.TableName(topic)
	return err
}

// checkVectors refuses vectors below t of what no vector can hold.
func checkVectors(t arrow.DataType) error {
	if _, ok := t.(*arrow.FixedSizeListType); ok {
		if _, err := block.ShapeOf(t); err != nil {
			return fmt.Errorf("a fixed_size_list holds values of one width, such as float or int8; use list: %w", err)
		}
		return nil
	}
	nested, ok := t.(arrow.NestedType)
	if !ok {
		return nil
	}
	for _, f := range nested.Fields() {
		if err := checkVectors(f.Type); err != nil {
			return fmt.Errorf("column %s: %w", f.Name, err)
		}
	}
	return nil
}
