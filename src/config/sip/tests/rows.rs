//! What a row of `sippeers` becomes.

use std::cell::RefCell;

use super::super::row::FromRow;
use super::*;

/// Every column of a row that may matter, with a value Asterisk's table takes.
const COLUMNS: &[(&str, &str)] = &[
    ("id", "1"),
    ("name", "1001"),
    ("type", "friend"),
    ("host", "dynamic"),
    ("port", "0"),
    ("ipaddr", "192.0.2.77"),
    ("regseconds", "1795348370"),
    ("fullcontact", "sip:1001@192.0.2.77:5062"),
    ("useragent", "phone/1"),
    ("regserver", "node1"),
    ("lastms", "12"),
    ("path", "<sip:192.0.2.1;lr>"),
    ("defaultip", "192.0.2.5"),
    ("defaultuser", "ann"),
    ("secret", "hunter2"),
    ("md5secret", "0123456789abcdef0123456789abcdef"),
    ("remotesecret", "hunter3"),
    ("auth", "ann:hunter4@example.com"),
    ("context", "office"),
    ("subscribecontext", "hints"),
    ("outofcall_message_context", "sms"),
    ("callerid", "\"Ann\" <1001>"),
    ("fullname", "Ann B."),
    ("cid_number", "1111"),
    ("cid_tag", "x"),
    ("callingpres", "prohib"),
    ("fromuser", "ann"),
    ("fromdomain", "example.com"),
    ("outboundproxy", "192.0.2.8"),
    ("transport", "udp"),
    ("nat", "force_rport,comedia"),
    ("insecure", "port,invite"),
    ("permit", "192.0.2.0/24"),
    ("deny", "198.51.100.0/24"),
    ("contactpermit", "192.0.2.0/24"),
    ("contactdeny", "192.0.2.7"),
    ("directmediapermit", "0.0.0.0/0"),
    ("directmediadeny", "0.0.0.0/0"),
    ("directmediaacl", "x"),
    ("directmedia", "no"),
    ("canreinvite", "no"),
    ("qualify", "500"),
    ("qualifyfreq", "30"),
    ("keepalive", "20"),
    ("regexten", "1001"),
    ("callbackextension", "1001"),
    ("call-limit", "2"),
    ("callcounter", "yes"),
    ("busylevel", "1"),
    ("maxforwards", "20"),
    ("timert1", "200"),
    ("timerb", "20000"),
    ("session-timers", "accept"),
    ("session-expires", "1800"),
    ("session-minse", "90"),
    ("session-refresher", "uas"),
    ("allowsubscribe", "yes"),
    ("allowtransfer", "yes"),
    ("allowoverlap", "no"),
    ("trustrpid", "yes"),
    ("sendrpid", "pai"),
    ("rpid_update", "yes"),
    ("rpid_immediate", "yes"),
    ("trust_id_outbound", "no"),
    ("promiscredir", "yes"),
    ("final_response", "q850"),
    ("noanswer_response", "480"),
    ("usereqphone", "yes"),
    ("use_q850_reason", "yes"),
    ("supportpath", "yes"),
    ("disallowed_methods", "INFO"),
    ("setvar", "A=1"),
    ("header", "X-Floor: 3"),
    ("accountcode", "a"),
    ("amaflags", "billing"),
    ("language", "de"),
    ("tonezone", "de"),
    ("description", "x"),
    ("callgroup", "1"),
    ("pickupgroup", "1"),
    ("namedcallgroup", "a"),
    ("namedpickupgroup", "a"),
    ("parkinglot", "x"),
    ("recordonfeature", "x"),
    ("recordofffeature", "x"),
    ("mailbox", "1001@default"),
    ("hasvoicemail", "yes"),
    ("subscribemwi", "yes"),
    ("vmexten", "x"),
    ("mwi_from", "x"),
    ("unsolicited_mailbox", "x"),
    ("mohinterpret", "default"),
    ("mohsuggest", "default"),
    ("allow", "ulaw"),
    ("disallow", "all"),
    ("preferred_codec_only", "yes"),
    ("autoframing", "yes"),
    ("dtmfmode", "rfc2833"),
    ("progressinband", "never"),
    ("videosupport", "yes"),
    ("textsupport", "yes"),
    ("maxcallbitrate", "384"),
    ("rfc2833compensate", "yes"),
    ("g726nonstandard", "yes"),
    ("ignoresdpversion", "yes"),
    ("faxdetect", "yes"),
    ("t38pt_usertpsource", "yes"),
    ("t38pt_udptl", "yes"),
    ("rtptimeout", "60"),
    ("rtpholdtimeout", "300"),
    ("rtpkeepalive", "0"),
    ("rtp_engine", "asterisk"),
    ("encryption", "no"),
    ("encryption_taglen", "80"),
    ("avpf", "no"),
    ("icesupport", "no"),
    ("force_avp", "no"),
    ("ignore_requested_pref", "no"),
    ("discard_remote_hold_retrieval", "no"),
    ("snom_aoc_enabled", "no"),
    ("useclientcode", "yes"),
    ("buggymwi", "yes"),
    ("cc_agent_policy", "never"),
    ("dtlsenable", "no"),
    ("constantssrc", "yes"),
    ("dynamic", "yes"),
    ("a_column_of_ours", "whatever"),
];

