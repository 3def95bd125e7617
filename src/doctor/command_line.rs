//! Command lines as they may be shown: short, and without the secrets that people put there.

use crate::target;

/// The most characters of one that are shown.
const SHOWN_MAX: usize = 120;

/// The most characters of one word in an exec form: a shell's script is one.
const WORD_MAX: usize = 80;

/// What is shown in a secret's place.
const MASK: &str = "***";

/// What the name of an option or a variable has in it whose value is nobody's business.
const SECRET_NAMES: &[&str] = &["pass", "pwd", "secret", "token", "credential", "auth", "cookie", "apikey"];

/// Shorter words are no tokens.
const TOKEN_MIN: usize = 20;

/// The command line in one piece.
pub(super) fn shown(words: &[String]) -> String {
    let quote = |word: String| if word.contains(char::is_whitespace) { format!("'{word}'") } else { word };
    let words: Vec<_> = masked(words).into_iter().map(quote).collect();
    cut(&words.join(" "), SHOWN_MAX)
}

/// The exec form of a Dockerfile, in which `before` stands before the words.
pub(super) fn exec_form(before: &[&str], words: &[String]) -> String {
    let mut list: Vec<String> = before.iter().map(|&word| word.into()).collect();
    for word in masked(words) {
        if list.iter().map(String::len).sum::<usize>() > SHOWN_MAX {
            list.push("...".into());
            break;
        }
        list.push(cut(&word, WORD_MAX));
    }
    serde_json::Value::from(list).to_string().replace("\",\"", "\", \"")
}

/// The words without secrets.
fn masked(words: &[String]) -> Vec<String> {
    let mut reader = Reader { next: Next::Anything, mysql: false };
    words.iter().map(|word| reader.word(word)).collect()
}

/// Cuts `text` where it gets longer than `max` characters.
fn cut(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Reads words one after the other: an option's value may be the next one.
#[derive(Debug)]
struct Reader {
    /// What the next piece is.
    next: Next,
    /// Whether this is a program whose `-p` has the password right after it.
    mysql: bool,
}

/// What a piece of a command line is by the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Whatever it looks like.
    Anything,
    /// A secret.
    Secret,
    /// `user:password`
    Login,
    /// The rest of a secret, up to this quote.
    Quoted(char),
}

impl Reader {
    /// One word, of which each piece between blanks is looked at: a shell's script is one word.
    fn word(&mut self, word: &str) -> String {
        let mut shown = String::with_capacity(word.len());
        let mut rest_is_secret = false;
        for piece in word.split_inclusive(char::is_whitespace) {
            let text = piece.trim_end();
            let blanks = piece.get(text.len()..).unwrap_or_default();
            if rest_is_secret {
                shown.push_str(MASK);
                break;
            }
            shown.push_str(&self.piece(text));
            shown.push_str(blanks);
            // A header: `Authorization: Bearer abc`.
            rest_is_secret = text.ends_with(':') && is_secret(text.trim_end_matches(':'));
        }
        shown
    }

    /// One piece without blanks.
    fn piece(&mut self, piece: &str) -> String {
        let value = match self.next {
            Next::Anything => return self.free(piece),
            Next::Quoted(quote) => {
                if piece.ends_with(quote) {
                    self.next = Next::Anything;
                }
                return MASK.into();
            }
            Next::Login => {
                self.next = Next::Anything;
                match piece.split_once(':') {
                    Some((user, password)) => return format!("{user}:{}", self.secret(password)),
                    None => return self.free(piece),
                }
            }
            Next::Secret if piece.starts_with('-') => {
                self.next = Next::Anything;
                return self.free(piece);
            }
            Next::Secret => piece,
        };
        self.next = Next::Anything;
        self.secret(value)
    }

    /// A piece that nothing before it says anything about.
    fn free(&mut self, piece: &str) -> String {
        self.mysql |= ["mysql", "mariadb"].iter().any(|name| piece.contains(name));
        if piece.contains("://") {
            let label = target::label(piece);
            return match label.split_once('?') {
                Some((before, _)) => format!("{before}?{MASK}"),
                None => label,
            };
        }
        if let Some((name, value)) = piece.split_once('=') {
            return if is_secret(name) { format!("{name}={}", self.secret(value)) } else { piece.into() };
        }
        if self.mysql && piece.len() > 2 && piece.starts_with("-p") && !piece.starts_with("--") {
            return format!("-p{MASK}");
        }
        if piece.starts_with('-') {
            self.next = match piece {
                "-u" | "--user" | "-U" | "--proxy-user" => Next::Login,
                option if is_secret(option) => Next::Secret,
                _ => Next::Anything,
            };
            return piece.into();
        }
        if is_token(piece) { MASK.into() } else { piece.into() }
    }

