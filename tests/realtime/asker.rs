//! A shard's stand-in: asks, and hears the outcomes.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crossbeam::channel::{Receiver, unbounded};
use pinion::realtime::mapping::{Family, Mapping, Place, Section};
use pinion::realtime::{Full, Hooks, Realtime, Settings, Ticket};
use pinion_sip::base::{Handle, UnixTime};
use pinion_sip::config::{Peer, PeerKind, Secret};
use pinion_sip::dialplan::{Inquiry, Reply};
use pinion_sip::machine::realtime::{Errand, Known, Outcome, Registration, Saving};

/// Longer than anything takes that works, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The workers, and what they answered.
pub struct Asker {
    pub realtime: Realtime,
    outcomes: Receiver<(Ticket, Outcome)>,
    next: Cell<u32>,
}

impl Asker {
    /// Starts workers. Devices whose names begin with `static` are of files.
    pub fn start(settings: &Settings) -> Asker {
        let (sender, outcomes) = unbounded();
        let hooks = Hooks {
            device: Arc::new(device),
            is_static: Arc::new(|name| name.starts_with(b"static")),
            answer: Arc::new(move |ticket, outcome| drop(sender.send((ticket, outcome)))),
        };
        let realtime = Realtime::start(settings, hooks).expect("the workers start");
        Asker {
            realtime,
            outcomes,
            next: Cell::new(0),
        }
    }

    /// Asks, and does not wait.
    pub fn send(&self, errand: Errand) -> Result<Ticket, Full> {
        self.next.set(self.next.get() + 1);
        let id = Handle {
            slot: self.next.get(),
            generation: 0,
        };
        let ticket = Ticket { shard: 0, id };
        self.realtime.ask(ticket, errand).map(|()| ticket)
    }

    /// Asks for a plan, and waits.
    pub fn inquire(&self, inquiry: Inquiry) -> Reply {
        let id = Handle {
            slot: u32::MAX,
            generation: 0,
        };
        let ticket = Ticket { shard: 0, id };
        self.realtime
            .inquire(ticket, inquiry)
            .expect("there is room");
        match self.hear() {
            (answered, Outcome::Reply(reply)) if answered == ticket => reply,
            (_, Outcome::Unavailable) => Reply::Failed,
            other => panic!("{other:?}"),
        }
    }

    /// The next outcome.
    pub fn hear(&self) -> (Ticket, Outcome) {
        self.outcomes
            .recv_timeout(PATIENCE)
            .expect("each errand has an outcome")
    }

    /// So many outcomes, by ticket: each has one.
    pub fn hear_all(&self, count: usize) -> HashMap<Ticket, Outcome> {
        let heard: HashMap<Ticket, Outcome> = (0..count).map(|_| self.hear()).collect();
        assert_eq!(heard.len(), count, "no errand has two outcomes");
        heard
    }

    /// Asserts that no outcome is left.
    pub fn hears_nothing(&self) {
        let more = self.outcomes.recv_timeout(Duration::from_millis(50));
        assert!(more.is_err(), "an outcome too many: {more:?}");
    }

    /// Asks and waits.
    pub fn ask(&self, errand: Errand) -> Outcome {
        let ticket = self.send(errand).expect("there is room");
        let (answered, outcome) = self.hear();
        assert_eq!(answered, ticket);
        outcome
    }

    /// The device of that name.
    pub fn peer(&self, name: &str) -> Option<Arc<Known>> {
        match self.ask(Errand::Peer(name.into())) {
            Outcome::Peer(known) => known,
            outcome => panic!("{name}: {outcome:?}"),
        }
    }

    /// The names of the devices at an address.
    pub fn peers_at(&self, address: &str) -> Vec<String> {
        let address = address.parse().expect("an address");
        match self.ask(Errand::PeersAt(address)) {
            Outcome::Peers(found) => found
                .iter()
                .map(|known| known.peer.name.to_string())
                .collect(),
            outcome => panic!("{address}: {outcome:?}"),
        }
    }

    /// Saves and insists on success, trying for a while.
    pub fn saves_in_the_end(&self, saving: &Arc<Saving>) {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.ask(Errand::Save(Arc::clone(saving))) {
                Outcome::Saved => return,
                outcome => assert!(Instant::now() < until, "{outcome:?}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// One of the counters.
    pub fn counter(&self, name: &str) -> u64 {
        let counters = self.realtime.counters();
        let found = counters.iter().find(|(counter, _)| counter == name);
        found.unwrap_or_else(|| panic!("no counter {name}")).1
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.realtime.stop(Duration::from_secs(10));
    }
}

/// A device with what matters here.
fn device(name: &str, columns: &[(String, String)]) -> Result<Arc<Peer>, String> {
    let column = |name: &str| {
        let found = columns.iter().find(|(column, _)| column == name);
        found.map(|(_, value)| value.as_str())
    };
    match column("context") {
        Some("broken") => return Err(format!("row {name} is of no use")),
        Some("panic") => panic!("a bug, on purpose"),
        _ => {}
    }
    let mut peer = Peer::new(name, PeerKind::Friend);
    if let Some(secret) = column("secret") {
        peer.secret = Secret::Plain(secret.into());
    }
    if let Some(context) = column("context") {
        peer.context = context.into();
    }
    Ok(Arc::new(peer))
}

/// Everything in one database, registrations in `sippeers`.
pub fn settings(section: Section) -> Settings {
    Settings {
        mapping: mapping(section, &["sippeers"]),
        ..Settings::default()
    }
}

/// These families in tables of their names.
pub fn mapping(section: Section, families: &[&str]) -> Mapping {
    let family = |name: &&str| Family {
        name: (*name).into(),
        places: vec![Place {
            read_section: 0,
            write_section: 0,
            table: (*name).into(),
        }],
    };
    Mapping {
        families: families.iter().map(family).collect(),
        sections: vec![section],
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs()
}

/// A device's only contact, an hour from now.
pub fn contact(name: &str) -> Registration {
    Registration {
        fullcontact: format!("sip:{name}@192.0.2.7:5062;transport=udp")
            .as_str()
            .into(),
        address: "192.0.2.7:5062".parse().expect("an address"),
        local: Some("127.0.0.1:5060".parse().expect("an address")),
        regseconds: UnixTime(now() + 3600),
        defaultuser: name.into(),
        useragent: "phone 1.0".into(),
        path: "".into(),
        call_id: "id@phone".into(),
        cseq: 7,
        node: None,
        q: 1000,
        regserver: "".into(),
    }
}

/// The device is registered there.
pub fn saving(name: &str, contacts: Vec<Registration>) -> Arc<Saving> {
    Arc::new(Saving {
        name: name.into(),
        contacts,
        expired: false,
    })
}

/// The device is registered.
pub fn registered(name: &str) -> Errand {
    Errand::Save(saving(name, vec![contact(name)]))
}
