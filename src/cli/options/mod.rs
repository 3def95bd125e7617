//! The options of probes, the same for `check`, `wait`, `init` and single targets: one file per group.

mod http;
mod local;
mod login;
mod network;
mod payload;
mod tls;

use crate::net::tls::Verify;
use crate::probe::options::Options;

use super::option::{Opt, Table};

pub(crate) use self::http::read_header;
pub(crate) use self::tls::ca_variable;

/// All groups, in the order of the help.
pub(super) const TABLES: [Table; 6] =
    [http::TABLE, login::TABLE, network::TABLE, tls::TABLE, local::TABLE, payload::TABLE];

/// The option that `name` names.
pub(super) fn find(name: &str) -> Option<&'static Opt> {
    TABLES.iter().flat_map(|table| table.options).find(|option| option.name == name)
}

/// Refuses options that contradict each other in ways that no row can say, and adds the roots of the environment.
pub(super) fn complete(options: &mut Options) -> Result<(), String> {
    let tls = &mut options.dial.tls;
    if tls.cacert.is_none() && tls.verify == Verify::Full {
        tls.cacert = ca_variable(&["SSL_CERT_FILE"]);
    }
    http::refuse_contradictions(options)
}
