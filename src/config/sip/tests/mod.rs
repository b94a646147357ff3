//! Whole files in, values and sentences out.

mod options;
mod rows;
mod sentences;

use std::net::Ipv4Addr;
use std::time::Duration;

use pinion_sip::config::{
    Acl, CallerId, Insecure, Nat, PeerKind, Presentation, Qualify, TrustIdOutbound,
};

use super::*;
use crate::config::file;

/// A resolver that knows one name.
fn resolve(name: &str) -> Option<IpAddr> {
    (name == "proxy.example.com").then_some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9)))
}

fn attempt(text: &str) -> Result<Sip, ConfigError> {
    read(&file::parse(text, "sip.conf").unwrap(), resolve)
}

fn sip(text: &str) -> Sip {
    attempt(text).unwrap_or_else(|error| panic!("{error}"))
}

/// `[general]` of lines that must not surprise.
fn general(lines: &str) -> General {
    let sip = sip(&format!("[general]\n{lines}\n"));
    assert_eq!(warnings(&sip), [""; 0], "{lines}");
    sip.general
}

/// A device of lines that must not surprise.
fn peer(lines: &str) -> Peer {
    let mut sip = sip(&format!(
        "[1001]\ntype=friend\nhost=dynamic\nsecret=x\n{lines}\n"
    ));
    assert_eq!(warnings(&sip), [""; 0], "{lines}");
    sip.peers.remove(0)
}

fn warnings(sip: &Sip) -> Vec<String> {
    sip.warnings.iter().map(Warning::to_string).collect()
}

/// Why a file is refused.
fn refusal_of(text: &str) -> String {
    attempt(text)
        .err()
        .unwrap_or_else(|| panic!("accepted: {text}"))
        .to_string()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
#[test]
fn an_empty_file_is_the_default() {
    let sip = sip("");
    assert_eq!(sip.general, General::default());
    assert_eq!(sip.listen, ["0.0.0.0:5060".parse().unwrap()]);
    assert!(sip.peers.is_empty() && sip.warnings.is_empty());
}

#[test]
fn an_empty_general_section_is_the_default_too() {
    assert_eq!(general(""), General::default());
}

#[test]
fn general_speaks_for_devices_wherever_it_stands() {
    let sip = sip(
        "[1001]\ntype=friend\nhost=dynamic\nsecret=x\n[1002]\ntype=friend\nhost=dynamic\nsecret=x\ncontext=own\n\
         nat=no\nqualify=no\n[general]\ncontext=all\nnat=force_rport\nqualify=500\nmaxforwards=20\n\
         insecure=port\n",
    );
    let [first, second] = &sip.peers[..] else {
        panic!()
    };
    assert_eq!((&*first.context, &*second.context), ("all", "own"));
    assert!(first.nat.force_rport && !second.nat.force_rport);
    assert_eq!(
        (first.qualify, second.qualify),
        (Qualify::Within(millis(500)), Qualify::Off)
    );
    assert_eq!((second.maxforwards, second.insecure.port), (20, true));
    assert_eq!(sip.general.defaults.context, "all");
}

#[test]
fn templates_give_their_options_and_are_no_devices() {
    let sip = sip(
        "[phone](!)\ntype=friend\nhost=dynamic\ncontext=office\nqualify=yes\n[1001](phone)\nsecret=a\n\
         [1002](phone)\nsecret=b\ncontext=lab\n",
    );
    let names: Vec<&str> = sip.peers.iter().map(|peer| &*peer.name).collect();
    assert_eq!(names, ["1001", "1002"]);
    assert_eq!(
        (&*sip.peers[0].context, &*sip.peers[1].context),
        ("office", "lab")
    );
    assert_eq!(sip.peers[1].qualify, Qualify::Within(seconds(2)));
    assert_eq!(sip.peers[1].kind, PeerKind::Friend);
}

#[test]
fn the_last_device_of_a_name_stands() {
    let device = "[1001]\ntype=friend\nhost=dynamic\nsecret=x\n";
    let sip = sip(&format!("{device}callerid=<1>\n{device}callerid=<2>\n"));
    assert_eq!(sip.peers.len(), 1);
    assert_eq!(sip.peers[0].callerid.number, "2");
    assert_eq!(
        warnings(&sip),
        ["sip.conf:6: [1001] stands at sip.conf:1, too. This one replaces it."]
    );
}

#[test]
fn names_of_options_are_unique_and_lower_case() {
    let mut names: Vec<&str> = keys::KEYS
        .iter()
        .flat_map(|key| key.names.split(' '))
        .collect();
    assert!(
        names
            .iter()
            .all(|name| !name.is_empty() && *name == name.to_ascii_lowercase())
    );
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
