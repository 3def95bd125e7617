//! Signals by raw system calls, with all 64 of them: musl hides 32-34 in its set functions, and nix knows no real-time
//! signal. See [signal(7)](https://man7.org/linux/man-pages/man7/signal.7.html).

use std::ffi::{c_int, c_ulong};
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::{Duration, Instant};

use super::errno::{cerr, cerr_long};
use super::time::timespec;

/// A set of signals as the kernel has it: bit n-1 is signal n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SigSet(u64);

/// The size of the kernel's set in bytes, which every `rt_sig` call wants to be told.
const SET_SIZE: usize = size_of::<u64>();

impl SigSet {
    /// No signal.
    pub(crate) const EMPTY: Self = Self(0);
    /// All 64.
    pub(crate) const FULL: Self = Self(u64::MAX);

    /// The bit of signal `number`; none for what is no signal.
    fn bit(number: c_int) -> u64 {
        u32::try_from(number)
            .ok()
            .and_then(|n| n.checked_sub(1))
            .and_then(|n| 1_u64.checked_shl(n))
            .unwrap_or(0)
    }

    /// Whether `number` is in it.
    pub(crate) fn contains(self, number: c_int) -> bool {
        self.0 & Self::bit(number) != 0
    }

    /// This set and `number`.
    pub(crate) fn with(self, number: c_int) -> Self {
        Self(self.0 | Self::bit(number))
    }

    /// This set without `number`.
    pub(crate) fn without(self, number: c_int) -> Self {
        Self(self.0 & !Self::bit(number))
    }
}

/// Makes `mask` the set of blocked signals and gives back the one before.
/// See [sigprocmask(2)](https://man7.org/linux/man-pages/man2/sigprocmask.2.html).
pub(crate) fn set_mask(mask: SigSet) -> io::Result<SigSet> {
    let mut before = SigSet::EMPTY;
    // SAFETY: both sets are live u64s, and their size is told.
    cerr_long(unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const mask.0,
            &raw mut before.0,
            SET_SIZE,
        )
    })?;
    Ok(before)
}

/// The signals that wait behind the mask.
/// See [sigpending(2)](https://man7.org/linux/man-pages/man2/sigpending.2.html).
pub(crate) fn pending() -> SigSet {
    let mut set = SigSet::EMPTY;
    // SAFETY: the set is a live u64, and its size is told.
    let result = unsafe { libc::syscall(libc::SYS_rt_sigpending, &raw mut set.0, SET_SIZE) };
    if result == 0 { set } else { SigSet::EMPTY }
}

/// What a signal does, in the kernel's own layout. Of an inherited one only "ignored" and "default" exist.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Disposition {
    handler: usize,
    flags: c_ulong,
    #[cfg(not(any(target_arch = "riscv64", target_arch = "loongarch64")))]
    restorer: usize,
    mask: u64,
}

impl Disposition {
    /// The default action; with `flags` such as `SA_NOCLDSTOP`.
    pub(crate) fn default_with(flags: c_int) -> Self {
        Self {
            handler: libc::SIG_DFL,
            flags: c_ulong::try_from(flags).unwrap_or(0),
            #[cfg(not(any(target_arch = "riscv64", target_arch = "loongarch64")))]
            restorer: 0,
            mask: 0,
        }
    }

    /// Nothing: what is pending is thrown away.
    fn ignore() -> Self {
        Self { handler: libc::SIG_IGN, ..Self::default_with(0) }
    }
}

/// Sets what signal `number` does and gives back what it did. Handlers cannot be expressed, so nothing of ours ever runs
/// in a signal's context. See [sigaction(2)](https://man7.org/linux/man-pages/man2/sigaction.2.html).
pub(crate) fn set_disposition(number: c_int, to: &Disposition) -> io::Result<Disposition> {
    let mut before = Disposition::default_with(0);
    // SAFETY: both are live and laid out as the kernel's struct; the handler is SIG_DFL or SIG_IGN.
    cerr_long(unsafe {
        libc::syscall(libc::SYS_rt_sigaction, number, ptr::from_ref(to), &raw mut before, SET_SIZE)
    })?;
    Ok(before)
}

