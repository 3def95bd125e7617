//! The cgroup whose PIDs we use up ([cgroups(7)](https://man7.org/linux/man-pages/man7/cgroups.7.html)).

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// What limits the number of our processes, from our own cgroup outwards as far as it can be seen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Levels {
    /// Those that have a limit.
    pub(crate) limited: Vec<Level>,
    /// How many processes and threads are in our own cgroup, where the kernel says so.
    pub(crate) own: Option<u64>,
    /// Whether there are cgroups around those that can be seen.
    pub(crate) outer: ParentCgroups,
}

/// The cgroups around the outermost that can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParentCgroups {
    /// There are none: that one is the root.
    Visible,
    /// It has a parent that is not mounted here, as in a container with a cgroup namespace of its own.
    Hidden,
}

/// A cgroup with a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    /// How many processes and threads are in it and the ones inside it.
    pub(crate) current: u64,
    /// How many there may be.
    pub(crate) max: u64,
}

impl Level {
    /// How full it is, in percent, rounded down.
    pub(crate) fn percent(&self) -> u64 {
        self.current.saturating_mul(100).checked_div(self.max).unwrap_or(u64::MAX)
    }
}

/// Where the controller keeps its files for us.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CgroupPath {
    /// Where its hierarchy is mounted.
    mount: PathBuf,
    /// Our own cgroup, below that.
    own: PathBuf,
}

/// Looks at our own cgroup and those around it; none where no pids controller is mounted.
pub(crate) fn levels() -> Option<Levels> {
    let cgroups = fs::read("/proc/self/cgroup").ok()?;
    let mounts = fs::read("/proc/self/mountinfo").ok()?;
    place(&cgroups, &mounts).map(|place| read(&place))
}

/// Reads the files of `place`, and of all cgroups between it and the mount: a limit holds for all that is inside.
fn read(place: &CgroupPath) -> Levels {
    let own = place.mount.join(&place.own);
    let limited = own
        .ancestors()
        .take_while(|level| level.starts_with(&place.mount))
        // A root cgroup has no limit and no file for it; `max`, which is no number, is none either.
        .filter_map(|level| {
            Some(Level {
                current: number(&level.join("pids.current"))?,
                max: number(&level.join("pids.max"))?,
            })
        })
        .collect();
    // Only the root has no file for its limit.
    let outer =
        if place.mount.join("pids.max").exists() { ParentCgroups::Hidden } else { ParentCgroups::Visible };
    Levels { limited, own: number(&own.join("pids.current")), outer }
}

/// The number in a file of one line.
fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim_end().parse().ok()
}

/// Finds the place of the pids controller in /proc/self/cgroup and /proc/self/mountinfo: that of a version 1 hierarchy
/// where the controller is in one, otherwise the version 2 one.
pub(crate) fn place(cgroups: &[u8], mounts: &[u8]) -> Option<CgroupPath> {
    // hierarchy:controllers:path (cgroups(7)); version 2 has the hierarchy 0 and no controllers.
    let lines: Vec<(&[u8], &[u8], &[u8])> = cgroups
        .split(|b| *b == b'\n')
        .filter_map(|line| {
            let mut fields = line.splitn(3, |b| *b == b':');
            Some((fields.next()?, fields.next()?, fields.next()?))
        })
        .collect();
    let has_pids = |controllers: &[u8]| controllers.split(|b| *b == b',').any(|one| one == b"pids");
    let one = lines.iter().find(|(_, controllers, _)| has_pids(controllers));
    let two = lines.iter().find(|(hierarchy, controllers, _)| *hierarchy == b"0" && controllers.is_empty());
    let (path, is_ours): (&[u8], fn(&Mount) -> bool) = match (one, two) {
        (Some((_, _, path)), _) => (path, Mount::has_pids_one),
        (None, Some((_, _, path))) => (path, Mount::is_two),
        (None, None) => return None,
    };
    let path = PathBuf::from(OsString::from_vec(path.to_vec()));
    let mounts: Vec<Mount> = mounts.split(|b| *b == b'\n').filter_map(mount).filter(is_ours).collect();
    let below = mounts.iter().find_map(|mount| {
        let own = path.strip_prefix(&mount.root).ok()?;
        Some(CgroupPath { mount: mount.point.clone(), own: own.into() })
    });
    // A container that sees the host's path and its own mount: what is mounted is its own cgroup.
    below.or_else(|| {
        mounts.first().map(|mount| CgroupPath { mount: mount.point.clone(), own: PathBuf::new() })
    })
}

/// A line of mountinfo, as far as it matters.
#[derive(Debug)]
struct Mount {
    /// Which part of the hierarchy is mounted.
    root: PathBuf,
    /// Where.
    point: PathBuf,
    /// What.
    kind: Vec<u8>,
    /// For version 1, its controllers are among these.
    options: Vec<u8>,
}

