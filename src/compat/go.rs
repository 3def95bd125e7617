//! Values as Go's packages read them.

use std::time::Duration;

/// Go's units of time, in seconds.
const UNITS: &[(&str, f64)] =
    &[("ns", 1e-9), ("us", 1e-6), ("\u{b5}s", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// Reads a length of time (<https://pkg.go.dev/time#ParseDuration>): `1.5s`, `1m30s`, `100ms`, `0`. A negative one is none.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let mut rest = if text == "0" { "0s" } else { text };
    let mut seconds = 0.0;
    loop {
        let (number, after) = rest.split_at_checked(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?)?;
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end)?;
        let (_, length) = UNITS.iter().find(|(name, _)| *name == unit)?;
        seconds += number.parse::<f64>().ok()? * length;
        if after.is_empty() {
            return Duration::try_from_secs_f64(seconds).ok();
        }
        rest = after;
    }
}

/// Reads a boolean (<https://pkg.go.dev/strconv#ParseBool>).
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, millis) in [
            ("1s", 1000),
            ("1.5s", 1500),
            ("250ms", 250),
            ("1m30s", 90_000),
            (".5s", 500),
            ("0", 0),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "1", "s", "1x", "-1s", "1s2", "1..5s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
