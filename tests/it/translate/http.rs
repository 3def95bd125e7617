//! Lines that ask by HTTP or TCP, beside their translation, in ten states of the app.

use super::states::{NONE, Row, State, busybox, compare, has};
use crate::support::temp::Folder;

/// curl's.
const CURL: &[Row] = &[
    ("curl -f http://{AT}/ || exit 1", NONE),
    ("curl -f http://{AT}/health", NONE),
    ("curl http://{AT}/", NONE),
    ("curl -s http://{AT}/ || exit 1", NONE),
    ("curl -sf http://{AT}/ || exit 1", NONE),
    ("curl -fsS http://{AT}/ > /dev/null || exit 1", NONE),
    ("curl -fsSL http://{AT}/ -o /dev/null", NONE),
    ("curl -L http://{AT}/", NONE),
    ("curl -fL http://{AT}/ >/dev/null 2>&1 || exit 1", NONE),
    ("curl --fail --silent --show-error --location http://{AT}/", NONE),
    ("curl --fail-with-body http://{AT}/", NONE),
    ("curl {AT}", NONE),
    ("curl -f localhost:{PORT}/ping", NONE),
    ("curl -I http://{AT}/", NONE),
    ("curl -If http://{AT}/ || exit 1", NONE),
    ("curl --head --fail --max-time 6 http://{AT}/", NONE),
    ("curl -fsS -m 6 http://{AT}/", NONE),
    ("curl -X POST -f http://{AT}/", NONE),
    ("curl -f -X GET http://{AT}/", NONE),
    ("curl -f -d a=b http://{AT}/", NONE),
    ("curl -f --json '{\"a\":1}' http://{AT}/", NONE),
    ("curl -fG -d a=b http://{AT}/", NONE),
    ("curl -f -H 'X-A: b' -A me -u a:b http://{AT}/", NONE),
    ("curl -f --connect-timeout 6 http://{AT}/", NONE),
    ("curl -4f http://{AT}/#part", NONE),
    ("curl -fk http://{AT}/", NONE),
    ("curl --fail http://{AT}/ && exit 0 || exit 1", NONE),
    ("if curl -fs http://{AT}/; then exit 0; else exit 1; fi", NONE),
    ("if ! curl -fs http://{AT}/; then exit 1; fi", NONE),
    ("curl -fs http://{AT}/; if [ $? -ne 0 ]; then exit 1; fi", NONE),
    ("curl -fs http://{AT}/; exit $?", NONE),
    ("curl -fs http://{AT}/; [ $? -eq 0 ] || exit 1", NONE),
    ("set -e; curl -fs http://{AT}/; echo ok", NONE),
    ("(curl -fs http://{AT}/) || (echo down && exit 1)", NONE),
    ("curl -fs http://{AT}/ || { echo down; exit 1; }", NONE),
    ("sh -c 'curl -f http://{AT}/ || exit 1'", NONE),
    ("bash -c 'curl -f http://{AT}/'", NONE),
    ("sh -ec 'curl -f http://{AT}/; true'", NONE),
    ("timeout 6 curl -f http://{AT}/", NONE),
    ("env A=b curl -f http://{AT}/", NONE),
    ("URL=http://{AT}/; curl -f $URL", NONE),
    ("URL=http://{AT}/ && curl -f \"${URL}\" || exit 1", NONE),
    ("curl -f http://{AT}/ && curl -f http://{AT}/moved", NONE),
    ("curl -f http://{AT}/ || curl -f http://{AT}/other", NONE),
    ("[ \"$(curl -s -o /dev/null -w '%{http_code}' http://{AT}/)\" = \"200\" ]", NONE),
    ("[ $(curl -s -o /dev/null -w \"%{http_code}\" http://{AT}/) = 200 ] || exit 1", NONE),
    ("test $(curl -s -o /dev/null -w '%{http_code}' http://{AT}/) -eq 401", NONE),
    ("test \"`curl -s -o /dev/null -w %{http_code} http://{AT}/`\" = 204", NONE),
    ("[ \"$(curl -sL -o /dev/null -w '%{http_code}\\n' http://{AT}/)\" -eq 200 ]", NONE),
    ("code=$(curl -s -o /dev/null -w '%{http_code}' http://{AT}/); [ \"$code\" = 404 ]", NONE),
    ("c=$(curl -so /dev/null -w '%{http_code}' http://{AT}/); if [ $c -ne 200 ]; then exit 1; fi", NONE),
    ("c=$(curl -so /dev/null -w '%{http_code}' http://{AT}/); test $c -ge 200 && test $c -lt 400", NONE),
    ("bash -c '[[ $(curl -so /dev/null -w \"%{http_code}\" http://{AT}/) == 2* ]]'", NONE),
    ("bash -c '[[ \"$(curl -so /dev/null -w \"%{http_code}\" http://{AT}/)\" =~ ^(200|401)$ ]]'", NONE),
    ("curl -s -o /dev/null -w '%{http_code}' http://{AT}/ | grep 200", NONE),
    ("curl -s -o /dev/null -w '%{http_code}' http://{AT}/ | grep -qE '^(2|3)' || exit 1", NONE),
    ("curl -sL -o /dev/null -w '%{http_code}' http://{AT}/ | grep -q '^2..$'", NONE),
    ("curl -sI http://{AT}/ | grep -q '200 OK'", NONE),
    ("curl -sI http://{AT}/ | head -n 1 | grep -q 200", NONE),
    ("curl -sI http://{AT}/ | head -1 | cut -d' ' -f2 | grep -q 302", NONE),
    ("curl -s http://{AT}/ | grep -q UP", NONE),
    ("curl -s http://{AT}/ | grep UP || exit 1", NONE),
    ("curl -sf http://{AT}/ | grep -q UP", NONE),
    ("curl -sL http://{AT}/ | grep -F '\"status\":\"UP\"'", NONE),
    ("curl -s http://{AT}/ | grep -q '\"status\":\"UP\"' || exit 1", NONE),
    ("curl -s http://{AT}/ | grep -c DOWN", NONE),
    ("curl -s http://{AT}/ | egrep 'pong'", NONE),
    ("[ -n \"$(curl -s http://{AT}/ | grep pong)\" ]", NONE),
    ("[ $(curl -s http://{AT}/ | grep -c pong) -gt 0 ]", NONE),
    ("[ $(curl -s http://{AT}/ | grep pong | wc -l) -ge 1 ]", NONE),
    ("bash -c 'set -o pipefail; curl -sf http://{AT}/ | grep -q UP'", NONE),
];

