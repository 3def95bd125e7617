//! `file:`: existence, age, size, and what is no file at all.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::support::isolated::{is_root, skip};
use crate::support::temp::Folder;
use crate::support::{Run, Sexton, sexton};

/// Checks `path` with `options`.
fn check(path: &Path, options: &[&str]) -> Run {
    let words = ["check".into(), target(path)];
    sexton(words.into_iter().chain(options.iter().map(OsString::from)))
}

/// Asserts that the check of `path` fails with a line that begins with `reason`.
#[track_caller]
fn unhealthy(path: &Path, options: &[&str], reason: &str) {
    check(path, options).said(1, &format!("unhealthy: {reason}"));
}

/// Asserts that the check of `path` passes with a line that begins with `seen`.
#[track_caller]
fn healthy(path: &Path, options: &[&str], seen: &str) {
    check(path, options).said(0, &format!("healthy: {seen}"));
}

/// `file:path`.
fn target(path: &Path) -> OsString {
    let mut target = OsString::from("file:");
    target.push(path);
    target
}

/// Writes `content` to `name` in `place`.
fn write(place: &Folder, name: &str, content: &str) -> PathBuf {
    let path = place.join(name);
    std::fs::write(&path, content).unwrap();
    path
}

/// Sets the time at which `path` was modified.
fn modified(path: &Path, when: SystemTime) {
    File::options().append(true).open(path).unwrap().set_modified(when).unwrap();
}

#[test]
fn a_file_that_exists_passes_and_one_that_is_missing_does_not() {
    let place = Folder::new();
    healthy(&write(&place, "here", ""), &[], "exists (file:/");
    unhealthy(&place.join("gone"), &[], "no such file (file:/");
    unhealthy(&place.join("nowhere/gone"), &[], "no such file, nor the directory /");
    unhealthy(&place.join("here/gone"), &[], "not a directory (file:/");
}

#[test]
fn a_link_is_followed_and_one_that_dangles_is_told() {
    let place = Folder::new();
    symlink(write(&place, "beat", "1"), place.join("link")).unwrap();
    healthy(&place.join("link"), &["--non-empty"], "exists");
    symlink("/nonexistent/beat", place.join("dangling")).unwrap();
    unhealthy(
        &place.join("dangling"),
        &[],
        "no such file: a link to /nonexistent/beat, which does not exist",
    );
    symlink(place.join("loop"), place.join("loop")).unwrap();
    unhealthy(&place.join("loop"), &[], "too many");
}

#[test]
fn a_directory_is_no_file() {
    unhealthy(Path::new("/tmp"), &[], "a directory, not a file");
}

#[test]
fn an_old_file_says_how_old_and_what_is_allowed() {
    let place = Folder::new();
    let beat = write(&place, "beat", "");
    healthy(&beat, &["--max-age", "1m"], "exists, modified ");
    modified(&beat, SystemTime::now() - Duration::from_secs(312));
    unhealthy(&beat, &["--max-age", "1m"], "too old: modified 5m 12s ago, at most 1m is allowed (file:");
    healthy(&beat, &["--max-age", "6m"], "exists, modified 5m 12s ago (file:");
    healthy(&beat, &[], "exists (file:");
}

#[test]
fn a_file_from_the_future_is_not_young() {
    let place = Folder::new();
    let beat = write(&place, "beat", "");
    modified(&beat, SystemTime::now() + Duration::from_secs(7230));
    unhealthy(
        &beat,
        &["--max-age", "1m"],
        "modified 2h in the future: its time or this machine's clock is wrong",
    );
    healthy(&beat, &[], "exists (file:");
    // A file server's clock is not ours to the millisecond.
    modified(&beat, SystemTime::now() + Duration::from_secs(1));
    healthy(&beat, &["--max-age", "1m"], "exists, modified 0s ago");
}

#[test]
fn an_empty_file_fails_only_where_that_matters() {
    let place = Folder::new();
    unhealthy(&write(&place, "empty", ""), &["--non-empty"], "the file is empty");
    healthy(&write(&place, "full", "x"), &["--non-empty"], "exists");
    // Its size is 0, and it has content.
    healthy(Path::new("/proc/self/stat"), &["--non-empty"], "exists");
}

