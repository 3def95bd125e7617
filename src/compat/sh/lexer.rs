//! A line becomes tokens: words with their quotes and variables told apart, operators, redirections.

use std::iter::Peekable;
use std::str::Chars;

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
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
    /// `&`
    Background,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `> FILE`, `2>&1` and their like.
    Redirect {
        /// The descriptor that is led elsewhere.
        fd: i32,
        /// Where it leads.
        to: RedirectTarget,
    },
}

/// Where a redirection leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RedirectTarget {
    /// `/dev/null`
    Nowhere,
    /// Where this descriptor leads.
    Fd(i32),
    /// A file, opened in this mode.
    File(Mode, Word),
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `<`
    Read,
    /// `>`
    Write,
    /// `>>`
    Append,
    /// `<>`
    ReadWrite,
    /// `<<<`, where the word is the text itself.
    HereString,
}

/// A word in pieces; one without a piece was never written.
pub(crate) type Word = Vec<Piece>;

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text; quoted where it can be no keyword.
    Text(String, Quotes),
    /// A variable, and what stands for it when it is unset or empty.
    Variable(String, Option<String>, Quotes),
    /// `$?`
    Status(Quotes),
    /// `$( )` or backquotes: the line in it.
    Command(String, Quotes),
}

/// Whether a piece stood in quotes: what does not may be more than one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quotes {
    /// It did not.
    None,
    /// It did.
    Some,
}

/// Takes `line` apart; an error names what is no part of so little a shell.
pub(crate) fn tokens(line: &str) -> Result<Vec<Token>, String> {
    let mut rest = line.chars().peekable();
    let mut found = Vec::new();
    while let Some(&c) = rest.peek() {
        if !matches!(c, ' ' | '\t' | '\n' | ';' | '#' | '|' | '&' | '(' | ')') {
            found.extend(word_or_redirection(&mut rest)?);
            continue;
        }
        rest.next();
        found.push(match c {
            ' ' | '\t' => continue,
            '#' => {
                while rest.next_if(|c| *c != '\n').is_some() {}
                continue;
            }
            '|' if rest.next_if_eq(&'|').is_some() => Token::Or,
            '|' => Token::Pipe,
            '&' if rest.next_if_eq(&'&').is_some() => Token::And,
            '&' => Token::Background,
            '(' => Token::Open,
            ')' => Token::Close,
            _ => Token::Then,
        });
    }
    Ok(found)
}

/// Reads a word, or a redirection with its descriptor; nothing where a line is only continued.
fn word_or_redirection(rest: &mut Peekable<Chars<'_>>) -> Result<Option<Token>, String> {
    let mut fd = match rest.peek() {
        Some('>') => Some(1),
        Some('<') => Some(0),
        _ => None,
    };
    let mut read = Word::new();
    if fd.is_none() {
        read = word(rest)?;
        fd = match read.as_slice() {
            [Piece::Text(text, Quotes::None)] if text.len() == 1 => text.parse().ok(),
            _ => None,
        };
        fd = fd.filter(|_| matches!(rest.peek(), Some('>' | '<')));
    }
    match fd {
        Some(fd) => redirect(rest, fd).map(Some),
        None => Ok((!read.is_empty()).then_some(Token::Word(read))),
    }
}

