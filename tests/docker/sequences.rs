//! Docker's own HEALTHCHECK and `--watch` beside each other: the same app, which answers both of them by the same script, the
//! same interval, limit, retries and start period. Both must change their minds at the same attempts.

use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Container, Engine, Image, eventually, peer, sexton};

/// For a script to be over on a busy machine.
const SOON: Duration = Duration::from_secs(180);

/// Options of both, and what the app does at each attempt: U is up, D answers 503, R closes the connection, S is too slow.
/// Each ends with a letter that changes nothing any more.
struct Sequence {
    retries: u32,
    start_period: &'static str,
    letters: &'static str,
}

const fn sequence(retries: u32, start_period: &'static str, letters: &'static str) -> Sequence {
    Sequence { retries, start_period, letters }
}

/// A start period that is over before the first attempt, and one that outlasts the script.
const NONE: &str = "0s";
const LONG: &str = "10m";

const SEQUENCES: [Sequence; 24] = [
    sequence(3, NONE, "UU"),
    sequence(3, NONE, "DDDD"),
    sequence(3, NONE, "UDDUDDUU"),
    sequence(3, NONE, "UDDDUU"),
    sequence(3, NONE, "DDUDDDUU"),
    sequence(3, NONE, "DDDUDDDUDDUU"),
    sequence(3, NONE, "UDRDUU"),
    sequence(3, NONE, "USDRUU"),
    sequence(3, NONE, "DUDUDUDUU"),
    sequence(3, NONE, "RRRRURU"),
    sequence(1, NONE, "DD"),
    sequence(1, NONE, "UDUDUU"),
    sequence(1, NONE, "USUU"),
    sequence(1, NONE, "DDUDDUU"),
    sequence(2, NONE, "DUDDUDUU"),
    sequence(2, NONE, "UDDDDUDD"),
    sequence(2, NONE, "SUDSUU"),
    sequence(5, NONE, "DDDDUDDDDDUU"),
    sequence(3, LONG, "DDDDDDUU"),
    sequence(3, LONG, "DDDDUDDUU"),
    sequence(3, LONG, "DDDDUDDDUU"),
    sequence(1, LONG, "DDUDUU"),
    sequence(1, LONG, "RSDUU"),
    sequence(2, LONG, "DDDDDD"),
];

/// How many run at a time.
const CROWD: usize = 4;

/// `docker events` about the health of one container, from its creation on.
struct HealthEvents(Child);

impl HealthEvents {
    /// Of the container `id`. What has been is told, too.
    fn of(engine: Engine, id: &str) -> Self {
        let filters = ["--filter", &format!("container={id}"), "--filter", "event=health_status"];
        let mut command = engine.command(["events", "--since", "1h", "--format", "{{.Status}}"]);
        let child = command.args(filters).stdout(Stdio::piped()).spawn().expect("docker events starts");
        Self(child)
    }

    /// What they were: "healthy", "unhealthy".
    fn end(mut self) -> Vec<String> {
        let _ = self.0.kill();
        let mut text = String::new();
        let stdout = self.0.stdout.as_mut().expect("a pipe");
        std::io::Read::read_to_string(stdout, &mut text).expect("it is read");
        let _ = self.0.wait();
        text.lines().filter_map(|line| line.strip_prefix("health_status: ")).map(str::to_owned).collect()
    }
}

/// What `--watch` said of the app's health, in order.
fn told_by_watch(logs: &str) -> Vec<String> {
    let objects = logs.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let changes = objects.filter(|object| object["event"] == "health");
    // The same verdict again is no change: an unhealthy app is told each so many failures.
    let mut told: Vec<String> =
        changes.filter_map(|object| object["health"].as_str().map(str::to_owned)).collect();
    told.dedup();
    told
}

/// How many of `reader`'s attempts the app has seen.
fn attempts(logs: &str, reader: char) -> usize {
    logs.lines()
        .filter(|line| line.starts_with(&format!("{reader} ")) && line.split(' ').count() == 3)
        .count()
}

/// Plays one of them; how the two differ, if they do.
fn played(engine: Engine, image: &Image, sequence: &Sequence) -> Option<String> {
    let Sequence { retries, start_period, letters } = sequence;
    let retries = retries.to_string();
    let options = [
        "--network=none".to_owned(),
        format!("--health-retries={retries}"),
        format!("--health-start-period={start_period}"),
        "--health-interval=200ms".into(),
        "--health-timeout=30s".into(),
        // The image's command, as `docker run` takes it: by a shell, which there is.
        "--health-cmd=/sexton check --timeout 1500ms http://127.0.0.1:8080/a".into(),
    ];
    let words = ["init", "--log", "json", "--watch", "http://127.0.0.1:8080/b", "--interval", "200ms"];
    let more = ["--attempt-timeout", "1500ms", "--on-unhealthy", "report", "--retries", &retries];
    let app =
        ["--start-period", start_period, "--start-interval", "200ms", "--", "/scripted", "8080", letters];
    let words: Vec<String> = [&words[..], &more, &app].concat().into_iter().map(str::to_owned).collect();
    let container = Container::run_with(engine, &image.name, &options, &words);
    let events = HealthEvents::of(engine, container.id());
    // One more has begun, so the last one has been taken in.
    let logs = eventually(SOON, "both have gone through the script", || {
        let logs = container.logs();
        let seen = [attempts(&logs, 'a'), attempts(&logs, 'b')];
        if seen.iter().all(|seen| *seen > letters.len()) { Ok(logs) } else { Err(seen) }
    });
    let (docker, watch) = (events.end(), told_by_watch(&logs));
    let is_the_same = docker == watch;
    (!is_the_same).then(|| {
        format!("{letters}, {retries} retries, start period {start_period}: docker {docker:?}, watch {watch:?}\n{logs}")
    })
}

#[test]
fn watch_changes_its_mind_at_the_same_attempts_as_dockers_healthcheck() {
    let Some(engine) = Engine::find() else { return };
    let dockerfile = "FROM scratch\nCOPY sexton scripted /\nCOPY busybox /bin/sh\nENTRYPOINT [\"/sexton\"]\n";
    let files = [
        ("sexton", sexton()),
        ("scripted", peer("scripted")),
        ("busybox", std::path::PathBuf::from("/bin/busybox")),
    ];
    let image = Image::build(engine, dockerfile, &files);
    let wrong: Vec<String> = SEQUENCES
        .chunks(CROWD)
        .flat_map(|few| {
            thread::scope(|scope| {
                let played: Vec<_> =
                    few.iter().map(|sequence| scope.spawn(|| played(engine, &image, sequence))).collect();
                played.into_iter().filter_map(|one| one.join().expect("it is played")).collect::<Vec<_>>()
            })
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), SEQUENCES.len(), wrong.join("\n"));
}
