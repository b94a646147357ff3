//! What the commands say, beside what Asterisk's console says, of a real engine
//! on loopback.

mod rig;

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use pinion_sip::config::{General, Peer, PeerKind, Qualify, Secret};
use pinion_sip::machine::Query;
use serde_json::Value;

use rig::{Phone, Rig};

use crate::control::command::run;
use crate::control::out::{Form, Out};

/// What Asterisk wrote.
macro_rules! asterisk {
    ($name:literal) => {
        include_str!(concat!(
            "../../../../tests/fixtures/console/sip_",
            $name,
            ".txt"
        ))
    };
}

fn friend(name: &str) -> Peer {
    Peer::new(name, PeerKind::Friend)
}

/// Where the columns of a title line begin, which stand two blanks apart.
fn columns(titles: &str) -> Vec<usize> {
    let bytes = titles.as_bytes();
    let begins = |&at: &usize| bytes[at] != b' ' && (at == 0 || bytes[..at].ends_with(b"  "));
    (0..bytes.len()).filter(begins).collect()
}

/// What stands before the first colon of each line that has one.
fn heads(text: &str) -> Vec<&str> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(head, _)| head).collect()
}

#[test]
fn peers_stand_in_the_columns_of_asterisk() {
    let peers = ["100001", "100000", "200999"].map(|name| {
        let mut peer = friend(name);
        peer.defaultuser = Some(name.into());
        peer
    });
    let rig = Rig::new(2, peers);
    let phone = Phone::at("127.9.9.1", &rig);
    phone.register("100000");
    let there: Vec<&str> = asterisk!("peers").lines().collect();
    let gone = asterisk!("peers_unregistered").lines().nth(1).unwrap();
    let port = format!("{:<8}", phone.address.port());
    let expected = [
        there[0].to_owned(),
        there[1].replace("37152   ", &port),
        gone.replace("100000", "100001"),
        gone.replace("100000", "200999"),
        "3 sip peers [Monitored: 0 online, 0 offline Unmonitored: 1 online, 2 offline]".into(),
    ];
    let (ok, said) = rig.say("sip show peers");
    assert!(ok);
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
    let (_, said) = rig.say("sip show peers like ^1.*1$");
    let footer = "1 sip peers [Monitored: 0 online, 0 offline Unmonitored: 0 online, 1 offline]";
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        [&expected[0], &expected[2], footer]
    );
    assert!(!rig.say("sip show peers like (").0);
    let json = rig.json("sip show peers");
    let first = &json["peers"][0];
    assert_eq!(first["name"], "100000");
    assert_eq!(first["port"], phone.address.port());
    assert_eq!(
        (&first["dynamic"], &first["user_agent"]),
        (&true.into(), &"testA".into())
    );
    assert_eq!(json["peers"][1]["host"], Value::Null);
    assert_eq!(json["unmonitored"]["offline"], 2);
    rig.end();
}

#[test]
fn many_peers_come_page_by_page_each_once_and_in_order() {
    let names: Vec<String> = (0..2000)
        .rev()
        .map(|number| format!("{number:05}"))
        .collect();
    let rig = Rig::new(3, names.iter().map(|name| friend(name)));
    let phone = Phone::at("127.0.0.1", &rig);
    for name in names.iter().step_by(7) {
        phone.register(name);
    }
    let json = rig.json("sip show peers");
    let rows = json["peers"].as_array().unwrap();
    let told: Vec<&str> = rows
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    let mut sorted: Vec<&str> = names.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    assert_eq!(told, sorted);
    for row in rows {
        let number: usize = row["name"].as_str().unwrap().parse().unwrap();
        let registered = (1999 - number).is_multiple_of(7);
        assert_eq!(row["contacts"], u64::from(registered), "{row}");
    }
    rig.end();
}

