//! A timer that ends the process.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, Ordering};
use std::time::Duration;

use super::time::{nanoseconds, timespec};

/// What the timer does when it fires.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastWords {
    /// What is written, if that does not block; may be empty.
    pub(crate) line: &'static [u8],
    /// Where it is written to.
    pub(crate) fd: c_int,
    /// What the process ends with.
    pub(crate) code: c_int,
    /// Whether the process is telling a verdict of its own: it gets [`TELLING`] more, once.
    pub(crate) is_telling: bool,
}

/// What the handler does. One pointer, so that it never sees half of a change.
static LAST_WORDS: AtomicPtr<LastWords> = AtomicPtr::new(ptr::null_mut());

/// When the timer is to fire, in nanoseconds of the monotonic clock; 0 once it has fired late.
static DUE: AtomicI64 = AtomicI64::new(0);

/// A timer that fires this late, in nanoseconds, says that the whole process was kept from running, by a busy machine
/// or a CPU limit: its own deadlines have come in the same moment, and know better what happened.
const LATE: i64 = 5_000_000;

/// How long it has to say so, in nanoseconds; then the timer fires again and nothing is asked.
const AGAIN: libc::c_long = 50_000_000;

/// How much longer a verdict may take to be told, in nanoseconds: a busy machine may run nothing of us between the verdict
/// and its line.
const TELLING: u32 = 10_000_000;

/// The timer, for the handler to set it again.
static TIMER: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Whether [`TELLING`] was granted.
static GRANTED: AtomicBool = AtomicBool::new(false);

/// From now on a timer that fires does `words`.
pub(crate) fn say(words: LastWords) {
    // Leaked on purpose: the handler may read it at any time until the end. There are two in the life of a process.
    LAST_WORDS.store(Box::leak(Box::new(words)), Ordering::Release);
}

/// After `delay` of monotonic time does `words`, and so ends the process in the middle of whatever it does then.
/// See [timer_create(2)](https://man7.org/linux/man-pages/man2/timer_create.2.html).
///
/// # Errors
///
/// When the kernel has no timer left for this user (`RLIMIT_SIGPENDING`).
pub(crate) fn arm(delay: Duration, words: LastWords) -> std::io::Result<()> {
    say(words);
    let wait = i64::try_from(delay.as_nanos()).unwrap_or(i64::MAX);
    DUE.store(now().saturating_add(wait), Ordering::Release);

    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all-zero bytes are a valid `sigaction`: no flags, empty mask, SIG_DFL.
    let action = unsafe { action.assume_init_mut() };
    action.sa_sigaction = handler();
    // A reader that is gone must not turn our exit code into a death by SIGPIPE.
    // SAFETY: `sa_mask` is initialised, and SIGPIPE is a signal.
    cerr(unsafe { libc::sigaddset(&raw mut action.sa_mask, libc::SIGPIPE) })?;
    // SAFETY: `action` is initialised and outlives the call.
    cerr(unsafe { libc::sigaction(libc::SIGALRM, action, ptr::null_mut()) })?;

    let mut mask = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: sigemptyset initialises what it is given.
    cerr(unsafe { libc::sigemptyset(mask.as_mut_ptr()) })?;
    // SAFETY: `mask` was initialised above, and SIGALRM is a signal.
    cerr(unsafe { libc::sigaddset(mask.as_mut_ptr(), libc::SIGALRM) })?;
    // SAFETY: `mask` is initialised; the old mask is not asked for.
    cerr(unsafe { libc::sigprocmask(libc::SIG_UNBLOCK, mask.as_ptr(), ptr::null_mut()) })?;

    let mut timer = MaybeUninit::<libc::timer_t>::uninit();
    // SAFETY: a null sigevent means SIGALRM to the process; `timer` takes the id.
    cerr(unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, ptr::null_mut(), timer.as_mut_ptr()) })?;
    // SAFETY: timer_create succeeded and wrote it.
    let timer = unsafe { timer.assume_init() };
    TIMER.store(timer, Ordering::Release);
    // At least one nanosecond: zero would disarm the timer.
    cerr(set(timer, delay.max(Duration::from_nanos(1))))
}

/// Has `timer`, a live one of ours, fire after `delay`; async-signal-safe.
fn set(timer: libc::timer_t, delay: Duration) -> c_int {
    let when = libc::itimerspec {
        it_interval: libc::timespec { tv_sec: 0, tv_nsec: AGAIN },
        it_value: timespec(delay),
    };
    // SAFETY: `timer` is a live timer of ours, `when` is initialised, the old value is not asked for.
    unsafe { libc::timer_settime(timer, 0, &raw const when, ptr::null_mut()) }
}

/// `on_alarm` as sigaction(2) takes it.
#[expect(clippy::as_conversions, reason = "there is no other way from a function to its address")]
fn handler() -> libc::sighandler_t {
    on_alarm as extern "C" fn(c_int) as libc::sighandler_t
}

/// Runs on SIGALRM: only async-signal-safe calls. Comes back once when it was late, and once when a verdict is being told.
extern "C" fn on_alarm(_: c_int) {
    let due = DUE.swap(0, Ordering::AcqRel);
    if due > 0 && now().saturating_sub(due) > LATE {
        return;
    }
    let words = LAST_WORDS.load(Ordering::Acquire);
    // SAFETY: null, or what `say` leaked: valid for ever and never written again.
    let Some(words) = (unsafe { words.as_ref() }) else { return };
    if words.is_telling && !GRANTED.swap(true, Ordering::AcqRel) {
        let more = Duration::from_nanos(u64::from(TELLING));
        if set(TIMER.load(Ordering::Acquire), more) == 0 {
            return;
        }
    }
    let mut poll = libc::pollfd { fd: words.fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one initialised pollfd, no waiting.
    let ready = unsafe { libc::poll(&raw mut poll, 1, 0) };
    if ready == 1 && poll.revents & libc::POLLOUT != 0 {
        // SAFETY: the pair is that of one slice.
        unsafe { libc::write(words.fd, words.line.as_ptr().cast(), words.line.len()) };
    }
    for standard in 0..3 {
        // A task of ours that hangs in the kernel may share our descriptors: the reader of our output must not wait for it.
        // SAFETY: a number; nobody uses it any more.
        unsafe { libc::close(standard) };
    }
    // SAFETY: _exit is async-signal-safe and does not return.
    unsafe { libc::_exit(words.code) }
}

/// The monotonic clock in nanoseconds; async-signal-safe.
fn now() -> i64 {
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: all-zero bytes are a valid `timespec`.
    let time = unsafe { time.assume_init_mut() };
    // SAFETY: `time` is ours to write to. The monotonic clock cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, time) };
    nanoseconds(time)
}

/// errno, where a call says -1.
fn cerr(result: c_int) -> std::io::Result<()> {
    if result == -1 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}
