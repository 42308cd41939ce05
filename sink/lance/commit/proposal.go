package commit

import (
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// Operation says what a transaction did to the table.
type Operation uint8

// The operations of the format. This library makes the first four; the others it
// only meets. OpCreate and OpOverwrite are the same message: the first version of
// a table is an overwrite of nothing.
const (
	OpUnknown      Operation = iota // a message this library does not know
	OpCreate                        // first version: schema, perhaps rows and config
	OpAppend                        // rows in new fragments
	OpProject                       // another schema over the same fragments; here: new nullable columns
	OpUpdateConfig                  // config keys
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
	Operation Operation // OpCreate, OpAppend, OpProject or OpUpdateConfig
	Files     []*DataFile
	// Schema is the whole schema of the new version, for OpCreate and OpProject.
	Schema *fields.Schema
	// SetConfig replaces single keys of the table's config, whatever the operation.
	SetConfig map[string]string
	// Properties are kept with the transaction.
	Properties map[string]string
}

// Transaction is what one version did, as its committer recorded it.
type Transaction struct {
	UUID        string
	ReadVersion uint64 // the version it was planned on
	Operation   Operation
	Properties  map[string]string
	RestoredTo  uint64 // the version that OpRestore went back to
}
