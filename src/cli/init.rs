//! `sexton init`.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use clap::{Args, FromArgMatches};

use crate::command::{Command, Document};
use crate::exit::ExitStatus;
use crate::init::Explain;
use crate::init::plan::{
    CodeSet, DrainPolicy, Init, LogFormat, MainChild, ParentDeath, SignalScope, Subreaper, Verbosity,
};
use crate::init::signals::{Rewrites, Signal};

use super::wait::PaceWords;
use super::{Usage, expand, options, targets, words};

/// What may stand before the command. Each can come from the environment, too: `docker run --init` and many charts leave no
/// room on the command line. The command line is stronger.
#[derive(Args, Debug, Default)]
#[group(skip)]
pub(super) struct Words {
    /// Send signals to the command's whole process group
    #[arg(short, long)]
    group: bool,
    /// Exit codes that become 0; 143 or SIGTERM
    #[arg(short, long, value_name = "CODE,..", allow_hyphen_values = true)]
    exit_zero: Vec<String>,
    /// Send B when A comes; A:0 drops it
    #[arg(short, long, value_name = "A:B,..", allow_hyphen_values = true)]
    rewrite: Vec<String>,
    /// Signal for us when our parent ends, for CMD when we do
    #[arg(short, long, value_name = "SIGNAL", allow_hyphen_values = true)]
    parent_death: Option<String>,
    /// SIGKILL for all, this long after the first SIGTERM or SIGINT
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    kill_after: Option<String>,
    /// Hold SIGTERM and SIGINT back this long
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    stop_delay: Option<String>,
    /// From SIGTERM to SIGKILL for what CMD leaves behind [default: 5s; 2s after a stop]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    drain: Option<String>,
    /// The runtime's limit for a stop, as in docker stop -t: our exit comes before it
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    stop_timeout: Option<String>,
    /// Adopt orphans when not PID 1: auto, always, never [default: auto]
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    subreaper: Option<String>,
    /// Tell each event on stderr
    #[arg(short, long)]
    verbose: bool,
    /// The same as text or json, one event a line
    #[arg(long, value_name = "FORMAT", allow_hyphen_values = true)]
    log: Option<String>,
}

/// What only `init` has.
#[derive(Args, Debug, Default)]
#[group(skip)]
struct Own {
    /// No command: reap until SIGTERM or SIGINT
    #[arg(long)]
    pause: bool,
    /// Print what would be done, do nothing
    #[arg(long)]
    explain: bool,
}

/// The command, byte for byte.
#[derive(Args, Debug, Default)]
#[group(skip)]
struct Rest {
    /// What to run; options end at the first word that is none
    #[arg(value_name = "CMD", trailing_var_arg = true)]
    command: Vec<OsString>,
}

/// The first line of `init --help`.
const ABOUT: &str = "Runs CMD as PID 1's child: reaps every zombie, forwards signals, keeps CMD's exit code";

/// The end of `init --help`.
const EXAMPLES: &str = "\
With --wait and --watch go the options of sexton check, with --wait those of sexton wait.
Every option of an init can come from the environment: SEXTON_INIT_GROUP=1, SEXTON_INIT_WATCH=tcp://:80, ...

