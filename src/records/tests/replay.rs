use std::fs;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::PathBuf;
use std::time::Instant;

use super::*;

/// Records in files, and in a table of SQLite, of a process of that name.
fn mapped(dir: &Path, boot: u64) -> Settings {
    let settings = Settings {
        boot,
        mapping: in_table(dir),
        ..settings(dir)
    };
    fs::create_dir_all(&settings.dir).unwrap();
    settings
}

fn journals(settings: &Settings, shards: usize) -> Journals {
    let dir = settings.dir.with_file_name("journals");
    settings.journals(&dir, shards).unwrap()
}

/// The only directory among the journals.
fn home(dir: &Path) -> PathBuf {
    let mut homes = fs::read_dir(dir.join("journals")).unwrap();
    let home = homes.next().unwrap().unwrap().path();
    assert!(homes.next().is_none());
    home
}

fn files(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(home(dir)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A process files records with these numbers, and is killed when its places have
/// come so far: each has written so many of them.
fn killed(settings: &Settings, count: usize, written: [usize; 3]) {
    let journals = journals(settings, 2);
    let (desk, errands) = RecordDesk::new(QUEUE, journals.writers);
    file(&desk, 1..=count as u64);
    let filed = std::iter::from_fn(|| errands.take_waiting());
    let ends: Vec<u64> = filed.map(|filed| filed.end.unwrap()).collect();
    for (reader, written) in written.into_iter().enumerate() {
        if let Some(last) = written.checked_sub(1) {
            journals.volumes[1].pass(reader, ends[last]);
        }
    }
}

/// The next process starts, writes what was left, and ends.
fn revived(settings: Settings, shards: usize) {
    let journals = journals(&settings, shards);
    let (mut recorder, _desk) = Recorder::start(settings, Some(journals)).unwrap();
    recorder.close();
}

fn csv_lines(dir: &Path) -> usize {
    let text = fs::read_to_string(dir.join("cdr/Master.csv")).unwrap_or_default();
    text.lines().count()
}

fn json_ids(dir: &Path) -> Vec<String> {
    let text = fs::read_to_string(dir.join("cdr/Master.json")).unwrap_or_default();
    let object = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let ids = text.lines().map(|line| object(line)["id"].clone());
    ids.map(|id| id.as_str().unwrap().into()).collect()
}

fn row_ids(dir: &Path) -> Vec<String> {
    let connection = rusqlite::Connection::open(dir.join("calls.sqlite3")).unwrap();
    let mut rows = connection
        .prepare("SELECT delivery_id FROM cdr ORDER BY delivery_id")
        .unwrap();
    let ids = rows.query_map([], |row| row.get(0)).unwrap();
    ids.map(Result::unwrap).collect()
}

fn ids(boot: &str, serials: impl Iterator<Item = u64>) -> Vec<String> {
    serials
        .map(|serial| format!("{boot}-1-0-{serial}"))
        .collect()
}

#[test]
fn each_place_is_given_what_it_had_not_written_by_the_old_names() {
    let dir = tempfile::tempdir().unwrap();
    killed(&mapped(dir.path(), 0xaa), 5, [4, 5, 2]);
    assert_eq!(files(dir.path()).len(), 3);
    // It has fewer shards.
    revived(mapped(dir.path(), 0xbb), 1);
    assert_eq!(csv_lines(dir.path()), 1);
    assert_eq!(json_ids(dir.path()).len(), 0);
    assert_eq!(row_ids(dir.path()), ids("00000000000000aa", 3..=5));
    assert_eq!(files(dir.path()), ["lock"]);
    revived(mapped(dir.path(), 0xcc), 2);
    assert_eq!(csv_lines(dir.path()), 1, "once and for all");
}

#[test]
fn what_was_written_and_not_marked_comes_again_with_the_same_name() {
    let dir = tempfile::tempdir().unwrap();
    let (mut recorder, desk) = Recorder::start(mapped(dir.path(), 0xaa), None).unwrap();
    file(&desk, 1..=3);
    recorder.close();
    killed(&mapped(dir.path(), 0xaa), 4, [0, 0, 0]);
    revived(mapped(dir.path(), 0xbb), 2);
    let written = ids("00000000000000aa", (1..=3).chain(1..=4));
    assert_eq!((csv_lines(dir.path()), json_ids(dir.path())), (7, written));
    // A table that tells rows apart has each once.
    assert_eq!(row_ids(dir.path()), ids("00000000000000aa", 1..=4));
}

#[test]
fn a_process_that_is_killed_as_it_makes_up_for_another_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    killed(&mapped(dir.path(), 0xaa), 3, [3, 1, 3]);
    // It had no time for that, and has records of its own.
    killed(&mapped(dir.path(), 0xbb), 2, [2, 0, 2]);
    assert_eq!(files(dir.path()).len(), 4);
    revived(mapped(dir.path(), 0xcc), 2);
    let mut all = ids("00000000000000aa", 2..=3);
    all.extend(ids("00000000000000bb", 1..=2));
    assert_eq!(json_ids(dir.path()), all);
    assert_eq!((csv_lines(dir.path()), row_ids(dir.path()).len()), (0, 0));
    assert_eq!(files(dir.path()), ["lock"]);
}

#[test]
fn what_was_left_is_in_nobodys_way() {
    let dir = tempfile::tempdir().unwrap();
    killed(&mapped(dir.path(), 0xaa), 9, [0, 9, 9]);
    let settings = mapped(dir.path(), 0xbb);
    let journals = journals(&settings, 2);
    let (desk, errands) = RecordDesk::new(QUEUE, journals.writers);
    let (sender, entries) = bounded(4);
    let way = Way {
        name: "csv",
        module: Beside::CdrCsv,
        sender,
        tally: Arc::default(),
    };
    let tally = Arc::clone(&way.tally);
    let arrears = Arrears {
        ways: vec![way.clone()],
        switches: Arc::clone(&settings.switches),
    };
    let sharing = Sharing {
        errands: errands.clone(),
        ways: vec![way],
        switches: settings.switches,
        boot: settings.boot,
        node: settings.node,
        volumes: journals.volumes,
    };
    let giver = std::thread::spawn(move || arrears.serve(journals.left));
    let until = Instant::now() + Duration::from_secs(30);
    while entries.is_empty() {
        assert!(Instant::now() < until, "nobody hands them on");
        std::thread::sleep(Duration::from_millis(5));
    }
    // Nobody takes any: new ones find room all the same, and wait for none of them.
    file(&desk, 10..=11);
    errands.close();
    sharing.serve();
    drop(sharing);
    let taken = std::iter::from_fn(|| entries.recv().ok()).count();
    giver.join().unwrap();
    assert_eq!((taken, tally.dropped.value()), (11, 0));
}

#[test]
fn an_engine_that_ends_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let settings = mapped(dir.path(), 0xaa);
    let journals = journals(&settings, 2);
    assert_eq!(files(dir.path()).len(), 3);
    let (mut recorder, desk) = Recorder::start(settings, Some(journals)).unwrap();
    file(&desk, 1..=500);
    recorder.close();
    assert_eq!(files(dir.path()), ["lock"]);
    assert_eq!(json_ids(dir.path()), ids("00000000000000aa", 1..=500));
}

