//! Names, name servers and addresses, each test in a network of its own: files and words.

mod addresses;
mod dnsmasq;
mod glibc;
mod kubernetes;
mod servers;

use std::fs;
use std::time::Duration;

use crate::support::network::{NameServer, in_own_network};
use crate::support::servers::{OK, Server};
use crate::support::{Run, Sexton, eventually, sexton};

/// Checks that `name` resolves.
fn resolve(name: &str) -> Run {
    sexton(["check", &format!("dns:{name}")])
}

/// What must be done well before the usual limit of 4 s, also on a busy machine.
const SOON: Duration = Duration::from_millis(2500);

#[test]
fn localhost_is_loopback_without_any_file() {
    in_own_network(|_| {
        resolve("localhost").said(0, "healthy: resolves to ::1, 127.0.0.1 (dns:localhost, ");
        resolve("app.localhost").said(0, "healthy: resolves to ::1, 127.0.0.1 (dns:app.localhost, ");
        let server = Server::answering(OK);
        sexton(["check", &format!("http://localhost:{}/", server.port())]).said(0, "healthy: status 200");
    });
}

#[test]
fn without_resolv_conf_the_server_on_this_machine_is_asked() {
    in_own_network(|etc| {
        let refused = "unhealthy: no name server for db: connection refused at 127.0.0.1:53";
        resolve("db").said(1, &format!("{refused}; there is no /etc/resolv.conf (dns:db, "));
        etc.resolv_conf("search\n# nameserver 127.0.0.2\n");
        resolve("db").said(1, &format!("{refused}; /etc/resolv.conf names no server (dns:db, "));
        let _server = NameServer::knowing("127.0.0.1", &[("db", "10.0.0.1"), ("db", "fd00::1")]);
        resolve("db").said(0, "healthy: resolves to 10.0.0.1, fd00::1 (dns:db, ");
    });
}

#[test]
fn the_hosts_file_comes_first_and_dns_for_what_it_lacks() {
    in_own_network(|etc| {
        let server = NameServer::knowing("127.0.0.1", &[("db", "10.0.0.9"), ("db", "fd00::9")]);
        etc.hosts("# names\r\n10.0.0.1\tdb.internal DB # main\r\nfd00::2 six\n10.0.0.5 app.localhost\n");
        for (arguments, line) in [
            (&["dns:db"][..], "healthy: resolves to 10.0.0.1 (dns:db, "),
            (&["dns:Db.Internal."], "healthy: resolves to 10.0.0.1 (dns:Db.Internal., "),
            (&["dns:six"], "healthy: resolves to fd00::2 (dns:six, "),
            (&["dns:app.localhost"], "healthy: resolves to 10.0.0.5 (dns:app.localhost, "),
        ] {
            sexton([&["check"], arguments].concat()).said(0, line);
        }
        assert!(server.asked().is_empty(), "{:?}", server.asked());
        sexton(["check", "-6", "dns:db"]).said(0, "healthy: resolves to fd00::9 (dns:db, ");
        assert_eq!(server.asked().len(), 1);
    });
}

#[test]
fn only_the_family_that_is_wanted_is_asked_for() {
    in_own_network(|_| {
        let server = NameServer::knowing(
            "127.0.0.1",
            &[("both", "10.0.0.1"), ("both", "fd00::1"), ("six", "fd00::2")],
        );
        let kinds = || server.asked().iter().map(|query| query.kind).collect::<Vec<_>>();
        sexton(["check", "-4", "dns:both"]).said(0, "healthy: resolves to 10.0.0.1 (");
        assert_eq!(kinds(), ["A"]);
        sexton(["check", "-6", "dns:both"]).said(0, "healthy: resolves to fd00::1 (");
        assert_eq!(kinds(), ["A", "AAAA"]);
        resolve("six").said(0, "healthy: resolves to fd00::2 (");
        assert_eq!(kinds(), ["A", "AAAA", "A", "AAAA"]);
        sexton(["check", "-4", "dns:six"])
            .said(1, "unhealthy: six exists without an A record, says 127.0.0.1 (dns:six, ");
    });
}

