//! Tells the program what it was built from and for, for `sexton --version` and `sexton licenses`.

#![allow(clippy::disallowed_methods, reason = "what the program must not do, its build may")]

use std::process::Command;
use std::{env, fs, io};

/// What sexton is built from, above the texts of the licenses: release/licenses writes it.
const LICENSES: &str = "release/THIRD-PARTY-LICENSES";

/// Where git notes what is checked out.
const REFLOG: &str = ".git/logs/HEAD";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SEXTON_COMMIT");
    println!("cargo::rerun-if-changed={LICENSES}");
    // Grows with each commit and checkout. A file that is not there would have this run at each build.
    if fs::metadata(REFLOG).is_ok() {
        println!("cargo::rerun-if-changed={REFLOG}");
    }
    warn_of_a_libc();
    write_licenses()?;
    println!("cargo::rustc-env=SEXTON_TARGET={}", env::var("TARGET").unwrap_or_default());
    println!("cargo::rustc-env=SEXTON_COMMIT={}", commit().unwrap_or_else(|| "unknown".into()));
    Ok(())
}

/// Says so where the binary will not be static: `cargo install` ignores this package's .cargo/config.toml, and RUSTFLAGS
/// replace its flags.
fn warn_of_a_libc() {
    let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    if !features.split(',').any(|feature| feature == "crt-static") {
        println!(
            "cargo::warning=the binary will need a libc, and will not run in an image from scratch: \
             add -C target-feature=+crt-static to RUSTFLAGS"
        );
    }
}

/// The crates and their licenses without the texts, which would add 50 KB to the binary.
fn write_licenses() -> io::Result<()> {
    let named = |error: io::Error| io::Error::other(format!("{LICENSES}: {error}"));
    let text = fs::read_to_string(LICENSES).map_err(named)?;
    let crates = text.split("\n====").next().unwrap_or_default();
    let out = env::var("OUT_DIR").unwrap_or_default();
    fs::write(format!("{out}/licenses.txt"), format!("{}\n", crates.trim_end()))
}

/// Twelve digits of the commit: as the builder says, as the package from the registry says, or as git says.
fn commit() -> Option<String> {
    let digits = |text: &str| {
        let digits: String = text.trim().chars().take_while(char::is_ascii_hexdigit).take(12).collect();
        Some(digits).filter(|digits| digits.len() == 12)
    };
    if let Ok(given) = env::var("SEXTON_COMMIT") {
        return digits(&given);
    }
    if let Ok(packaged) = fs::read_to_string(".cargo_vcs_info.json") {
        return digits(packaged.split("\"sha1\": \"").nth(1)?);
    }
    // Only of this package's own repository, not of one that it happens to lie in.
    fs::metadata(".git").ok()?;
    let git = Command::new("git").args(["rev-parse", "HEAD"]).output().ok()?;
    digits(std::str::from_utf8(&git.stdout).ok()?)
}
