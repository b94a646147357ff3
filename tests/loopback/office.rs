//! The example of an office on the wire: its files as they are, but for the
//! addresses of its carriers and the time a telephone rings.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use crate::address::{free_address, host};
use crate::engine::{Engine, Scratch};
use crate::phones::{credentials, register_lines};
use crate::refusals::told;
use crate::sipp::{Outcome, Running, Sipp};
use crate::{LINGER, share_machine};

const LIMIT: Duration = Duration::from_secs(30);

/// Where `sip.conf` has the carrier, the spare one and the gateway, and what
/// marks the address that stands for each here.
const OUTSIDE: [(&str, u8); 3] = [
    ("192.0.2.10", 0x80),
    ("192.0.2.20", 0xC0),
    ("192.0.2.30", 0x40),
];

/// An address of the loopback interface that differs from this process' own,
/// and so from those of other processes, in the bits of `mark`.
fn outside(mark: u8) -> Ipv4Addr {
    let [net, high, middle, low] = host().octets();
    Ipv4Addr::new(net, high ^ mark, middle, low)
}

fn engine() -> Engine {
    let office = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/office");
    let read = |name: &str| fs::read_to_string(office.join(name)).expect("a file");
    let scratch = Scratch::new("office");
    let mut sip = read("sip.conf");
    for (address, mark) in OUTSIDE {
        assert!(sip.contains(address), "nobody is at {address}");
        sip = sip.replace(address, &outside(mark).to_string());
    }
    let plan = read("extensions.conf");
    assert!(plan.contains("\nRING = 20\n"), "telephones ring otherwise");
    scratch.write("sip.conf", &sip);
    scratch.write(
        "extensions.conf",
        &plan.replace("\nRING = 20\n", "\nRING = 2\n"),
    );
    Engine::start(scratch, free_address(), &["--shards", "2", "--t1", "100"])
}

/// A line of an injection file; all desks have one password.
fn line(desk: u32, third: impl std::fmt::Display) -> String {
    credentials(desk, "change-me", third)
}

/// Calls of the desk 1003, one after the other.
fn calls(engine: &Engine, scenario: &str, numbers: &[&str]) -> Outcome {
    let lines: Vec<String> = numbers.iter().map(|number| line(1003, number)).collect();
    let outcome = Sipp::new(&engine.scratch, scenario, lines.len(), LIMIT)
        .calling(engine.address, 10, &lines)
        .pausing(200)
        .run();
    outcome.expect(lines.len());
    outcome
}

/// Somebody who takes `calls` calls at `address` by the scenario.
fn takes(engine: &Engine, scenario: &str, calls: usize, address: SocketAddr) -> Running {
    Sipp::new(&engine.scratch, scenario, calls, LIMIT)
        .listening(address)
        .start()
}

/// Somebody who refuses one call.
fn refuses(engine: &Engine, status_line: &str, address: SocketAddr) -> Running {
    Sipp::new(&engine.scratch, "uas_refuses", 1, LIMIT)
        .listening(address)
        .key("status", status_line)
        .start()
}

#[test]
fn the_office_calls_and_is_called() {
    let shared = share_machine();
    let engine = engine();
    let desks = [1004, 1005, 1006].map(|desk| (desk, free_address()));
    let lines = desks.map(|(desk, contact)| line(desk, contact));
    register_lines(&engine, &lines, 10);
    let [answering, busy, ringing] = desks.map(|(_, contact)| contact);
    let [carrier, spare, _] = OUTSIDE.map(|(_, mark)| SocketAddr::new(outside(mark).into(), 5060));

    let callees = [
        // By a colleague and by the carrier.
        (takes(&engine, "uas", 2, answering), 2),
        (refuses(&engine, "SIP/2.0 486 Busy Here", busy), 1),
        (takes(&engine, "uas_rings", 1, ringing), 1),
        (
            refuses(&engine, "SIP/2.0 503 Service Unavailable", carrier),
            1,
        ),
        (takes(&engine, "uas", 1, spare), 1),
    ];

    // A colleague, and a number of the town, by the spare carrier.
    calls(&engine, "uac", &["1004", "0123456"]);
    // Who is busy, who is not there, and what is nobody's number.
    let refused = calls(&engine, "uac_refused", &["1005", "1006", "77"]);
    let told = told(&refused.log);
    let expected = [("1005", 486), ("1006", 480), ("77", 404)];
    let expected = expected.map(|(number, status)| (number.to_owned(), status));
    assert_eq!(told, expected.into(), "{}", engine.log());
    // From the carrier to a desk.
    from(&engine, carrier.ip(), "0171999;493055504");

    for (callee, calls) in callees {
        callee.wait().expect(calls);
    }
    drop(shared);
    engine.wait_until_empty(LINGER);
    assert_eq!(engine.stop(Duration::from_secs(5)), Some(0));
}

/// One call from an address that is not asked for a password.
fn from(engine: &Engine, host: IpAddr, line: &str) {
    Sipp::new(&engine.scratch, "uac_trusted", 1, LIMIT)
        .on(host)
        .calling(engine.address, 10, &[line])
        .pausing(200)
        .run()
        .expect(1);
}
