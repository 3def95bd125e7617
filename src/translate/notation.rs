//! How a word is written between a shell and `sexton check`: variables as `${NAME}` and `${NAME:-default}`, a `$` that is
//! itself as `$$`. What Compose puts in before the container exists is one private character each.

/// The first of the characters that stand for what Compose puts in.
const FIRST_PLACEHOLDER: u32 = 0xF_0000;

/// `text` as a word in which every `$` is itself.
pub(super) fn escaped(text: &str) -> String {
    text.replace('$', "$$")
}

/// The text of `word`; nothing when it holds a variable.
pub(super) fn plain(word: &str) -> Option<String> {
    if word.contains(is_placeholder) {
        return None;
    }
    let mut text = String::with_capacity(word.len());
    let mut chars = word.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('$', Some('$')) => {
                chars.next();
                text.push('$');
            }
            ('$', Some('{')) => return None,
            _ => text.push(c),
        }
    }
    Some(text)
}

/// `word` as a shell reads it, variables and all.
pub(super) fn shell(word: &str) -> String {
    word.replace("$$", "$")
}

/// Whether a program is a shell script, by its name.
pub(super) fn is_script(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|end| end == "sh")
}

/// A program's name without its path.
pub(super) fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// Whether `c` stands for something that Compose puts in.
pub(super) fn is_placeholder(c: char) -> bool {
    u32::from(c) >= FIRST_PLACEHOLDER && u32::from(c) < FIRST_PLACEHOLDER + 0xFFFD
}

/// What Compose puts in, in the order of their characters.
#[derive(Debug, Default)]
pub(super) struct Interpolations(Vec<String>);

impl Interpolations {
    /// `text` of a Compose file as the container sees it: `$$` is `$`, and `${NAME}` becomes a character of its own.
    pub(super) fn read(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, dollar) = rest.split_at(at);
            out.push_str(before);
            let after = dollar.get(1..).unwrap_or_default();
            let length = match after.chars().next() {
                Some('$') => {
                    out.push('$');
                    rest = after.get(1..).unwrap_or_default();
                    continue;
                }
                Some('{') => braces(after),
                Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                    after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(after.len())
                }
                _ => 0,
            };
            if length == 0 {
                out.push('$');
                rest = after;
                continue;
            }
            out.extend(self.placeholder(dollar.get(..=length).unwrap_or_default()));
            rest = after.get(length..).unwrap_or_default();
        }
        out.push_str(rest);
        out
    }

    /// The character for `text`.
    fn placeholder(&mut self, text: &str) -> Option<char> {
        let index = self.0.iter().position(|known| known == text).unwrap_or_else(|| {
            self.0.push(text.to_owned());
            self.0.len() - 1
        });
        char::from_u32(FIRST_PLACEHOLDER + u32::try_from(index).ok()?)
    }

    /// `text` with each such character as it was written.
    pub(super) fn restore(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            let index =
                u32::from(c).checked_sub(FIRST_PLACEHOLDER).and_then(|index| usize::try_from(index).ok());
            match index.and_then(|index| self.0.get(index)) {
                Some(original) => out.push_str(original),
                None => out.push(c),
            }
        }
        out
    }

    /// A word as a Compose file has it.
    pub(super) fn write(&self, word: &str) -> String {
        self.restore(&escaped(word))
    }
}

/// The length of a `{...}` at the beginning of `text`, which may hold others.
fn braces(text: &str) -> usize {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_variables_are_not_plain() {
        assert_eq!(plain("a$$b$c"), Some("a$b$c".into()));
        assert_eq!(plain("a${B}"), None);
        assert_eq!(plain("$${B}"), Some("${B}".into()));
    }

    #[test]
    fn what_compose_puts_in_comes_back() {
        let mut read = Interpolations::default();
        let word = read.read("http://h:${PORT:-${P2:-80}}/$$HOME/$X-$ $");
        assert_eq!(plain(&word), None);
        assert!(!word.contains("PORT"), "{word}");
        assert_eq!(read.write(&word), "http://h:${PORT:-${P2:-80}}/$$HOME/$X-$$ $$");
    }
}
