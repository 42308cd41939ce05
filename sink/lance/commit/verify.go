package commit

import (
	"errors"
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/mutant"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// verify checks a proposal against the version it would replace. What it finds is
// the planner's mistake, not a race: the planner was shown this very base.
func verify(p *Proposal, base *manifest.Manifest) error {
	switch {
	case p.Operation == OpCreate && base != nil:
		return fmt.Errorf("create: the table has version %d", base.Version())
	case p.Operation != OpCreate && base == nil:
		return fmt.Errorf("%s: %w", p.Operation, ErrNoTable)
	}
	schema, err := verifyOperation(p, base)
	if err == nil {
		err = verifyNames(p.Schema, base)
	}
	if err == nil && p.Operation != OpMerge {
		err = verifyFiles(p.Files, schema, base)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.Operation, err)
	}
	return nil
}

// verifyNames refuses names that the reference would not open the table with, unless
// base has them already: then it is another writer's.
func verifyNames(schema *fields.Schema, base *manifest.Manifest) error {
	if schema == nil {
		return nil
	}
	var err error
	schema.Walk(func(p fields.Path, f *fields.Field) bool {
		if base == nil || base.Schema().Lookup(p) == nil {
			err = fields.CheckName(f.Name, f.ParentID == fields.NoParent)
		}
		return err == nil
	})
	return err
}

// verifyOperation checks what a proposal says beside its files, and returns the
// schema that these must fit.
func verifyOperation(p *Proposal, base *manifest.Manifest) (*fields.Schema, error) {
	switch p.Operation {
	case OpCreate, OpOverwrite:
		if p.Schema == nil || len(p.Schema.Fields) == 0 {
			return nil, errors.New("a table needs a column")
		}
		return p.Schema, nil
	case OpAppend:
		if len(p.Files) == 0 {
			return nil, errors.New("there is no file to append")
		}
		return base.Schema(), nil
	case OpMerge:
		if len(p.Edits) == 0 && base.Fragments() > 0 {
			return nil, errors.New("there is no fragment to change")
		}
		for _, f := range p.Files {
			if f.FileVersion() != base.FileVersion() {
				return nil, fmt.Errorf("data file %s has file version %s, the table %s: %w", f.Path, f.FileVersion(), base.FileVersion(), fields.ErrUnsupported)
			}
		}
		return p.Schema, verifySchema(p, base)
	case OpProject:
		if err := noFiles(p); err != nil {
			return nil, err
		}
		return p.Schema, verifySchema(p, base)
	case OpUpdateConfig:
		if err := noFiles(p); err != nil {
			return nil, err
		}
		if len(p.SetConfig) == 0 && p.Metadata.empty() {
			return nil, errors.New("there is no config to set")
		}
		return nil, nil
	case OpDelete:
		if len(p.Edits) == 0 {
			return nil, errors.New("there is no fragment to change")
		}
		return nil, noFiles(p)
	case OpRestore:
		if p.Restore == nil {
			return nil, errors.New("there is no version to restore")
		}
		return nil, noFiles(p)
	default:
		return nil, errors.New("this operation cannot be proposed")
	}
}

func noFiles(p *Proposal) error {
	if len(p.Files) > 0 {
		return errors.New("this operation takes no files")
	}
	return nil
}

func verifyFiles(files []*DataFile, schema *fields.Schema, base *manifest.Manifest) error {
	paths := make(map[string]bool, len(files))
	version := ""
	if base != nil {
		version = base.FileVersion()
	}
	for _, f := range files {
		if version == "" {
			version = f.FileVersion()
		}
		err := fits(f.Schema, schema)
		switch {
		case err != nil:
		case f.Rows == 0:
			err = errors.New("it has no rows")
		case paths[f.Path]:
			err = errors.New("it is listed twice")
		case len(f.Fields) != len(f.Columns):
			err = fmt.Errorf("it has %d fields in %d columns", len(f.Fields), len(f.Columns))
		case f.FileVersion() != version:
			err = fmt.Errorf("it has file version %s, the table %s: %w", f.FileVersion(), version, fields.ErrUnsupported)
		}
		if err != nil {
			return fmt.Errorf("data file %s: %w", f.Path, err)
		}
		paths[f.Path] = true
	}
	return nil
}