#[test]
fn who_does_not_read_holds_no_other_listing() {
    let names = (0..2000).map(|number| format!("{number:04}"));
    let rig = Rig::new(3, names.map(|name| friend(&name)));
    let (reads, read) = channel();
    let (begins, begun) = channel();
    let house = rig.house();
    thread::scope(|scope| {
        let slow = scope.spawn(move || {
            let mut sink = Slow {
                begins,
                reads: read,
            };
            run(house, "sip show peers", Out::new(Form::Text, &mut sink)).unwrap()
        });
        begun.recv().unwrap();
        let told = [(); 2].map(|()| rig.json("sip show peers"));
        for json in told {
            assert_eq!(json["peers"].as_array().map(Vec::len), Some(2000));
        }
        assert!(!slow.is_finished());
        drop(reads);
        assert!(slow.join().unwrap());
    });
    rig.end();
}

/// Takes nothing more once it has been written to, until somebody reads.
struct Slow {
    begins: Sender<()>,
    reads: Receiver<()>,
}

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Nobody waits for the later ones.
        let _ = self.begins.send(());
        let _ = self.reads.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn shards_that_do_not_answer_are_asked_once_and_named() {
    let names = (0..500).map(|number| format!("{number:04}"));
    let rig = Rig::new(2, names.map(|name| friend(&name)));
    let shards = &rig.house().shards;
    shards.stop();
    // They end when their turn is over.
    while (0..2).any(|shard| shards.ask(shard, Query::State).is_some()) {}
    let sentence = "Shards 0, 1 do not answer: what they have is missing here.\n";
    for line in [
        "sip show peers",
        "core show channels concise",
        "core show calls",
    ] {
        let (ok, said) = rig.say(line);
        assert!(!ok && said.ends_with(sentence), "{line}: {said}");
    }
    let (ok, said) = rig.say("sip show peer 0001");
    assert!(!ok && said.contains(" does not answer: "), "{said}");
    rig.end();
}

#[test]
fn a_peer_is_told_line_by_line_as_asterisk_does() {
    let mut peer = friend("100000");
    peer.secret = Secret::Plain("never shown".into());
    peer.description = "reception".into();
    peer.qualify = Qualify::Within(Duration::from_secs(2));
    let rig = Rig::new(1, [peer]);
    let theirs = asterisk!("peer");
    let (ok, ours) = rig.say("sip show peer 100000");
    assert!(ok);
    assert_eq!(heads(&ours), heads(theirs));
    assert!(ours.starts_with("\n\n  * Name       : 100000\n") && ours.ends_with("\n\n"));
    for line in [
        "  Secret       : <Set>",
        "  MD5Secret    : <Not set>",
        "  Force rport  : Auto (No)",
    ] {
        assert!(theirs.contains(line) && ours.contains(line), "{line}");
    }
    assert!(!ours.contains("never shown"));
    assert!(
        !rig.json("sip show peer 100000")
            .to_string()
            .contains("never shown")
    );
    assert!(ours.contains("  Status       : UNKNOWN\n"), "{ours}");
    assert!(ours.contains("  Addr->IP     : (null)\n"));
    assert!(ours.contains("  Description  : reception\n"));
    let (_, listed) = rig.say("sip show peers");
    assert!(
        listed
            .lines()
            .nth(1)
            .is_some_and(|row| row.contains(" reception   "))
    );
    let nobody = rig.say("sip show peer nosuch");
    assert_eq!(nobody, (false, asterisk!("peer_nosuch").into()));
    rig.end();
}

#[test]
fn a_peer_is_unregistered_and_asked_by_name() {
    let mut asked = friend("100001");
    asked.qualify = Qualify::Within(Duration::from_secs(2));
    let rig = Rig::new(2, [friend("100000"), asked]);
    let phone = Phone::at("127.0.0.1", &rig);
    phone.register("100000");
    assert_eq!(
        rig.say("sip unregister 100000"),
        (true, asterisk!("unregister").into())
    );
    let again = rig.say("sip unregister 100000");
    assert_eq!(again, (false, "Peer 100000 not registered\n".into()));
    let nobody = rig.say("sip unregister nosuch");
    assert_eq!(
        nobody,
        (false, "Peer unknown: 'nosuch'. Not unregistered.\n".into())
    );
    assert!(!rig.say("sip qualify peer 100000").0, "it is not monitored");
    assert!(!rig.say("sip qualify peer 100001").0, "it has no contact");
    phone.register("100001");
    assert_eq!(rig.say("sip qualify peer 100001"), (true, String::new()));
    let heard = phone.hear();
    assert!(heard.starts_with("OPTIONS sip:100001@"), "{heard}");
    rig.end();
}

