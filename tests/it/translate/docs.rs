//! `docs/migrating.md` shows what is printed.

use std::fs;
use std::path::Path;

use super::states::translated;
use crate::support::sexton;

/// The section of the page.
fn section() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/migrating.md");
    let text = fs::read_to_string(page).expect("the page is there");
    let (_, section) = text.split_once("\n## `sexton translate`\n").expect("it has the section");
    section.split("\n## ").next().unwrap_or_default().to_owned()
}

/// The rows of the table below `heading`: what is in the first and the second cell.
fn rows(section: &str, heading: &str) -> Vec<(String, String)> {
    let (_, rest) = section.split_once(heading).expect("the heading is there");
    let table = rest.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    table
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let line = line.replace("\\|", "\u{1}");
            let cells: Vec<_> = line.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect();
            (cells[1].trim_matches('`').to_owned(), cells[2].trim_matches('`').to_owned())
        })
        .collect()
}

#[test]
fn each_line_of_the_page_becomes_what_stands_beside_it() {
    let rows = rows(&section(), "### What it prints has the verdict of the original");
    assert!(rows.len() > 20, "{rows:?}");
    for (line, wanted) in rows {
        let (words, _) = translated(&line).unwrap_or_else(|said| panic!("{line}: {said}"));
        assert_eq!(words[1..].join(" "), wanted, "{line}");
    }
}

#[test]
fn each_line_of_the_page_that_is_refused_is() {
    let rows = rows(&section(), "### What it refuses");
    assert!(rows.len() > 8, "{rows:?}");
    for (line, _) in rows {
        assert!(translated(&line).is_err(), "{line}");
    }
}

#[test]
fn the_example_of_the_page_is_what_is_printed() {
    let section = section();
    let (_, example) = section.split_once("$ sexton translate '").expect("an example");
    let (line, printed) = example.split_once("'\n").expect("its line ends");
    let printed = printed.split("```").next().unwrap_or_default();
    assert_eq!(sexton(["translate", line]).stdout, printed);
}
