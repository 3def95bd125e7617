//! `postgres://` against PostgreSQL. Each test has a cluster of its own: making one takes half a second.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};

use crate::support::peers::{Peer, Recipe, certificate, free_port, program};
use crate::support::{Run, eventually, sexton};

/// A cluster that is ready to be started.
pub(super) struct Cluster {
    recipe: Recipe,
    port: u16,
}

impl Cluster {
    /// A new one whose `pg_hba.conf` is `hba`.
    pub(super) fn new(hba: &str) -> Option<Self> {
        let (server, initdb) = (program("postgres", "postgresql")?, program("initdb", "postgresql")?);
        let port = free_port();
        let recipe = Recipe::new(&server, Some("postgres")).file("hba", hba);
        let init = ["-N", "-D", "data", "-U", "postgres", "--auth=trust"];
        done(recipe.command(&initdb).args(init).stdout(Stdio::null()));
        let folder = recipe.folder().path().display().to_string();
        let recipe = recipe.args(["-D", "data"]).args([
            "-c".to_owned(),
            format!("port={port}"),
            format!("--unix_socket_directories={folder}"),
            format!("--hba_file={folder}/hba"),
        ]);
        let recipe = recipe.args(["--listen_addresses=127.0.0.1", "--fsync=off", "--log_min_messages=info"]);
        Some(Self { recipe, port })
    }

    /// Runs `sql`, a command per line, before there is a server.
    fn sql(self, sql: &str) -> Self {
        let server = program("postgres", "postgresql").expect("it was there");
        let mut command = self.recipe.command(&server);
        command.args(["--single", "-D", "data", "postgres"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut single = command.spawn().expect("it starts");
        single.stdin.take().expect("a pipe").write_all(sql.as_bytes()).expect("it reads");
        assert!(single.wait().expect("our child").success());
        self
    }

    /// Adds an argument.
    fn with(mut self, arg: impl AsRef<str>) -> Self {
        self.recipe = self.recipe.args([arg.as_ref()]);
        self
    }

    /// Starts it, without waiting until it is ready.
    fn start(self) -> Running {
        Running { peer: self.recipe.start().listening(self.port), port: self.port }
    }

    /// Starts it and waits until it is ready.
    pub(super) fn ready(self) -> Running {
        let Running { peer, port } = self.start();
        Running { peer: peer.until("it is ready", |peer| peer.output().contains("ready to accept")), port }
    }
}

/// A cluster that runs.
pub(super) struct Running {
    pub(super) peer: Peer,
    pub(super) port: u16,
}

impl Running {
    /// A check of `user...@` and `/database...`, with options in front.
    fn check(&self, options: &[&str], login: &str, path: &str) -> Run {
        let target = format!("postgres://{login}127.0.0.1:{}{path}", self.port);
        sexton([&["check"], options, &[&target]].concat())
    }

    /// A session of the user postgres that lasts as long as the stream.
    fn session(&self) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.write_all(b"\0\0\0\x17\0\x03\0\0user\0postgres\0\0").expect("it reads");
        let mut answer = Vec::new();
        while !answer.ends_with(b"Z\0\0\0\x05I") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("it answers");
            answer.extend_from_slice(&byte);
        }
        stream
    }
}

/// Runs `command` to its good end.
fn done(command: &mut Command) {
    assert!(command.status().expect("it starts").success(), "{command:?}");
}

#[test]
fn a_cluster_that_trusts_us_accepts_connections_and_has_nothing_to_complain_about() {
    let Some(cluster) = Cluster::new("host all all 127.0.0.1/32 trust\nlocal all all trust\n") else {
        return;
    };
    let cluster = cluster.ready();
    cluster.check(&[], "", "").said(0, "healthy: accepts connections (postgres://127.0.0.1:");
    cluster.check(&[], "postgres@", "/template1?sslmode=prefer").said(0, "healthy: accepts connections (");
    cluster
        .check(&[], "postgres:any@", "/")
        .said(0, "healthy: accepts connections and this login (postgres://***@");
    let alias = format!("postgresql://localhost:{}/postgres", cluster.port);
    sexton(["check", &alias]).said(0, "healthy: accepts connections (postgresql://localhost");
    let socket = cluster.peer.folder().join(format!(".s.PGSQL.{}", cluster.port));
    let local = cluster.check(&["--unix-socket", socket.to_str().unwrap()], "", "");
    local.said(0, "healthy: accepts connections (postgres://127.0.0.1:");
    let log = cluster.peer.output();
    assert!(!["FATAL", "ERROR", "could not", "EOF", "reset"].iter().any(|word| log.contains(word)), "{log}");

    cluster.check(&[], "", "/shop").said(1, "unhealthy: no such database (3D000); correct the target's path");
    cluster.check(&[], "alice@", "").said(1, "unhealthy: no such user, or one that may not log in (28000)");
    cluster.check(&[], "", "?sslmode=require").said(1, "unhealthy: the server has no TLS (ssl = off)");
    let redis = sexton(["check", &format!("redis://127.0.0.1:{}", cluster.port)]);
    assert_eq!(redis.code, Some(1), "{redis:?}");
    let own = cluster.check(&["--verbose"], "", "/postgres?schema=public&connect_timeout=5&sslmode=disable");
    assert!(own.stdout.contains("unused parameters of the target: schema, connect_timeout"), "{own:?}");
    assert_eq!(own.code, Some(0), "{own:?}");
    let both = cluster.check(&["--insecure"], "", "?sslmode=disable");
    assert!(both.stderr.contains("beside options for TLS"), "{both:?}");
}

