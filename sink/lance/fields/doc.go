// Package fields is the schema of a table as Lance keeps it: a tree of fields,
// each with an id that is never used again, a logical type and a nullability.
//
// Stored, the tree is a flat list in depth-first pre-order, every node naming its
// parent by id. Three things follow from the format (docs/format/schema.md):
//
//   - A list has one child, its item; a struct has one child per member; every
//     other type has none, a fixed-size list of primitives included, whose item
//     type is part of the logical type string.
//   - Only leaves have a physical column in a data file, in pre-order; see Leaves.
//   - Two writers that add a field at the same time may give different fields the
//     same id, so fields are compared by full path, never by id alone.
//
// Schemas are plain trees. Treat one that is shared as read-only, and Clone it to
// change it; all functions here return new trees and change none they are given.
package fields
