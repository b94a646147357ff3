//! Floods of REGISTERs whose users are nobody: the database is hardly asked,
//! memory does not grow, and those whom it knows are served.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mysql::Conn;
use mysql::prelude::Queryable;

use super::Engine;
use super::house::{PATIENCE, add_users, engine, phone, within};
use super::phone::{fresh, header, receive};
use crate::address::host;
use crate::digest;
use crate::mariadb::MariaDb;
use crate::usage::resident_mb;

/// How long each flood lasts.
const FLOOD: Duration = Duration::from_secs(4);

/// Statements a second that are too many.
const MOST: f64 = 20.0;

/// What a table that grew to its bound, and a busy allocator, may take.
const GROWTH_MB: f64 = 48.0;

/// A socket that floods.
struct Flood {
    socket: UdpSocket,
    engine: std::net::SocketAddr,
    serial: u64,
}

impl Flood {
    fn new(engine: &Engine) -> Flood {
        let socket = UdpSocket::bind((host(), 0)).expect("a free port");
        Flood {
            socket,
            engine: engine.address,
            serial: 0,
        }
    }

    /// A REGISTER of somebody new.
    fn request(&mut self, credentials: &str) -> String {
        self.serial += 1;
        let (engine, serial) = (self.engine, self.serial);
        let here = self.socket.local_addr().expect("it is bound");
        let call_id = fresh("flood");
        let user = format!("stranger-{serial}");
        let credentials = credentials.replace("{user}", &user);
        format!(
            "REGISTER sip:{engine} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{call_id}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@{engine}>;tag=1\r\nTo: <sip:{user}@{engine}>\r\n\
             Call-ID: {call_id}\r\nCSeq: 1 REGISTER\r\nContact: <sip:{user}@{here}>\r\n\
             Expires: 3600\r\n{credentials}Content-Length: 0\r\n\r\n"
        )
    }

    fn send(&mut self, credentials: &str) {
        let text = self.request(credentials);
        self.socket
            .send_to(text.as_bytes(), self.engine)
            .expect("loopback takes it");
    }

    /// An answer to a challenge by somebody who knows no password. Its nonce is
    /// good as long as no proof is.
    fn credentials(&mut self) -> String {
        let mut text = String::new();
        within(PATIENCE, "a challenge", || {
            // One may be lost in what an earlier flood left.
            self.send("");
            let until = Instant::now() + Duration::from_secs(1);
            let answer = receive(&self.socket, until);
            answer.is_some_and(|(answer, _)| {
                text = answer;
                true
            })
        });
        let text = text;
        let challenge = header(&text, "WWW-Authenticate").expect("a 401 has it");
        let uri = format!("sip:{}", self.engine);
        let value = digest::answer(challenge, "REGISTER", &uri, "{user}", "guess", 1);
        format!("Authorization: {value}\r\n")
    }

    /// Floods for a while.
    fn run(&mut self, credentials: &str) {
        let socket = self.socket.try_clone().expect("a second handle");
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        let listener = thread::spawn(move || {
            let mut heard = 0;
            while !ends.load(Ordering::Relaxed) {
                heard += u64::from(receive(&socket, Instant::now()).is_some());
            }
            heard
        });
        let started = Instant::now();
        while started.elapsed() < FLOOD {
            self.send(credentials);
        }
        over.store(true, Ordering::Relaxed);
        let heard = listener.join().expect("no panic");
        assert!(heard > 0);
    }
}

fn selects(admin: &mut Conn) -> u64 {
    let sql = "SHOW GLOBAL STATUS LIKE 'Com_select'";
    let row: Option<(String, u64)> = admin.query_first(sql).unwrap();
    row.expect("it counts").1
}

/// Floods with and without credentials.
fn flood(name: &str, answered: bool) {
    let server = MariaDb::start(&format!("e-{name}"));
    let section = server.database("users");
    add_users(&server, "users", 1, 10);
    let mut engine = engine(name, &section, "", &["--shards", "1"]);
    phone(&engine, 1).registers(3600);
    let mut admin = server.admin();
    // The first fills tables that have a bound.
    for round in 0..2 {
        let mut flood = Flood::new(&engine);
        let credentials = match answered {
            true => flood.credentials(),
            false => String::new(),
        };
        let taken = engine.counters().total("datagrams");
        let memory = resident_mb(engine.pid());
        let (before, started) = (selects(&mut admin), Instant::now());
        flood.run(&credentials);
        let rate = (selects(&mut admin) - before) as f64 / started.elapsed().as_secs_f64();
        let taken = engine.counters().total("datagrams") - taken;
        let grown = resident_mb(engine.pid()) - memory;
        println!(
            "figure: {name}: {:.0} REGISTERs of strangers a second, {rate:.1} SELECTs a second, {grown:.1} MB more",
            taken as f64 / FLOOD.as_secs_f64()
        );
        assert!(rate < MOST, "{rate} SELECTs a second");
        assert!(round == 0 || grown < GROWTH_MB, "{grown} MB more");
    }
    within(PATIENCE, "those it knows register", || {
        phone(&engine, 2).register(60).status == 200
    });
    assert_eq!(engine.counters().total("faults"), 0);
    assert_eq!(engine.end(PATIENCE), Some(0));
}

#[test]
fn strangers_who_are_challenged_cost_no_statement() {
    flood("strangers", false);
}

#[test]
fn strangers_who_guess_passwords_cost_few_statements() {
    flood("guessers", true);
}
