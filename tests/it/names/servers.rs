//! Name servers that are down, slow, lossy, hostile or only halfway there.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::{SOON, resolve};
use crate::support::network::{NameServer, Query, in_own_network};
use crate::support::sexton;

#[test]
fn a_resolver_that_never_answers_is_given_up_at_the_limit_whatever_the_target() {
    in_own_network(|etc| {
        etc.resolv_conf("search a.test b.test\noptions ndots:5 timeout:1 attempts:5\nnameserver 127.0.0.1\nnameserver 127.0.0.2\n");
        // Bound, so that nothing is refused, and read by nobody.
        let _silent = [UdpSocket::bind("127.0.0.1:53").unwrap(), UdpSocket::bind("127.0.0.2:53").unwrap()];
        for target in ["dns:db", "tcp://db:5432", "http://db/", "https://db/"] {
            let run = sexton(["check", "-t", "400ms", target]);
            run.said(1, "unhealthy: timed out resolving db.a.test: no answer from 127.0.0.1, no answer from 127.0.0.2 (");
            run.took(Duration::from_millis(400));
        }
    });
}

#[test]
fn resolv_conf_may_give_up_before_the_limit_does() {
    in_own_network(|etc| {
        etc.resolv_conf("options timeout:1 attempts:1\nnameserver 127.0.0.1\n");
        let _silent = UdpSocket::bind("127.0.0.1:53").unwrap();
        let run = sexton(["check", "-t", "30s", "dns:db"]);
        run.said(1, "unhealthy: timed out resolving db: no answer from 127.0.0.1 (");
        run.took(Duration::from_secs(1));
    });
}

#[test]
fn what_is_no_answer_is_passed_over_until_one_comes() {
    in_own_network(|_| {
        let forged = |query: &Query| {
            let lie = query.answer(&[(query.name.as_str(), "10.6.6.6"), (query.name.as_str(), "fd00::666")]);
            let mut other_id = lie.clone();
            other_id[0] ^= 0x55;
            let mut other_name = lie.clone();
            other_name[13] ^= 0x01;
            let mut a_question = lie.clone();
            a_question[2] &= 0x7f;
            let mut counts = lie.clone();
            counts[4..12].fill(0xff);
            vec![b"".to_vec(), b"garbage".to_vec(), vec![0xc0; 512], other_id, other_name, a_question, counts]
        };
        let _server = NameServer::on("127.0.0.1", move |query| {
            let mut messages = forged(query);
            if query.name == "db" {
                messages.push(query.answer(&[("db", "10.0.0.1"), ("db", "fd00::1")]));
            }
            messages
        });
        resolve("db").said(0, "healthy: resolves to 10.0.0.1, fd00::1 (");
        let run = sexton(["check", "-t", "400ms", "dns:lies"]);
        run.said(1, "unhealthy: timed out resolving lies: no usable answer from 127.0.0.1; there is");
        run.took(Duration::from_millis(400));
    });
}

#[test]
fn a_flood_of_garbage_does_not_stop_the_clock() {
    in_own_network(|_| {
        let _server = NameServer::on("127.0.0.1", |_| vec![vec![0xff; 16]; 100_000]);
        let run = sexton(["check", "-t", "400ms", "dns:db"]);
        assert_eq!(run.code, Some(1), "{run:?}");
        run.took(Duration::from_millis(400));
    });
}

#[test]
fn an_answer_from_elsewhere_is_not_heard() {
    in_own_network(|etc| {
        etc.resolv_conf("nameserver 127.0.0.1\n");
        let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
        let other = UdpSocket::bind("127.0.0.2:53").unwrap();
        let forger = thread::spawn(move || {
            let mut buffer = [0; 512];
            let (amount, client) = socket.recv_from(&mut buffer).unwrap();
            // All of it right, but for the sender.
            let mut message = buffer[..amount].to_vec();
            message[2] |= 0x80;
            message[7] = 1;
            message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 10, 6, 6, 6]);
            other.send_to(&message, client).unwrap();
            (socket, message, client)
        });
        let run = sexton(["check", "-4", "-t", "400ms", "dns:db"]);
        run.said(1, "unhealthy: timed out resolving db: no answer from 127.0.0.1 (");
        run.took(Duration::from_millis(400));
        forger.join().unwrap();
    });
}

#[test]
fn what_does_not_fit_into_a_datagram_comes_over_tcp() {
    in_own_network(|etc| {
        let many: Vec<String> = (1..=60).map(|last| format!("10.0.0.{last}")).collect();
        let server = NameServer::on("127.0.0.1", move |query| {
            let records: Vec<_> = many.iter().map(|address| ("big", address.as_str())).collect();
            vec![if query.over == "udp" { query.truncated(&[]) } else { query.answer(&records) }]
        });
        resolve("big").said(0, "healthy: resolves to 10.0.0.1, 10.0.0.2, 10.0.0.3, ");
        assert!(server.asked().iter().any(|query| query.over == "tcp"));
        drop(server);

        // No TCP, but a part of the answer.
        let server =
            NameServer::on_udp_only("127.0.0.1", |query| vec![query.truncated(&[("big", "10.0.0.7")])]);
        sexton(["check", "-4", "dns:big"]).said(0, "healthy: resolves to 10.0.0.7 (");
        drop(server);

        // No TCP, and nothing; then the next server.
        let _first = NameServer::on_udp_only("127.0.0.1", |query| vec![query.truncated(&[])]);
        resolve("big").said(1, "unhealthy: timed out resolving big: no answer over TCP from 127.0.0.1");
        etc.resolv_conf("nameserver 127.0.0.1\nnameserver 127.0.0.2\n");
        let _second = NameServer::knowing("127.0.0.2", &[("big", "10.0.0.8")]);
        resolve("big").said(0, "healthy: resolves to 10.0.0.8 (");
    });
}

