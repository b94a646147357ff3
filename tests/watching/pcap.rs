//! `--pcap`: what Wireshark's own programs make of the file.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::address::free_address;
use crate::engine::{Engine, Scratch};
use crate::phone::{Phone, status};
use crate::said_by;

/// What tshark says of each packet that `filter` lets pass, field by field.
fn fields(file: &Path, engine: &[SocketAddr], filter: &str, names: &[&str]) -> Vec<String> {
    let ports: Vec<String> = engine
        .iter()
        .map(|address| format!("udp.port=={},sip", address.port()))
        .collect();
    let mut arguments = vec!["-r", file.to_str().expect("UTF-8"), "-T", "fields"];
    arguments.extend([
        "-o",
        "ip.check_checksum:TRUE",
        "-o",
        "udp.check_checksum:TRUE",
    ]);
    arguments.extend(ports.iter().flat_map(|port| ["-d", port.as_str()]));
    arguments.extend(["-E", "separator= ", "-Y", filter]);
    arguments.extend(names.iter().flat_map(|name| ["-e", *name]));
    said_by("tshark", &arguments)
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn wireshark_reads_every_message_both_ways_in_both_families() {
    let scratch = Scratch::new("pcap");
    let file = scratch.path().join("all.pcapng");
    scratch.write(
        "sip.conf",
        "[general]\n[1001]\ntype=friend\nhost=dynamic\nsecret=right\n",
    );
    scratch.write("extensions.conf", "[default]\n");
    let (four, six) = (free_address(), format!("[::1]:{}", free_address().port()));
    let flags = ["--listen", &six, "--pcap", file.to_str().expect("UTF-8")];
    let mut engine = Engine::start(scratch, four, &flags);
    let six: SocketAddr = six.parse().expect("an address");
    let mut phones = [Phone::at("127.0.0.51", four), Phone::at("::1", six)];
    assert_eq!(phones[0].register("1001", "right"), 200);
    let options = phones[1].request("OPTIONS", "1001", "");
    assert_eq!(status(&phones[1].ask(&options)), 404);
    assert_eq!(engine.end(Duration::from_secs(30)), Some(0));

    let listened = [four, six];
    let phone = phones.each_ref().map(Phone::address);
    let wanted: Vec<String> = [
        ("REGISTER", phone[0], four, ""),
        ("", four, phone[0], "401"),
        ("REGISTER", phone[0], four, ""),
        ("", four, phone[0], "200"),
    ]
    .map(|(method, from, to, code)| {
        format!(
            "{} {} {} {} {method} {code}",
            from.ip(),
            to.ip(),
            from.port(),
            to.port()
        )
    })
    .into();
    let names = [
        "ip.src",
        "ip.dst",
        "udp.srcport",
        "udp.dstport",
        "sip.Method",
        "sip.Status-Code",
    ];
    assert_eq!(fields(&file, &listened, "sip && ip", &names), wanted);
    let names = [
        "ipv6.src",
        "udp.srcport",
        "udp.dstport",
        "sip.Method",
        "sip.Status-Code",
    ];
    let ports = (phone[1].port(), six.port());
    assert_eq!(
        fields(&file, &listened, "sip && ipv6", &names),
        [
            format!("::1 {} {} OPTIONS ", ports.0, ports.1),
            format!("::1 {} {}  404", ports.1, ports.0),
        ]
    );
    let wrong = "ip.checksum.status == Bad || udp.checksum.status == Bad || _ws.malformed";
    assert!(fields(&file, &listened, wrong, &["frame.number"]).is_empty());
    let good = "udp.checksum.status == Good";
    assert_eq!(fields(&file, &listened, good, &["frame.number"]).len(), 6);
    let about = said_by("capinfos", &[file.to_str().expect("UTF-8")]);
    assert!(
        about.contains("pcapng") && about.contains("Raw IP"),
        "{about}"
    );
    assert!(about.contains("Number of packets:   6"), "{about}");
}