Example:
  ENTRYPOINT [\"/sexton\", \"init\", \"--kill-after\", \"8s\", \"--\", \"/app\", \"--port\", \"80\"]

Exit codes: the command's own, 128+n killed by signal n, 124 --wait gave up, 1 --watch found it unhealthy,
125 our failure, 126 not executable, 127 not found";

/// Reads what follows `init`.
pub(super) fn parse(args: impl Iterator<Item = OsString>) -> Result<Box<dyn Command>, Usage> {
    Ok(match read(args)? {
        Request::Run(plan) => Box::new(plan),
        Request::Explain(plan) => Box::new(Explain(plan)),
        Request::Help(text) => Box::new(Document::stdout(text)),
    })
}

/// What a line asks for.
enum Request {
    /// The init itself.
    Run(Init),
    /// What it would do.
    Explain(Init),
    /// The help.
    Help(String),
}

/// Reads what follows `init` as far as that goes without running anything.
fn read(args: impl Iterator<Item = OsString>) -> Result<Request, Usage> {
    let args: Vec<OsString> = args.collect();
    let (line, command) = match plain(&args) {
        Some(command) => (Line::default(), command.to_vec()),
        None => match with_options(&args)? {
            Ok(parsed) => parsed,
            Err(help) => return Ok(Request::Help(help)),
        },
    };
    build(line, command).map_err(|why| Usage::new(ExitStatus::InitFailed, why))
}

/// The command, where no option stands before it: most lines, and clap's cost is not theirs.
fn plain(args: &[OsString]) -> Option<&[OsString]> {
    match args.split_first() {
        None => Some(args),
        Some((first, rest)) if first == "--" => Some(rest),
        Some((first, _)) if !first.as_encoded_bytes().starts_with(b"-") || first == "-" => Some(args),
        Some(_) => None,
    }
}

/// All options of a line.
#[derive(Debug, Default)]
struct Line {
    words: Words,
    own: Own,
    before: targets::Before,
    watch: targets::Words,
    pace: PaceWords,
    options: options::Words,
}

/// The options and the command; or the help that was asked for.
fn with_options(args: &[OsString]) -> Result<Result<(Line, Vec<OsString>), String>, Usage> {
    let refuse = |error: &clap::Error| Usage::from_clap("init", ExitStatus::InitFailed, error);
    let core = Rest::augment_args(Own::augment_args(Words::augment_args(
        clap::Command::new("sexton init")
            .override_usage("sexton init [OPTIONS] [--] CMD [ARG]...")
            .after_help(EXAMPLES)
            .no_binary_name(true),
    )))
    // Last: the doc comment of a group of words takes its place else.
    .about(ABOUT);
    let matches = match words::parse(core, all_words, args) {
        Ok(matches) => matches,
        Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelp => {
            return Ok(Err(error.to_string()));
        }
        Err(error) => return Err(refuse(&error)),
    };
    let core = &matches.core;
    let mut line = Line {
        words: Words::from_arg_matches(core).map_err(|error| refuse(&error))?,
        own: Own::from_arg_matches(core).map_err(|error| refuse(&error))?,
        ..Line::default()
    };
    if let Some(more) = &matches.more {
        line.before = targets::Before::from_arg_matches(more).map_err(|error| refuse(&error))?;
        line.watch = targets::Words::from_arg_matches(more).map_err(|error| refuse(&error))?;
        line.pace = PaceWords::from_arg_matches(more).map_err(|error| refuse(&error))?;
        line.options = options::Words::from_arg_matches(more).map_err(|error| refuse(&error))?;
    }
    let rest = Rest::from_arg_matches(core).map_err(|error| refuse(&error))?;
    Ok(Ok((line, rest.command)))
}

/// All words that `init` understands. Those that `check` and `wait` explain are in their helps.
fn all_words(command: clap::Command) -> clap::Command {
    let explained = options::augment(PaceWords::augment_args(clap::Command::new("explained")));
    let hidden: Vec<_> = explained
        .get_arguments()
        .map(|arg| match arg.get_id().as_str() {
            "interval" => {
                arg.clone().help("Pause between two checks; without --watch, that of --wait [default: 10s]")
            }
            "attempt_timeout" => {
                arg.clone().display_order(101).help("Limit of one attempt of either [default: 4s]")
            }
            _ => arg.clone().hide(true),
        })
        .collect();
    targets::Words::augment_args(targets::Before::augment_args(command)).args(hidden).about(ABOUT)
}

/// Turns words and the environment into a plan.
fn build(line: Line, command: Vec<OsString>) -> Result<Request, String> {
    let pause = line.own.pause || switch("PAUSE")?;
    let main = match (pause, command.first()) {
        (true, None) => MainChild::None,
        (true, Some(_)) => return Err("--pause runs no command; leave one of them out".into()),
        (false, None) => return Err("no command; try sexton init -- /app (see sexton init --help)".into()),
        (false, Some(name)) if name.is_empty() => return Err("the command is empty".into()),
        (false, Some(_)) => MainChild::Command(command),
    };
    let mut plan = line.words.into_plan(main)?;
    let mut pace = line.pace;
    targets::environment(&mut pace)?;
    (plan.wait, plan.watch) = line.watch.into_plans(line.options, &line.before.read()?, pace)?;
    Ok(if line.own.explain || switch("EXPLAIN")? { Request::Explain(plan) } else { Request::Run(plan) })
}

impl Words {
    /// Turns words and the environment into a plan for `main`.
    pub(super) fn into_plan(self, main: MainChild) -> Result<Init, String> {
        let mut plan = Init::new(main);
        self.apply(&mut plan)?;
        Ok(plan)
    }

    /// Changes in `plan` what words and the environment say.
    pub(super) fn apply(self, plan: &mut Init) -> Result<(), String> {
        let words = self;
        if words.group || switch("GROUP")? {
            plan.signal_scope = SignalScope::ProcessGroup;
        }
        if let Some((codes, flag)) = values(&words.exit_zero, "--exit-zero", "EXIT_ZERO")? {
            plan.exit_zero = exit_codes(&codes, &flag)?;
        }
        if let Some((pairs, flag)) = values(&words.rewrite, "--rewrite", "REWRITE")? {
            plan.rewrites = rewrites(&pairs, &flag)?;
        }
        if let Some((name, flag)) = value(words.parent_death, "--parent-death", "PARENT_DEATH")? {
            plan.parent_death =
                ParentDeath::Chain(Signal::parse(&name).map_err(|why| format!("{flag}: {why}"))?);
        }
        if let Some((text, flag)) = value(words.kill_after, "--kill-after", "KILL_AFTER")? {
            let after = duration(&text, &flag)?;
            if after.is_zero() {
                return Err(format!("{flag} must be more than 0"));
            }
            plan.kill_after = Some(after);
        }
        if let Some((text, flag)) = value(words.stop_delay, "--stop-delay", "STOP_DELAY")? {
            plan.stop_delay = duration(&text, &flag)?;
        }
        if let Some((text, flag)) = value(words.drain, "--drain", "DRAIN")? {
            plan.drain_policy = DrainPolicy::Limit(duration(&text, &flag)?);
        }
        if let Some((text, flag)) = value(words.stop_timeout, "--stop-timeout", "STOP_TIMEOUT")? {
            let limit = duration(&text, &flag)?;
            if limit.is_zero() {
                return Err(format!("{flag} must be more than 0"));
            }
            plan.stop_timeout = Some(limit);
        }
        if let Some((text, flag)) = value(words.subreaper, "--subreaper", "SUBREAPER")? {
            plan.subreaper = match text.as_str() {
                "auto" => Subreaper::Auto,
                "always" => Subreaper::Always,
                "never" => Subreaper::Never,
                _ => return Err(format!("{flag} `{text}`: write auto, always or never")),
            };
        }
        if words.verbose || switch("VERBOSE")? {
            plan.log.verbosity = Verbosity::Event;
        }
        if let Some((text, flag)) = value(words.log, "--log", "LOG")? {
            plan.log.verbosity = Verbosity::Event;
            plan.log.format = match text.as_str() {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                _ => return Err(format!("{flag} `{text}`: write text or json")),
            };
        }
        Ok(())
    }
}

/// The variable of an option, where it is set and not empty, and its whole name.
pub(super) fn variable(name: &str) -> Result<Option<(String, String)>, String> {
    let name = format!("SEXTON_INIT_{name}");
    match expand::variable_os(OsStr::new(&name)) {
        Some(text) if text.is_empty() => Ok(None),
        Some(text) => match text.into_string() {
            Ok(text) => Ok(Some((text, name))),
            Err(_) => Err(format!("{name} is not UTF-8")),
        },
        None => Ok(None),
    }
}

/// Whether the variable of an option without a value turns it on.
pub(super) fn switch(name: &str) -> Result<bool, String> {
    match variable(name)? {
        None => Ok(false),
        Some((text, name)) => match text.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Ok(true),
            "0" | "false" | "no" | "off" => Ok(false),
            _ => Err(format!("{name} `{text}`: write 1 or 0")),
        },
    }
}

