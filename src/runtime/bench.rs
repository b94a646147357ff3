//! What measurements need of this crate's inside, compiled for them alone
//! (feature `bench`): places at a mesh, and the bare exchange of datagrams
//! that every server stands on. Decides nothing and parses nothing.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pinion_sip::base::ShardId;
use pinion_sip::machine::Envelope;

use crate::address::Family;
use crate::desk::Desks;
use crate::mesh::{self, Mesh};
use crate::sys::{Epoll, Outgoing, Receiver, Sender};

/// How long a sleeping exchange takes to see that it shall stop, in milliseconds.
const LOOK: Duration = Duration::from_millis(50);

/// One shard's place at a mesh.
pub struct Seat(mesh::Seat);

impl Seat {
    /// All places of one mesh whose rings hold `depth` envelopes.
    pub fn all(shards: ShardId, depth: usize) -> io::Result<Vec<Seat>> {
        let mesh = Mesh::new(shards.into(), depth)?;
        let seat = |shard| Seat(mesh::Seat::new(mesh.clone(), shard, Desks::default()));
        Ok((0..shards).map(seat).collect())
    }

    /// Puts an envelope into the ring of its receiver; gives it back when that
    /// is full.
    pub fn post(&mut self, envelope: Envelope) -> Result<(), Envelope> {
        self.0.post(envelope)
    }

    /// Wakes the sleepers among those posted to; returns how many.
    pub fn ring(&mut self) -> u64 {
        self.0.ring()
    }

    /// Takes one envelope.
    pub fn collect(&mut self) -> Option<Envelope> {
        self.0.collect()
    }
}

/// A socket and the two system calls that move its datagrams.
pub struct Exchange {
    socket: UdpSocket,
    epoll: Epoll,
    receiver: Receiver,
    sender: Sender,
    remotes: Vec<SocketAddr>,
    family: Family,
}

impl Exchange {
    /// Listens on `local`; one system call moves up to `batch` datagrams.
    pub fn bind(local: SocketAddr, batch: usize) -> io::Result<Exchange> {
        let socket = UdpSocket::bind(local)?;
        socket.set_nonblocking(true)?;
        let epoll = Epoll::new(1)?;
        epoll.add(socket.as_fd(), 0)?;
        Ok(Exchange {
            socket,
            epoll,
            receiver: Receiver::new(batch),
            sender: Sender::new(batch),
            remotes: Vec::with_capacity(batch),
            family: Family::of(&local),
        })
    }

    /// Where it listens.
    pub fn local(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Sends every datagram back to where it came from, until `stop`.
    pub fn echo(&mut self, stop: &AtomicBool) -> io::Result<()> {
        while !stop.load(Ordering::Relaxed) {
            let count = self.receive()?;
            let (receiver, remotes) = (&self.receiver, &mut self.remotes);
            remotes.clear();
            remotes.extend(datagrams(receiver, count).map(|(_, remote)| remote));
            let mut queue = datagrams(receiver, count)
                .zip(&*remotes)
                .map(|((bytes, _), remote)| Outgoing {
                    bytes,
                    remote,
                    source: None,
                })
                .peekable();
            while queue.peek().is_some() {
                self.sender
                    .send(self.socket.as_fd(), self.family, queue.by_ref())?;
            }
        }
        Ok(())
    }

    /// Keeps `window` copies of `bytes` on their way to `remote` and back,
    /// until `stop`; returns how many came back.
    pub fn flood(
        &mut self,
        remote: SocketAddr,
        bytes: &[u8],
        window: usize,
        stop: &AtomicBool,
    ) -> io::Result<u64> {
        let copy = Outgoing {
            bytes,
            remote: &remote,
            source: None,
        };
        let (mut missing, mut returned) = (window, 0);
        while !stop.load(Ordering::Relaxed) {
            while missing > 0 {
                let copies = std::iter::repeat_n(copy, missing);
                missing -= self.sender.send(self.socket.as_fd(), self.family, copies)?;
            }
            missing = self.receive()?;
            returned += missing as u64;
        }
        Ok(returned)
    }

    /// Takes what there is, after a wait if there is nothing.
    fn receive(&mut self) -> io::Result<usize> {
        let count = self.receiver.receive(self.socket.as_fd())?;
        if count == 0 {
            match self.epoll.wait(Some(LOOK), false) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }
}

/// The datagrams of the last call, and where they came from.
fn datagrams(receiver: &Receiver, count: usize) -> impl Iterator<Item = (&[u8], SocketAddr)> {
    (0..count).filter_map(|index| {
        let received = receiver.datagram(index)?;
        Some((received.bytes, received.remote))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::*;

    #[test]
    fn what_floods_an_echo_comes_back() {
        let local = "127.0.0.1:0".parse().expect("an address");
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, target) = mpsc::channel();
        let echoing = std::thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                let mut echo = Exchange::bind(local, 8)?;
                let _ = sender.send(echo.local()?);
                echo.echo(&stop)
            }
        });
        let target = target.recv().expect("bound");
        let flooding = std::thread::spawn({
            let stop = Arc::clone(&stop);
            move || Exchange::bind(local, 8)?.flood(target, &[b'x'; 400], 16, &stop)
        });
        std::thread::sleep(std::time::Duration::from_millis(200));
        stop.store(true, Ordering::Relaxed);
        let returned = flooding.join().expect("no panic").expect("no error");
        echoing.join().expect("no panic").expect("no error");
        assert!(returned >= 16, "{returned}");
    }
}
