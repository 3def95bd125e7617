//! Writes the manual pages and the completions of a package, from the command line as the program has it.
//!
//! ```text
//! cargo run --manifest-path release/pages/Cargo.toml -- DIRECTORY DATE
//! ```

use std::error::Error;
use std::fs;
use std::path::Path;

use clap::{Arg, Command, ValueHint};
use clap_complete::Shell;
use clap_mangen::Man;
use roff::{Inline, Roff, bold, roman};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [folder, date] = args.as_slice() else { return Err("usage: pages DIRECTORY DATE".into()) };
    let folder = Path::new(folder);
    fs::create_dir_all(folder)?;
    let program = sexton::clap_command();
    fs::write(folder.join("sexton.1"), front_page(&program, date))?;
    for command in program.get_subcommands() {
        fs::write(folder.join(format!("sexton-{}.1", command.get_name())), page(&program, command, date)?)?;
    }
    for (shell, name) in [(Shell::Bash, "sexton.bash"), (Shell::Zsh, "_sexton"), (Shell::Fish, "sexton.fish")]
    {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut with_operands(program.clone()), "sexton", &mut script);
        fs::write(folder.join(name), script)?;
    }
    Ok(())
}

/// The manual page of one command.
fn page(program: &Command, command: &Command, date: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let name = format!("sexton-{}", command.get_name());
    let blocks = blocks(&after(command));
    let mut out = head(program, &name, command, date);
    synopsis(&mut out, [command]);
    out.control("SH", ["DESCRIPTION"]);
    paragraph(&mut out, &sentence(&about(command)));
    paragraphs(&mut out, &blocks);
    let mut page = out.to_roff().into_bytes();
    if command.get_arguments().next().is_some() {
        Man::new(command.clone()).render_options_section(&mut page)?;
    }
    let mut out = Roff::new();
    if let Some(targets) = program.get_after_long_help().filter(|_| command.get_name() == "check") {
        targets_section(&mut out, &targets.to_string());
    }
    sections(&mut out, &blocks);
    see_also(&mut out, program, &name);
    page.extend(out.to_roff().into_bytes());
    Ok(page)
}

/// The manual page of the program.
fn front_page(program: &Command, date: &str) -> String {
    // The first lines of the help name the program and its commands; here, the synopsis does.
    let blocks: Vec<_> = blocks(&after(program)).into_iter().skip(2).collect();
    let mut out = head(program, "sexton", program, date);
    synopsis(&mut out, program.get_subcommands());
    out.control("SH", ["DESCRIPTION"]);
    paragraphs(&mut out, &blocks);
    out.control("SH", ["COMMANDS"]);
    for command in program.get_subcommands() {
        tagged(&mut out, &format!("sexton {}", command.get_name()), &sentence(&about(command)));
    }
    sections(&mut out, &blocks);
    see_also(&mut out, program, "sexton");
    out.to_roff()
}

/// What the end of a help consists of.
enum Block {
    /// Text that may be filled.
    Paragraph(String),
    /// Lines as they are, under a heading or under none.
    Lines(Option<String>, Vec<String>),
    /// What the exit codes mean, as a sentence.
    ExitCodes(String),
}

/// Reads the end of a help.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open = false;
    for line in text.lines() {
        match blocks.last_mut() {
            _ if line.is_empty() => open = false,
            Some(Block::Lines(_, lines)) if open && line.starts_with(' ') => {
                lines.push(line.trim_end().to_owned())
            }
            Some(Block::Paragraph(text) | Block::ExitCodes(text)) if open && !line.ends_with(':') => {
                text.push(' ');
                text.push_str(line.trim());
            }
            _ => {
                open = true;
                blocks.push(match (line.strip_suffix(':'), line.strip_prefix("Exit codes: ")) {
                    _ if line.starts_with(' ') => Block::Lines(None, vec![line.trim_end().to_owned()]),
                    (Some(heading), _) => Block::Lines(Some(heading.to_owned()), Vec::new()),
                    (_, Some(codes)) => Block::ExitCodes(codes.to_owned()),
                    _ => Block::Paragraph(line.to_owned()),
                });
            }
        }
    }
    blocks
}

/// The paragraphs, which describe.
fn paragraphs(out: &mut Roff, blocks: &[Block]) {
    for block in blocks {
        if let Block::Paragraph(text) = block {
            paragraph(out, &sentence(text));
        }
    }
}

/// Everything else: exit codes first, then examples.
fn sections(out: &mut Roff, blocks: &[Block]) {
    for block in blocks {
        match block {
            Block::ExitCodes(text) => {
                out.control("SH", ["EXIT STATUS"]);
                paragraph(out, &sentence(text));
            }
            Block::Lines(Some(heading), lines) if heading == "Exit codes" => {
                out.control("SH", ["EXIT STATUS"]);
                entries(out, lines);
            }
            _ => {}
        }
    }
    for block in blocks {
        if let Block::Lines(Some(heading), lines) = block
            && heading.starts_with("Example")
        {
            out.control("SH", ["EXAMPLES"]);
            out.control("nf", []);
            for line in lines {
                out.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
            }
            out.control("fi", []);
        }
    }
}

