//! `sexton init`.

use std::ffi::OsString;
use std::time::Duration;

use crate::command::{Command, Document};
use crate::exit::ExitStatus;
use crate::init::Explain;
use crate::init::plan::{
    DrainPolicy, Init, LogFormat, MainChild, NotifyVariables, ParentDeath, SignalScope, Subreaper, Verbosity,
};
use crate::init::signals::Signal;

use super::args::Args;
use super::expand::{names_with, variable_os};
use super::hints;
use super::line::{self, Grammar, Line, Operands, Source};
use super::option::{Given, Opt, Table};
use super::usage::Usage;
use super::{options, retry, targets, watch};

/// What an init does with signals and processes. Each can come from the environment, too: `docker run --init` and many
/// charts leave no room on the command line. The command line is stronger.
pub(super) const TABLE: Table = Table {
    heading: None,
    options: &[
        Opt::switch("group", "Send signals to CMD's whole process group", |args, _| {
            args.init.signal_scope = SignalScope::ProcessGroup;
            Ok(())
        })
        .short('g')
        .env("SEXTON_INIT_GROUP"),
        Opt::value("exit-zero", "CODE,..", "Exit codes that become 0; 143 or SIGTERM", |args, given| {
            for text in given.list()? {
                args.init.exit_zero.insert(exit_code(given, &text)?);
            }
            Ok(())
        })
        .short('e')
        .env("SEXTON_INIT_EXIT_ZERO")
        .many(),
        Opt::value("rewrite", "A:B,..", "Forward signal A as B; A:0 drops it", |args, given| {
            given.list()?.iter().try_for_each(|text| rewrite(&mut args.init, given, text))
        })
        .short('r')
        .env("SEXTON_INIT_REWRITE")
        .many(),
        Opt::value(
            "parent-death",
            "SIGNAL",
            "Signal that sexton gets if its parent dies, and CMD gets if sexton dies",
            |args, given| {
                let signal = Signal::parse(&given.text()?).map_err(|why| given.refuse(why))?;
                args.init.parent_death = ParentDeath::Chain(signal);
                Ok(())
            },
        )
        .short('p')
        .env("SEXTON_INIT_PARENT_DEATH"),
        Opt::value(
            "kill-after",
            "DURATION",
            "Send SIGKILL this long after the first SIGTERM or SIGINT",
            |args, given| {
                args.init.kill_after = Some(given.positive_duration()?);
                Ok(())
            },
        )
        .env("SEXTON_INIT_KILL_AFTER"),
        Opt::value("stop-delay", "DURATION", "Hold SIGTERM and SIGINT back for this long", |args, given| {
            args.init.stop_delay = given.duration()?;
            Ok(())
        })
        .env("SEXTON_INIT_STOP_DELAY"),
        Opt::value(
            "drain",
            "DURATION",
            "Time from SIGTERM to SIGKILL for what CMD leaves [default: 5s; 2s after a stop]",
            |args, given| {
                args.init.drain_policy = DrainPolicy::Limit(given.duration()?);
                Ok(())
            },
        )
        .env("SEXTON_INIT_DRAIN"),
        Opt::value(
            "stop-timeout",
            "DURATION",
            "The runtime's limit for a stop (docker stop -t); exit before it",
            |args, given| {
                args.init.stop_timeout = Some(given.positive_duration()?);
                Ok(())
            },
        )
        .env("SEXTON_INIT_STOP_TIMEOUT"),
        Opt::switch(
            "notify",
            "Send READY=1 and WATCHDOG=1 to NOTIFY_SOCKET once CMD is healthy",
            |args, _| {
                args.init.notify.get_or_insert_default();
                Ok(())
            },
        )
        .env("SEXTON_INIT_NOTIFY"),
        Opt::switch("notify-pass", "Pass NOTIFY_SOCKET to CMD as well", |args, _| {
            args.init.notify.get_or_insert_default().variables = NotifyVariables::Passed;
            Ok(())
        })
        .env("SEXTON_INIT_NOTIFY_PASS"),
        Opt::value(
            "subreaper",
            "WHEN",
            "Adopt orphans when not PID 1: auto, always, never",
            |args, given| {
                args.init.subreaper = match given.text()?.as_str() {
                    "auto" => Subreaper::Auto,
                    "always" => Subreaper::Always,
                    "never" => Subreaper::Never,
                    other => {
                        return Err(given
                            .refuse(format_args!("invalid value `{other}`; write auto, always or never")));
                    }
                };
                Ok(())
            },
        )
        .env("SEXTON_INIT_SUBREAPER")
        .default("auto"),
        Opt::switch("verbose", "Log each event to stderr", |args, _| {
            args.init.log.verbosity = Verbosity::Event;
            Ok(())
        })
        .short('v')
        .env("SEXTON_INIT_VERBOSE"),
        Opt::value("log", "FORMAT", "The same as text or json, one event per line", |args, given| {
            args.init.log.verbosity = Verbosity::Event;
            args.init.log.format = match given.text()?.as_str() {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                other => {
                    return Err(given.refuse(format_args!("invalid format `{other}`; write text or json")));
                }
            };
            Ok(())
        })
        .env("SEXTON_INIT_LOG"),
    ],
};

