//! `process:`, `pid:`, `zombies:` and `pids:`: what lives, who is named, and what may not be seen.

use std::process::Command;
use std::sync::mpsc;
use std::thread;

use crate::support::actor::actor;
use crate::support::isolated::{is_root, isolated, skip};
use crate::support::program::binary;
use crate::support::temp::Folder;
use crate::support::{Run, eventually, run, sexton};

/// Defines `becomes PID START`, which waits until a process has been replaced by a program of that command line, and
/// `leave N`: a parent called `sleep` that leaves N zombies called `true`, and waits until they are ones. They
/// end only when the parent has become a program that reaps nobody: the shell that it was before may have reaped them.
const LEAVE: &str = r#"
mount -t tmpfs none /mnt
becomes() { until tr '\0' ' ' < /proc/$1/cmdline | grep -q "^$2"; do sleep 0.1; done; }
zombies() { cat /proc/[0-9]*/stat 2> /dev/null | grep -c "(true) Z"; }
leave() {
    sh -c 'for i in $(seq '$1'); do (until [ -e /mnt/go ]; do sleep 0.1; done; exec /bin/true) & done
        exec sleep 1000' &
    until [ "$(cat /proc/$!/comm)" = sleep ]; do sleep 0.1; done
    touch /mnt/go
    until [ "$(zombies)" = $1 ]; do sleep 0.1; done
}
"#;

/// Runs `script` as `isolated` does, with [`LEAVE`] and an empty /mnt, and asserts that it prints lines that begin with
/// `wanted`, each after what `check` said; `{}` in them stands for the script's last line.
#[track_caller]
fn prints(script: &str, wanted: &[&str]) {
    let script = format!("{LEAVE} check() {{ $SEXTON check \"$@\"; }}\n{script}");
    let Some(run) = isolated(&script) else { return };
    let lines: Vec<&str> = run.stdout.lines().collect();
    let Some((last, lines)) = lines.split_last() else { panic!("nothing was printed: {run:?}") };
    assert_eq!(lines.len(), wanted.len(), "{}", run.stdout);
    for (line, wanted) in lines.iter().zip(wanted) {
        assert!(line.starts_with(&wanted.replace("{}", last)), "wanted {wanted} ({last}): {line}");
    }
}

#[test]
fn a_process_is_found_by_its_whole_name() {
    prints(
        "sleep 1000 & pid=$!; until [ \"$(cat /proc/$pid/comm)\" = sleep ]; do sleep 0.05; done
        check process:sleep; check process:slee; check process:sleepy
        sleep 1000 & sleep 1000 & until [ $(pgrep -cx sleep) = 3 ]; do sleep 0.05; done; check process:sleep
        echo $pid",
        &[
            "healthy: sleep (pid {}) lives (process:sleep, ",
            "unhealthy: no process is called slee, among 3 (process:slee, ",
            "unhealthy: no process is called sleepy, among 3 (process:sleepy, ",
            "healthy: 3 processes live, the first is sleep (pid {}) (process:sleep, ",
        ],
    );
}

#[test]
fn a_name_that_the_kernel_has_cut_is_found_whole() {
    prints(
        "printf '#!/bin/sh\nread x < /mnt/fifo' > /mnt/docker-entrypoint.sh; chmod +x /mnt/docker-entrypoint.sh
        mkfifo /mnt/fifo; /mnt/docker-entrypoint.sh & pid=$!
        until grep -q docker /proc/$pid/comm; do sleep 0.05; done
        check process:docker-entrypoint.sh; check process:docker-entrypoi; check process:docker-entrypoint.py
        echo $pid",
        &[
            "healthy: docker-entrypoi (pid {}) lives",
            "healthy: docker-entrypoi (pid {}) lives",
            "unhealthy: no process is called docker-entrypoint.py",
        ],
    );
}

#[test]
fn a_process_is_found_by_its_command_line() {
    prints(
        "mkfifo /mnt/fifo; sh -c 'read x < /mnt/fifo' app --role worker & pid=$!
        becomes $pid 'sh -c read x'
        check 'process:/app --role (worker|web)$/'; check 'process:/role web/'; check 'process:/^sh .*--role worker/'
        echo $pid",
        &[
            "healthy: sh (pid {}) lives (process:/app --role (worker|web)$/, ",
            "unhealthy: no process has a command line that matches, among 3 (process:/role web/, ",
            "healthy: sh (pid {}) lives",
        ],
    );
}

