//! Addresses of the tests' own.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

/// The loopback address of this process alone: late messages to sockets of
/// another run, whose ports are given out again, do not reach this one.
pub fn host() -> Ipv4Addr {
    let [_, high, middle, low] = process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 | (high & 63), middle, low)
}

/// A UDP port of this process' address that nobody has, below those the kernel
/// gives to sockets that ask for none, so that callers do not take it.
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(21_000);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(port < 32_000, "no free port between 21000 and 32000");
        let address = SocketAddr::from((host(), port));
        if UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}