#[test]
fn a_password_is_only_needed_where_one_is_given_and_then_it_must_be_right() {
    let hba = "host all scram 127.0.0.1/32 scram-sha-256\nhost all md5 127.0.0.1/32 md5\n\
               host all clear 127.0.0.1/32 password\n";
    let Some(cluster) = Cluster::new(hba) else { return };
    let sql = "CREATE USER scram PASSWORD 'hunter2 é/'\nCREATE USER clear PASSWORD 'hunter2'\n\
               SET password_encryption = md5\nCREATE USER md5 PASSWORD 'hunter2'\n";
    let cluster = cluster.sql(sql).ready();
    for user in ["scram@", "md5@", "clear@"] {
        cluster
            .check(&[], user, "/postgres")
            .said(0, "healthy: accepts connections; login not tried (postgres://***@");
    }
    let log = cluster.peer.output();
    assert!(!log.contains("FATAL") && !log.contains("ERROR"), "{log}");

    for login in ["scram:hunter2%20%c3%a9%2f@", "md5:hunter2@"] {
        cluster
            .check(&[], login, "/postgres")
            .said(0, "healthy: accepts connections and this login (postgres://***@");
    }
    for login in ["scram:hunter3@", "md5:hunter3@"] {
        let run = cluster.check(&["--verbose"], login, "/postgres");
        assert!(
            run.stdout.contains("unhealthy: the server refuses this user or password (28P01)"),
            "{run:?}"
        );
        assert!(!run.stdout.contains("hunter"), "{run:?}");
    }
    let clear = cluster.check(&[], "clear:hunter2@", "/postgres");
    clear.said(1, "unhealthy: the server wants the password in clear, which is only sent over TLS; add ?sslmode=require");
    let nobody = cluster.check(&[], "nobody@", "/postgres");
    nobody.said(1, "unhealthy: pg_hba.conf lets nobody in from here as this user to this database (28000)");

    let file = cluster.peer.folder().join("password");
    fs::write(&file, "hunter2\n").unwrap();
    let options = ["--password-file", file.to_str().unwrap()];
    cluster.check(&options, "md5@", "/postgres").said(0, "healthy: accepts connections and this login (");
}

#[test]
fn tls_is_used_when_the_server_insists_and_verified() {
    let Some(cluster) = Cluster::new("hostssl all all 127.0.0.1/32 password") else { return };
    let (certificate, key) = certificate();
    let folder = cluster.recipe.folder().path().to_owned();
    let mut cluster = cluster.sql("CREATE USER clear PASSWORD 'hunter2'\n");
    cluster.recipe = cluster.recipe.file("cert.pem", certificate).file("key.pem", key);
    done(Command::new("chmod").arg("600").arg(folder.join("key.pem")));
    let path = |name: &str| folder.join(name).display().to_string();
    let cluster = cluster
        .with("--ssl=on")
        .with(format!("--ssl_cert_file={}", path("cert.pem")))
        .with(format!("--ssl_key_file={}", path("key.pem")))
        .ready();
    let trusting = ["--cacert", &path("cert.pem")];
    let asked = "healthy: accepts connections; login not tried (postgres://127.0.0.1:";
    for query in ["", "?sslmode=prefer", "?sslmode=require", "?sslmode=verify-ca", "?sslmode=verify-full"] {
        cluster.check(&trusting, "", query).said(0, asked);
        cluster.check(&["--insecure"], "", query).said(0, asked);
        let unknown = cluster.check(&[], "", query);
        if query.contains("verify") {
            assert!(unknown.said(1, "unhealthy: ").contains("--insecure"), "{unknown:?}");
        } else {
            unknown.said(0, asked);
        }
    }
    let missing = cluster.check(&["--cacert", "/nope"], "", "");
    assert!(missing.said(1, "unhealthy: ").contains("--cacert /nope"), "{missing:?}");
    let soon = cluster.check(&[&trusting[..], &["--min-validity", "9000000d"]].concat(), "", "");
    assert!(soon.said(1, "unhealthy: ").contains("--min-validity"), "{soon:?}");
    // Not one complaint for all the checks that passed: TLS is asked for first.
    let log = cluster.peer.output();
    assert!(!log.contains("FATAL"), "{log}");
    cluster
        .check(&trusting, "clear:hunter2@", "/postgres")
        .said(0, "healthy: accepts connections and this login (");
    let wrong = cluster.check(&trusting, "clear:hunter3@", "/postgres");
    wrong.said(1, "unhealthy: the server refuses this user or password (28P01) (");
    let never = cluster.check(&[], "", "?sslmode=disable");
    never.said(1, "unhealthy: pg_hba.conf lets nobody in from here as this user to this database (28000) (");
}

