// Package runtime is the memory side of the canonical ABI for Go guests.
//
// What crosses the border is ordinary Go memory, pinned for as long as the other side may look at it. The host writes
// arguments, and answers of imports, into memory that it gets from cabi_realloc; the bindings then refer to it as Go
// strings and slices, so from that moment the collector keeps it alive and the pins can go (Unpin).
package runtime

import (
	"fmt"
	"runtime"
	"unsafe"
)

// received pins what the host wrote until the bindings have taken it over.
var received runtime.Pinner

// nothing is where allocations of no bytes point to: not nil, and aligned for every type.
var nothing uint64

// Allocate returns zeroed memory that stays where it is until the pinner lets go.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return unsafe.Pointer(&nothing)
	}
	var block unsafe.Pointer
	switch align {
	case 1:
		block = unsafe.Pointer(unsafe.SliceData(make([]byte, size)))
	case 2, 4, 8:
		block = unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	default:
		panic(fmt.Sprintf("wit: alignment %d is none of the canonical ABI", align))
	}
	pinner.Pin(block)
	return block
}

// Unpin lets go of everything that the host wrote since the last call of it.
func Unpin() {
	received.Unpin()
}
