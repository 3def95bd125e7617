//! A shell line as a tree: what `sh` by name takes apart into tokens, with the compound commands that it never runs.

use std::iter::Peekable;
use std::vec::IntoIter;

use crate::compat::sh::lexer::{self, Mode, Piece, Quotes, RedirectTarget, Token, Word};

/// Commands one after the other.
pub(super) type List = Vec<Link>;

/// A pipeline, and when it is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// After what.
    pub(super) after: After,
    /// Whether `!` stands before it.
    pub(super) negated: bool,
    /// Each feeds the next; at least one.
    pub(super) commands: Vec<Command>,
}

/// When a pipeline is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// In any case.
    Anything,
    /// After success.
    Success,
    /// After failure.
    Failure,
}

/// One member of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Assignments, a program and its arguments.
    Simple(Simple),
    /// `( )`: an exit ends only it.
    Subshell(List, Vec<(i32, RedirectTarget)>),
    /// `{ }`.
    Group(List, Vec<(i32, RedirectTarget)>),
    /// `if`: condition and commands of each branch; the last one without a condition.
    If(Vec<(List, List)>, List),
    /// `until` and `while`.
    Loop(Loop),
}

/// A loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Loop {
    /// Whether it goes on while its condition fails.
    pub(super) until: bool,
    /// Its condition.
    pub(super) condition: List,
    /// What it does between.
    pub(super) body: List,
}

/// A simple command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Simple {
    /// `NAME=value` before the command, or alone.
    pub(super) assignments: Vec<(String, Word)>,
    /// The command and its arguments; empty where there are only assignments or redirections.
    pub(super) words: Vec<Word>,
    /// Where its descriptors lead, in this order.
    pub(super) redirections: Vec<(i32, RedirectTarget)>,
}

/// How deep compound commands may stand in each other: the parser calls itself.
const DEPTH_MAX: usize = 16;

/// Reads a line or a whole script.
pub(super) fn parse(line: &str) -> Result<List, String> {
    let tokens = lexer::tokens(line)?;
    let mut parser = Parser { tokens: tokens.into_iter().peekable(), depth: 0 };
    let list = parser.list(&[])?;
    match parser.tokens.next() {
        None if list.is_empty() => Err("there is no command in it".into()),
        None => Ok(list),
        Some(Token::Close) => Err("a ) without its (".into()),
        Some(_) => Err("a command that has no end".into()),
    }
}

