package lanceref

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
)

// WriteOptions are the reference's; a zero field is its default.
type WriteOptions struct {
	DataStorageVersion string `json:"data_storage_version,omitempty"` // "2.0", "2.1", ...
	MaxRowsPerFile     int    `json:"max_rows_per_file,omitempty"`
	MaxPageBytes       int    `json:"max_page_bytes,omitempty"`
	EnableStableRowIDs bool   `json:"enable_stable_row_ids,omitempty"`
	EnableV2Manifests  *bool  `json:"enable_v2_manifest_paths,omitempty"`
}

// change makes a request that commits, and returns the version it made. On a
// stale handle that is the version after all rebasing.
func (t *Table) change(op string, pairs ...any) (uint64, error) {
	var v uint64
	err := t.ref.call(op, t.args(pairs...), &v)
	return v, err
}

// Create writes a new table.
func (t *Table) Create(o WriteOptions, s *arrow.Schema, recs ...arrow.Record) (uint64, error) {
	return t.write("create", o, s, recs)
}

// Overwrite replaces rows and schema of the table.
func (t *Table) Overwrite(o WriteOptions, s *arrow.Schema, recs ...arrow.Record) (uint64, error) {
	return t.write("overwrite", o, s, recs)
}

func (t *Table) write(mode string, o WriteOptions, s *arrow.Schema, recs []arrow.Record) (uint64, error) {
	path, err := t.ref.SaveIPC(s, recs...)
	if err != nil {
		return 0, err
	}
	return t.change("write", "ipc", path, "mode", mode, "options", o)
}

// Append adds rows.
func (t *Table) Append(s *arrow.Schema, recs ...arrow.Record) (uint64, error) {
	path, err := t.ref.SaveIPC(s, recs...)
	if err != nil {
		return 0, err
	}
	return t.change("append", "ipc", path)
}

// MergeInsert updates the rows whose key columns match and inserts the others.
func (t *Table) MergeInsert(on []string, s *arrow.Schema, recs ...arrow.Record) (uint64, error) {
	path, err := t.ref.SaveIPC(s, recs...)
	if err != nil {
		return 0, err
	}
	return t.change("merge_insert", "ipc", path, "on", on)
}

// Delete removes the rows that match an SQL predicate.
func (t *Table) Delete(predicate string) (uint64, error) {
	return t.change("delete", "predicate", predicate)
}

// Update sets columns to SQL expressions where an SQL predicate holds ("": everywhere).
func (t *Table) Update(values map[string]string, where string) (uint64, error) {
	return t.change("update", "values", values, "where", where)
}

// CompactOptions are the reference's; a zero field is its default.
type CompactOptions struct {
	TargetRowsPerFragment         int     `json:"target_rows_per_fragment,omitempty"`
	MaterializeDeletionsThreshold float64 `json:"materialize_deletions_threshold,omitempty"`
}

// Compact joins small fragments and drops deleted rows.
func (t *Table) Compact(o CompactOptions) (uint64, error) {
	return t.change("compact", "options", o)
}

// OptimizeIndices brings every index up to the fragments that it misses. Now and then the
// reference misses a temporary file of its own, before it committed anything: it is asked
// again then, three times at most.
func (t *Table) OptimizeIndices() (version uint64, err error) {
	for range 3 {
		version, err = t.change("optimize_indices")
		if err == nil || !strings.Contains(err.Error(), "Not found: "+filepath.Join(os.TempDir(), ".tmp")) {
			break
		}
	}
	return version, err
}

// CreateScalarIndex builds an index of a type such as BTREE, BITMAP or INVERTED.
func (t *Table) CreateScalarIndex(column, kind string) (uint64, error) {
	return t.change("create_scalar_index", "column", column, "type", kind)
}

// CreateVectorIndex builds an index of a type such as IVF_FLAT with some partitions.
func (t *Table) CreateVectorIndex(column, kind string, partitions int) (uint64, error) {
	return t.change("create_vector_index", "column", column, "type", kind,
		"options", map[string]int{"num_partitions": partitions})
}

// AddColumns adds columns computed by SQL expressions; their values are written at once.
func (t *Table) AddColumns(sql map[string]string) (uint64, error) {
	return t.change("add_columns", "sql", sql)
}

// AddNullColumns adds columns that hold only nulls, by metadata alone.
func (t *Table) AddNullColumns(s *arrow.Schema) (uint64, error) {
	path, err := t.ref.SaveIPC(s)
	if err != nil {
		return 0, err
	}
	return t.change("add_columns", "ipc", path)
}

// DropColumns removes columns, by metadata alone.
func (t *Table) DropColumns(columns ...string) (uint64, error) {
	return t.change("drop_columns", "columns", columns)
}

// Alteration is a change of one column; a zero field changes nothing.
type Alteration struct {
	Name     string         // new name
	Nullable *bool          // new nullability
	Type     arrow.DataType // new type; rewrites the values
}

// AlterColumn changes the column at a dotted path.
func (t *Table) AlterColumn(path string, a Alteration) (uint64, error) {
	var file string
	if a.Type != nil {
		s := arrow.NewSchema([]arrow.Field{{Name: "type", Type: a.Type, Nullable: true}}, nil)
		var err error
		if file, err = t.ref.SaveIPC(s); err != nil {
			return 0, err
		}
	}
	return t.change("alter_column", "path", path, "name", a.Name, "nullable", a.Nullable, "ipc", file)
}

// UpdateConfig sets keys of the config map; a nil value deletes the key.
func (t *Table) UpdateConfig(values map[string]*string) (uint64, error) {
	return t.change("update_config", "values", values)
}

// Tag names this version, or the latest where At was not used.
func (t *Table) Tag(name string) error {
	return t.ref.call("tag", t.args("name", name), nil)
}

// Restore makes the version of At the latest again.
func (t *Table) Restore() (uint64, error) { return t.change("restore") }

// CleanupOldVersions removes versions older than an age and the files only they
// use. With DeleteUnverified it also removes files that no version names, however
// young: those of a running writer too. It returns how many versions went.
func (t *Table) CleanupOldVersions(age time.Duration, unverified Unverified) (removed uint64, err error) {
	var stats struct{ Versions uint64 }
	err = t.ref.call("cleanup", t.args("older_seconds", age.Seconds(), "delete_unverified", bool(unverified)), &stats)
	return stats.Versions, err
}

// Unverified says what a clean-up does with young files that no manifest names.
type Unverified bool

// The two ways to treat files that no manifest names and that are younger than seven days.
const (
	KeepUnverified   Unverified = false
	DeleteUnverified Unverified = true
)
