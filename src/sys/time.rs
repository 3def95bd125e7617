//! Lengths and points of time as the kernel takes them. On 32-bit machines its fields are narrower than ours.

use std::time::Duration;

/// `length` as the kernel takes it; what has no room is cut to 68 years.
pub(super) fn timespec(length: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: length.as_secs().try_into().unwrap_or(i32::MAX.into()),
        tv_nsec: length.subsec_nanos().try_into().unwrap_or(0),
    }
}

/// `time` in nanoseconds; async-signal-safe.
#[allow(clippy::useless_conversion, clippy::unnecessary_fallible_conversions, reason = "not on 32 bits")]
pub(super) fn nanoseconds(time: &libc::timespec) -> i64 {
    i64::from(time.tv_sec).saturating_mul(1_000_000_000).saturating_add(i64::from(time.tv_nsec))
}