fn reader(general: &str) -> RowReader {
    sip(&format!("[general]\n{general}\n")).rows
}

fn pairs(columns: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |&(column, value): &(&str, &str)| (column.into(), value.into());
    columns.iter().map(pair).collect()
}

/// The device of columns that must not surprise.
fn device(general: &str, columns: &[(&str, &str)]) -> Peer {
    let read = reader(general).read("1001", &pairs(columns));
    let FromRow { peer, complaints } = read.unwrap();
    assert_eq!(complaints, [""; 0], "{columns:?}");
    peer
}

/// Why a row is refused.
fn refusal(columns: &[(&str, &str)]) -> String {
    reader("").read("1001", &pairs(columns)).unwrap_err()
}

#[test]
fn every_column_is_taken_and_the_options_among_them_are_those_of_a_section() {
    let row = device("rtcachefriends=yes", COLUMNS);
    let honoured = |name: &str| {
        key::find(name).is_some_and(|(_, key)| {
            matches!(
                key.effect,
                Effect::Device(_) | Effect::Both(_) | Effect::Each(..)
            )
        })
    };
    let mut lines = String::new();
    for (column, value) in COLUMNS {
        if honoured(column) && *column != "port" {
            lines.push_str(&format!("{column}={value}\n"));
        }
    }
    let text = format!("[general]\nrtcachefriends=yes\nmax_contacts=1\n[1001]\n{lines}");
    let section = sip(&text).peers.remove(0);
    assert_eq!(row, section, "of a digest there is no hash to differ in");
    assert_eq!(row.kind, PeerKind::Friend);
    assert_eq!(
        (row.context.as_str(), row.call_limit, row.busylevel),
        ("office", 2, 1)
    );
    assert_eq!(row.qualify, Qualify::Within(millis(500)));
    assert_eq!(row.callerid.number, "1111");
}

#[test]
fn a_bare_row_is_a_friend_as_general_has_it() {
    let peer = device(
        "context=all\nmax_contacts=5\nmaxforwards=20\nmd5secret=x",
        &[("secret", "x"), ("type", ""), ("host", ""), ("context", "")],
    );
    assert_eq!((peer.kind, peer.host), (PeerKind::Friend, Host::Dynamic));
    assert_eq!((&*peer.context, peer.maxforwards), ("all", 20));
    assert_eq!(peer.max_contacts, 1, "a row has room for one");
    let several = device("", &[("secret", "x"), ("max_contacts", "3")]);
    assert_eq!(several.max_contacts, 3);
}

