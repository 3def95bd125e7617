//! The README shows what runs: each of its marked blocks is the text of a file that a test runs, or what a command prints.

use std::fs;
use std::path::Path;

use crate::support::{schemes, sexton};

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
    assert!(files.contains(&"examples/Dockerfile"), "{files:?}");
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

/// All pages, by their path in the package.
fn pages() -> Vec<(String, String)> {
    let root = Path::new(ROOT);
    let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let top = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let pages = docs.chain(top).filter(|path| path.extension().is_some_and(|end| end == "md"));
    let name = |path: &Path| path.strip_prefix(root).unwrap().display().to_string();
    pages.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn every_link_leads_to_a_file() {
    let mut followed = 0;
    for (page, text) in pages() {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(link, _)| link)) {
            let file = link.split('#').next().unwrap();
            if link.contains("://") || file.is_empty() {
                continue;
            }
            let path = Path::new(ROOT).join(&page).with_file_name(file);
            assert!(path.exists(), "{page} links to {link}, which is not there");
            followed += 1;
        }
    }
    assert!(followed > 10, "{followed}");
}

#[test]
fn every_promise_names_a_test_that_exists() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/security.md")).unwrap();
    let mut kept = 0;
    for name in page.split('`').filter(|text| text.contains("::")) {
        let (module, test) = name.rsplit_once("::").unwrap();
        let file = Path::new(ROOT).join("tests/it").join(module.replace("::", "/"));
        let files = [file.with_extension("rs"), file.join("mod.rs")];
        let text: String = files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect();
        assert!(text.contains(&format!("fn {test}(")), "docs/security.md names {name}");
        kept += 1;
    }
    assert!(kept > 10, "{kept}");
}

#[test]
fn it_is_read_in_one_sitting() {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    assert!(readme.lines().count() <= 220, "the README has {} lines", readme.lines().count());
}

#[test]
fn every_scheme_is_in_its_table_of_targets() {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    for name in schemes() {
        assert!(readme.contains(&format!("`{name}:")), "{name} is not in the README's table");
    }
}