#[test]
fn a_device_is_told_what_sip_notify_conf_says() {
    let rig = Rig::new(2, [friend("100000"), friend("100001")]);
    let phone = Phone::at("127.0.0.1", &rig);
    let without = "No sip_notify.conf file found, or no types listed there\n";
    assert_eq!(rig.say("sip notify mwi 100000"), (false, without.into()));
    rig.write(
        "sip_notify.conf",
        "[mwi]\nEvent=>message-summary\nContent-type=>application/simple-message-summary\n\
         Content=>Messages-Waiting: no\n[check]\nEvent=>check-sync\\;reboot=false\n",
    );
    let unknown = "Unable to find notify type 'chek'. Did you mean 'check'?\n";
    assert_eq!(rig.say("sip notify chek 100000"), (false, unknown.into()));
    assert!(!rig.say("sip notify mwi").0);
    phone.register("100000");
    let (ok, said) = rig.say("sip notify mwi 100000 100001 nosuch");
    assert!(!ok, "one has registered, one has not, one is not there");
    assert_eq!(
        said,
        "Sending NOTIFY of type 'mwi' to '100000'\n\
         Could not create address for '100001'\nCould not create address for 'nosuch'\n"
    );
    let heard = phone.hear();
    assert!(heard.starts_with("NOTIFY sip:100000@"), "{heard}");
    let address = rig.address;
    for line in [
        "Subscription-State: terminated".to_owned(),
        "Event: message-summary".into(),
        format!("Contact: <sip:pinion@{address}>"),
        "Content-Type: application/simple-message-summary".into(),
        "Content-Length: 22".into(),
    ] {
        assert!(heard.lines().any(|own| own == line), "{line}: {heard}");
    }
    assert!(heard.ends_with("\n\nMessages-Waiting: no\n"), "{heard}");
    phone.accept(&heard);
    assert!(rig.say("sip notify check 100000").0);
    let heard = phone.hear();
    let event = "\nEvent: check-sync;reboot=false\n";
    assert!(heard.contains(event), "{heard}");
    phone.accept(&heard);
    rig.end();
}

#[test]
fn users_show_no_password() {
    let mut peer = friend("100655");
    peer.secret = Secret::Plain("pw100655".into());
    let rig = Rig::new(1, [peer, Peer::new("gateway", PeerKind::Peer)]);
    let (_, said) = rig.say("sip show users");
    let mut theirs = asterisk!("users").lines();
    let mut ours = said.lines();
    assert_eq!(ours.next(), theirs.next());
    let row = theirs.next().map(|row| row.replace("pw100655", "<Set>   "));
    assert_eq!(ours.next().map(str::to_owned), row);
    assert_eq!(ours.next(), None);
    rig.end();
}

#[test]
fn settings_are_told_line_by_line_as_asterisk_does() {
    let rig = Rig::new(1, []);
    let (ok, ours) = rig.say("sip show settings");
    assert!(ok);
    // Told where ringing is, which it is not here.
    let theirs = asterisk!("settings").replace("    Include CID:          No\n", "");
    assert_eq!(heads(&ours), heads(&theirs));
    assert!(
        ours.starts_with("\n\nGlobal Settings:\n----------------\n")
            && ours.ends_with("\n\n----\n")
    );
    assert!(ours.contains(&format!("  UDP Bindaddress:        {}\n", rig.address)));
    let json = rig.json("sip show settings");
    assert_eq!(json["settings"]["realm"], "pinion");
    rig.end();
}

