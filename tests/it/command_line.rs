//! The command line and the environment: one option, whichever way it is given.

use std::fs;

use crate::support::isolated::is_root;
use crate::support::servers::{OK, Server};
use crate::support::temp::Folder;
use crate::support::{Sexton, sexton};

/// The line that `sexton init` is refused with.
fn refused_init(env: &[(&str, &str)], args: &[&str]) -> String {
    let words = ["init"].iter().chain(args).chain(&["--", "true"]);
    let run = env.iter().fold(Sexton::with(words), |run, (name, value)| run.env(name, value)).run();
    assert_eq!((run.code, run.stderr.lines().count()), (Some(125), 1), "{run:?}");
    run.stderr.trim_start_matches("sexton: ").trim_end().to_owned()
}

#[test]
fn a_variable_is_its_option_and_is_blamed_by_its_own_name() {
    let wait = &["--wait", "file:/bin/sh"][..];
    for (env, args, line) in [
        (&[("SEXTON_INIT_MAX_INTERVAL", "5s")][..], &[][..], "SEXTON_INIT_MAX_INTERVAL needs --backoff"),
        (&[], &["--max-interval", "5s"], "--max-interval needs --backoff"),
        (
            &[("SEXTON_INIT_QUIET", "1"), ("SEXTON_INIT_JSON", "1")],
            wait,
            "SEXTON_INIT_QUIET cannot be used with SEXTON_INIT_JSON",
        ),
        (
            &[("SEXTON_INIT_QUIET", "1")],
            &["--json", wait[0], wait[1]],
            "SEXTON_INIT_QUIET cannot be used with --json",
        ),
        (
            &[("SEXTON_INIT_INTERVAL", "5")],
            wait,
            "SEXTON_INIT_INTERVAL: invalid duration `5`; did you mean 5s?",
        ),
        (
            &[("SEXTON_INIT_STABLE", "0")],
            wait,
            "SEXTON_INIT_STABLE: invalid number `0`; write a number from 1 on",
        ),
        (&[("SEXTON_INIT_GROUP", "maybe")], &[], "SEXTON_INIT_GROUP: invalid value `maybe`; write 1 or 0"),
        (&[("SEXTON_INIT_RETRIES", "2")], &[], "SEXTON_INIT_RETRIES needs --watch"),
    ] {
        let told = refused_init(env, args);
        assert!(told.starts_with(line), "{env:?} {args:?}: {told}");
    }
    // An empty variable is unset, and so is a switch that says no.
    let run = Sexton::with(["init", "--", "true"])
        .env("SEXTON_INIT_MAX_INTERVAL", "")
        .env("SEXTON_INIT_JSON", "no")
        .run();
    assert_eq!(run.code, Some(0), "{run:?}");
    Sexton::with(["check", "file:/bin/sh"]).env("SEXTON_TIMEOUT", "").run().said(0, "healthy: exists");
}

#[test]
fn a_duration_is_expanded_once_wherever_it_stands() {
    let wait = |limit: &str| {
        let server = Server::answering(OK);
        Sexton::with(["wait", "-t", "${T}", "-q", &server.url()]).env("T", limit).run().code
    };
    assert_eq!((wait("0"), wait("0s"), wait("9s")), (Some(0), Some(0), Some(0)));
    let init = |option: &str| {
        Sexton::with(["init", "--explain", "--watch", "file:/bin/sh", option, "${SP}", "--", "true"])
            .env("SP", "7s")
            .run()
            .code
    };
    for option in
        ["--start-period", "--start-interval", "--interval", "--kill-after", "--stop-delay", "--drain"]
    {
        assert_eq!(init(option), Some(0), "{option}");
    }
    Sexton::with(["check", "-t", "${T}", "file:/bin/sh"])
        .env("T", "$${T}")
        .run()
        .refused("--timeout: invalid duration `$${T}`; write for example 500ms, 4s or 1m30s");
}

#[test]
fn a_default_may_hold_variables() {
    let server = Server::answering(OK);
    let (host, port) = ("127.0.0.1".to_owned(), server.port().to_string());
    let run = Sexton::with(["check", "http://${A:-${HOST}}:${B:-${C:-${PORT}}}/${D:-a${E:-b}c}"])
        .env("HOST", &host)
        .env("PORT", &port)
        .run();
    run.said(0, &format!("healthy: status 200 (http://{host}:{port}/abc, "));
    sexton(["check", "http://${A:-${B}/"]).refused("`${` without its `}`; write $$ for a plain $");
}