#[test]
fn each_answer_that_is_none_has_its_own_words() {
    in_own_network(|etc| {
        etc.resolv_conf("nameserver 127.0.0.1\n");
        let _server = NameServer::on("127.0.0.1", |query| match query.name.as_str() {
            "gone.test" => vec![query.code(3)],
            "ill.test" => vec![query.code(2)],
            "closed.test" => vec![query.code(5)],
            "empty.test" => vec![query.answer(&[])],
            "circle.test" => {
                vec![query.answer(&[("circle.test", "square.test"), ("square.test", "circle.test")])]
            }
            _ => vec![],
        });
        for (name, reason) in [
            ("gone.test", "no such name: gone.test (NXDOMAIN from 127.0.0.1)"),
            ("ill.test", "SERVFAIL from 127.0.0.1 for ill.test"),
            ("closed.test", "REFUSED from 127.0.0.1 for closed.test"),
            ("empty.test", "empty.test exists without an A or AAAA record, says 127.0.0.1"),
            ("circle.test", "circle.test exists without an A or AAAA record, says 127.0.0.1"),
        ] {
            let run = resolve(name);
            run.said(1, &format!("unhealthy: {reason} (dns:{name}, "));
            assert!(run.elapsed < SOON, "{run:?}");
            // The same words when the name is on the way to something else.
            sexton(["check", &format!("http://{name}/")])
                .said(1, &format!("unhealthy: {reason} (http://{name}/, "));
        }
        let run = sexton(["check", "-t", "500ms", "dns:silent.test"]);
        run.said(
            1,
            "unhealthy: timed out resolving silent.test: no answer from 127.0.0.1 (dns:silent.test, ",
        );
        run.took(Duration::from_millis(500));
        let run =
            sexton(["check", "--json", "-t", "300ms", "dns:silent.test", "dns:gone.test", "dns:ill.test"]);
        for word in [r#""outcome":"timeout""#, r#""outcome":"fail""#, r#""phase":"resolve""#] {
            assert!(run.stdout.contains(word), "{word}: {run:?}");
        }
    });
}

#[test]
fn the_search_list_is_gone_through_in_order_and_quickly() {
    in_own_network(|etc| {
        let kubernetes = "nameserver 127.0.0.1\nsearch default.svc.cluster.local svc.cluster.local cluster.local ec2.internal\noptions ndots:5\n";
        etc.resolv_conf(kubernetes);
        let server = NameServer::knowing(
            "127.0.0.1",
            &[("db.other.svc.cluster.local", "10.0.0.1"), ("www.example.test", "10.0.0.2")],
        );
        let run = resolve("db.other");
        run.said(0, "healthy: resolves to 10.0.0.1 (");
        assert_eq!(server.names(), ["db.other.default.svc.cluster.local", "db.other.svc.cluster.local"]);
        let run = resolve("www.example.test");
        run.said(0, "healthy: resolves to 10.0.0.2 (");
        assert!(run.elapsed < SOON, "{run:?}");
        assert_eq!(server.names().len(), 2 + 5);
        resolve("www.example.test.").said(0, "healthy: resolves to 10.0.0.2 (");
        assert_eq!(
            server.names().len(),
            2 + 5,
            "an absolute name is asked for as it is: {:?}",
            server.names()
        );
        resolve("nowhere").said(
            1,
            "unhealthy: no such name: nowhere (NXDOMAIN from 127.0.0.1), nor with 4 search domains (",
        );

        etc.resolv_conf("nameserver 127.0.0.1\nsearch a.test\n");
        let server = (drop(server), NameServer::knowing("127.0.0.1", &[("x.y.a.test", "10.0.0.3")])).1;
        resolve("x.y").said(0, "healthy: resolves to 10.0.0.3 (");
        assert_eq!(server.names(), ["x.y", "x.y.a.test"]);
    });
}