/// Reads from `>` or `<` on.
fn redirect(rest: &mut Peekable<Chars<'_>>, fd: i32) -> Result<Token, String> {
    let reads = rest.next() == Some('<');
    if rest.next_if_eq(&'&').is_some() {
        let digit = rest.next().and_then(|c| c.to_digit(10)).and_then(|digit| i32::try_from(digit).ok());
        let sign = if reads { '<' } else { '>' };
        let to = digit.ok_or_else(|| format!("`{fd}{sign}&`: only a digit is a descriptor here"))?;
        return Ok(Token::Redirect { fd, to: RedirectTarget::Fd(to) });
    }
    let mode = match (reads, rest.peek()) {
        (true, Some('>')) => Mode::ReadWrite,
        (true, Some('<')) => Mode::HereString,
        (true, _) => Mode::Read,
        (false, Some('>')) => Mode::Append,
        (false, _) => Mode::Write,
    };
    if !matches!(mode, Mode::Read | Mode::Write) {
        rest.next();
    }
    if mode == Mode::HereString && rest.next_if_eq(&'<').is_none() {
        return Err("`<<`: there are no here-documents here".into());
    }
    while rest.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
    let word = word(rest)?;
    let to = match word.as_slice() {
        [] => return Err("a redirection without its file".into()),
        [Piece::Text(path, _)] if path == "/dev/null" && mode != Mode::HereString => RedirectTarget::Nowhere,
        _ => RedirectTarget::File(mode, word),
    };
    Ok(Token::Redirect { fd, to })
}

/// Reads a word.
fn word(rest: &mut Peekable<Chars<'_>>) -> Result<Word, String> {
    let mut word = Word::new();
    while let Some(c) = rest.next_if(|c| !" \t\n;|&><()".contains(*c)) {
        match c {
            '\'' => {
                let text: String = std::iter::from_fn(|| rest.next_if(|c| *c != '\'')).collect();
                rest.next().ok_or("a ' is never closed")?;
                word.push(Piece::Text(text, Quotes::Some));
            }
            '"' => quoted(rest, &mut word)?,
            '\\' => match rest.next() {
                Some('\n') => {}
                Some(c) => word.push(Piece::Text(c.into(), Quotes::Some)),
                None => return Err("a \\ at the end".into()),
            },
            '$' => word.push(variable(rest, Quotes::None)?),
            '`' => word.push(Piece::Command(backquoted(rest)?, Quotes::None)),
            c => add(&mut word, c, Quotes::None),
        }
    }
    Ok(word)
}

/// Reads to the closing `"`.
fn quoted(rest: &mut Peekable<Chars<'_>>, word: &mut Word) -> Result<(), String> {
    word.push(Piece::Text(String::new(), Quotes::Some));
    while let Some(c) = rest.next() {
        match c {
            '"' => return Ok(()),
            '$' => word.push(variable(rest, Quotes::Some)?),
            '`' => word.push(Piece::Command(backquoted(rest)?, Quotes::Some)),
            '\\' => match rest.next() {
                Some('\n') => {}
                Some(c @ ('"' | '\\' | '$' | '`')) => add(word, c, Quotes::Some),
                Some(c) => ['\\', c].into_iter().for_each(|c| add(word, c, Quotes::Some)),
                None => break,
            },
            c => add(word, c, Quotes::Some),
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

/// Reads to the closing backquote.
fn backquoted(rest: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    let mut line = String::new();
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('`', _) => return Ok(line),
            ('\\', Some('`' | '\\' | '$')) => line.extend(rest.next()),
            ('\\', Some(_)) => {
                line.push(c);
                line.extend(rest.next());
            }
            _ => line.push(c),
        }
    }
    Err("a ` is never closed".into())
}

/// Reads to the `)` that closes `$(`.
fn substituted(rest: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    if rest.peek() == Some(&'(') {
        return Err("`$((`: there is no arithmetic here".into());
    }
    let mut line = String::new();
    let (mut depth, mut quote) = (1, None);
    while let Some(c) = rest.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => {
                line.push(c);
                line.extend(rest.next());
                continue;
            }
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('(', None) => depth += 1,
            (')', None) => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Ok(line);
        }
        line.push(c);
    }
    Err("a $( is never closed".into())
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
            Some('(') => {
                rest.next();
                Ok(Piece::Command(substituted(rest)?, quotes))
            }
            Some('?') => {
                rest.next();
                Ok(Piece::Status(quotes))
            }
            None | Some(' ' | '"' | '/' | ')' | '|') if name.is_empty() => {
                Ok(Piece::Text("$".into(), Quotes::Some))
            }
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
