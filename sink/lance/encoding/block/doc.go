// Package block holds the items of one leaf as plain little-endian buffers,
// between Arrow arrays and compression schemes. It knows no levels and no
// nulls: whatever sits in the slot of a null is an item like any other.
//
// A block is of one of two shapes:
//
//	fixed     Data = items back to back, Width bits each; one bit per item
//	          (bool) is packed from the lowest bit up. The items of a fixed
//	          size list are flattened, so a float32[8] is 256 bits wide.
//	variable  Offsets32 or Offsets64 = Items+1 positions in Data; the first
//	          need not be 0 and Data may hold more than they span.
//
// The buffers of a block made from an array are the array's own: nothing is
// copied but a bit buffer that does not start on a byte. The code assumes a
// little-endian machine, as Arrow's Go library does for its buffers.
package block
