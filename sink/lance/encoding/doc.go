// Package encoding chooses how the pages of one leaf are laid out and
// compressed for a file version, applies it, and reverses it. A page leaves as
// a description and buffers; where they go in a file is the business of the
// package above.
//
// The choice, per page:
//
//	no value counts (all null, or only null and empty lists)  all-null
//	2.2, all valid values the same, and it is the smaller      constant
//	longest value of 256 bytes or more                         full-zip
//	else                                                       mini-block
//	  few distinct values, by a sample                         a dictionary, and of its indices:
//	  numbers in runs                                          Rle
//	  integers that pack to fewer bits                         InlineBitpacking
//	  floats under compression that shrink more that way       ByteStreamSplit
//	  other fixed widths, vectors                              Flat
//	  strings, 1 MiB a page or more, not under zstd            Fsst
//	  other strings and binary                                 Variable
//	  compression asked for, and it shrinks the page           General around it
//	  1,024 levels or more                                     OutOfLineBitpacking for levels
package encoding
