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
// Any number of processes, of this library and of others, may commit to one table
// at once; package commit says how that stays exact. Programs that must recognise
// their rows again after a lost race, as a message bridge must, write their files
// with WriteFile and commit them with a Planner of their own.
//
// What a table holds and this library does not know (a feature flag, a type, an
// encoding, a file version) is an error that names it and wraps ErrUnsupported.
package lance
