//! Items 29 to 31: what is started, and what if it cannot be.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::support::actor::actor;
use crate::support::inits::Opt;
use crate::support::launch::{Launch, Role, both_roles};
use crate::support::temp::{Folder, copy};

/// A file with these bytes and this mode.
fn file(folder: &Folder, name: &str, bytes: &str, mode: u32) -> String {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
    let draft = folder.join("draft");
    fs::write(&draft, bytes).expect("a new file");
    fs::set_permissions(&draft, Permissions::from_mode(mode)).expect("our file");
    copy(&draft, &path);
    fs::remove_file(draft).expect("our file");
    path.to_str().expect("UTF-8").to_owned()
}

/// Asserts that `command` cannot be started, with that code and one line on stderr that names it.
fn fails(role: Role, command: &str, code: i32) -> String {
    let run = Launch::new(role).command([command]).run();
    assert_eq!(run.code, Some(code), "{run:?}");
    assert_eq!((run.stdout.as_str(), run.stderr.lines().count()), ("", 1), "{run:?}");
    assert!(run.stderr.contains(command), "{run:?}");
    run.stderr
}

both_roles! {
    fn item_29_a_missing_program_is_127_and_named(role: Role) {
        fails(role, "/nonexistent/program", 127);
        fails(role, "nonexistent-program", 127);
        fails(role, "./nonexistent-program", 127);
    }
}

both_roles! {
    fn item_29_a_program_that_may_not_be_executed_is_126_and_named(role: Role) {
        let folder = Folder::new();
        fails(role, &file(&folder, "plain", "exit 0\n", 0o644), 126);
        fails(role, folder.path().to_str().expect("UTF-8"), 126);
        fails(role, &(file(&folder, "file", "", 0o644) + "/below"), 126);
    }
}

both_roles! {
    fn item_29_a_program_that_is_being_written_to_is_126_and_named(role: Role) {
        let folder = Folder::new();
        let path = folder.join("busy");
        copy(actor(), &path);
        let writer = File::options().append(true).open(&path).expect("our file");
        fails(role, path.to_str().expect("UTF-8"), 126);
        drop(writer);
    }
}

both_roles! {
    fn item_29_an_interpreter_that_is_missing_is_told(role: Role) {
        let folder = Folder::new();
        let told = fails(role, &file(&folder, "script", "#!/nonexistent/sh\n", 0o755), 127);
        assert!(told.contains("interpreter"), "{told}");
    }
}

both_roles! {
    fn item_30_the_search_goes_on_after_a_file_that_may_not_be_executed(role: Role) {
        let folder = Folder::new();
        file(&folder, "a/prog", "#!/bin/sh\nexit 10\n", 0o644);
        file(&folder, "b/prog", "#!/bin/sh\nexit 11\n", 0o755);
        fs::create_dir_all(folder.join("d/prog")).expect("a folder");
        let code = |path: &str| {
            let path = path.replace('@', folder.path().to_str().expect("UTF-8"));
            let run = Launch::new(role).world(&format!("setenv=PATH={path}")).command(["prog"]).run();
            (run.code.expect("a code"), run.stderr.lines().count())
        };
        assert_eq!(code("@/a:@/b"), (11, 0), "after EACCES");
        assert_eq!(code("@/d:@/b"), (11, 0), "after a directory");
        assert_eq!(code("@/nonexistent:@/b"), (11, 0), "after ENOENT");
        assert_eq!(code("@/b/prog:@/b"), (11, 0), "after ENOTDIR");
        assert_eq!(code("@/a"), (126, 1), "there was one that may not be executed");
        assert_eq!(code("@/a:@/nonexistent"), (126, 1), "there was one, and 126 is kept to the end");
        assert_eq!(code("@/nonexistent"), (127, 1), "there was none");
    }
}

