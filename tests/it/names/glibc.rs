//! Names beside glibc: the addresses that `getent ahosts` has are those that `dns:` has, whatever the configuration.

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::process::Command;

use super::resolve;
use crate::support::network::{Etc, NameServer, has_ipv6, in_own_network, ip};
use crate::support::peers::{Peer, Recipe, program};

/// What glibc has for `name`: each address once.
fn glibc(name: &str) -> BTreeSet<String> {
    let getent = Command::new("getent").args(["ahosts", name]).output().expect("getent comes with glibc");
    let text = String::from_utf8_lossy(&getent.stdout).into_owned();
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// What we have for `name`: as many addresses as are shown, and how many there are.
fn ours(name: &str) -> (BTreeSet<String>, usize) {
    let run = resolve(name);
    let Some(shown) =
        run.stdout.strip_prefix("healthy: resolves to ").and_then(|rest| rest.split(" (").next())
    else {
        assert_eq!(run.code, Some(1), "{run:?}");
        return (BTreeSet::new(), 0);
    };
    let (shown, more) = shown.split_once(" and ").unwrap_or((shown, "0 more"));
    let more: usize = more.trim_end_matches(" more").parse().expect("a number");
    let shown: BTreeSet<_> = shown.split(", ").map(str::to_owned).collect();
    let all = shown.len() + more;
    (shown, all)
}

/// Compares both for each of `names`, and says whether they exist.
#[track_caller]
fn compare(what: &str, names: &[(&str, bool)]) {
    for &(name, exists) in names {
        let (theirs, (shown, all)) = (glibc(name), ours(name));
        assert_eq!(!theirs.is_empty(), exists, "{what}: {name} by glibc: {theirs:?}");
        assert!(
            shown.is_subset(&theirs) && all == theirs.len(),
            "{what}: {name}: {shown:?}, {all}; {theirs:?}"
        );
    }
}

/// dnsmasq on 127.0.0.1, which knows the zone `test`.
fn dnsmasq() -> Option<Peer> {
    let dnsmasq = program("dnsmasq", "dnsmasq-base")?;
    let many: Vec<_> = (1..=31).map(|last| format!("10.1.0.{last} big.test\n")).collect();
    let names = "10.0.0.1 db.test\nfd00::1 db.test\nfd00::2 six.test\n10.0.0.3 four.test\n10.0.0.4 db.sub.test\n\
                 10.0.0.5 under_score.test\n10.0.0.6 xn--mnchen-3ya.test\n";
    let server = Recipe::new(&dnsmasq, None).file("names", [names, &many.concat()].concat());
    let names = server.folder().join("names");
    let chain = (1..=12).map(|number| match number {
        1 => "--cname=a1.test,db.test".to_owned(),
        _ => format!("--cname=a{number}.test,a{}.test", number - 1),
    });
    let server = server
        .args(["--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--user=root", "--no-resolv"])
        .args(["--no-hosts", "--listen-address=127.0.0.1", "--bind-interfaces", "--local=/test/"])
        .args(["--cname=nowhere.test,gone.test", "--edns-packet-max=512"])
        .args(chain)
        .args([format!("--addn-hosts={}", names.display())]);
    Some(server.start().until("it listens", |_| UdpSocket::bind("127.0.0.1:53").is_err()))
}

/// An address outside of loopback of both families, without which glibc leaves a family out.
fn configure(etc: &Etc) {
    ip("address add 10.99.0.1/32 dev lo");
    ip("address add fd00:99::1/128 dev lo");
    etc.write("nsswitch.conf", "hosts: files dns\n");
    // All lines of the hosts file, as Debian's package base-files has it.
    etc.write("host.conf", "multi on\n");
}

#[test]
fn names_have_the_addresses_that_glibc_has() {
    in_own_network(|etc| {
        if !has_ipv6() {
            return;
        }
        configure(etc);
        let Some(_dnsmasq) = dnsmasq() else { return };
        let whole = [
            ("db.test", true),
            ("DB.Test", true),
            ("db.test.", true),
            ("six.test", true),
            ("four.test", true),
            ("under_score.test", true),
            ("xn--mnchen-3ya.test", true),
            // 31 of them come over TCP.
            ("big.test", true),
            ("a1.test", true),
            ("a9.test", true),
            ("gone.test", false),
            ("nowhere.test", false),
            ("db", false),
        ];
        etc.resolv_conf("nameserver 127.0.0.1\n");
        compare("one server", &whole);
        etc.resolv_conf("nameserver 127.0.0.1\noptions use-vc\n");
        compare("over TCP", &whole);
        etc.resolv_conf("nameserver 127.0.0.1\noptions no-aaaa\n");
        compare("no AAAA", &[("db.test", true), ("six.test", false), ("four.test", true)]);

        etc.resolv_conf("nameserver 127.0.0.1\nsearch none.test sub.test test\n");
        compare(
            "a search list",
            &[
                ("db", true),
                ("db.", false),
                ("six", true),
                ("a2", true),
                ("db.test", true),
                ("db.test.", true),
                ("db.sub", true),
                ("gone", false),
            ],
        );
        etc.resolv_conf("nameserver 127.0.0.1\nsearch a.svc.test svc.test test\noptions ndots:5\n");
        compare("Kubernetes'", &[("db", true), ("db.sub", true), ("db.sub.test", true), ("gone.x.y", false)]);
        etc.resolv_conf("nameserver 127.0.0.1\nsearch test\noptions ndots:0\n");
        compare("ndots:0", &[("db", true), ("db.sub", true)]);
        etc.resolv_conf("nameserver 127.0.0.1\nsearch nowhere.test\ndomain test\n");
        compare("domain", &[("db", true), ("gone", false)]);
        etc.resolv_conf("nameserver 127.0.0.1\nsearch .\n");
        compare("the root", &[("db.test", true), ("db", false)]);
    });
}

#[test]
fn servers_that_are_down_or_refuse_cost_no_address_that_glibc_has() {
    in_own_network(|etc| {
        if !has_ipv6() {
            return;
        }
        configure(etc);
        let Some(_dnsmasq) = dnsmasq() else { return };
        let _silent = UdpSocket::bind("127.0.0.8:53").expect("it is free");
        let always = |address: &str, code: u8| NameServer::on(address, move |query| vec![query.code(code)]);
        let (_ill, _unknowing, _refusing) =
            (always("127.0.0.2", 2), always("127.0.0.3", 3), always("127.0.0.5", 5));
        let names = [("db.test", true), ("six.test", true), ("a3.test", true), ("gone.test", false)];
        for (what, first) in [("nobody listens", 9), ("it stays silent", 8), ("SERVFAIL", 2), ("REFUSED", 5)]
        {
            etc.resolv_conf(&format!(
                "nameserver 127.0.0.{first}\nnameserver 127.0.0.1\noptions timeout:1\n"
            ));
            compare(what, &names);
        }
        // A name that does not exist does not, whatever a second server would say.
        etc.resolv_conf("nameserver 127.0.0.3\nnameserver 127.0.0.1\n");
        compare("NXDOMAIN", &[("db.test", false)]);
        // A domain whose server fails is passed over.
        let _choosy = NameServer::on("127.0.0.4", |query| match query.name.as_str() {
            "db.test" => vec![query.answer(&[("db.test", "10.0.0.1"), ("db.test", "fd00::1")])],
            name if name.ends_with("ill.example") => vec![query.code(2)],
            _ => vec![query.code(3)],
        });
        etc.resolv_conf("nameserver 127.0.0.4\nsearch ill.example test\n");
        compare("a domain that fails", &[("db", true), ("gone", false)]);
    });
}

#[test]
fn the_hosts_file_has_the_addresses_that_glibc_takes_from_it() {
    in_own_network(|etc| {
        if !has_ipv6() {
            return;
        }
        configure(etc);
        let Some(_dnsmasq) = dnsmasq() else { return };
        etc.resolv_conf("nameserver 127.0.0.1\nsearch test\n");
        etc.hosts(
            "# comment\n\n127.0.0.1\tlocalhost\n::1 localhost ip6-localhost\n10.2.0.1 two lines # both\n10.2.0.2 two\n\
             fd00:2::1 two\n10.2.0.3 db.test db\nfe80::9%lo zoned\nnonsense bad\n10.2.0.4\n10.2.0.5 ALIAS Other\n",
        );
        compare(
            "hosts",
            &[
                ("localhost", true),
                ("ip6-localhost", true),
                ("two", true),
                ("lines", true),
                // What the file has, DNS is not asked for.
                ("db", true),
                ("db.test", true),
                ("six.test", true),
                ("bad", false),
                ("alias", true),
                ("OTHER", true),
            ],
        );
        // On purpose: the commonest name needs no file (RFC 6761, 6.3), and glibc asks DNS.
        etc.hosts("");
        assert!(glibc("localhost").is_empty());
        assert_eq!(ours("localhost").1, 2);
    });
}