    /// The mask for a value; where it begins with a quote, it may go on behind blanks.
    fn secret(&mut self, value: &str) -> String {
        if let Some(quote @ ('"' | '\'')) = value.chars().next()
            && (value.len() == 1 || !value.ends_with(quote))
        {
            self.next = Next::Quoted(quote);
        }
        MASK.into()
    }
}

/// Whether the value of an option or a variable of this name is a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['-', '_'], "");
    SECRET_NAMES.iter().any(|secret| name.contains(secret)) || name.ends_with("key")
}

/// Whether `word` looks like one that a machine made up: long, of letters of both kinds and digits, and no path.
fn is_token(word: &str) -> bool {
    let has = |kind: fn(&char) -> bool| word.chars().any(|c| kind(&c));
    let plain =
        word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'+' | b'=' | b'.'));
    let is_mixed =
        has(char::is_ascii_digit) && has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase);
    let is_hex = word.bytes().all(|b| b.is_ascii_hexdigit());
    word.len() >= TOKEN_MIN
        && plain
        && (word.starts_with("eyJ") || is_hex || (is_mixed && !word.contains('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &[&str]) -> Vec<String> {
        text.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn secrets_are_not_shown() {
        for (line, is) in [
            (&["app", "--password", "hunter2", "x"][..], "app --password *** x"),
            (&["app", "--password=hunter2"], "app --password=***"),
            (&["app", "--api-key", "hunter2"], "app --api-key ***"),
            (&["app", "--token", "--verbose"], "app --token --verbose"),
            (
                &["java", "-Dspring.datasource.password=hunter2", "App"],
                "java -Dspring.datasource.password=*** App",
            ),
            (&["app", "postgres://app:hunter2@db/x"], "app postgres://***@db/x"),
            (&["app", "--db=postgres://app:hunter2@db/x"], "app --db=postgres://***@db/x"),
            (&["curl", "http://h/?token=hunter2"], "curl http://h/?***"),
            (&["curl", "-u", "me:hunter2", "http://h/"], "curl -u me:*** http://h/"),
            (&["sudo", "-u", "postgres", "psql"], "sudo -u postgres psql"),
            (&["curl", "-H", "Authorization: Bearer hunter2", "x"], "curl -H 'Authorization: ***' x"),
            (&["mysqladmin", "-phunter2", "ping"], "mysqladmin -p*** ping"),
            (&["ssh", "-p2222", "h"], "ssh -p2222 h"),
            (&["sh", "-c", "PGPASSWORD='hunter 2' app -v"], "sh -c 'PGPASSWORD=*** *** app -v'"),
            (&["sh", "-c", "app --secret \"hunter 2\"; ls"], "sh -c app --secret *** ***; ls"),
            (&["app", "eyJhbGciOiJIUzI1NiJ9.e30.x"], "app ***"),
            (&["app", "0123456789abcdef0123456789abcdef"], "app ***"),
            (
                &["java", "-jar", "/opt/App-1.0/lib/Main20.jar", "com.example.Main20Application"],
                "java -jar /opt/App-1.0/lib/Main20.jar com.example.Main20Application",
            ),
        ] {
            let line = words(line);
            assert!(!shown(&line).contains("hunter"), "{line:?}: {}", shown(&line));
            if !is.contains(';') {
                assert_eq!(shown(&line), is, "{line:?}");
            }
        }
    }

    #[test]
    fn an_exec_form_can_be_copied_into_a_dockerfile() {
        let line = words(&["/server", "8080", "a \"b\""]);
        let form = exec_form(&["/sexton", "init", "--"], &line);
        assert_eq!(form, r#"["/sexton", "init", "--", "/server", "8080", "a \"b\""]"#);
        let long = exec_form(&["/sexton"], &vec!["word".into(); 1000]);
        assert!(long.len() < 400 && long.ends_with(r#", "..."]"#), "{long}");
        assert_eq!(shown(&words(&["x".repeat(500).as_str()])).len(), SHOWN_MAX + 3);
    }

    proptest::proptest! {
        #[test]
        fn whatever_stands_around_it_the_value_of_a_secret_option_is_not_shown(
            before in proptest::collection::vec("[ -~]{0,20}", 0..4),
            after in proptest::collection::vec("\\PC{0,20}", 0..4),
            option in "(--password|--db-pass|--api-key|--auth-token|--client-secret)",
        ) {
            let spread = [before, vec![option.clone(), "s3cr3tvalue".into()], after.clone()].concat();
            proptest::prop_assert!(!masked(&spread).concat().contains("s3cr3tvalue"), "{:?}", masked(&spread));
            let joined = [vec![format!("{option}=s3cr3tvalue")], after].concat();
            proptest::prop_assert!(!masked(&joined).concat().contains("s3cr3tvalue"), "{:?}", masked(&joined));
            proptest::prop_assert!(shown(&spread).chars().count() <= SHOWN_MAX + 3);
        }
    }
}