#[test]
fn what_a_spool_holds_twice_is_in_the_table_once() {
    let dir = tempfile::tempdir().unwrap();
    let settings = mapped(dir.path(), 0xaa);
    // Nobody else tells rows apart.
    let dbfile = dir.path().join("calls.sqlite3");
    let connection = rusqlite::Connection::open(&dbfile).unwrap();
    let table = "DROP TABLE cdr; CREATE TABLE cdr (delivery_id TEXT, src TEXT)";
    connection.execute_batch(table).unwrap();
    // A process was killed after it had put them there, and the next one, too.
    let row = |number| spool::Row::from([("delivery_id".into(), format!("{number}"))]);
    let rows: Vec<spool::Row> = (1..=3).map(row).collect();
    let mut spool = Spool::open(&settings.dir).unwrap();
    spool.put(&rows).unwrap();
    spool.put(&rows).unwrap();
    let (mut recorder, _desk) = Recorder::start(settings, None).unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    let board = Arc::clone(recorder.board());
    while board.places().any(|(_, tally)| tally.waiting.value() > 0) {
        assert!(Instant::now() < until, "they stay in the spool");
        std::thread::sleep(Duration::from_millis(5));
    }
    recorder.close();
    assert_eq!(row_ids(dir.path()), ["1", "2", "3"]);
}

