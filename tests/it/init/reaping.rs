//! Items 1 to 11: zombies and exit status.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::inits::Opt;
use crate::support::launch::{Launch, PATIENCE, Role, both_roles};
use crate::support::process::{children, kill, process, starved, switches, until, waits_without_limit};

/// Held by tests that start thousands of processes: two at once would exhaust the PIDs.
static CROWD: Mutex<()> = Mutex::new(());

/// The signals whose default action ends a process, as signal(7) lists them, and all real-time ones.
fn deadly() -> impl Iterator<Item = i32> {
    // CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG and WINCH end nobody; 32 and 33 belong to the C library.
    (1..=64).filter(|sig| ![17, 18, 19, 20, 21, 22, 23, 28, 32, 33].contains(sig))
}

both_roles! {
    fn item_01_exit_codes_0_to_255_pass_through(role: Role) {
        for code in 0..=255 {
            let run = Launch::new(role).actor(&format!("exit={code}")).run();
            assert_eq!(run.code, Some(code), "{run:?}");
        }
    }
}

both_roles! {
    fn item_02_death_by_every_signal_gives_128_and_its_number(role: Role) {
        for sig in deadly() {
            let run = Launch::new(role).actor(&format!("die={sig}")).run();
            assert_eq!(run.code, Some(128 + sig), "death by signal {sig}: {run:?}");
        }
    }
}

both_roles! {
    fn item_05_started_with_sigchld_ignored_it_still_has_the_childs_code(role: Role) {
        let run = Launch::new(role).world("ignore=17").actor("state exit=3").run();
        assert_eq!(run.code, Some(3), "{run:?}");
        assert!(run.stdout.contains("ignored 0000000000010000"), "the child no longer ignores it: {run:?}");
    }
}

both_roles! {
    fn item_06_started_with_every_signal_blocked_it_works_and_hands_the_mask_on(role: Role) {
        let running = Launch::new(role).world("block=all").actor("state say=ready await=15 exit=4").start();
        running.line("ready");
        // KILL and STOP cannot be blocked (sigprocmask(2)).
        assert_eq!(&running.line("blocked ")[..16], "fffffffffffbfeff");
        running.signal(15);
        assert_eq!(running.finish().code, Some(4));
    }
}

both_roles! {
    fn item_07_nine_thousand_orphans_leave_no_zombie_and_take_little_cpu(role: Role) {
        let _alone = CROWD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let running = Launch::new(role).actor("orphans=9000 pause").start();
        let init = running.init();
        running.line("released");
        let released = Instant::now();
        // When all of them had died, and how long the init had waited for a CPU by then.
        let mut dead = None;
        let mut left = children(init);
        while left.len() > 1 {
            let zombies = left.iter().filter(|process| process.state == 'Z').count();
            let living = left.len() - zombies - 1;
            let age = released.elapsed();
            assert!(age < 2 * *PATIENCE, "{living} of 9000 orphans still live after {age:?}, {zombies} are zombies");
            // On a busy machine the init may be kept from its work: that time does not count.
            let (died, waited) = *dead.get_or_insert_with(|| (Instant::now(), starved(init)));
            if living > 0 {
                dead = None;
            } else {
                let age = died.elapsed().saturating_sub(starved(init).saturating_sub(waited));
                assert!(age < Duration::from_millis(1500), "{zombies} zombies are left after {age:?}");
            }
            left = children(init);
        }
        let ticks = process(init).expect("the init lives").ticks;
        assert!(ticks < 50, "{ticks} ticks of CPU for 9000 orphans");
        running.signal(15);
        assert_eq!(running.finish().code, Some(143));
    }
}

both_roles! {
    fn item_08_a_main_child_that_stops_and_continues_is_nobodys_end(role: Role) {
        let mut running = Launch::new(role).actor("block=10 say=ready await=10 exit=6").start();
        running.line("ready");
        let (init, main) = (running.init(), running.main().pid);
        let before = process(init).expect("the init lives").ticks;
        for _ in 0..20 {
            kill(main, 19);
            until(*PATIENCE, "the main child is stopped", || process(main).is_some_and(|main| main.state == 'T'));
            kill(main, 18);
            until(*PATIENCE, "the main child goes on", || process(main).is_some_and(|main| main.state == 'S'));
        }
        assert!(running.is_alive(), "stopping the main child ended the init");
        assert_eq!(running.stderr(), Vec::<String>::new(), "it tells of stops");
        let ticks = process(init).expect("the init lives").ticks - before;
        assert!(ticks < 10, "{ticks} ticks of CPU for 20 stops");
        running.signal(10);
        assert_eq!(running.finish().code, Some(6));
    }
}

