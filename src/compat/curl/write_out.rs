//! `-w`: a format with variables (<https://curl.se/docs/manpage.html#-w>).

use std::time::Duration;

use crate::compat::curl::request::Transfer;
use crate::compat::transfer::exchange::TransferInfo;
use crate::compat::transfer::output::{Destination, Output};
use crate::deadline::Deadline;
use crate::http::Scheme;
use crate::report;

/// How an attempt ended.
pub(super) struct Attempt {
    pub(super) code: u8,
    pub(super) why: String,
}

/// A transfer that is over.
pub(super) struct Finished<'a> {
    /// What was asked for.
    pub(super) transfer: &'a Transfer,
    /// How its last attempt ended.
    pub(super) attempt: &'a Attempt,
    /// Where its body went.
    pub(super) output: &'a Output,
    /// What is known of it.
    pub(super) info: &'a TransferInfo,
}

/// Writes `format`; as in curl, a failure to write it changes nothing.
pub(super) fn write(format: &str, finished: &Finished<'_>, deadline: Deadline) {
    let mut to_stderr = false;
    for (index, part) in split_streams(format).into_iter().enumerate() {
        if let (true, Some(name)) = (index > 0, part.0) {
            match name {
                "stderr" => to_stderr = true,
                "stdout" => to_stderr = false,
                // Only for transfers that failed.
                _ if finished.attempt.code == 0 => return,
                _ => {}
            }
        }
        let text = written_out(part.1, |name| value(name, finished));
        if to_stderr {
            report::screen(&text, deadline);
        } else {
            let _ = Output::new(&Destination::Stdout).write(text.as_bytes(), deadline);
        }
    }
}

/// `format` cut at `%{stderr}`, `%{stdout}` and `%{onerror}`; each part beside the name before it.
fn split_streams(format: &str) -> Vec<(Option<&str>, &str)> {
    let mut parts = Vec::new();
    let (mut name, mut rest) = (None, format);
    loop {
        let next = ["stderr", "stdout", "onerror"]
            .iter()
            .filter_map(|name| Some((rest.find(&format!("%{{{name}}}"))?, *name)))
            .min();
        let Some((at, found)) = next else {
            parts.push((name, rest));
            return parts;
        };
        let (part, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        parts.push((name, part));
        rest = after.get(found.len() + 3..).unwrap_or_default();
        name = Some(found);
    }
}

/// The value of `-w`'s variable `name`, if there is one of that name.
fn value(name: &str, finished: &Finished<'_>) -> Option<String> {
    let Finished { transfer, attempt, output, info } = finished;
    if let Some(header) = name.strip_prefix("header{") {
        return info.header(header);
    }
    let peer = info.trace.address.as_deref().and_then(|address| address.rsplit_once(':'));
    let total = info.started.elapsed();
    let seconds = |length: Option<Duration>| format!("{:.6}", length.unwrap_or_default().as_secs_f64());
    let url = info.url.as_ref();
    let scheme = url.map(|url| url.scheme);
    Some(match name {
        "http_code" | "response_code" => format!("{:03}", info.status.unwrap_or(0)),
        "exitcode" => attempt.code.to_string(),
        "errormsg" => attempt.why.clone(),
        "time_total" => seconds(Some(total)),
        "time_connect" | "time_pretransfer" => seconds(info.connect_time),
        "time_appconnect" => seconds(info.connect_time.filter(|_| scheme == Some(Scheme::Https))),
        "time_starttransfer" => seconds(info.first_byte_time),
        "time_namelookup" | "time_redirect" => seconds(None),
        "size_download" => output.bytes.to_string(),
        "size_header" => info.header_bytes.to_string(),
        "size_upload" => transfer.sent().to_string(),
        "speed_download" => {
            let speed = u128::from(output.bytes) * 1_000_000 / total.as_micros().max(1);
            speed.to_string()
        }
        "url" => transfer.given.clone(),
        "url_effective" => url.map_or_else(|| transfer.given.clone(), |url| url.uri.to_string()),
        "redirect_url" => info.redirect_url.as_ref().map(|url| url.uri.to_string()).unwrap_or_default(),
        "num_redirects" => info.redirect_count.to_string(),
        "num_connects" => u8::from(info.connect_time.is_some()).to_string(),
        "content_type" => info.content_type.clone().unwrap_or_default(),
        "scheme" => scheme.map(|scheme| scheme.name().to_ascii_uppercase()).unwrap_or_default(),
        "method" => transfer.request.as_ref().map(|request| request.method.to_string()).unwrap_or_default(),
        "http_version" => info.http_version().into(),
        "num_headers" => info.header_lines().count().to_string(),
        "remote_ip" => peer.map(|(ip, _)| ip.trim_matches(['[', ']']).to_owned()).unwrap_or_default(),
        "remote_port" => peer.map_or("0", |(_, port)| port).to_owned(),
        "filename_effective" => match &transfer.destination {
            Destination::File(path) => path.display().to_string(),
            Destination::Discard => "/dev/null".into(),
            Destination::Stdout => String::new(),
        },
        "ssl_verify_result" => "0".into(),
        _ => return None,
    })
}

/// Reads a format as [`write`] does, for the fuzzer.
#[cfg(any(fuzzing, test))]
pub(in crate::compat) fn read_format(format: &str) {
    let parts = split_streams(format);
    for (name, part) in &parts {
        assert!(format.contains(part) && name.is_none_or(|name| format.contains(name)));
        assert!(
            written_out(part, |name| (name == "http_code").then(|| "200".into())).len() <= 4 * format.len()
        );
    }
}

/// `format` with its variables and escapes replaced; those that are not known stand for nothing.
fn written_out(format: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut text = String::new();
    let mut rest = format;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        let variable = after.strip_prefix('{').or_else(|| after.starts_with("header{").then_some(after));
        if let Some((name, after)) = variable.filter(|_| c == '%').and_then(|name| name.split_once('}')) {
            text.push_str(&value(name).unwrap_or_default());
            rest = after;
            continue;
        }
        let next = after.chars().next();
        let meant = match (c, next) {
            ('%', Some('%')) => Some("%"),
            ('\\', Some('n')) => Some("\n"),
            ('\\', Some('t')) => Some("\t"),
            ('\\', Some('r')) => Some("\r"),
            _ => None,
        };
        // Any other escape stays as it is, backslash included.
        if let Some(meant) = meant {
            text.push_str(meant);
            rest = after.get(1..).unwrap_or_default();
        } else {
            text.push(c);
            rest = after;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_has_variables_and_escapes() {
        let value = |name: &str| (name == "http_code").then(|| "200".to_owned());
        for (format, text) in [
            ("%{http_code}", "200"),
            (r"a\n\t\r\\n", "a\n\t\r\\\n"),
            ("%{unknown}x", "x"),
            ("100%% %d %{open", "100% %d %{open"),
            ("ä%{http_code}ß", "ä200ß"),
            ("%", "%"),
            ("\\", "\\"),
        ] {
            assert_eq!(written_out(format, value), text, "{format}");
        }
    }
}
