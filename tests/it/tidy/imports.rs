//! Who imports whom, drawn from the sources; and the circles in it.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::tokens;

/// What each node imports: files by their module path (`net::tls::trust`), or folders by their name.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// The imports of files among `sources`, by module path.
///
/// A file may take types from the `mod.rs` above it, and that lists the file in turn: neither is an arrow. The table of
/// probes is the exception, since a kind of probe must not know its table.
pub(super) fn of_files(sources: &BTreeMap<String, String>) -> Graph {
    let modules: BTreeMap<String, &String> = sources
        .iter()
        .filter(|(path, _)| path.starts_with("src/") && !path.ends_with("tests.rs"))
        .map(|(path, text)| (module(path), text))
        .collect();
    let mut graph = Graph::new();
    for (from, text) in &modules {
        let arrows = graph.entry(from.clone()).or_default();
        for path in paths(&tokens(text)) {
            let Some(to) = resolve(from, &path, &modules) else { continue };
            let takes_from_above = is_below(from, &to) && to != "probe";
            let lists_below = is_below(&to, from) && from != "probe";
            if to != *from && !takes_from_above && !lists_below {
                arrows.insert(to);
            }
        }
    }
    graph
}

/// The imports of the rooms of `src/`: its folders, and the files beside them.
pub(super) fn of_folders(files: &Graph) -> Graph {
    let room = |module: &str| module.split("::").next().unwrap_or_default().to_owned();
    let mut graph = Graph::new();
    for (from, arrows) in files {
        let others = arrows.iter().map(|to| room(to)).filter(|to| *to != room(from));
        graph.entry(room(from)).or_default().extend(others);
    }
    graph
}

/// The groups of nodes that import each other in a circle.
pub(super) fn circles(graph: &Graph) -> BTreeSet<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<&String>> =
        graph.keys().map(|node| (node, reachable(graph, node))).collect();
    let is_in_circle = |node: &&String| reach[*node].contains(*node);
    graph
        .keys()
        .filter(is_in_circle)
        .map(|node| {
            let back = |other: &&&String| reach.get(**other).is_some_and(|from| from.contains(node));
            reach[node].iter().filter(back).map(|other| (*other).clone()).collect()
        })
        .collect()
}

/// All that can be reached from `node` over at least one arrow.
fn reachable<'a>(graph: &'a Graph, node: &String) -> BTreeSet<&'a String> {
    let mut seen = BTreeSet::new();
    let mut next: Vec<&String> = graph.get(node).into_iter().flatten().collect();
    while let Some(one) = next.pop() {
        if seen.insert(one) {
            next.extend(graph.get(one).into_iter().flatten());
        }
    }
    seen
}

/// `net::tls::trust` for `src/net/tls/trust.rs`; `lib` for the root.
fn module(path: &str) -> String {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs");
    path.strip_suffix("/mod").unwrap_or(path).replace('/', "::")
}

/// Whether `inner` lies in the folder of `outer`.
fn is_below(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with("::"))
}

/// The file that `path`, as it stands in `from`, leads to.
fn resolve(from: &str, path: &[String], modules: &BTreeMap<String, &String>) -> Option<String> {
    let mut at: Vec<&str> = if from == "lib" { Vec::new() } else { from.split("::").collect() };
    let mut rest = path;
    match path.first().map(String::as_str) {
        Some("crate") => (at, rest) = (Vec::new(), &path[1..]),
        Some("self") => rest = &path[1..],
        _ => {
            while rest.first().is_some_and(|name| name == "super") {
                at.pop();
                rest = &rest[1..];
            }
        }
    }
    at.extend(rest.iter().map(String::as_str));
    (1..=at.len()).rev().map(|length| at[..length].join("::")).find(|name| modules.contains_key(name))
}

/// Every path of `tokens` that begins in this crate; a group counts as one path for each of its members.
fn paths(tokens: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let begins = matches!(token.as_str(), "crate" | "self" | "super")
            && tokens.get(at + 1).is_some_and(|next| next == "::")
            && (at == 0 || tokens[at - 1] != "::");
        if begins {
            follow(tokens, at, &[], &mut found);
        }
    }
    found
}

/// Reads the path at `at`, which continues `before`; says where it ends.
fn follow(tokens: &[String], mut at: usize, before: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = before.to_vec();
    while let Some(token) = tokens.get(at) {
        if token == "{" {
            at += 1;
            while tokens.get(at).is_some_and(|token| token != "}") {
                let next = follow(tokens, at, &path, found);
                // A sign that is part of no path.
                at = next.max(at + 1);
            }
            return at + 1;
        }
        path.push(token.clone());
        at += 1;
        if tokens.get(at).is_some_and(|token| token == "::") {
            at += 1;
        } else {
            break;
        }
    }
    found.push(path);
    at
}
