//! Memory that is not needed any more, and whether there is more.

use std::hint::black_box;
use std::ptr;

/// Gives back the pages of the stack that the start has used and nothing uses now: an init sits idle for months with them.
/// Unlike pages of the program they do not come from a file, which may be gone when they are needed again.
/// See [madvise(2)](https://man7.org/linux/man-pages/man2/madvise.2.html).
#[inline(never)]
pub(crate) fn release_unused_stack() {
    /// No Linux machine has smaller pages; on one that has larger ones the call is refused, which is no harm.
    const PAGE: usize = 4096;
    /// What stays below this frame: the frames of the call itself and of a signal.
    const KEPT: usize = 2 * PAGE;
    /// What the kernel maps of a stack at once; the start needs less.
    const REACH: usize = 32 * PAGE;
    let here = 0_u8;
    let here = ptr::from_ref(black_box(&here)).addr();
    let Some(end) = here.checked_sub(KEPT).map(|end| end & !(PAGE - 1)) else { return };
    let Some(start) = end.checked_sub(REACH) else { return };
    // SAFETY: below the frame of this function nobody keeps anything on this thread's stack, which grows down and has no
    // other mapping within its guard gap of 256 pages; what is not mapped is skipped.
    unsafe { libc::madvise(ptr::without_provenance_mut(start), end - start, libc::MADV_DONTNEED) };
}

/// Whether so many bytes could be mapped now. See [mmap(2)](https://man7.org/linux/man-pages/man2/mmap.2.html).
pub(crate) fn has_room(bytes: usize) -> bool {
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping at a place of the kernel's choice disturbs no other.
    let mapped = unsafe { libc::mmap(ptr::null_mut(), bytes, access, kind, -1, 0) };
    if mapped == libc::MAP_FAILED {
        return false;
    }
    // SAFETY: just mapped with this size, and nobody has a reference into it.
    unsafe { libc::munmap(mapped, bytes) };
    true
}