/// Where Debian's jq -e, 1.6, gets nothing and is content.
const EMPTY: &[State] = &[
    State::NoContent,
    State::Refused,
    State::Closed,
    State::Unauthorized,
    State::Missing,
    State::Broken,
    State::Unavailable,
];

/// The same, behind jq.
const JQ: &[Row] = &[
    ("curl -s http://{AT}/json | jq -e '.status == \"UP\"'", EMPTY),
    ("curl -s http://{AT}/json | jq -e '.n == 5' > /dev/null", EMPTY),
    ("curl -sf http://{AT}/json | jq -e '.nested.ok == true' || exit 1", EMPTY),
    ("curl -s http://{AT}/json | jq -r .status | grep -q UP", NONE),
    ("[ \"$(curl -s http://{AT}/json | jq -r '.status')\" = UP ]", NONE),
    ("[ \"$(curl -sL http://{AT}/json | jq '.status')\" = '\"UP\"' ]", NONE),
    ("curl -s http://{AT}/json | jq -e 'select(.status == \"UP\")'", EMPTY),
    ("curl -s http://{AT}/json | jq '.status == \"UP\"' | grep -q true", NONE),
    ("test \"$(curl -s http://{AT}/json | jq -r '.[\"nested\"].ok')\" = true", NONE),
    ("curl -s http://{AT}/json | jq -e '.status | . == \"UP\"'", EMPTY),
];

