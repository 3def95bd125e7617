//! YAML with the place of each node, so that one value can be changed and every other byte stays.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// The most nodes of a file, with those that aliases lead to: an alias may stand for many.
const NODES_MAX: usize = 100_000;

/// How deep nodes may stand in each other.
const DEPTH_MAX: usize = 64;

/// A value.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Its bytes in the file; of a block sequence from its first item to its last one.
    pub(super) place: Range<usize>,
    /// The line that it begins in, from 1.
    pub(super) line: usize,
    /// Whether it stands elsewhere, and an alias leads there.
    pub(super) is_alias: bool,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A text, and how it is written.
    Scalar(String, Style),
    /// A list, and whether it is written in brackets.
    Sequence(Vec<Node>, bool),
    /// Keys and their values.
    Mapping(Vec<(Node, Node)>),
    /// What an alias leads to that is not known.
    Nothing,
}

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Without quotes.
    Plain,
    /// In single quotes.
    Single,
    /// In double quotes.
    Double,
    /// `|` or `>`.
    Block,
}

impl Node {
    /// The value of `key`, its own or one that `<<` merges in.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let named = |key: &str| self.pairs().iter().find(|(name, _)| name.text() == Some(key));
        if let Some((_, value)) = named(key) {
            return Some(value);
        }
        let (_, merged) = named("<<")?;
        merged.get(key).or_else(|| merged.items().iter().find_map(|each| each.get(key)))
    }

    /// The number of nodes in it.
    fn size(&self) -> usize {
        let inner: usize = match &self.kind {
            Kind::Sequence(items, _) => items.iter().map(Self::size).sum(),
            Kind::Mapping(pairs) => pairs.iter().map(|(key, value)| key.size() + value.size()).sum(),
            Kind::Scalar(..) | Kind::Nothing => 0,
        };
        inner + 1
    }

    /// Keys and values; none of what is not a mapping.
    pub(super) fn pairs(&self) -> &[(Self, Self)] {
        match &self.kind {
            Kind::Mapping(pairs) => pairs,
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// The items of a list.
    pub(super) fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::Sequence(items, _) => items,
            _ => &[],
        }
    }

    /// The texts of a list of nothing else.
    pub(super) fn texts(&self) -> Option<Vec<String>> {
        match &self.kind {
            Kind::Sequence(items, _) => items.iter().map(|item| item.text().map(str::to_owned)).collect(),
            _ => None,
        }
    }
}

/// A list of texts that stands alone.
pub(super) fn strings(text: &str) -> Option<Vec<String>> {
    documents(text).ok()?.first()?.texts()
}

/// The documents of a file.
pub(super) fn documents(text: &str) -> Result<Vec<Node>, String> {
    let mut offsets: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    offsets.push(text.len());
    let parser = Parser::new_from_str(text);
    let mut reader = Reader { parser, offsets, anchors: Vec::new(), nodes: 0 };
    let mut documents = Vec::new();
    while let Some((event, span)) = reader.next()? {
        match event {
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            Event::StreamEnd => break,
            event => documents.push(reader.node(event, span, text, 0)?),
        }
    }
    Ok(documents)
}

/// What is left to read.
struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    /// The byte that each character begins at.
    offsets: Vec<usize>,
    /// What has a name, by its number.
    anchors: Vec<(usize, Node)>,
    /// The nodes so far.
    nodes: usize,
}

impl Reader<'_> {
    /// The next event.
    fn next(&mut self) -> Result<Option<(Event<'static>, Span)>, String> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => Ok(Some((owned(event), span))),
            Some(Err(error)) => Err(format!("line {}: not YAML: {}", error.marker().line(), error.info())),
        }
    }

    /// The byte of a character.
    fn byte(&self, character: usize) -> usize {
        self.offsets.get(character).or(self.offsets.last()).copied().unwrap_or_default()
    }

    /// The node that begins with `event`.
    fn node(&mut self, event: Event<'static>, span: Span, text: &str, depth: usize) -> Result<Node, String> {
        if depth > DEPTH_MAX {
            return Err(format!("line {}: nodes in nodes, more than {DEPTH_MAX} deep", span.start.line()));
        }
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(format!("more than {NODES_MAX} nodes"));
        }
        let line = span.start.line();
        let anchor = match &event {
            Event::Scalar(_, _, anchor, _)
            | Event::SequenceStart(anchor, _)
            | Event::MappingStart(anchor, _) => *anchor,
            _ => 0,
        };
        let start = past_properties(text, self.byte(span.start.index()));
        let mut place = start..self.byte(span.end.index());
        let kind = match event {
            Event::Scalar(value, style, ..) => {
                let style = match style {
                    ScalarStyle::SingleQuoted => Style::Single,
                    ScalarStyle::DoubleQuoted => Style::Double,
                    ScalarStyle::Plain => Style::Plain,
                    _ => Style::Block,
                };
                Kind::Scalar(value.into_owned(), style)
            }
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                let flow = text.get(start..).is_some_and(|rest| rest.starts_with('['));
                let end = loop {
                    match self.next()? {
                        Some((Event::SequenceEnd, end)) => break end,
                        Some((event, span)) => items.push(self.node(event, span, text, depth + 1)?),
                        None => return Err("the end in the middle of a list".into()),
                    }
                };
                if flow {
                    // The mark of the end may reach to the next token.
                    let bracket = self.byte(end.start.index());
                    let is_bracket = text.get(bracket..).is_some_and(|rest| rest.starts_with(']'));
                    place.end = if is_bracket { bracket + 1 } else { self.byte(end.end.index()) };
                } else if let (Some(first), Some(last)) = (items.first(), items.last()) {
                    place = first.place.start..last.place.end;
                }
                Kind::Sequence(items, flow)
            }
            Event::MappingStart(..) => {
                let mut pairs = Vec::new();
                let end = loop {
                    match self.next()? {
                        Some((Event::MappingEnd, end)) => break end,
                        Some((event, span)) => {
                            let key = self.node(event, span, text, depth + 1)?;
                            let Some((event, span)) = self.next()? else {
                                return Err("the end in the middle of a mapping".into());
                            };
                            pairs.push((key, self.node(event, span, text, depth + 1)?));
                        }
                        None => return Err("the end in the middle of a mapping".into()),
                    }
                };
                place.end = pairs.last().map_or(self.byte(end.end.index()), |(_, value)| value.place.end);
                Kind::Mapping(pairs)
            }
            Event::Alias(anchor) => {
                let known = self.anchors.iter().rev().find(|(known, _)| *known == anchor);
                let kind = known.map_or(Kind::Nothing, |(_, node)| node.kind.clone());
                let node = Node { place, line, is_alias: true, kind };
                self.nodes += node.size();
                return Ok(node);
            }
            _ => Kind::Nothing,
        };
        // What follows a value on its line is no part of it.
        let inner = text.get(place.clone()).unwrap_or_default();
        place.end = place.start + inner.trim_end().len();
        let node = Node { place, line, is_alias: false, kind };
        if anchor > 0 {
            self.nodes += node.size();
            self.anchors.push((anchor, node.clone()));
        }
        Ok(node)
    }
}

