//! `wait-for-it.sh host:port [-s] [-q] [-t seconds] [-- CMD ARG...]`
//! (<https://github.com/vishnubob/wait-for-it>): its flags, lines and exit codes, without bash, nc and timeout.

use std::ffi::OsString;
use std::fs;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::check::Require;
use crate::cli::{Usage, variable_os};
use crate::command::{Command, Document, Parsed};
use crate::exec::BareScript;
use crate::exit::ExitStatus;
use crate::init::plan::{Init, MainChild, StartupWait};
use crate::probe::Probe;
use crate::probe::options::Options;
use crate::report::Verbosity;
use crate::sys::process;
use crate::wait::{Messages, OnTimeout, Plan, RetryInterval, Strict, Wait, WaitFor};

use super::getopt::{Arity, Flag, Grammar, LongOptions, Operands, Scanner, Word};

/// Its name, which its lines begin with.
const PROGRAM: &str = "wait-for-it.sh";

/// Its own default.
const TIMEOUT: Duration = Duration::from_secs(15);

/// It tries once a second, each time for as long as `timeout` lets it; ours has a limit.
const INTERVAL: Duration = Duration::from_secs(1);

/// bash runs a script without `#!` itself.
const BARE_SCRIPT: BareScript = BareScript::RunByShell;

/// Ports by the names that most images have no /etc/services for.
const SERVICES: &[(&str, u16)] = &[
    ("amqp", 5672),
    ("domain", 53),
    ("ftp", 21),
    ("http", 80),
    ("http-alt", 8080),
    ("https", 443),
    ("imap", 143),
    ("imaps", 993),
    ("ldap", 389),
    ("mqtt", 1883),
    ("mysql", 3306),
    ("postgresql", 5432),
    ("redis", 6379),
    ("smtp", 25),
    ("ssh", 22),
    ("telnet", 23),
];

/// What it prints when it is used wrongly, and for `--help`; like the original's it ends with 1.
const USAGE: &str = "\
Usage:
    wait-for-it.sh host:port [-s] [-q] [-t seconds] [-- command args]
    -h HOST | --host=HOST       Host or address to wait for
    -p PORT | --port=PORT       Its TCP port; both can be given as host:port
    -s | --strict               Run the command only if the port was reached
    -q | --quiet                Print nothing
    -t SECONDS | --timeout=SECONDS
                                Limit; 0 waits forever (default 15)
    -- COMMAND ARGS             What to run afterwards
";

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
struct WaitForIt {
    host: String,
    /// A number or the name of a service.
    port: String,
    timeout: Option<Duration>,
    on_timeout: OnTimeout,
    verbosity: Verbosity,
    command: Vec<OsString>,
}

/// Reads its argv.
#[expect(clippy::unnecessary_wraps, reason = "as the table of personalities wants it")]
pub(super) fn parse(args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    Ok(match read(args, variable) {
        Ok(wait) => Parsed::Run(wait).into_command(),
        Err(why) => Parsed::<WaitForIt>::Print(Document::misuse(format!("{why}{USAGE}"))).into_command(),
    })
}

/// What the environment says of `name`, as the script's own variables do.
fn variable(name: &str) -> Option<String> {
    let value = variable_os(format!("WAITFORIT_{name}"))?.into_string().ok()?;
    (!value.is_empty()).then_some(value)
}

/// Its options, as the `case` of the script has them.
const FLAGS: &[Flag] = &[
    Flag::new("quiet", Some('q'), Arity::Switch),
    Flag::new("strict", Some('s'), Arity::Switch),
    Flag::new("host", Some('h'), Arity::Value),
    Flag::new("port", Some('p'), Arity::Value),
    Flag::new("timeout", Some('t'), Arity::Value),
    Flag::new("help", None, Arity::Switch),
];