impl Mount {
    /// Whether it is the version 1 hierarchy of the pids controller.
    fn has_pids_one(&self) -> bool {
        self.kind == b"cgroup" && self.options.split(|b| *b == b',').any(|option| option == b"pids")
    }

    /// Whether it is the version 2 hierarchy.
    fn is_two(&self) -> bool {
        self.kind == b"cgroup2"
    }
}

/// Reads `36 35 98:0 /root /point options optional... - type source options` (proc(5)).
fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|b| *b == b' ');
    let root = path(fields.nth(3)?);
    let point = path(fields.next()?);
    let mut rest = fields.skip_while(|field| *field != b"-").skip(1);
    let kind = rest.next()?.to_vec();
    let options = rest.nth(1)?.to_vec();
    Some(Mount { root, point, kind, options })
}

/// A path of mountinfo: blanks and backslashes are octal there.
fn path(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, after @ ..] = rest {
        let octal = match rest {
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] => {
                Some(((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'), after))
            }
            _ => None,
        };
        let (byte, after) = octal.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place as two texts, mount and own.
    fn found(cgroups: &str, mounts: &str) -> Option<(String, String)> {
        let place = place(cgroups.as_bytes(), mounts.as_bytes())?;
        Some((place.mount.display().to_string(), place.own.display().to_string()))
    }

    #[test]
    fn the_controller_is_found_in_either_version() {
        let two = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
        let one = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
                   32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
                   39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n\
                   41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let docker_one = "39 31 0:36 /docker/abc /sys/fs/cgroup/pids ro master:1 - cgroup cgroup rw,pids\n";
        let spaces = "30 23 0:26 / /my\\040cgroup\\134x rw - cgroup2 none rw\n";
        for (cgroups, mounts, place) in [
            ("0::/user.slice/a.scope\n", two, Some(("/sys/fs/cgroup", "user.slice/a.scope"))),
            ("0::/\n", two, Some(("/sys/fs/cgroup", ""))),
            ("8:pids:/a\n4:cpu,cpuacct:/b\n0::/c\n", one, Some(("/sys/fs/cgroup/pids", "a"))),
            ("4:memory,pids:/a:b\n", one, Some(("/sys/fs/cgroup/pids", "a:b"))),
            ("4:memory:/a\n0::/c\n", one, Some(("/sys/fs/cgroup/unified", "c"))),
            ("8:pids:/docker/abc\n", docker_one, Some(("/sys/fs/cgroup/pids", ""))),
            ("8:pids:/docker/abc/x\n", docker_one, Some(("/sys/fs/cgroup/pids", "x"))),
            ("8:pids:/docker/abcd\n", docker_one, Some(("/sys/fs/cgroup/pids", ""))),
            ("0::/../other\n", two, Some(("/sys/fs/cgroup", "../other"))),
            ("0::/a\n", spaces, Some(("/my cgroup\\x", "a"))),
            ("8:pids:/a\n", two, None),
            ("0::/\n", "", None),
            ("", two, None),
            ("::\n:\nx\n8:pids\n", two, None),
            ("0::/\n", "30 23\n\n - - -\n30 23 0:26 / /x rw - cgroup2\n", None),
        ] {
            let place = place.map(|(mount, own)| (mount.to_owned(), own.to_owned()));
            assert_eq!(found(cgroups, mounts), place, "{cgroups} {mounts}");
        }
    }

    #[test]
    fn all_levels_up_to_the_mount_are_read() {
        let mount = std::env::temp_dir().join(format!("sexton-cgroup-{}", std::process::id()));
        let write = |level: &str, current: &str, max: &str| {
            fs::create_dir_all(mount.join(level)).unwrap();
            fs::write(mount.join(level).join("pids.current"), current).unwrap();
            fs::write(mount.join(level).join("pids.max"), max).unwrap();
        };
        write("pod", "60\n", "100\n");
        write("pod/container", "50\n", "max\n");
        write("pod/container/app", "5\n", "10\n");
        let at = |own: &str| read(&CgroupPath { mount: mount.clone(), own: own.into() });
        let (pod, app) = (Level { current: 60, max: 100 }, Level { current: 5, max: 10 });
        let outer = ParentCgroups::Visible;
        assert_eq!(at("pod/container/app"), Levels { limited: vec![app, pod.clone()], own: Some(5), outer });
        assert_eq!(at("pod/container"), Levels { limited: vec![pod], own: Some(50), outer });
        assert_eq!(at(""), Levels { limited: vec![], own: None, outer });
        assert_eq!(at("gone"), Levels { limited: vec![], own: None, outer });
        fs::remove_dir_all(mount).unwrap();
    }

    #[test]
    fn a_level_without_room_is_full() {
        for (current, max, percent) in [(0, 10, 0), (9, 10, 90), (89, 99, 89), (10, 10, 100), (20, 10, 200)] {
            assert_eq!(Level { current, max }.percent(), percent);
        }
        assert_eq!(Level { current: 1, max: 0 }.percent(), u64::MAX);
    }
}
