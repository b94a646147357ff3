//! Where a pump sleeps: one epoll(7) wait for its sockets, its doorbell and
//! its executor's own io_uring descriptors, until a deadline.
//!
//! The pump is a glommio task, and glommio offers no wait for "any of these
//! descriptors". One `peek_from` per socket raced with a waker and a timer
//! would do, but every such sleep goes through glommio's parking: io_uring
//! submissions, a membarrier(2) that interrupts every other shard's core, a
//! timer per deadline; measured at nearly twice the processor time per message
//! below saturation. So the pump blocks here itself. Other tasks of the
//! executor (streams) stay alive because the rings are in the set: a
//! completion ends the sleep, and the pump then gives the reactor a turn.
//!
//! glommio keeps its ring descriptors private; they are found as the io_uring
//! entries that `/proc/self/fd` gained while the executor was made, one
//! executor at a time. The executor's preempt timer lives in a ring too and
//! would wake an idle shard once per period, so it is set long
//! ([`PREEMPT`]): the pump bounds its own turns and never asks it.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use glommio::{LocalExecutor, LocalExecutorBuilder, Placement};
use pinion_sip::base::Handle;

use crate::sys::{self, Epoll};

/// How often the reactor wakes an idle shard; 10 turns of some 30 µs a second.
const PREEMPT: Duration = Duration::from_millis(100);

/// Memory glommio registers with the kernel per executor. Its default of
/// 10 MiB exceeds the usual memlock limit, and nothing here uses it.
const REGISTERED_BYTES: usize = 64 << 10;

/// Most sockets one shard can have: their readiness is one bit each.
pub(crate) const MAX_SOCKETS: usize = 64;

/// Events of streams that one sleep reports at most; more end the next.
const STREAM_EVENTS: usize = 256;

const DOORBELL: u64 = 1 << 32;
const RING: u64 = 2 << 32;
const LISTENER: u64 = 3 << 32;
const CONNECTION: u64 = 1 << 63;

/// Something of the streams that a park watches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Token {
    /// The listener of that number.
    Listener(u32),
    /// A connection.
    Connection(Handle),
}

impl Token {
    /// As the kernel keeps it.
    fn number(self) -> u64 {
        match self {
            Token::Listener(index) => LISTENER | u64::from(index),
            // A slot is not let 2³¹ times between an event and its reading.
            Token::Connection(Handle { slot, generation }) => {
                CONNECTION | u64::from(generation) << 32 | u64::from(slot)
            }
        }
    }
}

/// Serialises the making of executors, so that new descriptors are known to
/// belong to the one being made.
static MAKING: Mutex<()> = Mutex::new(());

/// An executor on this thread, pinned to `cpu`, and its ring descriptors.
pub(crate) fn make_executor(cpu: usize) -> io::Result<(LocalExecutor, Vec<OwnedFd>)> {
    let _one_at_a_time = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let before = ring_descriptors()?;
    let executor = LocalExecutorBuilder::new(Placement::Fixed(cpu))
        .io_memory(REGISTERED_BYTES)
        .preempt_timer(PREEMPT)
        .make()
        .map_err(io::Error::from)?;
    let rings = ring_descriptors()?
        .difference(&before)
        .map(|&fd| sys::duplicate(fd))
        .collect::<io::Result<_>>()?;
    Ok((executor, rings))
}

fn ring_descriptors() -> io::Result<BTreeSet<i32>> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        // A descriptor closed since the directory was read is no ring of ours.
        let Ok(target) = std::fs::read_link(entry.path()) else {
            continue;
        };
        if target.as_os_str() == "anon_inode:[io_uring]"
            && let Some(fd) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
        {
            found.insert(fd);
        }
    }
    Ok(found)
}

/// Why a sleep ended. Nothing set: the deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Ready {
    /// Bit n: socket n has input, or room to send where that was asked for, or
    /// errors: the kernel may keep one back that only receiving takes.
    pub(crate) sockets: u64,
    /// Bit n: socket n has errors to report.
    pub(crate) errors: u64,
    /// Another thread rang.
    pub(crate) doorbell: bool,
    /// A task of the executor may go on: [`turn`] the reactor.
    pub(crate) rings: bool,
    /// [`Park::next_stream`] has something to tell.
    pub(crate) streams: bool,
}

/// The sleeping place of one shard.
pub(crate) struct Park {
    epoll: Epoll,
    /// Sleeps end at the microsecond, where the kernel can, not at the millisecond.
    precise: bool,
    /// Streams that were ready when the last sleep ended.
    streams: Vec<Token>,
    /// Held open for as long as they are watched.
    _rings: Vec<OwnedFd>,
}

impl Park {
    /// Watches the executor's rings and the doorbell.
    pub(crate) fn new(
        rings: Vec<OwnedFd>,
        doorbell: BorrowedFd<'_>,
        precise: bool,
    ) -> io::Result<Park> {
        let epoll = Epoll::new(MAX_SOCKETS + 8 + STREAM_EVENTS)?;
        epoll.add(doorbell, DOORBELL)?;
        for ring in &rings {
            epoll.add(ring.as_fd(), RING)?;
        }
        Ok(Park {
            epoll,
            precise,
            streams: Vec::with_capacity(STREAM_EVENTS),
            _rings: rings,
        })
    }

    /// Watches a socket; `index` is below [`MAX_SOCKETS`].
    pub(crate) fn add_socket(&self, index: usize, socket: BorrowedFd<'_>) -> io::Result<()> {
        self.epoll.add(socket, index as u64)
    }

