//! One connection between a program and a destination: bytes both ways, until both have ended.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits;

/// Bytes from and to the program. `all_sent` is called when the program has no more to say and all of it has been passed on.
pub(super) fn relay(program: &TcpStream, outside: &TcpStream, all_sent: impl FnOnce()) -> (u64, u64) {
    let (sent, received) = (AtomicU64::new(0), AtomicU64::new(0));
    // Neither is worth a connection: without it small packets are merely late, and a dead peer is seen later.
    let _ = program.set_nodelay(true);
    let _ = outside.set_nodelay(true);
    std::thread::scope(|scope| {
        let back = std::thread::Builder::new()
            .name("relay".to_owned())
            .stack_size(limits::RELAY_STACK_BYTES)
            .spawn_scoped(scope, || pour(outside, program, &received));
        if back.is_err() {
            // No thread to be had: better no connection than half a one.
            cut(program, outside);
        }
        pour(program, outside, &sent);
        all_sent();
    });
    (sent.into_inner(), received.into_inner())
}

/// Passes on that one side has no more to say; a fault of either ends both.
fn pour(from: &TcpStream, to: &TcpStream, count: &AtomicU64) {
    match copy(from, to, count) {
        Ok(()) => drop(to.shutdown(Shutdown::Write)),
        Err(_) => cut(from, to),
    }
}

pub(super) fn cut(one: &TcpStream, other: &TcpStream) {
    // One that has gone already needs no end.
    let _ = one.shutdown(Shutdown::Both);
    let _ = other.shutdown(Shutdown::Both);
}

fn copy(mut from: &TcpStream, mut to: &TcpStream, count: &AtomicU64) -> io::Result<()> {
    let mut buffer = vec![0; limits::RELAY_BUFFER_BYTES];
    loop {
        let length = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        to.write_all(&buffer[..length])?;
        count.fetch_add(length as u64, Ordering::Relaxed);
    }
}
