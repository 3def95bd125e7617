//! `sexton install`: one file, whole or not at all, and links beside it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::support::isolated::{is_root, isolated, skip};
use crate::support::program::binary;
use crate::support::temp::Folder;
use crate::support::{Run, Sexton, run, sexton};

/// `sexton install PATH WORDS...`
fn install(path: &Path, words: &[&str]) -> Run {
    Sexton::with(["install".as_ref(), path.as_os_str()].into_iter().chain(words.iter().map(AsRef::as_ref)))
        .run()
}

/// Asserts that `path` is a copy of the program under test that anybody may execute.
#[track_caller]
fn is_sexton(path: &Path) {
    let found = fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(found.is_file(), "{found:?}");
    assert_eq!(found.permissions().mode() & 0o7777, 0o755);
    assert!(fs::read(path).unwrap() == fs::read(binary()).unwrap(), "the copy is another file");
}

/// What is in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn into_a_directory_it_keeps_its_name_and_into_a_file_it_has_that() {
    let place = Folder::new();
    let folder = place.path().display();
    install(place.path(), &[]).said(0, &format!("installed {folder}/sexton"));
    is_sexton(&place.join("sexton"));
    install(&place.join("healthcheck"), &[]).said(0, &format!("installed {folder}/healthcheck"));
    is_sexton(&place.join("healthcheck"));
    install(&place.join("new/er/"), &[]).said(0, &format!("installed {folder}/new/er/sexton"));
    is_sexton(&place.join("new/er/sexton"));
    assert_eq!(names(place.path()), ["healthcheck", "new", "sexton"]);
    assert_eq!(names(&place.join("new/er")), ["sexton"]);
}

#[test]
fn names_are_links_that_hold_wherever_the_directory_is_mounted() {
    let place = Folder::new();
    let line = format!("installed {}/sexton as curl, sh, wget", place.path().display());
    install(place.path(), &["--as", "wget,curl", "--as", "sh,curl"]).said(0, &line);
    assert_eq!(names(place.path()), ["curl", "sexton", "sh", "wget"]);
    for name in ["curl", "sh", "wget"] {
        assert_eq!(fs::read_link(place.join(name)).unwrap(), Path::new("sexton"));
    }
    let moved = Folder::new();
    fs::rename(place.path(), moved.join("elsewhere")).unwrap();
    let run = run(Command::new(moved.join("elsewhere/sh")).args(["-c", "exit 3"]));
    assert_eq!(run.code, Some(3), "{run:?}");
}

#[test]
fn a_second_time_changes_nothing_even_from_the_copy_itself() {
    let place = Folder::new();
    install(place.path(), &["--as", "curl"]).said(0, "installed ");
    let copy = place.join("sexton");
    let again = run(Command::new(&copy).arg("install").arg(place.path()).args(["--as", "curl"]));
    again.said(0, "installed ");
    is_sexton(&copy);
    assert_eq!(names(place.path()), ["curl", "sexton"]);
}

#[test]
fn whoever_opens_it_meanwhile_finds_a_whole_program() {
    let place = Folder::new();
    install(place.path(), &[]).said(0, "installed ");
    let (copy, size) = (place.join("sexton"), fs::metadata(binary()).unwrap().len());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut files = 0;
            let mut last = 0;
            while !done.load(Ordering::Relaxed) {
                let found = fs::metadata(&copy).expect("it is always there");
                assert_eq!((found.len(), found.mode() & 0o7777), (size, 0o755));
                files += u32::from(found.ino() != last);
                last = found.ino();
            }
            files
        });
        for _ in 0..10 {
            install(place.path(), &[]).said(0, "installed ");
        }
        done.store(true, Ordering::Relaxed);
        assert!(reader.join().expect("whole at all times") > 1, "it is replaced, not written to");
    });
}