/// What only the command `init` has.
const OWN: Table = Table {
    heading: None,
    options: &[
        Opt::switch("pause", "Run no command: reap until SIGTERM or SIGINT", |args, _| {
            args.init_mode.pause = true;
            Ok(())
        })
        .env("SEXTON_INIT_PAUSE"),
        Opt::switch("explain", "Print what would be done, and do nothing", |args, _| {
            args.init_mode.explain = true;
            Ok(())
        })
        .env("SEXTON_INIT_EXPLAIN"),
    ],
};

/// What it waits for.
const STARTUP_WAIT: Table = Table {
    heading: Some("Waiting"),
    options: &[
        Opt::value(
            "wait",
            "TARGET",
            "Wait for this target before starting CMD (repeatable)",
            |args, given| {
                args.retry.targets.extend(watch::named_targets(given));
                Ok(())
            },
        )
        .env("SEXTON_INIT_WAIT")
        .many(),
        Opt::value("wait-timeout", "DURATION", "Limit of the whole wait; 0 waits forever", |args, given| {
            args.retry.timeout = given.limit()?;
            Ok(())
        })
        .env("SEXTON_INIT_WAIT_TIMEOUT")
        .default("60s")
        .needs(&["wait"]),
    ],
};

/// `sexton init`.
pub(super) const GRAMMAR: Grammar = Grammar {
    command: "init",
    usage: "sexton init [OPTIONS] [--] CMD [ARG]...",
    about: "Runs CMD as PID 1 should: reaps every zombie, forwards signals, keeps CMD's exit code",
    examples: "\
With --wait and --watch, the options of sexton check that are about targets apply; with --wait, those of
sexton wait, too. Each option can come from the environment: SEXTON_INIT_GROUP=1, SEXTON_INIT_WATCH=tcp://:80

Example:
  ENTRYPOINT [\"/sexton\", \"init\", \"--kill-after\", \"8s\", \"--\", \"/app\", \"--port\", \"80\"]

Exit codes: CMD's own, 128+n if signal n killed it, 124 --wait reached its limit, 1 --watch stopped CMD,
125 sexton failed or was misused, 126 CMD not executable, 127 CMD not found",
    misused: ExitStatus::InitFailed,
    sources: &[
        Source::shown(&TABLE).with_environment(),
        Source::shown(&OWN).with_environment(),
        Source::shown(&STARTUP_WAIT).with_environment(),
        Source::shown(&watch::TABLE).with_environment(),
        Source::shown(&retry::ATTEMPTS).with_environment(),
        Source::hidden(&retry::TABLE).with_environment(),
        Source::hidden(&options::TABLES[0]),
        Source::hidden(&options::TABLES[1]),
        Source::hidden(&options::TABLES[2]),
        Source::hidden(&options::TABLES[3]),
        Source::hidden(&options::TABLES[4]),
        Source::hidden(&options::TABLES[5]),
    ],
    assumed: &[],
};

/// What a line asks for.
#[derive(Debug)]
enum Request {
    /// The init itself.
    Run(Init),
    /// What it would do.
    Explain(Init),
    /// The help.
    Help(String),
}

/// Reads what follows `init`.
pub(super) fn parse(args: impl Iterator<Item = OsString>) -> Result<Box<dyn Command>, Usage> {
    Ok(match read(args)? {
        Request::Run(plan) => Box::new(plan),
        Request::Explain(plan) => Box::new(Explain(plan)),
        Request::Help(text) => Box::new(Document::stdout(text)),
    })
}

/// Reads what follows `init` as far as that goes without running anything.
fn read(args: impl Iterator<Item = OsString>) -> Result<Request, Usage> {
    match line::read(&GRAMMAR, Operands::Command, args.collect())? {
        line::Request::Help(text) => Ok(Request::Help(text)),
        line::Request::Run(line) => build(line).map_err(line::refuse(GRAMMAR.misused)),
    }
}

/// Turns a line into a plan.
fn build(line: Line) -> Result<Request, String> {
    let mut args = line::apply(&GRAMMAR, &line.given)?;
    plan_targets(&mut args, &line)?;
    let command = line.command.unwrap_or_default();
    let main = match (args.init_mode.pause, command.first()) {
        (true, None) => MainChild::None,
        (true, Some(_)) => return Err("--pause cannot be used with a command".into()),
        (false, None) => {
            return Err("no command; write for example sexton init -- /app (see sexton init --help)".into());
        }
        (false, Some(name)) if name.is_empty() => return Err("the command is empty".into()),
        (false, Some(_)) => MainChild::Command(command),
    };
    let plan = Init { main, ..args.init };
    Ok(if args.init_mode.explain { Request::Explain(plan) } else { Request::Run(plan) })
}

/// Plans who is told, if somebody wants to be: without a socket `--notify` does nothing, so that an image can have it.
fn plan_notification(init: &mut Init) {
    let Some(notify) = &mut init.notify else { return };
    match variable_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()) {
        Some(socket) => {
            let limit = variable_os("WATCHDOG_USEC").and_then(|text| text.to_str()?.parse().ok());
            notify.socket = socket;
            notify.watchdog = limit.filter(|limit| *limit > 0).map(Duration::from_micros);
        }
        None => init.notify = None,
    }
}

