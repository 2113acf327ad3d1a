//! Taking the locks, and looking who holds them, through the ports; what a lock is stands in [`lock`](crate::lock).

mod look;
mod take;

pub(crate) use look::look;
pub(crate) use take::{lock, lock_soon, take_again};
