//! One command line, run under an init of that name, and everything that came of it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::actor::actor;
use crate::support::launch::Role;
use crate::support::process::{held_within, process, rests, try_kill};
use crate::support::temp::Folder;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long an original may take that is known to hang.
const HANGS_AFTER: Duration = Duration::from_millis(1500);

/// Ends the child; the highest signal but one, so that it comes after all others.
const LAST: i32 = 63;
/// Comes after every signal that was sent before it: what has not arrived by then never does.
const FENCE: i32 = 64;

/// A command line and the world in which it is run.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// What the init is called: its argv's first word.
    pub(super) program: &'static str,
    /// The words after it. `@N` stands for a child that reports what it was given and exits with N, `@` and the
    /// actor's words for any other.
    pub(super) args: Vec<OsString>,
    /// Variables besides PATH.
    pub(super) env: Vec<(&'static str, &'static str)>,
    /// The actor's words between the test and the init.
    pub(super) world: &'static str,
    /// What the init is to the system.
    pub(super) place: Place,
    /// What is done once the child is ready.
    pub(super) steps: Vec<Step>,
    /// The difference that is wanted, by its name in the table.
    pub(super) difference: Option<&'static str>,
}

/// What the init is to the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// An ordinary process.
    Ordinary,
    /// One that a prctl(2) before it made a subreaper.
    Subreaper,
    /// PID 1 of a namespace.
    Pid1,
}

/// What is done while the child runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Send this to the init, and wait until whatever it does about it is done.
    Signal(i32),
    /// Wait until the main child is the only child of the init.
    Reaped,
    /// Stop the main child, as ^Z does, and leave it stopped.
    StopChild,
    /// Send this to the init, and nothing after it.
    End(i32),
    /// Send this to an init that cannot pass it on.
    Refused(i32),
    /// Let the child go on, which waits for a file called `go`.
    Go,
}

/// What came of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    code: Option<i32>,
    signal: Option<i32>,
    hung: bool,
    pub(super) stdout: Vec<String>,
    pub(super) stderr: Vec<String>,
    /// What the child and its own child told of what they were given.
    pub(super) child: Vec<String>,
    below: Vec<String>,
    /// The signals after which somebody was stopped, and who.
    stopped: Vec<(i32, &'static str)>,
}

/// Whose program is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// This one.
    Ours,
    /// The original.
    Theirs,
}

impl Line {
    /// In an ordinary place, with nothing else yet.
    pub(super) fn new(program: &'static str, args: &[&str]) -> Self {
        Self {
            program,
            args: args.iter().map(OsString::from).collect(),
            env: Vec::new(),
            world: "",
            place: Place::Ordinary,
            steps: Vec::new(),
            difference: None,
        }
    }

