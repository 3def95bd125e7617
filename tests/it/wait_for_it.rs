//! `wait-for-it.sh` by name: its codes, its lines, and the cases of its own published tests.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::Duration;

use crate::support::Run;
use crate::support::Sexton;
use crate::support::program::binary;
use crate::support::servers::{OK, Refusing, Server};
use crate::support::temp::{Folder, copy};

/// A link by that name, which scripts call.
fn wait_for_it(folder: &Folder) -> PathBuf {
    let script = folder.join("wait-for-it.sh");
    symlink(binary(), &script).unwrap();
    script
}

#[test]
fn as_wait_for_it_it_has_that_scripts_codes() {
    let folder = Folder::new();
    let script = wait_for_it(&folder);
    let (good, bad) = (Server::answering(OK), Refusing::new());
    let (up, down) = (good.address().to_string(), bad.address().to_string());
    let port = good.port().to_string();
    for (args, code) in [
        (&[up.as_str()][..], 0),
        (&["-h", "127.0.0.1", "-p", &port, "-q"], 0),
        (&[&up, "-t", "5", "-s", "--", "/bin/sh", "-c", "exit 3"], 3),
        (&[&down, "-t", "1"], 124),
        (&[&down, "--timeout=1", "--strict", "--", "/bin/sh", "-c", "exit 3"], 124),
        (&[&down, "-t", "1", "--", "/bin/sh", "-c", "exit 3"], 3),
        (&["127.0.0.1:99999", "-t", "1"], 124),
        (&["127.0.0.1:no-such-service", "-t", "1"], 124),
        (&["no host:1", "-t", "1"], 124),
        (&["--nonsense"], 1),
        (&["--help"], 1),
        (&["--host=localhost"], 1),
        (&["--port=80"], 1),
        (&[], 1),
    ] {
        let run = Sexton::with(args).at(&script).run();
        assert_eq!(run.code, Some(code), "{args:?}: {run:?}");
        assert_eq!(run.stdout, "", "{args:?}");
    }
}

/// What scripts grep.
#[test]
fn as_wait_for_it_it_has_that_scripts_lines() {
    let folder = Folder::new();
    let script = wait_for_it(&folder);
    let (good, bad) = (Server::answering(OK), Refusing::new());
    let (up, down) = (good.address().to_string(), bad.address().to_string());
    let is_up = format!("wait-for-it.sh: {up} is available after 0 seconds\n");
    let times_out = format!(
        "wait-for-it.sh: waiting 1 seconds for {down}\n\
         wait-for-it.sh: timeout occurred after waiting 1 seconds for {down}\n"
    );
    for (args, lines) in [
        (&[up.as_str()][..], format!("wait-for-it.sh: waiting 15 seconds for {up}\n{is_up}")),
        (&[&up, "-t", "0"], format!("wait-for-it.sh: waiting for {up} without a timeout\n{is_up}")),
        (&[&up, "-q"], String::new()),
        (&[&down, "-t", "1"], times_out.clone()),
        (&[&down, "-t", "1", "--", "/bin/true"], times_out.clone()),
        (
            &[&down, "-t", "1", "-s", "--", "/bin/true"],
            format!("{times_out}wait-for-it.sh: strict mode, refusing to execute subprocess\n"),
        ),
    ] {
        assert_eq!(Sexton::with(args).at(&script).run().stderr, lines, "{args:?}");
    }
    for (args, first) in [
        (&[][..], "Error: you need to provide a host and port to test."),
        (&["--nonsense"], "Unknown argument: --nonsense"),
        (&["-q"], "Usage:"),
        (&["--help"], "Usage:"),
    ] {
        let run = Sexton::with(args).at(&script).run();
        assert_eq!(run.stderr.lines().next(), Some(first), "{args:?}: {run:?}");
        assert!(run.stderr.contains("Usage:\n    wait-for-it.sh host:port "), "{run:?}");
    }
}

