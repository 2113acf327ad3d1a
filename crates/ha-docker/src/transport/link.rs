//! One connection, of whatever kind.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::refusal::Refusal;

/// What carries bytes both ways.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection as hyper takes it.
pub(crate) struct Link {
    duplex: TokioIo<Box<dyn Duplex>>,
    /// Nothing has come yet, so that whoever is there may still refuse.
    silent: bool,
    refusal: Refusal,
}

impl Link {
    pub(crate) fn new(duplex: impl Duplex + 'static) -> Self {
        Self { duplex: TokioIo::new(Box::new(duplex)), silent: true, refusal: Refusal::default() }
    }

    /// Who refuses says why and hangs up, so that writing may fail with the reason yet to be read. That is what failed.
    fn or_reason<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let Poll::Ready(Err(error)) = written else { return written };
        if self.silent {
            let mut space = [0];
            // Waiting is short, for an end comes with whatever made writing fail; and no one else waits to read, for
            // hyper parts what reads from what writes after an answer only.
            if let Err(reason) = ready!(Pin::new(self.duplex.inner_mut()).poll_read(cx, &mut ReadBuf::new(&mut space)))
            {
                self.refusal.note(&reason);
                return Poll::Ready(Err(reason));
            }
        }
        Poll::Ready(Err(error))
    }
}

impl Connection for Link {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.refusal.clone())
    }
}

impl Read for Link {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.duplex).poll_read(cx, buf));
        match &read {
            Ok(()) => self.silent = false,
            Err(error) => self.refusal.note(error),
        }
        Poll::Ready(read)
    }
}

impl Write for Link {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.duplex).poll_write(cx, buf);
        self.or_reason(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.duplex).poll_flush(cx);
        self.or_reason(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.duplex).poll_shutdown(cx)
    }
}
