//! Tells the program what it was built from and for, for `sexton --version`.

#![allow(clippy::disallowed_methods, reason = "what the program must not do, its build may")]

use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SEXTON_COMMIT");
    println!("cargo::rustc-env=SEXTON_TARGET={}", env::var("TARGET").unwrap_or_default());
    println!("cargo::rustc-env=SEXTON_COMMIT={}", commit().unwrap_or_else(|| "unknown".into()));
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
