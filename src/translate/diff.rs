//! Changes of a text as a unified diff (<https://www.gnu.org/software/diffutils/manual/html_node/Unified-Format.html>).

use std::ops::Range;

/// A change: these bytes become this text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    /// Which bytes.
    pub(super) place: Range<usize>,
    /// What they become.
    pub(super) text: String,
}

/// Lines around a change that show where it is.
const CONTEXT: usize = 3;

/// Whole lines that are replaced.
struct Change {
    lines: Range<usize>,
    new: Vec<String>,
}

/// The diff of `path` for `edits`; empty without any.
pub(super) fn unified(path: &str, old: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_cached_key(|edit| edit.place.start);
    // A fragment that several places take by its anchor is changed once.
    let mut end = 0;
    edits.retain(|edit| {
        let is_free = edit.place.start >= end;
        end = if is_free { edit.place.end.max(end) } else { end };
        is_free
    });
    edits.dedup();
    let lines: Vec<&str> = old.split_inclusive('\n').collect();
    let changes = changes(old, &lines, &edits);
    if changes.is_empty() {
        return String::new();
    }
    let name = path.trim_start_matches("./").trim_start_matches('/');
    let mut text = format!("--- a/{name}\n+++ b/{name}\n");
    let mut shift: isize = 0;
    let mut rest = changes.as_slice();
    while let Some(first) = rest.first() {
        // Changes whose contexts touch make one hunk.
        let mut count = 1;
        while let (Some(one), Some(next)) = (rest.get(count - 1), rest.get(count)) {
            if next.lines.start > one.lines.end + 2 * CONTEXT {
                break;
            }
            count += 1;
        }
        let (hunk, after) = rest.split_at(count);
        let from = first.lines.start.saturating_sub(CONTEXT);
        let to = hunk.last().map_or(from, |last| (last.lines.end + CONTEXT).min(lines.len()));
        let added: usize = hunk.iter().map(|change| change.new.len()).sum();
        let removed: usize = hunk.iter().map(|change| change.lines.len()).sum();
        let new_count = to - from - removed + added;
        let new_from = from.saturating_add_signed(shift);
        text.push_str(&format!("@@ -{} +{} @@\n", numbers(from, to - from), numbers(new_from, new_count)));
        let mut at = from;
        for change in hunk {
            push(&mut text, ' ', lines.get(at..change.lines.start).unwrap_or_default());
            push(&mut text, '-', lines.get(change.lines.clone()).unwrap_or_default());
            push(&mut text, '+', &change.new);
            at = change.lines.end;
        }
        push(&mut text, ' ', lines.get(at..to).unwrap_or_default());
        let grown = isize::try_from(added).unwrap_or(0) - isize::try_from(removed).unwrap_or(0);
        shift += grown;
        rest = after;
    }
    text
}

/// `first,count` of a hunk's head.
fn numbers(from: usize, count: usize) -> String {
    // A hunk without lines stands after the line that it names.
    let first = if count == 0 { from } else { from + 1 };
    format!("{first},{count}")
}

/// Adds lines with their sign.
fn push<S: AsRef<str>>(text: &mut String, sign: char, lines: &[S]) {
    for line in lines {
        text.push(sign);
        text.push_str(line.as_ref());
        if !line.as_ref().ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// `edits` as changes of whole lines.
fn changes(old: &str, lines: &[&str], edits: &[Edit]) -> Vec<Change> {
    let mut starts = vec![0];
    for line in lines {
        starts.push(starts.last().copied().unwrap_or_default() + line.len());
    }
    let line_of = |byte: usize| starts.partition_point(|start| *start <= byte).saturating_sub(1);
    let mut changes: Vec<Change> = Vec::new();
    let mut rest = edits;
    while let Some(first) = rest.first() {
        let from = line_of(first.place.start);
        let mut to = line_of(first.place.end.max(first.place.start)) + 1;
        let mut count = 1;
        while let Some(next) = rest.get(count).filter(|next| line_of(next.place.start) < to) {
            to = to.max(line_of(next.place.end) + 1);
            count += 1;
        }
        let (group, after) = rest.split_at(count);
        let begin = starts.get(from).copied().unwrap_or_default();
        let end = starts.get(to).copied().unwrap_or(old.len());
        let (mut new, mut at) = (String::new(), begin);
        for edit in group {
            new.push_str(old.get(at..edit.place.start).unwrap_or_default());
            new.push_str(&edit.text);
            at = edit.place.end;
        }
        new.push_str(old.get(at..end).unwrap_or_default());
        changes.push(Change {
            lines: from..to.min(lines.len()),
            new: new.split_inclusive('\n').map(str::to_owned).collect(),
        });
        rest = after;
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_three_lines_around_it() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let edit = Edit { place: 8..9, text: "five".into() };
        assert_eq!(
            unified("./a/b", old, vec![edit]),
            "--- a/a/b\n+++ b/a/b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
        );
    }

    #[test]
    fn a_last_line_without_its_end_says_so() {
        let edit = Edit { place: 2..3, text: "c".into() };
        assert_eq!(
            unified("f", "a\nb", vec![edit]),
            "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n"
        );
    }
}