/// What was given, as text.
#[derive(Debug, Default)]
pub(crate) struct WaitForItArgs {
    /// `-h`
    pub(crate) host: Option<String>,
    /// `-p`: a number or the name of a service.
    pub(crate) port: Option<String>,
    /// `-t`
    pub(crate) timeout: Option<String>,
    /// `-s`
    pub(crate) is_strict: bool,
    is_quiet: bool,
    /// What runs afterwards.
    pub(crate) command: Vec<OsString>,
}

/// Sorts argv, after what the environment says; an error is what comes before the usage.
pub(crate) fn args(
    args: Vec<OsString>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<WaitForItArgs, String> {
    let is_on = |name| variable(name).is_some_and(|value| value == "1");
    let mut given = WaitForItArgs {
        host: variable("HOST"),
        port: variable("PORT"),
        timeout: variable("TIMEOUT"),
        is_strict: is_on("STRICT"),
        is_quiet: is_on("QUIET"),
        command: Vec::new(),
    };
    let grammar =
        Grammar { letters: "", flags: FLAGS, long: LongOptions::Case, operands: Operands::Anywhere };
    let mut words = Scanner::new(grammar, args);
    while let Some(word) = words.next() {
        let option = match word {
            Ok(Word::Option(option)) => option,
            Ok(Word::Operand(first)) if words.is_over() => {
                given.command = words.command(first);
                break;
            }
            Ok(Word::Operand(word)) => {
                let word = word.to_string_lossy();
                // An address of IPv6, which the original cannot take, has more than one colon.
                let Some((host, port)) = word.rsplit_once(':') else {
                    return Err(if given.is_quiet {
                        String::new()
                    } else {
                        format!("Unknown argument: {word}\n")
                    });
                };
                (given.host, given.port) = (Some(host.to_owned()), Some(port.to_owned()));
                continue;
            }
            // One without a value ends the line there.
            Err(_) => break,
        };
        let value = option.value.map(|value| value.to_string_lossy().into_owned());
        let is_empty = value.as_ref().is_some_and(String::is_empty);
        if is_empty && !option.shown.starts_with("--") {
            break;
        }
        match option.flag.long {
            Some("quiet") => given.is_quiet = true,
            Some("strict") => given.is_strict = true,
            Some("host") => given.host = value,
            Some("port") => given.port = value,
            Some("timeout") => given.timeout = value,
            _ => return Err(String::new()),
        }
    }
    Ok(given)
}

/// What a line asks for; an error is what comes before the usage.
fn read(words: Vec<OsString>, variable: impl Fn(&str) -> Option<String>) -> Result<WaitForIt, String> {
    let WaitForItArgs { host, port, timeout, is_strict, is_quiet, command } = args(words, variable)?;
    let given = |value: Option<String>| value.filter(|value| !value.is_empty());
    let (Some(host), Some(port)) = (given(host), given(port)) else {
        let line = "Error: you need to provide a host and port to test.\n";
        return Err(if is_quiet { String::new() } else { line.into() });
    };
    Ok(WaitForIt {
        host,
        port,
        timeout: given(timeout).map_or(Ok(Some(TIMEOUT)), |text| seconds(&text))?,
        on_timeout: if is_strict { OnTimeout::Exit } else { OnTimeout::RunAnyway },
        verbosity: if is_quiet { Verbosity::Quiet } else { Verbosity::Lines },
        command: if command.first().is_some_and(|name| name.is_empty()) { Vec::new() } else { command },
    })
}

/// Reads whole seconds as the shell's arithmetic does; what is not more than 0 is for ever, a name without a value too. What
/// that cannot read would wait for ever in the original, and is refused.
fn seconds(text: &str) -> Result<Option<Duration>, String> {
    let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_name {
        return Ok(None);
    }
    let seconds: i64 = text.parse().map_err(|_| format!("Invalid timeout: {text}\n"))?;
    Ok(u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs))
}

impl Command for WaitForIt {
    /// Waits, then becomes the command; as PID 1 it runs it under an init, so that its orphans are reaped.
    fn run(self: Box<Self>) -> ExitStatus {
        let plan = self.plan();
        if process::own_pid() == 1 && !self.command.is_empty() {
            let wait = Some(StartupWait { plan, on_timeout: self.on_timeout });
            let init = Init::new(MainChild::Command(self.command));
            return Box::new(Init { wait, bare_script: BARE_SCRIPT, ..init }).run();
        }
        let (on_timeout, command) = (self.on_timeout, self.command);
        Box::new(Wait { plan, on_timeout, command, bare_script: BARE_SCRIPT }).run()
    }
}

