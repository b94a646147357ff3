//! Plans that ask a database, and the AstDB over a restart.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

use simple_dns::rdata::{RData, SRV};
use simple_dns::{CLASS, Name, Packet, ResourceRecord};

use super::house::{add_users, files, phone};
use super::{Engine, Scratch};
use crate::address::free_address;
use crate::mariadb::shared;

const DEVICES: &str = "[phone](!)\ntype=friend\nhost=dynamic\n[1](phone)\nsecret=secret-of-1\n\
                       [2](phone)\nsecret=secret-of-2\n";

fn end_status(engine: &Engine, callee: &str) -> u16 {
    let refusal = phone(engine, 1).call(callee);
    refusal.err().expect("the plan refuses").status
}

#[test]
fn a_plan_goes_by_the_rows_of_a_database() {
    let server = shared();
    let section = server.database("e_plans");
    add_users(&server, "e_plans", 1, 2);
    server.exec("CREATE TABLE e_plans.routes (number VARCHAR(40) PRIMARY KEY, cause VARCHAR(40))");
    server.exec("INSERT INTO e_plans.routes VALUES ('51', '17'), ('52', '1')");
    let scratch: Scratch = files("plans", Some(&section), "", "");
    scratch.write(
        "extconfig.conf",
        "[settings]\nsippeers => mysql,test,sippeers\nroutes => mysql,test,routes\n",
    );
    scratch.write(
        "extensions.conf",
        "[phones]\n\
         exten => _5X,1,Hangup(${REALTIME_FIELD(routes,number,${EXTEN},cause)})\n\
         exten => 60,1,Set(REALTIME(routes,number,51,cause)=22)\n\
         same => n,Hangup(20)\n",
    );
    let engine = Engine::start(scratch, free_address(), &["--shards", "2"]);
    assert_eq!(end_status(&engine, "51"), 486);
    assert_eq!(end_status(&engine, "52"), 404);
    assert_eq!(end_status(&engine, "60"), 480);
    assert_eq!(end_status(&engine, "51"), 410);
    assert_eq!(engine.counters().total("faults"), 0);
}

#[test]
fn the_astdb_outlives_the_process() {
    let scratch = files("astdb", None, "", DEVICES);
    let state = scratch.path().join("state").to_string_lossy().into_owned();
    scratch.write(
        "extensions.conf",
        "[phones]\n\
         exten => _7XX,1,Set(DB(cause/${EXTEN:0:2})=${EXTEN:1})\n\
         same => n,Hangup(20)\n\
         exten => _8X,1,Hangup(${DB(cause/7${EXTEN:1})})\n",
    );
    let flags = ["--shards", "2", "--state", &state];
    let mut engine = Engine::start(scratch, free_address(), &flags);
    assert_eq!(end_status(&engine, "701"), 480);
    assert_eq!(end_status(&engine, "80"), 404);
    assert_eq!(engine.end(Duration::from_secs(20)), Some(0));
    engine.restart();
    assert_eq!(end_status(&engine, "80"), 404);
    // 7 and two digits: the cause is the last two.
    assert_eq!(end_status(&engine, "722"), 480);
    assert_eq!(end_status(&engine, "82"), 410);
}

/// A web server that answers one request with that text.
fn web_server(text: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        lines
            .take_while(|line| !line.as_ref().unwrap().is_empty())
            .for_each(drop);
        let length = text.len();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all([&head, text].concat().as_bytes()).unwrap();
    });
    address
}

/// A name server whose answer to one question is that port.
fn name_server(port: u16) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        let (length, from) = socket.recv_from(&mut buffer).unwrap();
        let query = Packet::parse(&buffer[..length]).unwrap();
        let srv = SRV {
            priority: 1,
            weight: 1,
            port,
            target: Name::new("h.example").unwrap(),
        };
        let name = query.questions[0].qname.clone();
        let mut reply = Packet::new_reply(query.id());
        let record = ResourceRecord::new(name, CLASS::IN, 60, RData::SRV(srv));
        reply.answers.push(record);
        let reply = reply.build_bytes_vec().unwrap();
        socket.send_to(&reply, from).unwrap();
    });
    address
}

#[test]
fn a_plan_goes_by_what_is_outside_of_the_engine() {
    let (web, names) = (web_server("17\n"), name_server(22));
    let plan = format!(
        "[phones]\n\
         exten => 91,1,Hangup(${{CURL(http://{web}/x)}})\n\
         exten => 92,1,Hangup(${{SRVRESULT(_sip._udp.example,1,port)}})\n\
         exten => 93,1,Hangup(${{SHELL(echo 1)}})\n\
         exten => 94,1,System(exit 3)\n\
         same => n,GotoIf($[\"${{SYSTEMSTATUS}}\" = \"APPERROR\"]?odd)\n\
         same => n,Hangup(17)\n\
         same => n(odd),Hangup(20)\n"
    );
    let names = names.to_string();
    let flags = ["--shards", "2", "--dns", &names, "--work-timeout", "60000"];
    for allowed in [true, false] {
        let scratch = files("outside", None, "", DEVICES);
        scratch.write("extensions.conf", &plan);
        let more: &[&str] = if allowed { &["--allow-system"] } else { &[] };
        let engine = Engine::start(scratch, free_address(), &[&flags, more].concat());
        if allowed {
            assert_eq!(end_status(&engine, "91"), 486);
            assert_eq!(end_status(&engine, "92"), 410);
            assert_eq!(end_status(&engine, "93"), 404);
            assert_eq!(end_status(&engine, "94"), 480);
        } else {
            assert_eq!(end_status(&engine, "94"), 486, "nothing has run");
            assert!(engine.log().contains("--allow-system"), "{}", engine.log());
        }
    }
}
