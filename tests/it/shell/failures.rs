//! Lines that fail: by their deadline, without a word, or by their own size.

use std::time::Duration;

use super::{Shell, saying};
use crate::support::Sexton;
use crate::support::servers::{Refusing, Server};

#[test]
fn once_the_deadline_of_a_line_has_passed_it_fails_whatever_follows() {
    let shell = Shell::new();
    let silent = Server::silent();
    let failing = Server::answering("HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n");
    let (url, closing) = (silent.url(), Server::closing());
    for line in [
        format!("curl -s {url} || exit 0"),
        format!("curl -s {url}; exit 0"),
        format!("curl -s {url} || true"),
        format!("wget -q {url}; [ $? -le 8 ]"),
        format!("wget -q {}; [ $? -le 8 ]", closing.url()),
        format!("curl -s -o /dev/null -w '%{{http_code}}' {url} | grep -qE '^[0-9]{{3}}$'"),
        format!("[ \"$(curl -s -o /dev/null -w '%{{http_code}}' {url})\" != 500 ]"),
        format!("! curl -s {url}"),
        format!("(curl -s {url}) || exit 0"),
        format!("sh -c 'curl -s {url}; exit 0' || exit 0"),
        format!("X=$(curl -s {url}); exit 0"),
        format!("curl -s --retry 9 {}; exit 0", failing.url()),
    ] {
        let ran = Sexton::with(["-c", &line]).at(&shell.link).env("SEXTON_TIMEOUT", "600ms").run();
        assert_eq!(ran.code, Some(1), "{line}: {ran:?}");
        assert!(ran.elapsed < Duration::from_millis(1600), "{line}: {ran:?}");
        assert!(ran.stderr.contains("timed out after 600ms"), "{line}: {ran:?}");
    }
    // A limit that the line names is the author's own, and what follows it runs.
    for (code, line) in [
        (0, format!("curl -s -m 0.2 {url} || exit 0")),
        (0, format!("curl -s -m 0.9 {url} || exit 0")),
        (0, format!("timeout 0.9 curl -s {url} || exit 0")),
        (0, format!("timeout 0.3 wget -q {url}; [ $? -eq 124 ]")),
        (7, format!("timeout 0.3 sh -c 'curl -s {url}; true' || exit 7")),
        (9, format!("wget -q -T 0.2 -t 1 {url} || exit 9")),
    ] {
        let ran = Sexton::with(["-c", &line]).at(&shell.link).env("SEXTON_TIMEOUT", "600ms").run();
        assert_eq!(ran.code, Some(code), "{line}: {ran:?}");
    }
}

#[test]
fn a_line_that_fails_without_a_word_is_explained() {
    let shell = Shell::new();
    let down = saying("{\"status\":\"DOWN\"}");
    let broken = Server::answering("HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n");
    let refused = Refusing::new();
    let (down, broken, port) = (down.url(), broken.url(), refused.address().port());
    for (line, words) in [
        (format!("curl -s {down} | grep -q UP"), "sh: grep: no line matches UP in 17 bytes"),
        (format!("curl -s {down} | grep -vq DOWN"), "sh: grep: every line matches DOWN in 17 bytes"),
        (format!("curl -sf {broken}"), "sh: curl: (22) the requested URL returned error: 500"),
        (format!("curl -sf {broken} || exit 1"), "sh: curl: (22) the requested URL returned error: 500"),
        (
            format!("curl -f {broken} >/dev/null 2>&1 || exit 1"),
            "sh: curl: (22) the requested URL returned error: 500",
        ),
        (format!("wget -q --spider {broken} || exit 1"), "sh: wget: server returned error: 500"),
        (format!("nc -z 127.0.0.1 {port} || exit 1"), "sh: nc: 127.0.0.1 port "),
        (
            format!("[ \"$(curl -s -o /dev/null -w '%{{http_code}}' {broken})\" = 200 ]"),
            "sh: [ $(...) = 200 ] is false",
        ),
        (
            format!("C=$(curl -s -o /dev/null -w '%{{http_code}}' {broken}); [ \"$C\" = 200 ]"),
            "sh: [ 500 = 200 ] is false",
        ),
        ("[ \"$SECRET\" = x ]".to_owned(), "sh: [ $SECRET = x ] is false"),
        ("test -f /nonexistent".to_owned(), "sh: test -f /nonexistent is false"),
        ("false".to_owned(), "sh: false: exit code 1"),
        ("exit 3".to_owned(), "sh: exit code 3"),
    ] {
        let ran = Sexton::with(["-c", &line]).at(&shell.link).env("SECRET", "hunter2").run();
        assert_ne!(ran.code, Some(0), "{line}: {ran:?}");
        assert!(ran.stderr.starts_with(words) && ran.stderr.lines().count() == 1, "{line}: {ran:?}");
        assert!(!ran.stderr.contains("hunter2"), "{ran:?}");
    }
    // What has spoken needs no more words.
    let ran = shell.exits(1, &format!("curl -s {down}; false"));
    assert_eq!(ran.stderr, "", "{ran:?}");
}

#[test]
fn a_line_cannot_make_it_use_up_the_stack_or_the_memory() {
    let shell = Shell::new();
    let deep = format!("echo {}{}", "$(echo ".repeat(1500), ")".repeat(1500));
    assert!(shell.exits(1, &deep).stderr.contains("substitutions in each other"));
    let deep = format!("{}true{}", "(".repeat(4000), ")".repeat(4000));
    assert!(shell.exits(1, &deep).stderr.contains("subshells in each other"));
    let doubled = format!("A=aaaaaaaaaaaaaaaa; {}true", "A=$A$A; ".repeat(1500));
    assert!(shell.exits(1, &doubled).stderr.contains("MiB of variables"));
}