    /// Asks, or asks no longer, to be woken when `socket` has room to send.
    pub(crate) fn want_room(
        &self,
        index: usize,
        socket: BorrowedFd<'_>,
        wanted: bool,
    ) -> io::Result<()> {
        self.epoll.change(socket, (true, wanted), index as u64)
    }

    /// Watches a stream for input, and for room to send where `room`.
    pub(crate) fn add_stream(
        &self,
        token: Token,
        stream: BorrowedFd<'_>,
        room: bool,
    ) -> io::Result<()> {
        self.epoll.add(stream, token.number())?;
        match room {
            true => self.change_stream(token, stream, (true, room)),
            false => Ok(()),
        }
    }

    /// Says whether a stream wakes by input, and whether by room to send, from
    /// now on. Its breaking wakes in any case.
    pub(crate) fn change_stream(
        &self,
        token: Token,
        stream: BorrowedFd<'_>,
        (input, room): (bool, bool),
    ) -> io::Result<()> {
        self.epoll.change(stream, (input, room), token.number())
    }

    /// Takes a stream that was ready when the last sleep ended.
    pub(crate) fn next_stream(&mut self) -> Option<Token> {
        self.streams.pop()
    }

    /// Sleeps for `duration` at most (`None`: until woken), rounded up to whole
    /// milliseconds so that a deadline is due on waking; not rounded when this
    /// place is a precise one.
    pub(crate) fn sleep(&mut self, duration: Option<Duration>) -> io::Result<Ready> {
        let timeout = duration.map(|duration| {
            if self.precise {
                return duration;
            }
            let millis = duration.as_micros().div_ceil(1000);
            Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
        });
        let mut ready = Ready::default();
        match self.epoll.wait(timeout, self.precise) {
            Ok(events) => events.for_each(|event| match event.token {
                DOORBELL => ready.doorbell = true,
                RING => ready.rings = true,
                number if number & CONNECTION != 0 => {
                    ready.streams = true;
                    self.streams.push(Token::Connection(Handle {
                        slot: number as u32,
                        generation: (number >> 32) as u32 & !(1 << 31),
                    }));
                }
                number if number >> 32 == LISTENER >> 32 => {
                    ready.streams = true;
                    self.streams.push(Token::Listener(number as u32));
                }
                socket => {
                    ready.sockets |= 1 << socket;
                    ready.errors |= u64::from(event.error) << socket;
                }
            }),
            // A completion is delivered as work queued for this thread, which
            // interrupts it before the ring is seen to be readable.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => ready.rings = true,
            Err(error) => return Err(error),
        }
        Ok(ready)
    }
}

/// Lets the executor run: reap completions, run what they woke, submit what
/// that queued. A plain yield would not reach the rings.
pub(crate) async fn turn() {
    glommio::timer::sleep(Duration::from_micros(1)).await;
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;
    use crate::address::Family;
    use crate::doorbell::Doorbell;

    #[test]
    fn a_task_of_the_executor_lives_beside_a_blocking_sleeper() {
        let cpu = sys::allowed_cpus().unwrap()[0];
        let (executor, rings) = make_executor(cpu).unwrap();
        assert!(!rings.is_empty());
        let doorbell = Doorbell::new().unwrap();
        let mut park = Park::new(rings, doorbell.as_fd(), false).unwrap();
        executor.run(async move {
            let steps = Rc::new(Cell::new(0));
            let stepped = Rc::clone(&steps);
            let task = glommio::spawn_local(async move {
                for _ in 0..5 {
                    glommio::timer::sleep(Duration::from_millis(2)).await;
                    stepped.set(stepped.get() + 1);
                }
            })
            .detach();
            turn().await;
            while steps.get() < 5 {
                let ready = park.sleep(Some(Duration::from_secs(60))).unwrap();
                assert!(ready.rings, "only a ring can end this sleep");
                turn().await;
            }
            task.await;
        });
    }

    #[test]
    fn a_precise_sleep_is_not_too_short() {
        let doorbell = Doorbell::new().unwrap();
        let mut park = Park::new(Vec::new(), doorbell.as_fd(), true).unwrap();
        let wanted = Duration::from_micros(150);
        for _ in 0..50 {
            let start = std::time::Instant::now();
            assert_eq!(park.sleep(Some(wanted)).unwrap(), Ready::default());
            let slept = start.elapsed();
            assert!(slept >= wanted, "{slept:?}");
        }
    }

    #[test]
    fn a_sleep_names_what_ended_it() {
        let doorbell = Doorbell::new().unwrap();
        let mut park = Park::new(Vec::new(), doorbell.as_fd(), false).unwrap();
        let near = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        park.add_socket(5, near.as_fd()).unwrap();
        assert_eq!(park.sleep(Some(Duration::ZERO)).unwrap(), Ready::default());
        near.send_to(b"x", near.local_addr().unwrap()).unwrap();
        assert!(doorbell.may_sleep(|| true) && doorbell.ring());
        let ready = park.sleep(None).unwrap();
        assert_eq!(
            ready,
            Ready {
                sockets: 1 << 5,
                doorbell: true,
                ..Ready::default()
            }
        );
        park.want_room(5, near.as_fd(), true).unwrap();
        assert_eq!(park.sleep(None).unwrap().sockets, 1 << 5);
        assert_eq!(park.sleep(None).unwrap().errors, 0);
        let gone = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let closed = gone.local_addr().unwrap();
        drop(gone);
        sys::report_errors(near.as_fd(), Family::V4).unwrap();
        near.send_to(b"x", closed).unwrap();
        assert_eq!(park.sleep(None).unwrap().errors, 1 << 5);
    }
}
