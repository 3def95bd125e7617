//! Reading this machine: processes, cgroups, clocks, regular files.

pub(crate) mod cgroup;
pub(crate) mod clock;
pub(crate) mod option_file;
pub(crate) mod procfs;
pub(crate) mod regular_file;
pub(crate) mod small_file;