/// A value and where it comes from: the command line, else the environment.
pub(super) fn value(
    given: Option<String>,
    flag: &str,
    name: &str,
) -> Result<Option<(String, String)>, String> {
    match given {
        Some(text) => Ok(Some((text, flag.to_owned()))),
        None => variable(name),
    }
}

/// The same for what can be given several times, or with commas.
fn values(given: &[String], flag: &str, name: &str) -> Result<Option<(Vec<String>, String)>, String> {
    let given = if given.is_empty() { None } else { Some(given.join(",")) };
    Ok(value(given, flag, name)?
        .map(|(text, flag)| (text.split(',').map(|part| part.trim().to_owned()).collect(), flag)))
}

/// Reads `143`, `SIGTERM`.
fn exit_codes(texts: &[String], flag: &str) -> Result<CodeSet, String> {
    let mut codes = CodeSet::default();
    for text in texts {
        let is_number = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+'));
        codes.insert(if is_number {
            text.parse().map_err(|_| format!("{flag} `{text}` is no exit code; those are 0 to 255"))?
        } else {
            Signal::parse(text).map_err(|why| format!("{flag}: {why}"))?.exit_code()
        });
    }
    Ok(codes)
}

/// Reads `TERM:QUIT`, `HUP:0`.
fn rewrites(texts: &[String], flag: &str) -> Result<Rewrites, String> {
    let mut table = Rewrites::default();
    let mut seen = Vec::with_capacity(texts.len());
    for text in texts {
        let (from, to) = text
            .split_once(':')
            .ok_or_else(|| format!("{flag} `{text}`: write for example TERM:QUIT, or HUP:0 to drop it"))?;
        let read = |text: &str| Signal::parse(text).map_err(|why| format!("{flag}: {why}"));
        let from = read(from)?;
        let to = if to == "0" { None } else { Some(read(to)?) };
        if matches!(from, Signal::KILL | Signal::STOP) {
            return Err(format!("{flag} `{text}`: nobody can catch SIG{from}"));
        }
        if from == Signal::CHLD {
            return Err(format!("{flag} `{text}`: SIGCHLD is the init's own and never sent on"));
        }
        if let Some(to @ (Signal::KILL | Signal::STOP)) = to {
            return Err(format!("{flag} `{text}`: SIG{to} cannot be a forwarded signal; see --kill-after"));
        }
        if to == Some(from) {
            return Err(format!("{flag} `{text}`: a signal rewritten to itself"));
        }
        if seen.contains(&from) {
            return Err(format!("{flag}: SIG{from} is rewritten twice"));
        }
        seen.push(from);
        table.set(from, to);
    }
    Ok(table)
}

