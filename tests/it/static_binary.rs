//! The program is static: an image from scratch has no dynamic loader and no library.
//!
//! Read out of the file itself, by the ELF specification: <https://man7.org/linux/man-pages/man5/elf.5.html>.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{program, sexton};

/// A program header that names a dynamic loader.
const PT_INTERP: u32 = 3;

/// A program header that holds the dynamic section; a static position-independent program has one, too.
const PT_DYNAMIC: u32 = 2;

/// An entry of the dynamic section that names a library.
const DT_NEEDED: u64 = 1;

/// What a program asks of the system that it starts on.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asks {
    /// Dynamic loaders.
    loaders: usize,
    /// Libraries.
    libraries: usize,
}

/// Reads the program headers of a 64-bit little-endian ELF file.
fn asks(path: &Path) -> Asks {
    let file = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(file[..6], *b"\x7fELF\x02\x01", "{} is 64 bits, little-endian", path.display());
    let headers = at(&file, 32, 8);
    let (size, count) = (at(&file, 54, 2), at(&file, 56, 2));
    let mut asks = Asks::default();
    for header in (0..count).map(|n| usize::try_from(headers + n * size).expect("a file fits in memory")) {
        match u32::try_from(at(&file, header, 4)) {
            Ok(PT_INTERP) => asks.loaders += 1,
            Ok(PT_DYNAMIC) => {
                let start = usize::try_from(at(&file, header + 8, 8)).expect("a file fits in memory");
                let length = usize::try_from(at(&file, header + 32, 8)).expect("a file fits in memory");
                let section = &file[start..start + length];
                asks.libraries += (0..length / 16).filter(|n| at(section, n * 16, 8) == DT_NEEDED).count();
            }
            _ => {}
        }
    }
    asks
}

/// The number of `bytes` bytes that stands at `offset`.
fn at(file: &[u8], offset: usize, bytes: usize) -> u64 {
    file[offset..offset + bytes].iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

#[test]
fn the_program_asks_for_no_dynamic_loader_and_no_library() {
    assert_eq!(asks(&program::binary()), Asks::default());
}

#[test]
fn it_says_how_it_is_linked_and_what_it_is_built_from() {
    let version = sexton(["--version"]).stdout;
    assert!(version.starts_with(concat!("sexton ", env!("CARGO_PKG_VERSION"), " (")), "{version}");
    assert!(version.contains(", static, commit "), "{version}");
    let licenses = sexton(["licenses"]).stdout;
    for crates in ["Apache-2.0 AND ISC: ring 0.", "BSD-3-Clause: curve25519-dalek ", " musl (MIT) "] {
        assert!(licenses.contains(crates), "{crates} in {licenses}");
    }
}

#[test]
fn the_proof_tells_a_dynamic_program_from_a_static_one() {
    let source = scratch("main.c");
    fs::write(&source, "int main(void) { return 0; }\n").expect("a source is written");
    for (kind, libraries) in [("-no-pie", 1), ("-static", 0)] {
        let program = scratch(kind);
        let mut compiler = Command::new("cc");
        let compiled = compiler.arg(kind).arg("-o").arg(&program).arg(&source).status();
        assert!(compiled.expect("whoever can link sexton has cc").success());
        assert_eq!(asks(&program), Asks { loaders: libraries, libraries }, "{kind}");
        fs::remove_file(program).expect("a program is removed");
    }
    fs::remove_file(source).expect("a source is removed");
}

/// A file of this test's own.
fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("static-{}-{name}", std::process::id()))
}
