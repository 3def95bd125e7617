//! Which HTTP statuses are good: `200-299,401`.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A set of HTTP statuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StatusSet(Vec<RangeInclusive<u16>>);

impl StatusSet {
    /// Whether `status` is in the set.
    pub(crate) fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

impl Default for StatusSet {
    /// 200-299: a redirect is not an answer, and 304 cannot be one to a question without a condition.
    fn default() -> Self {
        Self(vec![200..=299])
    }
}

impl FromStr for StatusSet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let status = |word: &str| match word.parse::<u16>() {
            Ok(status @ 100..=599) if word.len() == 3 => Ok(status),
            _ => Err(format!("invalid HTTP status `{word}` (100-599)")),
        };
        let range = |word: &str| {
            let (low, high) = word.split_once('-').unwrap_or((word, word));
            let (low, high) = (status(low)?, status(high)?);
            if low > high { Err(format!("the range `{word}` is empty")) } else { Ok(low..=high) }
        };
        text.split(',').map(range).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match (range.start(), range.end()) {
                (low, high) if low == high => write!(f, "{comma}{low}")?,
                (low, high) => write!(f, "{comma}{low}-{high}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_single_statuses_are_read_and_told_back() {
        for text in ["200", "200-299", "200-299,401", "100-599"] {
            assert_eq!(text.parse::<StatusSet>().unwrap().to_string(), text);
        }
        let set: StatusSet = "200-204,401".parse().unwrap();
        assert!(set.contains(200) && set.contains(204) && set.contains(401));
        assert!(!set.contains(199) && !set.contains(205) && !set.contains(400));
    }

    #[test]
    fn what_is_no_status_is_refused() {
        for text in ["", "2xx", "99", "600", "299-200", "200-", "-200", "200,,201", "200;201", "0200", "+20"]
        {
            assert!(text.parse::<StatusSet>().is_err(), "{text}");
        }
    }
}
