//go:build wasip1

package runtime

import "unsafe"

// realloc is how the host asks for memory in the guest. The canonical ABI grows a block only while it converts between
// string encodings; both sides speak UTF-8, but the promise is kept all the same.
//
//go:wasmexport cabi_realloc
func realloc(old unsafe.Pointer, oldSize, align, newSize uintptr) unsafe.Pointer {
	block := Allocate(&received, newSize, align)
	if kept := min(oldSize, newSize); kept > 0 {
		copy(unsafe.Slice((*byte)(block), newSize), unsafe.Slice((*byte)(old), kept))
	}
	return block
}
