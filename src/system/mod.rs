//! Reading this machine: processes, cgroups, clocks, files.

pub(crate) mod cgroup;
pub(crate) mod clock;
pub(crate) mod file;
pub(crate) mod procfs;