#[test]
fn dialogs_stand_in_the_columns_of_asterisk() {
    let rig = Rig::new(2, [friend("100000"), friend("200000")]);
    let (caller, callee) = (Phone::at("127.9.9.1", &rig), Phone::at("127.9.9.2", &rig));
    callee.register("200000");
    caller.call("100000", "200000");
    let invite = callee.hear();
    let (_, said) = rig.say("sip show channels");
    let theirs: Vec<&str> = asterisk!("channels").lines().collect();
    let ours: Vec<&str> = said.lines().collect();
    assert_eq!((ours[0], ours.len()), (theirs[0], 4));
    let cut = |row: &'static str, from: &str, to: &str| row.replace(from, to);
    assert!(
        ours.contains(&&*cut(theirs[3], "(ulaw)   ", "(nothing)").replace("ACK   ", "INVITE")),
        "{said}"
    );
    for row in &ours[1..3] {
        let begins = |at: &usize| row.as_bytes().get(at - 1).is_none_or(|&byte| byte == b' ');
        assert!(columns(theirs[0]).iter().skip(1).all(begins), "{row}");
    }
    assert_eq!(ours[3], "2 active SIP dialogs");

    let (_, said) = rig.say("sip show channelstats");
    let theirs: Vec<&str> = asterisk!("channelstats").lines().collect();
    assert_eq!(said.lines().next(), Some(theirs[0]));
    let unanswered = theirs[2].replace("ae632e05@A ", "2395c7af@A ");
    assert!(said.lines().any(|row| row == unanswered), "{said}");

    assert_eq!(rig.complete("sip show channel 2395"), ["2395c7af@A"]);
    let (ok, said) = rig.say("sip show channel 2395c7af");
    assert!(ok);
    assert_eq!(heads(&said), heads(asterisk!("channel")));
    assert!(said.contains("\n  Call-ID:                2395c7af@A\n"));
    assert!(said.contains("\n  Curr. trans. direction:  Incoming\n"));
    assert!(said.ends_with("\n\n\n"));
    let call_id = invite
        .lines()
        .find_map(|line| line.strip_prefix("Call-ID: "));
    let json = rig.json(&format!("sip show channel {}", call_id.unwrap()));
    assert_eq!(json["dialogs"][0]["peer"], "200000");
    assert_eq!(json["dialogs"][0]["direction"], "Outgoing");
    assert!(!rig.say("sip show channel nosuch").0);
    rig.end();
}

#[test]
fn what_there_is_none_of_is_told_as_asterisk_does() {
    let rig = Rig::new(1, []);
    assert_eq!(
        rig.say("sip show registry"),
        (true, asterisk!("registry").into())
    );
    assert_eq!(
        rig.say("sip show domains"),
        (true, asterisk!("domains").into())
    );
    assert!(
        rig.say("sip show subscriptions")
            .1
            .ends_with("\n0 active SIP subscriptions\n")
    );
    assert!(rig.say("sip set history on").0 && !rig.say("sip set history off").0);
    for line in ["sip show registry x", "sip show peer", "sip set history"] {
        let (ok, said) = rig.say(line);
        assert!(!ok && said.starts_with("Usage: sip "), "{said}");
    }
    rig.end();
}

#[test]
fn domains_are_told_with_their_contexts() {
    let general = General {
        domains: vec!["example.com".into(), "127.0.0.1".into()],
        domain_contexts: vec![("example.com".into(), "incoming".into())],
        ..General::default()
    };
    let rig = Rig::with(1, general, []);
    let (_, said) = rig.say("sip show domains");
    let rows: Vec<&str> = said.lines().collect();
    let row = |domain, context, by| format!("{domain:<40} {context:<20} {by:<16}");
    assert_eq!(rows[1], row("example.com", "incoming", "[Configured]"));
    assert_eq!(rows[2], row("127.0.0.1", "(default)", "[Automatic]"));
    rig.end();
}

