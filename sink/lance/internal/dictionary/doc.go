// Package dictionary converts Arrow arrays of dictionary types, also where they
// lie inside structs, lists and maps. The rest of the library knows no dictionary
// arrays: arrays of different dictionaries can not be joined, cut and compared like
// others, and Arrow's own join of them is wrong where they differ.
//
//	what the caller has             inside the library
//	dictionary array ----Keyed----> numbers of a Table's items    writing pages
//	                 <---Index----- values                        reading, taking
//	                 ----Plain----> values                        moving rows
//
// Dictionaries hold values of the types that Holds names, nulls among them too.
package dictionary
