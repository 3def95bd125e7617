//! `nc [-z] [-v] [-w SECONDS] HOST PORT...` as OpenBSD's netcat, and `ncat` as nmap's: connecting, never listening
//! (<https://man.openbsd.org/nc.1>, <https://nmap.org/ncat/guide/>).

mod run;

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::Usage;
use crate::command::{Command, Document, Parsed};
use crate::exit::ExitStatus;
use crate::net::{Family, Host};

use super::getopt::{Grammar, LongOptions, Operands, Scanner, Word};
use super::limit;

/// What its `-h` says.
const HELP: &str = "\
usage: nc [-z] [-v] [-u] [-n] [-4] [-6] [-N] [-w SECONDS] [-q SECONDS] HOST PORT...   (sexton, as nc of OpenBSD)
       nc [-z] [-v] [-w SECONDS] -U SOCKET
without -w all of it is over after SEXTON_TIMEOUT, or 4 seconds
";

/// The most ports of one line.
const PORTS_MAX: usize = 1024;

/// Whose options and exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flavor {
    /// `nc` of OpenBSD, as Debian and Alpine package it. A wrong command line exits with 1.
    OpenBsd,
    /// `ncat` of nmap. A wrong command line or an unknown name exits with 2.
    Ncat,
}

/// One command line of nc.
#[derive(Debug)]
pub(crate) struct Netcat {
    flavor: Flavor,
    peer: Peer,
    /// `-z`: connect, and send nothing.
    scan: bool,
    /// `-v`: the result of each connection goes to stderr.
    verbose: bool,
    /// `-u`
    datagrams: bool,
    /// `-4`, `-6`
    family: Family,
    /// `-w`: the limit of connecting, and of silence afterwards.
    idle: Option<Duration>,
    /// `-N`, `-q`: what happens at the end of stdin.
    stdin_end: StdinEnd,
    /// The limit of the whole run where `-w` gives none.
    default_limit: Duration,
}

/// What is connected to.
#[derive(Debug)]
enum Peer {
    /// Ports of a host, each in its turn.
    Tcp { host: Host, shown: String, ports: Vec<u16> },
    /// `-U`: a unix socket.
    Unix(PathBuf),
}

/// What happens at the end of stdin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StdinEnd {
    /// The peer closes the connection when it likes.
    Wait,
    /// The sending side is closed: `-N`.
    ShutDown,
    /// That, and so long later the run ends: `-q`.
    Quit(Duration),
}

/// Reads its argv.
pub(super) fn parse(args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    netcat("nc", args).map(Parsed::into_command)
}

/// The same under the name `ncat`.
pub(super) fn parse_ncat(args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    netcat("ncat", args).map(Parsed::into_command)
}

/// Reads the arguments of `name`, which is `nc`, `netcat` or `ncat`.
pub(super) fn netcat(name: &str, args: Vec<OsString>) -> Result<Parsed<Netcat>, Usage> {
    read(name, args).map_err(|why| Flavor::of(name).usage_error(&why))
}

impl Flavor {
    /// That of the program of this name.
    fn of(name: &str) -> Self {
        if name == "ncat" { Self::Ncat } else { Self::OpenBsd }
    }

    /// A wrong command line.
    fn usage_error(self, why: &str) -> Usage {
        match self {
            Self::OpenBsd => Usage::bare(ExitStatus::Code(1), format!("nc: {why}")),
            Self::Ncat => Usage::bare(ExitStatus::Code(2), format!("Ncat: {why}. QUITTING.")),
        }
    }

