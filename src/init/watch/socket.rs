//! Where a listener listens: on a port, or at a path.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{self, Path, PathBuf};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

use crate::init::plan::Address;
use crate::sys::process;

/// Where it listens.
pub(super) enum Socket {
    /// On a port.
    Tcp(TcpListener),
    /// At a path.
    Unix(UnixListener),
}

impl Socket {
    /// Listens at `address`; and the path of a unix socket, to be taken away again.
    ///
    /// # Errors
    ///
    /// Why that cannot be, in one line.
    pub(super) fn open(address: &Address) -> Result<(Self, Option<PathBuf>), String> {
        match address {
            Address::Tcp(address) => {
                let bound = match TcpListener::bind(address) {
                    // Every address is meant, and there are only those of IPv4.
                    Err(why) if is_without_ipv6(&why) && address.ip() == Ipv6Addr::UNSPECIFIED => {
                        TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port()))
                    }
                    bound => bound,
                };
                let socket = bound
                    .and_then(|socket| socket.set_nonblocking(true).map(|()| socket))
                    .map_err(|why| format!("cannot listen on {address}: {}", cause(&why)))?;
                Ok((Self::Tcp(socket), None))
            }
            Address::Unix(path) => {
                let path = path::absolute(path).unwrap_or_else(|_| path.clone());
                let socket = listen_at(&path)
                    .and_then(|socket| socket.set_nonblocking(true).map(|()| socket))
                    .map_err(|why| format!("cannot listen on unix:{}: {}", path.display(), cause(&why)))?;
                Ok((Self::Unix(socket), Some(path)))
            }
        }
    }

    /// Its address and port, if it has some.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    /// Its descriptor.
    pub(super) fn raw_fd(&self) -> RawFd {
        match self {
            Self::Tcp(socket) => socket.as_raw_fd(),
            Self::Unix(socket) => socket.as_raw_fd(),
        }
    }

    /// Accepts somebody, if somebody is there.
    pub(super) fn accept(&self) -> io::Result<Box<dyn ClientStream>> {
        match self {
            Self::Tcp(socket) => {
                let (stream, _) = socket.accept()?;
                stream.set_nonblocking(true)?;
                Ok(Box::new(stream))
            }
            Self::Unix(socket) => {
                let (stream, _) = socket.accept()?;
                stream.set_nonblocking(true)?;
                Ok(Box::new(stream))
            }
        }
    }
}

/// What both are.
pub(super) trait ClientStream: Read + Write + AsRawFd {
    /// Says that nothing more is sent.
    fn finish(&self) -> io::Result<()>;
}

impl ClientStream for TcpStream {
    fn finish(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl ClientStream for UnixStream {
    fn finish(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

/// Whether that is what the kernel says where IPv6 is turned off.
fn is_without_ipv6(why: &io::Error) -> bool {
    matches!(why.raw_os_error().map(Errno::from_raw), Some(Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL))
}

/// Listens at `path` from the moment on that something is there: between a bind and a listen whoever comes is refused, so
/// both are done beside it. Takes the place of a socket that nobody listens at, which an earlier run has left.
fn listen_at(path: &Path) -> io::Result<UnixListener> {
    match fs::symlink_metadata(path) {
        Err(why) if why.kind() == ErrorKind::NotFound => {}
        Ok(there) if there.file_type().is_socket() && is_dead(path) => {}
        Ok(_) => return Err(ErrorKind::AddrInUse.into()),
        Err(why) => return Err(why),
    }
    // Short, since a path to a socket has no more than 107 bytes (unix(7)).
    let beside = path.with_file_name(format!(".{}", process::own_pid()));
    let _ = fs::remove_file(&beside);
    let Ok(listener) = UnixListener::bind(&beside) else {
        // The folder may be all but too long; what is wrong besides that is wrong here, too.
        let _ = fs::remove_file(path);
        return UnixListener::bind(path);
    };
    match fs::rename(&beside, path) {
        Ok(()) => Ok(listener),
        Err(why) => {
            let _ = fs::remove_file(&beside);
            Err(why)
        }
    }
}

/// Whether nobody listens at `path`. Does not wait: a live one whose backlog is full says that it is.
fn is_dead(path: &Path) -> bool {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let connected = UnixAddr::new(path).and_then(|address| {
        let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        connect(socket.as_raw_fd(), &address)
    });
    connected == Err(Errno::ECONNREFUSED)
}

/// What stands in the way, and what would help.
fn cause(why: &io::Error) -> String {
    match why.kind() {
        ErrorKind::AddrInUse => "somebody else listens there".into(),
        ErrorKind::AddrNotAvailable => "no such address here".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        ErrorKind::NotFound => "no such folder".into(),
        _ => why.to_string().to_lowercase(),
    }
}
