//! https beside curl: each row is asked of sexton and of curl, of a server by OpenSSL or one of ours.

use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

use rcgen::{BasicConstraints, CertificateParams, GeneralSubtree, IsCa, NameConstraints, date_time_ymd};

use crate::support::servers::{OK, Server};
use crate::support::temp::Folder;
use crate::support::tls::{Authority, Identity, answering, file};
use crate::support::{Sexton, eventually, sexton};

/// Nothing to change.
fn as_it_is(_: &mut CertificateParams) {}

/// curl's exit code for `url`.
fn curl(options: &[&str], url: &str) -> i32 {
    let mut command = Command::new("curl");
    command.args(["-s", "-o", "/dev/null", "-m", "10"]).args(options).arg(url);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .status()
        .expect("curl is installed")
        .code()
        .expect("no signal")
}

/// `openssl` with `args`, in `folder`.
fn openssl(folder: &Folder, args: &str) {
    let done =
        Command::new("openssl").args(args.split(' ')).current_dir(folder.path()).output().expect("openssl");
    assert!(done.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&done.stderr));
}

/// `openssl s_server -www`, over when dropped.
struct OpenSsl {
    child: Child,
    port: u16,
}

impl OpenSsl {
    /// With `cert.pem` and `key.pem` of `folder`.
    fn new(folder: &Folder, options: &[&str]) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("openssl")
            .args(["s_server", "-www", "-quiet", "-cert", "cert.pem", "-key", "key.pem", "-accept"])
            .arg(format!("127.0.0.1:{port}"))
            .args(options)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl is installed");
        eventually("it listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { child, port }
    }