impl WaitForIt {
    /// The wait.
    fn plan(&self) -> Plan {
        let Self { host, port, .. } = self;
        let place = format!("{host}:{port}");
        let address =
            if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.clone() };
        let number = port.parse().ok().or_else(|| service(port));
        let target = number.map(|number: u16| format!("tcp://{address}:{number}"));
        let probe = target.and_then(|target| Probe::parse(&target, &Options::default()).ok());
        // A place that cannot be is one that never answers, as there.
        let never = || Probe::parse("file:/dev/null/nowhere", &Options::default()).ok();
        let is_refused = self.on_timeout == OnTimeout::Exit && !self.command.is_empty();
        Plan {
            probes: probe.or_else(never).into_iter().map(Arc::new).collect(),
            require: Require::All,
            wait_for: WaitFor::Passing,
            stable: NonZeroU32::MIN,
            interval: RetryInterval::Constant(INTERVAL),
            attempt_timeout: TIMEOUT,
            timeout: self.timeout,
            verbosity: self.verbosity,
            messages: Messages::WaitForIt {
                program: PROGRAM.into(),
                place,
                strict: if is_refused { Strict::Refuses } else { Strict::No },
            },
        }
    }
}

/// The port of a service, by services(5) or what everybody knows.
fn service(name: &str) -> Option<u16> {
    let listed = fs::read_to_string("/etc/services").unwrap_or_default();
    let found = listed.lines().find_map(|line| {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let (first, port) = (words.next()?, words.next()?.strip_suffix("/tcp")?);
        (first == name || words.any(|alias| alias == name)).then(|| port.parse().ok()).flatten()
    });
    found.or_else(|| SERVICES.iter().find(|(known, _)| *known == name).map(|(_, port)| *port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(line: &str) -> Result<WaitForIt, String> {
        read(line.split(' ').filter(|word| !word.is_empty()).map(OsString::from).collect(), |_| None)
    }

    #[test]
    fn both_ways_to_name_a_port_are_read() {
        for line in ["db:5432", "-h db -p 5432", "--host=db --port=5432"] {
            assert_eq!(wait(line).unwrap().plan().probes[0].label(), "tcp://db:5432", "{line}");
        }
        assert_eq!(wait("::1:80").unwrap().plan().probes[0].label(), "tcp://[::1]:80");
        assert_eq!(wait("db:http").unwrap().plan().probes[0].label(), "tcp://db:80");
    }

    #[test]
    fn the_command_runs_anyway_unless_it_is_strict() {
        assert_eq!(wait("db:1 -- app -t 3").unwrap().on_timeout, OnTimeout::RunAnyway);
        let strict = wait("db:1 -s -t 3 -- app -q").unwrap();
        assert_eq!(strict.on_timeout, OnTimeout::Exit);
        assert_eq!(strict.timeout, Some(Duration::from_secs(3)));
        assert_eq!((strict.verbosity, strict.command), (Verbosity::Lines, vec!["app".into(), "-q".into()]));
    }

    #[test]
    fn a_limit_that_is_not_more_than_nothing_is_none() {
        for (text, seconds) in [("0", None), ("-5", None), ("abc", None), ("7", Some(7))] {
            let limit = wait(&format!("db:1 -t {text}")).unwrap().timeout;
            assert_eq!(limit, seconds.map(Duration::from_secs), "{text}");
        }
        assert_eq!(wait("db:1 -t").unwrap().timeout, Some(TIMEOUT));
        assert!(wait("db:1 -t 5s").is_err());
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        for line in ["", "db", "-x db:1", "-h db", "-p 1", "-h"] {
            assert!(wait(line).is_err(), "{line}");
        }
    }
}