both_roles! {
    fn item_30_an_empty_element_of_path_is_the_working_directory(role: Role) {
        let folder = Folder::new();
        file(&folder, "prog", "#!/bin/sh\nexit 11\n", 0o755);
        for path in ["/nonexistent:", ":/nonexistent", "/nonexistent::/bin"] {
            let world = format!("chdir={} setenv=PATH={path}", folder.path().display());
            let run = Launch::new(role).world(&world).command(["prog"]).run();
            assert_eq!(run.code, Some(11), "PATH={path}: {run:?}");
        }
        // Without an empty element it is not looked at.
        let world = format!("chdir={} setenv=PATH=/nonexistent", folder.path().display());
        assert_eq!(Launch::new(role).world(&world).command(["prog"]).run().code, Some(127));
    }
}

both_roles! {
    fn item_30_a_name_with_a_slash_is_not_searched(role: Role) {
        let folder = Folder::new();
        file(&folder, "b/prog", "#!/bin/sh\nexit 11\n", 0o755);
        let world = format!("chdir={} setenv=PATH=/nonexistent", folder.path().display());
        assert_eq!(Launch::new(role).world(&world).command(["b/prog"]).run().code, Some(11));
        assert_eq!(Launch::new(role).world(&world).command(["./b/prog"]).run().code, Some(11));
    }
}

both_roles! {
    fn item_30_without_path_the_usual_folders_are_searched(role: Role) {
        let run = Launch::new(role).world("unsetenv=PATH").command(["sh", "-c", "exit 12"]).run();
        assert_eq!(run.code, Some(12), "{run:?}");
    }
}

both_roles! {
    fn a_script_without_an_interpreter_line_is_126_with_a_sentence(role: Role) {
        let folder = Folder::new();
        let script = file(&folder, "prog", "exit $1\n", 0o755);
        let run = Launch::new(role).command([script.as_str(), "13"]).run();
        let why = format!("sexton: cannot execute {script}: it is neither a program for this machine nor a script that begins with #!\n");
        assert_eq!((run.code, run.stderr.as_str()), (Some(126), why.as_str()), "{run:?}");
        let world = format!("setenv=PATH={}", folder.path().display());
        let run = Launch::new(role).world(&world).command(["prog", "14"]).run();
        assert_eq!(run.code, Some(126), "found in PATH: {run:?}");
        // `wait` says the same.
        let run = crate::support::sexton(["wait", "--quiet", "file:/bin/sh", "--", &script]);
        assert_eq!(run.code, Some(126), "{run:?}");
        let run = crate::support::sexton(["wait", "file:/bin/sh", "--", &script]);
        assert!(run.code == Some(126) && run.stderr.ends_with(&why), "{run:?}");
    }
}

both_roles! {
    fn item_31_options_end_at_the_first_word_that_is_none(role: Role) {
        let run = Launch::new(role).without_dashes().command(["sh", "-c", "exit 3"]).run();
        assert_eq!(run.code, Some(3), "{run:?}");
        let run = Launch::new(role)
            .option(Opt::Verbose)
            .without_dashes()
            .command(["sh", "-c", "echo \"$0 $*\"; exit 4", "-g", "--help", "-v", "--", "x"])
            .run();
        assert_eq!(run.code, Some(4), "{run:?}");
        assert!(run.stdout.lines().any(|line| line == "-g --help -v -- x"), "{run:?}");
    }
}

both_roles! {
    fn item_31_after_two_dashes_a_command_may_begin_with_one(role: Role) {
        let folder = Folder::new();
        file(&folder, "-v", "#!/bin/sh\nexit 15\n", 0o755);
        let world = format!("setenv=PATH={}", folder.path().display());
        assert_eq!(Launch::new(role).world(&world).command(["-v"]).run().code, Some(15));
    }
}

both_roles! {
    fn item_54_dashes_after_the_first_ones_belong_to_the_command(role: Role) {
        let run = Launch::new(role).command(["/bin/echo", "--", "-v", "--", "-h"]).run();
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), "-- -v -- -h\n"), "{run:?}");
    }
}

both_roles! {
    fn item_55_with_an_option_that_it_does_not_know_the_command_is_not_run(role: Role) {
        let run = Launch::new(role).option(Opt::Unknown).actor("say=ran").run();
        assert_eq!((run.code == Some(0), run.stdout.contains("ran")), (false, false), "{run:?}");
        assert_ne!(run.stderr, "", "it says nothing");
    }
}
