//! `mysqladmin`, `mysql` and `MariaDB`'s `healthcheck.sh`.

use super::{Call, Given, host, options, port, userinfo};
use crate::translate::notation::{is_script, plain};
use crate::translate::semantics::{Check, Exit, Flag, Limit, Output, Refusal, Semantics};

/// Their options that take a value; `-p` takes one only where it is glued on.
const VALUED: &[&str] = &[
    "h",
    "host",
    "P",
    "port",
    "u",
    "user",
    "S",
    "socket",
    "e",
    "execute",
    "D",
    "database",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "protocol",
    "connect-timeout",
    "connect_timeout",
    "defaults-file",
    "W",
    "w",
    "defaults-extra-file",
];

/// What was said about the server.
#[derive(Default)]
struct Server {
    host: Option<String>,
    port: Option<String>,
    user: Option<String>,
    password: Option<String>,
    socket: Option<String>,
    statement: Option<String>,
    limit: Limit,
    operands: Vec<String>,
}

/// Reads a command line.
fn read(call: &Call) -> Result<Server, Refusal> {
    let mut server = Server::default();
    let mut args = Vec::new();
    for arg in &call.args {
        match arg.strip_prefix("-p").filter(|_| !arg.starts_with("--")) {
            Some("") => {}
            Some(password) => server.password = Some(password.to_owned()),
            None => args.push(arg.clone()),
        }
    }
    for given in options(&args, VALUED)? {
        match given {
            Given::Operand(word) => server.operands.push(word),
            Given::Option(name, value) => match name.as_str() {
                "h" | "host" => server.host = value,
                "P" | "port" => server.port = value,
                "u" | "user" => server.user = value,
                "password" => server.password = value,
                "S" | "socket" => server.socket = value,
                "e" | "execute" => server.statement = value,
                "connect-timeout" | "connect_timeout" => {
                    server.limit = Limit::seconds(&value.unwrap_or_default())?;
                }
                "defaults-file" | "defaults-extra-file" | "login-path" => {
                    return Err(Refusal::with(
                        "its login is in a file of its own",
                        "sexton check --password-file FILE mysql://USER@127.0.0.1",
                    ));
                }
                "ssl-ca" | "ssl-cert" | "ssl-key" | "ssl-mode" => {
                    return Err(Refusal::with(
                        "its TLS options",
                        "sexton check --cacert FILE mysql://USER:PASSWORD@HOST",
                    ));
                }
                _ => {}
            },
        }
    }
    Ok(server)
}

impl Server {
    /// The check of it, with this login.
    fn check(&self, login: &str) -> Check {
        if let Some(path) = &self.socket {
            let mut check = Check::of(format!("mysql://{login}localhost"));
            check.flags.push(Flag("--unix-socket", Some(path.clone())));
            return check;
        }
        let number = port(self.port.as_deref(), "3306");
        let check = match self.host.as_deref() {
            // For these programs that is the unix socket.
            None | Some("localhost") => Check::of(format!("mysql://{login}127.0.0.1{number}")).note(
                "verdict gets stricter: by TCP, so that the server that fills a new database by its unix \
                 socket is not taken for the real one",
            ),
            Some(name) => Check::of(format!("mysql://{login}{}{number}", host(name))),
        };
        check.limit(self.limit.clone())
    }
}

/// What a mysqladmin asks.
pub(super) fn admin(call: &Call) -> Result<Semantics, Refusal> {
    let server = read(call)?;
    let words: Vec<&str> = server.operands.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["ping"] => {
            // It is alive for mysqladmin whoever is refused.
            let check = server.check("");
            if server.user.is_none() && server.password.is_none() {
                let output = Output::Says("mysqld is alive".into(), Exit::Check);
                return Ok(Semantics { check, exit: Exit::Check, output });
            }
            let login = userinfo(server.user.as_deref(), server.password.as_deref());
            let nearest = format!("sexton check {}", server.check(&login).target);
            let check = check.note(
                "the login is left out: mysqladmin ping is content with \"access denied\"; \
                 mysql://USER:PASSWORD@HOST has it checked",
            );
            let denied = Refusal::with("it says that it is alive only to who has logged in", nearest);
            let output = Output::Says("mysqld is alive".into(), Exit::Other(denied));
            Ok(Semantics { check, exit: Exit::Check, output })
        }
        ["status" | "version"] => {
            let login = userinfo(server.user.as_deref(), server.password.as_deref());
            let check = server.check(&login);
            Ok(Semantics { check, exit: Exit::Check, output: Output::Says("Uptime:".into(), Exit::Check) })
        }
        _ => Err(Refusal::with(
            format!("mysqladmin {}", words.join(" ")),
            "sexton check mysql://USER:PASSWORD@127.0.0.1",
        )),
    }
}

/// What a mysql asks.
pub(super) fn client(call: &Call) -> Result<Semantics, Refusal> {
    let server = read(call)?;
    let login = userinfo(server.user.as_deref(), server.password.as_deref());
    let check = server.check(&login);
    let statement = server.statement.clone().or_else(|| call.input.clone()).unwrap_or_default();
    let text = plain(&statement).unwrap_or_default();
    let text = text.trim().trim_end_matches([';', '\\', 'G']).trim().to_ascii_lowercase();
    let is_trivial = matches!(
        text.as_str(),
        "select 1" | "show databases" | "show status" | "select version()" | "status" | "\\q" | "exit"
    );
    if !is_trivial || server.user.is_none() {
        let why = if is_trivial { "mysql without -u" } else { "mysql runs a statement of your own" };
        return Err(Refusal::with(
            why,
            "sexton check mysql://USER:PASSWORD@127.0.0.1, which goes through the login",
        ));
    }
    Ok(Semantics { check, exit: Exit::Check, output: Output::Says("1".into(), Exit::Check) })
}

/// What `MariaDB`'s `healthcheck.sh` asks.
pub(super) fn healthcheck(call: &Call) -> Result<Semantics, Refusal> {
    let args: Vec<&str> = call.args.iter().map(String::as_str).collect();
    let is_known = |arg: &&str| arg.starts_with("--") && !arg.contains("://");
    if args.is_empty() || !is_script(&call.name) || !args.iter().all(is_known) {
        return Err(Refusal::with("a script of its own", "sexton translate FILE, with that script"));
    }
    let known =
        |arg: &&str| matches!(*arg, "--connect" | "--innodb_initialized" | "--su-mysql" | "--su=mysql");
    if !args.contains(&"--connect") || !args.iter().all(known) {
        return Err(Refusal::with(
            format!(
                "{} {} asks MariaDB for more than whether it takes connections",
                call.name,
                args.join(" ")
            ),
            "sexton check mysql://USER:PASSWORD@127.0.0.1",
        ));
    }
    let mut check = Check::of("mysql://127.0.0.1");
    if args.contains(&"--innodb_initialized") {
        check = check.note("InnoDB has been initialized once MariaDB takes connections by TCP");
    }
    Ok(Semantics::by_exit(check))
}
