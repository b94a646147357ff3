//! `--pcap`: what Wireshark's own programs make of the file.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use pinion_runtime::uninterrupted;

use crate::address::free_address;
use crate::engine::{Engine, Scratch};
use crate::phone::{Phone, status};
use crate::{LIMIT, said_by};

/// What tshark says of each packet that `filter` lets pass, field by field.
fn fields(file: &Path, engine: &[SocketAddr], filter: &str, names: &[&str]) -> Vec<String> {
    let ports: Vec<String> = engine
        .iter()
        .flat_map(|address| {
            ["udp", "tcp"].map(|carrier| format!("{carrier}.port=={},sip", address.port()))
        })
        .collect();
    let mut arguments = vec!["-r", file.to_str().expect("UTF-8"), "-T", "fields"];
    arguments.extend([
        "-o",
        "ip.check_checksum:TRUE",
        "-o",
        "udp.check_checksum:TRUE",
    ]);
    arguments.extend(ports.iter().flat_map(|port| ["-d", port.as_str()]));
    arguments.extend(["-o", "tcp.check_checksum:TRUE"]);
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

#[test]
fn a_stream_is_one_to_wireshark_too() {
    let scratch = Scratch::new("pcap");
    let file = scratch.path().join("all.pcapng");
    scratch.write("sip.conf", "[general]\n");
    scratch.write("extensions.conf", "[default]\n");
    let (udp, tcp) = (free_address(), free_address());
    let listen = tcp.to_string();
    let flags = [
        "--listen-tcp",
        &listen,
        "--pcap",
        file.to_str().expect("UTF-8"),
    ];
    let mut engine = Engine::start(scratch, udp, &flags);
    let mut stream = TcpStream::connect(tcp).expect("it listens");
    stream.set_read_timeout(Some(LIMIT)).expect("a time limit");
    let at = stream.local_addr().expect("it is connected");
    for number in 1..=2 {
        let request = format!(
            "OPTIONS sip:nobody@{tcp} SIP/2.0\r\nVia: SIP/2.0/TCP {at};branch=z9hG4bK{number}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:a@{at}>;tag={number}\r\nTo: <sip:nobody@{tcp}>\r\n\
             Call-ID: s{number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("it is read");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut part = [0; 4096];
            let len = uninterrupted(|| stream.read(&mut part)).expect("an answer in time");
            assert!(len > 0, "it is closed");
            answer.extend_from_slice(&part[..len]);
        }
        assert_eq!(status(&String::from_utf8_lossy(&answer)), 404);
    }
    drop(stream);
    assert_eq!(engine.end(Duration::from_secs(30)), Some(0));

    let names = ["tcp.srcport", "sip.Method", "sip.Status-Code"];
    let (there, here) = (at.port(), tcp.port());
    assert_eq!(
        fields(&file, &[udp, tcp], "sip && tcp", &names),
        [
            format!("{there} OPTIONS "),
            format!("{here}  404"),
            format!("{there} OPTIONS "),
            format!("{here}  404"),
        ]
    );
    let wrong = "tcp.checksum.status == Bad || tcp.analysis.flags || _ws.malformed";
    let found = fields(&file, &[udp, tcp], wrong, &["frame.number"]);
    assert!(found.is_empty(), "{found:?}");
}