/// wget's, GNU's and busybox's.
const WGET: &[Row] = &[
    ("wget -q --spider http://{AT}/ || exit 1", NONE),
    ("wget --spider http://{AT}/", NONE),
    ("wget --quiet --tries=1 --spider http://{AT}/ || exit 1", NONE),
    ("wget --no-verbose --tries=1 --spider http://{AT}/ || exit 1", NONE),
    ("wget -q --tries=1 -O /dev/null http://{AT}/", NONE),
    ("wget -qO- http://{AT}/ || exit 1", NONE),
    ("wget -q -O - http://{AT}/ > /dev/null", NONE),
    ("wget -O /dev/null http://{AT}/ || exit 1", NONE),
    ("wget -q --spider {AT}/ping", NONE),
    ("wget -qO- http://{AT}/ | grep -q UP", NONE),
    ("wget -qO- http://{AT}/ | grep pong || exit 1", NONE),
    ("wget -q -O- http://{AT}/ | grep -q '\"status\":\"UP\"'", NONE),
    ("wget --header 'X-A: b' -qO- http://{AT}/ >/dev/null 2>&1", NONE),
    ("wget -Y off -q --spider http://{AT}/", NONE),
    ("wget -U me -q -O /dev/null http://{AT}/ && exit 0 || exit 1", NONE),
    ("wget --post-data a=b -qO- http://{AT}/", NONE),
    ("sh -c 'wget -q --spider http://{AT}/ || exit 1'", NONE),
    ("wget -S --spider http://{AT}/ 2>&1 | grep -q 'HTTP/1.1 200 OK'", NONE),
    ("timeout 6 wget -q --spider http://{AT}/", NONE),
    ("if wget -q --spider http://{AT}/; then exit 0; else exit 1; fi", NONE),
    ("wget -q http://{AT}/ -O - | grep -c pong", NONE),
    ("[ \"$(wget -qO- http://{AT}/ | grep -c UP)\" -ge 1 ]", NONE),
];

/// Only GNU's: Debian's busybox has no -T and no -t.
const GNU_WGET: &[Row] = &[
    ("wget -q -T 6 -t 1 --spider http://{AT}/", NONE),
    ("wget -qO /dev/null -T 6 http://{AT}/", NONE),
    ("wget -nv --spider http://{AT}/", NONE),
    ("wget -nv -t1 --spider http://{AT}/ || exit 1", NONE),
    ("wget --max-redirect=0 -t 1 -qO /dev/null http://{AT}/", NONE),
    ("wget --method=HEAD -t 1 -qO /dev/null http://{AT}/", NONE),
    ("wget --no-check-certificate --timeout=6 --tries=1 -q --spider http://{AT}/", NONE),
    ("wget --server-response --tries=1 --spider http://{AT}/ 2>&1 | grep '200 OK'", NONE),
    ("wget -qO- --user=a --password=b http://{AT}/ > /dev/null || exit 1", &[]),
];

/// Connections.
const SOCKETS: &[Row] = &[
    ("nc -z 127.0.0.1 {PORT}", NONE),
    ("nc -z localhost {PORT} || exit 1", NONE),
    ("nc -zv -w 6 127.0.0.1 {PORT}", NONE),
    ("nc -vz 127.0.0.1 {PORT} || exit 1", NONE),
    ("nc -w6 -z 127.0.0.1 {PORT} > /dev/null 2>&1 || exit 1", NONE),
    ("timeout 6 nc -z 127.0.0.1 {PORT}", NONE),
    ("nc -zv 127.0.0.1 {PORT} 2>&1 | grep -q succeeded", NONE),
    ("bash -c '</dev/tcp/127.0.0.1/{PORT}'", NONE),
    ("bash -c 'echo > /dev/tcp/127.0.0.1/{PORT}' || exit 1", NONE),
    ("bash -c ': > /dev/tcp/127.0.0.1/{PORT}'", NONE),
    ("bash -c 'cat < /dev/null > /dev/tcp/127.0.0.1/{PORT}'", NONE),
    ("timeout 6 bash -c '</dev/tcp/127.0.0.1/{PORT}' || exit 1", NONE),
    ("bash -c 'exec 3<>/dev/tcp/127.0.0.1/{PORT}'", NONE),
    ("bash -c '(echo > /dev/tcp/127.0.0.1/{PORT}) >/dev/null 2>&1 || exit 1'", NONE),
    (
        "bash -c \"exec 3<>/dev/tcp/127.0.0.1/{PORT}; echo -e 'GET / HTTP/1.1\\r\\nhost: x\\r\\nConnection: close\\r\\n\\r\\n' >&3; timeout 6 cat <&3 | grep -q '\\\"status\\\":\\\"UP\\\"'\"",
        NONE,
    ),
    (
        "bash -c '{ printf >&3 \"GET / HTTP/1.0\\r\\n\\r\\n\"; cat <&3; } 3<>/dev/tcp/127.0.0.1/{PORT} | grep -q UP'",
        NONE,
    ),
    ("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc 127.0.0.1 {PORT} | grep -q pong", NONE),
    (
        "bash -c 'exec 3<>/dev/tcp/127.0.0.1/{PORT};echo -e \"GET / HTTP/1.1\\r\\n\\r\\n\" >&3;if [ $? -eq 0 ]; then echo up;exit 0;else echo down;exit 1;fi;'",
        NONE,
    ),
];

