//! The global allocator: hands out the memory behind the kernel from the bottom up.
//!
//! What is freed comes back only if it was the last piece handed out, or when nothing is in use any more. That
//! is enough for an application that runs once; one that lives on wants another allocator.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr;

use crate::memory;
use crate::single_core::SingleCore;

struct Bump {
    start: usize,
    next: usize,
    end: usize,
    pieces: usize,
}

#[global_allocator]
static HEAP: SingleCore<Bump> = SingleCore::new(Bump { start: 0, next: 0, end: 0, pieces: 0 });

// SAFETY: pieces handed out don't overlap until all or the last of them were given back.
unsafe impl GlobalAlloc for SingleCore<Bump> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.with(|heap| heap.take(layout))
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        self.with(|heap| heap.give_back(piece as usize, layout.size()));
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if self.with(|heap| heap.resize_last(piece as usize, layout.size(), new_size)) {
            return piece;
        }
        let new = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
        if !new.is_null() {
            ptr::copy_nonoverlapping(piece, new, layout.size().min(new_size));
            self.dealloc(piece, layout);
        }
        new
    }
}

impl Bump {
    fn take(&mut self, layout: Layout) -> *mut u8 {
        if self.end == 0 {
            (self.start, self.end) = memory::behind_kernel();
            self.next = self.start;
        }
        let start = (self.next + layout.align() - 1) & !(layout.align() - 1);
        match start.checked_add(layout.size()) {
            Some(next) if next <= self.end => {
                self.next = next;
                self.pieces += 1;
                start as *mut u8
            }
            _ => ptr::null_mut(),
        }
    }

    fn give_back(&mut self, piece: usize, size: usize) {
        self.pieces -= 1;
        if self.pieces == 0 {
            self.next = self.start;
        } else if piece + size == self.next {
            self.next = piece;
        }
    }

    fn resize_last(&mut self, piece: usize, size: usize, new_size: usize) -> bool {
        let fits = new_size <= self.end - piece;
        let last = piece + size == self.next;
        if last && fits {
            self.next = piece + new_size;
        }
        last && fits
    }
}
