//! What `--help` prints: clap draws it from the tables of options.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};

use crate::exit::ExitStatus;
use crate::probe::Probe;

use super::option::{Opt, OptionValue, Repeat, Table};

/// A command as its line and its help have it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grammar {
    /// Behind `sexton`.
    pub(super) command: &'static str,
    /// How it is used.
    pub(super) usage: &'static str,
    /// The first line of the help.
    pub(super) about: &'static str,
    /// The end of the help.
    pub(super) examples: &'static str,
    /// What a line that cannot be read ends with.
    pub(super) misused: ExitStatus,
    /// Its options.
    pub(super) sources: &'static [Source],
    /// Options that the command itself stands in for, where others need them.
    pub(super) assumed: &'static [&'static str],
}

/// A table of options, as a command uses it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// The options.
    pub(super) table: &'static Table,
    /// Whether the command reads their variables.
    pub(super) reads_environment: bool,
    /// Whether its help has them.
    pub(super) is_shown: bool,
}

impl Source {
    /// Options that are in the help.
    pub(super) const fn shown(table: &'static Table) -> Self {
        Self { table, reads_environment: false, is_shown: true }
    }

    /// Options that another help explains.
    pub(super) const fn hidden(table: &'static Table) -> Self {
        Self { table, reads_environment: false, is_shown: false }
    }

    /// Their variables are read, too.
    pub(super) const fn with_environment(self) -> Self {
        Self { reads_environment: true, ..self }
    }
}

impl Grammar {
    /// All options.
    pub(super) fn options(&self) -> impl Iterator<Item = &'static Opt> {
        self.sources.iter().flat_map(|source| source.table.options)
    }
}

/// The help of a command.
pub(super) fn of(grammar: &Grammar) -> String {
    text(clap_command(grammar))
}

/// The help of a command that clap has.
pub(crate) fn text(mut command: Command) -> String {
    format!("{}\n", command.render_help().to_string().trim_end())
}

/// The command as clap has it, for its help, its manual page and the completion of a shell.
pub(super) fn clap_command(grammar: &Grammar) -> Command {
    let mut command = Command::new(grammar.command)
        .override_usage(grammar.usage)
        .about(grammar.about)
        .after_help(grammar.examples);
    for source in grammar.sources {
        for option in source.table.options {
            let reads = option.variable.filter(|_| source.reads_environment && !grammar.command.eq("init"));
            let arg = arg(option, reads).hide(!source.is_shown);
            command = command.arg(match source.table.heading {
                Some(heading) => arg.help_heading(heading),
                None => arg,
            });
        }
    }
    command
}

/// An option as clap has it.
fn arg(option: &Opt, variable: Option<&str>) -> Arg {
    let default = option.default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
    let variable = variable.map(|variable| format!(" [env: {variable}]")).unwrap_or_default();
    let arg = Arg::new(option.name).long(option.name).help(format!("{}{default}{variable}", option.help));
    let arg = match option.short {
        Some(letter) => arg.short(letter),
        None => arg,
    };
    match (option.takes, option.repeat) {
        (OptionValue::Nothing, _) => arg.action(ArgAction::SetTrue),
        (OptionValue::Value(name), Repeat::Once) => arg.value_name(name),
        (OptionValue::Value(name), Repeat::Many) => arg.value_name(name).action(ArgAction::Append),
        (OptionValue::Optional { name, .. }, _) => arg.value_name(name).num_args(0..=1).require_equals(true),
    }
}

/// `sexton help targets`: a line for each scheme.
pub(super) fn targets() -> String {
    let mut text = String::from("A target names one check: [NAME=]SCHEME:REST[#OPTIONS]\n\n");
    for (example, about) in Probe::schemes() {
        // Writing to a String does not fail.
        let _ = writeln!(text, "  {example:<40} {about}");
    }
    text.push_str(TARGET_RULES);
    text
}

/// The end of `sexton help targets`.
const TARGET_RULES: &str = "
  db=tcp://db:5432                         a target with a name, for all output
  http://app/#status=200,401&contains=UP   options of one target, by the names of the flags; never sent

${VAR} and ${VAR:-default} are replaced from the environment; $$ is $. Inside user:password@ what a
variable holds is literal and needs no escaping.
";
