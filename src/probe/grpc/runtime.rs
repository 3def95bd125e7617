//! An async protocol over one of our streams: no runtime, no thread, one poll(2) at a time, over by the deadline.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{self, Read, Write};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::{Interest, Stream, failure_of};
use crate::outcome::{Failure, Phase};

/// How many of the peer's first bytes are kept: the head of a frame, enough to tell what it speaks.
const FIRST: usize = 9;

/// A stream as async code reads and writes it; clones share it.
#[derive(Clone)]
pub(crate) struct Link(Rc<Inner>);

/// What the clones share.
struct Inner {
    stream: RefCell<Stream>,
    /// Whether the last write found no room.
    full: Cell<bool>,
    /// The peer's first bytes.
    first: RefCell<Vec<u8>>,
    /// Why a read failed; the protocol's library keeps no more than the text.
    failure: RefCell<Option<Failure>>,
}

impl Link {
    /// Takes over `stream`, which from now on does not wait by itself.
    pub(crate) fn new(mut stream: Stream) -> Self {
        stream.set_nonblocking();
        Self(Rc::new(Inner {
            stream: RefCell::new(stream),
            full: Cell::new(false),
            first: RefCell::new(Vec::with_capacity(FIRST)),
            failure: RefCell::new(None),
        }))
    }

    /// Why a read failed, if one did.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.0.failure.borrow().clone()
    }

    /// What the peer said first.
    pub(crate) fn first(&self) -> Vec<u8> {
        self.0.first.borrow().clone()
    }

    /// Runs `future` to its end, sleeping whenever neither it nor the peer has anything to do.
    ///
    /// # Errors
    ///
    /// `ErrorKind::TimedOut` when the stream's deadline comes first.
    pub(crate) fn drive<T>(&self, future: impl Future<Output = T>) -> io::Result<T> {
        let woken = Arc::new(WakeFlag(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut future = pin!(future);
        loop {
            // Parts of the future wake each other while they make progress; only then is it idle.
            while woken.0.swap(false, Ordering::Relaxed) {
                if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return Ok(value);
                }
            }
            let awaited = if self.0.full.get() { Interest::ReadableOrWritable } else { Interest::Readable };
            self.0.stream.borrow().poll(awaited)?;
            woken.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Rung when the future can go on.
struct WakeFlag(AtomicBool);

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What an operation that would have had to wait means to a future: `drive` polls it again when the socket is ready.
fn pending_if_would_block<T>(result: io::Result<T>) -> Poll<io::Result<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        other => Poll::Ready(other),
    }
}

impl AsyncRead for Link {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let result = self.0.stream.borrow_mut().read(buffer.initialize_unfilled());
        if let Err(error) = &result
            && error.kind() != io::ErrorKind::WouldBlock
        {
            *self.0.failure.borrow_mut() = Some(failure_of(error, Phase::Response));
        }
        pending_if_would_block(result.map(|amount| {
            buffer.advance(amount);
            let mut first = self.0.first.borrow_mut();
            let missing = FIRST.saturating_sub(first.len());
            let filled = buffer.filled();
            let fresh = filled.get(filled.len().saturating_sub(amount)..).unwrap_or_default();
            first.extend(fresh.iter().take(missing));
        }))
    }
}

impl AsyncWrite for Link {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = pending_if_would_block(self.0.stream.borrow_mut().write(bytes));
        self.0.full.set(result.is_pending());
        result
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = pending_if_would_block(self.0.stream.borrow_mut().flush());
        self.0.full.set(result.is_pending());
        result
    }

    /// Dropping the stream closes it.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}