/// Whether signal `number` is ignored, as nohup(1) and shells leave it for what they start.
pub(crate) fn is_ignored(number: c_int) -> bool {
    let mut now = Disposition::default_with(0);
    // SAFETY: the disposition is live and laid out as the kernel's struct; none is set.
    let result = unsafe {
        libc::syscall(libc::SYS_rt_sigaction, number, ptr::null::<Disposition>(), &raw mut now, SET_SIZE)
    };
    result == 0 && now.handler == libc::SIG_IGN
}

/// Sends `number` to a process, or to a group when `pid` is negative.
/// See [kill(2)](https://man7.org/linux/man-pages/man2/kill.2.html).
pub(crate) fn kill(pid: libc::pid_t, number: c_int) -> io::Result<()> {
    // SAFETY: kill takes plain numbers.
    cerr(unsafe { libc::kill(pid, number) }).map(drop)
}

/// What siginfo says of a signal that has arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignalInfo {
    /// Its number.
    pub(crate) number: c_int,
    /// `si_code`: who sent it.
    pub(crate) code: c_int,
    /// The sender's pid, as far as it has one in our namespace.
    pub(crate) sender: libc::pid_t,
}

/// How many signals are taken at once; the rest waits in the kernel.
pub(crate) const BATCH: usize = 16;

/// Where blocked signals are read from.
#[derive(Debug)]
pub(crate) struct Source {
    method: ReadMethod,
    /// How often in a row nothing came of a wait that was to bring something.
    failures: u32,
}

/// How they are read.
#[derive(Debug)]
enum ReadMethod {
    /// A signalfd: the usual one, and pollable.
    Fd(OwnedFd),
    /// `rt_sigtimedwait`, for sandboxes that refuse signalfd.
    Wait,
    /// A look at what is pending from time to time, for those that refuse both.
    Pending,
}

impl Source {
    /// Opens a source of all signals, which have to be blocked.
    /// See [signalfd(2)](https://man7.org/linux/man-pages/man2/signalfd.2.html).
    pub(crate) fn open() -> Self {
        let all = SigSet::FULL;
        // SAFETY: the set is a live u64 and its size is told; -1 asks for a new descriptor.
        let fd =
            unsafe { libc::syscall(libc::SYS_signalfd4, -1, &raw const all.0, SET_SIZE, libc::SFD_CLOEXEC) };
        let method = match RawFd::try_from(fd) {
            Ok(fd) if fd >= 0 => {
                // SAFETY: the kernel has just made it, and nobody else has it.
                let fd = unsafe { OwnedFd::from_raw_fd(fd) };
                super::fds::above_stdio(fd).map_or(ReadMethod::Wait, ReadMethod::Fd)
            }
            _ => ReadMethod::Wait,
        };
        Self { method, failures: 0 }
    }

    /// The descriptor, where there is one.
    pub(crate) fn raw_fd(&self) -> Option<RawFd> {
        match &self.method {
            ReadMethod::Fd(fd) => Some(fd.as_raw_fd()),
            ReadMethod::Wait | ReadMethod::Pending => None,
        }
    }

