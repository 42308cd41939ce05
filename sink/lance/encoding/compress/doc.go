// Package compress holds the encodings that turn the items of a block into
// page bytes and back, one file per scheme. It knows nothing of levels, pages
// or files; everything is bytes in, bytes out.
//
// Three uses give a scheme its bytes:
//
//	values in mini-blocks   one or more buffers per chunk of up to 4,096 items
//	                        (Chunked writes, Decoder reads)
//	values in full-zip      each item by itself (Codec)
//	levels                  one u16 array as one buffer (Levels)
//
// Schemes read and written are Flat, Variable, InlineBitpacking, Rle,
// ByteStreamSplit, Fsst, FixedSizeList over Flat, dictionaries, General (zstd,
// lz4) around those, and for levels Flat and OutOfLineBitpacking. Any other
// scheme is an *UnsupportedError with its name; a buffer that cannot be right
// is a plain error, located by the layout above.
package compress
