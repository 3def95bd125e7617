//! Memory that is not needed any more.

use std::ffi::{c_int, c_void};
use std::ptr;

/// Gives back the pages of this program's code and constants that the start has touched: an init sits idle for months with
/// a few of them. They are clean pages of the file, and come back by themselves when they are needed.
/// See [madvise(2)](https://man7.org/linux/man-pages/man2/madvise.2.html).
pub(crate) fn release_startup_pages() {
    // SAFETY: the callback has the signature that is asked for and takes no data.
    unsafe { libc::dl_iterate_phdr(Some(forget_object), ptr::null_mut()) };
}

/// Does so for the first object, which is the program itself.
unsafe extern "C" fn forget_object(info: *mut libc::dl_phdr_info, _: usize, _: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr passes a live description.
    let info = unsafe { &*info };
    for at in 0..usize::from(info.dlpi_phnum) {
        // SAFETY: there are so many headers.
        let header = unsafe { info.dlpi_phdr.add(at) };
        // SAFETY: each of them lives as long as the program.
        let header = unsafe { &*header };
        // What was ever written, relocations among it, would be lost.
        if header.p_type != libc::PT_LOAD || header.p_flags & libc::PF_W != 0 {
            continue;
        }
        forget_segment(info.dlpi_addr, header.p_vaddr, header.p_memsz);
    }
    1
}

/// Forgets the whole pages of `[base + offset, + length)`.
fn forget_segment(base: impl Into<u64>, offset: impl Into<u64>, length: impl Into<u64>) {
    /// No Linux machine has smaller pages; on one that has larger ones the call is refused, which is no harm.
    const PAGE: u64 = 4096;
    let start = base.into().wrapping_add(offset.into());
    let from = start & !(PAGE - 1);
    let length = start - from + length.into();
    if let (Ok(from), Ok(length)) = (usize::try_from(from), usize::try_from(length)) {
        let from = ptr::without_provenance_mut::<c_void>(from);
        // SAFETY: a mapping of the file that nobody has written to: each page reads the same afterwards.
        unsafe { libc::madvise(from, length, libc::MADV_DONTNEED) };
    }
}
