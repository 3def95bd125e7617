//! dnsmasq as the name server, of the package dnsmasq-base.

use std::net::UdpSocket;

use super::resolve;
use crate::support::network::in_own_network;
use crate::support::peers::{Recipe, program};
use crate::support::sexton;

#[test]
fn dnsmasq_is_asked_over_udp_and_tcp_and_along_the_search_list() {
    in_own_network(|etc| {
        let Some(dnsmasq) = program("dnsmasq", "dnsmasq-base") else { return };
        let many: Vec<_> = (1..=60).map(|last| format!("10.1.0.{last} big.test\n")).collect();
        let names = "10.0.0.1 db.test\nfd00::1 db.test\nfd00::2 six.test\n10.0.0.3 four.test\n";
        let server = Recipe::new(&dnsmasq, None).file("names", [names, &many.concat()].concat());
        let names = server.folder().join("names");
        let _server = server
            .args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--pid-file=",
                "--user=root",
                "--no-resolv",
            ])
            .args(["--no-hosts", "--listen-address=127.0.0.1", "--bind-interfaces", "--local=/test/"])
            .args(["--cname=alias.test,db.test", "--address=/blocked.test/", "--edns-packet-max=512"])
            .args([format!("--addn-hosts={}", names.display())])
            .start()
            .until("it listens", |_| UdpSocket::bind("127.0.0.1:53").is_err());
        etc.resolv_conf("nameserver 127.0.0.1\nsearch nowhere.test test\n");
        for (name, code, line) in [
            ("db.test", 0, "healthy: resolves to 10.0.0.1, fd00::1 ("),
            ("db", 0, "healthy: resolves to 10.0.0.1, fd00::1 ("),
            ("alias", 0, "healthy: resolves to 10.0.0.1, fd00::1 ("),
            ("six.test", 0, "healthy: resolves to fd00::2 ("),
            ("gone.test.", 1, "unhealthy: no such name: gone.test (NXDOMAIN from 127.0.0.1) ("),
            ("blocked.test.", 1, "unhealthy: no such name: blocked.test (NXDOMAIN from 127.0.0.1) ("),
            // Not its zone, and nobody to ask.
            ("elsewhere.example.", 1, "unhealthy: REFUSED from 127.0.0.1 for elsewhere.example ("),
        ] {
            resolve(name).said(code, line);
        }
        let big = resolve("big.test");
        big.said(0, "healthy: resolves to 10.1.0.");
        assert!(big.stdout.contains(" and 24 more ("), "32 of 60, and all of them over TCP: {big:?}");
        sexton(["check", "-6", "dns:four.test"])
            .said(1, "unhealthy: four.test exists without an AAAA record, says 127.0.0.1, nor with");
    });
}
