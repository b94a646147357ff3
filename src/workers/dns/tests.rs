//! Records of a name server of the test's own.

use std::net::TcpListener;
use std::thread::JoinHandle;

use simple_dns::rdata::{NAPTR, SRV};
use simple_dns::{CharacterString, ResourceRecord};

use super::*;

const LONG: Duration = Duration::from_secs(30);

/// What a server does with a question.
#[derive(Clone, Copy)]
enum Manner {
    Answers,
    HasNoSuchName,
    Fails,
    /// By UDP it has no room; by TCP it answers.
    Truncates,
    /// Somebody else's answer comes first.
    IsImpersonated,
}

fn answer(query: &[u8], manner: Manner) -> Vec<u8> {
    let query = Packet::parse(query).unwrap();
    let mut reply = Packet::new_reply(query.id());
    let question = query.questions.first().unwrap();
    let record = match question.qtype {
        QTYPE::TYPE(TYPE::SRV) => RData::SRV(SRV {
            priority: 10,
            weight: 5,
            port: 5062,
            target: Name::new("a.example").unwrap(),
        }),
        _ => RData::NAPTR(NAPTR {
            order: 100,
            preference: 10,
            flags: CharacterString::new(b"u").unwrap(),
            services: CharacterString::new(b"E2U+sip").unwrap(),
            regexp: CharacterString::new(b"!^.*$!sip:a@h!").unwrap(),
            replacement: Name::new("").unwrap(),
        }),
    };
    match manner {
        Manner::Answers | Manner::IsImpersonated => {
            let name = question.qname.clone().into_owned();
            let record = ResourceRecord::new(name, CLASS::IN, 60, record);
            reply.answers.push(record);
        }
        Manner::HasNoSuchName => *reply.rcode_mut() = RCODE::NameError,
        Manner::Fails => *reply.rcode_mut() = RCODE::ServerFailure,
        Manner::Truncates => reply.set_flags(PacketFlag::TRUNCATION),
    }
    reply.build_bytes_vec().unwrap()
}

/// A server that answers so many questions.
fn server(manner: Manner, questions: usize) -> (SocketAddr, JoinHandle<()>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let listener = TcpListener::bind(address).unwrap();
    let serve = move || {
        for _ in 0..questions {
            let mut buffer = [0; 512];
            let (length, from) = socket.recv_from(&mut buffer).unwrap();
            let query = &buffer[..length];
            if let Manner::IsImpersonated = manner {
                let mut other = answer(query, Manner::HasNoSuchName);
                other[0] ^= 1;
                socket.send_to(&other, from).unwrap();
            }
            socket.send_to(&answer(query, manner), from).unwrap();
            if let Manner::Truncates = manner {
                let (mut stream, _) = listener.accept().unwrap();
                let mut length = [0; 2];
                stream.read_exact(&mut length).unwrap();
                let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut query).unwrap();
                let answer = answer(&query, Manner::Answers);
                let length = (answer.len() as u16).to_be_bytes();
                stream.write_all(&[&length[..], &answer].concat()).unwrap();
            }
        }
    };
    (address, std::thread::spawn(serve))
}

fn field<'r>(row: &'r Row, name: &str) -> &'r str {
    &row.iter().find(|(known, _)| **known == *name).unwrap().1
}

/// How many records a resolver finds; `None` if nobody answers it.
fn found(resolver: &Resolver) -> Option<usize> {
    resolver
        .lookup("a.example", Records::Srv)
        .map(|rows| rows.len())
}

#[test]
fn records_become_rows() {
    let (address, served) = server(Manner::Answers, 2);
    let resolver = Resolver::new(&[address], LONG);
    let rows = resolver.lookup("_sip._udp.example", Records::Srv).unwrap();
    let fields = ["priority", "weight", "port", "host"].map(|name| field(&rows[0], name));
    assert_eq!(fields, ["10", "5", "5062", "a.example"]);
    let rows = resolver.lookup("1.e164.arpa", Records::Naptr).unwrap();
    let fields = ["order", "services", "regexp", "replacement"].map(|name| field(&rows[0], name));
    assert_eq!(fields, ["100", "E2U+sip", "!^.*$!sip:a@h!", ""]);
    served.join().unwrap();
}

#[test]
fn no_such_name_is_an_answer() {
    let (address, served) = server(Manner::HasNoSuchName, 1);
    let resolver = Resolver::new(&[address], LONG);
    assert_eq!(resolver.lookup("a.example", Records::Srv), Some(Vec::new()));
    served.join().unwrap();
}

#[test]
fn a_server_that_fails_gives_way_to_the_next() {
    let (failing, failed) = server(Manner::Fails, 1);
    let (address, served) = server(Manner::Answers, 1);
    let resolver = Resolver::new(&[failing, address], LONG);
    assert_eq!(found(&resolver), Some(1));
    failed.join().unwrap();
    served.join().unwrap();
}

#[test]
fn what_has_no_room_by_udp_comes_by_tcp() {
    let (address, served) = server(Manner::Truncates, 1);
    let resolver = Resolver::new(&[address], LONG);
    assert_eq!(found(&resolver), Some(1));
    served.join().unwrap();
}

#[test]
fn an_answer_to_another_question_is_none() {
    let (address, served) = server(Manner::IsImpersonated, 1);
    let resolver = Resolver::new(&[address], LONG);
    assert_eq!(found(&resolver), Some(1));
    served.join().unwrap();
}

#[test]
fn a_server_that_is_silent_costs_its_time() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let resolver = Resolver::new(&[address], Duration::from_millis(20));
    assert_eq!(resolver.lookup("a.example", Records::Srv), None);
}

#[test]
fn what_is_no_name_is_not_asked_for() {
    let resolver = Resolver::new(&["127.0.0.1:9".parse().unwrap()], Duration::from_millis(20));
    let long = "x".repeat(300);
    assert_eq!(resolver.lookup(&long, Records::Srv), None);
}

#[test]
fn the_host_names_its_servers() {
    let text = "# a\nnameserver 192.0.2.1\nsearch x\nnameserver 2001:db8::1\nnameserver nobody\n";
    assert_eq!(
        host_servers(text),
        ["192.0.2.1:53", "[2001:db8::1]:53"].map(|text| text.parse().unwrap())
    );
}

#[test]
fn an_answer_that_trickles_by_tcp_ends_at_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let trickle = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut answer = vec![0; 2_000];
        answer[0] = 4;
        // Until the other side has left.
        for byte in answer.chunks(1) {
            if stream.write_all(byte).is_err() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    });
    let until = Instant::now() + Duration::from_millis(100);
    assert!(by_tcp(address, b"query", until).is_err());
    assert!(trickle.join().unwrap(), "it was read to its end");
}
