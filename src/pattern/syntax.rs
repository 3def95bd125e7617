//! The text of a pattern becomes a tree. The two syntaxes differ only in which characters need a backslash.

use super::{DEPTH_MAX, Syntax};

/// The most that a repetition may ask for.
const REPEAT_MAX: u32 = 1000;

/// A pattern, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// One character of a set.
    Set(Set),
    /// No character, but a place.
    Place(Place),
    /// One after the other; none is the empty text.
    Sequence(Vec<Node>),
    /// One of them.
    Choice(Vec<Node>),
    /// At least `min` times, and at most `max`.
    Repeat { node: Box<Node>, min: u32, max: Option<u32> },
}

/// A set of characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Set {
    /// All.
    Any,
    /// This one.
    One(char),
    /// Those in one of the ranges, both ends included.
    In(Vec<(char, char)>),
    /// Those in none of the ranges.
    NotIn(Vec<(char, char)>),
}

/// Where a character could stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Before the first one.
    Start,
    /// After the last one.
    End,
    /// Between a word and what is none.
    Edge,
    /// Anywhere else.
    NoEdge,
    /// Before the first one of a word.
    WordStart,
    /// After the last one of a word.
    WordEnd,
}

/// A piece of text that means one thing.
#[derive(Debug)]
enum Token {
    /// Something that matches.
    Atom(Node),
    /// How often the one before.
    Repeat { min: u32, max: Option<u32> },
    /// Opens a group.
    Open,
    /// Closes it.
    Close,
    /// Stands between choices.
    Bar,
}

