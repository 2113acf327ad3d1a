//! A connection over which nothing counts before the server has proven that it knows the role's secret.
//!
//! The driver does what a server asks of it: it sends the password in clear text, or hashed with MD5, and takes an
//! `AuthenticationOk` without any proof. Who took the address of a host that is gone would be told the password, and
//! believed. So the server's first messages are looked at before the driver sees them: SCRAM-SHA-256 from its offer to
//! its final message, whose signature the driver verifies, and then `AuthenticationOk`. libpq has `require_auth` for
//! this. It proves who is at the other end, not that nobody in between changes what is said afterwards: that takes TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// No message of a log-in is longer; an error may be (`libpq` takes 30,000 bytes).
const LONGEST: usize = 30_000;
/// What PostgreSQL makes verifiers with, and the least that RFC 7677 allows. With fewer, whoever pretends to be the server
/// can try passwords against the answer faster than against a verifier.
const LEAST_ITERATIONS: u32 = 4096;

/// Why the other side is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unproven {
    #[error("it asks for the password in clear text")]
    ClearText,
    #[error("it asks for the password hashed with MD5")]
    Md5,
    #[error("it lets in whoever comes, and proves nothing")]
    NoProof,
    #[error("it asks for another proof than SCRAM-SHA-256")]
    OtherMethod,
    #[error("it asks for a SCRAM-SHA-256 that is easily guessed, with fewer than {LEAST_ITERATIONS} iterations")]
    Weak,
    #[error("its part of SCRAM-SHA-256 is wrong")]
    Signature,
    #[error("it does not speak PostgreSQL's protocol")]
    Nonsense,
}

impl From<Unproven> for io::Error {
    fn from(unproven: Unproven) -> Self {
        Self::new(io::ErrorKind::InvalidData, unproven)
    }
}

impl Unproven {
    /// What a log-in that failed says of it. An error of the kernel's says nothing; the others are ours, or the driver's own,
    /// which verifies the server's signature.
    pub(crate) fn of(error: &tokio_postgres::Error) -> Option<Self> {
        let io = std::error::Error::source(error)?.downcast_ref::<io::Error>()?;
        io.get_ref().map(|inner| inner.downcast_ref().copied().unwrap_or(Self::Signature))
    }
}

/// The message that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Offer,
    Challenge,
    Final,
    Ok,
    /// Nothing more is looked at.
    Anything,
}

/// A server's side of a connection, let through once it is in order.
pub(crate) struct Proven<S> {
    stream: S,
    next: Next,
    /// Read, and not looked at yet.
    raw: Vec<u8>,
    /// Looked at, and not read by the driver yet.
    good: Vec<u8>,
}

impl<S> Proven<S> {
    pub(crate) const fn new(stream: S) -> Self {
        Self { stream, next: Next::Offer, raw: Vec::new(), good: Vec::new() }
    }

    /// Looks at what came, message by message.
    fn look(&mut self) -> Result<(), Unproven> {
        while self.next != Next::Anything {
            let Some(&[kind, a, b, c, d]) = self.raw.first_chunk() else { return Ok(()) };
            let length = u32::from_be_bytes([a, b, c, d]) as usize;
            if !matches!(kind, b'R' | b'E') || !(4..=LONGEST).contains(&length) {
                return Err(Unproven::Nonsense);
            }
            let Some(message) = self.raw.get(5..=length) else { return Ok(()) };
            self.next = match kind {
                // A refusal ends the log-in, whoever says it.
                b'E' => self.next,
                _ => self.next.after(message)?,
            };
            self.good.extend(self.raw.drain(..=length));
        }
        self.good.append(&mut self.raw);
        Ok(())
    }
}

impl Next {
    /// Takes an authentication message: its code and what belongs to it (PostgreSQL 17, "Message Formats").
    fn after(self, message: &[u8]) -> Result<Self, Unproven> {
        let Some((code, rest)) = message.split_first_chunk() else { return Err(Unproven::Nonsense) };
        match (self, u32::from_be_bytes(*code)) {
            (Self::Offer, 10) => match rest.split(|byte| *byte == 0).any(|name| name == b"SCRAM-SHA-256") {
                true => Ok(Self::Challenge),
                false => Err(Unproven::OtherMethod),
            },
            (Self::Challenge, 11) => match iterations(rest) {
                Some(count) if count >= LEAST_ITERATIONS => Ok(Self::Final),
                Some(_) => Err(Unproven::Weak),
                None => Err(Unproven::Signature),
            },
            (Self::Final, 12) => Ok(Self::Ok),
            (Self::Ok, 0) => Ok(Self::Anything),
            (_, 0) => Err(Unproven::NoProof),
            (_, 3) => Err(Unproven::ClearText),
            (_, 5) => Err(Unproven::Md5),
            (Self::Offer, _) => Err(Unproven::OtherMethod),
            (_, _) => Err(Unproven::Nonsense),
        }
    }
}

/// The iteration count of a challenge: `r=…,s=…,i=4096` (RFC 5802, section 7).
fn iterations(challenge: &[u8]) -> Option<u32> {
    let attributes = std::str::from_utf8(challenge).ok()?.split(',');
    attributes.filter_map(|attribute| attribute.strip_prefix("i=")).next()?.parse().ok()
}

impl<S: AsyncRead + Unpin> AsyncRead for Proven<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if !this.good.is_empty() {
                let taken = this.good.len().min(buf.remaining());
                buf.put_slice(&this.good[..taken]);
                this.good.drain(..taken);
                return Poll::Ready(Ok(()));
            }
            if this.next == Next::Anything {
                return Pin::new(&mut this.stream).poll_read(cx, buf);
            }
            let mut space = [0; 1024];
            let mut read = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.raw.extend_from_slice(read.filled());
            this.look()?;
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Proven<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