/// What a case expects of stdout or stderr.
#[derive(Clone, Copy, Debug)]
enum Text {
    /// Nothing.
    Empty,
    /// This, somewhere in it.
    With(&'static str),
    /// Whatever.
    Any,
}

impl Text {
    /// Whether `text` is so.
    fn holds(self, text: &str) -> bool {
        match self {
            Self::Empty => text.is_empty(),
            Self::With(part) => text.contains(part),
            Self::Any => true,
        }
    }
}

/// What a case expects of the code.
#[derive(Clone, Copy, Debug)]
enum Code {
    /// This one.
    Is(i32),
    /// Not 0.
    Failure,
}

/// What the script's documentation and its published tests say of a line, where UP is a place that takes connections and
/// DOWN one that refuses them.
const CASES: &[(&str, Code, Text, Text)] = &[
    // Without a place, or without a half of one.
    ("", Code::Is(1), Text::Empty, Text::With("Error: you need to provide a host and port to test.")),
    ("--host=localhost", Code::Is(1), Text::Empty, Text::With("you need to provide a host and port")),
    ("--port=80", Code::Is(1), Text::Empty, Text::With("you need to provide a host and port")),
    ("-h localhost", Code::Is(1), Text::Empty, Text::With("you need to provide a host and port")),
    ("-p 80 -- echo RAN", Code::Is(1), Text::Empty, Text::With("Usage:")),
    ("--help", Code::Is(1), Text::Empty, Text::With("Usage:")),
    ("UP --help -- echo RAN", Code::Is(1), Text::Empty, Text::With("Usage:")),
    ("UP --unknown", Code::Is(1), Text::Empty, Text::With("Unknown argument: --unknown")),
    // The place in each of its forms.
    (
        "--host=UPHOST --port=UPPORT --timeout=1",
        Code::Is(0),
        Text::Empty,
        Text::With("waiting 1 seconds for UP"),
    ),
    ("-h UPHOST -p UPPORT -t 1", Code::Is(0), Text::Empty, Text::With("waiting 1 seconds for UP")),
    ("UP --timeout=1", Code::Is(0), Text::Empty, Text::With("waiting 1 seconds for UP")),
    ("--timeout=1 UP", Code::Is(0), Text::Empty, Text::With("UP is available after 0 seconds")),
    ("localhost:UPPORT -t 1", Code::Is(0), Text::Empty, Text::With("localhost:UPPORT is available after")),
    // The last one counts.
    ("DOWN UP -t 1", Code::Is(0), Text::Empty, Text::With("UP is available")),
    ("UP -t 9 -t 1", Code::Is(0), Text::Empty, Text::With("waiting 1 seconds for")),
    // Without a limit.
    ("UP -t 0", Code::Is(0), Text::Empty, Text::With("waiting for UP without a timeout")),
    ("UP --timeout=0 -- echo RAN", Code::Is(0), Text::With("RAN"), Text::Any),
    // At the limit.
    (
        "DOWN --timeout=1",
        Code::Is(124),
        Text::Empty,
        Text::With("timeout occurred after waiting 1 seconds for DOWN"),
    ),
    ("DOWN -t 1 -q", Code::Is(124), Text::Empty, Text::Empty),
    ("DOWN -t 1 --quiet --strict -- echo RAN", Code::Is(124), Text::Empty, Text::Empty),
    (
        "DOWN -t 1 -s -- echo RAN",
        Code::Is(124),
        Text::Empty,
        Text::With("strict mode, refusing to execute subprocess"),
    ),
    ("DOWN -t 1 --strict", Code::Is(124), Text::Empty, Text::With("timeout occurred")),
    // The command, with the place up and down.
    ("UP -- echo CMD OUTPUT", Code::Is(0), Text::With("CMD OUTPUT"), Text::With("is available")),
    ("UP -q -- echo CMD OUTPUT", Code::Is(0), Text::With("CMD OUTPUT"), Text::Empty),
    ("UP -s -- echo CMD OUTPUT", Code::Is(0), Text::With("CMD OUTPUT"), Text::With("is available")),
    (
        "DOWN --timeout=1 -- echo CMD OUTPUT",
        Code::Is(0),
        Text::With("CMD OUTPUT"),
        Text::With("timeout occurred"),
    ),
    ("UP --timeout=1 -- cat not_real_file", Code::Failure, Text::Empty, Text::With("No such file")),
    ("UP -- sh -c exit\u{a0}7", Code::Is(7), Text::Empty, Text::Any),
    ("DOWN -t 1 -- sh -c exit\u{a0}7", Code::Is(7), Text::Empty, Text::Any),
    ("UP -- nothing-of-that-name", Code::Is(127), Text::Empty, Text::With("nothing-of-that-name")),
    // What stands after the first dashes is the command's.
    (
        "UP -- echo -q -t 3 -- --strict",
        Code::Is(0),
        Text::With("-q -t 3 -- --strict"),
        Text::With("is available"),
    ),
    ("UP --", Code::Is(0), Text::Empty, Text::With("is available")),
];

#[test]
fn as_wait_for_it_it_does_what_that_scripts_own_tests_want() {
    let folder = Folder::new();
    let script = wait_for_it(&folder);
    let (good, bad) = (Server::closing(), Refusing::new());
    let (host, port) = (good.address().ip().to_string(), good.port().to_string());
    let places = [
        ("UPHOST", host.clone()),
        ("UPPORT", port.clone()),
        ("UP", format!("{host}:{port}")),
        ("DOWN", bad.address().to_string()),
    ];
    let filled =
        |text: &str| places.iter().fold(text.to_owned(), |text, (name, place)| text.replace(name, place));
    for (line, code, stdout, stderr) in CASES {
        // A space that does not part words.
        let args: Vec<String> = line.split(' ').filter(|word| !word.is_empty()).map(filled).collect();
        let args: Vec<String> = args.into_iter().map(|word| word.replace('\u{a0}', " ")).collect();
        let run: Run = Sexton::with(&args).env("PATH", "/usr/bin:/bin").at(&script).run();
        match code {
            Code::Is(code) => assert_eq!(run.code, Some(*code), "{line}: {run:?}"),
            Code::Failure => assert!(run.code.is_some_and(|code| code != 0), "{line}: {run:?}"),
        }
        assert!(stdout.holds(&run.stdout), "{line}: {run:?}");
        let is_said = match stderr {
            Text::With(part) => run.stderr.contains(&filled(part)),
            other => other.holds(&run.stderr),
        };
        assert!(is_said, "{line}: {run:?}");
    }
}

/// bash runs it itself; what `sexton wait` refuses is no matter here.
#[test]
fn as_wait_for_it_a_script_without_an_interpreter_line_is_run() {
    let folder = Folder::new();
    let script = wait_for_it(&folder);
    let (draft, bare) = (folder.join("draft"), folder.join("bare"));
    fs::write(&draft, "echo ran $1\nexit 5\n").unwrap();
    fs::set_permissions(&draft, Permissions::from_mode(0o755)).unwrap();
    copy(&draft, &bare);
    let good = Server::answering(OK);
    let up = good.address().to_string();
    let run = Sexton::with([up.as_str(), "-q", "--", bare.to_str().unwrap(), "x"]).at(&script).run();
    assert_eq!((run.code, run.stdout.as_str()), (Some(5), "ran x\n"), "{run:?}");
}

/// The script's variables are what its options set; an option is stronger.
#[test]
fn as_wait_for_it_it_reads_that_scripts_variables() {
    let folder = Folder::new();
    let script = wait_for_it(&folder);
    let (good, bad) = (Server::answering(OK), Refusing::new());
    let run = |args: &[&str], variables: &[(&str, &str)]| {
        let start = Sexton::with(args).at(&script);
        variables.iter().fold(start, |start, (name, value)| start.env(name, value)).run()
    };
    let (up, down) = (good.address().to_string(), bad.address().to_string());
    let place = [("WAITFORIT_HOST", "127.0.0.1"), ("WAITFORIT_PORT", &*good.port().to_string())];
    assert_eq!(run(&[], &place).code, Some(0));
    let quiet = run(
        &[&down, "--", "/bin/true"],
        &[("WAITFORIT_TIMEOUT", "1"), ("WAITFORIT_STRICT", "1"), ("WAITFORIT_QUIET", "1")],
    );
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(124), ""), "{quiet:?}");
    quiet.took(Duration::from_secs(1));
    let stronger = run(&[&up, "-t", "2"], &[("WAITFORIT_TIMEOUT", "9")]);
    assert!(stronger.stderr.contains("waiting 2 seconds"), "{stronger:?}");
}
