use std::collections::VecDeque;

use pinion_sip::base::Text;
use pinion_sip::config::AmaFlags;
use pinion_sip::dialplan::Cause;
use pinion_sip::machine::{CdrId, Disposition, UnixMicros};
use proptest::prelude::*;

use super::*;

const SEAL: u64 = 0xfeed_5eed_0bad_cafe;

/// A record of so many bytes more than the shortest one.
fn cdr(serial: u64, long: usize) -> Cdr {
    Cdr {
        id: CdrId {
            serial,
            ..CdrId::default()
        },
        lastdata: "x".repeat(long).into(),
        ..Cdr::default()
    }
}

fn serials(found: &Found) -> Vec<u64> {
    let records = found.records.iter();
    records.map(|(_, cdr)| cdr.id.serial).collect()
}

#[test]
fn a_record_comes_back_whole() {
    let whole = Cdr {
        id: CdrId {
            shard: 3,
            incarnation: 70_000,
            serial: u64::MAX,
        },
        clid: "\"Änn\" <1001>".into(),
        start: UnixMicros(1_709_226_359_000_001),
        answer: Some(UnixMicros(1_709_226_362_000_000)),
        disposition: Disposition::Congestion,
        amaflags: AmaFlags::Omit,
        call_id: Text::from(&[0xff, 0, b'@'][..]),
        callee_call_id: Text::from(&*"c".repeat(300)),
        pdd: Some(std::time::Duration::from_micros(40_001)),
        final_code: Some(699),
        cause: Cause::NORMAL_CLEARING,
        retransmissions: 9,
        fields: vec![("floor".into(), "3".into()), ("".into(), "".into())],
        ..cdr(1, 100)
    };
    let mut ring = [0; 1024];
    let mut cursor = Cursor::new(SEAL);
    let end = cursor.append(&mut ring, 0, &whole).unwrap();
    let found = entries(&ring, SEAL, 0);
    assert_eq!(found.records, [(end, Box::new(whole))]);
    assert_eq!((end % 8, found.torn), (0, 0));
}

/// What one process writes another reads, of whatever version: whoever changes the
/// shape of a record changes the format in the head, too.
#[test]
fn the_bytes_of_a_record_are_those_of_this_format() {
    let mut cdr = cdr(300, 1);
    cdr.answer = Some(UnixMicros(5));
    cdr.disposition = Disposition::Answered;
    cdr.call_id = Text::from("a");
    cdr.pdd = Some(std::time::Duration::new(1, 2));
    cdr.final_code = Some(200);
    cdr.fields = vec![("f".into(), "v".into())];
    let id = [0, 0, 0xac, 2];
    let texts = [0, 0, 0, 0, 0, 0, 0, 0, 1, b'x'];
    let times = [0, 1, 5, 0, 3, 2];
    let names = [0, 0, 0, 0, 1, b'a', 0, 0, 0];
    let rest = [1, 1, 2, 0, 1, 0xc8, 1, 0, 0, 1, 1, b'f', 1, b'v'];
    let expected = [&id[..], &texts, &times, &names, &rest].concat();
    assert_eq!(postcard::to_allocvec(&cdr).unwrap(), expected);
}

#[test]
fn what_all_have_passed_is_room_again_and_nothing_else_is() {
    let mut ring = vec![0; 1024];
    let mut cursor = Cursor::new(SEAL);
    let mut ends = Vec::new();
    while let Some(end) = cursor.append(&mut ring, 0, &cdr(ends.len() as u64, 60)) {
        ends.push(end);
    }
    let count = ends.len() as u64;
    assert!(count > 5);
    let all: Vec<u64> = (0..count).collect();
    assert_eq!(
        serials(&entries(&ring, SEAL, 0)),
        all,
        "the full one has all"
    );
    // Two are passed: there is room for as many, and not for a third.
    for serial in [count, count + 1] {
        assert!(
            cursor
                .append(&mut ring, ends[1], &cdr(serial, 60))
                .is_some()
        );
    }
    assert!(cursor.append(&mut ring, ends[1], &cdr(99, 60)).is_none());
    let all: Vec<u64> = (2..count + 2).collect();
    assert_eq!(serials(&entries(&ring, SEAL, ends[1])), all);
    assert_eq!(entries(&ring, SEAL, ends[1]).torn, 0);
}

