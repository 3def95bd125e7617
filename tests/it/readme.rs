//! The README shows what runs: each of its marked blocks is the text of a file that a test runs, or what a command prints.

use std::fs;
use std::path::Path;

use crate::support::sexton;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The marked blocks: the file or command that each names, and its text.
fn blocks(readme: &str) -> Vec<(&str, &str)> {
    let mut blocks = Vec::new();
    for piece in readme.split("<!-- ").skip(1) {
        let (file, rest) = piece.split_once(" -->\n```").expect("a marked block follows its mark");
        let (_, rest) = rest.split_once('\n').expect("a block has lines");
        let (text, _) = rest.split_once("```").expect("a block ends");
        blocks.push((file, text));
    }
    blocks
}

#[test]
fn its_snippets_are_the_examples_and_the_help_to_the_letter() {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let blocks = blocks(&readme);
    let files: Vec<_> = blocks.iter().map(|(file, _)| *file).collect();
    for file in ["examples/Dockerfile", "examples/compose.yaml", "examples/kubernetes.yaml"] {
        assert!(files.contains(&file), "the README does not show {file}");
    }
    for (source, text) in blocks {
        let shown = match source.strip_prefix("sexton ") {
            Some(words) => sexton(words.split(' ')).stdout,
            None => fs::read_to_string(Path::new(ROOT).join(source)).unwrap(),
        };
        assert_eq!(text, shown, "{source}");
    }
}

#[test]
fn the_pages_show_examples_to_the_letter() {
    let mut shown = 0;
    for entry in fs::read_dir(Path::new(ROOT).join("docs")).unwrap() {
        let page = entry.unwrap().path();
        let text = fs::read_to_string(&page).unwrap();
        // What a program prints in a container is compared there.
        for (source, text) in blocks(&text).into_iter().filter(|(source, _)| source.starts_with("examples/"))
        {
            let file = fs::read_to_string(Path::new(ROOT).join(source)).unwrap();
            assert_eq!(text, file, "{source} in {}", page.display());
            shown += 1;
        }
    }
    assert!(shown >= 3, "{shown}");
}

#[test]
fn every_scheme_is_in_its_table_of_targets() {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let schemes = fs::read_to_string(Path::new(ROOT).join("src/probe/mod.rs")).unwrap();
    let names: Vec<_> = schemes
        .split("name: \"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"').map(|(name, _)| name))
        .collect();
    assert!(names.len() > 10, "the scheme table was not found: {names:?}");
    for name in names {
        assert!(readme.contains(&format!("`{name}:")), "{name} is not in the README's table");
    }
}
