// Package v20 reads the pages of file version 2.0. The container is that of later
// versions; what differs is which fields own columns, and what a page is.
//
// Every field owns a column, in pre-order: a struct one without data, a list one
// of offsets. Pages of what lies below a list count items:
//
//	struct   pages without buffers; members follow in columns of their own
//	list     u64 end of each list's items within the page's items, plus an
//	         adjustment (items + 1) where the list is null
//	binary   u64 end of each value, plus an adjustment where it is null; then bytes
//	flat     values back to back; validity is a flat array of one bit per value
//
// A page's description is a tree of arrays whose leaves name the page buffers, and
// each list page refers to the next items of the column below it. Structs have no
// validity in this version. docs/format/pages-v20.md has the whole.
package v20
