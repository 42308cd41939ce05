package commit

import (
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// Operation says what a transaction did to the table.
type Operation uint8

// The operations of the format. This library makes the first four, OpOverwrite,
// OpDelete, OpMerge and OpRestore; the others it only meets. OpCreate and OpOverwrite are the same message: the first version of
// a table is an overwrite of nothing.
const (
	OpUnknown      Operation = iota // a message this library does not know
	OpCreate                        // first version: schema, perhaps rows and config
	OpAppend                        // rows in new fragments
	OpProject                       // another schema over the same fragments
	OpUpdateConfig                  // config and metadata
	OpOverwrite
	OpDelete
	OpCreateIndex
	OpRewrite
	OpMerge
	OpRestore
	OpReserveFragments
	OpUpdate
	OpDataReplacement
	OpUpdateMemWalState
	OpClone
	OpUpdateBases
	OpDataOverlay
	OpComposite
)

// String names the operation as the format does.
func (o Operation) String() string {
	switch o {
	case OpCreate:
		return "Create"
	case OpAppend:
		return "Append"
	case OpProject:
		return "Project"
	case OpUpdateConfig:
		return "UpdateConfig"
	case OpOverwrite:
		return "Overwrite"
	case OpDelete:
		return "Delete"
	case OpCreateIndex:
		return "CreateIndex"
	case OpRewrite:
		return "Rewrite"
	case OpMerge:
		return "Merge"
	case OpRestore:
		return "Restore"
	case OpReserveFragments:
		return "ReserveFragments"
	case OpUpdate:
		return "Update"
	case OpDataReplacement:
		return "DataReplacement"
	case OpUpdateMemWalState:
		return "UpdateMemWalState"
	case OpClone:
		return "Clone"
	case OpUpdateBases:
		return "UpdateBases"
	case OpDataOverlay:
		return "DataOverlay"
	case OpComposite:
		return "Composite"
	case OpUnknown:
	}
	return "Unknown"
}

// Landing says how much of a planner's last proposal a version of the table holds.
type Landing uint8

// How much has landed.
const (
	LandedNone Landing = iota
	LandedPart         // some of it, which another writer committed
	LandedWhole
)

// DataFile is a finished data file that no version refers to yet. It becomes one
// fragment. Treat it as read-only.
type DataFile struct {
	Path            string // below data/
	Rows, Size      uint64 // Size in bytes
	Schema          *fields.Schema
	Fields, Columns []int32 // parallel: field ids and the physical columns that hold them
	Major, Minor    uint32  // file version
}

// Proposal is what a planner wants the next version to be.
type Proposal struct {
	// UUID names the transaction. It must be a new one for every plan; when empty
	// the commit makes one, and stores it here.
	UUID      string
	Operation Operation
	// Files become new fragments, for OpCreate, OpAppend and OpOverwrite. For OpMerge
	// they are the files that Edits add.
	Files []*DataFile
	// Schema is the whole schema of the new version, for OpCreate, OpOverwrite,
	// OpProject and OpMerge, and for OpUpdateConfig that changes its metadata.
	Schema *fields.Schema
	// Reshape lets OpProject and OpMerge drop, rename, retype, reorder and relax
	// columns. Without it they only add nullable ones.
	Reshape bool
	// Edits are the changes of OpMerge and OpDelete to single fragments, by id.
	Edits map[uint64]manifest.FragmentEdit
	// Predicate says in words which rows OpDelete takes; for people.
	Predicate string
	// Metadata is what OpUpdateConfig changes.
	Metadata MetadataUpdate
	// Restore is the version that OpRestore brings back.
	Restore *manifest.Manifest
	// SetConfig replaces single keys of the table's config, whatever the operation.
	SetConfig map[string]string
	// Properties are kept with the transaction.
	Properties map[string]string
}

// MetadataUpdate changes the string maps of a table.
type MetadataUpdate struct {
	Config manifest.MapEdit           // settings
	Table  manifest.MapEdit           // metadata of the table
	Schema manifest.MapEdit           // metadata of the Arrow schema
	Fields map[int32]manifest.MapEdit // metadata of columns, by field id
}

func (u MetadataUpdate) empty() bool {
	return u.Config.Empty() && u.Table.Empty() && u.Schema.Empty() && len(u.Fields) == 0
}

// Transaction is what one version did, as its committer recorded it.
type Transaction struct {
	UUID        string
	ReadVersion uint64 // the version it was planned on
	Operation   Operation
	Properties  map[string]string
	RestoredTo  uint64 // the version that OpRestore went back to
}