#[test]
fn calls_in_use_are_told_where_they_are_counted() {
    let mut limited = friend("200000");
    limited.call_limit = 2;
    let rig = Rig::new(2, [friend("100000"), limited]);
    let (caller, callee) = (Phone::at("127.0.0.1", &rig), Phone::at("127.0.0.1", &rig));
    callee.register("200000");
    caller.call("100000", "200000");
    callee.hear();
    let row = |name, used, limit| format!("{name:<25} {used:<15} {limit:<15} ");
    let head = row("* Peer name", "In use", "Limit");
    let busy = row("200000", "1/0/0", "2");
    let (_, said) = rig.say("sip show inuse");
    assert_eq!(said.lines().collect::<Vec<_>>(), [&head, &busy]);
    let (_, said) = rig.say("sip show inuse all");
    let other = row("100000", "0/0/0", "N/A");
    assert_eq!(said.lines().collect::<Vec<_>>(), [head, other, busy]);
    rig.end();
}

#[test]
fn objects_and_timers_are_told() {
    let rig = Rig::new(1, [friend("100655")]);
    Phone::at("127.0.0.1", &rig).register("100655");
    let (_, said) = rig.say("sip show objects");
    let theirs = asterisk!("objects").lines().skip(2).take(3);
    assert!(said.starts_with("-= Peer objects: 1 static, 0 realtime, 0 autocreate =-\n\n"));
    let ours = said.lines().skip(2).take(3);
    assert_eq!(ours.collect::<Vec<_>>(), theirs.collect::<Vec<_>>());
    let json = rig.json("sip show objects");
    assert_eq!(json["peers"].as_array().map(Vec::len), Some(1));
    let json = rig.json("sip show sched");
    let timers = json["timers"].as_array().unwrap();
    assert!(
        timers
            .iter()
            .any(|row| row["of"] == "registrations" && row["count"] == 1)
    );
    rig.end();
}

#[test]
fn devices_of_the_database_are_told_once_somebody_has_asked_for_them() {
    let stored = ["1001", "1002", "static"].map(friend).to_vec();
    let rig = Rig::over(3, General::default(), [friend("static")], stored);
    let (_, said) = rig.say("sip show peers");
    assert!(
        said.starts_with("Name/username ") && said.lines().next().unwrap().ends_with("Realtime")
    );
    assert!(said.ends_with(
        "\n1 sip peers [Monitored: 0 online, 0 offline Unmonitored: 0 online, 1 offline]\n"
    ));
    assert_eq!(rig.say("sip show peer 1001").1, "Peer 1001 not found.\n\n");
    let (ok, said) = rig.say("sip show peer 1001 load");
    assert!(
        ok && said.contains("\n  Realtime peer: Yes, cached\n"),
        "{said}"
    );
    assert!(rig.say("sip show peer 1001").0, "it is known now");
    let nobody = rig.say("sip show user nosuch load");
    assert_eq!(nobody, (false, "User nosuch not found.\n\n".into()));
    // A call has it read where the call is, and at its home.
    let phone = Phone::at("127.0.0.1", &rig);
    phone.call("static", "1002");
    while phone.hear().starts_with("SIP/2.0 1") {}
    let json = rig.json("sip show peers");
    let rows = json["peers"].as_array().unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row["name"].as_str().unwrap(), row["realtime"] == true))
        .collect();
    assert_eq!(told, [("1001", true), ("1002", true), ("static", false)]);
    assert_eq!(rig.complete("sip show peer 100"), ["1001", "1002"]);
    assert_eq!(rig.complete("sip qualify peer st"), ["static"]);
    let (_, said) = rig.say("sip show peers like 1002");
    assert!(
        said.lines().nth(1).unwrap().ends_with(" Cached RT"),
        "{said}"
    );
    let (_, said) = rig.say("sip show objects");
    assert!(said.starts_with("-= Peer objects: 1 static, 2 realtime, 0 autocreate =-\n"));
    let (_, said) = rig.say("sip show settings");
    assert!(said.contains("  SIP realtime:           Enabled\n"));
    rig.end();
}