/// `event`, without what it borrows.
fn owned(event: Event<'_>) -> Event<'static> {
    match event {
        Event::Scalar(value, style, anchor, _) => {
            Event::Scalar(value.into_owned().into(), style, anchor, None)
        }
        Event::SequenceStart(anchor, _) => Event::SequenceStart(anchor, None),
        Event::MappingStart(anchor, _) => Event::MappingStart(anchor, None),
        Event::Alias(anchor) => Event::Alias(anchor),
        Event::DocumentStart(explicit) => Event::DocumentStart(explicit),
        Event::DocumentEnd => Event::DocumentEnd,
        Event::SequenceEnd => Event::SequenceEnd,
        Event::MappingEnd => Event::MappingEnd,
        Event::StreamStart => Event::StreamStart,
        Event::StreamEnd => Event::StreamEnd,
        Event::Nothing => Event::Nothing,
    }
}

/// Where the node at `at` begins behind its anchor and its tag (YAML 1.2, 6.9), which some nodes' places include.
fn past_properties(text: &str, mut at: usize) -> usize {
    while let Some(rest) = text.get(at..).filter(|rest| rest.starts_with(['&', '!'])) {
        let Some(word) = rest.find(char::is_whitespace) else { break };
        let behind = rest.get(word..).unwrap_or_default();
        at += rest.len() - behind.trim_start().len();
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_knows_its_place() {
        let text = "# é\na: &x [1, \"b c\"] # why\nb:\n  - 'x'\n  # between\n  - y z  # after\nc: |\n  one\n  two\nd: e: f\n";
        let text = text.replace("d: e: f\n", "d: plain text   # so\n");
        let documents = documents(&text).unwrap();
        let root = &documents[0];
        let shown = |key: &str| &text[root.get(key).unwrap().place.clone()];
        assert_eq!(shown("a"), "[1, \"b c\"]");
        assert_eq!(shown("b"), "'x'\n  # between\n  - y z");
        assert_eq!(shown("d"), "plain text");
        assert!(shown("c").ends_with("one\n  two"), "{:?}", shown("c"));
        assert_eq!(root.get("a").unwrap().line, 2);
    }

    #[test]
    fn aliases_and_merged_keys_lead_where_they_lead() {
        let text = "x: &a {t: 3s}\ny: {<<: *a, u: 1}\nz: *a\nw: {<<: [*a, {v: 2}]}\n";
        let documents = documents(text).unwrap();
        let value = |first: &str, second: &str| {
            documents[0].get(first).unwrap().get(second).and_then(Node::text).map(str::to_owned)
        };
        for key in ["x", "y", "z", "w"] {
            assert_eq!(value(key, "t").as_deref(), Some("3s"), "{key}");
        }
        assert_eq!(value("w", "v").as_deref(), Some("2"));
    }

    #[test]
    fn aliases_of_aliases_end() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..12 {
            let many = vec![format!("*a{}", n - 1); 10].join(", ");
            text.push_str(&format!("a{n}: &a{n} [{many}]\n"));
        }
        assert!(documents(&text).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_fail(text in r#"[a-z:\- \[\]{}"'#&*|>\n\té]{0,80}"#) {
            if let Ok(documents) = documents(&text) {
                for node in documents {
                    proptest::prop_assert!(text.get(node.place.clone()).is_some(), "{:?}", node.place);
                }
            }
        }
    }
}
