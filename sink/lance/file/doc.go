// Package file writes and reads one data file: the pages of some columns of a
// run of rows, and the metadata that finds them. It moves bytes; what a page
// means is the business of package encoding.
//
//	page buffers       each at a multiple of 64
//	global buffer 0    FileDescriptor: schema and row count; at a multiple of 64
//	column metadata    one ColumnMetadata per column, back to back
//	CMO table          per column:        u64 position, u64 length
//	GBO table          per global buffer: u64 position, u64 length
//	footer             u64 start of column metadata 0
//	                   u64 start of the CMO table
//	                   u64 start of the GBO table
//	                   u32 global buffers, u32 columns
//	                   u16 major, u16 minor version, "LANC"
//
// All integers are little endian. Only leaves of the schema have a column, in
// depth-first order; a page begins and ends with a row, and columns may cut
// their pages at different rows.
package file