/// The text of `word` if it holds nothing that a shell replaces.
pub(super) fn literal(word: &Word) -> Option<String> {
    word.iter()
        .map(|piece| match piece {
            Piece::Text(text, _) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// What is left to read.
struct Parser {
    tokens: Peekable<IntoIter<Token>>,
    depth: usize,
}

impl Parser {
    /// Commands up to one of the keywords `ends`, a `)` or the end; the end is left there.
    fn list(&mut self, ends: &[&str]) -> Result<List, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("commands in commands, more than {DEPTH_MAX} deep"));
        }
        let mut links = List::new();
        let mut after = After::Anything;
        loop {
            if after == After::Anything {
                while self.tokens.next_if_eq(&Token::Then).is_some() {}
            }
            if self.tokens.peek().is_none_or(|token| *token == Token::Close) || self.is_at(ends) {
                break;
            }
            let mut link = Link { after, negated: false, commands: Vec::new() };
            while self.keyword(&["!"]).is_some() {
                link.negated = !link.negated;
            }
            loop {
                link.commands.push(self.command()?);
                if self.tokens.next_if_eq(&Token::Pipe).is_none() {
                    break;
                }
                while self.tokens.next_if_eq(&Token::Then).is_some() {}
            }
            links.push(link);
            let is_over = self.is_at(ends);
            after = match self.tokens.peek() {
                Some(Token::And) => After::Success,
                Some(Token::Or) => After::Failure,
                Some(Token::Background) => {
                    return Err("`&` starts a job in the background, whose exit code is lost".into());
                }
                Some(Token::Then) | None => After::Anything,
                Some(Token::Close) => break,
                Some(_) if is_over => break,
                Some(_) => return Err("a ; is missing".into()),
            };
            self.tokens.next();
            if after != After::Anything {
                while self.tokens.next_if_eq(&Token::Then).is_some() {}
                if self.tokens.peek().is_none() {
                    return Err("nothing stands after && or ||".into());
                }
            }
        }
        self.depth -= 1;
        Ok(links)
    }

    /// One member of a pipeline.
    fn command(&mut self) -> Result<Command, String> {
        if self.tokens.next_if_eq(&Token::Open).is_some() {
            let list = self.list(&[])?;
            if self.tokens.next_if_eq(&Token::Close).is_none() {
                return Err("a ( without its )".into());
            }
            return Ok(Command::Subshell(list, self.redirections()));
        }
        match self.keyword(&["{", "if", "until", "while", "for", "case", "function", "[[", "(("]) {
            Some("{") => {
                let list = self.list(&["}"])?;
                self.expect("}")?;
                Ok(Command::Group(list, self.redirections()))
            }
            Some("if") => self.branches(),
            Some(word @ ("until" | "while")) => {
                let condition = self.list(&["do"])?;
                self.expect("do")?;
                let body = self.list(&["done"])?;
                self.expect("done")?;
                self.redirections();
                Ok(Command::Loop(Loop { until: word == "until", condition, body }))
            }
            Some("[[") => self.double_brackets().map(Command::Simple),
            Some(word) => Err(format!("`{word}` is more of a shell than is read here")),
            None => self.simple().map(Command::Simple),
        }
    }

    /// What follows `if`.
    fn branches(&mut self) -> Result<Command, String> {
        let mut branches = Vec::new();
        loop {
            let condition = self.list(&["then"])?;
            self.expect("then")?;
            branches.push((condition, self.list(&["elif", "else", "fi"])?));
            match self.keyword(&["elif", "else", "fi"]) {
                Some("elif") => {}
                Some("else") => {
                    let otherwise = self.list(&["fi"])?;
                    self.expect("fi")?;
                    self.redirections();
                    return Ok(Command::If(branches, otherwise));
                }
                Some(_) => {
                    self.redirections();
                    return Ok(Command::If(branches, List::new()));
                }
                None => return Err("an if without its fi".into()),
            }
        }
    }

    /// What follows `[[`, whose regular expressions hold what are operators elsewhere.
    fn double_brackets(&mut self) -> Result<Simple, String> {
        let plain = |text: &str| Piece::Text(text.to_owned(), Quotes::None);
        let mut simple = Simple { words: vec![vec![plain("[[")]], ..Simple::default() };
        let mut regex: Option<Word> = None;
        loop {
            let is_end = self.is_at(&["]]"]);
            let piece = match self.tokens.next() {
                Some(Token::Word(word)) if is_end => {
                    simple.words.extend(regex.take());
                    simple.words.push(word);
                    return Ok(simple);
                }
                Some(Token::Word(word)) => {
                    if let Some(regex) = &mut regex {
                        regex.extend(word);
                        continue;
                    }
                    if literal(&word).as_deref() == Some("=~") {
                        regex = Some(Word::new());
                    }
                    simple.words.push(word);
                    continue;
                }
                Some(Token::Open) => "(",
                Some(Token::Close) => ")",
                Some(Token::Pipe) => "|",
                _ => return Err("[[ ]] of more than one condition".into()),
            };
            regex.as_mut().ok_or("[[ ]] of more than one condition")?.push(plain(piece));
        }
    }

    /// A simple command.
    fn simple(&mut self) -> Result<Simple, String> {
        let mut simple = Simple::default();
        loop {
            let is_part = |token: &Token| matches!(token, Token::Word(_) | Token::Redirect { .. });
            match self.tokens.next_if(is_part) {
                Some(Token::Word(word)) => match assignment(&word).filter(|_| simple.words.is_empty()) {
                    Some(assignment) => simple.assignments.push(assignment),
                    None => simple.words.push(word),
                },
                Some(Token::Redirect { fd, to }) => simple.redirections.push((fd, to)),
                _ => break,
            }
        }
        if simple == Simple::default() {
            return Err("a command is missing between or after operators".into());
        }
        Ok(simple)
    }

    /// Redirections of a compound command.
    fn redirections(&mut self) -> Vec<(i32, RedirectTarget)> {
        let mut found = Vec::new();
        while let Some(Token::Redirect { fd, to }) =
            self.tokens.next_if(|token| matches!(token, Token::Redirect { .. }))
        {
            found.push((fd, to));
        }
        found
    }

    /// Whether one of `words` is next, unquoted.
    fn is_at(&mut self, words: &[&str]) -> bool {
        self.tokens.peek().and_then(unquoted).is_some_and(|word| words.contains(&word))
    }

    /// Takes one of `words` if it is next.
    fn keyword<'a>(&mut self, words: &[&'a str]) -> Option<&'a str> {
        let next = self.tokens.peek().and_then(unquoted)?;
        let found = words.iter().find(|word| **word == next).copied()?;
        self.tokens.next();
        Some(found)
    }

    /// Takes `word`, which must be next.
    fn expect(&mut self, word: &str) -> Result<(), String> {
        self.keyword(&[word]).map(|_| ()).ok_or_else(|| format!("a `{word}` is missing"))
    }
}

