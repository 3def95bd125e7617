//! The allocator: the C library's, and behind it a reserve for when that has nothing to give.
//!
//! Rust ends the process where an allocation fails, and as PID 1 that is the container. So a want of memory is met out of
//! the reserve, and whoever tries a target asks [`is_used`] and stops there: what it holds of the reserve comes back within
//! the time of one read.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// What the reserve is handed out in, and how it is aligned: most allocations are smaller.
const UNIT: usize = 256;

/// How many of them there are: 256 KiB, which cost no memory until they are used.
const UNITS: usize = 1024;

/// The largest piece. What is larger has a length that a peer has a say in, and is asked for by `try_reserve`, which can be
/// told that there is none.
const LARGEST: usize = 64 * 1024;

/// How often, and for how long each time, whoever finds the reserve empty waits for the others to give back: a second.
const PATIENCE: (u32, Duration) = (500, Duration::from_millis(2));

/// What the program allocates by.
#[global_allocator]
static ALLOCATOR: WithReserve = WithReserve;

/// See the module.
struct WithReserve;

/// The memory itself.
#[repr(align(4096))]
struct Space(UnsafeCell<[u8; UNIT * UNITS]>);

// SAFETY: each part of it has one user, who has got it by `take`.
unsafe impl Sync for Space {}

/// Zero in the file, so that it is not in it.
static SPACE: Space = Space(UnsafeCell::new([0; UNIT * UNITS]));

/// Which units have a user; changed by who holds `LOCK`.
static TAKEN: [AtomicBool; UNITS] = [const { AtomicBool::new(false) }; UNITS];

/// Held for microseconds. std's own locks may allocate.
static LOCK: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether this thread has been given some of it. Without a destructor, so that it needs no memory itself.
    static IS_USED: Cell<bool> = const { Cell::new(false) };
}

/// Whether memory has run out for this thread since [`forget_use`], so that what it does should end.
pub(crate) fn is_used() -> bool {
    IS_USED.get()
}

/// Something new begins on this thread.
pub(crate) fn forget_use() {
    IS_USED.set(false);
}

// SAFETY: what is handed out is the C library's, or units of the reserve that have no other user, are aligned as wanted and
// stay; nothing here unwinds.
unsafe impl GlobalAlloc for WithReserve {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as our caller promises.
        let given = unsafe { System.alloc(layout) };
        // SAFETY: the same.
        or_reserve(given, layout, || unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as our caller promises.
        let given = unsafe { System.alloc_zeroed(layout) };
        if !given.is_null() {
            return given;
        }
        // SAFETY: the same.
        let given = unsafe { self.alloc(layout) };
        if !given.is_null() {
            // SAFETY: just given, with this size.
            unsafe { given.write_bytes(0, layout.size()) };
        }
        given
    }

    unsafe fn dealloc(&self, given: *mut u8, layout: Layout) {
        match first_unit(given) {
            Some(first) => give_back(first, layout.size()),
            // SAFETY: not of the reserve, so of the C library.
            None => unsafe { System.dealloc(given, layout) },
        }
    }

    unsafe fn realloc(&self, given: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if first_unit(given).is_none() {
            // SAFETY: not of the reserve, so of the C library; the rest as our caller promises.
            let moved = unsafe { System.realloc(given, layout, size) };
            if !moved.is_null() {
                return moved;
            }
        }
        // SAFETY: our caller promises a size that is one with this alignment.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: and that it is not zero.
        let fresh = unsafe { self.alloc(wanted) };
        if !fresh.is_null() {
            // SAFETY: two allocations, both at least so large.
            unsafe { ptr::copy_nonoverlapping(given, fresh, layout.size().min(size)) };
            // SAFETY: what is in it has moved.
            unsafe { self.dealloc(given, layout) };
        }
        fresh
    }
}

