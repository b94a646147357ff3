//! Records of calls, as a running engine writes them: what Master.csv says of
//! calls that end each way, and what a file keeps of an engine that is killed.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

use clap::Parser;
use pinion_loadgen::cli::Cli;
use pinion_loadgen::commands::Task;
use pinion_loadgen::results::Results;

use crate::address::free_address;
use crate::asked::ask;
use crate::engine::{Engine, Scratch};
use crate::phones::{self, line};
use crate::sipp::{Running, Sipp};
use crate::{share_machine, take_machine};

const LIMIT: Duration = Duration::from_secs(60);

/// Waits until a file has so many lines, and returns them.
fn lines(path: &Path, count: usize) -> Vec<String> {
    let until = Instant::now() + LIMIT;
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if text.lines().count() >= count {
            return text.lines().map(String::from).collect();
        }
        assert!(Instant::now() < until, "{}: {text}", path.display());
        thread::sleep(Duration::from_millis(20));
    }
}

/// Lets 1001 call 1002 by these two scenarios.
fn call(engine: &Engine, caller: &str, callee: &str) {
    let contact = free_address();
    phones::register(engine, [(1002, contact)].into_iter(), 10);
    let callee = Sipp::new(&engine.scratch, callee, 1, LIMIT)
        .listening(contact)
        .key("status", "SIP/2.0 486 Busy Here")
        .start();
    Sipp::new(&engine.scratch, caller, 1, LIMIT)
        .calling(engine.address, 10, &[line(1001, 1002)])
        .pausing(200)
        .run()
        .expect(1);
    callee.wait().expect(1);
}

#[test]
fn master_csv_says_how_each_call_came_out() {
    let _shared = share_machine();
    let records = Scratch::new("records");
    let dir = records.path().to_str().expect("a plain path");
    let flags = ["--shards", "2", "--t1", "100", "--cdr", dir];
    let flags = [&flags[..], &["--cdr-journal", dir]].concat();
    let engine = phones::engine("recorded", 1001..=1002, &flags);
    let ways = [
        ("uac", "uas", "ANSWERED", 200),
        ("uac_refused", "uas_refuses", "BUSY", 486),
        ("uac_cancel", "uas_rings", "NO ANSWER", 487),
    ];
    for (caller, callee, ..) in ways {
        call(&engine, caller, callee);
    }
    let master = records.path().join("Master.csv");
    let json = records.path().join("Master.json");
    lines(&master, ways.len());
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_path(&master)
        .expect("it is there");
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let objects: Vec<serde_json::Value> = lines(&json, ways.len())
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!((rows.len(), objects.len()), (ways.len(), ways.len()));
    for ((row, object), (_, _, disposition, code)) in rows.iter().zip(&objects).zip(ways) {
        assert_eq!(row.len(), 16, "{row:?}");
        assert_eq!((&row[1], &row[2], &row[3]), ("1001", "1002", "phones"));
        assert!(row[5].starts_with("SIP/1001-"), "{row:?}");
        assert!(row[6].starts_with("SIP/1002-"), "{row:?}");
        assert_eq!((&row[7], &row[8]), ("Dial", "SIP/1002,20"));
        assert_eq!((&row[14], &row[15]), (disposition, "DOCUMENTATION"));
        assert_eq!(row[10].is_empty(), disposition != "ANSWERED", "{row:?}");
        assert_eq!(object["disposition"], disposition);
        assert_eq!(object["final_code"], code);
        assert_ne!(object["call_id"], object["callee_call_id"]);
    }
    assert_eq!(engine.stop(Duration::from_secs(40)), Some(0));
}

/// Caller and callee of a call that is up.
fn talk(engine: &Engine) -> (Running, Running) {
    let contact = free_address();
    phones::register(engine, [(1002, contact)].into_iter(), 10);
    let callee = Sipp::new(&engine.scratch, "uas", 1, LIMIT)
        .listening(contact)
        .start();
    let caller = Sipp::new(&engine.scratch, "uac_called_off", 1, LIMIT)
        .calling(engine.address, 10, &[line(1001, 1002)])
        .start();
    let until = Instant::now() + LIMIT;
    while !ask(engine, "sip show channels").done().contains("Rx: ACK") {
        assert!(Instant::now() < until, "nobody answers");
        thread::sleep(Duration::from_millis(50));
    }
    (caller, callee)
}

#[test]
fn a_call_that_a_stop_cuts_short_is_hung_up_and_has_its_record() {
    let _shared = share_machine();
    let records = Scratch::new("cut");
    let dir = records.path().to_str().expect("a plain path");
    let flags = ["--t1", "100", "--drain-limit", "0", "--cdr", dir];
    let flags = [&flags[..], &["--cdr-journal", dir]].concat();
    let scratch = Scratch::new("cut-engine");
    phones::write_files(&scratch, 1001..=1002);
    // The plan has something to do yet once the call is over.
    let plan = "[phones]\nexten => _X.,1,Dial(SIP/${EXTEN},20)\n\
                exten => h,1,Set(X=${CURL(http://127.0.0.1:9/)})\n\
                same => n,Set(CDR(userfield)=to the end)\n";
    scratch.write("extensions.conf", plan);
    let mut engine = Engine::start(scratch, free_address(), &flags);
    let (caller, callee) = talk(&engine);
    assert_eq!(engine.end(Duration::from_secs(40)), Some(0));
    callee.wait().expect(1);
    caller.wait().expect(1);
    let json = lines(&records.path().join("Master.json"), 1);
    let record: serde_json::Value = serde_json::from_str(&json[0]).unwrap();
    assert_eq!(record["disposition"], "ANSWERED");
    assert!(record["billsec_ms"].as_u64() > Some(0), "{record}");
    assert_eq!(record["userfield"], "to the end");
}

