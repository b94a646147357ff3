//! A tap on the line: copies of the messages an operator wants to see, from
//! the shards to one reader. Never waits for it: what it does not take in time
//! is dropped and counted. Nor does a shard wake the reader, which looks for
//! itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crossbeam::queue::ArrayQueue;
use pinion_sip::base::{Flow, ShardId};
use pinion_sip::machine::Sought;

use crate::watch::Watch;

/// Messages that may wait for the reader.
const MOST_MESSAGES: usize = 8192;

/// Their bytes.
const MOST_BYTES: usize = 16 << 20;

/// One message as it came or went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Captured {
    /// Microseconds since 1970: when the shard's turn began.
    pub unix_us: u64,
    /// The shard whose socket it was.
    pub shard: ShardId,
    /// Whether the engine sent it.
    pub sent: bool,
    /// The path.
    pub flow: Flow,
    /// The message.
    pub bytes: Box<[u8]>,
}

/// What a shard knows of a tap.
pub(crate) struct Tap {
    sought: Vec<Sought>,
    line: Arc<Line>,
}

/// What waits for a reader.
struct Line {
    messages: ArrayQueue<Captured>,
    bytes: AtomicUsize,
    dropped: AtomicU64,
}

impl Tap {
    /// Copies a message that is sought.
    pub(crate) fn see(&self, unix_us: u64, shard: ShardId, sent: bool, flow: &Flow, bytes: &[u8]) {
        if !Sought::any(&self.sought, flow, bytes) {
            return;
        }
        let line = &self.line;
        // Shards that get here at once may each go beyond by one message.
        if line.bytes.load(Ordering::Relaxed) < MOST_BYTES {
            let captured = Captured {
                unix_us,
                shard,
                sent,
                flow: *flow,
                bytes: bytes.into(),
            };
            line.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
            if line.messages.push(captured).is_ok() {
                return;
            }
            line.bytes.fetch_sub(bytes.len(), Ordering::Relaxed);
        }
        line.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether it leads to that reader.
    fn leads_to(&self, line: &Arc<Line>) -> bool {
        Arc::ptr_eq(&self.line, line)
    }
}

/// The reader's end of a tap; the shards forget the tap when it is dropped.
pub struct Capture {
    watch: Watch,
    line: Arc<Line>,
}

impl Capture {
    /// Opens a tap for what is `sought`. Shards look for it when their next
    /// turn begins.
    pub fn open(watch: &Watch, sought: Vec<Sought>) -> Capture {
        let capture = Capture {
            watch: watch.clone(),
            line: Arc::new(Line {
                messages: ArrayQueue::new(MOST_MESSAGES),
                bytes: AtomicUsize::new(0),
                dropped: AtomicU64::new(0),
            }),
        };
        capture.seek(sought);
        capture
    }

    /// Has the shards look for something else from now on; for nothing at all
    /// costs them nothing.
    pub fn seek(&self, sought: Vec<Sought>) {
        let line = &self.line;
        self.watch.change_taps(|taps| {
            taps.retain(|tap| !tap.leads_to(line));
            if !sought.is_empty() {
                let line = Arc::clone(line);
                taps.push(Arc::new(Tap { sought, line }));
            }
        });
    }

    /// The next message, if there is one. Of one shard's messages the order is
    /// kept.
    pub fn take(&self) -> Option<Captured> {
        let captured = self.line.messages.pop()?;
        self.line
            .bytes
            .fetch_sub(captured.bytes.len(), Ordering::Relaxed);
        Some(captured)
    }

    /// Messages dropped so far for want of room.
    pub fn dropped(&self) -> u64 {
        self.line.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.seek(Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(remote: &str) -> Flow {
        Flow::udp(
            0,
            "127.0.0.1:5060".parse().unwrap(),
            remote.parse().unwrap(),
        )
    }

    fn see(watch: &Watch, remote: &str, bytes: &[u8]) {
        for tap in watch.wanted().taps.iter() {
            tap.see(1, 0, true, &flow(remote), bytes);
        }
    }

    #[test]
    fn what_is_sought_arrives_until_the_reader_leaves() {
        let watch = Watch::default();
        let address = |ip: &str| Sought::Address(ip.parse().unwrap(), None);
        let one = Capture::open(&watch, vec![address("127.0.0.9")]);
        let all = Capture::open(&watch, vec![Sought::All]);
        see(&watch, "127.0.0.8:1", b"8");
        see(&watch, "127.0.0.9:1", b"9");
        assert_eq!(one.take().map(|seen| seen.bytes), Some(b"9"[..].into()));
        assert_eq!(one.take(), None);
        assert_eq!(all.take().map(|seen| seen.bytes), Some(b"8"[..].into()));
        one.seek(vec![address("127.0.0.7")]);
        see(&watch, "127.0.0.9:1", b"9");
        assert_eq!(one.take(), None);
        drop(one);
        drop(all);
        assert!(watch.wanted().taps.is_empty());
    }

    #[test]
    fn a_reader_that_takes_nothing_costs_no_more_than_its_room() {
        let watch = Watch::default();
        let capture = Capture::open(&watch, vec![Sought::All]);
        for _ in 0..MOST_MESSAGES + 5 {
            see(&watch, "127.0.0.9:1", b"x");
        }
        assert_eq!(capture.dropped(), 5);
        while capture.take().is_some() {}
        let large = vec![0; 1 << 20];
        for _ in 0..20 {
            see(&watch, "127.0.0.9:1", &large);
        }
        assert_eq!(capture.dropped(), 5 + 4, "16 MiB are the bound");
        while capture.take().is_some() {}
        see(&watch, "127.0.0.9:1", b"x");
        assert!(capture.take().is_some(), "there is room again");
    }
}
