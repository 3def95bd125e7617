//! Requests and answers of HTTP.

use clap::Args;
use ureq::http::{HeaderName, HeaderValue, Method};

use crate::probe::{Group, Options, StatusSet};

use super::{Given, expanded};

/// What to ask, and which answer is good.
#[derive(Args, Debug, Default)]
#[group(skip)]
#[command(next_help_heading = "HTTP")]
pub(super) struct Words {
    /// The statuses that pass [default: 200-299]
    #[arg(long, value_name = "200-299,401")]
    status: Option<String>,
    /// A header to send; repeatable
    #[arg(short = 'H', long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// The method to ask with [default: GET]
    #[arg(short = 'X', long)]
    method: Option<String>,
}

impl Words {
    /// Sets what was given.
    pub(super) fn apply(self, options: &mut Options, given: &mut Given) -> Result<(), String> {
        let http = &mut options.http;
        if let Some(status) = self.status {
            given.note("--status", Group::Http);
            http.status =
                expanded(&status)?.parse::<StatusSet>().map_err(|why| format!("--status: {why}"))?;
        }
        if let Some(method) = self.method {
            given.note("--method", Group::Http);
            let method = expanded(&method)?;
            http.method =
                method.parse::<Method>().map_err(|_| format!("--method `{method}` is no HTTP method"))?;
        }
        for text in &self.header {
            given.note("--header", Group::Http);
            http.headers.push(header(&expanded(text)?)?);
        }
        Ok(())
    }
}

/// Reads `Name: value`; nothing that would end the line may be in it.
fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    // The value may be a secret, so it is never shown.
    let (name, value) =
        text.split_once(':').ok_or("--header without a colon; write --header 'Name: value'")?;
    let name = name.trim();
    let parsed = name.parse::<HeaderName>().map_err(|_| format!("--header: `{name}` is no header name"))?;
    let value = HeaderValue::from_str(value.trim_matches([' ', '\t']))
        .map_err(|_| format!("--header {name}: the value holds a control character"))?;
    Ok((parsed, value))
}