#[test]
fn several_values_of_one_column_are_all_taken() {
    let peer = device(
        "",
        &[
            ("secret", "x"),
            ("setvar", "A=1"),
            ("setvar", "B=2"),
            ("deny", "0.0.0.0/0"),
            ("permit", "192.0.2.0/24"),
            ("permit", "198.51.100.0/24"),
        ],
    );
    assert_eq!(
        peer.setvar,
        [("A".into(), "1".into()), ("B".into(), "2".into())]
    );
    assert!(peer.acl.permits("198.51.100.1".parse().unwrap()));
    assert!(!peer.acl.permits("203.0.113.1".parse().unwrap()));
}

#[test]
fn columns_are_found_whatever_their_case_and_username_is_defaultuser() {
    let peer = device(
        "",
        &[("Secret", "x"), ("USERNAME", "ann"), ("Call-Limit", "3")],
    );
    assert_eq!(
        (peer.defaultuser.as_deref(), peer.call_limit),
        (Some("ann"), 3)
    );
}

#[test]
fn a_port_is_that_of_a_fixed_host_and_zero_is_none() {
    let host = |port| {
        device(
            "",
            &[("secret", "x"), ("host", "192.0.2.1"), ("port", port)],
        )
        .host
    };
    assert_eq!(host("5070"), Host::Fixed("192.0.2.1:5070".parse().unwrap()));
    assert_eq!(host("0"), Host::Fixed("192.0.2.1:5060".parse().unwrap()));
    let named = device("", &[("secret", "x"), ("host", "proxy.example.com")]);
    assert_eq!(named.host, Host::Fixed("192.0.2.9:5060".parse().unwrap()));
}

#[test]
fn the_secret_is_hashed_for_the_realm_as_that_of_a_section_is() {
    let general = "realm=example.com";
    let row = device(general, &[("secret", "x")]);
    let text = format!("[general]\n{general}\n[1001]\ntype=friend\nhost=dynamic\nsecret=x\n");
    let sip = sip(&text);
    let peers = pinion_sip::config::Peers::for_realm(&sip.general.realm, sip.peers);
    let section = peers.by_name(b"1001").unwrap();
    let md5 = |peer: &Peer| match peer.proof("example.com") {
        Some(pinion_sip::auth::Secret::Both { md5, .. }) => md5.to_vec(),
        _ => panic!("the hash is missing"),
    };
    assert_eq!(md5(&row), md5(section));
}

#[test]
fn credentials_for_all_are_those_of_rows_too() {
    let reader = sip("[authentication]\nauth=all:x@c\n").rows;
    let peer = reader.read("1001", &pairs(&[("auth", "own:y@d"), ("secret", "x")]));
    let users: Vec<String> = peer
        .unwrap()
        .peer
        .credentials
        .into_iter()
        .map(|(user, _, _)| user)
        .collect();
    assert_eq!(users, ["own", "all"]);
}

#[test]
fn a_timer_of_the_command_line_overrides_that_of_a_row() {
    let mut reader = reader("");
    let row = pairs(&[("secret", "x"), ("timert1", "300"), ("timerb", "40000")]);
    let timers = |reader: &RowReader| {
        let peer = reader.read("1001", &row).unwrap().peer;
        (peer.timer_t1, peer.timer_b)
    };
    assert_eq!(timers(&reader), (millis(300), seconds(40)));
    reader.force_timer_t1(millis(100));
    assert_eq!(timers(&reader), (millis(100), millis(6400)));
}

