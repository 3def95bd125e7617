//! The shell form of a HEALTHCHECK where there is no shell: sexton by the name of `sh`.

mod corpus;
mod failures;
mod netcat;
mod pages;
mod waits;

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

    /// The same program under `name`.
    fn named(&self, name: &str) -> PathBuf {
        let link = self.folder.join(name);
        if !link.exists() {
            symlink(binary(), &link).expect("a new link");
        }
        link
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

/// What a real shell does with each is what ours does.
const LINES: &[&str] = &[
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
    "test -f {file}",
    "test -e {file} && [ -f '{file}' ]",
    "test -f {folder}",
    "test -d {folder}",
    "[ -S {socket} ]",
    "[ -S {file} ]",
    "[ ! -e {folder}/missing ]",
    "[ -s {file} ] || exit 8",
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
    "(true)",
    "(false) || exit 4",
    "(exit 3)",
    "(exit 3); exit 5",
    "( true; ( false ) ) || { exit 6; }",
    "{ false; true; } && exit 7",
    "{ exit 8; }; true",
    "false; [ $? = 1 ]",
    "false; [ $? -eq 1 ] && exit 9",
    "(exit 4); echo $?",
    "true; echo \"$?\"",
    "A=b; [ $A = b ]",
    "A=b true; [ \"$A\" = '' ]",
    "A=$(echo x); echo \"<$A>\"",
    "A=$(false); echo $?",
    "A=$(exit 5) || echo $?",
    "A=`echo a b`; echo $A \"$A\"",
    "echo $(echo $(echo deep))",
    "echo \"$(echo 'a  b')\" $(echo 'a  b')",
    "echo `echo x` ${SET} ${UNSET:-y} ${EMPTY:-z}",
    "echo -n x; echo y",
    "echo one; echo two",
    "echo '' ; echo",
    "[ \"$(echo 200)\" = 200 ]",
    "[ \"$(echo 200)\" -eq 200 ]",
    "[ $(echo 200) -ge 200 ] && [ $(echo 299) -lt 300 ]",
    "[ 3 -gt 10 ]",
    "[ 3 -ne 3 ] || [ 4 -le 4 ]",
    "[ -5 -lt 0 ]",
    "test -r /etc/passwd && test -x /bin/sh && test -d /etc && [ ! -x /etc/passwd ]",
    "[ -L /bin/sh ] || true",
    "[ ! = ! ]",
    "[ ! -n '' ]",
    "[ ! a = b ]",
    "[ -z ]",
    "echo up | grep up",
    "echo UP | grep -qi up",
    "echo up | grep -v up",
    "echo up | grep -c up",
    "echo up | grep -co up",
    "echo up | grep -x u",
    "echo up | grep -x up",
    "echo 'is up now' | grep -w up",
    "echo uptime | grep -w up",
    "echo 'a=1 b=22' | grep -oE '[0-9]+'",
    "echo a.c | grep -F a.c",
    "echo abc | grep -F a.c",
    "echo 'one' | grep -e two -e one",
    "echo abc | grep -E '^(abc|def)$'",
    "echo 200 | grep -qE '^[23]..$'",
    "echo 200 | grep '[23][0-9]\\{2\\}'",
    "echo a | grep -m 1 a",
    "echo a | grep --quiet a && echo found",
    "echo a | egrep 'a|b' | fgrep a",
    "echo a | grep b || echo none",
    "! echo a | grep b",
    "echo a | cat",
    "echo $(echo a | cat | grep a)",
    "timeout 3 true",
    "timeout 3s false || exit 11",
    "timeout -s KILL -k 1 5 echo x",
    "timeout 0 echo x",
    "timeout 2 sh -c 'exit 4'",
    "sh -c 'echo in; exit 12'",
    "sh -c \"exit 2\" || sh -c 'exit 13'",
    "bash -c 'echo $SET'",
    "A=x sh -c 'echo $A'",
    "A=x; sh -c 'echo \"<$A>\"'",
    "/bin/sh -ec 'false; true'",
    "sh -c '[ 1 = 1 ] && echo yes'",
    "set -e; false; echo no",
    "set -e; false || true; echo yes",
    "set -e; ! true; echo yes",
    "set -e; (false; echo no); echo no",
    "set -e; (false; echo inside) || echo out",
    "set -e; { false; echo inside; } && echo out",
    "set -e; A=$(false); echo no",
    "set -e; false && true; echo yes",
    "set +e; false; echo yes",
    "set -u; echo \"$SET\" ${UNSET:-x} $EMPTY; echo $UNSET; echo no",
    "set -eu; A=b; echo $A",
    "set -o nounset; : $UNSET; echo no",
    "bash -euo pipefail -c 'false | true; echo no'",
    "exec echo last",
    "exec sh -c 'exit 14'; exit 2",
    "echo x >/dev/null; echo y",
    "(echo a; echo b) | grep b",
    "{ echo a; echo b; } | grep -c .",
    "(echo a; exit 3) | grep a",
    "exit 3 | grep a",
    "(echo a >/dev/null) 2>&1 || echo no",
    "echo a 1>&2 2>/dev/null",
    "grep x </dev/null",
    "cat </dev/null; echo $?",
    "echo 'x # y' # z",
    "echo a\\ b",
];

#[test]
fn what_comes_of_a_line_is_what_a_shell_says() {
    let shell = Shell::new();
    let file = shell.folder.join("file");
    fs::write(&file, "x").unwrap();
    let socket = shell.folder.join("socket");
    let _socket = UnixSocket::new(&socket);
    let shown = |path: &std::path::Path| path.display().to_string();
    let (file, socket, folder) = (shown(&file), shown(&socket), shown(shell.folder.path()));
    for line in LINES {
        let line = line.replace("{file}", &file).replace("{socket}", &socket).replace("{folder}", &folder);
        let variables = [("SET", "a  b"), ("EMPTY", ""), ("WORDS", "a = a"), ("SWITCH", "true")];
        for (name, real) in [("sh", "/bin/dash"), ("bash", "/bin/bash")] {
            let link = shell.named(name);
            let ours = run(Command::new(link).args(["-c", &line]).env_clear().envs(variables));
            let theirs = run(Command::new(real).args(["-c", &line]).env_clear().envs(variables));
            assert_eq!((ours.code, &ours.stdout), (theirs.code, &theirs.stdout), "{name}: {line}: {ours:?}");
            // A failure that the real one does not mention is explained, unless the line has written something.
            let explained = theirs.code != Some(0) && theirs.stdout.is_empty() && theirs.stderr.is_empty();
            assert_eq!(
                ours.stderr.is_empty(),
                !explained && theirs.stderr.is_empty(),
                "{name}: {line}: {ours:?}"
            );
        }
    }
}

#[test]
fn what_is_no_part_of_it_is_refused_before_anything_is_done() {
    let shell = Shell::new();
    let server = Server::answering(OK);
    let url = server.url();
    let made = shell.folder.join("made");
    for (line, named) in [
        ("id", "id: no such command"),
        ("/usr/bin/env true", "env: no such command"),
        ("pg_isready -U postgres", "pg_isready: no such command"),
        ("cat /etc/passwd", "no file is read"),
        ("sexton init -- id", "sexton: no such command"),
        ("echo $(id)", "id: no such command"),
        ("[ `id` = x ]", "id: no such command"),
        ("(id)", "id: no such command"),
        ("sh -c id", "id: no such command"),
        ("timeout 1 id", "id: no such command"),
        ("X=$(id) true", "id: no such command"),
        ("$(echo id)", "not known before"),
        ("X=id; $X", "not known before"),
        ("true &", "background"),
        ("true < /etc/passwd", "no file is read"),
        ("true > /tmp/x", "no file is written"),
        ("true >> /tmp/x", "no file is written"),
        ("if true; then false; fi", "no if"),
        ("for x in a; do true; done", "no if, loops"),
        ("while true; do true; done", "no if, loops"),
        ("f() { true; }", "no functions"),
        ("[[ a == a* ]]", "with a pattern"),
        ("[[ a =~ a ]]", "=~"),
        ("[[ a = a && b = b ]]", "without ]]"),
        ("kill 1", "sexton init --watch"),
        ("pkill java", "sexton init --watch"),
        ("exit abc", "not a number"),
        ("exit 256", "not a number"),
        ("test /a -nt /b", "-nt"),
        ("[ a = a -a b = b ]", "&& and ||"),
        ("[ -f /run/*.pid ]", "not completed"),
        ("[ -e /", "without ]"),
        ("grep root /etc/passwd", "no file"),
        ("grep root", "read a pipe"),
        ("echo x | grep -r x", "grep -r: not offered"),
        ("echo x | grep -P x", "grep -P: not offered"),
        ("true | false", "into grep"),
        ("true | (grep x)", "not offered"),
        ("true | grep '\\(a\\)\\1'", "backreference"),
        ("echo 'a\\n'", "shells disagree"),
        ("set -x", "-x: only"),
        ("curl -o /tmp/x http://127.0.0.1/", "curl -o FILE: no file is written"),
        ("curl -O http://127.0.0.1/x", "curl -O: no file is written"),
        ("curl -D /tmp/x http://127.0.0.1/x", "curl -D FILE"),
        ("curl -d @/etc/passwd http://127.0.0.1/", "curl -d @FILE"),
        ("curl --data-urlencode x@/etc/passwd http://127.0.0.1/", "curl -d @FILE"),
        ("curl -w @/etc/passwd http://127.0.0.1/", "curl -w @FILE"),
        ("wget -O /tmp/x http://127.0.0.1/", "wget -O FILE"),
        ("wget -P /tmp http://127.0.0.1/", "wget -P"),
        ("wget --post-file=/etc/passwd http://127.0.0.1/", "--post-file"),
        ("true ||", "no command after"),
        ("|| true", "missing"),
        ("(true", "unmatched ("),
        ("true)", "unmatched )"),
        ("{ true", "unmatched {"),
        ("()", "no command between"),
        ("", "no command"),
        ("'true", "never closed"),
        ("\"true", "never closed"),
        ("echo `true", "never closed"),
        ("echo $(true", "never closed"),
        ("true \\", "at the end"),
        ("true $1", "no such parameter"),
        ("true $((1+1))", "arithmetic"),
        ("true ${A:=b}", "only ${VAR}"),
        ("true 2>&3", "only 1 and 2"),
    ] {
        let line = format!("curl -s {url}; {line}");
        let line = line.strip_suffix("; ").unwrap_or(&line);
        let line = if named == "no command" { "" } else { line };
        let ran = shell.exits(1, line);
        assert!(ran.stdout.is_empty() && ran.stderr.lines().count() == 1, "{line}: {ran:?}");
        assert!(ran.stderr.starts_with("sh: ") && ran.stderr.contains(named), "{line}: {ran:?}");
    }
    let writes = format!("curl -s {url} > {}", made.display());
    assert!(shell.exits(1, &writes).stderr.contains("no file is written"));
    assert!(!made.exists());
    assert_eq!(server.requests().len(), 0, "something was asked");
    for args in [&[][..], &["-c"], &["-xc", "true"], &["script.sh"], &["-i"], &["-s"]] {
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
    // What was redirected away comes back where nothing else would tell why.
    let told = shell.exits(7, &format!("curl {refused} > /dev/null 2>&1"));
    assert!(told.stderr.starts_with("sh: curl: (7) "), "{told:?}");
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
