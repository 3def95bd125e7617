//! Names with several addresses, of which some refuse, some are silent and some cannot be reached.

use std::fs;
use std::net::TcpStream;
use std::time::Duration;

use nix::sys::socket::SockaddrIn;

use super::SOON;
use crate::support::network::{has_ipv6, in_own_network};
use crate::support::servers::{Busy, OK, Server};
use crate::support::sexton;

#[test]
fn localhost_is_tried_at_both_its_addresses() {
    in_own_network(|_| {
        if !has_ipv6() {
            return;
        }
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let server = Server::on(address, |client| {
                client.read_head();
                client.send(OK.as_bytes());
                client.close();
            });
            let port = server.port();
            sexton(["check", &format!("http://localhost:{port}/")]).said(0, "healthy: status 200");
            sexton(["check", &format!("tcp://localhost:{port}")]).said(0, "healthy: accepts connections");
        }
        sexton(["check", "tcp://localhost:7"])
            .said(1, "unhealthy: connection refused at [::1]:7, connection refused at 127.0.0.1:7 (");
    });
}

#[test]
fn a_black_holed_address_leaves_time_for_the_others() {
    in_own_network(|etc| {
        etc.hosts("127.0.0.2 db\n127.0.0.3 db\n127.0.0.4 db\n127.0.0.5 db\n");
        let _holes = [2, 3, 4].map(|last| Busy::on(SockaddrIn::new(127, 0, 0, last, 7000)));
        let hole = sexton(["check", "-t", "500ms", "tcp://db:7000"]);
        hole.said(1, "unhealthy: timed out connecting to 127.0.0.2:7000, 127.0.0.3:7000, 127.0.0.4:7000; connection refused at 127.0.0.5:7000 (");
        hole.took(Duration::from_millis(500));
        let _server = Server::on("127.0.0.5:7000", |client| {
            client.read_head();
            client.send(OK.as_bytes());
            client.close();
        });
        let run = sexton(["check", "http://db:7000/"]);
        run.said(0, "healthy: status 200 (");
        assert!(run.elapsed < SOON, "{run:?}");
        sexton(["check", "-t", "600ms", "http://db:7000/"]).said(0, "healthy: status 200 (");
    });
}

#[test]
fn the_reason_leads_with_the_address_that_says_most() {
    in_own_network(|etc| {
        if !has_ipv6() {
            return;
        }
        etc.hosts("fd00::5 db\n127.0.0.9 db\nfd00::6 db\n");
        sexton(["check", "tcp://db:7"]).said(
            1,
            "unhealthy: connection refused at 127.0.0.9:7, network is unreachable at [fd00::5]:7, \
             network is unreachable at [fd00::6]:7 (",
        );
        let hosts: Vec<_> = (1..=40).map(|last| format!("127.1.1.{last} many")).collect();
        etc.hosts(&hosts.join("\n"));
        sexton(["check", "tcp://many:7"]).said(
            1,
            "unhealthy: connection refused at 127.1.1.1:7, connection refused at 127.1.1.2:7, \
             connection refused at 127.1.1.3:7 and 29 more (",
        );
    });
}

#[test]
fn a_connection_with_itself_is_no_server() {
    in_own_network(|_| {
        // With one port to choose from, the kernel connects to it from it. Another each time, since it then rests.
        let only = |port: u16| {
            fs::write("/proc/sys/net/ipv4/ip_local_port_range", format!("{port} {port}")).unwrap();
            format!("127.0.0.1:{port}")
        };
        let control = TcpStream::connect(only(40_000)).expect("the trap works");
        assert_eq!(control.local_addr().unwrap(), control.peer_addr().unwrap());
        for (port, scheme) in [(40_001, "tcp"), (40_002, "http")] {
            let place = only(port);
            sexton(["check", &format!("{scheme}://{place}/")])
                .said(1, &format!("unhealthy: connection refused at {place} ("));
        }
    });
}
