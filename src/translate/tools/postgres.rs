//! `pg_isready` and `psql`.

use super::{Call, Given, encoded, host, options, port, userinfo};
use crate::translate::notation::plain;
use crate::translate::semantics::{Check, Exit, Flag, Limit, Output, Refusal, Semantics};

/// The options of `pg_isready` that take a value.
const IS_READY_VALUED: &[&str] = &["h", "host", "p", "port", "U", "username", "d", "dbname", "t", "timeout"];

/// Those of `psql`.
const PSQL_VALUED: &[&str] = &[
    "h", "host", "p", "port", "U", "username", "d", "dbname", "c", "command", "f", "file", "v", "set",
    "variable", "P", "pset", "F", "R", "o", "L",
];

/// What was said about the server.
#[derive(Default)]
struct Server {
    host: Option<String>,
    port: Option<String>,
    user: Option<String>,
    database: Option<String>,
}

impl Server {
    /// Takes an option that both programs have.
    fn option(&mut self, name: &str, value: Option<&String>) -> bool {
        let value = value.cloned();
        match name {
            "h" | "host" => self.host = value,
            "p" | "port" => self.port = value,
            "U" | "username" => self.user = value,
            "d" | "dbname" => self.database = value,
            _ => return false,
        }
        true
    }

    /// The check of it.
    fn check(&self, call: &Call, password: Option<&str>) -> Check {
        let variable = |given: &Option<String>, name: &str| {
            given.clone().or_else(|| call.variable(name).map(str::to_owned))
        };
        // A whole URI in the place of a database.
        if let Some(uri) = self.database.as_deref().filter(|name| name.contains("://")) {
            return Check::of(uri);
        }
        let user = variable(&self.user, "PGUSER");
        let database = variable(&self.database, "PGDATABASE").filter(|_| user.is_some());
        let path = database.map(|name| format!("/{}", encoded(&name))).unwrap_or_default();
        let login = userinfo(user.as_deref(), password);
        let server_port = variable(&self.port, "PGPORT");
        match variable(&self.host, "PGHOST") {
            Some(folder) if folder.starts_with('/') => {
                let port = server_port.unwrap_or_else(|| "5432".into());
                let mut check = Check::of(format!("postgres://{login}localhost{path}"));
                check.flags.push(Flag("--unix-socket", Some(format!("{folder}/.s.PGSQL.{port}"))));
                check
            }
            Some(name) => Check::of(format!(
                "postgres://{login}{}{}{path}",
                host(&name),
                port(server_port.as_deref(), "5432")
            )),
            None => Check::of(format!(
                "postgres://{login}127.0.0.1{}{path}",
                port(server_port.as_deref(), "5432")
            ))
            .note(
                "verdict gets stricter: by TCP, so that the server that fills a new database by its unix \
                 socket is not taken for the real one",
            ),
        }
    }
}

/// What a `pg_isready` asks.
pub(super) fn is_ready(call: &Call) -> Result<Semantics, Refusal> {
    let mut server = Server::default();
    // Its own default.
    let mut limit = Limit::seconds("3")?;
    for given in options(&call.args, IS_READY_VALUED)? {
        match given {
            Given::Option(name, value) if server.option(&name, value.as_ref()) => {}
            Given::Option(name, value) => match name.as_str() {
                "t" | "timeout" => limit = Limit::seconds(&value.unwrap_or_default())?,
                "q" | "quiet" => {}
                other => return Err(Refusal::new(format!("pg_isready -{other} is not known here"))),
            },
            Given::Operand(word) => {
                return Err(Refusal::new(format!("pg_isready with `{word}`")));
            }
        }
    }
    // Whether this user or this database exists is nothing that it looks at.
    if server.database.as_deref().is_none_or(|name| !name.contains("://")) {
        server.database = None;
    }
    let mut check = server.check(call, None).limit(limit);
    if server.user.is_some() {
        check = check.note("verdict gets stricter: a user who is named must exist");
    }
    Ok(Semantics {
        check,
        exit: Exit::Check,
        output: Output::Says("accepting connections".into(), Exit::Check),
    })
}

/// What a `psql` asks.
pub(super) fn psql(call: &Call) -> Result<Semantics, Refusal> {
    let (mut server, mut operands, mut statement) = (Server::default(), Vec::new(), call.input.clone());
    for given in options(&call.args, PSQL_VALUED)? {
        match given {
            Given::Option(name, value) if server.option(&name, value.as_ref()) => {}
            Given::Option(name, value) => match name.as_str() {
                "c" | "command" => statement = value,
                "l" | "list" => statement = Some("select 1".into()),
                "f" | "file" => return Err(Refusal::new("psql -f runs a file")),
                _ => {}
            },
            Given::Operand(word) => operands.push(word),
        }
    }
    let mut operands = operands.into_iter();
    server.database = server.database.or_else(|| operands.next());
    server.user = server.user.or_else(|| operands.next());
    let password = call.variable("PGPASSWORD").map(str::to_owned);
    let mut check = server.check(call, password.as_deref());
    if !is_trivial(statement.as_deref().unwrap_or("\\q")) {
        return Err(Refusal::with(
            "psql runs a statement of your own",
            format!("sexton check {}, which asks whether the server answers queries", check.target),
        ));
    }
    if password.is_none() && !check.target.contains(":$") {
        check = check.note(
            "verdict gets looser: the login is not tried; a password as in \
             postgres://USER:${PGPASSWORD}@HOST/DATABASE has it tried",
        );
    }
    Ok(Semantics { check, exit: Exit::Check, output: Output::Says("1".into(), Exit::Check) })
}

/// Whether a statement asks nothing but whether there is an answer.
fn is_trivial(statement: &str) -> bool {
    let Some(text) = plain(statement) else { return false };
    let text = text.trim().trim_end_matches(';').trim().to_ascii_lowercase();
    matches!(
        text.as_str(),
        "select 1" | "select 1 as ok" | "select 1;" | "\\q" | "\\l" | "\\conninfo" | "\\dt"
    ) || matches!(text.as_str(), "select now()" | "select version()" | "select true" | "" | "\\list")
}