#[test]
fn the_content_of_a_file_is_judged_like_the_body_of_an_answer() {
    let place = Folder::new();
    let state = write(&place, "state", "{\"state\": \"ready\"}\n");
    healthy(&state, &["--contains", "ready", "--not-contains", "error"], "exists");
    healthy(&state, &["--json-path", "/state=ready"], "exists");
    unhealthy(&state, &["--contains", "steady"], "no `steady` in the file, which is ");
    unhealthy(&state, &["--not-contains", "ready"], "`ready` is in the file");
    unhealthy(&state, &["--json-path", "/state=steady"], "/state is `\"ready\"`, wanted `steady`");
    unhealthy(&write(&place, "empty", ""), &["--contains", "x"], "no `x` in the file, which is empty");
}

#[test]
fn one_mebibyte_of_a_file_is_read() {
    let place = Folder::new();
    let most = 1024 * 1024;
    let log = write(&place, "log", &format!("{}end", " ".repeat(most - 3)));
    healthy(&log, &["--contains", "end"], "exists");
    std::fs::write(&log, format!("{}end", " ".repeat(most - 2))).unwrap();
    unhealthy(&log, &["--contains", "end"], "no `end` in the first 1 MiB of the file, and more is not read");
    unhealthy(&log, &["--not-contains", "x"], "the file is larger than 1 MiB, so `x` may be in the rest");
    // It has no end.
    unhealthy(Path::new("/dev/zero"), &["--contains", "x"], "a device, not a file that can be read");
}

#[test]
fn a_fifo_a_socket_and_a_device_are_not_opened() {
    let place = Folder::new();
    let fifo = place.join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let socket = place.join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    for (path, kind) in [(&*fifo, "a fifo"), (&*socket, "a socket"), (Path::new("/dev/null"), "a device")] {
        healthy(path, &[], &format!("exists, {kind} (file:"));
        unhealthy(path, &["--non-empty"], &format!("{kind}, which has no size, not a file"));
        unhealthy(path, &["--contains", "x"], &format!("{kind}, not a file that can be read"));
        assert!(check(path, &["--contains", "x"]).elapsed < Duration::from_secs(3), "{kind}");
    }
}

#[test]
fn a_directory_that_may_not_be_searched_is_named_as_a_matter_of_permission() {
    if !is_root() {
        return skip("only root can become another user");
    }
    let place = Folder::new();
    let closed = place.join("closed");
    std::fs::create_dir(&closed).unwrap();
    let beat = write(&place, "closed/beat", "");
    std::fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
    let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let run = Sexton::with(["check".into(), target(&beat)]).under(nobody).run();
    run.said(1, "unhealthy: permission denied for uid 65534 (file:");
    // It may be looked at, and not into.
    std::fs::set_permissions(&closed, Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(&beat, Permissions::from_mode(0o600)).unwrap();
    let run = Sexton::with(["check".into(), target(&beat), "--max-age=1h".into()]).under(nobody).run();
    run.said(0, "healthy: exists, modified ");
    let run = Sexton::with(["check".into(), target(&beat), "--contains=x".into()]).under(nobody).run();
    run.said(1, "unhealthy: permission denied for uid 65534 (file:");
    healthy(&beat, &[], "exists");
}

#[test]
fn what_a_file_has_no_use_for_is_refused() {
    for (words, reason) in [
        (&["file:beat"][..], "file:beat: the path must be absolute"),
        (&["file://host/beat"], "the path must be absolute"),
        (&["file:"], "the path must be absolute"),
        (&["file:/x", "--max-age", "0s"], "--max-age: must be more than 0"),
        (&["file:/x", "--max-age", "soon"], "invalid duration"),
        (&["file:/x", "--status", "200"], "--status does not apply to this target"),
        (&["tcp://127.0.0.1:1", "--max-age", "1s"], "--max-age does not apply to this target"),
        (&["tcp://127.0.0.1:1", "--non-empty"], "--non-empty does not apply to this target"),
    ] {
        let run = sexton(["check"].iter().chain(words));
        assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{words:?}");
        assert!(run.stderr.contains(reason), "{words:?}: {}", run.stderr);
    }
}
