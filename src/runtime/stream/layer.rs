//! What lies between a connection's socket and its messages. The seam for what
//! encrypts or wraps a stream: one type each. Frames nothing, queues nothing of
//! the plain text.

use std::io::{self, Read, Write};
use std::net::TcpStream;

/// Turns what a socket carries into plain text and back. No call waits: what
/// would is an error of kind `WouldBlock`.
pub(crate) trait Layer {
    /// Takes plain text that has come; 0 at the stream's end. Less than `into`
    /// holds only if there is no more now.
    fn read(&mut self, socket: &mut TcpStream, into: &mut [u8]) -> io::Result<usize>;

    /// Sends plain text; how much of it is dealt with.
    fn write(&mut self, socket: &mut TcpStream, bytes: &[u8]) -> io::Result<usize>;

    /// Sends what the layer itself has to say or holds back; whether some of it
    /// waits for room still.
    fn flush(&mut self, socket: &mut TcpStream) -> io::Result<bool>;
}

/// Nothing lies between: TCP as it is.
pub(crate) struct Plain;

impl Layer for Plain {
    fn read(&mut self, socket: &mut TcpStream, into: &mut [u8]) -> io::Result<usize> {
        socket.read(into)
    }

    fn write(&mut self, socket: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
        socket.write(bytes)
    }

    fn flush(&mut self, _socket: &mut TcpStream) -> io::Result<bool> {
        Ok(false)
    }
}
