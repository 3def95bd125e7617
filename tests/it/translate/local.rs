//! Lines that look at files and processes, beside their translation.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use super::states::{has, is_healthy, says_healthy, translated};
use crate::support::eventually;
use crate::support::temp::{Folder, copy};

/// The PATH of the distribution's own programs.
const PATH: &str = "/usr/bin:/bin";

/// Lines about `{F}`, a file, and `{D}`, the folder that it would stand in.
const FILES: &[&str] = &[
    "test -f {F}",
    "test -f {F} || exit 1",
    "[ -f {F} ]",
    "[ -e {F} ] || exit 1",
    "[ -s {F} ]",
    "bash -c '[[ -f {F} ]]'",
    "[ -f {F} ] && [ -s {F} ]",
    "if [ -f {F} ]; then exit 0; fi; exit 1",
    "ls {F}",
    "stat {F} > /dev/null || exit 1",
    "cat {F}",
    "grep -q ready {F}",
    "cat {F} | grep -q ready",
    "grep -F ready {F} > /dev/null || exit 1",
    "find {F} -mmin -1 | grep -q .",
    "find {F} -mmin -1 2>/dev/null | grep .",
    "test \"$(find {F} -mmin -1)\"",
    "test -n \"$(find {F} -mmin -2)\" || exit 1",
    "[ \"$(find {D} -name file -mmin -1)\" ]",
    "[ $(find {F} -mmin -1 | wc -l) -gt 0 ]",
    "test `find {F} -mmin -1`",
];

/// Makes a file.
type Make = fn(&Path);

#[test]
fn lines_about_files_and_their_translations_agree() {
    if !has(&[("bash", "bash")]) {
        return;
    }
    let folder = Folder::new();
    let path = folder.join("file");
    let states: [(&str, Make); 4] = [
        ("missing", |_| {}),
        ("fresh", |path| fs::write(path, "ready\n").unwrap()),
        ("empty", |path| fs::write(path, "").unwrap()),
        ("old", |path| {
            fs::write(path, "done\n").unwrap();
            let then = SystemTime::now() - Duration::from_secs(600);
            File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
        }),
    ];
    let mut wrong = Vec::new();
    for (state, make) in states {
        let _ = fs::remove_file(&path);
        make(&path);
        for line in FILES {
            let line = line
                .replace("{F}", &path.display().to_string())
                .replace("{D}", &folder.path().display().to_string());
            let (words, notes) = match translated(&line) {
                Ok(translated) => translated,
                Err(said) => {
                    wrong.push(format!("{line}: {said}"));
                    continue;
                }
            };
            let theirs = is_healthy(&line, PATH, "30");
            let (ours, said) = says_healthy(&words, "30s");
            let may_be_stricter = notes.iter().any(|note| note.contains("stricter"));
            if theirs != ours && (ours || !may_be_stricter) {
                wrong.push(format!("{state}: {line}: {theirs}, ours {ours}: {words:?} {said}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Lines about a process called `{P}`.
const PROCESSES: &[&str] = &[
    "pgrep -x {P}",
    "pgrep {P} > /dev/null || exit 1",
    "pgrep -f '[/]{P} 600'",
    "pidof {P}",
    "pidof {P} || exit 1",
    "test -n \"$(pgrep -x {P})\"",
    "[ $(pgrep -x -c {P}) -gt 0 ]",
    "[ \"$(pgrep -x {P} | wc -l)\" -ge 1 ]",
    "ps aux | grep -q '[s]lumber-{P}'",
];

/// A process of our own name, over when dropped.
struct Sleeper(Child);

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn lines_about_processes_and_their_translations_agree() {
    if !has(&[("pgrep", "procps"), ("pidof", "procps")]) {
        return;
    }
    let folder = Folder::new();
    let name = format!("sx{}", std::process::id());
    let program = folder.join(&name);
    copy(Path::new("/bin/sleep"), &program);
    let mut wrong = Vec::new();
    for lives in [false, true] {
        let sleeper = lives.then(|| {
            let mut command = Command::new(&program);
            Sleeper(command.arg("600").stdin(Stdio::null()).spawn().expect("it starts"))
        });
        if lives {
            eventually("the process has its name", || is_healthy(&format!("pgrep -x {name}"), PATH, "30"));
        }
        for line in PROCESSES {
            let line = line.replace("{P}", &name);
            match translated(&line) {
                Ok((words, _)) => {
                    let theirs = is_healthy(&line, PATH, "30");
                    let (ours, said) = says_healthy(&words, "30s");
                    if theirs != ours {
                        wrong.push(format!("{lives}: {line}: {theirs}, ours {ours}: {words:?} {said}"));
                    }
                }
                Err(said) => wrong.push(format!("{line}: {said}")),
            }
        }
        drop(sleeper);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
