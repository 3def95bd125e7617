//! Bytes to send, and bytes to expect.

use crate::cli::expand;
use crate::cli::option::{Given, Opt, Origin, Table};
use crate::client::payload::unescape;
use crate::probe::options::Group;

/// The options.
pub(super) const TABLE: Table = Table {
    heading: Some("tcp, udp, unix"),
    options: &[
        Opt::value("send", "TEXT", "Send this; \\r \\n \\t \\0 \\\\ \\xNN are bytes", |args, given| {
            args.probe.payload.send = Some(bytes(given)?);
            Ok(())
        })
        .of(Group::Payload),
        Opt::value(
            "expect",
            "TEXT",
            "Expect this in the first 64 KiB; escapes as in --send",
            |args, given| {
                let expect = bytes(given)?;
                if expect.is_empty() {
                    return Err(given.refuse("the value is empty"));
                }
                args.probe.payload.expect = Some(expect);
                Ok(())
            },
        )
        .of(Group::Payload),
    ],
};

/// Replaces variables, then escapes; a backslash in a variable's value is itself.
fn bytes(given: &Given) -> Result<Vec<u8>, String> {
    let text = match given.origin {
        Origin::Target => given.text()?,
        _ => expand::expanded_in(given.raw(), |value| value.replace('\\', "\\\\"))?,
    };
    unescape(&text).map_err(|why| given.refuse(why))
}