/// `sexton help targets`.
fn targets_section(out: &mut Roff, text: &str) {
    out.control("SH", ["TARGETS"]);
    for block in blocks(text) {
        match block {
            Block::Lines(_, lines) => entries(out, &lines),
            Block::Paragraph(text) | Block::ExitCodes(text) => {
                out.control("PP", []);
                out.text([roman(text)]);
            }
        }
    }
}

/// Lines of two columns; a line that only continues the second begins under it.
fn entries(out: &mut Roff, lines: &[String]) {
    let mut rows: Vec<(String, String)> = Vec::new();
    for line in lines {
        let deeper = line.starts_with("      ");
        let (tag, text) = line.trim().split_once("  ").unwrap_or((line.trim(), ""));
        match rows.last_mut() {
            Some((_, text)) if deeper => {
                text.push(' ');
                text.push_str(line.trim());
            }
            _ => rows.push((tag.to_owned(), text.trim().to_owned())),
        }
    }
    for (tag, text) in rows {
        tagged(out, &tag, &text);
    }
}

/// The first sections of a page.
fn head(program: &Command, name: &str, command: &Command, date: &str) -> Roff {
    let mut out = Roff::new();
    let version = format!("sexton {}", program.get_version().unwrap_or_default());
    out.control("TH", [name, "1", date, version.as_str(), "User Commands"]);
    // A name of an option or a page that is broken at a hyphen cannot be searched for.
    out.control("nh", []);
    out.control("ad", ["l"]);
    out.control("SH", ["NAME"]);
    let about = about(command);
    // What apropos(1) lists: a phrase.
    let phrase = about.split([':', ';']).next().unwrap_or_default();
    let phrase: String =
        phrase.chars().take(1).flat_map(char::to_lowercase).chain(phrase.chars().skip(1)).collect();
    out.text([roman(format!("{name} - {phrase}"))]);
    out
}

/// How the commands are used.
fn synopsis<'a>(out: &mut Roff, commands: impl IntoIterator<Item = &'a Command>) {
    out.control("SH", ["SYNOPSIS"]);
    for command in commands {
        let usage = command.clone().render_usage().to_string();
        for line in usage.trim_start_matches("Usage:").lines() {
            let line = line.trim();
            let words = line.match_indices(' ').nth(1).map_or(line.len(), |(at, _)| at);
            out.text([bold(&line[..words]), roman(&line[words..])]);
            out.control("br", []);
        }
    }
}

/// The other pages.
fn see_also(out: &mut Roff, program: &Command, name: &str) {
    out.control("SH", ["SEE ALSO"]);
    let mut names = vec!["sexton".to_owned()];
    names.extend(program.get_subcommands().map(|command| format!("sexton-{}", command.get_name())));
    let mut inlines: Vec<Inline> = Vec::new();
    for other in names.iter().filter(|other| *other != name) {
        if !inlines.is_empty() {
            inlines.push(roman(", "));
        }
        inlines.extend([bold(other.as_str()), roman("(1)")]);
    }
    out.text(inlines);
}

/// A tag and what it means.
fn tagged(out: &mut Roff, tag: &str, text: &str) {
    out.control("TP", []);
    out.text([bold(tag)]);
    out.text([roman(text)]);
}

/// A paragraph.
fn paragraph(out: &mut Roff, text: &str) {
    out.control("PP", []);
    out.text([roman(text)]);
}

/// The first line of the help.
fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// The end of the help.
fn after(command: &Command) -> String {
    command.get_after_help().map(ToString::to_string).unwrap_or_default()
}

/// Text with the full stop that a line of help goes without.
fn sentence(text: &str) -> String {
    if text.ends_with(['.', ':', '/']) { text.to_owned() } else { format!("{text}.") }
}

/// The command line with what stands behind its options, for the completions: a command, a folder, any file.
fn with_operands(program: Command) -> Command {
    let operands = |hint| Arg::new("operands").num_args(0..).trailing_var_arg(true).value_hint(hint);
    program
        .mut_subcommand("init", |command| command.arg(operands(ValueHint::CommandWithArguments)))
        .mut_subcommand("wait", |command| command.arg(operands(ValueHint::CommandWithArguments)))
        .mut_subcommand("install", |command| command.arg(Arg::new("path").value_hint(ValueHint::DirPath)))
        .mut_subcommand("translate", |command| {
            command.arg(Arg::new("files").num_args(0..).value_hint(ValueHint::FilePath))
        })
}
