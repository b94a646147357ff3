//! Files as other programs see them. What Wireshark makes of them is tested
//! with the whole engine.

use std::time::{Duration, Instant};

use pcap_file::pcapng::{Block, PcapNgReader};
use pinion_sip::base::Flow;

use super::*;

fn capture_into(path: &Path, bounds: Bounds, messages: usize) -> Trace {
    let watch = Watch::default();
    let trace = Trace::start(&watch, vec![Sought::All], path, bounds).unwrap();
    let flow = Flow::udp(
        0,
        "127.0.0.1:5060".parse().unwrap(),
        "127.0.0.9:5060".parse().unwrap(),
    );
    for number in 0..messages {
        let text = format!("{number:04}{}", "x".repeat(500));
        watch.show(
            1_763_858_828_123_456,
            number % 2 == 1,
            &flow,
            text.as_bytes(),
        );
    }
    trace
}

/// The first four bytes of each message, and what the file says of it.
fn messages(path: &Path) -> Vec<(String, u64, bool)> {
    let mut reader = PcapNgReader::new(fs::File::open(path).unwrap()).unwrap();
    let mut messages = Vec::new();
    while let Some(block) = reader.next_block() {
        if let Block::EnhancedPacket(packet) = block.unwrap() {
            let text = String::from_utf8_lossy(&packet.data[28..32]).into_owned();
            let sent = packet.data[12..16] == [127, 0, 0, 1];
            messages.push((text, packet.timestamp.as_micros() as u64, sent));
        }
    }
    messages
}

fn await_end(trace: &Trace) {
    let start = Instant::now();
    while !trace.is_over() {
        assert!(start.elapsed() < Duration::from_secs(20), "it goes on");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn all_that_was_captured_is_in_the_file_when_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.pcapng");
    drop(capture_into(&path, Bounds::Once(1 << 20), 3));
    let at = 1_763_858_828_123_456;
    assert_eq!(
        messages(&path),
        [
            ("0000".into(), at, false),
            ("0001".into(), at, true),
            ("0002".into(), at, false)
        ]
    );
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&path).unwrap());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_that_exists_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.pcapng");
    fs::write(&path, "precious").unwrap();
    let watch = Watch::default();
    let refused = Trace::start(&watch, vec![Sought::All], &path, Bounds::Once(1)).err();
    assert_eq!(refused.unwrap().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn a_bound_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.pcapng");
    let trace = capture_into(&path, Bounds::Once(2000), 50);
    await_end(&trace);
    assert_eq!(messages(&path).len(), 4);
    assert_eq!(trace.counts(), (4, 0));
    let left = std::iter::from_fn(|| trace.capture.take()).count();
    assert!(left <= 1, "{left} are kept, and one was on its way at most");
}

#[test]
fn the_latest_are_kept_and_those_before_them_beside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.pcapng");
    fs::write(&path, "of an earlier process").unwrap();
    drop(capture_into(&path, Bounds::Latest(4000), 20));
    let (latest, earlier) = (messages(&path), messages(&before(&path)));
    assert_eq!(latest.last().unwrap().0, "0019");
    assert_eq!(earlier.len(), 7);
    let mut numbers = earlier
        .iter()
        .chain(&latest)
        .map(|(text, ..)| text.parse::<u32>().unwrap());
    let first = numbers.next().unwrap();
    assert!(numbers.eq(first + 1..20));
}

#[test]
fn it_ends_while_messages_go_on_coming() {
    let dir = tempfile::tempdir().unwrap();
    let watch = Watch::default();
    let bounds = Bounds::Latest(1 << 20);
    let path = dir.path().join("x.pcapng");
    let mut trace = Trace::start(&watch, vec![Sought::All], &path, bounds).unwrap();
    let [local, remote] = ["127.0.0.1:5060", "127.0.0.9:5060"].map(|at| at.parse().unwrap());
    let flow = Flow::udp(0, local, remote);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let come = || {
            let start = Instant::now();
            while !over.load(Ordering::Relaxed) {
                assert!(start.elapsed() < Duration::from_secs(20), "it has no end");
                watch.show(0, true, &flow, &[b'x'; 500]);
            }
        };
        scope.spawn(come);
        scope.spawn(come);
        while trace.counts().0 == 0 {
            thread::yield_now();
        }
        trace.end();
        over.store(true, Ordering::Relaxed);
    });
}