    /// As this to the system.
    pub(super) fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// With one more variable.
    pub(super) fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.env.push((name, value));
        self
    }

    /// In this world.
    pub(super) fn world(mut self, words: &'static str) -> Self {
        self.world = words;
        self
    }

    /// With these steps once the child is ready.
    pub(super) fn steps(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.steps.extend(steps);
        self
    }

    /// Where ours is meant to differ, for the reason that the table has under this name.
    pub(super) fn differs(mut self, name: &'static str) -> Self {
        self.difference = Some(name);
        self
    }

    /// Its words, a child for each `@`.
    fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        for word in &self.args {
            let Some(child) = word.as_bytes().strip_prefix(b"@") else {
                words.push(word.clone());
                continue;
            };
            let child = String::from_utf8_lossy(child).into_owned();
            words.push(actor().into());
            words.push("to=report".into());
            if child.parse::<u8>().is_ok() {
                words.extend(["state", "place", "fds"].map(OsString::from));
                words.extend([format!("code={child}").into(), "arguments".into()]);
            } else {
                words.extend(child.split_whitespace().map(OsString::from));
            }
        }
        words
    }

    /// The actor's words that start it as `binary`.
    fn start(&self, binary: &Path) -> Vec<OsString> {
        let mut words: Vec<OsString> = ["clean", "closefrom=3", "tied"].map(OsString::from).to_vec();
        words.push(match self.place {
            Place::Ordinary => "nokillall".into(),
            Place::Subreaper => "subreaper".into(),
            Place::Pid1 => "pidns".into(),
        });
        words.extend(self.world.split_whitespace().map(OsString::from));
        let mut file = OsString::from("file=");
        file.push(binary);
        words.extend([file, "exec".into(), self.program.into()]);
        words.extend(self.words());
        words
    }

    /// Runs it as `binary` and tells everything.
    pub(super) fn run(&self, binary: &Path, whose: Whose, may_hang: bool) -> Seen {
        let folder = Folder::new();
        let output = |name: &str| -> Stdio { File::create(folder.join(name)).expect("a new file").into() };
        let mut child = Command::new(actor())
            .args(self.start(binary))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .envs(self.env.iter().copied())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(output("stdout"))
            .stderr(output("stderr"))
            .spawn()
            .expect("the actor starts");
        let limit = if may_hang && whose == Whose::Theirs { HANGS_AFTER } else { PATIENCE };
        let mut seen = Seen::default();
        if !self.steps.is_empty() {
            self.perform(&mut child, &folder, limit, &mut seen);
        }
        let mut status = None;
        seen.hung = !held_within(limit, || {
            status = child.try_wait().expect("our child");
            status.is_some()
        });
        if seen.hung {
            let _ = child.kill();
            let _ = child.wait();
        }
        seen.code = status.and_then(|status| status.code());
        seen.signal = status.and_then(|status| status.signal());
        let read = |name: &str| -> Vec<String> {
            let text = fs::read(folder.join(name)).unwrap_or_default();
            // tini says this every second, too.
            // And this not where it looks after the children for another signal's sake.
            let by_chance = ["No child to reap", "Received SIGCHLD"];
            let by_chance = if self.steps.is_empty() { &by_chance[..1] } else { &by_chance };
            let is_told = |line: &String| !by_chance.iter().any(|part| line.contains(part));
            String::from_utf8_lossy(&text).lines().map(masked).filter(is_told).collect()
        };
        seen.stdout = read("stdout");
        seen.stderr = read("stderr");
        seen.child = read("report");
        if !seen.stopped.is_empty() {
            // How many of these come of a stop and a continuation is chance: one may stand for several.
            seen.stderr.retain(|line| line != "[dumb-init] Received signal 17.");
        }
        // The last one ends its parent, and so maybe itself, before it is written down.
        seen.below = read("below");
        seen.below.retain(|line| *line != format!("got {LAST}"));
        // Where init and child both write, the order is chance.
        let child_writes = seen.stderr.iter().any(|line| line.contains("exec"));
        if self.program == "dumb-init" || child_writes || !self.env.is_empty() {
            seen.stdout.sort();
            seen.stderr.sort();
        }
        seen
    }

    /// The first signal that is sent.
    pub(super) fn first_signal(&self) -> i32 {
        let signals = self.steps.iter().filter_map(|step| match step {
            Step::Signal(signal) | Step::End(signal) => Some(*signal),
            Step::Reaped | Step::StopChild | Step::Refused(_) | Step::Go => None,
        });
        signals.min().expect("there is one")
    }

    /// What the child of this line reports if it is started with that mask, those ignored, and these descriptors.
    pub(super) fn reported(&self, blocked: &str, ignored: &str, fds: &[i32]) -> Vec<String> {
        let hex = |kind: &str, bytes: &[u8]| {
            let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{kind} {}", digits.concat())
        };
        let mut lines = vec![
            format!("blocked {blocked} ignored {ignored} caught 0000000000000000"),
            "leads group 1 session 0; with its parent group 0 session 1".to_owned(),
        ];
        lines.extend(fds.iter().map(|fd| format!("fd {fd}")));
        let child = Self {
            args: self.args.iter().filter(|word| word.as_bytes().starts_with(b"@")).cloned().collect(),
            ..self.clone()
        };
        lines.extend(child.words().iter().map(|word| hex("arg", word.as_bytes())));
        lines.push(hex("env", b"PATH=/usr/bin:/bin"));
        lines
    }

    /// Does the steps, one after the other, and has the child end.
    fn perform(&self, child: &mut Child, folder: &Folder, limit: Duration, seen: &mut Seen) {
        let end = Instant::now() + limit;
        let left = || end.saturating_duration_since(Instant::now());
        let report = || fs::read_to_string(folder.join("report")).unwrap_or_default();
        let count = |line: &str| report().lines().filter(|have| *have == line).count();
        let over = |child: &mut Child| child.try_wait().expect("our child").is_some();
        if !held_within(left(), || count("ready") > 0 || over(child)) || over(child) {
            return;
        }
        let outer = i32::try_from(child.id()).expect("a PID");
        let init = if self.place == Place::Pid1 { only_child(outer).unwrap_or(outer) } else { outer };
        let is_stopped = |pid: i32| process(pid).is_some_and(|process| process.state == 'T');
        let fence = format!("got {FENCE}");
        let mut fences = 0;
        for step in &self.steps {
            match *step {
                Step::Reaped => {
                    held_within(left(), || only_child(init).is_some() || over(child));
                }
                Step::Signal(signal) if !over(child) => {
                    let main = only_child(init);
                    try_kill(init, signal);
                    let settled = |pid: i32| rests(pid) || is_stopped(pid);
                    for _ in 0..10 {
                        held_within(left(), || over(child) || (settled(init) && main.is_none_or(settled)));
                        let init_is = is_stopped(init);
                        if over(child) || !(init_is || main.is_some_and(is_stopped)) {
                            break;
                        }
                        seen.stopped.push((signal, if init_is { "init" } else { "child" }));
                        try_kill(init, libc::SIGCONT);
                    }
                    if over(child) {
                        continue;
                    }
                    try_kill(init, FENCE);
                    fences += 1;
                    held_within(left(), || count(&fence) >= fences || over(child));
                }
                Step::Signal(_) => {}
                Step::StopChild => {
                    let main = only_child(init).expect("it is ready");
                    try_kill(main, libc::SIGSTOP);
                    held_within(left(), || is_stopped(main));
                }
                Step::End(signal) => {
                    try_kill(init, signal);
                    return;
                }
                Step::Refused(signal) => {
                    try_kill(init, signal);
                }
                Step::Go => {
                    held_within(left(), || rests(init) || over(child));
                    File::create(folder.join("go")).expect("a new file");
                    return;
                }
            }
        }
        // Whoever is below the child has written down all that it got.
        let below = only_child(init).and_then(only_child);
        held_within(left(), || below.is_none_or(rests) || over(child));
        if !over(child) {
            try_kill(init, LAST);
        }
    }
}

