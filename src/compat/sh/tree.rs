//! Tokens become a tree: lists of pipelines of commands (sh(1p), "Shell Grammar").

use std::iter::Peekable;
use std::vec::IntoIter;

use super::lexer::{Mode, Piece, Quotes, RedirectTarget, Token, Word};

/// The most subshells and groups inside each other.
const DEPTH_MAX: usize = 16;

/// What begins a compound command that a healthcheck has no use for.
const RESERVED: &[&str] = &[
    "if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case", "esac", "in",
    "function", "select", "}",
];

/// Pipelines in their order.
pub(super) type List = Vec<Pipeline>;

/// Commands, each of which feeds the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pipeline {
    /// Whether it runs at all.
    pub(super) condition: Condition,
    /// Whether `!` stands before it.
    pub(super) negated: bool,
    /// At least one.
    pub(super) stages: Vec<Stage>,
}

/// When a pipeline runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Always: it is the first, or follows `;`.
    Always,
    /// The one before succeeded: `&&`.
    Success,
    /// The one before failed: `||`.
    Failure,
}

/// A command and its redirections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stage {
    /// What runs.
    pub(super) body: Body,
    /// Applied in this order before it runs.
    pub(super) redirections: Vec<Redirection>,
}

/// What a stage runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// `NAME=VALUE... COMMAND ARGUMENT...`; either part may be missing.
    Simple {
        /// Variables to set first.
        assignments: Vec<(String, Word)>,
        /// The command and its arguments.
        words: Vec<Word>,
    },
    /// `( LIST )`
    Subshell(List),
    /// `{ LIST; }`
    Group(List),
}

/// `2>&1`, `>/dev/null` and their like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Redirection {
    /// The descriptor that is redirected.
    pub(super) fd: i32,
    /// Where to; a file is a `/dev/tcp/HOST/PORT` or an error.
    pub(super) to: RedirectTarget,
}

/// Builds the tree of a line; an error names what is not offered.
pub(super) fn parse(tokens: Vec<Token>) -> Result<List, String> {
    let mut parser = Parser { tokens: tokens.into_iter().peekable(), depth: 0 };
    let list = parser.list()?;
    match parser.tokens.next() {
        None if list.is_empty() => Err("no command".into()),
        None => Ok(list),
        Some(Token::Close) => Err("unmatched )".into()),
        Some(_) => Err("unmatched }".into()),
    }
}

/// A list under construction.
struct Parser {
    tokens: Peekable<IntoIter<Token>>,
    depth: usize,
}

impl Parser {
    /// Pipelines up to the end of the line, `)` or `}`, which is left to the caller.
    fn list(&mut self) -> Result<List, String> {
        let mut list = List::new();
        let mut condition = Condition::Always;
        loop {
            while self.tokens.next_if_eq(&Token::Then).is_some() {}
            if matches!(self.tokens.peek(), None | Some(Token::Close)) || self.at_word("}") {
                break;
            }
            list.push(self.pipeline(condition)?);
            condition = match self.tokens.peek() {
                Some(Token::And) => Condition::Success,
                Some(Token::Or) => Condition::Failure,
                _ => Condition::Always,
            };
            match self.tokens.peek() {
                Some(Token::And | Token::Or | Token::Then) => {
                    self.tokens.next();
                }
                Some(Token::Background) => return Err("`&`: no background commands".into()),
                _ => break,
            }
        }
        if condition != Condition::Always {
            return Err("no command after && or ||".into());
        }
        Ok(list)
    }

    /// `[!] STAGE [| STAGE]...`
    fn pipeline(&mut self, condition: Condition) -> Result<Pipeline, String> {
        let mut negated = false;
        while self.take_word("!") {
            negated = !negated;
        }
        let mut stages = vec![self.stage()?];
        while self.tokens.next_if_eq(&Token::Pipe).is_some() {
            while self.tokens.next_if_eq(&Token::Then).is_some() {}
            stages.push(self.stage()?);
        }
        Ok(Pipeline { condition, negated, stages })
    }

