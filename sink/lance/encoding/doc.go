// Package encoding chooses how the pages of one leaf are laid out and
// compressed for a file version, applies it, and reverses it. A page leaves as
// a description and buffers; where they go in a file is the business of the
// package above.
//
// The choice, per page:
//
//	no value counts (all null, or only null and empty lists)  all-null
//	longest value of 256 bytes or more                         full-zip
//	else                                                       mini-block
//	  integers that pack to fewer bits                         InlineBitpacking
//	  other fixed widths, vectors                              Flat
//	  strings and binary                                       Variable
//	  compression asked for, and it shrinks the page           General around it
//	  1,024 levels or more                                     OutOfLineBitpacking for levels
package encoding