/// The child of `pid`, if it has exactly one.
fn only_child(pid: i32) -> Option<i32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    let mut children = list.split_ascii_whitespace().map(str::parse);
    let first = children.next()?.ok()?;
    children.next().is_none().then_some(first)
}

/// The line without the PIDs of this run.
pub(super) fn masked(line: &str) -> String {
    const BEFORE: [&str; 8] =
        ["tini (", "catatonit:", "pid '", "pid=", "pid: '", "PID ", "process ", "pid1 ("];
    let mut line = line.to_owned();
    for before in BEFORE {
        let mut from = 0;
        while let Some(at) = line[from..].find(before) {
            let start = from + at + before.len();
            let digits = line[start..].bytes().take_while(u8::is_ascii_digit).count();
            if digits > 0 {
                line.replace_range(start..start + digits, "PID");
            }
            from = start;
        }
    }
    line
}

impl Seen {
    /// Ends by itself, with this code and nothing to say.
    pub(super) fn succeeds(&mut self, code: i32) {
        (self.code, self.signal, self.hung) = (Some(code), None, false);
        self.stderr.clear();
    }

    /// catatonit and its child write their lines in pieces, which mix now and then: `again` gives another try.
    pub(super) fn lines_of_two_processes(&mut self, mut again: impl FnMut() -> Self) {
        const LEVELS: [&str; 4] = ["DEBUG (", "INFO (", "WARN (", "ERROR ("];
        for _ in 0..20 {
            let is_mixed = |line: &String| {
                let levels: usize = LEVELS.iter().map(|level| line.matches(level).count()).sum();
                levels > 1 || (levels == 0 && line.contains("tty"))
            };
            if !self.stderr.iter().any(|line| line.contains("catatonit:"))
                || !self.stderr.iter().any(is_mixed)
            {
                return;
            }
            *self = again();
        }
    }

    /// What is not the same, for a failure.
    pub(super) fn against(&self, theirs: &Self) -> String {
        let [ours, theirs] = [self, theirs].map(Self::lines);
        let only = |of: &[String], other: &[String], whose: &str| -> String {
            let missing = of.iter().filter(|line| !other.contains(line));
            missing.fold(String::new(), |text, line| text + "\n    " + whose + " " + line)
        };
        let text = only(&ours, &theirs, "ours  ") + &only(&theirs, &ours, "theirs");
        if !text.is_empty() {
            return text;
        }
        let differ = ours.iter().zip(&theirs).position(|(ours, theirs)| ours != theirs).unwrap_or(0);
        let around =
            |lines: &[String]| lines.iter().skip(differ.saturating_sub(2)).take(5).cloned().collect();
        let (ours, theirs): (Vec<String>, Vec<String>) = (around(&ours), around(&theirs));
        format!("\n    in another order: {ours:?}\n    theirs: {theirs:?}")
    }

    /// All of it, a line for each thing.
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!("code {:?} signal {:?} hung {}", self.code, self.signal, self.hung),
            format!("stopped after {:?}", self.stopped),
        ];
        for (name, texts) in [
            ("stdout", &self.stdout),
            ("stderr", &self.stderr),
            ("child", &self.child),
            ("below", &self.below),
        ] {
            lines.extend(texts.iter().map(|text| format!("{name}: {text}")));
        }
        lines
    }
}

/// Whether this place can be taken on this machine.
pub(super) fn is_playable(place: Place) -> bool {
    match place {
        Place::Pid1 => Role::Pid1.is_playable(),
        Place::Ordinary | Place::Subreaper => true,
    }
}
