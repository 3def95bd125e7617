//! Files that an option names.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The most that is read of one: no certificate bundle, token or body of a healthcheck comes near it.
const MAX: u64 = 1024 * 1024;

/// The content of the file that `flag` names; an error is one sentence with both.
pub(crate) fn read(flag: &str, path: &Path) -> Result<Vec<u8>, String> {
    let refuse = |why: String| format!("{flag} {}: {why}", path.display());
    let mut content = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX + 1).read_to_end(&mut content))
        .map_err(|error| refuse(sentence(&error)))?;
    if u64::try_from(content.len()).is_ok_and(|length| length <= MAX) {
        Ok(content)
    } else {
        Err(refuse("larger than 1 MiB".into()))
    }
}

/// `error` without its number.
fn sentence(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".into(),
        io::ErrorKind::PermissionDenied => "no permission to read it".into(),
        io::ErrorKind::IsADirectory => "a directory".into(),
        _ => {
            let text = error.to_string().to_lowercase();
            text.split(" (os error").next().unwrap_or_default().to_owned()
        }
    }
}