both_roles! {
    fn item_09_a_traced_stop_of_an_orphan_is_no_exit(role: Role) {
        // A process that asks its parent, the init, to trace it stops on its next signal, and wait(2) tells of that.
        let mut running = Launch::new(role)
            .option(Opt::Drain("200ms"))
            .actor("block=10 fork fork orphaned sleep=50 traceme say=traced raise=12 pause end exit=0 end wait say=ready await=10 exit=7")
            .start();
        running.line("ready");
        running.line("traced");
        let init = running.init();
        until(*PATIENCE, "the orphan is in a traced stop", || children(init).iter().any(|child| child.state == 't'));
        assert!(running.is_alive());
        let before = switches(init);
        kill(running.main().pid, 10);
        let run = running.finish();
        assert_eq!(run.code, Some(7), "{run:?} after {before} switches");
    }
}

both_roles! {
    fn item_09_a_traced_stop_of_the_main_child_is_no_exit(role: Role) {
        let mut running = Launch::new(role).actor("traceme say=traced raise=10 pause").start();
        running.line("traced");
        let main = running.main().pid;
        until(*PATIENCE, "the main child is in a traced stop", || process(main).is_some_and(|main| main.state == 't'));
        let (init, before) = (running.init(), switches(running.init()));
        thread::sleep(Duration::from_millis(100));
        assert!(running.is_alive(), "a stop ended the init");
        assert!(switches(init) - before < 10, "it spins over the stopped child");
        kill(main, 9);
        assert_eq!(running.finish().code, Some(137));
    }
}

both_roles! {
    fn item_10_idle_it_never_wakes_up(role: Role) {
        let running = Launch::new(role).actor("say=ready pause").start();
        running.line("ready");
        let init = running.init();
        // A wait with a limit would be a wake-up, whatever the limit is; so this holds for more than what is measured here.
        until(*PATIENCE, "the init waits without a limit", || waits_without_limit(init));
        let (was, switched) = (process(init).expect("the init lives"), switches(init));
        // The span over which it is measured.
        thread::sleep(Duration::from_secs(2));
        let is = process(init).expect("the init lives");
        assert_eq!(switches(init) - switched, 0, "wake-ups in 2 s");
        assert!(waits_without_limit(init), "it waits with a limit now");
        assert_eq!((is.ticks - was.ticks, is.threads), (0, 1), "ticks of CPU in 2 s, and threads");
        running.signal(15);
        assert_eq!(running.finish().code, Some(143));
    }
}

both_roles! {
    fn item_11_zombies_of_living_parents_are_left_alone(role: Role) {
        let running = Launch::new(role).actor("block=10 fork exit=3 end say=ready await=10 wait exit=8").start();
        running.line("ready");
        let main = running.main().pid;
        until(*PATIENCE, "the main child has a zombie", || children(main).iter().any(|child| child.state == 'Z'));
        // Something for the init to reap, so that it has looked.
        kill(main, 19);
        kill(main, 18);
        assert_eq!(children(main).len(), 1, "the zombie is the main child's own affair");
        running.signal(10);
        assert_eq!(running.finish().code, Some(8), "the main child could wait for its own");
    }
}

#[test]
fn item_11_processes_that_were_put_into_the_namespace_do_not_delay_the_exit() {
    if !Role::Pid1.is_playable() {
        return;
    }
    let running = Launch::new(Role::Pid1).actor("block=10 say=ready await=10 exit=9").start();
    running.line("ready");
    // As `docker exec` does: its PPid is 0 in there. It ignores all that can be ignored.
    let mut guest = std::process::Command::new(crate::support::actor::actor())
        .args([&format!("enter={}", running.init()), "ignore=1,2,15", "say=ready", "pause"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the actor starts");
    let mut line = [0; 6];
    std::io::Read::read_exact(&mut guest.stdout.take().expect("piped"), &mut line).expect("the guest is in");
    let asked = Instant::now();
    running.signal(10);
    let run = running.finish();
    let took = asked.elapsed();
    let _ = guest.wait();
    assert_eq!(run.code, Some(9));
    assert!(took < Duration::from_secs(1), "the guest held it for {took:?}");
}
