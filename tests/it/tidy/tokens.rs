//! Rust as far as the rules need it: names and signs, without comments, literals and unit tests.

/// The names, `::` and signs of `text`.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let mut text = text;
    for tests in ["mod tests {", "pub(super) mod tests {", "pub(crate) mod tests {"] {
        text = text.split(&format!("\n#[cfg(test)]\n{tests}")).next().unwrap_or_default();
    }
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        at += match rest {
            ['/', '/', ..] => until(rest, &['\n']),
            ['/', '*', ..] => until(rest, &['*', '/']),
            ['"', ..] => string(rest),
            ['b', '"', ..] => 1 + string(&rest[1..]),
            ['b', '\'', ..] => 1 + character(&rest[1..]),
            ['r', '"' | '#', ..] if raw_string(rest) > 0 => raw_string(rest),
            ['b', 'r', '"' | '#', ..] if raw_string(&rest[1..]) > 0 => 1 + raw_string(&rest[1..]),
            ['\'', ..] => character(rest),
            [':', ':', ..] => {
                tokens.push("::".into());
                2
            }
            [c, ..] if is_of_name(*c) => {
                let name: String = rest.iter().take_while(|c| is_of_name(**c)).collect();
                let length = name.chars().count();
                tokens.push(name);
                length
            }
            [c, ..] => {
                if !c.is_whitespace() {
                    tokens.push(c.to_string());
                }
                1
            }
            [] => 0,
        };
    }
    tokens
}

/// Whether `c` may be in a name.
fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length up to and with `end`.
fn until(rest: &[char], end: &[char]) -> usize {
    let found = rest.windows(end.len()).skip(1).position(|window| window == end);
    found.map_or(rest.len(), |at| at + 1 + end.len())
}

/// The length of the string that `rest` begins with.
fn string(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of the raw string that `rest` begins with; 0 for a raw name.
fn raw_string(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let mut end = vec!['"'];
    end.extend(std::iter::repeat_n('#', hashes));
    let body = 1 + hashes;
    body + until(&rest[body..], &end)
}

/// The length of the character that `rest` begins with; 1 for the quote of a lifetime.
fn character(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', _, tail @ ..] => 3 + tail.iter().take_while(|c| **c != '\'').count() + 1,
        ['\'', _, '\'', ..] => 3,
        _ => 1,
    }
}
