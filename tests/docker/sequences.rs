//! Docker's own HEALTHCHECK and `--watch` beside each other: the same app, which answers both of them by the same script, the
//! same interval, limit, retries and start period. Both must change their minds at the same attempts.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Container, Engine, Image, eventually, peer, sexton, within};

/// For a script to be over on a busy machine.
const SOON: Duration = Duration::from_secs(180);

/// Options of both, and what the app does at each attempt: U is up, D answers 503, R closes the connection, S is too slow.
/// Each ends with a letter that changes nothing any more.
struct Sequence {
    retries: u32,
    start_period: &'static str,
    letters: &'static str,
    /// What both make of it: H is healthy, U is unhealthy.
    verdicts: &'static str,
}

const fn sequence(
    retries: u32,
    start_period: &'static str,
    letters: &'static str,
    verdicts: &'static str,
) -> Sequence {
    Sequence { retries, start_period, letters, verdicts }
}

/// The letter of a verdict.
fn letter(verdict: &str) -> char {
    match verdict {
        "healthy" => 'H',
        "unhealthy" => 'U',
        _ => '?',
    }
}

/// A start period that is over before the first attempt, and one that outlasts the script.
const NONE: &str = "0s";
const LONG: &str = "10m";

const SEQUENCES: [Sequence; 24] = [
    sequence(3, NONE, "UU", "H"),
    sequence(3, NONE, "DDDD", "U"),
    sequence(3, NONE, "UDDUDDUU", "H"),
    sequence(3, NONE, "UDDDUU", "HUH"),
    sequence(3, NONE, "DDUDDDUU", "HUH"),
    sequence(3, NONE, "DDDUDDDUDDUU", "UHUH"),
    sequence(3, NONE, "UDRDUU", "HUH"),
    sequence(3, NONE, "USDRUU", "HUH"),
    sequence(3, NONE, "DUDUDUDUU", "H"),
    sequence(3, NONE, "RRRRURU", "UH"),
    sequence(1, NONE, "DD", "U"),
    sequence(1, NONE, "UDUDUU", "HUHUH"),
    sequence(1, NONE, "USUU", "HUH"),
    sequence(1, NONE, "DDUDDUU", "UHUH"),
    sequence(2, NONE, "DUDDUDUU", "HUH"),
    sequence(2, NONE, "UDDDDUDD", "HUHU"),
    sequence(2, NONE, "SUDSUU", "HUH"),
    sequence(5, NONE, "DDDDUDDDDDUU", "HUH"),
    sequence(3, LONG, "DDDDDDUU", "H"),
    sequence(3, LONG, "DDDDUDDUU", "H"),
    sequence(3, LONG, "DDDDUDDDUU", "HUH"),
    sequence(1, LONG, "DDUDUU", "HUH"),
    sequence(1, LONG, "RSDUU", "H"),
    sequence(2, LONG, "DDDDDD", ""),
];

/// How many run at a time.
const CROWD: usize = 4;

/// `docker events` about the health of one container.
struct HealthEvents {
    docker: Child,
    verdicts: Arc<Mutex<String>>,
}

impl HealthEvents {
    /// Of the container `id`. What has been is told, too.
    fn of(engine: Engine, id: &str) -> Self {
        let filters = ["--filter", &format!("container={id}"), "--filter", "event=health_status"];
        let mut command = engine.command(["events", "--since", "1h", "--format", "{{.Status}}"]);
        let mut docker = command.args(filters).stdout(Stdio::piped()).spawn().expect("docker events starts");
        let lines = BufReader::new(docker.stdout.take().expect("a pipe")).lines();
        let verdicts = Arc::new(Mutex::new(String::new()));
        let told = Arc::clone(&verdicts);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let verdict = line.strip_prefix("health_status: ").unwrap_or(&line).to_owned();
                told.lock().expect("no reader panics").push(letter(&verdict));
            }
        });
        Self { docker, verdicts }
    }

    /// What they have been so far.
    fn verdicts(&self) -> String {
        self.verdicts.lock().expect("no reader panics").clone()
    }
}

impl Drop for HealthEvents {
    fn drop(&mut self) {
        let _ = self.docker.kill();
        let _ = self.docker.wait();
    }
}

/// What `--watch` made of the app, by its log. The same verdict again is no change: an unhealthy app is told each so many
/// failures.
fn told_by_watch(logs: &str) -> String {
    let objects = logs.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let changes = objects.filter(|object| object["event"] == "health");
    let mut verdicts: Vec<char> =
        changes.filter_map(|object| Some(letter(object["health"].as_str()?))).collect();
    verdicts.dedup();
    verdicts.into_iter().collect()
}

/// How many of `reader`'s attempts the app has seen.
fn attempts(logs: &str, reader: char) -> usize {
    logs.lines()
        .filter(|line| line.starts_with(&format!("{reader} ")) && line.split(' ').count() == 3)
        .count()
}

/// Plays one of them; how the two differ, if they do.
fn played(engine: Engine, image: &Image, sequence: &Sequence) -> Option<String> {
    let Sequence { retries, start_period, letters, verdicts } = sequence;
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
    // Docker tells of a verdict a moment after it has one.
    let told = within(Duration::from_secs(10), || {
        let told = events.verdicts();
        if told == *verdicts { Ok(told) } else { Err(told) }
    });
    let (docker, watch) = (told.unwrap_or_else(|other| other), told_by_watch(&logs));
    (docker != *verdicts || watch != *verdicts).then(|| {
        format!(
            "{letters}, {retries} retries, start period {start_period}: docker {docker}, watch {watch}, not \
             {verdicts}\n{logs}"
        )
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