    /// Waits for signals and for `extra_fds`, at most `limit`, and passes each signal that has come to `each`. Which of
    /// `extra_fds` is ready is not told: its users find out, without waiting.
    pub(crate) fn wait(
        &mut self,
        limit: Option<Duration>,
        extra_fds: &[ExtraFd],
        mut each: impl FnMut(SignalInfo),
    ) {
        let result = match &self.method {
            ReadMethod::Fd(fd) => wait_by_fd(fd.as_raw_fd(), limit, extra_fds, &mut each),
            ReadMethod::Wait => wait_by_call(limit, extra_fds, &mut each),
            ReadMethod::Pending => {
                let most = limit.unwrap_or(BLIND).min(BLIND);
                if poll(&mut pollfds(None, extra_fds), Some(most)).is_err() {
                    std::thread::sleep(most);
                }
                take_pending(&mut each);
                Ok(())
            }
        };
        match result {
            Ok(()) => self.failures = 0,
            Err(error) if is_passing(&error) && self.failures < FAILURES_MAX => self.failures += 1,
            // Going on like this would spin, and forward nothing.
            Err(_) => {
                self.failures = 0;
                self.method = if matches!(self.method, ReadMethod::Fd(_)) {
                    ReadMethod::Wait
                } else {
                    ReadMethod::Pending
                };
            }
        }
    }
}

/// How often in a row a wait may be interrupted: whoever stops and continues us does so once in a while.
const FAILURES_MAX: u32 = 16;

/// Whether an error says that the same call may work the next time.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN))
}

/// Waits at a signalfd, and reads it.
fn wait_by_fd(
    fd: RawFd,
    limit: Option<Duration>,
    extra_fds: &[ExtraFd],
    each: &mut impl FnMut(SignalInfo),
) -> io::Result<()> {
    if limit.is_none() && extra_fds.is_empty() {
        return read_batch(fd, each);
    }
    // What is ready is told in memory of our own: an init that watches nothing allocates nothing here.
    let mut alone = [libc::pollfd { fd, events: libc::POLLIN, revents: 0 }];
    let mut all = Vec::new();
    let fds = if extra_fds.is_empty() {
        &mut alone[..]
    } else {
        all.extend(pollfds(Some(fd), extra_fds));
        &mut all
    };
    poll(fds, limit)?;
    if fds.first().is_some_and(|fd| fd.revents != 0) { read_batch(fd, each) } else { Ok(()) }
}

/// Waits by `rt_sigtimedwait`.
fn wait_by_call(
    limit: Option<Duration>,
    extra_fds: &[ExtraFd],
    each: &mut impl FnMut(SignalInfo),
) -> io::Result<()> {
    let began = Instant::now();
    let mut limit = if extra_fds.is_empty() {
        limit
    } else {
        let most = limit.unwrap_or(BLIND).min(BLIND);
        // A signal does not end this poll. Where it fails the signals are waited for instead, or it would spin.
        Some(poll(&mut pollfds(None, extra_fds), Some(most)).map_or(most, |()| Duration::ZERO))
    };
    for _ in 0..BATCH {
        match take(SigSet::FULL, limit) {
            Ok(info) => each(info),
            // The limit has come.
            Err(error) if is_passing(&error) && limit.is_some_and(|limit| began.elapsed() >= limit) => break,
            Err(error) => return Err(error),
        }
        limit = Some(Duration::ZERO);
    }
    Ok(())
}

/// Takes all pending signals without waiting and without asking who sent them. SIGCHLD is always among them.
fn take_pending(each: &mut impl FnMut(SignalInfo)) {
    let set = pending();
    for number in (1..=64).filter(|&number| set.contains(number) && number != libc::SIGCHLD) {
        // To ignore a signal throws away what is pending of it, blocked or not (signal(7)).
        if let Ok(before) = set_disposition(number, &Disposition::ignore()) {
            let _ = set_disposition(number, &before);
            // It may be our own, of a log line whose reader has gone.
            if number != libc::SIGPIPE {
                each(SignalInfo { number, code: libc::SI_USER, sender: 0 });
            }
        }
    }
    each(SignalInfo { number: libc::SIGCHLD, code: libc::SI_KERNEL, sender: 0 });
}

/// A descriptor that is waited for beside the signals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExtraFd {
    /// Open as long as the wait.
    pub(crate) fd: RawFd,
    /// For what.
    pub(crate) interest: Interest,
}