#[test]
fn a_cluster_that_starts_is_unhealthy_until_it_is_ready() {
    let Some(cluster) = Cluster::new("host all all 127.0.0.1/32 trust") else { return };
    let folder = cluster.recipe.folder().path().to_owned();
    // A recovery that waits for us.
    let signal = folder.join("data/recovery.signal");
    fs::write(&signal, "").unwrap();
    cluster.recipe.own(&signal);
    let wait =
        format!("--restore_command=while ! test -e {}/go; do sleep 0.05; done; false", folder.display());
    let cluster = cluster.with(wait).start();
    let starting = "unhealthy: the database system is starting up (57P03); give it a start period (";
    cluster.check(&[], "", "").said(1, starting);
    cluster.check(&[], "postgres:hunter2@", "/nowhere").said(1, starting);
    fs::write(folder.join("go"), "").unwrap();
    eventually("recovery ends", || cluster.check(&[], "", "").code == Some(0));
}

#[test]
fn a_cluster_that_shuts_down_is_unhealthy_while_it_waits_for_its_clients() {
    let Some(cluster) = Cluster::new("host all all 127.0.0.1/32 trust") else { return };
    let cluster = cluster.ready();
    let _session = cluster.session();
    kill(cluster.peer.pid(), Signal::SIGTERM).unwrap();
    eventually("the shutdown has begun", || cluster.check(&[], "", "").code == Some(1));
    cluster.check(&[], "", "").said(1, "unhealthy: the database system is shutting down (57P03) (");
}

#[test]
fn a_cluster_without_a_connection_left_says_so() {
    let Some(cluster) = Cluster::new("host all all 127.0.0.1/32 trust") else { return };
    let limits = ["--max_connections=1", "--superuser_reserved_connections=0", "--max_wal_senders=0"];
    let cluster = limits.into_iter().fold(cluster, Cluster::with).ready();
    let session = cluster.session();
    cluster.check(&[], "", "").said(1, "unhealthy: too many clients already (53300); raise max_connections");
    drop(session);
    eventually("the connection is free again", || cluster.check(&[], "", "").code == Some(0));
}

#[test]
fn a_pooler_whose_server_is_gone_takes_no_query() {
    let Some(pgbouncer) = program("pgbouncer", "pgbouncer") else { return };
    let Some(cluster) = Cluster::new("host all all 127.0.0.1/32 trust") else { return };
    let cluster = cluster.ready();
    let port = free_port();
    let ini = format!(
        "[databases]\nup = host=127.0.0.1 port={} dbname=postgres user=postgres\ndown = host=127.0.0.1 port={} dbname=postgres user=postgres\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\nunix_socket_dir =\n\
         server_login_retry = 1\nquery_wait_timeout = 2\n",
        cluster.port,
        free_port()
    );
    let recipe = Recipe::new(&pgbouncer, Some("postgres")).file("pgbouncer.ini", ini).args(["pgbouncer.ini"]);
    let _pooler = recipe.start().listening(port);
    let check =
        |database: &str| sexton(["check", &format!("postgres://postgres@127.0.0.1:{port}/{database}")]);
    check("up").said(0, "healthy: accepts connections (postgres://***@");
    check("down").said(1, "unhealthy: ");
}

#[test]
fn a_role_without_a_connection_left_or_of_another_user_is_told_what_to_do() {
    let hba = "host all all 127.0.0.1/32 trust\nlocal all all peer\n";
    let Some(cluster) = Cluster::new(hba) else { return };
    let cluster = cluster.sql("CREATE ROLE few LOGIN CONNECTION LIMIT 0\n").ready();
    cluster
        .check(&[], "few@", "/postgres")
        .said(1, "unhealthy: too many connections for this role or database (53300)");
    let socket = cluster.peer.folder().join(format!(".s.PGSQL.{}", cluster.port));
    let local = cluster.check(&["--unix-socket", socket.to_str().unwrap()], "few@", "/postgres");
    local.said(1, "unhealthy: peer authentication: the check's user id is not that of this role (28000)");
}

