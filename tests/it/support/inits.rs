//! The init under test: sexton, unless `SEXTON_TEST_INIT` names another one to be held against the same list.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Whose command line is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Ours.
    Sexton,
    /// tini, also its static build.
    Tini,
    /// Yelp's dumb-init.
    DumbInit,
    /// openSUSE's catatonit.
    Catatonit,
}

/// An init that can be started.
#[derive(Debug)]
pub(crate) struct Program {
    /// The file.
    pub(crate) path: PathBuf,
    /// Its language.
    pub(crate) kind: Kind,
}

/// What a test asks of an init, in words that are not yet anybody's.
#[derive(Clone, Debug)]
pub(crate) enum Opt {
    /// Signals go to the process group.
    Group,
    /// This code counts as 0.
    ExitZero(&'static str),
    /// One signal becomes another: numbers, where another program shall understand it.
    Rewrite(&'static str),
    /// The signal that the init gets when its parent dies.
    ParentDeath(&'static str),
    /// SIGKILL that long after the first request to stop.
    KillAfter(&'static str),
    /// For what is left when the main child is gone. No other init drains, so they go without.
    Drain(&'static str),
    /// Tells what it does.
    Verbose,
    /// No command: it holds a namespace for others.
    Pause,
    /// What no program has.
    Unknown,
    /// An option in our own words, which no other init has.
    Own(&'static [&'static str]),
}

impl Opt {
    /// Options in our own words, put together for one test.
    pub(crate) fn own<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> Self {
        let words: Vec<&'static str> =
            words.into_iter().map(|word| &*String::from(word.as_ref()).leak()).collect();
        Self::Own(words.leak())
    }
}

/// Whether `--` stands between options and command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dashes {
    /// It does.
    Written,
    /// It is left out.
    Left,
}

/// The program under test.
pub(crate) fn program() -> &'static Program {
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let path = std::env::var_os("SEXTON_TEST_INIT").map_or_else(super::program::binary, PathBuf::from);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let kind = match name.as_str() {
            name if name.contains("tini") || name == "docker-init" => Kind::Tini,
            name if name.contains("dumb-init") => Kind::DumbInit,
            name if name.contains("catatonit") => Kind::Catatonit,
            _ => Kind::Sexton,
        };
        Program { path, kind }
    })
}

impl Program {
    /// The program, elsewhere if `path` says so, `options` in its own words, and `command`.
    pub(crate) fn words(
        &self,
        path: Option<&Path>,
        options: &[Opt],
        dashes: Dashes,
        command: &[OsString],
    ) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec![path.unwrap_or(&self.path).into()];
        if self.kind == Kind::Sexton {
            words.push("init".into());
        }
        for option in options {
            words.extend(self.option(option).into_iter().map(OsString::from));
        }
        if dashes == Dashes::Written {
            words.push("--".into());
        }
        words.extend(command.iter().cloned());
        words
    }

    /// One option. Panics with "not offered" where this program has none such.
    fn option(&self, option: &Opt) -> Vec<String> {
        let words: &[&str] = match (self.kind, option) {
            (Kind::Sexton, Opt::Group) => &["--group"],
            (Kind::Sexton, Opt::ExitZero(code)) => &["--exit-zero", code],
            (Kind::Sexton, Opt::Rewrite(pair)) => &["--rewrite", pair],
            (Kind::Sexton, Opt::ParentDeath(signal)) => &["--parent-death", signal],
            (Kind::Sexton, Opt::KillAfter(length)) => &["--kill-after", length],
            (Kind::Sexton, Opt::Drain(length)) => &["--drain", length],
            (Kind::Sexton, Opt::Verbose) => &["--verbose"],
            (Kind::Sexton, Opt::Pause) => &["--pause"],
            (Kind::Sexton, Opt::Own(words)) => words,
            (Kind::Tini | Kind::Catatonit, Opt::Group) => &["-g"],
            (Kind::Tini, Opt::ExitZero(code)) => &["-e", code],
            (Kind::Tini, Opt::ParentDeath(signal)) => &["-p", signal],
            (Kind::Tini, Opt::Verbose) => &["-v", "-v", "-v"],
            (Kind::DumbInit, Opt::Rewrite(pair)) => &["-r", pair],
            (Kind::DumbInit, Opt::Verbose) => &["-v"],
            (Kind::Catatonit, Opt::Verbose) => &["-L", "debug"],
            (Kind::Catatonit, Opt::Pause) => &["-P"],
            (_, Opt::Unknown) => &["--no-such-option"],
            // dumb-init's default is a session of its own, signalled as a group.
            (Kind::DumbInit, Opt::Group) | (_, Opt::Drain(_)) => &[],
            (kind, option) => panic!("not offered: {kind:?} has no {option:?}"),
        };
        words.iter().map(|&word| word.to_owned()).collect()
    }
}