/// What the variables of an init begin with.
const PREFIX: &str = "SEXTON_INIT_";

/// Ends of names that Kubernetes and Docker give to the variables of a service or link that is called `sexton-init`.
const OF_SERVICES: [&str; 3] = ["SERVICE_HOST", "SERVICE_PORT", "PORT"];

/// Names the variables that look as if they were options and are none. That is no reason not to start.
fn warn_of_variables(init: &mut Init) {
    let is_known = |name: &str| GRAMMAR.options().any(|option| option.variable == Some(name));
    let is_of_service = |name: &str| {
        let name = name.strip_prefix(PREFIX).unwrap_or(name);
        OF_SERVICES
            .iter()
            .any(|end| name.strip_prefix(end).is_some_and(|after| after.is_empty() || after.starts_with('_')))
    };
    let unknown = names_with(PREFIX).into_iter().filter(|name| !is_known(name) && !is_of_service(name));
    init.warnings = unknown.map(|name| hints::unknown_variable(&GRAMMAR, PREFIX, &name)).collect();
}

/// Plans what is waited for and what is watched, and who hears of it.
pub(super) fn plan_targets(args: &mut Args, line: &Line) -> Result<(), String> {
    let waited = args.retry.targets.clone();
    let all = [waited.as_slice(), &args.watch.targets].concat();
    let mut probes = targets::into_probes(&all, args, &line.given)?;
    let watched = probes.split_off(waited.len());
    args.init.wait = if probes.is_empty() { None } else { Some(retry::plan(args, probes)) };
    args.init.watch = watch::plan(args, watched, line.given("unhealthy-exit"))?;
    plan_notification(&mut args.init);
    warn_of_variables(&mut args.init);
    Ok(())
}

/// Reads `143`, `SIGTERM`.
fn exit_code(given: &Given, text: &str) -> Result<u8, String> {
    if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+')) {
        return text.parse().map_err(|_| given.refuse(format_args!("invalid exit code `{text}` (0-255)")));
    }
    Signal::parse(text).map(Signal::exit_code).map_err(|why| given.refuse(why))
}