#[test]
fn what_stands_there_is_replaced_only_when_it_is_a_file_or_a_link() {
    let place = Folder::new();
    let at = |name: &str| place.join(name);
    fs::write(at("old"), "old").unwrap();
    symlink("old", at("link")).unwrap();
    install(&at("link"), &[]).said(0, "installed ");
    is_sexton(&at("link"));
    assert_eq!(fs::read_to_string(at("old")).unwrap(), "old", "a link is not followed");

    nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::create_dir(at("curl")).unwrap();
    let before = names(place.path());
    let stays = "and stays; name a directory, or a file that may be replaced";
    install(&at("pipe"), &[]).refused(&format!("install: {} is a named pipe {stays}", at("pipe").display()));
    install(place.path(), &["--as", "curl"])
        .refused(&format!("install: {} is a directory {stays}", at("curl").display()));
    assert_eq!(names(place.path()), before);
}

#[test]
fn a_name_that_we_do_not_answer_to_is_refused_with_those_that_we_do() {
    let place = Folder::new();
    let refused = install(place.path(), &["--as", "curl,telnet"]);
    let line = &refused.stderr;
    assert!(line.starts_with("sexton: --as: unknown name `telnet`; sexton answers to tini, "));
    assert_eq!((refused.code, names(place.path()).len()), (Some(1), 0));
    sexton(["install"]).refused("no path given (see sexton install --help)");
    sexton(["install", ""]).refused("the path is empty (see sexton install --help)");
    install(&place.join("gone/sexton"), &[]).refused(&format!(
        "install: cannot write {}/gone/sexton: there is no such directory; end the path \
         with / to have it made",
        place.path().display()
    ));
}

#[test]
fn the_mode_is_755_whatever_the_umask() {
    let place = Folder::new();
    let script = format!("umask 077; exec {} install {}", binary().display(), place.path().display());
    run(Command::new("sh").args(["-c", &script])).said(0, "installed ");
    is_sexton(&place.join("sexton"));
}

#[test]
fn a_device_stays_and_a_full_or_read_only_volume_is_left_as_it_was() {
    let script = "
        mount -t tmpfs none /mnt; mknod /mnt/null c 1 3; $SEXTON install /mnt/null; ls /mnt
        mkdir /mnt/full /mnt/fixed /mnt/data; mount -t tmpfs -o size=64k none /mnt/full; mount -t tmpfs -o ro none /mnt/fixed
        mount -t tmpfs -o noexec none /mnt/data
        $SEXTON install /mnt/full; ls -A /mnt/full; $SEXTON install /mnt/fixed; $SEXTON install /mnt/data; ls -A /mnt/data";
    let Some(run) = isolated(&format!("exec 2>&1; {script}")) else { return };
    let lines: Vec<&str> = run.stdout.lines().collect();
    if lines.first().is_some_and(|line| line.contains("mknod")) {
        return skip("devices cannot be made here");
    }
    assert_eq!(
        lines,
        [
            "sexton: install: /mnt/null is a device and stays; name a directory, or a file that may be replaced",
            "null",
            "sexton: install: cannot write /mnt/full/sexton: no space left on device",
            "sexton: install: cannot write /mnt/fixed/sexton: read-only file system; mount a volume there that can be \
             written to",
            "installed /mnt/data/sexton; this mount is noexec: programs do not start from it",
            "sexton",
        ],
        "{run:?}"
    );
}

#[test]
fn a_user_without_rights_is_told_which_and_one_with_them_needs_no_others() {
    if !is_root() {
        return skip("another user can only be root's");
    }
    let place = Folder::new();
    let folder = place.path().display();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let nobody = |path: &Path| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", "--"]);
        // Whatever folder this program is in, others may not be able to reach it.
        let open = Folder::new();
        crate::support::temp::copy(&binary(), &open.join("program"));
        run(command.arg(open.join("program")).arg("install").arg(path))
    };
    nobody(place.path()).refused(&format!(
        "install: cannot write {folder}/sexton: no permission for user 65534; run as the directory's owner, or give it \
         to that user (fsGroup in Kubernetes)"
    ));
    assert_eq!(names(place.path()).len(), 0);
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
    nobody(place.path()).said(0, &format!("installed {folder}/sexton"));
    is_sexton(&place.join("sexton"));
}

#[test]
fn without_proc_it_says_that_it_cannot_find_itself() {
    let script =
        "mount -t tmpfs none /mnt; cp $SEXTON /mnt/x; mount -t tmpfs none /proc; /mnt/x install /mnt/y";
    let Some(run) = isolated(script) else { return };
    assert!(run.stderr.contains("/proc is not mounted, which shows us our own file"), "{run:?}");
}