/// Reads a length of time; 0 is one.
pub(super) fn duration(text: &str, flag: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text)
        .map_err(|_| format!("{flag} `{text}` is no duration; write for example 500ms, 4s or 1m 30s"))
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
    fn options_end_at_the_first_word_that_is_none() {
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
            (&["-e", "256", "app"], "0 to 255"),
            (&["-e", "-1", "app"], "0 to 255"),
            (&["-e", "1,", "app"], "unknown signal ``"),
            (&["-e", "NOPE", "app"], "unknown signal `NOPE`"),
            (&["-r", "TERM", "app"], "TERM:QUIT"),
            (&["-r", "TERM:TERM", "app"], "itself"),
            (&["-r", "KILL:TERM", "app"], "catch SIGKILL"),
            (&["-r", "TERM:9", "app"], "--kill-after"),
            (&["-r", "CHLD:TERM", "app"], "SIGCHLD"),
            (&["-r", "TERM:INT,15:HUP", "app"], "twice"),
            (&["-p", "65", "app"], "unknown signal `65`"),
            (&["--kill-after", "0", "app"], "more than 0"),
            (&["--kill-after", "-1s", "app"], "no duration"),
            (&["--stop-delay", "-1s", "app"], "no duration"),
            (&["--drain", "soon", "app"], "no duration"),
            (&["--drain"], "--drain"),
            (&["--subreaper", "maybe", "app"], "auto, always or never"),
            (&["--log", "xml", "app"], "text or json"),
            (&["--pause", "app"], "leave one of them out"),
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