    /// One command.
    fn stage(&mut self) -> Result<Stage, String> {
        if self.tokens.next_if_eq(&Token::Open).is_some() {
            let list = self.nested()?;
            if self.tokens.next() != Some(Token::Close) {
                return Err("unmatched (".into());
            }
            return self.compound(Body::Subshell(list));
        }
        if self.take_word("{") {
            let list = self.nested()?;
            if !self.take_word("}") {
                return Err("unmatched {".into());
            }
            return self.compound(Body::Group(list));
        }
        if let Some(word) = RESERVED.iter().find(|word| self.at_word(word)) {
            return Err(format!("`{word}`: no if, loops, case or functions"));
        }
        self.simple()
    }

    /// The list in a subshell or group.
    fn nested(&mut self) -> Result<List, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("more than {DEPTH_MAX} subshells in each other"));
        }
        let list = self.list()?;
        self.depth -= 1;
        if list.is_empty() { Err("no command between ( and ) or { and }".into()) } else { Ok(list) }
    }

    /// The redirections after a subshell or group.
    fn compound(&mut self, body: Body) -> Result<Stage, String> {
        let mut redirections = Vec::new();
        while let Some(token) = self.tokens.next_if(|token| matches!(token, Token::Redirect { .. })) {
            redirections.extend(redirection(token)?);
        }
        match self.tokens.peek() {
            Some(Token::Word(_) | Token::Open) => Err("an operator is missing after ) or }".into()),
            _ => Ok(Stage { body, redirections }),
        }
    }

    /// Assignments, words and redirections in any order.
    fn simple(&mut self) -> Result<Stage, String> {
        let (mut assignments, mut words, mut redirections) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            match self.tokens.peek() {
                Some(Token::Word(_)) => {
                    let Some(Token::Word(word)) = self.tokens.next() else { continue };
                    match assignment(&word).filter(|_| words.is_empty()) {
                        Some(assignment) => assignments.push(assignment),
                        None => words.push(word),
                    }
                }
                Some(Token::Redirect { .. }) => {
                    let token = self.tokens.next();
                    redirections.extend(token.map(redirection).transpose()?.flatten());
                }
                Some(Token::Open) => return Err("`(`: no functions".into()),
                _ => break,
            }
        }
        if assignments.is_empty() && words.is_empty() && redirections.is_empty() {
            return Err("a command is missing before or after an operator".into());
        }
        Ok(Stage { body: Body::Simple { assignments, words }, redirections })
    }

    /// Whether the next token is `word`, unquoted.
    fn at_word(&mut self, word: &str) -> bool {
        matches!(self.tokens.peek(), Some(Token::Word(pieces))
            if matches!(pieces.as_slice(), [Piece::Text(text, Quotes::None)] if text == word))
    }

    /// Takes `word` if it is next.
    fn take_word(&mut self, word: &str) -> bool {
        self.at_word(word) && self.tokens.next().is_some()
    }
}

/// `word` as `NAME=VALUE`, if it is one.
fn assignment(word: &Word) -> Option<(String, Word)> {
    let (Piece::Text(text, Quotes::None), rest) = word.split_first()? else { return None };
    let (name, value) = text.split_once('=')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let first = Piece::Text(value.to_owned(), Quotes::Some);
    is_name.then(|| (name.to_owned(), std::iter::once(first).chain(rest.iter().cloned()).collect()))
}

/// Refuses what would read or write a file.
fn redirection(token: Token) -> Result<Option<Redirection>, String> {
    let Token::Redirect { fd, to } = token else { return Ok(None) };
    match &to {
        RedirectTarget::Nowhere if matches!(fd, 0..=2) => {}
        RedirectTarget::Fd(1 | 2) if matches!(fd, 1 | 2) => {}
        RedirectTarget::Fd(_) => return Err(format!("`{fd}>&`: only 1 and 2 are offered")),
        RedirectTarget::File(Mode::HereString, _) => return Err("`<<<`: not offered".into()),
        RedirectTarget::File(_, word) if is_socket(word) => {}
        RedirectTarget::File(Mode::Read, _) => {
            return Err("`<`: no file is read; only /dev/null and /dev/tcp/HOST/PORT".into());
        }
        RedirectTarget::Nowhere | RedirectTarget::File(..) => {
            return Err("`>`: no file is written; only /dev/null and /dev/tcp/HOST/PORT".into());
        }
    }
    Ok(Some(Redirection { fd, to }))
}

/// Whether a word begins with bash's name for a TCP connection.
fn is_socket(word: &Word) -> bool {
    matches!(word.first(), Some(Piece::Text(text, _)) if text.starts_with("/dev/tcp/"))
}
