//! Ports that nobody uses.

use std::collections::BTreeSet;
use std::io;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};

/// Ports handed out by this process: the kernel may offer one again before a container has bound it.
static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A free port on loopback, handed out once by this process.
///
/// # Errors
/// The kernel has none.
pub fn free() -> io::Result<u16> {
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..64 {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        if taken.insert(port) {
            return Ok(port);
        }
    }
    Err(io::Error::other("the kernel offers only ports that are taken"))
}
