//! The shell form of a HEALTHCHECK where there is no shell: sexton by the name of `sh`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::support::program::binary;
use crate::support::servers::{OK, Refusing, Server, UnixSocket};
use crate::support::temp::Folder;
use crate::support::{Run, Sexton, run};

/// sexton as `sh`, in a folder of its own.
struct Shell {
    folder: Folder,
    link: PathBuf,
}

impl Shell {
    fn new() -> Self {
        let folder = Folder::new();
        let link = folder.join("sh");
        symlink(binary(), &link).expect("a new link");
        Self { folder, link }
    }

    /// Runs `line`, ours alone.
    fn sh(&self, line: &str) -> Run {
        Sexton::with(["-c", line]).at(&self.link).run()
    }

    /// Runs `line`; it must exit with `code`.
    #[track_caller]
    fn exits(&self, code: i32, line: &str) -> Run {
        let ran = self.sh(line);
        assert_eq!(ran.code, Some(code), "{line}: {ran:?}");
        ran
    }
}

/// A server that answers `body`.
fn saying(body: &str) -> Server {
    Server::answering(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

#[test]
fn healthchecks_that_people_write_run_without_a_shell() {
    let shell = Shell::new();
    let good = Server::answering(OK);
    let bad = Server::answering("HTTP/1.1 500 Broken\r\nContent-Length: 3\r\n\r\nno\n");
    let json = saying("{\"status\":\"UP\",\n\"groups\":[]}\n");
    let (good_url, bad_url, json_url) = (good.url(), bad.url(), json.url());
    let refused = format!("http://{}/", Refusing::new().address());
    let port = good.port();
    for (code, line) in [
        (0, format!("curl -f {good_url} || exit 1")),
        (1, format!("curl -f {bad_url} || exit 1")),
        (1, format!("curl -fsS {refused} || exit 1")),
        (22, format!("curl -fsS {bad_url}")),
        (7, format!("/usr/bin/curl -fsS {refused}")),
        (0, format!("curl --silent --fail {good_url} > /dev/null || exit 1")),
        (0, format!("curl -sf {good_url} >/dev/null 2>&1 || exit 1")),
        (0, format!("wget --no-verbose --tries=1 --spider {good_url} || exit 1")),
        (1, format!("wget --quiet --tries=1 --spider {bad_url} || exit 1")),
        (0, format!("wget -qO- {good_url} >/dev/null 2>&1 || exit 1")),
        (0, format!("curl -s {json_url} | grep UP || exit 1")),
        (0, format!("curl -s {json_url} | grep -q '\"status\":\"UP\"' || exit 1")),
        (1, format!("curl -s {json_url} | grep -q DOWN || exit 1")),
        (0, format!("wget -q -O - {json_url} | grep -qi up")),
        (0, format!("curl -s {json_url} | grep -E 'UP|OK' | grep -qF status")),
        (0, format!("curl -s -o /dev/null -w '%{{http_code}}' {bad_url} | grep -q 500")),
        (0, format!("nc -z localhost {port} || exit 1")),
        (0, format!("nc -zv -w 2 127.0.0.1 {port}")),
        (
            1,
            format!(
                "nc -z {} || exit 1",
                refused.trim_start_matches("http://").trim_end_matches('/').replace(':', " ")
            ),
        ),
        (0, format!("sexton check {good_url}")),
        (1, format!("sexton check -q {bad_url}")),
        (0, format!("curl -sf {bad_url} || curl -sf {good_url}")),
        (1, format!("curl -sf {good_url} && curl -sf {bad_url} || exit 1")),
        (0, format!("! curl -sf {bad_url}")),
        (3, format!("curl -sf {good_url}; exit 3")),
        (0, format!("curl -sf \\\n  {good_url} ||\\\n  exit 1")),
    ] {
        shell.exits(code, &line);
    }
}

#[test]
fn what_comes_of_a_line_is_what_a_shell_says() {
    let shell = Shell::new();
    let file = shell.folder.join("file");
    fs::write(&file, "x").unwrap();
    let socket = shell.folder.join("socket");
    let _socket = UnixSocket::new(&socket);
    let (file, socket, folder) = (file.display(), socket.display(), shell.folder.path().display());
    for line in [
        "true",
        "false",
        ":",
        "exit",
        "exit 7",
        "false; exit",
        "false || true",
        "false || false || exit 4",
        "true && false",
        "true && false || exit 5",
        "false && exit 2",
        "false && exit 2; exit 6",
        "true || exit 2 && exit 3",
        "! true",
        "! false",
        "! false && exit 9",
        "exit 1 || exit 2",
        "true; false",
        "true;",
        "\n\ntrue\nfalse\n",
        "true # and no more",
        "'true'",
        "\"false\"",
        "t'ru'e",
        "tr\\ue",
        &format!("test -f {file}"),
        &format!("test -e {file} && [ -f '{file}' ]"),
        &format!("test -f {folder}"),
        &format!("test -d {folder}"),
        &format!("[ -S {socket} ]"),
        &format!("[ -S {file} ]"),
        &format!("[ ! -e {folder}/missing ]"),
        &format!("[ -s {file} ] || exit 8"),
        "[ a = a ]",
        "[ a != a ]",
        "[ -z '' ]",
        "[ -n \"\" ]",
        "[ -n a ]",
        "[ \"$EMPTY\" = '' ]",
        "[ \"${UNSET:-b}\" = b ]",
        "[ \"${EMPTY:-b}\" = b ]",
        "[ \"$SET\" = 'a  b' ]",
        "[ -n $EMPTY ]",
        "test $WORDS",
        "[ '$SET' = \"\\$SET\" ]",
        "[ \"a$SET\"c = \"aa  bc\" ]",
        "$SWITCH || exit 1",
        "test",
        "[ ]",
        "true > /dev/null",
        "true >/dev/null 2>&1 && exit 2",
        "false 2> /dev/null 1>&2 || exit 3",
    ] {
        let variables = [("SET", "a  b"), ("EMPTY", ""), ("WORDS", "a = a"), ("SWITCH", "true")];
        let ours = run(Command::new(&shell.link).args(["-c", line]).env_clear().envs(variables));
        let theirs = run(Command::new("/bin/sh").args(["-c", line]).env_clear().envs(variables));
        assert_eq!(
            (ours.code, &ours.stdout, &ours.stderr),
            (theirs.code, &theirs.stdout, &theirs.stderr),
            "{line}"
        );
    }
}

#[test]
fn what_is_no_part_of_it_is_refused_before_anything_is_done() {
    let shell = Shell::new();
    let server = Server::answering(OK);
    let url = server.url();
    let made = shell.folder.join("made");
    for (line, named) in [
        ("id", "there is no id"),
        ("/bin/sh -c true", "there is no sh"),
        ("pg_isready -U postgres", "there is no pg_isready"),
        ("cat /etc/passwd", "there is no cat"),
        ("sexton init -- id", "there is no sexton"),
        ("echo $(id)", "command substitution"),
        ("[ `id` = x ]", "command substitution"),
        ("(true)", "subshells"),
        ("true &", "background"),
        ("true < /etc/passwd", "no file is read"),
        ("if true; then false; fi", "there is no if"),
        ("A=b true", "there is no A=b"),
        ("exit abc", "no number"),
        ("exit 256", "no number"),
        ("test -r /etc/passwd", "test knows"),
        ("[ -e /", "without ]"),
        ("nc -l 80", "nc -l"),
        ("nc localhost 80", "without -z"),
        ("grep root /etc/passwd", "grep"),
        ("grep -r x", "grep -r"),
        ("true | false", "into grep"),
        ("true | grep '\\(a\\)\\1'", "grep"),
        ("true ||", "missing"),
        ("|| true", "missing"),
        ("", "no command"),
        ("'true", "never closed"),
        ("\"true", "never closed"),
        ("true \\", "at the end"),
        ("true $1", "no such parameter"),
        ("true $?", "no such parameter"),
        ("true ${A:=b}", "only ${VAR}"),
        ("true 2>&3", "descriptors"),
    ] {
        let line = format!("curl -s {url}; {line}");
        let line = line.strip_suffix("; ").unwrap_or(&line);
        let line = if named == "no command" { "" } else { line };
        let ran = shell.exits(1, line);
        assert!(ran.stdout.is_empty() && ran.stderr.lines().count() == 1, "{line}: {ran:?}");
        assert!(ran.stderr.starts_with("sh: ") && ran.stderr.contains(named), "{line}: {ran:?}");
    }
    let writes = format!("curl -s {url} > {}", made.display());
    assert!(shell.exits(1, &writes).stderr.contains("no file but /dev/null"));
    assert!(!made.exists());
    assert_eq!(server.requests().len(), 0, "something was asked");
    for args in [&[][..], &["-c"], &["-ec", "true"], &["script.sh"], &["-i"]] {
        let ran = Sexton::with(args).at(&shell.link).run();
        assert_eq!(ran.code, Some(1), "{args:?}: {ran:?}");
    }
}

#[test]
fn redirections_and_pipes_move_what_is_said() {
    let shell = Shell::new();
    let server = saying("one\ntwo\n");
    let url = server.url();
    assert_eq!(shell.exits(0, &format!("curl -s {url}")).stdout, "one\ntwo\n");
    assert_eq!(
        shell.exits(0, &format!("curl -s {url} > /dev/null; sexton check {url}")).stdout.lines().count(),
        1
    );
    assert_eq!(shell.exits(0, &format!("curl -s {url} | grep w")).stdout, "two\n");
    assert_eq!(shell.exits(0, &format!("curl -s {url} | grep -i ONE | grep -F n")).stdout, "one\n");
    let line = format!("sexton check {url} > /dev/null && sexton check {url} | grep -q 200");
    assert_eq!(shell.exits(0, &line).stdout, "");
    let refused = format!("http://{}/", Refusing::new().address());
    let loud = shell.exits(7, &format!("curl {refused}"));
    assert!(loud.stderr.starts_with("curl: (7) "), "{loud:?}");
    assert_eq!(shell.exits(7, &format!("curl {refused} > /dev/null 2>&1")).stderr, "");
    assert_eq!(shell.exits(0, &format!("wget -S --spider {url} 2>&1 | grep -q 'HTTP/1.1 200'")).stderr, "");
    // As there: stderr leads where stdout led before.
    assert!(shell.exits(7, &format!("curl {refused} 2>&1 > /dev/null")).stdout.starts_with("curl: (7) "));
}

#[test]
fn one_deadline_holds_for_the_whole_line() {
    let shell = Shell::new();
    let silent = Server::silent();
    let url = silent.url();
    let line = format!("curl -s {url} || curl -s {url} || curl -s {url} || exit 1");
    let ran = Sexton::with(["-c", &line]).at(&shell.link).env("SEXTON_TIMEOUT", "500ms").run();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.took(Duration::from_millis(500));
    // A limit that a command names is its own, and what stands after it still runs.
    let ran = shell.exits(3, &format!("curl -s -m 0.3 {url} || exit 3"));
    ran.took(Duration::from_millis(300));
}

#[test]
fn a_pipe_takes_no_more_than_it_holds() {
    let shell = Shell::new();
    let endless = Server::pouring("HTTP/1.1 200 OK\r\n\r\n", "abcdefg\n");
    shell.exits(0, &format!("curl -s {} | grep -q abc", endless.url()));
}