#[test]
fn a_dead_process_is_named_as_the_zombie_that_it_is() {
    prints(
        "leave 1; check process:true; check process:/^true/; echo $(pgrep -x true) $!",
        // Numbers differ by the shells in between, so each is looked for below.
        &["unhealthy: true (pid ", "unhealthy: true (pid "],
    );
    prints(
        "leave 1; check process:true | sed 's/.*zombie: //'; echo $!",
        &["it has ended, and its parent sleep (pid {}) has not reaped it (process:true, "],
    );
}

#[test]
fn who_asks_is_never_the_answer() {
    // A shell that waits for the check, one whose quotes are not ours, and another check of the same at the same time.
    prints(
        r#"sh -c '$SEXTON check process:/nosuch.*app/ || exit 1'
        sh -c "\$SEXTON check \"process:/nosuch.*\\\\.app/\"; true"
        sh -c '$SEXTON check process:nosuchapp; true' nosuchapp
        mkfifo /mnt/fifo; $SEXTON wait --timeout 50s process:/nosuch/ 2> /mnt/log & waiting=$!
        becomes $waiting '/.*sexton wait'
        check process:/nosuch/; check process:/sexton/
        sh -c 'read x < /mnt/fifo' nosuch-app & pid=$!
        becomes $pid 'sh -c read x'
        wait $waiting; grep ready: /mnt/log; sh -c '$SEXTON check process:/nosuch.*app/ || exit 1'; echo $pid"#,
        &[
            "unhealthy: no process has a command line that matches",
            "unhealthy: no process has a command line that matches",
            "unhealthy: no process is called nosuchapp",
            "unhealthy: no process has a command line that matches",
            "unhealthy: no process has a command line that matches",
            "ready: sh (pid {}) lives",
            "healthy: sh (pid {}) lives",
        ],
    );
}

