use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use pinion_sip::machine::CdrId;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const BYTES: usize = 2048;

fn origin() -> Origin {
    Origin {
        boot: 0xaa,
        node: "node-1".into(),
    }
}

fn make(readers: usize) -> (TempDir, PathBuf, Journal) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let journal = Journal::create(&path, BYTES, origin(), 7, readers).unwrap();
    (dir, path, journal)
}

fn cdr(serial: u64) -> Cdr {
    Cdr {
        id: CdrId {
            serial,
            ..CdrId::default()
        },
        lastdata: "SIP/1002,20".into(),
        ..Cdr::default()
    }
}

fn serials(left: &Left) -> Vec<u64> {
    let records = left.records.iter();
    records.map(|(_, cdr)| cdr.id.serial).collect()
}

#[test]
fn what_is_beyond_a_mark_is_there_for_the_next_process() {
    let (_dir, path, mut journal) = make(2);
    let ends = [1, 2, 3].map(|serial| journal.append(&cdr(serial)).unwrap());
    journal.marks().pass(0, ends[2]);
    journal.marks().pass(1, ends[0]);
    // It needs no farewell.
    let left = read(&path).unwrap().unwrap();
    assert_eq!((left.origin, left.torn), (origin(), 0));
    let found: Vec<u64> = left.records.iter().map(|(end, _)| *end).collect();
    assert_eq!(found, ends[1..]);
    let is_past = |reader, end| left.marks.is_past(reader, end);
    assert!(is_past(0, ends[2]) && !is_past(1, ends[1]) && is_past(1, ends[0]));
    assert!(is_past(2, u64::MAX), "nobody reads there");
    // Who reads it then goes on with its marks.
    left.marks.pass(1, ends[2]);
    assert!(read(&path).unwrap().unwrap().records.is_empty());
}

#[test]
fn a_journal_is_full_until_its_last_reader_comes_by() {
    let (_dir, path, mut journal) = make(2);
    let mut ends = Vec::new();
    while let Some(end) = journal.append(&cdr(ends.len() as u64)) {
        ends.push(end);
    }
    let last = *ends.last().unwrap();
    journal.marks().pass(0, last);
    assert!(journal.append(&cdr(100)).is_none());
    assert_eq!(serials(&read(&path).unwrap().unwrap()).len(), ends.len());
    journal.marks().pass(1, last);
    assert!(journal.append(&cdr(100)).is_some());
    assert_eq!(serials(&read(&path).unwrap().unwrap()), [100]);
}

#[test]
fn a_mark_that_cannot_be_written_frees_no_room() {
    let (_dir, path, mut journal) = make(1);
    let end = journal.append(&cdr(1)).unwrap();
    let of_file = Head::parse(fs::read(&path).unwrap().first_chunk().unwrap()).unwrap();
    let marks = Marks::new(File::open(&path).unwrap(), of_file.marks);
    marks.pass(0, end);
    assert!(!marks.is_past(0, end));
    assert_eq!(
        (marks.least(), serials(&read(&path).unwrap().unwrap())),
        (0, vec![1])
    );
}

#[test]
fn what_is_read_takes_no_more_room_than_its_records() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let size = 16 * HEAD;
    let mut journal = Journal::create(&path, size, origin(), 7, 1).unwrap();
    let mut ends = vec![0];
    // Over the end of the ring, and to where there is but little room left.
    for serial in 1..4000 {
        let end = journal.append(&cdr(serial)).unwrap();
        ends.push(end);
        if end > size as u64 + 100 {
            break;
        }
        let late = ends[ends.len().saturating_sub(60)];
        journal.marks().pass(0, late);
    }
    let kept = serials(&read(&path).unwrap().unwrap());
    assert!(kept.len() >= 60, "{kept:?}");
    let room = fs::metadata(&path).unwrap().blocks() * 512;
    // The head, and the pages at both ends of the ring.
    assert!(room <= 4 * HEAD as u64, "{room}");
    assert_eq!(serials(&read(&path).unwrap().unwrap()), kept);
    // One that is full is kept as it is.
    while journal.append(&cdr(0)).is_some() {}
    let whole = serials(&read(&path).unwrap().unwrap());
    assert_eq!(serials(&read(&path).unwrap().unwrap()), whole);
}

#[test]
fn the_file_is_this_users_alone_and_made_here() {
    let (dir, path, journal) = make(1);
    let about = fs::metadata(&path).unwrap();
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    assert_eq!(about.len(), (HEAD + BYTES) as u64);
    assert!(about.blocks() * 512 >= about.len(), "its room is there");
    let create = |path: &Path| Journal::create(path, BYTES, origin(), 7, 1);
    let refused = create(&path).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
    let link = dir.path().join("link");
    symlink(dir.path().join("elsewhere"), &link).unwrap();
    assert!(create(&link).is_err(), "not where a link leads");
    symlink(&path, dir.path().join("other")).unwrap();
    assert!(read(&dir.path().join("other")).is_err());
    drop(journal);
}

#[test]
fn what_is_no_journal_is_told_from_one() {
    let (dir, path, journal) = make(1);
    drop(journal);
    let whole = fs::read(&path).unwrap();
    let other = dir.path().join("other");
    let reads = |bytes: &[u8]| {
        fs::write(&other, bytes).unwrap();
        read(&other).unwrap().is_some()
    };
    assert!(reads(&whole));
    assert!(
        reads(&whole[..HEAD]),
        "a ring that was cut off holds nothing"
    );
    assert!(!reads(&[]) && !reads(&whole[..HEAD - 1]) && !reads(&[0; HEAD + BYTES]));
    let mut later = whole.clone();
    later[7] += 1;
    assert!(!reads(&later), "of another format");
}

#[test]
fn a_long_name_is_cut_and_no_more() {
    let origin = Origin {
        node: "é".repeat(4000),
        ..origin()
    };
    let head = Head::parse(&Head::new(origin, 1, 1).to_bytes()).unwrap();
    assert_eq!((head.seal, head.origin.boot), (1, 0xaa));
    assert!(head.origin.node.starts_with(&"é".repeat(2000)));
}

proptest! {
    #[test]
    fn any_file_is_read_to_its_end(
        marks in prop::collection::vec(any::<u64>(), READERS),
        broken in prop::collection::vec((8..HEAD + BYTES, any::<u8>()), 0..40),
    ) {
        let (_dir, path, mut journal) = make(READERS);
        while journal.append(&cdr(1)).is_some() {}
        for (reader, mark) in marks.into_iter().enumerate() {
            journal.marks().pass(reader, mark);
        }
        let mut bytes = fs::read(&path).unwrap();
        for (at, byte) in broken {
            bytes[at] = byte;
        }
        fs::write(&path, bytes).unwrap();
        for (_, found) in read(&path).unwrap().into_iter().flat_map(|left| left.records) {
            prop_assert_eq!(*found, cdr(1));
        }
    }
}