/// What a descriptor is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    /// It can be read or accepted from.
    Readable,
    /// It can be written to.
    Writable,
}

/// As poll(2) takes them.
fn pollfds(signals: Option<RawFd>, extra_fds: &[ExtraFd]) -> Vec<libc::pollfd> {
    let signals = signals.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
    let extra_fds = extra_fds.iter().map(|one| {
        let events = match one.interest {
            Interest::Readable => libc::POLLIN,
            Interest::Writable => libc::POLLOUT,
        };
        libc::pollfd { fd: one.fd, events, revents: 0 }
    });
    signals.into_iter().chain(extra_fds).collect()
}

/// Waits until one of `fds` is ready.
/// See [ppoll(2)](https://man7.org/linux/man-pages/man2/poll.2.html).
fn poll(fds: &mut [libc::pollfd], limit: Option<Duration>) -> io::Result<()> {
    let limit = limit.map(timespec);
    let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
    let count = libc::nfds_t::try_from(fds.len()).unwrap_or(0);
    // SAFETY: as many live pollfds as told, a timespec that is live or null, and no mask.
    let ready = unsafe { libc::ppoll(fds.as_mut_ptr(), count, limit, ptr::null()) };
    if ready == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// How often to look for the dead when a sandbox leaves us no way to wait for signals.
const BLIND: Duration = Duration::from_millis(100);

/// Reads what there is, waiting for the first one.
fn read_batch(fd: RawFd, each: &mut impl FnMut(SignalInfo)) -> io::Result<()> {
    let mut infos = [const { MaybeUninit::<libc::signalfd_siginfo>::uninit() }; BATCH];
    // SAFETY: the buffer is live and as long as told.
    let got = unsafe { libc::read(fd, infos.as_mut_ptr().cast(), size_of_val(&infos)) };
    let Ok(got) = usize::try_from(got) else {
        return Err(io::Error::last_os_error());
    };
    let whole = got / size_of::<libc::signalfd_siginfo>();
    for info in infos.iter().take(whole) {
        // SAFETY: the kernel has filled the first `whole` of them, and any bytes are a valid one.
        let info = unsafe { info.assume_init_ref() };
        each(SignalInfo {
            number: c_int::try_from(info.ssi_signo).unwrap_or(0),
            code: info.ssi_code,
            sender: libc::pid_t::try_from(info.ssi_pid).unwrap_or(0),
        });
    }
    if whole > 0 { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Takes one signal of `set`, waiting at most `limit`.
/// See [sigwaitinfo(2)](https://man7.org/linux/man-pages/man2/sigwaitinfo.2.html).
pub(crate) fn take(set: SigSet, limit: Option<Duration>) -> io::Result<SignalInfo> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let limit = limit.map(timespec);
    let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: set, info and limit are live or null where null is allowed; the set's size is told.
    let number = unsafe {
        libc::syscall(libc::SYS_rt_sigtimedwait, &raw const set.0, info.as_mut_ptr(), limit, SET_SIZE)
    };
    let number = cerr_long(number)?;
    // SAFETY: zeroed bytes are a valid siginfo_t, and the kernel has filled it since.
    let info = unsafe { info.assume_init() };
    // SAFETY: all signals but faults and timers carry a pid here; for those it is some other number, not our pid's
    // sender code, and nobody is told it.
    let sender = unsafe { info.si_pid() };
    Ok(SignalInfo { number: c_int::try_from(number).unwrap_or(0), code: info.si_code, sender })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_a_bit_for_each_of_64_signals_and_none_for_others() {
        for number in 1..=64 {
            assert!(SigSet::FULL.contains(number), "{number}");
            assert!(SigSet::EMPTY.with(number).contains(number), "{number}");
            assert_eq!(SigSet::EMPTY.with(number).without(number), SigSet::EMPTY, "{number}");
        }
        for number in [-1, 0, 65, 1000] {
            assert!(!SigSet::FULL.contains(number), "{number}");
        }
    }
}
