//! Which name servers were silent a moment ago. Known to all lookups of the process.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long that is remembered: a server that is back is asked first again soon enough.
const MEMORY: Duration = Duration::from_secs(30);

/// The most servers that are remembered: resolv.conf has three, targets may name others.
const SERVERS_MAX: usize = 16;

/// Those servers, and when that was.
static SILENT: Mutex<Vec<(SocketAddr, Instant)>> = Mutex::new(Vec::new());

/// Does `change` to what is remembered; a panic in between leaves it as good as it was.
fn with<T>(change: impl FnOnce(&mut Vec<(SocketAddr, Instant)>) -> T) -> T {
    change(&mut SILENT.lock().unwrap_or_else(PoisonError::into_inner))
}

/// `server` has not answered in time.
pub(super) fn note_silence(server: SocketAddr) {
    with(|silent| {
        silent.retain(|(one, since)| *one != server && since.elapsed() < MEMORY);
        silent.truncate(SERVERS_MAX - 1);
        silent.push((server, Instant::now()));
    });
}

/// `server` has answered.
pub(super) fn note_answer(server: SocketAddr) {
    with(|silent| silent.retain(|(one, _)| *one != server));
}

/// Moves the silent ones of `servers` to the end, each group in its order.
pub(super) fn last(servers: &mut [SocketAddr]) {
    if servers.len() < 2 {
        return;
    }
    with(|silent| {
        let is_silent =
            |server: &SocketAddr| silent.iter().any(|(one, since)| one == server && since.elapsed() < MEMORY);
        servers.sort_by_cached_key(|server| usize::from(is_silent(server)));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_server_is_asked_last_until_it_answers() {
        let [a, b, c] = [1, 2, 3].map(|port| SocketAddr::from(([192, 0, 2, 1], port)));
        let order = || {
            let mut servers = [a, b, c];
            last(&mut servers);
            servers
        };
        note_silence(a);
        assert_eq!(order(), [b, c, a]);
        note_silence(b);
        assert_eq!(order(), [c, a, b]);
        note_answer(a);
        assert_eq!(order(), [a, c, b]);
        note_answer(b);
        assert_eq!(order(), [a, b, c]);
    }
}