/// Python's and Node's.
const SCRIPTS: &[Row] = &[
    ("python3 -c \"import urllib.request; urllib.request.urlopen('http://{AT}/')\"", NONE),
    ("python3 -c 'import urllib.request as r; r.urlopen(\"http://{AT}/\")' 2>/dev/null; exit $?", NONE),
    ("python3 -c \"import urllib.request; urllib.request.urlopen('http://{AT}/', timeout=6).read()\"", NONE),
    (
        "python3 -c \"import urllib.request, sys; sys.exit(0 if urllib.request.urlopen('http://{AT}/').getcode() == 200 else 1)\"",
        NONE,
    ),
    ("python3 -c \"from urllib.request import urlopen; assert urlopen('http://{AT}/').status == 200\"", NONE),
    ("python3 -c \"import requests; requests.get('http://{AT}/')\"", NONE),
    ("python3 -c \"import requests; requests.get('http://{AT}/', timeout=6).raise_for_status()\"", NONE),
    (
        "python3 -c \"import requests; exit(0 if requests.get('http://{AT}/').status_code == 200 else 1)\"",
        NONE,
    ),
    ("python3 -c \"import socket; socket.create_connection(('127.0.0.1', {PORT}), timeout=6)\"", NONE),
    ("python3 -c \"import socket; s = socket.socket(); s.connect(('127.0.0.1', {PORT}))\"", NONE),
    (
        "node -e \"require('http').get('http://{AT}/', (r) => {process.exit(r.statusCode === 200 ? 0 : 1)}).on('error', () => process.exit(1))\"",
        NONE,
    ),
    (
        "node -e \"require('http').get('http://{AT}/', r => { if (r.statusCode !== 200) process.exit(1) })\"",
        &[],
    ),
    (
        "node -e \"require('http').get('http://{AT}/', function(r) { process.exit(r.statusCode == 200 ? 0 : 1) })\"",
        NONE,
    ),
    (
        "node -e \"const http = require('http'); http.get('http://{AT}/', (res) => process.exit(res.statusCode < 400 ? 0 : 1))\"",
        NONE,
    ),
    (
        "node -e \"fetch('http://{AT}/').then(r => process.exit(r.ok ? 0 : 1)).catch(() => process.exit(1))\"",
        &[State::Closed],
    ),
    (
        "node -e \"fetch('http://{AT}/').then((r) => { if (!r.ok) throw new Error(r.status) })\"",
        &[State::Closed],
    ),
];

#[test]
fn lines_of_curl_and_their_translations_agree() {
    if has(&[("curl", "curl"), ("jq", "jq")]) {
        compare(CURL, "/usr/bin:/bin");
        compare(JQ, "/usr/bin:/bin");
    }
}

#[test]
fn lines_of_both_wgets_and_their_translations_agree() {
    if has(&[("wget", "wget"), ("busybox", "busybox-static")]) {
        compare(WGET, "/usr/bin:/bin");
        compare(GNU_WGET, "/usr/bin:/bin");
        compare(WGET, &busybox(&Folder::new()));
    }
}

#[test]
fn lines_that_only_connect_and_their_translations_agree() {
    if has(&[("nc", "netcat-openbsd"), ("bash", "bash")]) {
        compare(SOCKETS, "/usr/bin:/bin");
    }
}

#[test]
fn lines_of_python_and_node_and_their_translations_agree() {
    if has(&[("python3", "python3-requests"), ("node", "nodejs")]) {
        compare(SCRIPTS, "/usr/bin:/bin");
    }
}

#[test]
fn there_are_enough_of_them() {
    let count = CURL.len() + JQ.len() + WGET.len() + GNU_WGET.len() + SOCKETS.len() + SCRIPTS.len();
    assert!(count >= 150 - 10, "{count}");
}
