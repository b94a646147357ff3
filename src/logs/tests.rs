//! The whole log, into files, without becoming the process's.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::*;

/// What `work` leaves in a log of these levels and that form.
fn logged(levels: &str, format: Format, work: impl FnOnce(&Logs, &Path)) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pinion.log");
    let settings = Settings {
        levels: levels.parse().unwrap(),
        format,
        file: Some(path.clone()),
    };
    let (logs, subscriber, guard) = Logs::open(&settings).unwrap();
    tracing::subscriber::with_default(subscriber, || work(&logs, &path));
    drop(guard);
    fs::read_to_string(path).unwrap()
}

#[test]
fn text_has_the_sentence_and_what_is_known_of_it() {
    let text = logged("info", Format::Text, |_, _| {
        let (shard, call_id) = (3, Some("abc@h"));
        tracing::warn!(target: "sip", shard, cause = "odd", call_id, "a\r\nforged line");
        tracing::warn!(target: "sip", shard, call_id = None::<&str>, "no call");
        tracing::debug!("not wanted");
    });
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].ends_with("  WARN a"), "{text}");
    assert_eq!(
        lines[1],
        "| forged line shard=3 cause=\"odd\" call_id=\"abc@h\""
    );
    assert!(lines[2].ends_with("WARN no call shard=3"), "{text}");
}

#[test]
fn json_is_one_object_a_line() {
    let text = logged("info", Format::Json, |_, _| {
        tracing::warn!(target: "sip", shard = 3, call_id = "a\"b", "two\nlines");
    });
    let line: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
    assert_eq!(line["message"], "two\nlines");
    assert_eq!(line["shard"], 3);
    assert_eq!(line["call_id"], "a\"b");
    assert_eq!(
        (&line["level"], &line["target"]),
        (&"WARN".into(), &"sip".into())
    );
    assert!(line["timestamp"].is_string());
}

#[test]
fn levels_change_while_it_runs_and_shards_hear_of_it() {
    let text = logged("warn", Format::Text, |logs, _| {
        let say = |text: &str| tracing::debug!(target: "dialplan", "{text}");
        say("one");
        assert_eq!(logs.set_verbose(3), 0);
        say("two");
        assert_eq!(logs.levels().to_string(), "warn,dialplan=debug");
        assert_eq!(logs.set_verbose(0), 3);
        say("three");
        assert_eq!(logs.set_debug(1, None), 0);
        say("four");
        assert_eq!(logs.set_debug(9, Some("realtime")), 1);
        say("five");
        assert_eq!(logs.levels().to_string(), "warn,realtime=trace");
        logs.set_debug(0, None);
        logs.set_levels("error,dialplan=trace".parse().unwrap());
        say("six");
    });
    let words: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split(' ').next_back())
        .collect();
    assert_eq!(words, ["two", "four", "six"]);
}

#[test]
fn a_file_moved_away_is_left_and_a_new_one_begun() {
    let mut old = String::new();
    let text = logged("info", Format::Text, |logs, path| {
        tracing::info!(target: "sip", "before");
        wait_for(path, "before");
        let moved = path.with_extension("1");
        fs::rename(path, &moved).unwrap();
        logs.rotate();
        tracing::info!(target: "sip", "after");
        wait_for(path, "after");
        old = fs::read_to_string(moved).unwrap();
    });
    assert!(old.contains("before") && !old.contains("after"), "{old}");
    assert!(text.contains("after") && !text.contains("before"), "{text}");
}

fn wait_for(path: &Path, text: &str) {
    for _ in 0..1000 {
        if fs::read_to_string(path).is_ok_and(|content| content.contains(text)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("'{text}' is never written");
}

#[test]
fn one_place_has_its_share_of_a_second() {
    let text = logged("info", Format::Text, |_, _| {
        for number in 0..200 {
            tracing::warn!("site {number}");
        }
        // What left unsaid is told with the first line of another second.
        std::thread::sleep(Duration::from_millis(1_100));
        tracing::warn!("elsewhere");
    });
    let written = text.matches("WARN site").count();
    // The loop may have met the turn of a second.
    assert!((20..=40).contains(&written), "{text}");
    let unsaid: usize = text
        .lines()
        .filter_map(|line| {
            line.split_once(" more from ")?
                .0
                .rsplit(' ')
                .next()?
                .parse::<usize>()
                .ok()
        })
        .sum();
    assert_eq!(written + unsaid, 200, "{text}");
}

#[test]
fn a_full_disk_is_owned_up_to_and_holds_nobody() {
    let settings = Settings {
        levels: Levels::default(),
        format: Format::Text,
        file: Some("/dev/full".into()),
    };
    let (logs, subscriber, guard) = Logs::open(&settings).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        for number in 0..3 {
            tracing::info!(target: "sip", "{number}");
        }
    });
    drop(guard);
    assert!(logs.counters().contains(&("log_lines_failed".into(), 3)));
}

#[test]
fn a_reader_that_stops_holds_nobody_and_hears_how_much_it_missed() {
    use std::io::Read;
    use std::os::fd::AsRawFd;

    let (mut reader, writer) = std::io::pipe().unwrap();
    let settings = Settings {
        levels: Levels::default(),
        format: Format::Text,
        file: Some(format!("/proc/self/fd/{}", writer.as_raw_fd()).into()),
    };
    let (logs, subscriber, guard) = Logs::open(&settings).unwrap();
    drop(writer);
    let lines = MOST_LINES + 5_000;
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..lines {
            tracing::info!(target: "sip", "{}", "x".repeat(100));
        }
    });
    let dropped = logs.counters()[0].1;
    assert!(dropped > 0, "a pipe holds 64 KiB only");
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    });
    drop(guard);
    drop(logs);
    let text = reading.join().unwrap();
    let told: u64 = text
        .lines()
        .filter_map(|line| {
            let (head, _) = line.split_once(" lines of the log were lost")?;
            head.rsplit(' ').next()
        })
        .map(|number| number.parse::<u64>().unwrap())
        .sum();
    assert_eq!(told, dropped);
    assert_eq!(text.matches("xxx\n").count() as u64 + dropped, lines as u64);
}

#[test]
fn an_audience_hears_what_is_written_while_it_is_there() {
    use std::sync::atomic::{AtomicBool, Ordering};

    #[derive(Clone, Default)]
    struct Heard(Arc<(AtomicBool, Mutex<Vec<String>>)>);
    impl Audience for Heard {
        fn is_there(&self) -> bool {
            self.0.0.load(Ordering::Relaxed)
        }
        fn hear(&self, text: &str) {
            self.0.1.lock().unwrap().push(text.into());
        }
    }

    let heard = Heard::default();
    logged("info", Format::Json, |logs, _| {
        logs.read_to(heard.clone());
        tracing::info!(target: "sip", "nobody is there");
        heard.0.0.store(true, Ordering::Relaxed);
        tracing::info!(target: "sip", shard = 1, "heard");
        tracing::debug!(target: "sip", "not written");
        tracing::info!(target: "audit", "typed");
        tracing::info!(target: "messages", "<--- a\nmessage --->");
    });
    let heard = heard.0.1.lock().unwrap();
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert!(heard[0].starts_with("[20") && heard[0].ends_with("Z] INFO: heard shard=1"));
    assert_eq!(heard[1], "\n<--- a\nmessage --->");
}