/// Reads `TERM:QUIT`, `HUP:0`.
fn rewrite(init: &mut Init, given: &Given, text: &str) -> Result<(), String> {
    let refuse = |why: String| Err(given.refuse(why));
    let Some((from, to)) = text.split_once(':') else {
        return refuse(format!("invalid pair `{text}`; write for example TERM:QUIT, or HUP:0 to drop it"));
    };
    let read = |text: &str| Signal::parse(text).map_err(|why| given.refuse(why));
    let from = read(from)?;
    let to = if to == "0" { None } else { Some(read(to)?) };
    if matches!(from, Signal::KILL | Signal::STOP) {
        return refuse(format!("SIG{from} cannot be caught, so `{text}` can never apply"));
    }
    if from == Signal::CHLD {
        return refuse(format!("SIGCHLD is never forwarded, so `{text}` can never apply"));
    }
    if let Some(to @ (Signal::KILL | Signal::STOP)) = to {
        return refuse(format!("SIG{to} cannot be forwarded: `{text}`; see --kill-after"));
    }
    if to == Some(from) {
        return refuse(format!("`{text}` rewrites a signal to itself"));
    }
    if init.rewrites.changed().any(|(seen, _)| seen == from) {
        return refuse(format!("SIG{from} is rewritten twice"));
    }
    init.rewrites.set(from, to);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `words` as argv has them.
    fn argv(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    /// The plan of a command line.
    fn plan(words: &[&str]) -> Result<Init, String> {
        match read(argv(words).into_iter()) {
            Ok(Request::Run(plan) | Request::Explain(plan)) => Ok(plan),
            Ok(Request::Help(text)) => Err(text),
            Err(usage) => Err(usage.message),
        }
    }

    #[test]
    fn options_end_at_the_first_non_option() {
        for (words, command) in [
            (&["sh", "-c", "exit 3"][..], &["sh", "-c", "exit 3"][..]),
            (&["--", "sh", "-g"], &["sh", "-g"]),
            (&["-g", "sh", "-v", "--help"], &["sh", "-v", "--help"]),
            (&["-g", "--", "-v"], &["-v"]),
            (&["-vg", "--drain=1s", "app", "--", "x", ""], &["app", "--", "x", ""]),
            (&["--", "--", "x"], &["--", "x"]),
            (&["-"], &["-"]),
            (&["-v", "-"], &["-"]),
        ] {
            assert_eq!(plan(words).unwrap().main, MainChild::Command(argv(command)), "{words:?}");
        }
    }

    #[test]
    fn bad_words_are_refused_in_one_line() {
        for (words, part) in [
            (&[][..], "no command"),
            (&["--"], "no command"),
            (&["-g"], "no command"),
            (&["--", ""], "empty"),
            (&["-x", "app"], "unknown option -x"),
            (&["--grup", "app"], "--group"),
            (&["-e", "256", "app"], "0-255"),
            (&["-e", "-1", "app"], "0-255"),
            (&["-e", "1,", "app"], "unknown signal ``"),
            (&["-e", "NOPE", "app"], "unknown signal `NOPE`"),
            (&["-r", "TERM", "app"], "TERM:QUIT"),
            (&["-r", "TERM:TERM", "app"], "itself"),
            (&["-r", "KILL:TERM", "app"], "SIGKILL cannot be caught"),
            (&["-r", "TERM:9", "app"], "--kill-after"),
            (&["-r", "CHLD:TERM", "app"], "SIGCHLD"),
            (&["-r", "TERM:INT,15:HUP", "app"], "twice"),
            (&["-p", "65", "app"], "unknown signal `65`"),
            (&["--kill-after", "0", "app"], "more than 0"),
            (&["--kill-after", "-1s", "app"], "invalid duration"),
            (&["--stop-delay", "-1s", "app"], "invalid duration"),
            (&["--drain", "soon", "app"], "invalid duration"),
            (&["--drain"], "--drain"),
            (&["--subreaper", "maybe", "app"], "auto, always or never"),
            (&["--log", "xml", "app"], "text or json"),
            (&["--pause", "app"], "cannot be used with a command"),
        ] {
            let why = plan(words).unwrap_err();
            assert!(why.contains(part) && !why.contains('\n'), "{words:?}: {why}");
        }
    }

    #[test]
    fn a_full_line_becomes_a_plan() {
        let plan = plan(&[
            "-g",
            "-e",
            "143,INT",
            "-e",
            "1",
            "-r",
            "TERM:QUIT",
            "-r",
            "HUP:0,QUIT:TERM",
            "-p",
            "KILL",
            "--kill-after",
            "8s",
            "--stop-delay=500ms",
            "--drain",
            "0",
            "--subreaper",
            "never",
            "--log",
            "json",
            "app",
        ])
        .unwrap();
        assert_eq!(plan.signal_scope, SignalScope::ProcessGroup);
        assert!(
            [1, 130, 143].iter().all(|&code| plan.exit_zero.contains(code)) && !plan.exit_zero.contains(2)
        );
        assert_eq!(plan.rewrites.get(Signal::TERM), Some(Signal::QUIT));
        assert_eq!(plan.rewrites.get(Signal::QUIT), Some(Signal::TERM));
        assert_eq!(plan.rewrites.get(Signal::HUP), None);
        assert_eq!(plan.parent_death, ParentDeath::Chain(Signal::KILL));
        assert_eq!(plan.kill_after, Some(Duration::from_secs(8)));
        assert_eq!(plan.stop_delay, Duration::from_millis(500));
        assert_eq!(plan.drain_policy, DrainPolicy::Limit(Duration::ZERO));
        assert_eq!(plan.subreaper, Subreaper::Never);
        assert_eq!((plan.log.format, plan.log.verbosity), (LogFormat::Json, Verbosity::Event));
    }
}