    /// Reads the value of `-w`: seconds, for ncat with a unit, too.
    fn seconds(self, text: &str) -> Result<Duration, String> {
        let invalid = || format!("timeout invalid: {text}");
        let units: &[(&str, f64)] = match self {
            Self::OpenBsd => &[],
            Self::Ncat => &[("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)],
        };
        let (number, unit) = units
            .iter()
            .find_map(|(letter, unit)| Some((text.strip_suffix(letter)?, *unit)))
            .unwrap_or((text, 1.0));
        let length = number
            .parse::<f64>()
            .ok()
            .filter(|_| number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
        length.and_then(|length| Duration::try_from_secs_f64(length * unit).ok()).ok_or_else(invalid)
    }
}

/// The options of both; what one of them does not know is refused by its letter.
const LETTERS: &str = "46FNSUcehlnq:rtuvw:z";

/// What was given, as text.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct NetcatArgs {
    /// `-z`
    pub(crate) scans: bool,
    verbose: bool,
    /// `-u`
    pub(crate) datagrams: bool,
    numeric: bool,
    /// `-U`
    pub(crate) unix: bool,
    /// `-4`, `-6`
    pub(crate) family: Family,
    /// `-w`
    pub(crate) idle: Option<String>,
    shut_down: bool,
    quit: Option<String>,
    is_help: bool,
    /// The host and the ports, or the path.
    pub(crate) operands: Vec<String>,
}

/// Sorts the arguments of `name`, which is `nc`, `netcat` or `ncat`.
pub(crate) fn args(name: &str, args: Vec<OsString>) -> Result<NetcatArgs, String> {
    let flavor = Flavor::of(name);
    let mut given = NetcatArgs::default();
    let text = |word: OsString| word.into_string().map_err(|word| format!("{} is not UTF-8", word.display()));
    let grammar =
        Grammar { letters: LETTERS, flags: &[], long: LongOptions::Gnu, operands: Operands::Anywhere };
    for word in Scanner::new(grammar, args) {
        let option = match word.map_err(|mistake| mistake.in_netcats_words())? {
            Word::Operand(word) => {
                given.operands.push(text(word)?);
                continue;
            }
            Word::Option(option) => option,
        };
        let value = option.value.map(text).transpose()?;
        match option.flag.letter.unwrap_or_default() {
            'z' => given.scans = true,
            'v' => given.verbose = true,
            'u' => given.datagrams = true,
            'n' => given.numeric = true,
            'U' => given.unix = true,
            '4' => given.family = Family::V4,
            '6' => given.family = Family::V6,
            'w' => given.idle = value,
            'h' => {
                given.is_help = true;
                return Ok(given);
            }
            'l' => return Err("-l: nothing listens here; only connecting is offered".into()),
            letter @ ('e' | 'c') => return Err(format!("-{letter}: no program is started")),
            letter if flavor == Flavor::Ncat => return Err(format!("invalid option -- '{letter}'")),
            'N' => given.shut_down = true,
            'q' => given.quit = value,
            // They change nothing here.
            _ => {}
        }
    }
    Ok(given)
}

/// Turns arguments into a run.
fn read(name: &str, words: Vec<OsString>) -> Result<Parsed<Netcat>, String> {
    let flavor = Flavor::of(name);
    let given = args(name, words)?;
    if given.is_help {
        return Ok(Parsed::Print(Document::stderr(HELP)));
    }
    let stdin_end = match given.quit.as_deref() {
        Some(text) => match flavor.seconds(text) {
            Ok(length) => StdinEnd::Quit(length),
            Err(_) if text.starts_with('-') => StdinEnd::Wait,
            Err(_) => return Err(format!("invalid quit timer: {text}")),
        },
        // ncat closes its side when stdin ends.
        None if given.shut_down || flavor == Flavor::Ncat => StdinEnd::ShutDown,
        None => StdinEnd::Wait,
    };
    Ok(Parsed::Run(Netcat {
        flavor,
        scan: given.scans,
        verbose: given.verbose,
        datagrams: given.datagrams,
        family: given.family,
        idle: given.idle.map(|text| flavor.seconds(&text)).transpose()?,
        stdin_end,
        default_limit: limit()?,
        peer: peer(flavor, given.unix, given.numeric, given.operands)?,
    }))
}

/// What the operands name.
fn peer(flavor: Flavor, unix: bool, numeric: bool, operands: Vec<String>) -> Result<Peer, String> {
    let mut operands = operands.into_iter();
    let Some(host) = operands.next() else {
        return Err(match flavor {
            Flavor::OpenBsd => "missing hostname and port; name them, as in nc -z 127.0.0.1 5432".into(),
            Flavor::Ncat => "You must specify a host to connect to".into(),
        });
    };
    if unix {
        return Ok(Peer::Unix(PathBuf::from(host)));
    }
    let mut ports = Vec::new();
    for text in operands {
        ports.extend(port_range(flavor, &text)?);
    }
    match flavor {
        Flavor::OpenBsd if ports.is_empty() => return Err("missing port number".into()),
        Flavor::Ncat if ports.is_empty() => ports.push(31337),
        Flavor::Ncat if ports.len() > 1 => return Err("Got more than one port specification".into()),
        Flavor::OpenBsd | Flavor::Ncat => {}
    }
    if ports.len() > PORTS_MAX {
        return Err(format!("more than {PORTS_MAX} ports"));
    }
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    if numeric && address.is_err() {
        return Err(match flavor {
            Flavor::OpenBsd => format!("host \"{host}\" is not an address, and -n is set"),
            Flavor::Ncat => format!("Could not resolve hostname \"{host}\": Name or service not known"),
        });
    }
    let shown = host.clone();
    Ok(Peer::Tcp { host: address.map_or(Host::Name(host), Host::Address), shown, ports })
}

/// Reads `PORT` or, for nc, `FIRST-LAST`.
fn port_range(flavor: Flavor, text: &str) -> Result<Vec<u16>, String> {
    let invalid = || match flavor {
        Flavor::OpenBsd if text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() > 4 => {
            format!("port number too large: {text}")
        }
        Flavor::OpenBsd => format!("port number invalid: {text}"),
        Flavor::Ncat => format!("Invalid port number \"{text}\""),
    };
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(invalid);
    match text.split_once('-').filter(|_| flavor == Flavor::OpenBsd) {
        Some((first, last)) => {
            let (first, last) = (port(first)?, port(last)?);
            Ok((first.min(last)..=first.max(last)).collect())
        }
        None => Ok(vec![port(text)?]),
    }
}

impl Netcat {
    /// The limit that the line names by `-w`.
    pub(super) fn own_limit(&self) -> Option<Duration> {
        self.idle
    }

    /// Whether it reads what a pipe carries.
    pub(super) fn reads_stdin(&self) -> bool {
        !self.scan
    }
}
