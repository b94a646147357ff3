//! What two softphones do with each other, one function each.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::baresip::Baresip;
use crate::engine::{Engine, Scratch};
use crate::network::Link;

type Case = (&'static str, fn());

/// Every case, in the order they run.
pub const ALL: [Case; 9] = [
    ("the_caller_hangs_up", the_caller_hangs_up),
    ("the_callee_hangs_up", the_callee_hangs_up),
    ("each_calls_the_other", each_calls_the_other),
    ("the_caller_gives_up", the_caller_gives_up),
    ("the_callee_is_busy", the_callee_is_busy),
    ("nobody_answers", nobody_answers),
    ("a_wrong_password_is_refused", a_wrong_password_is_refused),
    (
        "an_unknown_number_is_unavailable",
        an_unknown_number_is_unavailable,
    ),
    ("an_unknown_name_is_not_found", an_unknown_name_is_not_found),
];

const SOON: Duration = Duration::from_secs(5);
/// With this T1 most transactions linger for 6.4 s.
const FLAGS: [&str; 4] = ["--shards", "2", "--t1", "100"];
/// Timer D keeps a refused INVITE for 32 s whatever T1 is.
const LINGER: Duration = Duration::from_secs(34);

const SIP: &str = "\
[general]
[phone](!)
type=friend
host=dynamic
context=phones
[1001](phone)
secret=correct-horse
[1002](phone)
secret=battery-staple
";
const EXTENSIONS: &str = "\
[phones]
exten => _X.,1,Dial(SIP/${EXTEN},20)
";

/// An engine between two phones, each on a link of its own.
struct House {
    engine: Engine,
    links: [Link; 2],
}

impl House {
    fn build() -> House {
        let links = [Link::new(1), Link::new(2)];
        let address = SocketAddr::from((links[0].near(), 5060));
        let scratch = Scratch::new("clients");
        scratch.write("sip.conf", SIP);
        scratch.write("extensions.conf", EXTENSIONS);
        let engine = Engine::start(scratch, address, &FLAGS);
        House { engine, links }
    }

    fn phone(&self, name: &'static str, link: usize, user: &str, password: &str) -> Baresip {
        Baresip::start(name, &self.links[link], self.engine.address, user, password)
    }

    /// Both phones, registered.
    fn phones(&self) -> [Baresip; 2] {
        let mut phones = [
            self.phone("alice", 0, "1001", "correct-horse"),
            self.phone("bob", 1, "1002", "battery-staple"),
        ];
        for phone in &mut phones {
            phone.expect("REGISTER_OK", SOON);
        }
        phones
    }

    /// What one dials to reach `number`.
    fn uri(&self, number: &str) -> String {
        format!("sip:{number}@{}", self.engine.address)
    }

    /// Lets `from` call `to`, and `to` answer.
    fn connect(&self, from: &mut Baresip, to: &mut Baresip, number: &str) {
        from.dial(&self.uri(number));
        to.expect("CALL_INCOMING", SOON);
        from.expect("CALL_RINGING", SOON);
        to.accept();
        from.expect("CALL_ESTABLISHED", SOON);
        to.expect("CALL_ESTABLISHED", SOON);
    }

    /// No call, no transaction may be left behind, and the engine ends when told to.
    fn leave(self) {
        self.engine.wait_until_empty(LINGER);
        assert_eq!(self.engine.stop(SOON), Some(0));
    }
}

fn the_caller_hangs_up() {
    let house = House::build();
    let [mut alice, mut bob] = house.phones();
    house.connect(&mut alice, &mut bob, "1002");
    alice.hang_up();
    bob.expect("CALL_CLOSED", SOON);
    house.leave();
}

fn the_callee_hangs_up() {
    let house = House::build();
    let [mut alice, mut bob] = house.phones();
    house.connect(&mut alice, &mut bob, "1002");
    bob.hang_up();
    alice.expect("CALL_CLOSED", SOON);
    house.leave();
}

fn each_calls_the_other() {
    let house = House::build();
    let [mut alice, mut bob] = house.phones();
    for _ in 0..3 {
        house.connect(&mut alice, &mut bob, "1002");
        alice.hang_up();
        bob.expect("CALL_CLOSED", SOON);
        alice.expect("CALL_CLOSED", SOON);
        house.connect(&mut bob, &mut alice, "1001");
        alice.hang_up();
        bob.expect("CALL_CLOSED", SOON);
        alice.expect("CALL_CLOSED", SOON);
    }
}

fn the_caller_gives_up() {
    let house = House::build();
    let [mut alice, mut bob] = house.phones();
    alice.dial(&house.uri("1002"));
    bob.expect("CALL_INCOMING", SOON);
    alice.expect("CALL_RINGING", SOON);
    alice.hang_up();
    bob.expect("CALL_CLOSED", SOON);
    house.leave();
}

fn the_callee_is_busy() {
    let house = House::build();
    let [mut alice, mut bob] = house.phones();
    alice.dial(&house.uri("1002"));
    bob.expect("CALL_INCOMING", SOON);
    bob.hang_up();
    let reason = alice.expect("CALL_CLOSED", SOON);
    assert!(reason.starts_with("486"), "closed by {reason}");
}

fn nobody_answers() {
    let house = House::build();
    let [mut alice, mut bob] = house.phones();
    let start = Instant::now();
    alice.dial(&house.uri("1002"));
    bob.expect("CALL_INCOMING", SOON);
    let reason = alice.expect("CALL_CLOSED", Duration::from_secs(25));
    let rang = start.elapsed();
    assert!(reason.starts_with("603"), "closed by {reason}");
    assert!(
        (20..23).contains(&rang.as_secs()),
        "Dial's 20 s took {rang:?}"
    );
    bob.expect("CALL_CLOSED", SOON);
}

fn a_wrong_password_is_refused() {
    let house = House::build();
    let mut mallory = house.phone("mallory", 0, "1001", "guessed");
    let reason = mallory.expect("REGISTER_FAIL", SOON);
    assert!(
        reason.starts_with("403") || reason.starts_with("401"),
        "refused by {reason}"
    );
    mallory.dial(&house.uri("1002"));
    let reason = mallory.expect("CALL_CLOSED", SOON);
    assert!(
        reason.starts_with("403") || reason.starts_with("401"),
        "closed by {reason}"
    );
    assert_eq!(
        house.engine.counters().total("bindings"),
        0,
        "nobody may be registered"
    );
}

fn an_unknown_number_is_unavailable() {
    let house = House::build();
    let [mut alice, _bob] = house.phones();
    alice.dial(&house.uri("4711"));
    let reason = alice.expect("CALL_CLOSED", SOON);
    assert!(reason.starts_with("503"), "closed by {reason}");
}

fn an_unknown_name_is_not_found() {
    let house = House::build();
    let [mut alice, _bob] = house.phones();
    alice.dial(&house.uri("nobody"));
    let reason = alice.expect("CALL_CLOSED", SOON);
    assert!(reason.starts_with("404"), "closed by {reason}");
}
