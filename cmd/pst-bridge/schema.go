package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/sink"
	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
)

// schemaCmd is "schema".
type schemaCmd struct {
	Show     schemaShowCmd     `cmd:"" help:"Show the columns of a topic's table: types, ids, defaults, since which version."`
	History  schemaHistoryCmd  `cmd:"" help:"Show each version that changed the columns: what, when, by whom."`
	Infer    schemaInferCmd    `cmd:"" help:"Show what columns a file of messages would become."`
	Plan     schemaPlanCmd     `cmd:"" help:"Show what a file of messages would change in a topic's table, and what would be refused. Nothing is written."`
	Validate schemaValidateCmd `cmd:"" help:"Check a schema file."`
}

// tableFlags say where a topic's table is.
type tableFlags struct {
	Storage  string      `env:"PST_STORAGE" default:"./data" placeholder:"DIR" help:"Directory that holds a <topic>.lance each."`
	Declared schemaFlags `embed:""`
}

// topicTable is a table that is read and not written.
type topicTable struct {
	dir   string
	store *localfs.Store
	table *lance.Table
}

func (t *topicTable) close() error { return t.store.Close() }

// open opens a topic's table; nil and no error where there is none.
func (f *tableFlags) open(topic string) (*topicTable, error) {
	name, err := sink.TableName(topic)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Join(f.Storage, name+sink.TableSuffix))
	if err != nil {
		return nil, err
	}
	store, err := localfs.Open(dir)
	if errors.Is(err, objstore.ErrNotExist) {
		return nil, nil //nolint:nilnil // no table is an ordinary state
	}
	if err != nil {
		return nil, fmt.Errorf("open table %s: %w", dir, err)
	}
	return &topicTable{dir: dir, store: store, table: lance.Open(store, lance.Options{})}, nil
}

// mustOpen is open where there has to be a table.
func (f *tableFlags) mustOpen(topic string) (*topicTable, error) {
	t, err := f.open(topic)
	if err == nil && t == nil {
		err = advise(fmt.Errorf("topic %s has no table in %s", topic, f.Storage), "the first messages make it; name its directory with --storage")
	}
	return t, err
}

// latest is the schema of the newest version, nil while there is none.
func (t *topicTable) latest(ctx context.Context) (*lance.Dataset, error) {
	d, err := t.table.Latest(ctx)
	if errors.Is(err, lance.ErrNoTable) {
		return nil, nil //nolint:nilnil // a folder without a version
	}
	if err != nil {
		return nil, fmt.Errorf("read table %s: %w", t.dir, err)
	}
	return d, nil
}

// declaration is what is declared of a topic, nil for nothing.
func (f *tableFlags) declaration(topic string) *schema.Declaration {
	return f.Declared.Schema.of(topic)
}

// columnText is a column as --json prints it.
type columnText struct {
	Path     string            `json:"path"`
	Type     string            `json:"type"`
	Nullable bool              `json:"nullable"`
	ID       *int32            `json:"id,omitempty"`
	Since    uint64            `json:"since,omitempty"`
	Default  json.RawMessage   `json:"default,omitempty"`
	Required bool              `json:"required,omitempty"`
	Settings map[string]string `json:"settings,omitempty"`
}

func describeColumn(path string, f arrow.Field) columnText {
	c := columnText{Path: path, Type: schema.FormatType(f), Nullable: f.Nullable}
	for i, key := range f.Metadata.Keys() {
		value := f.Metadata.Values()[i]
		switch key {
		case schema.KeyType:
		case schema.KeyDefault:
			c.Default = json.RawMessage(value)
			if !json.Valid(c.Default) {
				c.Default = json.RawMessage(quoteJSON(value))
			}
		case schema.KeyRequired:
			c.Required = value == "true"
		default:
			if c.Settings == nil {
				c.Settings = map[string]string{}
			}
			c.Settings[key] = value
		}
	}
	return c
}

// notes are what there is to say of a column besides its type.
func (c *columnText) notes() string {
	var out []byte
	add := func(format string, args ...any) {
		if len(out) > 0 {
			out = append(out, ", "...)
		}
		out = fmt.Appendf(out, format, args...)
	}
	if !c.Nullable {
		add("not null")
	}
	if c.Required {
		add("required of new rows")
	}
	if c.Default != nil {
		add("default %s", c.Default)
	}
	for _, key := range sortedKeys(c.Settings) {
		add("%s=%s", key, c.Settings[key])
	}
	return string(out)
}

// schemaValidateCmd is "schema validate".
type schemaValidateCmd struct {
	File string `arg:"" placeholder:"FILE|DIR" help:"Schema file, or a directory of them."`
	JSON bool   `help:"Print as JSON."`
}

// Help is the example shown by "help schema validate".
func (*schemaValidateCmd) Help() string { return example("pst-bridge schema validate schema.yaml") }

// Run reads the file and prints what it declares.
func (c *schemaValidateCmd) Run(std *streams) error {
	all, err := readSchemas(c.File)
	if err != nil {
		return err
	}
	type topic struct {
		Topic      string       `json:"topic"`
		Undeclared string       `json:"undeclared"`
		Vectors    bool         `json:"vectors_auto"`
		Columns    []columnText `json:"columns"`
	}
	out := json.NewEncoder(std.out)
	for _, name := range sortedKeys(all) {
		d := all[name]
		t := topic{Topic: name, Undeclared: d.Undeclared.String(), Vectors: d.AutoVectors}
		for _, f := range d.Fields {
			t.Columns = append(t.Columns, describeColumn(schema.Quote(f.Name), f))
		}
		if !c.JSON {
			fmt.Fprintf(std.out, "%s: %d columns, other fields: %s\n", name, len(t.Columns), t.Undeclared)
		} else if err := out.Encode(t); err != nil {
			return err
		}
	}
	return nil
}