#[test]
fn hidepid_is_told_where_it_hides() {
    if !is_root() {
        return skip("only root can become another user");
    }
    prints(
        "nobody='setpriv --reuid 65534 --regid 65534 --clear-groups'; sleep 1000 & pid=$!
        until [ \"$(cat /proc/$pid/comm)\" = sleep ]; do sleep 0.05; done; echo $pid > /mnt/pid
        $nobody $SEXTON check process:sleep pid:/mnt/pid; mount -o remount,hidepid=2 /proc
        $nobody $SEXTON check process:sleep pid:/mnt/pid; kill -9 $pid; wait $pid
        $nobody $SEXTON check pid:/mnt/pid; echo $pid",
        &[
            "healthy: sleep (pid {}) lives (process:sleep, ",
            "healthy: sleep (pid {}) lives (pid:/mnt/pid, ",
            "unhealthy: /proc is mounted with hidepid and shows 1 of the processes",
            "healthy: pid {} lives, and /proc does not show what it is",
            "unhealthy: there is no process {}: the file is stale",
        ],
    );
}

#[test]
fn the_process_of_a_pid_file_must_live() {
    prints(
        "sleep 1000 & pid=$!; until [ \"$(cat /proc/$pid/comm)\" = sleep ]; do sleep 0.05; done
        echo $pid > /mnt/pid; check pid:/mnt/pid; check pid:///mnt/pid
        kill -9 $pid; wait $pid; check pid:/mnt/pid
        echo 4194304 > /mnt/pid; check pid:/mnt/pid
        : > /mnt/pid; check pid:/mnt/pid; echo -5 > /mnt/pid; check pid:/mnt/pid
        mkdir /mnt/d; check pid:/mnt/d; mkfifo /mnt/fifo; check pid:/mnt/fifo; check pid:/mnt/none; echo $pid",
        &[
            "healthy: sleep (pid {}) lives (pid:/mnt/pid, ",
            "healthy: sleep (pid {}) lives (pid:///mnt/pid, ",
            "unhealthy: there is no process {}: the file is stale (pid:/mnt/pid, ",
            "unhealthy: there is no process 4194304: the file is stale",
            "unhealthy: the pid file is empty",
            "unhealthy: `-5` in the pid file is not a pid",
            "unhealthy: a directory, not a file that can be read",
            "unhealthy: a fifo, not a file that can be read",
            "unhealthy: no such file (pid:/mnt/none, ",
        ],
    );
}

#[test]
fn a_zombie_does_not_live_whatever_its_pid_file_says() {
    prints(
        "leave 1; pgrep -x true > /mnt/pid; check pid:/mnt/pid | sed 's/ is a zombie.*//'; echo $(cat /mnt/pid)",
        &["unhealthy: true (pid {})"],
    );
}

#[test]
fn a_pid_that_was_given_out_again_is_another_process() {
    prints(
        "sleep 1000 & pid=$!; until [ \"$(cat /proc/$pid/comm)\" = sleep ]; do sleep 0.05; done; echo $pid > /mnt/pid
        touch -d '2 hours ago' /mnt/pid; check pid:/mnt/pid
        touch -d 'now + 1 hour' /mnt/pid; check pid:/mnt/pid
        sh -c 'echo $$ > /mnt/pid; exec $SEXTON check pid:/mnt/pid' | sed 's/pid [0-9]* is/pid is/'
        echo $pid",
        &[
            "unhealthy: pid {} is sleep now, which started 1h 59m after the file was written: the file is stale",
            "healthy: sleep (pid {}) lives",
            "unhealthy: pid is this very check: the file is stale",
        ],
    );
}

#[test]
fn a_thread_is_no_process_of_a_pid_file() {
    let (tell, told) = mpsc::channel();
    let (over, is_over) = mpsc::channel::<()>();
    let thread = thread::spawn(move || {
        tell.send(nix::unistd::gettid()).unwrap();
        let _ = is_over.recv();
    });
    let tid = told.recv().unwrap();
    let place = Folder::new();
    let file = place.join("pid");
    std::fs::write(&file, format!("{tid}\n")).unwrap();
    let run: Run = sexton(["check", &format!("pid:{}", file.display())]);
    drop(over);
    thread.join().unwrap();
    run.said(
        1,
        &format!("unhealthy: pid {tid} is a thread of process {}: the file is stale", std::process::id()),
    );
}

#[test]
fn without_proc_a_pid_file_is_still_worth_something() {
    prints(
        "sleep 1000 & echo $! > /mnt/pid; echo 4194304 > /mnt/none; mount -t tmpfs none /proc
        check pid:/mnt/pid; check pid:/mnt/none; check process:sleep; echo $!",
        &[
            "healthy: pid {} lives, and /proc does not show what it is",
            "unhealthy: there is no process 4194304: the file is stale",
            "unhealthy: /proc is not mounted; mount it",
        ],
    );
}

#[test]
fn what_names_no_process_is_refused() {
    for (target, reason) in [
        ("process:", "process:: no process name"),
        (
            "process:/usr/bin/app",
            "process:/usr/bin/app: no / at the end of the pattern; write process:/PATTERN/, or a name without its path",
        ),
        ("process://", "process://: the pattern is empty"),
        (
            "process:a/b",
            "process:a/b: invalid process name: it has a /; write a pattern as process:/PATTERN/",
        ),
        ("process:/(a/", "process:/(a/: found open group without closing ')'"),
        ("pid:app.pid", "pid:app.pid: the path must be absolute"),
    ] {
        sexton(["check", target]).refused(reason);
    }
}

/// Its first thread shows as a zombie (proc(5)), but nobody can reap it: the process lives.
#[test]
fn a_process_whose_first_thread_has_ended_is_no_zombie_for_check_nor_for_metrics() {
    let script = format!(
        "{LEAVE} {} outlived & outlived=$!
        until grep -q ') Z' /proc/$outlived/stat; do sleep 0.05; done
        $SEXTON init --watch file:/proc/1/stat --listen unix:/mnt/metrics -- sleep 1000 & init=$!
        metrics() {{ $SEXTON check --unix-socket /mnt/metrics --contains \"$1\" http://localhost/metrics; }}
        until [ -S /mnt/metrics ]; do sleep 0.05; done
        $SEXTON check zombies:; metrics 'sexton_zombies 0'; leave 1; $SEXTON check zombies:1; metrics 'sexton_zombies 1'
        kill $init; kill -9 $outlived; wait $init",
        actor().display()
    );
    let Some(run) = isolated(&script) else { return };
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines[0].starts_with("healthy: no zombies among "), "{run:?}");
    assert!(lines[1].starts_with("healthy: "), "{run:?}");
    assert!(lines[2].starts_with("healthy: 1 zombie among "), "the control: {run:?}");
    assert!(lines[3].starts_with("healthy: "), "{run:?}");
}

/// Each is one open, one read and one close, of a buffer that takes the longest line.
#[test]
fn zombies_reads_the_line_of_each_process_once() {
    if Command::new("strace").arg("-V").output().is_err() {
        return skip("there is no strace");
    }
    let Some(run) = isolated("strace -f -e trace=open,openat,read $SEXTON check zombies: 2>&1") else {
        return;
    };
    let trace = &run.stdout;
    let opens = trace.matches("/stat\", O_RDONLY").count();
    let reads = trace.lines().filter(|line| line.contains("read(") && line.contains("\"1 (sh) S 0 ")).count();
    assert!(opens >= 2, "{trace}");
    assert_eq!(reads, 1, "{trace}");
    let lines = trace.lines().filter(|line| line.contains("read(") && line.contains(", 2048) = ")).count();
    assert_eq!(lines, opens, "nothing is read twice: {trace}");
}

#[test]
fn zombies_are_counted_and_their_parent_is_named() {
    let script = format!(
        "{LEAVE} $SEXTON check zombies:; echo $?; leave 3; parent=$!
        $SEXTON check zombies:; echo $?; $SEXTON check zombies:2; echo $?; $SEXTON check zombies:3; echo $?
        kill -9 $parent; wait $parent
        until [ $(zombies) = 0 ]; do sleep 0.05; done; $SEXTON check zombies:; echo $?; echo parent $parent"
    );
    let Some(run) = isolated(&script) else { return };
    let lines: Vec<&str> = run.stdout.lines().collect();
    let parent =
        lines.last().and_then(|line| line.strip_prefix("parent ")).expect("the script reached its end");
    let guilty = format!("3 x true under sleep (pid {parent}); the oldest started ");
    assert!(lines[0].starts_with("healthy: no zombies among 2 processes (zombies:, "), "{}", run.stdout);
    assert!(lines[2].starts_with(&format!("unhealthy: 3 zombies, at most 0: {guilty}")), "{}", run.stdout);
    assert!(lines[4].starts_with(&format!("unhealthy: 3 zombies, at most 2: {guilty}")), "{}", run.stdout);
    assert!(lines[6].starts_with("healthy: 3 zombies among 6 processes (zombies:3, "), "{}", run.stdout);
    assert!(lines[8].starts_with("healthy: no zombies among 2 processes"), "{}", run.stdout);
    assert_eq!([lines[1], lines[3], lines[5], lines[7], lines[9]], ["0", "1", "1", "0", "0"]);
}

#[test]
fn a_zombie_of_pid_1_is_blamed_on_it() {
    // The shell becomes a program that reaps nobody; the check is a child that was started before.
    let script = format!(
        "{LEAVE} mkfifo /mnt/over
        (until [ -e /mnt/go ]; do sleep 0.1; done; exec /bin/true) &
        (until grep -q head /proc/1/comm; do sleep 0.1; done; touch /mnt/go
        until [ $(zombies) = 1 ]; do sleep 0.1; done; $SEXTON check zombies:; echo > /mnt/over) &
        exec head -n 1 /mnt/over"
    );
    let Some(run) = isolated(&script) else { return };
    let line = "unhealthy: 1 zombie, at most 0: 1 x true under head (pid 1); the oldest started ";
    assert!(run.stdout.starts_with(line), "{run:?}");
}

#[test]
fn without_proc_nothing_is_said_of_zombies() {
    let script = "mount -t tmpfs none /proc && $SEXTON check zombies:; echo $?";
    let Some(run) = isolated(script) else { return };
    assert!(run.stdout.starts_with("unhealthy: /proc is not mounted; mount it"), "{run:?}");
    assert!(run.stdout.ends_with("\n1\n"), "{run:?}");
}

#[test]
fn an_unprivileged_user_sees_all_zombies_unless_hidepid_says_otherwise() {
    if !is_root() {
        return skip("only root can become another user");
    }
    let check = "setpriv --reuid 65534 --regid 65534 --clear-groups $SEXTON check zombies:; echo $?";
    for (options, sight) in [
        ("hidepid=0", "unhealthy: 2 zombies, at most 0: 2 x true under sleep (pid "),
        ("hidepid=1", "unhealthy: /proc is mounted with hidepid and shows 1 of the processes"),
        ("hidepid=2", "unhealthy: /proc is mounted with hidepid and shows 1 of the processes"),
    ] {
        let script = format!("{LEAVE} leave 2; mount -o remount,{options} /proc || exit; {check}");
        let Some(run) = isolated(&script) else { return };
        assert!(run.stdout.starts_with(sight), "{options}: {run:?}");
    }
}

#[test]
fn a_zombie_that_is_reaped_at_once_is_no_leak() {
    // A shell that starts and reaps one child after the other always has one that is about to be reaped.
    let script = "(while :; do /bin/true; done) & for i in $(seq 20); do $SEXTON check zombies: || exit; done; echo clean";
    let Some(run) = isolated(script) else { return };
    assert!(run.stdout.ends_with("clean\n"), "{run:?}");
}

#[test]
fn a_limit_that_is_no_number_is_refused() {
    for limit in ["x", "-1", "+1", "1.5", "99999999999999999999999"] {
        let run = sexton(["check", &format!("zombies:{limit}")]);
        run.refused(&format!("zombies:{limit}: invalid limit `{limit}`; write for example zombies:5"));
    }
}

/// A new cgroup with a limit on PIDs; gone when dropped.
struct Cgroup(std::path::PathBuf);

impl Cgroup {
    /// Makes one that may hold `max`, below the hierarchy that has the pids controller here.
    fn new(max: &str) -> Option<Self> {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("sexton-{}-{count}", std::process::id());
        ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].iter().find_map(|mount| {
            let path = std::path::Path::new(mount).join(&name);
            std::fs::create_dir(&path).ok()?;
            let cgroup = Self(path);
            std::fs::write(cgroup.0.join("pids.max"), max).ok()?;
            Some(cgroup)
        })
    }

    /// Checks `target` in it, as one process of two: the other one sleeps.
    fn check(&self, target: &str) -> Run {
        let procs = self.0.join("cgroup.procs");
        let script = "echo $$ > $PROCS && { sleep 1000 & \"$SEXTON\" check $TARGET; code=$?; kill $!; wait; exit $code; }";
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("PROCS", procs).env("SEXTON", binary()).env("TARGET", target);
        run(&mut command)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // The last process may not be reaped yet.
        eventually("the cgroup can be removed", || std::fs::remove_dir(&self.0).is_ok() || !self.0.exists());
    }
}

#[test]
fn a_cgroup_without_pids_to_spare_fails() {
    let Some(cgroup) = Cgroup::new("10") else { return skip("no cgroup can be made") };
    // The shell, the one that sleeps, and the check itself.
    cgroup.check("pids:").said(0, "healthy: 3 of 10 PIDs in use (30%) (pids:, ");
    cgroup.check("pids:31%").said(0, "healthy: 3 of 10 PIDs in use (30%) (pids:31%, ");
    cgroup
        .check("pids:30")
        .said(1, "unhealthy: 3 of 10 PIDs in use (30%, the limit is 30%); zombies and threads count, too");
    std::fs::write(cgroup.0.join("pids.max"), "3").unwrap();
    cgroup.check("pids:100").said(1, "unhealthy: 3 of 3 PIDs in use (100%, the limit is 100%)");
}

#[test]
fn zombies_use_up_the_pids_of_a_cgroup() {
    let Some(cgroup) = Cgroup::new("60") else { return skip("no cgroup can be made") };
    let procs = cgroup.0.join("cgroup.procs");
    let script = format!(
        "{LEAVE} echo $$ > {} || exit; leave 12; $SEXTON check pids:90; $SEXTON check pids:20; $SEXTON check zombies:",
        procs.display()
    );
    let Some(run) = isolated(&script) else { return };
    let lines: Vec<&str> = run.stdout.lines().collect();
    // The shell, the parent, its twelve, and the check.
    assert!(lines[0].starts_with("healthy: 15 of 60 PIDs in use (25%)"), "{}", run.stdout);
    assert!(
        lines[1].starts_with("unhealthy: 15 of 60 PIDs in use (25%, the limit is 20%)"),
        "{}",
        run.stdout
    );
    assert!(
        lines[2].starts_with("unhealthy: 12 zombies, at most 0: 12 x true under sleep"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_cgroup_inside_one_with_a_limit_is_bound_by_it() {
    let Some(outer) = Cgroup::new("10") else { return skip("no cgroup can be made") };
    let inner = Cgroup(outer.0.join("inner"));
    std::fs::create_dir(&inner.0).unwrap();
    inner.check("pids:30").said(1, "unhealthy: 3 of 10 PIDs in use (30%, the limit is 30%)");
    drop(inner);
}

#[test]
fn no_limit_and_no_cgroup_are_told_apart() {
    let Some(cgroup) = Cgroup::new("max") else { return skip("no cgroup can be made") };
    cgroup.check("pids:").said(0, "healthy: 3 PIDs in use, without a limit (pids:, ");
    let Some(run) = isolated("umount -l /sys/fs/cgroup; umount -l /sys; $SEXTON check pids:") else { return };
    run.said(
        1,
        "unhealthy: no pids cgroup is mounted here; docker and kubernetes mount /sys/fs/cgroup (pids:, ",
    );
}

#[test]
fn a_percentage_that_is_none_is_refused() {
    for text in ["0", "101", "x", "%", "-1", "+5", "5.5"] {
        let target = format!("pids:{text}");
        sexton(["check", &target]).refused(&format!("{target}: invalid percentage `{text}` (1-100)"));
    }
}
