//! What is decided from what was seen, without a container.

use std::collections::BTreeMap;
use std::time::Duration;

use super::diagnose;
use super::finding::{Finding, Level};
use super::observation::Observation;
use crate::system::cgroup::{Level as Limit, Levels, ParentCgroups};
use crate::system::procfs::{Descriptors, Pid, ProcessTable, SignalSets, Stat, State, Visibility};

/// When all of it is seen, after boot.
const NOW: Duration = Duration::from_secs(10_000);

/// A process that began `age` seconds ago, in the group and session of PID 1.
fn process(pid: Pid, comm: &str, parent: Pid, age: u64) -> Stat {
    let started = NOW.saturating_sub(Duration::from_secs(age));
    Stat { pid, comm: comm.into(), state: State::Alive, parent, group: 1, session: 1, started }
}

/// The same as a zombie of the session `session`.
fn zombie(pid: Pid, comm: &str, parent: Pid, age: u64, session: Pid) -> Stat {
    Stat { state: State::Zombie, session, ..process(pid, comm, parent, age) }
}

/// What was seen of `processes`, each with its command line; SIGTERM and SIGCHLD have handlers in PID 1 and below.
fn seen(processes: Vec<(Stat, &str)>) -> Observation {
    let caught = SignalSets { caught: 1 << 14 | 1 << 16, ..SignalSets::default() };
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let lines = processes.iter().filter(|(stat, _)| stat.state == State::Alive);
    Observation {
        commands: lines.map(|(stat, line)| (stat.pid, words(line))).collect(),
        signals: processes.iter().map(|(stat, _)| (stat.pid, caught)).collect(),
        zombies: processes
            .iter()
            .map(|(stat, _)| stat.clone())
            .filter(|stat| stat.state == State::Zombie)
            .collect(),
        table: ProcessTable {
            processes: processes.into_iter().map(|(stat, _)| stat).collect(),
            visibility: Visibility::Whole,
        },
        pids: None,
        descriptors: Vec::new(),
        interval: Duration::from_secs(1),
        now: NOW,
        own_path: "/sexton".into(),
    }
}

/// The only finding of `check`.
#[track_caller]
fn finding(seen: &Observation, check: &str) -> Finding {
    let mut found = diagnose(seen).findings;
    found.retain(|finding| finding.check == check);
    assert_eq!(found.len(), 1, "{check}: {found:?}");
    found.remove(0)
}

/// A level with a limit of 100 in which `current` are in use, at both looks.
fn limited(before: u64, current: u64) -> (Levels, Levels) {
    let levels = |current| Levels {
        limited: vec![Limit { current, max: 100 }],
        own: Some(current),
        outer: ParentCgroups::Visible,
    };
    (levels(before), levels(current))
}

#[test]
fn a_zombie_is_blamed_on_where_its_session_says_that_it_comes_from() {
    for (comm, session, cause) in [
        ("wget", 50, "a health check by wget"),
        ("sh", 50, "a health check by sh"),
        ("backup", 50, "backup was started by exec"),
        // The first process of that session lives: the app has started it.
        ("wget", 2, "a program that the app ran left wget behind"),
        ("timeout", 1, "a script at the start that waits with timeout"),
        ("rclone", 1, "a program that the app ran left rclone behind"),
    ] {
        let two = Stat { session: 2, ..process(2, "worker", 1, 20) };
        let seen = seen(vec![
            (process(1, "app", 0, 30), "/app"),
            (two, "/worker"),
            (zombie(60, comm, 1, 10, session), ""),
        ]);
        let found = finding(&seen, "zombies");
        assert_eq!(found.level, Level::Problem);
        assert!(
            found.cause.as_ref().is_some_and(|told| told.starts_with(cause)),
            "{comm} {session}: {found:?}"
        );
        assert_eq!(finding(&seen, "reaping").level, Level::Problem);
    }
}

#[test]
fn a_parent_that_is_not_pid_1_is_told_that_no_init_helps() {
    let seen = seen(vec![
        (process(1, "tini", 0, 30), "tini -- app"),
        (process(2, "app", 1, 30), "/app --token hunter2"),
        (zombie(3, "sh", 2, 10, 1), ""),
    ]);
    let found = finding(&seen, "zombies");
    let cause = found.cause.unwrap_or_default();
    assert!(
        cause.contains("/app --token *** does not wait") && cause.contains("no init can do that"),
        "{cause}"
    );
    assert_eq!(finding(&seen, "reaping").level, Level::Ok);
}

