//! Passwords and tokens: what a variable holds is literal, and no output of any kind shows any of it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_assert, prop_oneof, proptest};
use proptest::sample::select;

use crate::support::servers::{OK, Server};
use crate::support::{Sexton, schemes, sexton};

/// Two pieces that no output may have: a parser that stops at a delimiter shows the half before or after it.
const HALVES: [&str; 2] = ["S3CR3T", "T0K3N"];

/// `text` as a URL must have it.
fn encoded(text: &str) -> String {
    let digits: Vec<_> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    digits.concat()
}

/// Every character that means something in a URL, and some that mean something elsewhere.
fn secret() -> impl Strategy<Value = String> {
    let part = "[-/?#@:%+&=;,!$'()*\\[\\]{}~ \"\\\\<>^`|aZ09]{0,4}";
    (part, part, part).prop_map(|(a, b, c)| format!("{a}{}{b}{}{c}", HALVES[0], HALVES[1]))
}

/// Where the secret stands in a target; what goes wrong with the rest of it.
fn target(scheme: &str, form: u8, place: &str, secret: &str) -> (String, Option<(&'static str, String)>) {
    let quoted = encoded(secret);
    let variable = |value: String| Some(("PW", value));
    match form {
        0 => (format!("{scheme}://user:${{PW}}@{place}"), variable(secret.into())),
        1 => (format!("{scheme}://user:{quoted}@{place}"), None),
        2 => ("${PW}".to_owned(), variable(format!("{scheme}://user:{quoted}@{place}"))),
        3 => (format!("{scheme}://user:${{NONE:-${{PW}}}}@{place}"), variable(secret.into())),
        4 => (format!("{scheme}://{place}?token={quoted}"), None),
        5 => (format!("name={scheme}://:${{PW}}@{place}"), variable(secret.into())),
        _ => (format!("{scheme}://{quoted}:{quoted}@{place}#user=x:{quoted}"), None),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 40, ..ProptestConfig::default() })]
    #[test]
    fn no_output_shows_any_of_it(
        scheme in select([schemes(), vec!["gopher".to_owned()]].concat()),
        form in 0_u8..7,
        place in select(vec!["127.0.0.1:1", "127.0.0.1:1/x", "127.0.0.1:99999", "[::1", "a b/", "127.0.0.1:1/%zz", ""]),
        mode in select(vec![
            &["check", "-t", "200ms"][..],
            &["check", "-t", "200ms", "-v"],
            &["check", "-t", "200ms", "--json"],
            &["check", "--max-age", "1s", "--status", "200"],
            &["wait", "-t", "100ms"],
            &["wait", "-t", "100ms", "--json"],
            &["init", "--explain", "--watch"],
            &["init", "--wait-timeout", "100ms", "--log", "json", "--wait"],
        ]),
        secret in secret(),
        more in prop_oneof![Just(None), any::<u8>().prop_map(Some)],
    ) {
        let (target, variable) = target(&scheme, form, place, &secret);
        let mut words: Vec<String> = mode.iter().map(|word| (*word).to_owned()).collect();
        words.push(target.clone());
        match more.map(|more| more % 4) {
            Some(0) if mode[0] == "check" => words.extend(["--proxy".into(), format!("http://u:{}@h:1/x", encoded(&secret))]),
            Some(1) if mode[0] == "check" => words.extend(["-u".into(), format!("u:{secret}")]),
            Some(2) if mode[0] == "check" => words.extend(["-H".into(), format!("X: {secret}")]),
            Some(3) if mode[0] == "check" => words.push("tcp://127.0.0.1:1".into()),
            _ => {}
        }
        if mode[0] == "init" {
            words.extend(["--", "true"].map(str::to_owned));
        }
        let mut run = Sexton::with(&words);
        if let Some((name, value)) = variable {
            run = run.env(name, value);
        }
        let run = run.run();
        for half in HALVES {
            let is_shown = run.stdout.contains(half) || run.stderr.contains(half);
            prop_assert!(!is_shown, "{half} of {secret:?} in {words:?}: {run:?}");
        }
    }
}

#[test]
fn what_a_variable_holds_inside_userinfo_is_literal() {
    for password in ["Zm9v/YmFy", "1/S3C", "a@b", "a:b", "a?b#c", "%41", "100%", "a b+c", "ü", "[x]"] {
        let server = Server::answering(OK);
        let url = format!("http://admin:${{PW}}@{}/x", server.address());
        let run = Sexton::with(["check", &url]).env("PW", password).run();
        run.said(0, "healthy: status 200 (http://***@127.0.0.1:");
        let wanted = BASE64_STANDARD.encode(format!("admin:{password}"));
        assert!(server.first_request().contains(&format!("Basic {wanted}\r\n")), "{password}");
    }
    // A variable that is all of it holds a user and a password; a text in a target stays %-encoded.
    for (userinfo, sent) in
        [("${LOGIN}", "us:p/w:%41"), ("us:a%2Fb", "us:a/b"), ("us:${NONE:-a/b}", "us:a/b")]
    {
        let server = Server::answering(OK);
        let url = format!("http://{userinfo}@{}/", server.address());
        Sexton::with(["check", &url]).env("LOGIN", "us:p/w:%41").run().said(0, "healthy: ");
        let wanted = BASE64_STANDARD.encode(sent);
        assert!(server.first_request().contains(&format!("Basic {wanted}\r\n")), "{userinfo}");
    }
}

#[test]
fn credentials_that_are_given_twice_are_refused() {
    for more in [&["-u", "a:b"][..], &["--bearer-file", "/t"], &["-H", "authorization: x"]] {
        let run = sexton([&["check", "http://u:s3cret@h/"][..], more].concat());
        run.refused(
            "http://***@h/: credentials are given twice: in the target, and by --user, --bearer-file or --header",
        );
    }
    sexton(["check", "redis://:p@h", "--password-file", "/p"])
        .refused("redis://***@h: a password, beside --password-file");
}

#[test]
fn an_at_sign_that_is_no_login_is_shown() {
    for (target, shown) in [
        ("unix:@sexton-test-abstract", "(unix:@sexton-test-abstract, "),
        ("process:getty@tty1", "(process:getty@tty1, "),
        ("file:/run/a@b", "(file:/run/a@b, "),
        ("http://127.0.0.1:1/@scope/name", "(http://127.0.0.1:1/@scope/name, "),
    ] {
        let run = sexton(["check", target]);
        assert!(run.said(1, "unhealthy: ").contains(shown), "{run:?}");
    }
}
