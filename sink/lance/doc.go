// Package lance reads and writes tables in the Lance format, without cgo.
//
// A table is a directory of immutable objects. A Dataset is one version of it: a
// schema, a config map and a list of fragments, which never changes. A Table is a
// handle that finds versions and commits new ones:
//
//	store, err := localfs.Create("events.lance")
//	d, err := lance.Create(ctx, store, schema, records, lance.Options{})
//	t := lance.Open(store, lance.Options{})
//	d, err = t.Append(ctx, more)
//
// Table.Version, Table.Tag and Table.AsOf check out earlier versions by number, tag and
// time.
//
// Any number of processes, of this library and of others, may commit to one table
// at once; package commit says how that stays exact. Programs that must recognise
// their rows again after a lost race, as a message bridge must, write their files
// with WriteFile and commit them with a Planner of their own.
//
// # Operations
//
// Methods of a Table (Append, Overwrite, AddColumnsFunc, ChangeType, DropColumns,
// RenameColumn, UpdateMetadata, Restore and so on) change its newest version. If
// others commit meanwhile they are planned anew over that; what is impossible then is
// an ErrConflict that names the other commit. Dataset.Delete speaks of rows of one
// version, and is refused once their addresses mean something else.
//
// # On disk
//
//	x.lance/
//	  _versions/18446744073709551614.manifest   version 1: schema, fragments, config
//	  _versions/18446744073709551613.manifest   version 2; names descend, see package manifest
//	  _transactions/0-<uuid>.txn                what a commit did, see package commit
//	  _deletions/0-1-7.arrow                    rows of fragment 0 that are gone
//	  data/<random>.lance                       some columns of one fragment, see package file
//
// # The low level
//
// Everything that is stored can be looked at without reading a page of values:
// Dataset.Manifest for a version, its fragments, files and flags; file.ReadLayout for
// a data file's sections, pages, buffers and encodings; Dataset.Ranges for the bytes
// that hold given rows of given columns, which is what a cache or a planner asks; and
// package dump for all of it as text and JSON.
//
// What a table holds and this library does not know (a feature flag, a type, an
// encoding, a file version) is an error that names it and wraps ErrUnsupported.
package lance