#[test]
fn a_record_without_room_leaves_the_others_alone() {
    let mut ring = vec![0; 512];
    let mut cursor = Cursor::new(SEAL);
    cursor.append(&mut ring, 0, &cdr(1, 10)).unwrap();
    assert!(cursor.append(&mut ring, 0, &cdr(2, 600)).is_none());
    assert_eq!(serials(&entries(&ring, SEAL, 0)), [1]);
    assert!(cursor.append(&mut ring, 0, &cdr(3, 10)).is_some());
    assert_eq!(serials(&entries(&ring, SEAL, 0)), [1, 3]);
}

#[test]
fn what_is_torn_is_told_from_what_is_whole() {
    let mut ring = vec![0; 1024];
    let mut cursor = Cursor::new(SEAL);
    let ends = [1, 2, 3].map(|serial| cursor.append(&mut ring, 0, &cdr(serial, 20)).unwrap());
    let second = ends[0] as usize;
    for at in [second + 8, second + 12, second + HEADER + 3] {
        let mut torn = ring.clone();
        torn[at] ^= 0x40;
        let found = entries(&torn, SEAL, 0);
        assert_eq!((serials(&found), found.torn), (vec![1, 3], 1), "byte {at}");
    }
    // Without its stamp it is none, as if it had never been written.
    let mut torn = ring.clone();
    torn[second] ^= 1;
    let found = entries(&torn, SEAL, 0);
    assert_eq!((serials(&found), found.torn), (vec![1, 3], 0));
}

/// A caller chooses the bytes of a Call-ID.
#[test]
fn an_entry_within_a_record_is_none() {
    let mut forged = vec![0; 256];
    let mut guess = Cursor::new(0);
    guess.append(&mut forged, 0, &cdr(666, 5)).unwrap();
    for shift in 0..STEP {
        let mut cdr = cdr(1, 0);
        cdr.call_id = Text::from(&*[&vec![b'.'; shift], forged.as_slice()].concat());
        let mut ring = vec![0; 2048];
        Cursor::new(SEAL).append(&mut ring, 0, &cdr).unwrap();
        // Its own header is lost, so that what is within is looked at.
        ring[0] ^= 1;
        assert_eq!(serials(&entries(&ring, SEAL, 0)), Vec::<u64>::new());
    }
}

/// What happens to a ring, step by step.
#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Pass(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..200_usize).prop_map(Step::Append),
        1 => (1..6_usize).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #[test]
    fn what_is_not_passed_is_found_after_any_steps(steps in steps(), size in 16..200_usize) {
        let mut ring = vec![0; size * STEP];
        let mut cursor = Cursor::new(SEAL);
        let mut waiting = VecDeque::new();
        let mut freed = 0;
        for (serial, step) in steps.into_iter().enumerate() {
            match step {
                Step::Append(long) => {
                    let cdr = cdr(serial as u64, long);
                    let end = cursor.append(&mut ring, freed, &cdr);
                    waiting.extend(end.map(|end| (end, Box::new(cdr))));
                    // A ring of which nothing is wanted takes what is not larger.
                    let fits = 2 * (long + 64) <= ring.len();
                    prop_assert!(end.is_some() || !waiting.is_empty() || !fits);
                }
                Step::Pass(count) => {
                    let mut passed = waiting.drain(..count.min(waiting.len()));
                    freed = passed.next_back().map_or(freed, |(end, _)| end);
                }
            }
            let found = entries(&ring, SEAL, freed);
            prop_assert_eq!(found.torn, 0);
            prop_assert_eq!(&found.records, waiting.make_contiguous());
        }
    }

    #[test]
    fn whatever_is_broken_nothing_is_made_up(
        longs in prop::collection::vec(0..100_usize, 1..12),
        broken in prop::collection::vec((0..1024_usize, any::<u8>()), 0..30),
        from in prop_oneof![Just(0), any::<u64>()],
    ) {
        let mut ring = vec![0; 1024];
        let mut cursor = Cursor::new(SEAL);
        let mut written = Vec::new();
        for (serial, long) in longs.into_iter().enumerate() {
            let cdr = cdr(serial as u64, long);
            let end = cursor.append(&mut ring, 0, &cdr);
            written.extend(end.map(|end| (end, Box::new(cdr))));
        }
        for (at, byte) in broken {
            ring[at] = byte;
        }
        for found in entries(&ring, SEAL, from).records {
            prop_assert!(written.contains(&found));
        }
    }

    #[test]
    fn any_bytes_are_read_to_their_end(
        ring in prop::collection::vec(any::<u8>(), 0..600),
        seal: u64,
        from: u64,
    ) {
        prop_assert!(entries(&ring, seal, from).records.is_empty());
    }
}