#[test]
fn use_vc_asks_over_tcp_only() {
    in_own_network(|etc| {
        etc.resolv_conf("nameserver 127.0.0.1\noptions use-vc\n");
        let server = NameServer::knowing("127.0.0.1", &[("db", "10.0.0.1")]);
        resolve("db").said(0, "healthy: resolves to 10.0.0.1 (");
        assert!(server.asked().iter().all(|query| query.over == "tcp"), "{:?}", server.asked());
    });
}

#[test]
fn a_tcp_server_that_never_answers_or_lies_about_the_length_does_not_stop_the_clock() {
    in_own_network(|_| {
        let _server = NameServer::on("127.0.0.1", |query| match (query.over, query.name.as_str()) {
            ("udp", _) => vec![query.truncated(&[])],
            (_, "short") => vec![query.answer(&[])[..20].to_vec()],
            _ => vec![],
        });
        for name in ["silent", "short"] {
            let run = sexton(["check", "-t", "500ms", &format!("dns:{name}")]);
            run.said(1, &format!("unhealthy: timed out resolving {name}: no "));
            assert!(run.elapsed < Duration::from_millis(1500), "{run:?}");
        }
    });
}

#[test]
fn aliases_are_followed() {
    in_own_network(|_| {
        let _server = NameServer::on("127.0.0.1", |query| {
            vec![query.answer(&[
                ("db", "a.test"),
                ("a.test", "b.test"),
                ("b.test", "10.0.0.1"),
                ("b.test", "fd00::1"),
            ])]
        });
        resolve("db").said(0, "healthy: resolves to 10.0.0.1, fd00::1 (");
    });
}

#[test]
fn a_first_server_that_is_down_leaves_time_for_the_second() {
    in_own_network(|etc| {
        etc.resolv_conf(
            "nameserver 127.0.0.1\nnameserver 127.0.0.2\nnameserver 127.0.0.3\nnameserver 127.0.0.4\n",
        );
        let second = NameServer::knowing("127.0.0.2", &[("db", "10.0.0.1")]);
        let refused = resolve("db");
        refused.said(0, "healthy: resolves to 10.0.0.1 (");
        {
            let _silent = UdpSocket::bind("127.0.0.1:53").unwrap();
            let run = resolve("db");
            run.said(0, "healthy: resolves to 10.0.0.1 (");
            assert!(run.elapsed < SOON, "{run:?}");
            sexton(["check", "-t", "600ms", "dns:db"]).said(0, "healthy: resolves to 10.0.0.1 (");
        }
        for code in [2, 4, 5] {
            let first = NameServer::on("127.0.0.1", move |query| vec![query.code(code)]);
            resolve("db").said(0, "healthy: resolves to 10.0.0.1 (");
            assert_eq!(first.names(), ["db"]);
        }
        // What exists is no matter of opinion: the first server that knows decides.
        let asked = second.asked().len();
        let first = NameServer::on("127.0.0.1", |query| vec![query.code(3)]);
        resolve("db").said(1, "unhealthy: no such name: db (NXDOMAIN from 127.0.0.1) (");
        assert_eq!(second.asked().len(), asked);
        drop(second);
        // The fourth is one too many.
        let _fourth = NameServer::knowing("127.0.0.4", &[("db", "10.0.0.1")]);
        drop(first);
        resolve("db").said(
            1,
            "unhealthy: no name server for db: connection refused at 127.0.0.1:53, \
             connection refused at 127.0.0.2:53, connection refused at 127.0.0.3:53 (",
        );
    });
}

#[test]
fn a_lost_datagram_is_asked_for_again() {
    in_own_network(|_| {
        let count = AtomicUsize::new(0);
        let server = NameServer::on("127.0.0.1", move |query| {
            let number = count.fetch_add(1, Ordering::SeqCst);
            if number < 2 { vec![] } else { vec![query.answer(&[("db", "10.0.0.1"), ("db", "fd00::1")])] }
        });
        let run = resolve("db");
        run.said(0, "healthy: resolves to 10.0.0.1, fd00::1 (");
        assert!(run.elapsed < SOON, "{run:?}");
        assert_eq!(server.asked().len(), 4);
    });
}

#[test]
fn one_family_does_not_wait_long_for_the_other() {
    in_own_network(|_| {
        for (silent, known, shown) in [("AAAA", "10.0.0.1", "10.0.0.1"), ("A", "fd00::1", "fd00::1")] {
            let server = NameServer::on("127.0.0.1", move |query| {
                if query.kind == silent { vec![] } else { vec![query.answer(&[("db", known)])] }
            });
            let run = resolve("db");
            run.said(0, &format!("healthy: resolves to {shown} ("));
            assert!(run.elapsed < SOON, "{run:?}");
            assert_eq!(server.asked().len(), 2);
        }
        // A server that fails on one family still knows the other.
        let _server = NameServer::on("127.0.0.1", |query| {
            vec![if query.kind == "AAAA" { query.code(2) } else { query.answer(&[("db", "10.0.0.1")]) }]
        });
        resolve("db").said(0, "healthy: resolves to 10.0.0.1 (");
    });
}
