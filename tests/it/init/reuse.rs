//! A process ID that is used again while a subreaper drains: whoever has it by then is not signalled.
//!
//! In a PID namespace where the next number can be chosen (`/proc/sys/kernel/ns_last_pid`), strace holds the init up at one
//! system call. Meanwhile the leftover that it is about to signal dies, is reaped by its own parent, and a stranger, which
//! is no descendant of the init, gets its number.

use crate::support::actor::actor;
use crate::support::inits::{Kind, program};
use crate::support::launch::{Launch, PATIENCE, Role, skipped};
use crate::support::process::{children, descendants, kill, process, switches, until};

/// The number that is used twice.
const TWICE: i32 = 500;

/// Where strace holds the init up, and what is refused.
struct Moment<'a> {
    /// The call that is held up.
    call: &'a str,
    number: libc::c_long,
    /// The first, second, third of its kind.
    nth: u32,
    /// Words of the actor before strace.
    world: &'a str,
}

/// Has the number change hands at that moment of a drain; whether the stranger gets the SIGTERM that was for the leaf.
fn is_the_stranger_signalled(moment: &Moment<'_>) -> bool {
    let Moment { call, number, nth, world } = moment;
    let (actor, sexton) = (actor().display(), program().path.display());
    let last = TWICE - 1;
    // The leftover reaps its own child, whose number is then free.
    let leftover = format!(
        "fork block=15 lastpid={last} fork block=15 say=leaf pause end wait say=reaped await=15 exit=0 end"
    );
    let tree = format!(
        "block=10,12 fork tied {world} exec /usr/bin/strace -qq -o /dev/null -e trace={call} \
         -e inject={call}:delay_enter=6s:when={nth} {sexton} init --drain 30s -- \
         {actor} block=10,15 {leftover} await=10 exit=9 end"
    );
    let root =
        format!("say=root await=10 lastpid={last} fork block=15 ids say=stranger pause end await=12 exit=0");
    let running = Launch::new(Role::Pid1).world(&tree).bare().actor(&root).start();
    running.line("leaf");
    running.line("root");
    let root = children(running.outer()).pop().expect("the root of the namespace").pid;
    let tracer = children(root).into_iter().find(|child| child.name == "strace").expect("strace").pid;
    let init = children(tracer).into_iter().find(|child| child.name == "sexton").expect("the init").pid;
    let main = children(init).pop().expect("the main child").pid;
    let leaf = descendants(main).pop().expect("the leaf").pid;
    kill(main, 10);
    until(*PATIENCE, "the init is held up", || is_held_up(init, *number));
    kill(leaf, 9);
    running.line("reaped");
    kill(root, 10);
    running.line("stranger");
    let ids = running.line("pid ");
    assert!(ids.starts_with(&format!("{TWICE} ppid 1 ")), "another number: {ids}");
    let stranger = children(root).into_iter().find(|child| child.pid != tracer).expect("the stranger").pid;
    assert!(is_held_up(init, *number), "the init was not held up for long enough");
    until(*PATIENCE, "the init has ended", || process(init).is_none_or(|init| init.state == 'Z'));
    let is_signalled = is_pending(stranger, 15);
    kill(root, 12);
    running.finish();
    is_signalled
}

/// Whether `pid` is at that system call and stays there.
fn is_held_up(pid: i32, call: libc::c_long) -> bool {
    let at_call = || {
        let text = std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
        text.starts_with(&format!("{call} ")) && process(pid).is_some_and(|process| process.state == 't')
    };
    let was = at_call().then(|| switches(pid));
    // Every other stop of a traced process is over in less.
    std::thread::sleep(std::time::Duration::from_millis(50));
    was.is_some_and(|was| at_call() && switches(pid) == was)
}

/// Whether the signal `number` waits for `pid`, which blocks it.
fn is_pending(pid: i32, number: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the stranger lives");
    let pending = status.lines().find_map(|line| line.strip_prefix("ShdPnd:\t")).expect("it has that");
    u64::from_str_radix(pending, 16).expect("a set") >> (number - 1) & 1 == 1
}

/// Whether this machine lets us choose the next number.
fn is_playable() -> bool {
    assert_eq!(program().kind, Kind::Sexton, "not offered: it has no drain");
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        skipped("only root chooses the next process ID");
    }
    is_root && Role::Pid1.is_playable()
}

#[test]
fn item_53_a_number_that_was_used_again_before_it_was_held_is_not_signalled() {
    // The second process of the drain is the leaf.
    let moment = Moment { call: "pidfd_open", number: libc::SYS_pidfd_open, nth: 2, world: "" };
    assert!(!is_playable() || !is_the_stranger_signalled(&moment));
}

#[test]
fn item_53_a_number_that_was_used_again_after_the_last_look_is_not_signalled() {
    // The leftover gets TERM and CONT, and then the leaf its TERM.
    let moment = Moment { call: "pidfd_send_signal", number: libc::SYS_pidfd_send_signal, nth: 3, world: "" };
    assert!(!is_playable() || !is_the_stranger_signalled(&moment));
}

#[test]
fn without_pidfds_the_stranger_is_signalled() {
    // The negative control: the same with kill(2), since pidfd_open answers ENOSYS (38).
    let world = format!("deny=38:{}", libc::SYS_pidfd_open);
    let moment = Moment { call: "kill", number: libc::SYS_kill, nth: 3, world: &world };
    assert!(!is_playable() || is_the_stranger_signalled(&moment));
}
