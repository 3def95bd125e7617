//! The tree of a pattern becomes a program of states, and all of its states go through a text at once.

use super::syntax::{Node, Place, Set, is_word};
use super::{Case, SIZE_MAX};

/// A pattern as states.
#[derive(Clone, Debug)]
pub(super) struct Program {
    states: Vec<State>,
    case: Case,
}

/// One state; what it leads to is the next one, unless it says otherwise.
#[derive(Clone, Debug)]
enum State {
    /// Takes a character of the set.
    Take(Set),
    /// Takes nothing, and is passed at that place only.
    At(Place),
    /// Takes nothing, and leads to the next one and to that one.
    Fork(usize),
    /// Takes nothing, and leads to that one.
    Jump(usize),
}

/// Between two characters.
#[derive(Clone, Copy, Debug)]
struct Gap {
    before: Option<char>,
    after: Option<char>,
}

impl Gap {
    /// Whether it is such a place.
    fn is(self, place: Place) -> bool {
        let (before, after) = (self.before.is_some_and(is_word), self.after.is_some_and(is_word));
        match place {
            Place::Start => self.before.is_none(),
            Place::End => self.after.is_none(),
            Place::Edge => before != after,
            Place::NoEdge => before == after,
            Place::WordStart => !before && after,
            Place::WordEnd => before && !after,
        }
    }
}

impl Program {
    /// Writes the program of `node`.
    pub(super) fn build(node: &Node, case: Case) -> Result<Self, String> {
        let mut writer = Writer { states: Vec::new(), steps: 0 };
        writer.write(node)?;
        Ok(Self { states: writer.states, case })
    }

    /// Whether it goes through from anywhere in `text`.
    pub(super) fn is_match(&self, text: &str) -> bool {
        let mut now = Threads::new(self.states.len());
        let mut next = Threads::new(self.states.len());
        let mut characters = text.chars();
        let mut gap = Gap { before: None, after: characters.next() };
        loop {
            if self.enter(0, gap, &mut now) {
                return true;
            }
            let Some(c) = gap.after else { return false };
            gap = Gap { before: Some(c), after: characters.next() };
            next.clear();
            for &state in &now.waiting {
                if let Some(State::Take(set)) = self.states.get(state)
                    && self.takes(set, c)
                    && self.enter(state + 1, gap, &mut next)
                {
                    return true;
                }
            }
            std::mem::swap(&mut now, &mut next);
        }
    }

    /// Adds `state`, and whatever it leads to without taking a character; true when that is the end.
    fn enter(&self, state: usize, gap: Gap, threads: &mut Threads) -> bool {
        threads.stack.push(state);
        while let Some(state) = threads.stack.pop() {
            let Some(is) = self.states.get(state) else {
                threads.stack.clear();
                return true;
            };
            if !threads.first_time(state) {
                continue;
            }
            match is {
                State::Take(_) => threads.waiting.push(state),
                State::At(place) if gap.is(*place) => threads.stack.push(state + 1),
                State::At(_) => {}
                State::Fork(other) => threads.stack.extend([*other, state + 1]),
                State::Jump(other) => threads.stack.push(*other),
            }
        }
        false
    }

    /// Whether `set` holds `c`.
    fn takes(&self, set: &Set, c: char) -> bool {
        match self.case {
            Case::Sensitive => holds(set, c),
            Case::Insensitive => match set {
                // Not the one, in either case.
                Set::NotIn(ranges) => {
                    !is_in(ranges, c.to_ascii_lowercase()) && !is_in(ranges, c.to_ascii_uppercase())
                }
                _ => holds(set, c.to_ascii_lowercase()) || holds(set, c.to_ascii_uppercase()),
            },
        }
    }
}

/// Whether `set` holds exactly `c`.
fn holds(set: &Set, c: char) -> bool {
    match set {
        Set::Any => true,
        Set::One(one) => *one == c,
        Set::In(ranges) => is_in(ranges, c),
        Set::NotIn(ranges) => !is_in(ranges, c),
    }
}

/// Whether one of `ranges` holds `c`.
fn is_in(ranges: &[(char, char)], c: char) -> bool {
    ranges.iter().any(|(from, to)| (*from..=*to).contains(&c))
}

/// The states that are reached at one gap, each once.
#[derive(Debug)]
struct Threads {
    /// Those that take a character.
    waiting: Vec<usize>,
    /// Those that were met, by number.
    met: Vec<bool>,
    /// Those still to be entered; empty in between.
    stack: Vec<usize>,
}

impl Threads {
    /// None, of a program with `states`.
    fn new(states: usize) -> Self {
        Self { waiting: Vec::new(), met: vec![false; states], stack: Vec::new() }
    }

    /// Forgets all.
    fn clear(&mut self) {
        self.waiting.clear();
        self.met.fill(false);
    }

    /// Whether `state` is met for the first time; from now on it is not.
    fn first_time(&mut self, state: usize) -> bool {
        self.met.get_mut(state).is_some_and(|met| !std::mem::replace(met, true))
    }
}

/// Writes states.
struct Writer {
    states: Vec<State>,
    /// How often something was written, be it nothing.
    steps: usize,
}

impl Writer {
    /// Appends the states of `node`.
    fn write(&mut self, node: &Node) -> Result<(), String> {
        self.steps += 1;
        if self.steps.max(self.states.len()) > SIZE_MAX {
            return Err(format!("more than {SIZE_MAX} states, its repetitions written out"));
        }
        match node {
            Node::Set(set) => self.states.push(State::Take(set.clone())),
            Node::Place(place) => self.states.push(State::At(*place)),
            Node::Sequence(nodes) => nodes.iter().try_for_each(|node| self.write(node))?,
            Node::Choice(choices) => self.choice(choices)?,
            Node::Repeat { node, min, max } => self.repeat(node, *min, *max)?,
        }
        Ok(())
    }

    /// Each choice forks to the one after it, and jumps to the end of all.
    fn choice(&mut self, choices: &[Node]) -> Result<(), String> {
        let mut jumps = Vec::new();
        for (index, choice) in choices.iter().enumerate() {
            let is_last = index + 1 == choices.len();
            let fork = self.states.len();
            if !is_last {
                self.states.push(State::Fork(0));
            }
            self.write(choice)?;
            if !is_last {
                jumps.push(self.states.len());
                self.states.push(State::Jump(0));
                self.set(fork, State::Fork(self.states.len()));
            }
        }
        let end = self.states.len();
        for jump in jumps {
            self.set(jump, State::Jump(end));
        }
        Ok(())
    }

    /// The least number of copies, then a loop, or as many as there may be more, each of which can be skipped.
    fn repeat(&mut self, node: &Node, min: u32, max: Option<u32>) -> Result<(), String> {
        for _ in 0..min {
            self.write(node)?;
        }
        let Some(max) = max else {
            let fork = self.states.len();
            self.states.push(State::Fork(0));
            self.write(node)?;
            self.states.push(State::Jump(fork));
            self.set(fork, State::Fork(self.states.len()));
            return Ok(());
        };
        let mut forks = Vec::new();
        for _ in min..max {
            forks.push(self.states.len());
            self.states.push(State::Fork(0));
            self.write(node)?;
        }
        let end = self.states.len();
        for fork in forks {
            self.set(fork, State::Fork(end));
        }
        Ok(())
    }

    /// Replaces a state that was written before what it leads to was known.
    fn set(&mut self, state: usize, is: State) {
        if let Some(place) = self.states.get_mut(state) {
            *place = is;
        }
    }
}
