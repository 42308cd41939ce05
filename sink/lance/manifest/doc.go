// Package manifest reads and writes one version of a table.
//
// A version is one object in _versions. Numbers are little endian; offsets count
// from the start of the object, and sections need no alignment:
//
//	u32 length | index section      only if the table has indexes; copied unread
//	u32 length | transaction        only inline transactions
//	u32 length | manifest message   at offset P
//	u64 P | u16 0 | u16 2 | "LANC"
//
// # What a commit carries over
//
// Other writers own most of a manifest. Next copies the fragments byte for byte and
// in order, the index section (its offset is rewritten), the schema's and the
// table's metadata, base paths, branch, data format, row-id state and every field
// this library does not know. It rewrites version, time, writer, transaction and
// largest fragment id, and recomputes the feature flags that follow from content.
//
// Fragments stay bytes all the while: a table may have tens of thousands, and a
// commit adds one.
//
// # Names
//
// Version v is <2^64-1-v, 20 digits>.manifest (V2), so that the newest sorts first;
// older tables name it <v>.manifest (V1) and keep doing so. Names that begin with d
// are detached versions. All other names, temporary ones above all, mean nothing.
package manifest
