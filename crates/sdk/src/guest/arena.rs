//! The component's allocator: one arena, and the standard allocator behind it.
//!
//! An instance lives for one run, and most runs allocate less than the arena holds. So memory is handed out from its front
//! and, but for the last piece, never taken back. The arena is part of the initial memory: a run that gets by with it never
//! grows its memory, which would cost the host two changes of page protection per run. What does not fit is the standard
//! allocator's.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};

/// Bytes that a run has before its memory grows.
const SIZE: usize = 256 << 10;

/// No type that is stored wants more.
const ALIGN: usize = align_of::<u128>();

/// The allocator.
pub(super) struct Arena {
    bytes: UnsafeCell<[u128; SIZE / ALIGN]>,
    used: Cell<usize>,
}

// SAFETY: a component has one thread.
unsafe impl Sync for Arena {}

impl Arena {
    /// An empty one.
    pub(super) const fn new() -> Self {
        Self {
            bytes: UnsafeCell::new([0; SIZE / ALIGN]),
            used: Cell::new(0),
        }
    }

    fn start(&self) -> *mut u8 {
        self.bytes.get().cast()
    }

    /// Where `pointer` is in the arena.
    fn offset(&self, pointer: *mut u8) -> Option<usize> {
        let offset = pointer.addr().wrapping_sub(self.start().addr());
        (offset < SIZE).then_some(offset)
    }

    fn take(&self, layout: Layout) -> Option<*mut u8> {
        if layout.align() > ALIGN {
            return None;
        }
        let start = self.used.get().next_multiple_of(layout.align());
        let end = start.checked_add(layout.size())?;
        if end > SIZE {
            return None;
        }
        self.used.set(end);
        Some(self.start().wrapping_add(start))
    }
}

// SAFETY: pieces of the arena are within it, aligned as asked for (its own alignment is the largest that is served), and do
// not overlap: each begins behind the end of all that are in use. Whatever is not in the arena came from `System` and goes
// back there.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.take(layout) {
            Some(pointer) => pointer,
            // SAFETY: the caller's promise is handed on.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        match self.offset(pointer) {
            Some(offset) if offset + layout.size() == self.used.get() => self.used.set(offset),
            Some(_) => {}
            // SAFETY: it is not from the arena, so it is from `System`; the rest is the caller's promise.
            None => unsafe { System.dealloc(pointer, layout) },
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some(offset) = self.offset(pointer) else {
            // SAFETY: as above.
            return unsafe { System.realloc(pointer, layout, size) };
        };
        let last = offset + layout.size() == self.used.get();
        if (last && offset.saturating_add(size) <= SIZE) || size <= layout.size() {
            if last {
                self.used.set(offset + size);
            }
            return pointer;
        }
        // SAFETY: the size does not overflow when rounded up, by the caller's promise, and the alignment is the old one.
        let layout_after = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: the layout's size is not zero, by the caller's promise.
        let after = unsafe { self.alloc(layout_after) };
        if !after.is_null() {
            // SAFETY: both are valid for the smaller of the two sizes, and are different pieces.
            unsafe { pointer.copy_to_nonoverlapping(after, layout.size().min(size)) };
        }
        after
    }
}
