//! Numbers that nobody can guess.

use std::io;

/// Fills `buffer` from the kernel's generator. Up to 256 bytes come at once and whole.
///
/// See <https://man7.org/linux/man-pages/man2/getrandom.2.html>.
///
/// # Errors
///
/// When the kernel has no getrandom(2), or its generator is not seeded yet: waiting for that has no limit.
pub(crate) fn fill(buffer: &mut [u8]) -> io::Result<()> {
    // SAFETY: the pointer and the length are those of one exclusive slice.
    let filled = unsafe { libc::getrandom(buffer.as_mut_ptr().cast(), buffer.len(), libc::GRND_NONBLOCK) };
    match usize::try_from(filled) {
        Ok(amount) if amount == buffer.len() => Ok(()),
        Ok(_) => Err(io::ErrorKind::Interrupted.into()),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_fillings_differ() {
        let (mut one, mut other) = ([0; 16], [0; 16]);
        fill(&mut one).unwrap();
        fill(&mut other).unwrap();
        assert_ne!(one, other);
    }
}
