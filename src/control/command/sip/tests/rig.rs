//! A real engine on loopback, whose console is asked, and its telephones.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use pinion_runtime::{Answers, Desk, Desks, Engine, Errands, uninterrupted};
use pinion_sip::config::{Config, General, Peer, Peers, Realtime};
use pinion_sip::machine::realtime::{Errand, Known, Outcome};
use pinion_sip::machine::{Answer, Body, Envelope, Question};
use serde_json::Value;
use tempfile::TempDir;

use crate::config::extensions::parse_extensions;
use crate::control::command::run;
use crate::control::complete::complete;
use crate::control::house::{About, House, Materials};
use crate::control::out::{Form, Out};
use crate::rig;

const PLAN: &str = "[default]\nexten => _X.,1,Dial(SIP/${EXTEN},20)\n";

pub struct Rig {
    directory: TempDir,
    house: House,
    engine: Engine,
    errands: Errands,
    pub address: SocketAddr,
}

const RULES: Realtime = Realtime {
    devices: true,
    cached: true,
    ttl: Duration::from_secs(600),
    autoclear: None,
    stale: Duration::from_secs(600),
    timeout: Duration::from_secs(1),
    update: false,
    rows_have_contacts: false,
    rows_lag: false,
    ignoreregexpire: false,
    keeps_static: false,
    node: None,
};

/// What a database with those devices says to an errand.
fn answer(stored: &[Peer], answers: &Answers, errand: Envelope) {
    let Body::Ask { id, question } = errand.body else {
        return;
    };
    let outcome = match question {
        Question::Errand(Errand::Peer(name)) => {
            let peer = stored.iter().find(|peer| *peer.name.as_bytes() == *name);
            Outcome::Peer(peer.map(|peer| {
                Arc::new(Known {
                    peer: Arc::new(peer.clone()),
                    contacts: Vec::new(),
                })
            }))
        }
        Question::Errand(Errand::PeersAt(_)) => Outcome::Peers(Vec::new()),
        _ => Outcome::Unavailable,
    };
    let body = Body::Answer {
        id,
        answer: Answer::Outcome(outcome),
    };
    let (from, to) = (errand.to, errand.from);
    // One that finds no room is as good as lost: the test fails by it.
    drop(answers.hand_in(Envelope { from, to, body }));
}

impl Rig {
    pub fn new(shards: u16, peers: impl IntoIterator<Item = Peer>) -> Rig {
        Rig::with(shards, General::default(), peers)
    }

    pub fn with(shards: u16, general: General, peers: impl IntoIterator<Item = Peer>) -> Rig {
        Rig::over(shards, general, peers, Vec::new())
    }

    /// One whose database has those devices; without any, it has none.
    pub fn over(
        shards: u16,
        general: General,
        peers: impl IntoIterator<Item = Peer>,
        stored: Vec<Peer>,
    ) -> Rig {
        let (desk, errands) = Desk::new(64);
        let desks = Desks {
            database: Some(desk),
            ..Desks::default()
        };
        let config = Arc::new(Config {
            general,
            peers: Peers::new(peers),
            plan: Arc::new(parse_extensions(PLAN, "extensions.conf").unwrap().0),
            realtime: (!stored.is_empty()).then_some(RULES),
        });
        let for_shards = Arc::clone(&config);
        let (engine, address) = rig::shards(shards, desks, move || Arc::clone(&for_shards));
        let answers = engine.answers();
        let worker = errands.clone();
        thread::spawn(move || {
            while let Some(errand) = worker.take() {
                answer(&stored, &answers, errand);
            }
        });
        let directory = tempfile::tempdir().unwrap();
        let house = House::new(Materials {
            about: About {
                directory: Some(directory.path().into()),
                ..About::default()
            },
            ..rig::materials(&engine, address, config)
        });
        Rig {
            directory,
            house,
            engine,
            errands,
            address,
        }
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.directory.path().join(name), text).unwrap();
    }

    pub fn house(&self) -> &House {
        &self.house
    }

    pub fn complete(&self, line: &str) -> Vec<String> {
        complete(&self.house, line)
    }

    pub fn say(&self, line: &str) -> (bool, String) {
        self.say_in(Form::Text, line)
    }

    pub fn json(&self, line: &str) -> Value {
        let (_, text) = self.say_in(Form::Json, line);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    fn say_in(&self, form: Form, line: &str) -> (bool, String) {
        let mut said = Vec::new();
        let ok = run(&self.house, line, Out::new(form, &mut said)).unwrap();
        (ok, String::from_utf8(said).unwrap())
    }

    pub fn end(self) {
        self.errands.close();
        self.house.shards.stop();
        self.engine.join();
    }
}

/// A telephone.
pub struct Phone {
    socket: UdpSocket,
    engine: SocketAddr,
    pub address: SocketAddr,
}

impl Phone {
    pub fn at(ip: &str, rig: &Rig) -> Phone {
        let socket = UdpSocket::bind(format!("{ip}:0")).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        Phone {
            address: socket.local_addr().unwrap(),
            engine: rig.address,
            socket,
        }
    }

    fn send(&self, text: &str) {
        let bytes = text.replace('\n', "\r\n");
        self.socket.send_to(bytes.as_bytes(), self.engine).unwrap();
    }

    pub fn hear(&self) -> String {
        let mut bytes = [0; 4096];
        let len = uninterrupted(|| self.socket.recv(&mut bytes)).unwrap();
        String::from_utf8_lossy(&bytes[..len]).replace("\r\n", "\n")
    }

    pub fn register(&self, name: &str) {
        let (engine, address) = (self.engine, self.address);
        self.send(&format!(
            "REGISTER sip:{engine} SIP/2.0\nVia: SIP/2.0/UDP {address};branch=z9hG4bK{name}\n\
             From: <sip:{name}@{engine}>;tag=r\nTo: <sip:{name}@{engine}>\nCall-ID: reg-{name}\n\
             CSeq: 1 REGISTER\nContact: <sip:{name}@{address}>\nExpires: 3600\n\
             User-Agent: testA\nContent-Length: 0\n\n"
        ));
        let heard = self.hear();
        assert!(heard.starts_with("SIP/2.0 200 "), "{heard}");
    }

    /// Answers a request with 200.
    pub fn accept(&self, request: &str) {
        let same = ["Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: "];
        let lines = request.lines();
        let lines = lines.filter(|line| same.iter().any(|name| line.starts_with(name)));
        let lines: Vec<&str> = lines.collect();
        let lines = lines.join("\n");
        self.send(&format!("SIP/2.0 200 OK\n{lines}\nContent-Length: 0\n\n"));
    }

    /// Calls `exten`; what is heard is left to hear.
    pub fn call(&self, from: &str, exten: &str) {
        let (engine, address) = (self.engine, self.address);
        self.send(&format!(
            "INVITE sip:{exten}@{engine} SIP/2.0\nVia: SIP/2.0/UDP {address};branch=z9hG4bKi\n\
             From: <sip:{from}@{engine}>;tag=a\nTo: <sip:{exten}@{engine}>\n\
             Call-ID: 2395c7af@A\nCSeq: 1 INVITE\nContact: <sip:{from}@{address}>\n\
             Max-Forwards: 70\nContent-Length: 0\n\n"
        ));
    }
}
