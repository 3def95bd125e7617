//! Lengths and points of time as the kernel takes them. On 32-bit machines its fields are narrower than ours, and a libc
//! whose `time_t` has 32 bits knows nothing after 2038: what it would say is asked of the kernel there.

#[cfg(target_pointer_width = "32")]
use std::ffi::CString;
#[cfg(target_pointer_width = "32")]
use std::mem::MaybeUninit;
#[cfg(target_pointer_width = "32")]
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, SystemTime};
use std::{fs, io, path::Path};

#[cfg(target_pointer_width = "32")]
use super::errno::cerr_long;

/// The clock on the wall ([clock_gettime(2)](https://man7.org/linux/man-pages/man2/clock_gettime.2.html)).
#[cfg(target_pointer_width = "64")]
#[expect(clippy::disallowed_methods, reason = "right where time_t has 64 bits")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// When the file at `path` was modified ([stat(2)](https://man7.org/linux/man-pages/man2/stat.2.html)).
#[cfg(target_pointer_width = "64")]
#[expect(clippy::disallowed_methods, reason = "right where time_t has 64 bits")]
pub(crate) fn modified(path: &Path) -> io::Result<SystemTime> {
    fs::metadata(path)?.modified()
}

/// The same number on every machine of 32 bits (arch/*/entry/syscalls of Linux 5.1).
#[cfg(target_pointer_width = "32")]
const SYS_CLOCK_GETTIME64: std::ffi::c_long = 403;

/// `struct __kernel_timespec`.
#[cfg(target_pointer_width = "32")]
#[repr(C)]
struct KernelTimespec {
    seconds: i64,
    nanoseconds: i64,
}

/// The same by the call that has 64 bits everywhere; a kernel before 5.1 has only the old one, and no 2038 either.
#[cfg(target_pointer_width = "32")]
#[expect(clippy::disallowed_methods, reason = "the fall-back")]
pub(crate) fn now() -> SystemTime {
    let mut time = MaybeUninit::<KernelTimespec>::zeroed();
    // SAFETY: `time` is ours to write to, and has the layout that the call writes.
    let result = unsafe { libc::syscall(SYS_CLOCK_GETTIME64, libc::CLOCK_REALTIME, time.as_mut_ptr()) };
    if cerr_long(result).is_err() {
        return SystemTime::now();
    }
    // SAFETY: all-zero bytes are valid, and the kernel wrote over them.
    let time = unsafe { time.assume_init() };
    point(time.seconds, u32::try_from(time.nanoseconds).unwrap_or(0))
}

/// The same by the call that has 64 bits everywhere ([statx(2)](https://man7.org/linux/man-pages/man2/statx.2.html)).
#[cfg(target_pointer_width = "32")]
#[expect(clippy::disallowed_methods, reason = "the fall-back of a kernel before 4.11")]
pub(crate) fn modified(path: &Path) -> io::Result<SystemTime> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    let mut status = MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: `name` is a C string, and `status` is ours to write to.
    let result = unsafe {
        libc::syscall(
            libc::SYS_statx,
            libc::AT_FDCWD,
            name.as_ptr(),
            0,
            libc::STATX_MTIME,
            status.as_mut_ptr(),
        )
    };
    match cerr_long(result) {
        // SAFETY: all-zero bytes are valid, and the kernel wrote over them.
        Ok(_) => Ok(modification(unsafe { status.assume_init_ref() })),
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => fs::metadata(path)?.modified(),
        Err(error) => Err(error),
    }
}

/// What statx(2) says.
#[cfg(target_pointer_width = "32")]
fn modification(status: &libc::statx) -> SystemTime {
    point(status.stx_mtime.tv_sec, status.stx_mtime.tv_nsec)
}

/// The point that is so long after 1970, or before.
#[cfg(target_pointer_width = "32")]
fn point(seconds: i64, nanoseconds: u32) -> SystemTime {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let at = match seconds {
        0.. => SystemTime::UNIX_EPOCH.checked_add(whole),
        _ => SystemTime::UNIX_EPOCH.checked_sub(whole),
    };
    at.unwrap_or(SystemTime::UNIX_EPOCH) + Duration::from_nanos(nanoseconds.into())
}

/// `length` as the kernel takes it; what has no room is cut to 68 years.
#[allow(clippy::unnecessary_fallible_conversions, reason = "not on 32 bits")]
pub(super) fn timespec(length: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: length.as_secs().try_into().unwrap_or(i32::MAX.into()),
        tv_nsec: length.subsec_nanos().try_into().unwrap_or(0),
    }
}

/// `time` in nanoseconds; async-signal-safe.
#[allow(clippy::useless_conversion, reason = "not on 32 bits")]
pub(super) fn nanoseconds(time: &libc::timespec) -> i64 {
    i64::from(time.tv_sec).saturating_mul(1_000_000_000).saturating_add(i64::from(time.tv_nsec))
}
