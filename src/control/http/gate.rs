//! The connections: so many at once, each for one request and for some seconds,
//! so that nobody who is slow, or forgets to leave, keeps others out; and by what
//! name they were made. Reads nothing else of a request.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{CONNECTION, HOST};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

/// Connections at once; more wait.
const CONNECTIONS: usize = 32;

/// How long a connection may last.
const LIFE: Duration = Duration::from_secs(20);

/// How long nothing is accepted after that failed: descriptors may be short.
const PAUSE: Duration = Duration::from_millis(100);

/// Lets requests through that name this host by an address, or `localhost`. A
/// page from elsewhere whose own name was made to lead here (DNS rebinding) does
/// not read what its visitor may. What names no host, as HTTP/1.0 may, comes from
/// no browser.
pub(super) async fn by_address(request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST);
    if host.is_none_or(|host| host.to_str().is_ok_and(is_address)) {
        return next.run(request).await;
    }
    let sentence = "Ask by address, or as localhost; --http-anywhere takes any name.\n";
    (StatusCode::FORBIDDEN, sentence).into_response()
}

/// An answer is the last of its connection, whose place the next client has.
pub(super) async fn last(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// Whether a Host is an address or `localhost`, with or without a port.
fn is_address(host: &str) -> bool {
    if host.parse::<SocketAddr>().is_ok() {
        return true;
    }
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || bare.unwrap_or(host).parse::<IpAddr>().is_ok()
}

/// A listener that counts.
pub(super) struct Gate {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Gate {
    pub(super) fn new(listener: std::net::TcpListener) -> io::Result<Gate> {
        Ok(Gate {
            listener: TcpListener::from_std(listener)?,
            places: Arc::new(Semaphore::new(CONNECTIONS)),
        })
    }
}

impl Listener for Gate {
    type Io = Guest;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guest, SocketAddr) {
        loop {
            let place = Arc::clone(&self.places).acquire_owned().await;
            match (place, self.listener.accept().await) {
                (Ok(place), Ok((stream, address))) => {
                    let guest = Guest {
                        stream,
                        end: Box::pin(sleep(LIFE)),
                        _place: place,
                    };
                    return (guest, address);
                }
                _ => sleep(PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection, until its time is out.
pub(super) struct Guest {
    stream: TcpStream,
    end: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Guest {
    /// What the stream says, or that the time is out for one who keeps it waiting.
    fn in_time<T>(
        &mut self,
        context: &mut Context<'_>,
        said: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if said.is_pending() && self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        said
    }
}

impl AsyncRead for Guest {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let said = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.in_time(context, said)
    }
}

impl AsyncWrite for Guest {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.in_time(context, said)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let said = Pin::new(&mut self.stream).poll_flush(context);
        self.in_time(context, said)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let said = Pin::new(&mut self.stream).poll_shutdown(context);
        self.in_time(context, said)
    }
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn a_host_is_an_address_or_localhost() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:8080",
            "[::1]",
            "[::1]:8080",
            "localhost",
            "localhost:1",
        ] {
            assert!(is_address(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil",
            ":80",
        ] {
            assert!(!is_address(host), "{host}");
        }
    }
}
