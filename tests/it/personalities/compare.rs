//! Runs lines under the original and under ours, and holds the one against the other.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::peers::program;
use crate::support::program::binary;
use crate::support::temp::Folder;

use super::differences::{self, DIFFERENCES, Difference, Proof};
use super::line::{Line, Whose, is_playable};

/// So many lines are run at the same time: most of them wait most of the time.
const AT_ONCE: usize = 4;

/// The fewest lines that say something about an init.
const ENOUGH: usize = 150;

/// Runs all `lines` of the original `name` (Debian's package `package`) as it and as ours.
pub(super) fn same(name: &str, package: &str, lines: &[Line]) {
    let Some(theirs) = program(name, package) else { return };
    let ours = Ours::new();
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(line) = lines.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if !is_playable(line.place) {
                        continue;
                    }
                    if let Some(why) = compare(line, &ours.path(), &theirs) {
                        wrong.lock().unwrap().push(why);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} lines:\n{}", wrong.len(), lines.len(), wrong.join("\n"));
}

/// Fails where there are too few lines, or some twice.
pub(super) fn are_enough(lines: &[Line]) {
    assert!(lines.len() >= ENOUGH, "{} lines", lines.len());
    let mut different = BTreeSet::new();
    let twice: Vec<_> = lines.iter().filter(|line| !different.insert(format!("{line:?}"))).collect();
    assert!(twice.is_empty(), "they stand there twice: {twice:?}");
}

/// What is wrong about `line`, if anything.
fn compare(line: &Line, ours: &Path, theirs: &Path) -> Option<String> {
    let difference = line.difference.map(differences::named);
    let may_hang = difference.is_some_and(Difference::hangs);
    let mut wanted = line.run(theirs, Whose::Theirs, may_hang);
    wanted.lines_of_two_processes(|| line.run(theirs, Whose::Theirs, may_hang));
    for row in DIFFERENCES.iter().filter(|row| row.is_about(line.program)) {
        if let Proof::EveryLine(expect) = row.proof {
            expect(line, &mut wanted);
        }
    }
    if let Some(Proof::NamedLines(expect)) = difference.map(|difference| difference.proof) {
        let before = wanted.clone();
        expect(line, &mut wanted);
        if wanted == before {
            return Some(format!("{line:?}\n    is no difference any more: {difference:?}"));
        }
    }
    let our = line.run(ours, Whose::Ours, may_hang);
    (our != wanted).then(|| format!("{line:?}{}", our.against(&wanted)))
}

/// This program under the names of the others.
struct Ours(Folder);

impl Ours {
    fn new() -> Self {
        let folder = Folder::new();
        symlink(binary(), folder.join("sexton")).unwrap();
        Self(folder)
    }

    /// A file to start it by; what it is called then is another matter.
    fn path(&self) -> PathBuf {
        self.0.join("sexton")
    }
}
