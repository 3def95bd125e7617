//! What PostgreSQL's errors mean (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).

use crate::client::secret::Secret;
use crate::client::wire;
use crate::client::wire::Fields;

/// An `ErrorResponse`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Complaint<'a> {
    /// SQLSTATE.
    code: &'a [u8],
    /// For people, in the server's language.
    message: &'a [u8],
    /// The function in the server that complains; never translated.
    routine: &'a [u8],
}

impl<'a> Complaint<'a> {
    /// Takes the fields out of a message: each is a letter and a text that ends with a NUL, the last is a NUL alone.
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(body);
        let mut complaint = Self::default();
        loop {
            match fields.u8()? {
                0 => return (!complaint.code.is_empty()).then_some(complaint),
                b'C' => complaint.code = fields.until_nul()?,
                b'M' => complaint.message = fields.until_nul()?,
                b'R' => complaint.routine = fields.until_nul()?,
                _ => _ = fields.until_nul()?,
            }
        }
    }

    /// Whether the same could be taken over TLS: `pg_hba.conf` has no line for us, or a pooler says so.
    pub(super) fn may_be_about_tls(&self) -> bool {
        (self.code == b"28000" && self.routine == b"ClientAuthentication") || self.says(b"SSL required")
    }

    /// The sentence for it.
    pub(super) fn reason(&self, secret: Option<&Secret>) -> String {
        let known = match self.code {
            b"57P03" if self.says(b"starting up") => {
                "the database system is starting up (57P03); give it a start period"
            }
            b"57P03" | b"57P01" if self.says(b"shutting down") => {
                "the database system is shutting down (57P03)"
            }
            b"57P03" if self.says(b"recovery") => {
                "the database system is in recovery mode (57P03); look at its log"
            }
            b"53300" if self.says(b"for role") || self.says(b"for database") => {
                "too many connections for this role or database (53300); raise its CONNECTION LIMIT"
            }
            b"53300" => {
                "too many clients already (53300); raise max_connections, or find who holds the connections"
            }
            b"3D000" => {
                "no such database (3D000); correct the target's path, which defaults to the user's name"
            }
            b"28P01" => "the server refuses this user or password (28P01)",
            b"28000" if self.says(b"Peer authentication") || self.says(b"Ident authentication") => {
                "peer authentication: the check's user id is not that of this role (28000); run it as that user, or \
                 let the role in by a password in pg_hba.conf"
            }
            b"28000" if self.says(b"client certificate") => {
                "the server wants a client certificate (28000); give --cert and --key"
            }
            b"28000" if self.routine == b"ClientAuthentication" => {
                "pg_hba.conf lets nobody in from here as this user to this database (28000)"
            }
            b"28000" => "no such user, or one that may not log in (28000); write postgres://USER@host",
            _ => "",
        };
        if known.is_empty() {
            let code = wire::quote(self.code, secret);
            format!("the server answers: {} ({code})", wire::quote(self.message, secret))
        } else {
            known.to_owned()
        }
    }

    /// Whether the message holds `words`.
    fn says(&self, words: &[u8]) -> bool {
        self.message.windows(words.len()).any(|window| window == words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_named() {
        for (body, reason) in [
            (
                &b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"[..],
                "is starting up (57P03)",
            ),
            (b"C57P03\0Mthe database system is shutting down\0\0", "is shutting down (57P03)"),
            (b"C57P03\0Mthe database system is in recovery mode\0\0", "in recovery mode (57P03)"),
            (
                b"C57P03\0MDas Datenbanksystem startet\0\0",
                "the server answers: Das Datenbanksystem startet (57P03)",
            ),
            (b"C53300\0Msorry, too many clients already\0\0", "too many clients already (53300)"),
            (b"C3D000\0Mdatabase \"x\" does not exist\0\0", "no such database (3D000)"),
            (b"C28P01\0Mpassword authentication failed\0\0", "refuses this user or password (28P01)"),
            (b"C28000\0Mrole \"x\" does not exist\0RInitializeSessionUserId\0\0", "no such user"),
            (b"C28000\0Mno pg_hba.conf entry\0RClientAuthentication\0\0", "pg_hba.conf lets nobody in"),
            (b"CXX000\0Msome\nthing hunter2\0\0", "the server answers: some?thing *** (XX000)"),
        ] {
            let secret = Secret::new(b"hunter2".to_vec());
            let complaint = Complaint::parse(body).expect("an error");
            assert!(complaint.reason(Some(&secret)).contains(reason), "{}", complaint.reason(None));
        }
    }

    #[test]
    fn cut_errors_are_none() {
        let whole = b"SFATAL\0C57P03\0Mstarting\0\0";
        for end in 0..whole.len() {
            assert_eq!(Complaint::parse(&whole[..end]), None, "{end}");
        }
        assert!(Complaint::parse(whole).is_some());
        assert_eq!(Complaint::parse(b"\0"), None);
    }
}
