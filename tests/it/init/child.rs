//! Items 23 to 28 and 32: what the main child is started with.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::support::Run;
use crate::support::launch::{Launch, Role, both_roles};

use crate::support::temp::Folder;

/// What an actor reports that is started in `world`, without an init and under it.
fn without_and_with(role: Role, world: &str, actor: &str) -> (Run, Run) {
    let launch = || Launch::new(role).world(world).actor(actor);
    (launch().bare().run(), launch().run())
}

/// Asserts that an actor cannot tell whether an init started it.
fn is_the_same(role: Role, world: &str, actor: &str) -> String {
    let (without, with) = without_and_with(role, world, actor);
    assert_eq!((with.code, &with.stdout), (without.code, &without.stdout), "{world}: {}", with.stderr);
    assert!(!with.stdout.is_empty());
    with.stdout
}

both_roles! {
    fn item_23_a_clean_signal_state_arrives_clean(role: Role) {
        let state = is_the_same(role, "clean", "state");
        assert_eq!(state, "blocked 0000000000000000 ignored 0000000000000000 caught 0000000000000000\n");
    }
}

both_roles! {
    fn item_23_blocked_and_ignored_signals_arrive_as_they_were(role: Role) {
        // As nohup leaves it, and more: HUP, INT, PIPE, TTOU ignored; USR1, TERM, 34 blocked.
        let state = is_the_same(role, "ignore=1,2,13,22 block=10,15,34", "state");
        assert_eq!(state, "blocked 0000000200004200 ignored 0000000000201003 caught 0000000000000000\n");
    }
}

both_roles! {
    fn item_23_every_single_signal_arrives_ignored_or_blocked_as_it_was(role: Role) {
        is_the_same(role, "ignore=all", "state");
        is_the_same(role, "block=all", "state");
        for sig in [17, 20, 21, 32, 33, 34, 64] {
            is_the_same(role, &format!("ignore={sig}"), "state");
            is_the_same(role, &format!("block={sig}"), "state");
        }
    }
}

both_roles! {
    fn item_24_no_handler_stack_timer_or_limit_of_the_init_arrives(role: Role) {
        let found = is_the_same(role, "untied", "state leaks");
        assert!(found.contains("caught 0000000000000000"), "{found}");
        assert!(!found.contains("pdeath") && !found.contains("timer") && !found.contains("stack"), "{found}");
    }
}

both_roles! {
    fn item_25_only_the_inherited_descriptors_arrive(role: Role) {
        assert_eq!(is_the_same(role, "clean", "fds"), "fd 0\nfd 1\nfd 2\n");
    }
}

both_roles! {
    fn item_25_a_descriptor_that_was_given_arrives_and_is_closed_in_the_init(role: Role) {
        let running = Launch::new(role).world("open=77 open=5").actor("fds block=15 say=ready await=15 exit=3").start();
        running.line("ready");
        assert_eq!(running.stdout(), ["fd 0", "fd 1", "fd 2", "fd 5", "fd 77", "ready"]);
        let open = fs::read_dir(format!("/proc/{}/fd", running.init())).expect("it lives");
        let open: Vec<String> =
            open.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        for fd in ["5", "77"] {
            // One of its own may have taken the number, but not this file.
            let file = fs::read_link(format!("/proc/{}/fd/{fd}", running.init())).unwrap_or_default();
            assert_ne!(file.to_str(), Some("/dev/null"), "{fd} is still open in the init: {open:?}");
        }
        running.signal(15);
        assert_eq!(running.finish().code, Some(3));
    }
}

