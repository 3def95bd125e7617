//! A small server to try sexton on: it answers `GET /health`, until it is asked to hang.
//!
//! ```text
//! server ADDRESS            127.0.0.1:0 takes a free port, and says which
//! ```
//!
//! * `GET /health` is answered by 200.
//! * `GET /hang`: from now on it accepts and never answers, as an app does whose workers are all stuck.
//! * `GET /orphan` starts a program that leaves another one behind, for whoever is PID 1.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example is a program of its own, with its own stdout"
)]

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

/// Accepts one connection after the other.
fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "0.0.0.0:8080".into());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);

    let mut kept = Vec::new();
    let mut hangs = false;
    for connection in listener.incoming() {
        let mut connection = connection?;
        if hangs {
            kept.push(connection);
            continue;
        }
        match path(&mut connection).as_str() {
            "/health" => answer(&mut connection, "200 OK"),
            "/hang" => {
                hangs = true;
                answer(&mut connection, "200 OK");
            }
            "/orphan" => {
                // The shell ends at once; what it has started becomes a child of PID 1, and ends a moment later.
                let status = Command::new("sh").args(["-c", "sleep 0.1 &"]).status()?;
                answer(
                    &mut connection,
                    if status.success() { "200 OK" } else { "500 Internal Server Error" },
                );
            }
            _ => answer(&mut connection, "404 Not Found"),
        }
    }
    Ok(())
}

/// What is asked for: the second word of the request.
fn path(connection: &mut TcpStream) -> String {
    let mut request = [0; 4096];
    let length = connection.read(&mut request).unwrap_or(0);
    let text = String::from_utf8_lossy(request.get(..length).unwrap_or_default()).into_owned();
    text.split_whitespace().nth(1).unwrap_or_default().to_owned()
}

/// An answer without a body. A client that is gone is no reason to end.
fn answer(connection: &mut TcpStream, status: &str) {
    let _ = write!(connection, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}