// FileVersion is the version of the file, as manifests spell it.
func (f *DataFile) FileVersion() string { return fmt.Sprintf("%d.%d", f.Major, f.Minor) }

// fits checks the columns of a file against the table's, by full path. An id alone
// proves nothing: two writers that add different fields at the same moment give
// them the same id, and the values of one would be read as the other's. A column
// that the file lacks reads as null, so it must be nullable, or lie below a parent
// that is lacking as well.
func fits(file, table *fields.Schema) error {
	var err error
	file.Walk(func(p fields.Path, have *fields.Field) bool {
		want := table.Lookup(p)
		switch {
		case mutant.On("columns-by-id"):
		case want == nil:
			err = fmt.Errorf("column %s is not in the table", p)
		case want.LogicalType != have.LogicalType:
			err = fmt.Errorf("column %s is %s, in the table %s", p, have.LogicalType, want.LogicalType)
		case want.ID != have.ID:
			err = fmt.Errorf("column %s has field id %d, in the table %d", p, have.ID, want.ID)
		case want.Nullable != have.Nullable:
			err = fmt.Errorf("column %s is written with nullable %t, in the table %t", p, have.Nullable, want.Nullable)
		}
		return err == nil
	})
	if err != nil {
		return err
	}
	present := make(map[int32]bool)
	file.Walk(func(_ fields.Path, f *fields.Field) bool {
		present[f.ID] = true
		return true
	})
	table.Walk(func(p fields.Path, f *fields.Field) bool {
		parent := f.ParentID == fields.NoParent || present[f.ParentID]
		if parent && !f.Nullable && !present[f.ID] {
			err = fmt.Errorf("column %s is missing and not nullable", p)
		}
		return err == nil
	})
	return err
}

func verifySchema(p *Proposal, base *manifest.Manifest) error {
	if p.Reshape {
		return verifyReshaped(base, p.Schema)
	}
	return verifyGrown(base, p.Schema)
}

// verifyReshaped checks that a field that keeps its id keeps its type and may hold
// null if it could, and that all others are nullable under ids never used.
func verifyReshaped(base *manifest.Manifest, schema *fields.Schema) error {
	if schema == nil || len(schema.Fields) == 0 {
		return errors.New("a table needs a column")
	}
	old := make(map[int32]*fields.Field)
	base.Schema().Walk(func(_ fields.Path, f *fields.Field) bool {
		old[f.ID] = f
		return true
	})
	free := base.MaxFieldID() + 1
	seen := make(map[int32]bool)
	var err error
	schema.Walk(func(p fields.Path, f *fields.Field) bool {
		was := old[f.ID]
		switch {
		case seen[f.ID]:
			err = fmt.Errorf("column %s shares field id %d", p, f.ID)
		case was == nil && f.ID < free:
			err = fmt.Errorf("new column %s has field id %d, ids below %d are taken", p, f.ID, free)
		case was != nil && was.LogicalType != f.LogicalType:
			err = fmt.Errorf("column %s is %s, and was %s under the same id", p, f.LogicalType, was.LogicalType)
		case was != nil && was.Nullable && !f.Nullable:
			err = fmt.Errorf("column %s may hold null already", p)
		}
		seen[f.ID] = true
		return err == nil
	})
	return err
}

// verifyGrown checks that a schema holds all of the base's fields as they are, and
// beyond them only nullable ones under ids never used.
func verifyGrown(base *manifest.Manifest, schema *fields.Schema) error {
	if schema == nil {
		return errors.New("there is no schema")
	}
	old := base.Schema()
	if err := fits(old, schema); err != nil {
		return fmt.Errorf("new schema: %w", err)
	}
	free := base.MaxFieldID() + 1
	seen := make(map[int32]bool)
	var err error
	schema.Walk(func(p fields.Path, f *fields.Field) bool {
		switch isNew := old.Lookup(p) == nil; {
		case isNew && f.ID < free:
			err = fmt.Errorf("new column %s has field id %d, ids below %d are taken", p, f.ID, free)
		case seen[f.ID]:
			err = fmt.Errorf("column %s shares field id %d", p, f.ID)
		}
		seen[f.ID] = true
		return err == nil
	})
	return err
}