both_roles! {
    fn item_26_closed_standard_descriptors_arrive_closed(role: Role) {
        for closed in [vec![0], vec![1], vec![2], vec![0, 1], vec![0, 2], vec![0, 1, 2]] {
            let folder = Folder::new();
            let report = folder.join("report");
            fs::write(&report, "").expect("a new file");
            // The report is open only after the look at what is.
            let world: Vec<String> = closed.iter().map(|fd| format!("close={fd}")).collect();
            let actor = format!("probe to={} probed exit=3", report.display());
            let run = Launch::new(role).world(&world.join(" ")).actor(&actor).run();
            assert_eq!(run.code, Some(3), "with {closed:?} closed: {run:?}");
            let open: Vec<u8> = (0..3).filter(|fd| !closed.contains(fd)).collect();
            let expected = ["fd 0\n", "fd 1\n", "fd 2\n"];
            let expected: String = open.iter().map(|fd| expected[usize::from(*fd)]).collect();
            assert_eq!(fs::read_to_string(&report).expect("it was written"), expected, "with {closed:?} closed");
        }
    }
}

both_roles! {
    fn item_27_the_child_starts_where_we_were_and_the_init_sits_in_the_root(role: Role) {
        let folder = Folder::new();
        let here = fs::metadata(folder.path()).expect("it exists").ino();
        for _ in 0..50 {
            // The child looks at once: were there a window in which the init is still there, it would see it.
            let run = Launch::new(role).world(&format!("chdir={}", folder.path().display())).actor("cwd").run();
            assert_eq!(run.stdout, format!("cwd {here} parent /\n"), "{run:?}");
        }
    }
}

both_roles! {
    fn item_27_a_directory_that_is_gone_from_its_path_is_kept(role: Role) {
        let folder = Folder::new();
        let path = folder.join("gone");
        fs::create_dir(&path).expect("a new folder");
        let here = fs::metadata(&path).expect("it exists").ino();
        let path = path.display();
        let run = Launch::new(role).world(&format!("chdir={path} rmdir={path}")).actor("cwd").run();
        assert_eq!(run.stdout, format!("cwd {here} parent /\n"), "{run:?}");
    }
}

both_roles! {
    fn item_28_arguments_arrive_byte_for_byte(role: Role) {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let odd = [&b""[..], b"--", b"-v", b"--help", b"a b\tc\nd", b"\xff\xfe\x80", b"'\"$X\\", "ä€".as_bytes(), b"", b"="];
        let launch = || Launch::new(role).actor("arguments").command(odd.map(OsStr::from_bytes));
        let (without, with) = (launch().bare().run(), launch().run());
        assert_eq!(with.stdout, without.stdout);
        assert!(with.stdout.contains("arg fffe80\narg 27222458"), "{}", with.stdout);
        assert_eq!(with.stdout.lines().filter(|line| line.starts_with("arg")).count(), 2 + odd.len());
    }
}

both_roles! {
    fn item_28_the_environment_arrives_byte_for_byte(role: Role) {
        // Also with names that come twice, none, no value, no equals sign, in the same order.
        let told = is_the_same(role, "strangeenv", "arguments");
        assert!(told.contains("env 413d31\nenv 413d32\n"), "{told}");
    }
}

both_roles! {
    fn item_32_listen_pid_is_the_childs_own(role: Role) {
        let running = Launch::new(role)
            .world("open=3 open=4 listen=2")
            .actor("fds variable=LISTEN_PID variable=LISTEN_FDS ids block=15 say=ready await=15 exit=3")
            .start();
        running.line("ready");
        let told = running.stdout();
        let own = running.line("pid ");
        let own = own.split(' ').next().expect("a number");
        assert!(told.contains(&format!("LISTEN_PID={own}")), "{told:?}");
        assert!(told.contains(&"LISTEN_FDS=2".to_owned()), "{told:?}");
        assert!(told.contains(&"fd 3".to_owned()) && told.contains(&"fd 4".to_owned()), "{told:?}");
        running.signal(15);
        assert_eq!(running.finish().code, Some(3));
    }
}

both_roles! {
    fn item_32_a_listen_pid_of_another_process_stays_what_it_is(role: Role) {
        let told = is_the_same(role, "open=3 setenv=LISTEN_PID=999999 setenv=LISTEN_FDS=1", "variable=LISTEN_PID");
        assert_eq!(told, "LISTEN_PID=999999\n");
    }
}
