//! The program from outside. The table of contents:
//!
//! * `bad_input`: what is refused or fails, and the whole line that says why
//! * `command_line`: options, variables, names and own options of targets
//! * `secrets`: passwords are literal, and never shown
//! * `check`: verdicts and lines of `sexton check`
//! * `curl_wget`: curl and wget by name, beside the real ones
//! * `http`: HTTP as a check speaks it
//! * `hung`: file systems that answer nobody
//! * `http_peers`: HTTP beside curl: bodies, heads, what a failing line says
//! * `limits`: its deadline, against hostile servers and a stdout that takes nothing
//! * `names`: names, name servers and addresses, each test in a network of its own
//! * `services`: redis, memcached, AMQP, PostgreSQL, MySQL and php-fpm, against those servers
//! * `surroundings`: closed descriptors, little memory, no /dev, no rights; and that nothing is started
//! * `tls`: https: whom a check trusts, and why TLS did not come about
//! * `tls_peers`: https beside curl, of servers by OpenSSL
//! * `http_options`: bodies, redirects, credentials, proxies
//! * `demo`: what the README begins with
//! * `shell`: `sh -c LINE` where there is no shell, `nc`, `ncat`, `dockerize` and `wait-for` by name
//! * `static_binary`: no dynamic loader, no library
//! * `readme`: the README shows what runs
//! * `personalities`: as tini, docker-init, dumb-init and catatonit
//! * `targets`: several targets in one run, `--any`, `--json`
//! * `tidy`: the rules that the sources keep
//! * `translate`: what `sexton translate` prints has the verdict of the original
//! * `wait`: `sexton wait`
//! * `wait_for_it`: the same as wait-for-it.sh
//! * `zoo`: peers that want our memory, and the bounds that hold
//! * `watch`: what an init watches while the command runs
//! * `watch_log`: a night in the log, as docs/watch.md shows it
//! * `watch_served`: what is served and kept about that
//! * `files`: `file:`
//! * `init_wait`: what an init waits for before the start
//! * `init`: `sexton init`, item by item of what an init must get right
//! * `doctor`: `sexton doctor`
//! * `install`: `sexton install`
//! * `payload`: `tcp://`, `unix:` and `udp://` with `--send` and `--expect`
//! * `processes`: `process:`, `pid:`, `zombies:`, `pids:`
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "tests start processes and threads, and fail loudly"
)]

mod bad_input;
mod check;
mod command_line;
mod curl_wget;
mod demo;
mod doctor;
mod files;
mod http;
mod http_options;
mod http_peers;
mod hung;
mod init;
mod init_wait;
mod install;
mod limits;
mod names;
mod payload;
mod personalities;
mod processes;
mod readme;
mod secrets;
mod services;
mod shell;
mod static_binary;
mod support;
mod surroundings;
mod targets;
mod tidy;
mod tls;
mod tls_peers;
mod translate;
mod wait;
mod wait_for_it;
mod watch;
mod watch_log;
mod watch_served;
mod zoo;