#[test]
fn no_database_file_or_name_is_taken_for_another() {
    for (target, reason) in [
        (
            "postgres://h/%zz",
            "postgres://h/%zz: a database with a NUL, or a % that starts no %XX; write %25 for a %",
        ),
        (
            "postgres://u:p/w@h/d",
            "postgres://***@h/d: a /, ? or # in the user or password, which must be %-encoded there and needs no \
             encoding in --password-file",
        ),
    ] {
        sexton(["check", target]).refused(reason);
    }
}

/// A cluster that trusts everybody, and its port.
pub(crate) fn trusting() -> Option<(Peer, u16)> {
    let running = Cluster::new("host all all 127.0.0.1/32 trust\n")?.ready();
    Some((running.peer, running.port))
}

/// `text` as userinfo has it.
pub(super) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let _ = write!(encoded, "%{byte:02x}");
        encoded
    })
}

/// What of SCRAM's preparation stands in tables: the first character of each line is prepared.
const PREPARED: [&str; 2] = [
    include_str!("../../../src/client/saslprep/compositions.txt"),
    include_str!("../../../src/client/saslprep/compatibility.txt"),
];

#[test]
fn a_password_is_prepared_as_the_server_and_psql_prepare_it() {
    let Some(cluster) = Cluster::new("host all all 127.0.0.1/32 scram-sha-256\n") else { return };
    // Letters from right to left and others in one password would not be prepared at all.
    let all = PREPARED.iter().flat_map(|table| table.lines()).filter_map(|line| line.chars().next());
    let (right_to_left, others): (Vec<char>, Vec<char>) =
        all.partition(|c| ('\u{590}'..='\u{7ff}').contains(c) || ('\u{fb1d}'..='\u{fb4f}').contains(c));
    let passwords: Vec<String> =
        right_to_left.chunks(20).chain(others.chunks(40)).map(|some| some.iter().collect()).collect();
    let meant: Vec<_> = passwords.iter().enumerate().collect();
    // As it was set, as it is typed, and whether they are the same.
    let variants = [
        ("é", "e\u{301}", true),
        ("µ²½…™ﬁ", "μ21\u{2044}2...TMfi", true),
        ("s\u{307}\u{323}", "\u{1e69}", true),
        ("한각", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1161}\u{11a8}", true),
        ("ＡＢＣ pass\u{ad}word", "ABC\u{3000}password", true),
        ("שלום\u{a0}שלום", "שלום שלום", true),
        ("\u{fb2a}\u{a0}א", "ש\u{5c1} א", true),
        ("naïve", "naive", false),
        // Not prepared: an emoji is younger than SASLprep, a bell is prohibited, both directions are in one password.
        ("a\u{a0}😀", "a 😀", false),
        ("a\u{a0}\u{7}", "a \u{7}", false),
        ("שלום\u{a0}a", "שלום a", false),
    ];
    let mut sql = String::new();
    for (number, password) in &meant {
        let _ = writeln!(sql, "CREATE USER r{number} PASSWORD '{password}'");
    }
    for (number, (set, ..)) in variants.iter().enumerate() {
        let _ = writeln!(sql, "CREATE USER v{number} PASSWORD '{set}'");
    }
    let cluster = cluster.sql(&sql).ready();
    let psql = program("psql", "postgresql-client").expect("it comes with the server");
    let logs_in = |user: &str, password: &str| {
        let login = format!("{user}:{}@", encoded(password));
        cluster.check(&[], &login, "/postgres?sslmode=disable").code == Some(0)
    };
    for (number, password) in &meant {
        assert!(logs_in(&format!("r{number}"), password), "{password}");
    }
    for (number, (set, typed, same)) in variants.into_iter().enumerate() {
        let user = format!("v{number}");
        assert!(logs_in(&user, set), "{set:?}");
        assert_eq!(logs_in(&user, typed), same, "{set:?} {typed:?}");
        let mut command = Command::new(&psql);
        command.args(["-h", "127.0.0.1", "-p", &cluster.port.to_string(), "-U", &user, "-c", "", "postgres"]);
        command.env("PGPASSWORD", typed).stdout(Stdio::null()).stderr(Stdio::null());
        assert_eq!(command.status().expect("it starts").success(), same, "psql: {set:?} {typed:?}");
    }
}
