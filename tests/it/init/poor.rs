//! Items 46 and 47: where something is missing.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::libc;

use crate::support::actor::actor;
use crate::support::inits::{Kind, Opt, program};
use crate::support::launch::{Launch, Role, both_roles, skipped};
use crate::support::process::{children, until};
use crate::support::temp::{Folder, copy};

/// A folder with the program under test and the actor, and nothing else: what `FROM scratch` makes.
fn scratch() -> Folder {
    let folder = Folder::new();
    copy(&program().path, &folder.join("init"));
    copy(actor(), &folder.join("actor"));
    folder
}

/// An init in that root. Outside of a namespace only the mounts are its own.
fn in_root(role: Role, root: &str) -> Launch {
    let mounts = if role == Role::Subreaper { "mountns" } else { "clean" };
    Launch::new(role).world(&format!("{mounts} root={root}")).at("/init")
}

/// Asserts that it forwards, reaps and keeps the code.
fn works(launch: Launch) {
    works_as(launch, &actor().display().to_string());
}

/// The same with the actor at another path.
fn works_as(launch: Launch, actor: &str) {
    let words = "block=10,15 fork fork exit=0 end exit=0 end wait say=ready await=10 await=15 exit=3";
    let running = launch.command([actor]).command(words.split(' ')).start();
    running.line("ready");
    running.signal(10);
    running.line("got 10");
    let init = running.init();
    until(*crate::support::launch::PATIENCE, "the orphan is reaped", || children(init).len() == 1);
    running.signal(15);
    let run = running.finish();
    assert_eq!(run.code, Some(3), "{run:?}");
}

/// A system call and its number.
type Call = (&'static str, libc::c_long);

/// The calls that an init likes to have and must be able to go without.
const NICE_TO_HAVE: [Call; 8] = [
    ("signalfd4", libc::SYS_signalfd4),
    ("pidfd_open", libc::SYS_pidfd_open),
    ("pidfd_send_signal", libc::SYS_pidfd_send_signal),
    ("close_range", libc::SYS_close_range),
    ("prctl", libc::SYS_prctl),
    ("timerfd_create", libc::SYS_timerfd_create),
    ("epoll_create1", libc::SYS_epoll_create1),
    ("clone3", libc::SYS_clone3),
];

/// The word that makes `calls` answer `error`.
fn deny(error: i32, calls: &[Call]) -> String {
    let numbers: Vec<String> = calls.iter().map(|(_, number)| number.to_string()).collect();
    format!("deny={error}:{}", numbers.join(","))
}

both_roles! {
    fn item_46_each_missing_system_call_has_its_fallback(role: Role) {
        for error in [libc::EPERM, libc::ENOSYS] {
            for call in NICE_TO_HAVE {
                works(Launch::new(role).world(&deny(error, &[call])));
            }
        }
    }
}

both_roles! {
    fn item_46_all_of_them_may_be_missing_at_once(role: Role) {
        for error in [libc::EPERM, libc::ENOSYS] {
            works(Launch::new(role).world(&deny(error, &NICE_TO_HAVE)));
            works(Launch::new(role).option(Opt::Verbose).world(&deny(error, &NICE_TO_HAVE)));
        }
    }
}

both_roles! {
    fn item_46_without_close_range_the_childs_descriptors_are_still_only_its_own(role: Role) {
        let run = Launch::new(role).world("open=7").world(&deny(libc::ENOSYS, &NICE_TO_HAVE)).actor("fds").run();
        assert_eq!(run.stdout, "fd 0\nfd 1\nfd 2\nfd 7\n", "{run:?}");
    }
}

both_roles! {
    fn item_46_it_runs_on_scratch_without_proc_and_devices(role: Role) {
        let root = scratch();
        works_as(in_root(role, &root.path().display().to_string()), "/actor");
    }
}

both_roles! {
    fn item_46_without_proc_leftovers_are_still_asked_and_killed(role: Role) {
        let root = scratch();
        let words = "block=10,15 fork setsid ignore=15 say=left pause end say=ready await=10 exit=9";
        let running = in_root(role, &root.path().display().to_string())
            .option(Opt::Drain("300ms"))
            .command(["/actor"])
            .command(words.split(' '))
            .start();
        running.line("ready");
        running.line("left");
        running.signal(10);
        let run = running.finish_within(std::time::Duration::from_secs(3));
        assert_eq!(run.code, Some(9), "{run:?}");
    }
}

both_roles! {
    fn item_52_it_needs_no_descriptors(role: Role) {
        for limit in 3..=7 {
            let role_word = if role == Role::Subreaper { "fork setsid ignore=15 alarm=60 pause end " } else { "" };
            let words = format!("block=10,15 {role_word}say=ready await=10 await=15 exit=3");
            let launch = Launch::new(role).option(Opt::Drain("300ms")).world(&format!("nofile={limit}"));
            let running = launch.actor(&words).start();
            running.line("ready");
            running.signal(10);
            running.line("got 10");
            running.signal(15);
            let run = running.finish();
            assert_eq!((run.code, run.stderr.as_str()), (Some(3), ""), "{limit}: {run:?}");
        }
        let run = Launch::new(role).world("nofile=3").command(["/nowhere"]).run();
        assert_eq!(run.code, Some(127), "{run:?}");
    }
}

both_roles! {
    fn item_46_it_runs_on_a_read_only_root(role: Role) {
        let root = scratch();
        works_as(in_root(role, &format!("ro:{}", root.path().display())), "/actor");
    }
}

both_roles! {
    fn item_46_without_a_shell_what_is_no_program_is_126(role: Role) {
        let root = scratch();
        fs::write(root.join("draft"), "exit 3\n").expect("a new file");
        fs::set_permissions(root.join("draft"), Permissions::from_mode(0o755)).expect("ours");
        copy(&root.join("draft"), &root.join("text"));
        let run = in_root(role, &root.path().display().to_string()).command(["/text"]).run();
        assert_eq!((run.code, run.stderr.lines().count()), (Some(126), 1), "{run:?}");
        assert!(run.stderr.contains("/text"), "{run:?}");
    }
}

both_roles! {
    fn item_46_it_runs_as_another_user(role: Role) {
        if !nix::unistd::geteuid().is_root() {
            skipped("only root can become another user");
            return;
        }
        let folder = scratch();
        let launch = Launch::new(role).world("setuid=65534").at(folder.join("init"));
        works_as(launch, folder.join("actor").to_str().expect("UTF-8"));
    }
}

/// Asserts one line that says what is short, and 125.
fn says_that_no_process_is_free(run: &crate::support::Run) {
    assert_eq!((run.code, run.stderr.lines().count()), (Some(125), 1), "{run:?}");
    assert!(run.stderr.contains("process"), "{run:?}");
}

both_roles! {
    fn item_46_no_free_process_of_the_user_is_125(role: Role) {
        if !nix::unistd::geteuid().is_root() {
            skipped("only root can become another user");
            return;
        }
        let folder = scratch();
        // Nobody else is that user, and one process is what it may have.
        let uid = if role == Role::Pid1 { 64_123 } else { 64_124 };
        let run = Launch::new(role)
            .world(&format!("setuid={uid} nproc=1"))
            .at(folder.join("init"))
            .command([folder.join("actor").as_os_str(), "exit=3".as_ref()])
            .run();
        says_that_no_process_is_free(&run);
    }
}

/// A control group that allows one process; gone when dropped.
struct OneProcess(PathBuf);

impl OneProcess {
    /// In the hierarchy of either version, where we may.
    fn new(name: &str) -> Option<Self> {
        let name = format!("sexton-{name}-{}", std::process::id());
        for root in ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"] {
            let path = Path::new(root).join(&name);
            if fs::create_dir(&path).is_ok() {
                let group = Self(path);
                if fs::write(group.0.join("pids.max"), "1").is_ok() {
                    return Some(group);
                }
            }
        }
        skipped("no control group with pids.max can be made here");
        None
    }
}

