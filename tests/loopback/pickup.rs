//! A call that rings for one telephone and is answered by another, whose own
//! call is at home on the same shard, and on the other.

use std::time::{Duration, Instant};

use pinion_sip::base::shard_of;

use crate::address::free_address;
use crate::phones::{self, line};
use crate::sipp::Sipp;
use crate::{LINGER, share_machine};

const LIMIT: Duration = Duration::from_secs(30);
const SHARDS: u16 = 2;
/// With this T1 most transactions linger for 6.4 s.
const FLAGS: [&str; 4] = ["--shards", "2", "--t1", "100"];

/// What SIPp makes Call-IDs of, so that the first is at home on that shard.
fn call_ids(name: &str, home: u16) -> String {
    let patterns = (0..).map(|n| format!("{name}{n}-%u"));
    let first = |pattern: &String| pattern.replace("%u", "1");
    let mut fitting =
        patterns.filter(|pattern| shard_of(first(pattern).as_bytes(), SHARDS) == home);
    fitting.next().expect("half of them are")
}

/// A call that rings at home on the first shard is answered by a caller whose
/// own is at home on the shard `home`.
fn pick_up_from(home: u16) {
    let shared = share_machine();
    let engine = phones::engine("pickup", 1001..=1003, &FLAGS);
    let contact = free_address();
    phones::register(&engine, [(1002, contact)].into_iter(), 10);
    let ringing = Sipp::new(&engine.scratch, "uas_rings", 1, LIMIT)
        .listening(contact)
        .start();
    let calling = Sipp::new(&engine.scratch, "uac", 1, LIMIT)
        .calling(engine.address, 10, &[line(1001, 1002)])
        .call_id(&call_ids("caller", 0))
        .pausing(200)
        .start();
    let deadline = Instant::now() + LIMIT;
    while engine.counters().total("dialogs") < 2 {
        assert!(Instant::now() < deadline, "it does not ring");
        std::thread::sleep(Duration::from_millis(50));
    }
    let picking = Sipp::new(&engine.scratch, "uac_picks_up", 1, LIMIT)
        .calling(engine.address, 10, &[line(1003, "71002")])
        .call_id(&call_ids("picker", home))
        .run();
    picking.expect(1);
    calling.wait().expect(1);
    ringing.wait().expect(1);
    let counters = engine.counters();
    assert_eq!(counters.total("calls_picked_up"), 1);
    assert_eq!(counters.total("calls_answered"), 1);
    drop(shared);
    engine.wait_until_empty(LINGER);
    assert_eq!(engine.stop(Duration::from_secs(5)), Some(0));
}

#[test]
fn a_ringing_call_is_picked_up_on_its_shard() {
    pick_up_from(0);
}

#[test]
fn a_ringing_call_is_picked_up_from_another_shard() {
    pick_up_from(1);
}