/// The classes that have a name between `[:` and `:]` (POSIX, 9.3.5), in ASCII.
const CLASSES: &[(&str, &[(char, char)])] = &[
    ("alnum", &[('0', '9'), ('A', 'Z'), ('a', 'z')]),
    ("alpha", &[('A', 'Z'), ('a', 'z')]),
    ("blank", &[(' ', ' '), ('\t', '\t')]),
    ("cntrl", &[('\0', '\x1f'), ('\x7f', '\x7f')]),
    ("digit", DIGIT),
    ("graph", &[('!', '~')]),
    ("lower", &[('a', 'z')]),
    ("print", &[(' ', '~')]),
    ("punct", &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
    ("space", SPACE),
    ("upper", &[('A', 'Z')]),
    ("xdigit", &[('0', '9'), ('A', 'F'), ('a', 'f')]),
];

/// `\d`.
const DIGIT: &[(char, char)] = &[('0', '9')];

/// `\s`.
const SPACE: &[(char, char)] = &[('\t', '\r'), (' ', ' ')];

/// `\w`.
const WORD: &[(char, char)] = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

/// Whether a word may hold `c`.
pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Reads a pattern from left to right.
#[derive(Debug)]
pub(super) struct Parser {
    /// What is left, the next character last.
    rest: Vec<char>,
    syntax: Syntax,
    /// Whether nothing stands before in this group or choice.
    at_start: bool,
}

impl Parser {
    /// Begins with `text`.
    pub(super) fn new(text: &str, syntax: Syntax) -> Self {
        Self { rest: text.chars().rev().collect(), syntax, at_start: true }
    }

    /// Reads all of it.
    pub(super) fn parse(mut self) -> Result<Node, String> {
        let (node, end) = self.choice(0)?;
        match end {
            None => Ok(node),
            Some(()) => Err("a ) without its (".into()),
        }
    }

    /// Reads choices up to the end, or to the `)` that it also takes.
    fn choice(&mut self, depth: usize) -> Result<(Node, Option<()>), String> {
        if depth > DEPTH_MAX {
            return Err(format!("groups in more than {DEPTH_MAX} groups"));
        }
        let mut choices = Vec::new();
        let mut sequence: Vec<Node> = Vec::new();
        let mut before = Before::Nothing;
        self.at_start = true;
        let end = loop {
            let Some(token) = self.token()? else { break None };
            self.at_start = matches!(token, Token::Bar | Token::Atom(Node::Place(Place::Start)));
            match token {
                Token::Atom(node) => {
                    before = if matches!(node, Node::Place(_)) { Before::Nothing } else { Before::Atom };
                    sequence.push(node);
                }
                Token::Open => {
                    let (group, Some(())) = self.choice(depth + 1)? else {
                        return Err("a ( without its )".into());
                    };
                    self.at_start = false;
                    sequence.push(group);
                    before = Before::Atom;
                }
                Token::Repeat { min, max } => match (before, sequence.pop()) {
                    (Before::Atom, Some(node)) => {
                        sequence.push(Node::Repeat { node: Box::new(node), min, max });
                        before = Before::Repeat;
                        self.skip_lazy();
                    }
                    (Before::Repeat, _) => return Err("two repetitions in a row".into()),
                    _ => return Err("a repetition with nothing before it".into()),
                },
                Token::Bar => {
                    choices.push(Node::Sequence(std::mem::take(&mut sequence)));
                    before = Before::Nothing;
                }
                Token::Close => break Some(()),
            }
        };
        let last = Node::Sequence(sequence);
        if choices.is_empty() {
            return Ok((last, end));
        }
        choices.push(last);
        Ok((Node::Choice(choices), end))
    }

    /// Skips the `?` of `x*?`: whether there is a match does not depend on how short it is.
    fn skip_lazy(&mut self) {
        if self.syntax == Syntax::Extended {
            self.take_if('?');
        }
    }

    /// The next piece, if there is one.
    fn token(&mut self) -> Result<Option<Token>, String> {
        let Some(c) = self.rest.pop() else { return Ok(None) };
        let set = |set| Ok(Some(Token::Atom(Node::Set(set))));
        let place = |place| Ok(Some(Token::Atom(Node::Place(place))));
        let (operator, escaped) = match (self.syntax, c) {
            (Syntax::Basic, '\\') => match self.rest.last() {
                Some(&next @ ('(' | ')' | '{' | '|' | '+' | '?')) => {
                    self.rest.pop();
                    (next, false)
                }
                _ => (c, false),
            },
            (Syntax::Basic, '(' | ')' | '{' | '|' | '+' | '?') => (c, true),
            _ => (c, false),
        };
        if escaped {
            return set(Set::One(operator));
        }
        match operator {
            '\\' => self.escape().map(|node| Some(Token::Atom(node))),
            '.' => set(Set::Any),
            '[' => set(self.brackets()?),
            '*' if self.syntax == Syntax::Basic && self.at_start => set(Set::One('*')),
            '*' => Ok(Some(Token::Repeat { min: 0, max: None })),
            '+' => Ok(Some(Token::Repeat { min: 1, max: None })),
            '?' => Ok(Some(Token::Repeat { min: 0, max: Some(1) })),
            '{' if self.syntax == Syntax::Basic || self.next_is(|c| c.is_ascii_digit()) => {
                self.bounds().map(Some)
            }
            '(' => self.open().map(|()| Some(Token::Open)),
            ')' => Ok(Some(Token::Close)),
            '|' => Ok(Some(Token::Bar)),
            '^' if self.syntax == Syntax::Extended || self.at_start => place(Place::Start),
            '$' if self.syntax == Syntax::Extended || self.at_end() => place(Place::End),
            other => set(Set::One(other)),
        }
    }

    /// Whether the basic `$` before is an anchor: at the end, also of a group or choice.
    fn at_end(&self) -> bool {
        matches!(*self.rest.as_slice(), [] | [.., ')' | '|', '\\'])
    }

    /// After `(`: takes `?:`, and refuses whatever else begins with `?`.
    fn open(&mut self) -> Result<(), String> {
        if self.syntax == Syntax::Extended && self.take_if('?') && !self.take_if(':') {
            let what = self.rest.last().map(char::to_string).unwrap_or_default();
            return Err(format!("`(?{what}`, which is not known; groups are ( ) and (?: )"));
        }
        Ok(())
    }

    /// After `\`.
    fn escape(&mut self) -> Result<Node, String> {
        let c = self.rest.pop().ok_or("a \\ at its end")?;
        let within = |ranges: &[(char, char)]| Node::Set(Set::In(ranges.to_vec()));
        let without = |ranges: &[(char, char)]| Node::Set(Set::NotIn(ranges.to_vec()));
        Ok(match c {
            'd' => within(DIGIT),
            'D' => without(DIGIT),
            'w' => within(WORD),
            'W' => without(WORD),
            's' => within(SPACE),
            'S' => without(SPACE),
            'b' => Node::Place(Place::Edge),
            'B' => Node::Place(Place::NoEdge),
            '<' => Node::Place(Place::WordStart),
            '>' => Node::Place(Place::WordEnd),
            '1'..='9' => return Err(format!("a backreference, `\\{c}`, which takes more than linear time")),
            _ => Node::Set(Set::One(itself(c).ok_or_else(|| format!("unknown escape `\\{c}`"))?)),
        })
    }

    /// After `{`: `2}`, `2,}`, `,5}` or `2,5}`, with `\}` at the end in the basic syntax.
    fn bounds(&mut self) -> Result<Token, String> {
        let unclosed = || Err("a { without its }".to_owned());
        let first = self.number()?;
        let (min, max) = match (first, self.take_if(',')) {
            (min, true) => (min.unwrap_or(0), self.number()?),
            (Some(times), false) => (times, Some(times)),
            (None, false) => return unclosed(),
        };
        let closed = (self.syntax == Syntax::Extended || self.take_if('\\')) && self.take_if('}');
        match max {
            _ if !closed => unclosed(),
            Some(max) if max < min => Err(format!("{{{min},{max}}}, whose begin is more than its end")),
            _ => Ok(Token::Repeat { min, max }),
        }
    }

    /// Digits as a number, none when there are none.
    fn number(&mut self) -> Result<Option<u32>, String> {
        let mut number = None;
        while let Some(digit) = self.rest.last().and_then(|c| c.to_digit(10)) {
            self.rest.pop();
            let value = number.unwrap_or(0) * 10 + digit;
            if value > REPEAT_MAX {
                return Err(format!("a repetition of more than {REPEAT_MAX}"));
            }
            number = Some(value);
        }
        Ok(number)
    }

    /// After `[`. A `]` that comes first is itself.
    fn brackets(&mut self) -> Result<Set, String> {
        let unclosed = || "a [ without its ]".to_owned();
        let negated = self.take_if('^');
        let mut ranges = Vec::new();
        let mut first = true;
        loop {
            let c = self.rest.pop().ok_or_else(unclosed)?;
            if c == ']' && !first {
                break;
            }
            first = false;
            match self.member(c)? {
                Member::Ranges(more) => {
                    if self.is_range() {
                        return Err("a class at the end of a range".into());
                    }
                    ranges.extend_from_slice(more);
                }
                Member::One(from) if self.is_range() => {
                    self.rest.pop();
                    let last = self.rest.pop().ok_or_else(unclosed)?;
                    let Member::One(to) = self.member(last)? else {
                        return Err("a class at the end of a range".into());
                    };
                    if to < from {
                        return Err(format!("a range `{from}-{to}` that ends before it begins"));
                    }
                    ranges.push((from, to));
                }
                Member::One(one) => ranges.push((one, one)),
            }
        }
        Ok(if negated { Set::NotIn(ranges) } else { Set::In(ranges) })
    }

    /// Whether a `-` follows that is not the last in its brackets.
    fn is_range(&self) -> bool {
        matches!(*self.rest.as_slice(), [.., next, '-'] if next != ']')
    }

    /// What `c`, just taken, stands for in brackets.
    fn member(&mut self, c: char) -> Result<Member, String> {
        match (c, self.rest.last().copied()) {
            ('[', Some(':')) => {
                self.rest.pop();
                let mut name = String::new();
                while let Some(c) = self.rest.pop().filter(char::is_ascii_alphabetic) {
                    name.push(c);
                }
                // The loop took the colon, too.
                let class = CLASSES.iter().find(|class| class.0 == name).filter(|_| self.take_if(']'));
                class.map(|class| Member::Ranges(class.1)).ok_or_else(|| format!("unknown class `{name}`"))
            }
            ('[', Some('.' | '=')) => Err("a collating element, which is not known".into()),
            ('\\', Some(next)) => {
                self.rest.pop();
                match next {
                    'd' => Ok(Member::Ranges(DIGIT)),
                    's' => Ok(Member::Ranges(SPACE)),
                    'w' => Ok(Member::Ranges(WORD)),
                    _ => itself(next)
                        .map(Member::One)
                        .ok_or_else(|| format!("unknown escape `\\{next}` in brackets")),
                }
            }
            _ => Ok(Member::One(c)),
        }
    }

    /// Whether the next character is one that `fits`.
    fn next_is(&self, fits: impl Fn(char) -> bool) -> bool {
        self.rest.last().is_some_and(|c| fits(*c))
    }

    /// Takes the next character if it is `c`.
    fn take_if(&mut self, c: char) -> bool {
        let is = self.next_is(|next| next == c);
        if is {
            self.rest.pop();
        }
        is
    }
}

/// What stands before a repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// Nothing that could be repeated.
    Nothing,
    /// Something that can.
    Atom,
    /// A repetition.
    Repeat,
}

/// What stands in brackets.
enum Member {
    /// A character, which may begin a range.
    One(char),
    /// A class.
    Ranges(&'static [(char, char)]),
}

/// The one character that `\` and `c` stand for, none when it is a letter or digit without a meaning.
fn itself(c: char) -> Option<char> {
    match c {
        'n' => Some('\n'),
        't' => Some('\t'),
        'r' => Some('\r'),
        c if c.is_ascii_alphanumeric() => None,
        c => Some(c),
    }
}