    fn url(&self) -> String {
        format!("https://127.0.0.1:{}/", self.port)
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_expired_authority_is_not_trusted_and_min_validity_counts_for_it() {
    let expired = Authority::with("Old CA", |params| {
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 2, 29);
    });
    let folder = Folder::new();
    let ca = file(&folder, "old.pem", expired.pem());
    let server = answering(expired.issue(&["127.0.0.1"], as_it_is).config(), OK);
    let url = format!("https://{}/", server.address());
    sexton(["check", "--cacert", &ca, &url]).said(
        1,
        &format!(
            "unhealthy: the CA certificate \"Old CA\" of --cacert {ca} expired on 2020-02-29T00:00:00Z; renew it ("
        ),
    );
    assert_eq!(curl(&["--cacert", &ca], &url), 60);

    let soon = Authority::with("Soon CA", |params| {
        params.not_after = (SystemTime::now() + std::time::Duration::from_secs(3 * 24 * 3600 + 60)).into();
    });
    let ca = file(&folder, "soon.pem", soon.pem());
    let server = answering(soon.issue(&["127.0.0.1"], as_it_is).config(), OK);
    let url = format!("https://{}/", server.address());
    sexton(["check", "--cacert", &ca, "--min-validity", "2d", &url]).said(0, "healthy: ");
    sexton(["check", "--cacert", &ca, "--min-validity", "7d", &url])
        .said(1, &format!("unhealthy: the CA certificate \"Soon CA\" of --cacert {ca} expires in 3 days ("));
    // A renewed authority of the same name and key beside it is enough.
    let both = file(&folder, "both.pem", soon.pem() + &soon.renewed());
    sexton(["check", "--cacert", &both, "--min-validity", "7d", &url]).said(0, "healthy: ");
}

#[test]
fn the_environment_names_the_trusted_certificates_and_the_option_is_stronger() {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let folder = Folder::new();
    let (good, bad) = (file(&folder, "good.pem", ours.pem()), file(&folder, "bad.pem", other.pem()));
    let server = answering(ours.issue(&["127.0.0.1"], as_it_is).config(), OK);
    let url = format!("https://{}/", server.address());
    let with = |variable: &str, value: &str, args: &[&str]| {
        Sexton::with([args, &[&url]].concat()).env(variable, value).run()
    };
    with("SSL_CERT_FILE", &good, &["check"]).said(0, "healthy: ");
    with("SSL_CERT_FILE", "", &["check"])
        .said(1, "unhealthy: the certificate is signed by an unknown authority, ");
    with("SSL_CERT_FILE", &bad, &["check"]).said(
        1,
        &format!("unhealthy: the certificate is not signed by an authority of SSL_CERT_FILE {bad} ("),
    );
    with("SSL_CERT_FILE", "/nope.pem", &["check"])
        .said(1, "unhealthy: SSL_CERT_FILE /nope.pem: no such file (");
    with("SSL_CERT_FILE", &bad, &["check", "--cacert", &good]).said(0, "healthy: ");
    with("SSL_CERT_FILE", &good, &["check", "--cacert", &bad]).said(1, "unhealthy: ");
    assert_eq!(with("SSL_CERT_FILE", &good, &["wait", "-t", "5s"]).code, Some(0));
    with("CURL_CA_BUNDLE", &good, &["check"]).said(1, "unhealthy: ");
    for (variable, value, code) in
        [("CURL_CA_BUNDLE", &good, 0), ("SSL_CERT_FILE", &good, 0), ("CURL_CA_BUNDLE", &bad, 60)]
    {
        let named = folder.join("curl");
        if !named.exists() {
            std::os::unix::fs::symlink(crate::support::program::binary(), &named).unwrap();
        }
        let run = Sexton::with(["-sS", &url]).at(named).env(variable, value).run();
        assert_eq!(run.code, Some(code), "{variable}: {run:?}");
        let mut curl = Command::new("curl");
        curl.env_clear().env("PATH", "/usr/bin:/bin").env(variable, value);
        let theirs = curl.args(["-s", "-o", "/dev/null", &url]).status();
        assert_eq!(theirs.unwrap().code(), Some(code), "curl with {variable}");
    }
}

#[test]
fn insecure_accepts_what_cannot_be_verified_and_else_it_is_named() {
    let kinds = [
        (
            "ecparam -name secp521r1 -genkey -noout -out key.pem",
            "",
            "the peer refused the TLS handshake (handshake",
        ),
        (
            "genrsa -out key.pem 1024",
            "",
            "the certificate is of a kind that is not supported: its key is RSA with 1024",
        ),
        (
            "genrsa -out key.pem 2048",
            "v1",
            "the certificate is of a kind that is not supported: it is of X.509 ver",
        ),
    ];
    for (key, version, why) in kinds {
        let folder = Folder::new();
        file(&folder, "ext", "subjectAltName=IP:127.0.0.1\n");
        openssl(&folder, "ecparam -name prime256v1 -genkey -noout -out ca.key");
        openssl(&folder, "req -new -x509 -key ca.key -subj /CN=ours -days 30 -out ca.pem");
        openssl(&folder, key);
        openssl(&folder, "req -new -key key.pem -subj /CN=leaf -out leaf.csr");
        let sign = "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 -out cert.pem";
        let extensions = if version == "v1" { "" } else { " -extfile ext" };
        openssl(&folder, &format!("{sign}{extensions}"));
        for versions in ["-tls1_2", "-tls1_3"] {
            let server = OpenSsl::new(&folder, &[versions, "-cipher", "DEFAULT:@SECLEVEL=0"]);
            sexton(["check", "-k", &server.url()]).said(0, "healthy: status 200 (");
            let ca = folder.join("ca.pem");
            let ca = ca.to_str().unwrap();
            let run = sexton(["check", "--cacert", ca, &server.url()]);
            run.said(1, &format!("unhealthy: {why}"));
            assert_eq!(curl(&["-k", "--ciphers", "DEFAULT:@SECLEVEL=0"], &server.url()), 0);
        }
    }
}

#[test]
fn ciphers_that_do_not_exist_here_are_named() {
    let folder = Folder::new();
    openssl(
        &folder,
        "req -new -x509 -newkey rsa:2048 -nodes -keyout key.pem -subj /CN=a -days 9 -out cert.pem",
    );
    for cipher in ["ECDHE-RSA-AES128-SHA", "AES128-GCM-SHA256"] {
        let server = OpenSsl::new(&folder, &["-tls1_2", "-cipher", cipher]);
        sexton(["check", "-k", &server.url()]).said(
            1,
            "unhealthy: the peer refused the TLS handshake (handshake failure); CBC ciphers, RSA key exchange and keys \
             on P-521 are not supported (",
        );
        assert_eq!(curl(&["-k"], &server.url()), 0, "{cipher}");
    }
}

#[test]
fn a_server_name_is_that_of_the_first_hop() {
    let authority = Authority::new("ours");
    let folder = Folder::new();
    let ca = file(&folder, "ca.pem", authority.pem());
    let there = answering(authority.issue(&["localhost"], as_it_is).config(), OK);
    let location = format!(
        "HTTP/1.1 302 Found\r\nLocation: https://localhost:{}/\r\nContent-Length: 0\r\n\r\n",
        there.port()
    );
    let here =
        answering(authority.issue(&["app.test"], as_it_is).config(), Box::leak(location.into_boxed_str()));
    let url = format!("https://{}/", here.address());
    sexton(["check", "--cacert", &ca, "--server-name", "app.test", "--follow", &url]).said(0, "healthy: ");
    // The negative control: the name that is asked for there is the host's.
    let wrong = answering(authority.issue(&["app.test"], as_it_is).config(), OK);
    let location = format!(
        "HTTP/1.1 302 Found\r\nLocation: https://localhost:{}/\r\nContent-Length: 0\r\n\r\n",
        wrong.port()
    );
    let here =
        answering(authority.issue(&["app.test"], as_it_is).config(), Box::leak(location.into_boxed_str()));
    let url = format!("https://{}/", here.address());
    sexton(["check", "--cacert", &ca, "--server-name", "app.test", "--follow", &url])
        .said(1, "unhealthy: the certificate is for app.test, not for localhost; ");
}

#[test]
fn an_intermediate_that_ends_soon_is_named() {
    let root = Authority::new("Root");
    let intermediate = root.authority("Middle", |params| {
        params.not_after = (SystemTime::now() + std::time::Duration::from_secs(3 * 24 * 3600 + 60)).into();
    });
    let folder = Folder::new();
    let ca = file(&folder, "ca.pem", root.pem());
    let leaf: Identity = intermediate.issue(&["127.0.0.1"], as_it_is);
    let server: Server = answering(leaf.config_with(&intermediate), OK);
    let url = format!("https://{}/", server.address());
    sexton(["check", "--cacert", &ca, "--min-validity", "1d", &url]).said(0, "healthy: ");
    sexton(["check", "--cacert", &ca, "--min-validity", "7d", &url])
        .said(1, "unhealthy: the intermediate certificate \"Middle\" expires in 3 days (");
}

#[test]
fn a_chain_with_something_odd_about_it_is_refused_in_words() {
    let root = Authority::new("Root");
    let folder = Folder::new();
    let ca = file(&folder, "ca.pem", root.pem());
    let whole =
        |why: &str| format!("the certificate, or one of its chain, {why}; --insecure trusts anything");
    let is_authority =
        root.issue(&["127.0.0.1"], |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let narrow = root.authority("Narrow", |params| {
        let permitted_subtrees = vec![GeneralSubtree::DnsName("other.test".into())];
        params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    });
    let not_an_authority = root.authority("Not one", |params| params.is_ca = IsCa::ExplicitNoCa);
    for (config, why) in [
        (is_authority.config(), "is that of an authority and not of a server"),
        (
            narrow.issue(&["app.test"], as_it_is).config_with(&narrow),
            "is for a name that its authority may not vouch for",
        ),
        (
            not_an_authority.issue(&["127.0.0.1"], as_it_is).config_with(&not_an_authority),
            "is signed by one that is not an authority's",
        ),
    ] {
        let server = answering(config, OK);
        let name = if why.contains("a name") { "app.test" } else { "127.0.0.1" };
        let url = format!("https://{}/", server.address());
        let run = sexton(["check", "--cacert", &ca, "--server-name", name, &url]);
        run.said(1, &format!("unhealthy: {} (", whole(why)));
        sexton(["check", "--insecure", &url]).said(0, "healthy: status 200 (");
    }
}

#[test]
fn a_signature_by_sha_1_is_named() {
    let folder = Folder::new();
    let root = "req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -subj /CN=Root -days 9";
    openssl(&folder, root);
    openssl(&folder, "req -new -newkey rsa:2048 -nodes -keyout key.pem -out leaf.csr -subj /CN=127.0.0.1");
    file(&folder, "names", "subjectAltName=IP:127.0.0.1\n");
    openssl(
        &folder,
        "x509 -req -sha1 -in leaf.csr -CA root.pem -CAkey root.key -CAcreateserial -out cert.pem -days 9 -extfile names",
    );
    let server = OpenSsl::new(&folder, &["-cipher", "DEFAULT@SECLEVEL=0"]);
    let ca = folder.join("root.pem").display().to_string();
    sexton(["check", "--cacert", &ca, &server.url()]).said(
        1,
        "unhealthy: the certificate is signed by RSA with SHA-1, which is not supported; --insecure trusts anything (",
    );
    // "SSL peer certificate was not OK": nor is it to curl.
    assert_eq!(curl(&["--cacert", &ca], &server.url()), 60);
    sexton(["check", "--insecure", &server.url()]).said(0, "healthy: status 200 (");
}
