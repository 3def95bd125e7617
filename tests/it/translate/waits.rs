//! Waits beside their translation: those of the scripts and programs whose names sexton answers to, and loops of a shell.

use std::os::unix::fs::symlink;

use super::states::{is_healthy, says_healthy, translated};
use crate::support::program::binary;
use crate::support::servers::{OK, Refusing, Server};
use crate::support::temp::Folder;

/// Lines that wait for `{AT}`, and give up after two seconds where they can.
const LINES: &[&str] = &[
    "dockerize -wait tcp://{AT} -timeout 2s true",
    "dockerize -wait=http://{AT}/ -timeout 2s -wait-retry-interval 100ms true",
    "wait-for {AT} -t 2 -- true",
    "wait-for http://{AT}/ -t 2 -- true",
    "wait-for-it.sh {AT} -s -t 2 -- true",
    "wait-for-it.sh {AT} --strict --timeout=2 --quiet -- true",
    "wait-for-it.sh -h {HOST} -p {PORT} -s -t 2 -- true",
    // What is started in any case.
    "wait-for-it.sh {AT} -t 2 -- true",
    "timeout 3 sh -c 'until nc -z {HOST} {PORT}; do sleep 1; done'",
    "timeout 3 sh -c 'while ! nc -z {HOST} {PORT}; do sleep 1; done; true'",
    "timeout 3 sh -c 'until curl -sf http://{AT}/ > /dev/null; do sleep 1; done'",
];

/// The same for wait4x, which no package has: it gives up with a failure (its README, "Exit Status").
const WAIT4X: &[&str] = &[
    "wait4x tcp {AT} -t 2s -- true",
    "wait4x http http://{AT}/ --expect-status-code 200 -t 2s -i 100ms -- true",
];

#[test]
fn waits_end_as_the_original_does() {
    let folder = Folder::new();
    for name in ["dockerize", "wait-for", "wait-for-it.sh"] {
        symlink(binary(), folder.join(name)).unwrap();
    }
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let (up, down) = (Server::answering(OK), Refusing::new());
    for (address, is_up) in [(up.address(), true), (down.address(), false)] {
        for (lines, is_original_here) in [(LINES, true), (WAIT4X, false)] {
            for line in lines {
                let line = line
                    .replace("{AT}", &address.to_string())
                    .replace("{HOST}", &address.ip().to_string())
                    .replace("{PORT}", &address.port().to_string());
                let (words, _) = translated(&line).unwrap_or_else(|said| panic!("{line}: {said}"));
                let theirs = if is_original_here { is_healthy(&line, &path, "30") } else { is_up };
                let (ours, said) = says_healthy(&words, "30s");
                assert_eq!(theirs, ours, "{line}: {words:?} {said}");
                let starts_anyway = line.starts_with("wait-for-it.sh") && !line.contains("-s");
                assert_eq!(ours, is_up || starts_anyway, "{line}: {words:?} {said}");
            }
        }
    }
}