/// Waits until everybody is past all that a journal has.
fn all_pass(volume: &Volume, end: u64) {
    let until = Instant::now() + Duration::from_secs(30);
    while !(0..3).all(|reader| volume.is_past(reader, end)) {
        assert!(Instant::now() < until, "somebody holds it up");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_place_that_is_not_loaded_or_away_holds_up_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = mapped(dir.path(), 0xaa);
    settings.style.json = None;
    settings.switches.set(Beside::CdrCsv, false);
    // Its directory is none: the table's rows wait in the spool.
    if let [Section::Sqlite(section)] = &mut settings.mapping.sections[..] {
        section.dbfile = dir.path().join("nowhere/calls.sqlite3");
    }
    let journals = journals(&settings, 2);
    let (mut recorder, desk) = Recorder::start(settings, Some(journals)).unwrap();
    let mut filing = desk.filing(1);
    assert!(!filing.file(entry().cdr).unjournaled);
    // The end of the only record: the mark of one that comes by it.
    all_pass(&recorder.volumes[1], 1);
    assert_eq!((csv_lines(dir.path()), row_ids(dir.path()).len()), (0, 0));
    recorder.close();
    let spool = Spool::open(&dir.path().join("cdr")).unwrap();
    assert_eq!(spool.waiting(), 1);
    // A place that is gone by then is given nothing, and nothing is kept for it.
    killed(&mapped(dir.path(), 0xbb), 2, [2, 2, 0]);
    revived(settings_without_table(dir.path()), 2);
    assert_eq!(files(dir.path()), ["lock"]);
}

fn settings_without_table(dir: &Path) -> Settings {
    Settings {
        boot: 0xcc,
        ..settings(dir)
    }
}

#[test]
fn nobody_else_may_have_been_there_before() {
    let dir = tempfile::tempdir().unwrap();
    let settings = mapped(dir.path(), 0xaa);
    let held = journals(&settings, 1);
    let place = dir.path().join("journals");
    let refused = |settings: &Settings| settings.journals(&place, 1).unwrap_err().to_string();
    // Other journals would let both write to the same files.
    let taken = format!(
        "process {} has the journals of the same --cdr. Give this engine another --cdr",
        std::process::id()
    );
    assert_eq!(refused(&settings), taken);
    let home = home(dir.path());
    drop(held);
    fs::remove_dir_all(&home).unwrap();
    let elsewhere = dir.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, &home).unwrap();
    // An engine may have had it that ran as another user.
    let alone = format!(
        "{} is no directory that user {} has alone. Give it to that user, or remove it and the records in it",
        home.display(),
        rustix::process::geteuid().as_raw()
    );
    assert_eq!(refused(&settings), alone);
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    fs::remove_file(&home).unwrap();
    fs::DirBuilder::new().mode(0o755).create(&home).unwrap();
    assert_eq!(refused(&settings), alone);
}

#[test]
fn what_cannot_be_made_says_how_much_it_would_take() {
    let dir = tempfile::tempdir().unwrap();
    let settings = mapped(dir.path(), 0xaa);
    drop(journals(&settings, 1));
    let home = home(dir.path());
    // In the way of the last of them; nobody can read it.
    fs::write(home.join(format!("{:016x}-2", 0xaa)), [b'?'; 8192]).unwrap();
    let refused = settings.journals(&dir.path().join("journals"), 3);
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.starts_with("the journals take 12 MiB: "),
        "{refused}"
    );
    assert!(
        refused.ends_with(". Give another directory, or none"),
        "{refused}"
    );
    assert!(!files(dir.path()).contains(&format!("{:016x}-0", 0xaa)));
}

#[test]
fn what_cannot_be_read_is_left_and_what_was_never_made_is_not() {
    let dir = tempfile::tempdir().unwrap();
    killed(&mapped(dir.path(), 0xaa), 1, [0, 0, 0]);
    let home = home(dir.path());
    fs::write(home.join("later"), [b'?'; 8192]).unwrap();
    fs::write(home.join("unmade"), "").unwrap();
    revived(mapped(dir.path(), 0xbb), 1);
    assert_eq!(files(dir.path()), ["later", "lock"]);
    assert_eq!(csv_lines(dir.path()), 1);
}
