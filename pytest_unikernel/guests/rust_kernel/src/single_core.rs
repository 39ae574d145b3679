//! Global state of a machine with one running processor and no interrupts.

use core::cell::UnsafeCell;

/// A value that one piece of code at a time can change.
pub struct SingleCore<T>(UnsafeCell<T>);

// SAFETY: no second processor is started and no interrupt is enabled. An exception may come between, but its
// handler never returns.
unsafe impl<T> Sync for SingleCore<T> {}

impl<T> SingleCore<T> {
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Calls `change` with the value; `change` must not come back to the same value.
    pub fn with<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: see above; the callers in this crate don't nest.
        change(unsafe { &mut *self.0.get() })
    }

    pub fn get(&self) -> *mut T {
        self.0.get()
    }
}