#[test]
fn a_target_has_the_name_that_it_is_given() {
    let server = Server::answering(OK);
    let named = format!("web={}", server.url());
    sexton(["check", &named]).said(0, "healthy: status 200 (web, ");
    let json = sexton([
        "check",
        "--json",
        &named,
        &server.url(),
        &format!("{}?a=1", server.url()),
        &format!("{}?a=2", server.url()),
    ]);
    for part in ["\"target\":\"web\"", "?***\"", "?*** (2)\""] {
        assert!(json.stdout.contains(part), "{part}: {json:?}");
    }
    sexton(["check", "a=tcp://h:1", "a=tcp://h:2"]).refused("two targets are named `a`");
    sexton(["check", "a=h:1"]).refused("h:1 has no scheme; write http://h:1 or tcp://h:1");
    let run = Sexton::with(["init", "--explain", "--", "true"])
        .env("SEXTON_INIT_WATCH", "db=tcp://h:1#send=a,web=http://h/#status=200,401 tcp://h:2")
        .run();
    assert!(run.stdout.contains("db, web, tcp://h:2 every 10s"), "{run:?}");
}

#[test]
fn a_target_has_options_of_its_own() {
    let unauthorized = Server::answering("HTTP/1.1 401 no\r\nContent-Length: 2\r\n\r\nUP");
    let good = Server::answering(OK);
    let own = format!("{}x#status=200,401&contains=${{WORD}}", unauthorized.url());
    let run = Sexton::with(["check", &own, &good.url()]).env("WORD", "UP").run();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(unauthorized.first_request().starts_with("GET /x HTTP/1.1\r\n"), "a fragment is never sent");
    // What stands on the line is for all, and the target's own is stronger.
    let run = sexton(["check", "--status", "500", &format!("{}#status=401", unauthorized.url())]);
    run.said(0, "healthy: status 401 (");
    let folder = Folder::new();
    let file = folder.join("empty#1");
    fs::write(&file, "").unwrap();
    let file = file.display();
    sexton(["check", &format!("file:{file}")]).said(0, "healthy: exists (file:");
    sexton(["check", &format!("file:{file}#non-empty")]).said(1, "unhealthy: the file is empty (file:");
    for (target, line) in [
        (
            "http://h/#nope=1",
            "http://h/: unknown option `nope` after the `#`; it takes the options of sexton check that are about one target",
        ),
        (
            "http://h/#timeout=1s",
            "http://h/: unknown option `timeout` after the `#`; it takes the options of sexton check that are about one target",
        ),
        ("http://h/#status=99", "http://h/: #status: invalid HTTP status `99` (100-599)"),
        ("http://h/#insecure", "http://h/: #insecure does not apply to this target"),
        ("http://h/#status", "http://h/: #status needs a value"),
        ("http://h/#user=a:b&bearer-file=/t", "http://h/: #user cannot be used with #bearer-file"),
    ] {
        sexton(["check", target]).refused(line);
    }
}

#[test]
fn a_relative_path_is_seen_from_where_the_line_was_read() {
    let folder = Folder::new();
    fs::write(folder.join("token"), "abc\n").unwrap();
    let place = folder.path().to_str().unwrap();
    let server = Server::answering(OK);
    let url = server.url();
    for options in [&["--bearer-file", "token"][..], &["--data", "@token"]] {
        let words = [&["check", &url][..], options].concat();
        Sexton::with(words).under(["env", "-C", place]).run().said(0, "healthy: status 200 (");
    }
    // An init leaves its directory; its watch is told by the plan that it prints nowhere, so that a file speaks.
    let told = folder.join("told");
    let words = [
        "init",
        "--watch",
        &url,
        "--bearer-file",
        "token",
        "--interval",
        "20ms",
        "--retries",
        "1",
        "--status-file",
        "told",
        "--",
        "/bin/sh",
        "-c",
        "for i in $(seq 250); do grep -qs '\"healthy\"' told && exit 7; sleep 0.02; done",
    ];
    let run = Sexton::with(words).env("PATH", "/usr/bin:/bin").under(["env", "-C", place]).run();
    assert_eq!(run.code, Some(7), "{run:?}");
    assert!(!told.exists(), "it is taken away at the end");
    sexton(["check", "file:run/app"]).refused("file:run/app: the path must be absolute");
}