#[test]
fn orphans_are_what_pid_1_did_not_start() {
    let leaderless = |pid, comm: &str| Stat { group: 40, ..process(pid, comm, 1, 5) };
    let cases = [
        ("/app", vec![(process(2, "worker", 1, 5), "/worker")], Level::Ok),
        ("/app", vec![(leaderless(2, "worker"), "/worker")], Level::Problem),
        ("tini -- app", vec![(process(2, "app", 1, 9), "/app")], Level::Ok),
        ("tini -- app", vec![(process(2, "app", 1, 9), "/app"), (process(3, "x", 1, 5), "/x")], Level::Note),
        ("/pause", vec![(process(2, "x", 1, 5), "/x")], Level::Note),
        ("systemd", vec![(process(2, "x", 1, 5), "/x"), (leaderless(3, "y"), "/y")], Level::Ok),
        // Workers of one command under their master are no orphans.
        (
            "tini -- gunicorn",
            vec![
                (process(2, "gunicorn", 1, 9), "gunicorn"),
                (process(3, "gunicorn", 2, 8), "gunicorn"),
                (process(4, "gunicorn", 3, 8), "gunicorn"),
            ],
            Level::Ok,
        ),
    ];
    for (first, below, level) in cases {
        let comm = first.split(' ').next().unwrap_or_default().trim_start_matches('/');
        let mut all = vec![(process(1, comm, 0, 10), first)];
        all.extend(below);
        let seen = seen(all);
        assert_eq!(finding(&seen, "orphans").level, level, "{first}: {:?}", finding(&seen, "orphans"));
    }
}

#[test]
fn what_a_supervisor_forgot_is_known_by_the_same_command_under_its_parent() {
    let seen = seen(vec![
        (process(1, "stormkit", 0, 90), "/stormkit"),
        (process(5, "next", 1, 60), "next start"),
        (process(7, "npm", 1, 30), "npm start"),
        (process(8, "next", 7, 30), "next start"),
    ]);
    let found = finding(&seen, "orphans");
    assert!(found.message.starts_with("1 orphan under PID 1 (stormkit): 1 x next start;"), "{found:?}");
    assert!(found.cause.is_some_and(|cause| cause.starts_with("next ran under npm before")));
}

#[test]
fn pids_are_full_soon_by_the_two_looks_or_by_the_zombies_so_far() {
    let app = || vec![(process(1, "app", 0, 100), "/app")];
    let with = |pids, zombies: Vec<u64>| {
        let mut all = app();
        let zombies = zombies.into_iter().zip(10..);
        all.extend(zombies.map(|(age, pid)| (zombie(pid, "wget", 1, age, 50), "")));
        Observation { pids, ..seen(all) }
    };
    for (pids, zombies, level, message) in [
        (Some(limited(5, 5)), vec![], Level::Ok, "5 of 100 in use (5%)"),
        (Some(limited(90, 90)), vec![], Level::Problem, "90 of 100 in use (90%)"),
        // An app that starts a thread is no leak.
        (Some(limited(5, 7)), vec![], Level::Ok, "7 of 100 in use (7%)"),
        (
            Some(limited(10, 20)),
            vec![],
            Level::Problem,
            "20 of 100 in use (20%); at this rate (10 in 1s) it is full in 8s",
        ),
        (
            Some(limited(20, 20)),
            vec![50, 40, 30, 20, 10],
            Level::Problem,
            "20 of 100 in use (20%); at this rate (4 in 40s) it is full in 13m 20s",
        ),
        // All at once, when the app started.
        (Some(limited(20, 20)), vec![90, 90, 90, 89, 89], Level::Ok, "20 of 100 in use (20%)"),
        (
            None,
            vec![],
            Level::Note,
            "no pids cgroup is mounted here; docker and kubernetes mount /sys/fs/cgroup",
        ),
    ] {
        let found = finding(&with(pids, zombies), "pids");
        assert_eq!((found.level, found.message.as_str()), (level, message));
    }
}

#[test]
fn the_process_that_is_nearest_to_its_limit_of_descriptors_is_named() {
    let mut seen = seen(vec![(process(1, "app", 0, 9), "/app"), (process(2, "db", 1, 9), "/db")]);
    let with = |one, other| {
        vec![(1, Descriptors { open: one, limit: 100 }), (2, Descriptors { open: other, limit: 50 })]
    };
    seen.descriptors = with(60, 10);
    assert_eq!(finding(&seen, "descriptors").message, "60 of 100 open in app (pid 1) (60%)");
    seen.descriptors = with(60, 45);
    assert_eq!(finding(&seen, "descriptors").level, Level::Problem);
}

#[test]
fn sigterm_is_a_problem_where_nobody_acts_on_it() {
    let (term, none) = (1 << 14, SignalSets::default());
    let ignored = SignalSets { ignored: term, ..none };
    for (first, signals, level) in [
        ("app", SignalSets { caught: term, ..none }, Level::Ok),
        ("app", SignalSets { blocked: term, ..none }, Level::Ok),
        ("app", ignored, Level::Problem),
        ("app", none, Level::Problem),
        ("sh", none, Level::Problem),
        ("tini", none, Level::Ok),
        ("systemd", none, Level::Ok),
        ("pause", none, Level::Ok),
    ] {
        let mut seen = seen(vec![(process(1, first, 0, 9), first)]);
        seen.signals = BTreeMap::from([(1, signals)]);
        assert_eq!(finding(&seen, "sigterm").level, level, "{first} {signals:?}");
    }
    let mut seen = seen(vec![(process(1, "tini", 0, 9), "tini"), (process(2, "app", 1, 9), "/app")]);
    seen.signals = BTreeMap::from([(2, ignored)]);
    assert_eq!(finding(&seen, "sigterm").level, Level::Problem);
}
