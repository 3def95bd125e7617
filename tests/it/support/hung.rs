//! A file system whose server answers nobody: what FUSE, NFS and SMB are once their other end is gone.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

use super::launch::skipped;
use super::temp::Folder;

/// What the server does with what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It does not even read it, as one that is stopped: who waits can be killed.
    Unread,
    /// It has read it, and does not answer: who waits cannot even be killed.
    Taken,
}

/// Such a file system, as long as it lives.
#[derive(Debug)]
pub(crate) struct Hung {
    path: PathBuf,
    _folder: Folder,
    /// Closed last: without it the kernel answers with an error.
    _device: Arc<File>,
}

impl Hung {
    /// Mounts one. None where that is not allowed.
    pub(crate) fn mount(asked: Asked) -> Option<Self> {
        let folder = Folder::new();
        let path = folder.join("mount");
        std::fs::create_dir(&path).expect("a new folder");
        Self::mount_at(path, "40000", asked, folder)
    }

    /// Mounts one whose root is a file over the file at `path`, for this thread and what it starts alone. None where that is
    /// not allowed.
    pub(crate) fn over_file(path: &Path, asked: Asked) -> Option<Self> {
        let own = unshare(CloneFlags::CLONE_NEWNS).and_then(|()| {
            mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        });
        if let Err(why) = own {
            skipped(&format!("no mount namespace here: {why}"));
            return None;
        }
        Self::mount_at(path.into(), "100644", asked, Folder::new())
    }

    /// Mounts one at `path`, whose root has that mode.
    fn mount_at(path: PathBuf, mode: &str, asked: Asked, folder: Folder) -> Option<Self> {
        let device = match OpenOptions::new().read(true).write(true).open("/dev/fuse") {
            Ok(device) => Arc::new(device),
            Err(why) => {
                skipped(&format!("no FUSE here: {why}"));
                return None;
            }
        };
        let options = format!("fd={},rootmode={mode},user_id=0,group_id=0,allow_other", device.as_raw_fd());
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        if let Err(why) = mount(Some("hung"), &path, Some("fuse"), flags, Some(options.as_str())) {
            skipped(&format!("no FUSE here: {why}"));
            return None;
        }
        answer_init(&device);
        if asked == Asked::Taken {
            let device = Arc::clone(&device);
            // Until it is unmounted.
            std::thread::spawn(move || while (&*device).read(&mut [0; 8192]).is_ok() {});
        }
        Some(Self { path, _folder: folder, _device: device })
    }

    /// A file in it.
    pub(crate) fn file(&self) -> PathBuf {
        self.path.join("file")
    }
}

impl Drop for Hung {
    /// Whoever hangs in it gets an error.
    fn drop(&mut self) {
        let _ = umount2(&self.path, MntFlags::MNT_FORCE);
        let _ = umount2(&self.path, MntFlags::MNT_DETACH);
    }
}

/// The handshake that the kernel begins with (linux/fuse.h, `FUSE_INIT`).
fn answer_init(mut device: &File) {
    let mut request = [0; 8192];
    assert!(device.read(&mut request).expect("the kernel asks") >= 40);
    let unique = &request[8..16];
    let mut answer = Vec::from(80_u32.to_ne_bytes());
    answer.extend(0_i32.to_ne_bytes());
    answer.extend(unique);
    // Version 7.31, no flags, writes of 4 KiB.
    for number in [7_u32, 31, 0, 0, 0, 4096, 1] {
        answer.extend(number.to_ne_bytes());
    }
    answer.resize(80, 0);
    assert_eq!(device.write(&answer).expect("the kernel listens"), 80);
}