impl Drop for OneProcess {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

both_roles! {
    fn item_46_pids_max_reached_is_125(role: Role) {
        let Some(group) = OneProcess::new(&format!("{role:?}")) else { return };
        let world = format!("cgroup={}/cgroup.procs", group.0.display());
        let run = Launch::new(role).world(&world).actor("exit=3").run();
        says_that_no_process_is_free(&run);
    }
}

/// A number of `bytes` at `at`, little end first.
fn field(bytes: &[u8], at: usize, width: usize) -> usize {
    bytes[at..at + width].iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

#[test]
fn item_47_it_is_static() {
    // elf(5), 64 bits: the program headers, their kinds, and the entries of the dynamic section.
    const PT_DYNAMIC: usize = 2;
    const PT_INTERP: usize = 3;
    const DT_NEEDED: usize = 1;
    let bytes = fs::read(&program().path).expect("it can be read");
    assert_eq!(&bytes[..5], b"\x7fELF\x02");
    let (start, size, count) = (field(&bytes, 32, 8), field(&bytes, 54, 2), field(&bytes, 56, 2));
    for header in (0..count).map(|index| start + index * size) {
        let kind = field(&bytes, header, 4);
        assert_ne!(kind, PT_INTERP, "it asks for a dynamic loader");
        if kind == PT_DYNAMIC {
            let (offset, length) = (field(&bytes, header + 8, 8), field(&bytes, header + 32, 8));
            let needed = (0..length / 16).filter(|entry| field(&bytes, offset + entry * 16, 8) == DT_NEEDED);
            assert_eq!(needed.count(), 0, "it asks for libraries");
        }
    }
}

#[test]
fn item_47_it_is_within_the_size_budget() {
    let size = fs::metadata(&program().path).expect("it exists").len();
    if program().kind == Kind::Sexton && fs::read(&program().path).expect("it can be read").len() > 10_000_000
    {
        skipped("a debug build has no size to speak of");
        return;
    }
    // The budget of what release/build makes for x86_64; by Cargo alone it is larger (docs/design.md, "What is shipped").
    assert!(size <= 3_700_000, "{size} bytes");
}