#[test]
fn a_wrong_value_stays_at_its_default_and_is_told() {
    for (column, value, expected) in [
        (
            "call-limit",
            "many",
            "sippeers: the value 'many' of call-limit in [1001] does not fit. Accepted: a number from 0 to 1000000. It \
             stays at its default.",
        ),
        (
            "type",
            "phone",
            "sippeers: the value 'phone' of type in [1001] does not fit. Accepted: friend, peer or user. It stays at \
             its default.",
        ),
        (
            "auth",
            "hunter2",
            "sippeers: the value of auth in [1001] does not fit. Accepted: user:secret@realm, or user#md5@realm with \
             32 hexadecimal digits. It stays at its default.",
        ),
        (
            "transport",
            "udp,wss",
            "sippeers: of transport=udp,wss what is neither udp nor tcp has no effect: only UDP and TCP are spoken \
             here.",
        ),
        (
            "qualify",
            "yes",
            "sippeers: qualify has no effect on devices that are not kept. Write rtcachefriends=yes in sip.conf.",
        ),
        (
            "secret",
            "",
            "sippeers: [1001] has neither secret nor md5secret: anybody may use it. Set one of them.",
        ),
    ] {
        let mut columns = pairs(&[("secret", "x"), (column, value)]);
        columns.retain(|(name, _)| !(column == "secret" && name == "secret" && value.is_empty()));
        let read = reader("").read("1001", &columns).unwrap();
        assert_eq!(read.complaints, [expected], "{column}");
        let mut untouched = Peer::new("1001", PeerKind::Friend);
        untouched.max_contacts = 1;
        untouched.secret = read.peer.secret.clone();
        untouched.hash_secret(&"pinion".into());
        assert_eq!(read.peer, untouched, "{column}");
    }
}

#[test]
fn a_row_that_would_let_in_whom_it_keeps_out_is_refused() {
    let network =
        "a network such as 192.0.2.0/24, 192.0.2.0/255.255.255.0, 192.0.2.1 or 2001:db8::/32";
    for (column, value) in [
        ("deny", "everybody"),
        ("permit", "10.0.0.0/40"),
        ("contactdeny", "x"),
        ("contactpermit", "x"),
    ] {
        assert_eq!(
            refusal(&[("secret", "x"), (column, value)]),
            format!(
                "sippeers: the value '{value}' of {column} in [1001] does not fit. Accepted: {network}. The row is \
                 left out."
            )
        );
    }
    let acl = refusal(&[("secret", "x"), ("acl", "office")]);
    assert!(acl.contains("Accepted: deny= and permit= lines"), "{acl}");
    let md5 = refusal(&[("md5secret", "hunter2")]);
    assert!(
        md5.contains("of md5secret in [1001]") && !md5.contains("hunter2"),
        "{md5}"
    );
    assert_eq!(
        refusal(&[("secret", "x"), ("host", "gone.example.com")]),
        "sippeers: host=gone.example.com of [1001] does not resolve: the device is left out. Mend the name or write an \
         address."
    );
}

#[test]
fn a_sentence_is_told_once_however_often_the_row_is_read() {
    let reader = reader("");
    let told = RefCell::new(Vec::new());
    let read = |name: &str, value: &str| {
        let columns = pairs(&[("secret", "x"), ("name", name), ("port", value)]);
        reader.device(name, &columns, |sentence| {
            told.borrow_mut().push(sentence.to_string())
        })
    };
    for _ in 0..3 {
        assert_eq!(read("a", "x").unwrap().name, "a");
        assert_eq!(read("b", "5060").unwrap().name, "b");
    }
    assert_eq!(told.borrow().len(), 1, "{told:?}");
    read("b", "x").unwrap();
    assert_eq!(told.borrow().len(), 2, "{told:?}");
}

#[test]
fn what_is_told_is_bounded() {
    let reader = reader("");
    let told = RefCell::new(0);
    for number in 0..5000 {
        let columns = pairs(&[("secret", "x"), ("port", "x")]);
        reader
            .device(&format!("{number}"), &columns, |_| *told.borrow_mut() += 1)
            .unwrap();
    }
    assert_eq!(*told.borrow(), 4096);
}

#[test]
fn a_reader_is_shared_by_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&reader(""));
}
