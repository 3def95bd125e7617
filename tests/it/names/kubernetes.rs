//! Name servers that are down beside one that is not, as a pod sees them; and name servers that a target names.

use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::resolve;
use crate::support::network::{NameServer, has_ipv6, in_own_network, ip};
use crate::support::sexton;

/// What the kubelet writes.
const RESOLV_CONF: &str = "nameserver 127.0.0.1\nnameserver 127.0.0.2\n\
                           search default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n";

#[test]
fn a_dead_name_server_costs_its_time_once_for_all_search_domains() {
    in_own_network(|etc| {
        etc.resolv_conf(RESOLV_CONF);
        let _silent = UdpSocket::bind("127.0.0.1:53").unwrap();
        let server = NameServer::knowing("127.0.0.2", &[("db.example.test", "10.0.0.1")]);
        let run = resolve("db.example.test");
        run.said(0, "healthy: resolves to 10.0.0.1 (dns:db.example.test, ");
        // A share of 4 s and the answers; it was one for each of four names.
        assert!(run.elapsed < Duration::from_millis(1600), "{run:?}");
        let names: Vec<_> = server.asked().into_iter().map(|query| query.name).collect();
        assert!(names.contains(&"db.example.test.default.svc.cluster.local".to_owned()), "{names:?}");
    });
}

#[test]
fn and_once_for_all_targets_that_are_asked_again_and_again() {
    in_own_network(|etc| {
        etc.resolv_conf("nameserver 127.0.0.1\nnameserver 127.0.0.2\n");
        let _silent = UdpSocket::bind("127.0.0.1:53").unwrap();
        let server = NameServer::knowing("127.0.0.2", &[("db", "127.0.0.1")]);
        // Nobody listens: each try resolves the name anew.
        let run =
            sexton(["wait", "-t", "4s", "--interval", "100ms", "--attempt-timeout", "3s", "tcp://db:9"]);
        // Both families, at each try.
        let tries = server.asked().len() / 2;
        assert!(run.code == Some(124) && tries >= 10, "{tries}: {run:?}");
    });
}

#[test]
fn a_chain_of_aliases_is_followed_as_far_as_it_goes() {
    in_own_network(|_| {
        let _server = NameServer::on("127.0.0.1", |query| {
            let names: Vec<_> = (0..25).map(|at| format!("n{at}.test")).collect();
            let mut chain: Vec<_> = names.windows(2).map(|two| (two[0].as_str(), two[1].as_str())).collect();
            chain.push(("n24.test", "10.0.0.1"));
            vec![query.answer(&chain)]
        });
        resolve("n0.test").said(0, "healthy: resolves to 10.0.0.1 (");
    });
}

#[test]
fn a_resolv_conf_that_cannot_be_read_is_told() {
    in_own_network(|etc| {
        etc.resolv_conf("nameserver 127.0.0.1\n");
        std::fs::set_permissions("/etc/resolv.conf", std::fs::Permissions::from_mode(0o000)).unwrap();
        let folder = crate::support::temp::Folder::new();
        let program = folder.join("sexton");
        crate::support::temp::copy(&crate::support::program::binary(), &program);
        let run = crate::support::Sexton::with(["check", "dns:db"])
            .at(program)
            .under(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
            .run();
        run.said(1, "unhealthy: no name server for db: connection refused at 127.0.0.1:53; /etc/resolv.conf cannot be read (");
    });
}

#[test]
fn a_target_may_name_its_server_and_the_type() {
    in_own_network(|etc| {
        etc.hosts("10.9.9.9 db.test\n127.0.0.3 ns\n");
        let _server = NameServer::knowing(
            "127.0.0.3",
            &[("db.test", "10.0.0.1"), ("db.test", "fd00::1"), ("four", "10.0.0.4")],
        );
        resolve("db.test").said(0, "healthy: resolves to 10.9.9.9 (dns:db.test, ");
        for at in ["@127.0.0.3", "@127.0.0.3:53", "@ns"] {
            let target = format!("db.test{at}");
            resolve(&target).said(0, &format!("healthy: resolves to 10.0.0.1, fd00::1 (dns:{target}, "));
        }
        resolve("db.test@ns?type=AAAA").said(0, "healthy: resolves to fd00::1 (");
        resolve("db.test@ns?type=A").said(0, "healthy: resolves to 10.0.0.1 (");
        resolve("four@ns?type=AAAA")
            .said(1, "unhealthy: four exists without an AAAA record, says 127.0.0.3 (");
        resolve("gone@ns").said(1, "unhealthy: no such name: gone (NXDOMAIN from 127.0.0.3) (");
        resolve("db.test@ns:54")
            .said(1, "unhealthy: no name server for db.test: connection refused at 127.0.0.3:54 (");
        resolve("db.test@ns?type=MX")
            .refused("dns:db.test@ns?type=MX: `?type=MX`, where ?type=A or ?type=AAAA can be");
    });
}

#[test]
fn a_link_local_address_has_its_interface() {
    in_own_network(|_| {
        if !has_ipv6() {
            return;
        }
        ip("link add veth0 type veth peer name veth1");
        ip("link set veth1 up");
        ip("link set veth0 up");
        ip("addr add fe80::5/64 dev veth0 nodad");
        let index = nix::net::if_::if_nametoindex("veth0").unwrap();
        let place = std::net::SocketAddrV6::new("fe80::5".parse().unwrap(), 8080, 0, index);
        let _listener = TcpListener::bind(place).unwrap();
        for zone in ["%veth0", "%25veth0"] {
            let run = sexton(["check", &format!("tcp://[fe80::5{zone}]:8080")]);
            run.said(0, "healthy: accepts connections (tcp://[fe80::5%");
        }
        sexton(["check", "tcp://[fe80::5%nope]:8080"])
            .said(1, "unhealthy: no network interface `nope` for fe80::5%nope (");
        sexton(["check", "tcp://[fd00::5%veth0]:8080"])
            .refused("tcp://[fd00::5%veth0]:8080: `fd00::5%veth0` is not a link-local address with an interface, as fe80::1%eth0 is");
    });
}