#[test]
fn options_of_an_init_are_refused_where_there_is_none() {
    for option in [
        &["--watch", "tcp://h:1"][..],
        &["--listen", ":1"],
        &["--status-file", "/s"],
        &["--stop-delay", "1s"],
        &["-v"],
    ] {
        for command in [&[][..], &["--", "true"]] {
            let run = sexton([&["wait", "tcp://h:1"][..], option, command].concat());
            assert_eq!(run.code, Some(125), "{run:?}");
            let is_told = run.stderr.contains("is an option of an init; write sexton init --wait TARGET")
                || run.stderr.contains("needs --watch");
            assert!(is_told, "{run:?}");
        }
    }
}

#[test]
fn a_hand_that_knows_another_tool_is_told_ours() {
    for (words, part) in [
        (&["check", "--max-time", "4", "http://h/"][..], "write --timeout 4s"),
        (&["check", "-f", "http://h/"], "fails already"),
        (&["check", "-L", "http://h/"], "write --follow"),
        (&["check", "--retry", "3", "http://h/"], "sexton wait retries"),
        (&["check", "--timeout", "5", "http://h/"], "did you mean 5s?"),
        (&["check", "--insecur", "https://h/"], "did you mean --insecure?"),
        (&["curl", "http://h/"], "sexton check http://"),
        (&["wait-for-it.sh", "db:1"], "sexton wait tcp://"),
        (&["tini"], "sexton init -- CMD"),
    ] {
        let run = sexton(words);
        assert!(run.stderr.contains(part) && run.stderr.lines().count() == 1, "{words:?}: {run:?}");
    }
}

#[test]
fn each_scheme_has_a_line_of_help() {
    let run = sexton(["help", "targets"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    for scheme in ["http://", "redis+unix:", "dir:/", "zombies:", "dns:", "mongodb://"] {
        assert!(run.stdout.contains(&format!("\n  {scheme}")), "{scheme}: {}", run.stdout);
    }
    // Each example is a target.
    for example in
        run.stdout.lines().filter_map(|line| line.strip_prefix("  ")?.split_once("  ")).map(|(one, _)| one)
    {
        let run = Sexton::with([
            "init",
            "--explain",
            "--expect",
            "x",
            "--watch",
            "tcp://h:1",
            "--watch",
            example,
            "--",
            "true",
        ])
        .env("PASSWORD", "a/b")
        .run();
        assert_eq!(run.code, Some(0), "{example}: {run:?}");
    }
}

#[test]
fn a_file_that_may_not_be_read_is_not_known_to_hold_anything() {
    if !is_root() {
        return;
    }
    let folder = Folder::new();
    let file = folder.join("secret");
    fs::write(&file, "x").unwrap();
    let target = format!("file:{}", file.display());
    sexton(["check", "--non-empty", &target]).said(0, "healthy: exists (");
    for path in [folder.path(), file.as_path()] {
        use std::os::unix::fs::PermissionsExt;
        let mode = if path == file { 0o600 } else { 0o755 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let run = Sexton::with(["check", "--non-empty", &target]).under(nobody).run();
    run.said(1, "unhealthy: permission denied for uid 65534 (");
    let directory = format!("dir:{}", folder.path().display());
    sexton(["check", &directory]).said(0, "healthy: the directory exists (");
    sexton(["check", &format!("dir:{}", file.display())]).said(1, "unhealthy: a file, not a directory (");
    sexton(["check", &format!("file:{}", folder.path().display())])
        .said(1, "unhealthy: a directory, not a file; dir: checks for directories (");
}

#[test]
fn the_page_has_every_scheme_and_every_option() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/");
    let page = fs::read_to_string(format!("{root}docs/check.md")).unwrap();
    let table = fs::read_to_string(format!("{root}src/probe/mod.rs")).unwrap();
    let names = table.split("name: \"").skip(1).filter_map(|rest| rest.split_once('"'));
    for (name, _) in names {
        assert!(page.contains(&format!("`{name}:")), "docs/check.md lacks {name}");
    }
    let help = sexton(["check", "--help"]).stdout;
    let names = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let names = names.filter_map(|line| line.split("  ").next());
    let options = names.flat_map(str::split_whitespace).filter(|word| word.starts_with("--"));
    let options: Vec<_> = options.map(|word| word.split(['[', '=']).next().unwrap()).collect();
    assert!(options.len() > 25, "{options:?}");
    for option in options.into_iter().filter(|option| *option != "--help") {
        assert!(page.contains(&format!("`{option}")), "docs/check.md lacks {option}");
    }
}
