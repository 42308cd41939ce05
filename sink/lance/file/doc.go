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
//
// # Looking without reading
//
// ReadLayout turns the end of a file into plain values: where each region, page and
// buffer lies, what it is for, and the tree of encodings. Layout.Ranges says which
// bytes a read of some rows of some columns will ask for. A page, from the outside in:
//
//	page 0 of column 3: rows 0 to 4096
//	  mini_block                     how values, levels and chunks are arranged
//	    def_compression: flat        which rows are null
//	    value_compression: fsst      the values
//	      values: variable           ... as symbols, with offsets
//	  buffers: chunk sizes | chunks | dictionary | repetition index
//
// Version 2.0 shares the container, not the pages: package v20 reads those.
package file
