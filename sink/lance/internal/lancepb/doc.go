// Package lancepb holds the protobuf messages of Lance files and tables.
//
// The .proto files beside this one are our own: field numbers and types are
// facts of the format, names and comments are ours. Wire compatibility is all
// that counts, so a field may be typed more loosely than elsewhere (Manifest
// keeps its fragments as bytes). Unknown fields survive a read and a write.
//
// No message of this package appears in an exported signature of sink/lance.
package lancepb

//go:generate sh generate.sh
