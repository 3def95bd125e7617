//! What is printed for one line: the table, what is refused, and how a line is told from a file.

use super::states::translated;
use crate::support::{Run, sexton};

/// Lines whose tools are not all to be had, and what is printed for them, without the program and the quotes.
const TABLE: &[(&str, &str)] = &[
    (
        "HEALTHCHECK --timeout=3s CMD curl -f http://localhost/ || exit 1",
        "check --status 200-399 http://localhost/",
    ),
    ("test: [\"CMD\", \"curl\", \"-f\", \"http://localhost\"]", "check --status 200-399 http://localhost"),
    (
        "['CMD-SHELL', 'wget -q --spider http://localhost || exit 1']",
        "check --method HEAD --follow http://localhost",
    ),
    ("\"curl -f http://localhost || exit 1\"", "check --status 200-399 http://localhost"),
    ("curl -f http://localhost:$$PORT/", "check --status 200-399 http://localhost:${PORT}/"),
    ("curl -f http://localhost:${PORT:-80}/", "check --status 200-399 http://localhost:${PORT:-80}/"),
    ("[\"curl\", \"-f\", \"http://localhost/$HOME\"]", "check --status 200-399 http://localhost/$$HOME"),
    ("curl -sk https://localhost/", "check --insecure --status 200-599 https://localhost/"),
    (
        "curl --unix-socket /run/x.sock http://localhost/ping",
        "check --unix-socket /run/x.sock --status 200-599 http://localhost/ping",
    ),
    ("pg_isready -U app -d app", "check --timeout 3s postgres://app@127.0.0.1"),
    ("pg_isready -U $${POSTGRES_USER}", "check --timeout 3s postgres://${POSTGRES_USER}@127.0.0.1"),
    (
        "pg_isready -h /var/run/postgresql",
        "check --timeout 3s --unix-socket /var/run/postgresql/.s.PGSQL.5432 postgres://localhost",
    ),
    ("redis-cli -a \"$REDIS_PASSWORD\" ping | grep PONG", "check redis://:${REDIS_PASSWORD}@127.0.0.1"),
    ("redis-cli -a 'a/b' ping", "check redis://:a%2Fb@127.0.0.1"),
    ("redis-cli cluster info | grep cluster_state:ok", "check redis://127.0.0.1?cluster=ok"),
    ("mysqladmin ping -h localhost -u root -p$MYSQL_ROOT_PASSWORD", "check mysql://127.0.0.1"),
    ("healthcheck.sh --connect --innodb_initialized", "check mysql://127.0.0.1"),
    ("mongosh --eval \"db.adminCommand('ping')\"", "check mongodb://127.0.0.1"),
    ("mongo --quiet --eval 'db.runCommand({ ping: 1 }).ok'", "check mongodb://127.0.0.1"),
    ("echo 'db.runCommand(\"ping\").ok' | mongosh localhost:27017/test --quiet", "check mongodb://localhost"),
    ("[ $(mongosh --quiet --eval \"db.runCommand('ping').ok\") -eq 1 ]", "check mongodb://127.0.0.1"),
    ("rabbitmq-diagnostics -q ping", "check amqp://127.0.0.1"),
    ("rabbitmq-diagnostics check_port_connectivity", "check amqp://127.0.0.1"),
    ("kafka-topics.sh --bootstrap-server localhost:9092 --list", "check kafka://localhost"),
    ("kafka-broker-api-versions --bootstrap-server broker:29092 || exit 1", "check kafka://broker:29092"),
    ("cub zk-ready localhost:2181 40", "check --timeout 40s zookeeper://localhost:2181"),
    ("clickhouse-client --query 'SELECT 1'", "check http://127.0.0.1:8123/?query=SELECT%201"),
    ("etcdctl endpoint health", "check --json-path /health=true http://127.0.0.1:2379/health"),
    (
        "etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/ca.pem endpoint health",
        "check --cacert /ca.pem --json-path /health=true https://127.0.0.1:2379/health",
    ),
    ("mc ready local", "check http://127.0.0.1:9000/minio/health/cluster"),
    ("cqlsh -e 'describe keyspaces'", "check cassandra://127.0.0.1"),
    (
        "cqlsh -u cassandra -p cassandra -e 'DESC KEYSPACES'",
        "check cassandra://cassandra:cassandra@127.0.0.1",
    ),
    ("grpc_health_probe -addr=:50051", "check --timeout 2s grpc://localhost:50051"),
    (
        "grpc_health_probe -addr=localhost:1 -tls -tls-no-verify -service x -rpc-timeout=3s",
        "check --insecure grpcs://localhost:1/x",
    ),
    ("kill -0 $(cat /run/app.pid)", "check pid:/run/app.pid"),
    ("ps aux | grep nginx | grep -v grep", "check process:/nginx/"),
    ("find /tmp/alive -mtime -1 | grep -q .", "check --max-age 1day file:/tmp/alive"),
    ("[ -S /run/app.sock ]", "check unix:/run/app.sock"),
    ("test -d /data", "check dir:/data"),
    ("curl -f http://a/ && curl -f http://b/", "check --status 200-399 http://a/ http://b/"),
    ("curl -f http://a/ && nc -z b 22", "check --status 200-399 http://a/ tcp://b:22"),
    (
        "curl -m 3 -f http://a/ || curl -m 2 -f http://b/",
        "check --timeout 3s --any --status 200-399 http://a/ http://b/",
    ),
    ("until nc -z db 5432; do sleep 1; done", "wait --timeout 0 tcp://db:5432"),
    (
        "until nc -z db 5432; do echo waiting; sleep 2; done; exec npm start",
        "wait --timeout 0 --interval 2s tcp://db:5432 -- npm start",
    ),
    ("while ! nc -z db 5432; do sleep 1; done && ./app", "wait --timeout 0 tcp://db:5432 -- ./app"),
    (
        "sh -c 'until pg_isready -h db; do sleep 1; done; exec ./app'",
        "wait --timeout 0 --attempt-timeout 3s postgres://db -- ./app",
    ),
    (
        "[\"sh\", \"-c\", \"until nc -z a 1; do sleep 1; done; until nc -z b 2; do sleep 1; done; app\"]",
        "wait --timeout 0 tcp://a:1 tcp://b:2 -- app",
    ),
    ("timeout 30 sh -c 'until nc -z db 5432; do sleep 1; done'", "wait --timeout 30s tcp://db:5432"),
    (
        "until curl -sf http://api/health > /dev/null; do sleep 5; done",
        "wait --timeout 0 --interval 5s --status 200-399 http://api/health",
    ),
    ("./wait-for-it.sh db:5432 -- npm start", "wait --timeout 15s --or-run tcp://db:5432 -- npm start"),
    ("/wait-for-it.sh -h db -p 5432 -t 60 -s -- npm start", "wait tcp://db:5432 -- npm start"),
    ("./wait-for db:5432 && npm start", "wait --timeout 15s tcp://db:5432 -- npm start"),
    (
        "dockerize -wait tcp://db:5432 -wait http://api/ -timeout 60s npm start",
        "wait --follow tcp://db:5432 http://api/ -- npm start",
    ),
    ("wait4x tcp db:5432 -t 60s -- app", "wait tcp://db:5432 -- app"),
    (
        "wait4x http http://api/ --expect-status-code 200 -- app",
        "wait --timeout 10s --follow --status 200 http://api/ -- app",
    ),
    ("ENTRYPOINT [\"tini\", \"-g\", \"--\", \"/app\", \"-x\"]", "init -g -- /app -x"),
    ("[\"/usr/bin/dumb-init\", \"--rewrite\", \"15:2\", \"--\", \"app\"]", "init -g -r 15:2 -- app"),
    ("[\"catatonit\", \"--\", \"app\"]", "init -- app"),
    ("ENTRYPOINT java -jar app.jar", "init -- java -jar app.jar"),
];

