// Package repdef turns nested Arrow arrays into leaves with repetition and
// definition levels, and leaves back into arrays. It is pure: arrays and
// levels in, arrays and levels out.
//
// A leaf is a column of a data file: a primitive, a string, a fixed-size list
// and so on. Structs and lists have no column of their own; what they add
// (nulls, list boundaries) is in the levels of every leaf below them. For the
// column list<int64> with the rows [7, null], null and []:
//
//	layers  nullable item, null and empty list   (innermost first)
//	rep     1 0 1 1        1 starts a row's list, 0 continues it
//	def     0 1 2 3        present, null item, null list, empty list
//	values  7 _            one slot per visible level: def <= MaxVisible
//
// Repetition levels count from the innermost list: 0 continues it, k starts a
// new list at depth k, and the largest starts a row (Parquet counts the other
// way). Definition levels count outward from the leaf; each layer takes as
// many as its kind says, null before empty, and where several ancestors are
// null the outermost one is told. A null leaf item or a null struct inside a
// list keeps a value slot of any content, a null or empty list has none.
//
// Arrays, leaves and level slices are immutable once handed out; every
// function here is safe for concurrent use.
package repdef