/// The text of a word that can be a keyword.
fn unquoted(token: &Token) -> Option<&str> {
    match token {
        Token::Word(word) => match word.as_slice() {
            [Piece::Text(text, Quotes::None)] => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// `NAME=value` taken apart.
fn assignment(word: &Word) -> Option<(String, Word)> {
    let Some(Piece::Text(text, Quotes::None)) = word.first() else { return None };
    let (name, rest) = text.split_once('=')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        return None;
    }
    let mut value = vec![Piece::Text(rest.to_owned(), Quotes::Some)];
    value.extend(word.iter().skip(1).cloned());
    Some((name.to_owned(), value))
}

/// `list` as a shell reads it, for what is left to one.
pub(super) fn source(list: &List) -> Option<String> {
    let mut text = String::new();
    for link in list {
        if !text.is_empty() {
            text.push_str(match link.after {
                After::Anything => "; ",
                After::Success => " && ",
                After::Failure => " || ",
            });
        }
        if link.negated {
            text.push_str("! ");
        }
        for (index, command) in link.commands.iter().enumerate() {
            if index > 0 {
                text.push_str(" | ");
            }
            let Command::Simple(simple) = command else { return None };
            text.push_str(&simple_source(simple)?);
        }
    }
    Some(text)
}

/// The same of a simple command.
fn simple_source(simple: &Simple) -> Option<String> {
    let mut words = Vec::new();
    for (name, value) in &simple.assignments {
        words.push(format!("{name}={}", word_source(value)));
    }
    words.extend(simple.words.iter().map(word_source));
    for (fd, to) in &simple.redirections {
        words.push(match to {
            RedirectTarget::Nowhere => format!("{fd}>/dev/null"),
            RedirectTarget::Fd(other) => format!("{fd}>&{other}"),
            RedirectTarget::File(Mode::Read, word) => format!("{fd}<{}", word_source(word)),
            RedirectTarget::File(Mode::Write, word) => format!("{fd}>{}", word_source(word)),
            RedirectTarget::File(Mode::Append, word) => format!("{fd}>>{}", word_source(word)),
            RedirectTarget::File(Mode::ReadWrite | Mode::HereString, _) => return None,
        });
    }
    Some(words.join(" "))
}

/// The same of a word.
fn word_source(word: &Word) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    let mut text = String::new();
    for piece in word {
        let quote = |quotes: &Quotes, inner: String| match quotes {
            Quotes::None => inner,
            Quotes::Some => format!("\"{inner}\""),
        };
        text.push_str(&match piece {
            Piece::Text(part, Quotes::None) => part.clone(),
            Piece::Text(part, Quotes::Some) if !part.is_empty() && part.chars().all(plain) => part.clone(),
            Piece::Text(part, Quotes::Some) if part.is_empty() && word.len() > 1 => String::new(),
            Piece::Text(part, Quotes::Some) => format!("'{}'", part.replace('\'', "'\\''")),
            Piece::Variable(name, None, quotes) => quote(quotes, format!("${{{name}}}")),
            Piece::Variable(name, Some(default), quotes) => quote(quotes, format!("${{{name}:-{default}}}")),
            Piece::Status(quotes) => quote(quotes, "$?".into()),
            Piece::Command(line, quotes) => quote(quotes, format!("$({line})")),
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compound_commands_are_read() {
        for line in [
            "a",
            "a && b || c; d",
            "! a | b",
            "if a; then b; elif c; then d; else e; fi",
            "until nc -z db 5432; do sleep 1; done; app",
            "while ! a; do echo x\nsleep 1\ndone && exec app",
            "(a; b) >/dev/null 2>&1 || { c; exit 1; }",
            "A=1 B=$(c d) e",
            "[[ $x == 200 ]]",
        ] {
            assert!(parse(line).is_ok(), "{line}: {:?}", parse(line));
        }
        for line in ["", "(a", "a)", "if a; then b", "a &", "for i in 1; do a; done", "a &&", "{ a; ", "| a"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_list_is_written_again_as_a_shell_reads_it() {
        for line in ["a -b 'c d' && e \"$F\" | g", "A=1 b; c || d >/dev/null", "exec app \"${X:-1}\" $Y"] {
            let written = source(&parse(line).unwrap()).unwrap();
            assert_eq!(parse(&written).unwrap(), parse(line).unwrap(), "{line}: {written}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_it_fail(line in r#"[a-z$|&;!<>(){}\[\]='"\\ \n`#:0-9/-]{0,60}"#) {
            let _ = parse(&line);
        }
    }
}
