//! A way to a server that can be made slow: bytes wait before they go on.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{sleep, spawn};
use std::time::Duration;

/// Listens on a port and passes everything to another; ends when dropped.
pub struct Proxy {
    port: u16,
    delay_ms: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
}

impl Proxy {
    /// A way to that port of this host, as fast as the host is.
    pub fn to(target: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let delay_ms = Arc::new(AtomicU64::new(0));
        let ended = Arc::new(AtomicBool::new(false));
        let (delay, end) = (Arc::clone(&delay_ms), Arc::clone(&ended));
        spawn(move || {
            for client in listener.incoming().flatten() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else {
                    continue;
                };
                pass(&client, &server, &delay);
                pass(&server, &client, &delay);
            }
        });
        Proxy {
            port,
            delay_ms,
            ended,
        }
    }

    /// Where it listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How long what arrives from now on waits.
    pub fn delay(&self, delay: Duration) {
        let ms = u64::try_from(delay.as_millis()).expect("not so long");
        self.delay_ms.store(ms, Ordering::Relaxed);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn pass(from: &TcpStream, to: &TcpStream, delay: &Arc<AtomicU64>) {
    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else {
        return;
    };
    let delay = Arc::clone(delay);
    spawn(move || {
        let mut bytes = [0; 16 << 10];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            sleep(Duration::from_millis(delay.load(Ordering::Relaxed)));
            if to.write_all(&bytes[..length]).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Both));
        drop(from.shutdown(Shutdown::Both));
    });
}
