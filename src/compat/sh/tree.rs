//! Tokens become a tree: commands, pipes, and what follows what.

use super::lexer::{Mode, Piece, Quotes, To, Token, Word};

/// A pipe, and when it is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// After what.
    pub(super) after: After,
    /// Whether `!` stands before it.
    pub(super) negated: bool,
    /// Each feeds the next; at least one.
    pub(super) commands: Vec<Simple>,
}

/// When a pipe is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// In any case.
    Anything,
    /// After success.
    Success,
    /// After failure.
    Failure,
}

/// A simple command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Simple {
    /// Its words; at least one.
    pub(super) words: Vec<Word>,
    /// Where its descriptors lead, in this order.
    pub(super) redirects: Vec<(i32, To)>,
}

/// Builds the tree of a line.
pub(super) fn tree(tokens: Vec<Token>) -> Result<Vec<Link>, String> {
    let mut links = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    let mut after = After::Anything;
    loop {
        // Empty commands between `;` are lines without one.
        while after == After::Anything && tokens.next_if_eq(&Token::Then).is_some() {}
        if tokens.peek().is_none() && after == After::Anything {
            break;
        }
        let mut link = Link { after, negated: false, commands: vec![Simple::default()] };
        let bang = Token::Word(vec![Piece::Text("!".into(), Quotes::None)]);
        while tokens.next_if_eq(&bang).is_some() {
            link.negated = !link.negated;
        }
        after = loop {
            let Some(command) = link.commands.last_mut() else { return Err("no command".into()) };
            match tokens.next() {
                Some(Token::Word(word)) => command.words.push(word),
                Some(Token::Redirect { fd, to }) => command.redirects.push((fd, redirection(fd, to)?)),
                Some(Token::Background) => return Err("`&`: nothing runs in the background here".into()),
                Some(Token::Open | Token::Close) => {
                    return Err("`(`: there are no subshells and functions here".into());
                }
                Some(Token::Pipe) if !command.words.is_empty() => link.commands.push(Simple::default()),
                Some(Token::Pipe) => return Err("nothing stands before a |".into()),
                Some(Token::And) => break After::Success,
                Some(Token::Or) => break After::Failure,
                Some(Token::Then) | None => break After::Anything,
            }
        };
        if link.commands.iter().any(|command| command.words.is_empty()) {
            return Err("a command is missing between or after operators".into());
        }
        links.push(link);
    }
    if links.is_empty() { Err("there is no command in it".into()) } else { Ok(links) }
}

/// Refuses what is neither /dev/null nor one of the two outputs.
fn redirection(fd: i32, to: To) -> Result<To, String> {
    match to {
        To::Nowhere | To::Fd(1 | 2) if matches!(fd, 1 | 2) => Ok(to),
        To::Fd(_) => Err(format!("`{fd}>&`: only 1 and 2 are descriptors here")),
        To::File(Mode::Read | Mode::ReadWrite | Mode::HereString, _) => {
            Err("`<`: no file is read here".into())
        }
        To::Nowhere | To::File(..) => Err("`>`: no file but /dev/null is written here".into()),
    }
}
