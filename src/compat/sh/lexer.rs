//! A line becomes tokens: words with their quotes and variables told apart, operators, redirections.

use std::iter::Peekable;
use std::str::Chars;

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A word.
    Word(Word),
    /// `||`
    Or,
    /// `&&`
    And,
    /// `;` or the end of a line.
    Then,
    /// `|`
    Pipe,
    /// `> FILE`, `2>&1` and their like.
    Redirect {
        /// 1 or 2.
        fd: i32,
        /// Where it leads.
        to: To,
    },
}

/// Where a redirection leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// `/dev/null`
    Nowhere,
    /// Where this descriptor leads.
    Fd(i32),
}

/// A word in pieces; one without a piece was never written.
pub(super) type Word = Vec<Piece>;

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text; quoted where it can be no keyword.
    Text(String, Quotes),
    /// A variable, and what stands for it when it is unset or empty.
    Variable(String, Option<String>, Quotes),
}

/// Whether a piece stood in quotes: what does not may be more than one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    /// It did not.
    None,
    /// It did.
    Some,
}

/// Takes `line` apart; an error names what is no part of so little a shell.
pub(super) fn tokens(line: &str) -> Result<Vec<Token>, String> {
    let mut rest = line.chars().peekable();
    let mut found = Vec::new();
    while let Some(&c) = rest.peek() {
        match c {
            ' ' | '\t' => {
                rest.next();
            }
            '\n' | ';' => {
                rest.next();
                found.push(Token::Then);
            }
            '#' => while rest.next_if(|c| *c != '\n').is_some() {},
            '|' => {
                rest.next();
                found.push(if rest.next_if_eq(&'|').is_some() { Token::Or } else { Token::Pipe });
            }
            '&' => {
                rest.next();
                match rest.peek() {
                    Some('&') => {
                        rest.next();
                        found.push(Token::And);
                    }
                    _ => return Err("`&`: nothing runs in the background here".into()),
                }
            }
            '>' => found.push(redirect(&mut rest, 1)?),
            '<' => return Err("`<`: no file is read here".into()),
            '(' | ')' => return Err(format!("`{c}`: there are no subshells and functions here")),
            _ => {
                let word = word(&mut rest)?;
                let fd = match word.as_slice() {
                    [Piece::Text(text, Quotes::None)] if text == "1" => Some(1),
                    [Piece::Text(text, Quotes::None)] if text == "2" => Some(2),
                    _ => None,
                };
                match fd.filter(|_| rest.peek() == Some(&'>')) {
                    Some(fd) => found.push(redirect(&mut rest, fd)?),
                    None if word.is_empty() => {}
                    None => found.push(Token::Word(word)),
                }
            }
        }
    }
    Ok(found)
}

/// Reads from `>` on.
fn redirect(rest: &mut Peekable<Chars<'_>>, fd: i32) -> Result<Token, String> {
    rest.next();
    let appends = rest.next_if_eq(&'>').is_some();
    if !appends && rest.next_if_eq(&'&').is_some() {
        return match rest.next() {
            Some('1') => Ok(Token::Redirect { fd, to: To::Fd(1) }),
            Some('2') => Ok(Token::Redirect { fd, to: To::Fd(2) }),
            _ => Err(format!("`{fd}>&`: only 1 and 2 are descriptors here")),
        };
    }
    while rest.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
    match word(rest)?.as_slice() {
        [Piece::Text(path, _)] if path == "/dev/null" => Ok(Token::Redirect { fd, to: To::Nowhere }),
        _ => Err("`>`: no file but /dev/null is written here".into()),
    }
}

/// Reads a word.
fn word(rest: &mut Peekable<Chars<'_>>) -> Result<Word, String> {
    let mut word = Word::new();
    while let Some(&c) = rest.peek() {
        match c {
            ' ' | '\t' | '\n' | ';' | '|' | '&' | '>' | '<' | '(' | ')' => break,
            '\'' => {
                rest.next();
                let mut text = String::new();
                loop {
                    match rest.next() {
                        Some('\'') => break,
                        Some(c) => text.push(c),
                        None => return Err("a ' is never closed".into()),
                    }
                }
                word.push(Piece::Text(text, Quotes::Some));
            }
            '"' => {
                rest.next();
                quoted(rest, &mut word)?;
            }
            '\\' => {
                rest.next();
                match rest.next() {
                    Some('\n') => {}
                    Some(c) => word.push(Piece::Text(c.into(), Quotes::Some)),
                    None => return Err("a \\ at the end".into()),
                }
            }
            '$' => {
                rest.next();
                word.push(variable(rest, Quotes::None)?);
            }
            '`' => return Err("a backquote: there is no command substitution here".into()),
            _ => {
                rest.next();
                add(&mut word, c, Quotes::None);
            }
        }
    }
    Ok(word)
}

/// Reads to the closing `"`.
fn quoted(rest: &mut Peekable<Chars<'_>>, word: &mut Word) -> Result<(), String> {
    word.push(Piece::Text(String::new(), Quotes::Some));
    loop {
        match rest.next() {
            Some('"') => return Ok(()),
            Some('$') => word.push(variable(rest, Quotes::Some)?),
            Some('`') => return Err("a backquote: there is no command substitution here".into()),
            Some('\\') => match rest.next() {
                Some('\n') => {}
                Some(c @ ('"' | '\\' | '$' | '`')) => add(word, c, Quotes::Some),
                Some(c) => {
                    add(word, '\\', Quotes::Some);
                    add(word, c, Quotes::Some);
                }
                None => break,
            },
            Some(c) => add(word, c, Quotes::Some),
            None => break,
        }
    }
    Err("a \" is never closed".into())
}

/// Adds `c` to the piece that is read.
fn add(word: &mut Word, c: char, quotes: Quotes) {
    match word.last_mut() {
        Some(Piece::Text(text, same)) if *same == quotes => text.push(c),
        _ => word.push(Piece::Text(c.into(), quotes)),
    }
}

/// Reads what follows a `$`.
fn variable(rest: &mut Peekable<Chars<'_>>, quotes: Quotes) -> Result<Piece, String> {
    let braces = rest.next_if_eq(&'{').is_some();
    let mut name = String::new();
    while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
        name.push(c);
    }
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !braces {
        return match rest.peek() {
            _ if is_name => Ok(Piece::Variable(name, None, quotes)),
            Some('(') => Err("`$(`: there is no command substitution here".into()),
            None | Some(' ' | '"' | '/') if name.is_empty() => Ok(Piece::Text("$".into(), Quotes::Some)),
            next => Err(format!(
                "`${name}{}`: no such parameter here",
                next.map_or(String::new(), char::to_string)
            )),
        };
    }
    let refuse = || format!("`${{{name}`: only ${{VAR}} and ${{VAR:-default}} are known here");
    if !is_name {
        return Err(refuse());
    }
    match (rest.next(), rest.peek()) {
        (Some('}'), _) => Ok(Piece::Variable(name, None, quotes)),
        (Some(':'), Some('-')) => {
            rest.next();
            let mut default = String::new();
            loop {
                match rest.next() {
                    Some('}') => return Ok(Piece::Variable(name, Some(default), quotes)),
                    Some('$' | '`' | '"' | '\'' | '\\' | '{') | None => return Err(refuse()),
                    Some(c) => default.push(c),
                }
            }
        }
        _ => Err(refuse()),
    }
}