#[test]
fn a_search_domain_that_fails_is_told_beside_the_verdict_on_the_name_itself() {
    in_own_network(|etc| {
        etc.resolv_conf("nameserver 127.0.0.1\nsearch ill.test\noptions ndots:2\n");
        let _server = NameServer::on("127.0.0.1", |query| {
            vec![if query.name.ends_with("ill.test") { query.code(2) } else { query.code(3) }]
        });
        resolve("db").said(
            1,
            "unhealthy: no such name: db (NXDOMAIN from 127.0.0.1), nor with the search domain; \
             SERVFAIL from 127.0.0.1 for db.ill.test (",
        );
    });
}

#[test]
fn loopback_only_asks_no_server_elsewhere_and_takes_no_address_elsewhere() {
    in_own_network(|etc| {
        etc.resolv_conf("nameserver 10.0.0.53\n");
        sexton(["check", "--loopback-only", "dns:db"])
            .said(1, "unhealthy: the name server 10.0.0.53 is not on loopback, and --loopback-only is set (");
        sexton(["check", "--loopback-only", "dns:localhost"]).said(0, "healthy: ");
        etc.resolv_conf("nameserver 127.0.0.11\n");
        let _server = NameServer::knowing("127.0.0.11", &[("here", "127.0.0.9"), ("there", "10.0.0.1")]);
        sexton(["check", "--loopback-only", "dns:here"]).said(0, "healthy: resolves to 127.0.0.9 (");
        sexton(["check", "--loopback-only", "dns:there"])
            .said(1, "unhealthy: 10.0.0.1 is not a loopback address, and --loopback-only is set (");
    });
}

#[test]
fn wait_sees_a_name_that_appears_while_it_waits() {
    in_own_network(|etc| {
        let server = NameServer::knowing("127.0.0.1", &[]);
        let running = Sexton::with(["wait", "-t", "30s", "--interval", "20ms", "dns:db"]).start();
        eventually("it asks for the name", || !server.asked().is_empty());
        etc.hosts("10.0.0.1 db\n");
        let run = running.wait();
        assert_eq!(run.code, Some(0), "{run:?}");
    });
}

#[test]
fn hosts_and_resolv_conf_may_be_anything() {
    in_own_network(|etc| {
        let _server = NameServer::knowing("127.0.0.1", &[("db", "10.0.0.1")]);
        let long = format!("{}\n10.0.0.3 late\n", "0.0.0.0 blocked.example\n".repeat(20_000));
        etc.hosts(&long);
        resolve("late").said(0, "healthy: resolves to 10.0.0.3 (");
        let garbage = "\0\u{fffd}\n nameserver\nnameserver 1.2.3\noptions ndots:x timeout: attempts:-1 :\nsearch\n[x]\n";
        etc.resolv_conf(&garbage.repeat(1000));
        resolve("db").said(0, "healthy: resolves to 10.0.0.1 (");
        for name in ["hosts", "resolv.conf"] {
            fs::remove_file(format!("/etc/{name}")).unwrap();
            // A pipe without a writer must not be waited for, and a folder is no file.
            nix::unistd::mkfifo(format!("/etc/{name}").as_str(), nix::sys::stat::Mode::S_IRWXU).unwrap();
            resolve("db").said(0, "healthy: resolves to 10.0.0.1 (");
            fs::remove_file(format!("/etc/{name}")).unwrap();
            fs::create_dir(format!("/etc/{name}")).unwrap();
            resolve("db").said(0, "healthy: resolves to 10.0.0.1 (");
        }
    });
}

#[test]
fn a_target_that_is_no_name_is_refused() {
    for (target, message) in [
        ("dns:", "dns:: no host"),
        ("dns:127.0.0.1", "dns:127.0.0.1: 127.0.0.1 is an address, which needs no resolving"),
        ("dns:db:53", "dns:db:53: invalid host name `db:53`"),
        ("dns://db/", "dns://db/: invalid host name `db/`"),
    ] {
        sexton(["check", target]).refused(message);
    }
}