/// `given`, or where that is nothing, memory of the reserve, or `again` as soon as there is some.
fn or_reserve(given: *mut u8, layout: Layout, again: impl Fn() -> *mut u8) -> *mut u8 {
    if given.is_null() { from_reserve(layout, &again) } else { given }
}

/// Memory of the reserve, or `again` as soon as there is some.
#[cold]
fn from_reserve(layout: Layout, again: &dyn Fn() -> *mut u8) -> *mut u8 {
    if layout.size() > LARGEST || layout.align() > UNIT {
        return ptr::null_mut();
    }
    IS_USED.set(true);
    for _ in 0..PATIENCE.0 {
        if let Some(first) = take(layout.size()) {
            return SPACE.0.get().cast::<u8>().wrapping_add(first * UNIT);
        }
        thread::sleep(PATIENCE.1);
        let given = again();
        if !given.is_null() {
            return given;
        }
    }
    ptr::null_mut()
}

/// The unit at `given`, where that is of the reserve.
fn first_unit(given: *mut u8) -> Option<usize> {
    let offset = given.addr().wrapping_sub(SPACE.0.get().addr());
    (offset < UNIT * UNITS).then_some(offset / UNIT)
}

/// Takes units for `size` bytes that follow each other, and says which is the first.
fn take(size: usize) -> Option<usize> {
    let wanted = size.div_ceil(UNIT).max(1);
    locked(|| {
        let mut free = 0;
        let last = TAKEN.iter().position(|unit| {
            free = if unit.load(Ordering::Relaxed) { 0 } else { free + 1 };
            free == wanted
        })?;
        let first = last + 1 - wanted;
        mark(first, wanted, true);
        Some(first)
    })
}

/// Gives back what `take` has given for `size`.
fn give_back(first: usize, size: usize) {
    locked(|| mark(first, size.div_ceil(UNIT).max(1), false));
}

/// Says whether those units have a user.
fn mark(first: usize, amount: usize, is_taken: bool) {
    for unit in TAKEN.iter().skip(first).take(amount) {
        unit.store(is_taken, Ordering::Relaxed);
    }
}

/// Does `change` while nobody else does.
fn locked<T>(change: impl FnOnce() -> T) -> T {
    while LOCK.swap(true, Ordering::Acquire) {
        thread::yield_now();
    }
    let changed = change();
    LOCK.store(false, Ordering::Release);
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two of `size` bytes from the reserve, as the allocator gives and takes them.
    #[test]
    fn the_reserve_gives_each_unit_to_one_user_and_takes_it_back() {
        let nothing = || ptr::null_mut();
        let layout = |size| Layout::from_size_align(size, 16).unwrap();
        let of = |size| from_reserve(layout(size), &nothing);
        let (one, other) = (of(UNIT + 1), of(1));
        assert_eq!(other.addr() - one.addr(), 2 * UNIT);
        assert!(is_used());
        forget_use();
        assert!(!is_used());
        // SAFETY: given by it, with this size.
        unsafe { one.write_bytes(7, UNIT + 1) };
        // SAFETY: given by it, with this layout; and what is in it stays where the C library gives memory again.
        let moved = unsafe { ALLOCATOR.realloc(one, layout(UNIT + 1), 4 * UNIT) };
        assert_eq!(first_unit(moved), None);
        // SAFETY: just moved there, all of it written.
        assert_eq!(unsafe { std::slice::from_raw_parts(moved, UNIT + 1) }, [7; UNIT + 1]);
        let again = of(UNIT);
        assert_eq!(again.addr(), one.addr(), "it has come back");
        for (given, size) in [(moved, 4 * UNIT), (again, UNIT), (other, 1)] {
            // SAFETY: given by it, with this layout.
            unsafe { ALLOCATOR.dealloc(given, layout(size)) };
        }
        assert!(TAKEN.iter().all(|unit| !unit.load(Ordering::Relaxed)));
        assert!(from_reserve(layout(LARGEST + 1), &nothing).is_null());
    }
}
