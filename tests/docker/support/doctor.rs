//! `sexton doctor` in a container, and what `docs/doctor.md` says that it prints there.

use std::fs;
use std::path::Path;

use regex_lite::Regex;

use super::container::Container;

/// Asserts that the doctor finds something wrong, and prints what the page shows under the name of the case.
#[track_caller]
pub(crate) fn diagnosed(container: &Container, case: &str) -> String {
    let (code, text) = container.exec_code(&["/sexton", "doctor"]);
    assert_eq!(code, Some(1), "{text}");
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/doctor.md"));
    let page = page.expect("the page is there");
    let mark = format!("<!-- sexton doctor: {case} -->\n```\n");
    let (_, rest) =
        page.split_once(&mark).unwrap_or_else(|| panic!("no {mark} on the page; it prints\n{text}"));
    let (shown, _) = rest.split_once("```").expect("a block ends");
    assert_eq!(masked(shown), masked(&text), "the page shows\n{shown}\nand it prints\n{text}");
    text
}

/// `text` without its numbers and times, which are others each time.
fn masked(text: &str) -> String {
    let times = Regex::new(r"\d+(ms|s|m|h|days?)( \d+(ms|s|m|h))?\b").expect("a pattern");
    let numbers = Regex::new(r"\d+").expect("a pattern");
    numbers.replace_all(&times.replace_all(text, "TIME"), "N").into_owned()
}
