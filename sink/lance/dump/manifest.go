package dump

import (
	"context"
	"fmt"
	"time"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// Manifest describes one stored version of a table.
type Manifest struct {
	Key           string             `json:"key"`
	Size          uint64             `json:"size"`
	Version       uint64             `json:"version"`
	Time          time.Time          `json:"time"`
	Writer        string             `json:"writer,omitempty"`
	FileVersion   string             `json:"file_version,omitempty"`
	LiveRows      uint64             `json:"live_rows"`
	ReaderFlags   []string           `json:"reader_flags,omitempty"`
	WriterFlags   []string           `json:"writer_flags,omitempty"`
	Sections      []manifest.Section `json:"sections"`
	Transaction   string             `json:"transaction_file,omitempty"`
	Config        map[string]string  `json:"config,omitempty"`
	Fields        []SchemaField      `json:"fields"`
	Fragments     []Fragment         `json:"fragments"`
	MaxFieldID    int32              `json:"max_field_id"`
	schema        *fields.Schema
	fragmentFiles int
}

// SchemaField is a node of the schema.
type SchemaField struct {
	ID       int32  `json:"id"`
	Path     string `json:"path"`
	Type     string `json:"type"`
	Nullable bool   `json:"nullable"`
}

// Fragment is a run of rows and the files that hold them.
type Fragment struct {
	ID      uint64     `json:"id"`
	Rows    uint64     `json:"rows"` // as stored
	Deleted uint64     `json:"deleted_rows,omitempty"`
	Files   []DataFile `json:"files"`
}

// DataFile is how a version lists a data file.
type DataFile struct {
	Path     string  `json:"path"`
	Size     uint64  `json:"size,omitempty"`
	Version  string  `json:"version"`
	Fields   []int32 `json:"fields"`
	Columns  []int32 `json:"columns"`
	External bool    `json:"external,omitempty"`
}

// ReadManifest describes the version stored at a key below _versions. Damage is a
// *corrupt.Error that names the key, the section and the offset.
func ReadManifest(ctx context.Context, store objstore.Store, key string) (*Manifest, error) {
	data, info, err := manifest.ReadBytes(ctx, store, key)
	if err != nil {
		return nil, err
	}
	e, ok := manifest.EntryOf(info)
	if !ok {
		return nil, fmt.Errorf("%s is not the name of a version", key)
	}
	l, err := manifest.DecodeLayout(e, data)
	if err != nil {
		return nil, err
	}
	return describeManifest(key, uint64(len(data)), l)
}

func describeManifest(key string, size uint64, l *manifest.Layout) (*Manifest, error) {
	m := l.Manifest
	d := &Manifest{
		Key: key, Size: size, Version: m.Version(), Time: m.Time(), FileVersion: m.FileVersion(), LiveRows: m.LiveRows(),
		Sections: l.Sections, Transaction: m.TransactionFile(), Config: m.Config(), MaxFieldID: m.MaxFieldID(), schema: m.Schema(),
	}
	if library, version := m.Writer(); library != "" {
		d.Writer = library + " " + version
	}
	reader, writer := m.Flags()
	d.ReaderFlags, d.WriterFlags = manifest.FlagNames(reader), manifest.FlagNames(writer)
	m.Schema().Walk(func(p fields.Path, f *fields.Field) bool {
		d.Fields = append(d.Fields, SchemaField{f.ID, p.String(), f.LogicalType, f.Nullable})
		return true
	})
	for i := range m.Fragments() {
		f, err := m.Fragment(i)
		if err != nil {
			return nil, err
		}
		out := Fragment{ID: f.ID, Rows: f.PhysicalRows, Deleted: f.DeletedRows}
		for _, df := range f.Files {
			out.Files = append(out.Files, DataFile{
				Path: df.Path, Size: df.Size, Version: fmt.Sprintf("%d.%d", df.Major, df.Minor),
				Fields: df.Fields, Columns: df.Columns, External: df.External,
			})
		}
		d.Fragments = append(d.Fragments, out)
		d.fragmentFiles += len(out.Files)
	}
	return d, nil
}