/// Calls a second under which an engine is killed; `PINION_RECORDS_RATE` says
/// otherwise.
fn rate() -> usize {
    env::var("PINION_RECORDS_RATE").map_or(100, |text| {
        text.parse().expect("PINION_RECORDS_RATE is a number")
    })
}

/// Calls from ten users to ten others for so long.
fn load(engine: &Engine, seconds: u32) -> Results {
    let rate = rate();
    let words = format!(
        "pinion-load call --target {} --rate {rate} --duration {seconds}s --hold 100ms --t1 100 --threads 1 --quiet \
         --users {{1000..1009}} --password secret-of-{{}} --callees {{2000..2009}} \
         --callee-password secret-of-{{}} --uas local",
        engine.address
    );
    let cli = Cli::try_parse_from(words.split_whitespace()).expect("its words");
    let Task::Run(command) = &cli.command else {
        panic!("{words}");
    };
    let (plan, _) = command.plan(Vec::new()).expect("a plan");
    pinion_loadgen::run(&plan).expect("it runs")
}

/// The ids of the objects in a file.
fn ids(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let id = |line: &str| {
        let object: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        object["id"].as_str().expect("an id").to_owned()
    };
    text.lines().map(id).collect()
}

/// The ids of the rows in a table.
fn rows(dbfile: &Path) -> Vec<String> {
    let calls = rusqlite::Connection::open(dbfile).expect("it is there");
    let mut rows = calls.prepare("SELECT delivery_id FROM cdr").unwrap();
    let ids = rows.query_map([], |row| row.get(0)).unwrap();
    ids.map(|id| id.expect("an id")).collect()
}

/// An engine that writes records to every place there is.
fn recorder(name: &str, dbfile: &Path, flags: &[&str]) -> Engine {
    let scratch = Scratch::new(name);
    phones::write_files(&scratch, (1000..1010).chain(2000..2010));
    scratch.write("extconfig.conf", "[settings]\ncdr => sqlite3,calls,cdr\n");
    let section = format!("[calls]\ndbfile = {}\n", dbfile.display());
    scratch.write("res_config_sqlite3.conf", &section);
    Engine::start(scratch, free_address(), flags)
}

/// How many different ones there are.
fn distinct(ids: &[String]) -> usize {
    ids.iter().collect::<HashSet<_>>().len()
}

/// Every place has each of them in the end: once, or twice by the same name.
#[test]
fn an_engine_that_is_killed_loses_no_record_of_a_call_that_had_ended() {
    let alone = take_machine();
    let records = Scratch::new("killed");
    let dir = records.path().to_str().expect("a plain path");
    let memory = tempfile::tempdir_in("/dev/shm").expect("memory");
    let journals = memory.path().to_str().expect("a plain path");
    let (json, csv, dbfile) = ("Master.json", "Master.csv", "calls.sqlite3");
    let [json, csv, dbfile] = [json, csv, dbfile].map(|name| records.path().join(name));
    let schema = include_str!("../../examples/realtime-sqlite/schema.sql");
    let calls = rusqlite::Connection::open(&dbfile).expect("a file");
    calls.execute_batch(schema).expect("its schema");
    let flags = ["--shards", "2", "--t1", "100", "--cdr", dir];
    let flags = [&flags[..], &["--cdr-journal", journals]].concat();
    let engine = recorder("killed-engine", &dbfile, &flags);
    let pid = engine.pid().to_string();
    let killer = thread::spawn(move || {
        thread::sleep(Duration::from_secs(4));
        let killed = Command::new("kill").args(["-KILL", &pid]).status();
        assert!(killed.is_ok_and(|status| status.success()));
    });
    let results = load(&engine, 6);
    killer.join().expect("it was killed");
    drop((alone, engine));
    let _shared = share_machine();
    let (begun, ended) = (results.units.begun, results.sides.expect("both sides"));
    let (begun, ended) = (begun as usize, ended.caller_ended as usize);
    println!(
        "figure: killed under {} calls/s: {ended} calls had ended, of which {} were in the file and {} in the table",
        rate(),
        ids(&json).len(),
        rows(&dbfile).len(),
    );
    assert!(ended > rate(), "{ended} calls had ended");
    // The next one writes what is missing.
    let engine = recorder("killed-next", &dbfile, &flags);
    let log = engine.log();
    assert_eq!(engine.stop(Duration::from_secs(40)), Some(0));
    let said = "an earlier engine ended before it had written all records of calls";
    assert_eq!(log.matches(said).count(), 1, "{log}");
    let (objects, rows_then) = (ids(&json), rows(&dbfile));
    println!(
        "figure: then {} and {}, {} objects twice",
        distinct(&objects),
        rows_then.len(),
        objects.len() - distinct(&objects)
    );
    for ids in [&objects, &rows_then] {
        assert!((ended..=begun).contains(&distinct(ids)), "{}", ids.len());
    }
    assert_eq!(distinct(&rows_then), rows_then.len(), "a row is there once");
    assert!(fs::read_to_string(&csv).unwrap().lines().count() >= ended);
    // The one after that finds nothing to make up for, goes on after the last whole
    // line, and has other ids.
    let mut half = fs::OpenOptions::new().append(true).open(&json).unwrap();
    std::io::Write::write_all(&mut half, b"{\"id\":\"ha").unwrap();
    let engine = recorder("killed-again", &dbfile, &flags);
    let again = load(&engine, 1);
    assert_eq!(engine.stop(Duration::from_secs(40)), Some(0));
    let all = ids(&json);
    let more = again.units.completed as usize;
    assert_eq!(all.len(), objects.len() + more);
    assert_eq!(distinct(&all), distinct(&objects) + more);
    assert_eq!(rows(&dbfile).len(), rows_then.len() + more);
}