#[test]
fn each_line_is_printed_as_the_table_has_it() {
    let mut wrong = Vec::new();
    for (line, wanted) in TABLE {
        match translated(line) {
            Ok((words, _)) if words[1..].join(" ") == *wanted && words[0] == "/sexton" => {}
            other => wrong.push(format!("{line}\n    wanted {wanted}\n    {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is printed is a line that sexton takes: with every name in it set, each fails or passes, but none is refused.
#[test]
fn what_is_printed_is_never_refused() {
    let mut wrong = Vec::new();
    for (line, _) in TABLE {
        let Ok((words, _)) = translated(line) else { continue };
        let (command, rest) = (words[1].as_str(), &words[2..]);
        let mut args = vec![command.to_owned()];
        if command == "init" {
            args.push("--explain".into());
        } else {
            args.extend(["--timeout".into(), "20ms".into()]);
        }
        let mut skip = false;
        for word in rest.iter().take_while(|word| command == "init" || *word != "--") {
            if skip || (word == "--timeout" && command != "init") || word == "--or-run" {
                skip = word == "--timeout";
                continue;
            }
            args.push(word.clone());
        }
        let run = crate::support::Sexton::with(&args)
            .env("PORT", "1")
            .env("REDIS_PASSWORD", "x/@:y")
            .env("POSTGRES_USER", "u")
            .run();
        if run.stderr.contains("sexton: ") || run.stderr.contains("unknown") {
            wrong.push(format!("{line}: {args:?}: {}", run.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What has no translation, and a part of the reason.
const REFUSED: &[(&str, &str)] = &[
    ("curl http://localhost || exit 0", "healthy for ever"),
    ("curl -f http://localhost || true", "healthy for ever"),
    ("curl -f http://localhost; exit 0", "healthy for ever"),
    ("exit 1", "never exits with 0"),
    ("wget -q http://x/; [ $? -le 8 ]", "one exit code of the program from another"),
    ("curl -s -o /dev/null -w '%{http_code}' http://x/ | grep -qE '^[0-9]{3}$'", "healthy without an app"),
    ("[ $(curl -s -o /dev/null -w '%{http_code}' http://x/) -lt 500 ]", "nothing answers"),
    ("curl -s http://x/ | grep -q DOWN && exit 1 || exit 0", "nothing answers"),
    ("curl -s http://x/ | grep -q 'U.'", "more than a text"),
    ("curl -s http://x/ | grep -qv DOWN", "--not-contains"),
    ("curl -s http://x/ | grep -q '\"status\": *\"UP\"'", "--json-path /status=UP"),
    ("curl -s http://x/ | jq -e .ok", "--json-path /ok=true"),
    ("curl -s http://x/ | jq .ok", "exits with 0 whatever"),
    ("[ \"$(curl -s http://x/)\" = ok ]", "--contains 'ok'"),
    ("ps aux | grep nginx", "grep finds itself"),
    ("find /tmp/x -mmin -1", "exits with 0 whether or not"),
    ("nc -zu localhost 53", "udp://"),
    ("curl -f http://x/ & wait", "background"),
    ("curl -f http://x/ || kill 1", "init --watch"),
    ("curl -f http://x/ || kill -s 15 -1 && (sleep 10; kill -s 9 -1)", "init --watch"),
    ("nginx -t", "not known here"),
    ("supervisorctl status app | grep RUNNING", "process:NAME"),
    ("psql -U app -c 'select count(*) from t'", "a statement of your own"),
    ("mysql -u app -e 'select * from t'", "a statement of your own"),
    ("redis-cli set a b", "not a question that a check asks"),
    ("healthcheck.sh --galera_online", "more than whether"),
    ("rabbitmq-diagnostics check_local_alarms", "amqp://USER:PASSWORD@"),
    ("python -c 'import app; app.check()'", "not a plain request"),
    ("python healthcheck.py", "a script of its own"),
    ("node healthcheck.js", "a script of its own"),
    ("./healthcheck.sh", "sexton translate FILE"),
    ("php-fpm-healthcheck", "fcgi://"),
    ("for i in 1 2 3; do curl -f http://x/ && exit 0; done; exit 1", "more of a shell"),
    ("curl -f http://a/ http://b/", "2 URLs"),
    ("curl --resolve a:80:127.0.0.1 http://a/", "--header 'Host: NAME'"),
    ("curl -f http://x/ && ! curl -f http://y/", "nothing answers"),
    ("curl -f http://x/ | exit 1", "pipe into exit"),
    ("mysqladmin ping -u a -pb | grep alive", "mysql://a:b@127.0.0.1"),
    ("test -x /app", "may be executed"),
    ("test -f run/healthy", "relative"),
    ("[\"NONE\"]", "switched off"),
    ("/sexton check http://x/", "already"),
    ("curl -f 'http://x/", "never closed"),
];

#[test]
fn what_has_no_translation_says_why_and_what_comes_nearest() {
    let mut wrong = Vec::new();
    for (line, reason) in REFUSED {
        let Run { code, stdout, stderr, .. } = sexton(["translate", line]);
        let is_one_line = stdout.lines().count() == 1 && stdout.starts_with("no translation: ");
        if code != Some(1) || !stderr.is_empty() || !is_one_line || !stdout.contains(reason) {
            wrong.push(format!("{line}\n    wanted {reason}\n    {code:?} {stdout}{stderr}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_line_becomes_json_a_yaml_list_and_notes() {
    let run = sexton(["translate", "curl -m 3 http://localhost:$PORT/ | grep -q '\"status\":\"UP\"'"]);
    assert_eq!(
        run.stdout,
        "[\"/sexton\", \"check\", \"--timeout\", \"3s\", \"--contains\", \"\\\"status\\\":\\\"UP\\\"\", \"--status\", \
         \"200-599\", \"http://localhost:${PORT}/\"]\n\
         - CMD\n- /sexton\n- check\n- --timeout\n- \"3s\"\n- --contains\n- \"\\\"status\\\":\\\"UP\\\"\"\n- --status\n\
         - \"200-599\"\n- \"http://localhost:$${PORT}/\"\n"
    );
    let run = sexton(["translate", "redis-cli ping"]);
    assert!(run.stdout.contains("\n# verdict gets stricter: "), "{run:?}");
    assert!(run.stdout.ends_with("\n# a limit where there was none: 4s, or SEXTON_TIMEOUT\n"), "{run:?}");
    // Words one by one are an exec form.
    let run = sexton(["translate", "curl", "-f", "http://localhost/?a=$b"]);
    assert!(
        run.stdout.starts_with(
            "[\"/sexton\", \"check\", \"--status\", \"200-399\", \"http://localhost/?a=$$b\"]\n"
        )
    );
}

#[test]
fn a_file_that_is_missing_is_no_line() {
    for (args, message) in [
        (&["translate"][..], "nothing to translate; name a LINE or a FILE (see sexton translate --help)"),
        (&["translate", "compose.yml"], "no such file: compose.yml"),
        (&["translate", "--diff", "Dockerfile.none"], "no such file: Dockerfile.none"),
        (&["translate", "--diff", "curl -f http://x/"], "--diff needs a FILE"),
        (&["translate", "--nonsense", "x"], "unknown option --nonsense (see sexton translate --help)"),
    ] {
        sexton(args).refused(message);
    }
    assert!(sexton(["translate", "--help"]).stdout.contains("Usage: sexton translate LINE"));
}
