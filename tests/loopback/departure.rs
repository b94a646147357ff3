//! A callee whose caller leaves goes on in the plan and talks to a third.

use std::time::Duration;

use crate::address::free_address;
use crate::phones::{self, line};
use crate::share_machine;
use crate::sipp::Sipp;

const LIMIT: Duration = Duration::from_secs(30);
/// With this T1 most transactions linger for 6.4 s.
const FLAGS: [&str; 4] = ["--shards", "2", "--t1", "100"];

#[test]
fn a_callee_goes_on_to_a_third_when_its_caller_leaves() {
    let shared = share_machine();
    let engine = phones::engine("departure", 1001..=1003, &FLAGS);
    let (second, third) = (free_address(), free_address());
    phones::register(&engine, [(1002, second), (1003, third)].into_iter(), 10);
    let uas = |scenario, contact| {
        let sipp = Sipp::new(&engine.scratch, scenario, 1, LIMIT);
        sipp.listening(contact).start()
    };
    let going_on = uas("uas_goes_on", second);
    let hanging_up = uas("uas_hangs_up", third);
    let calling = Sipp::new(&engine.scratch, "uac", 1, LIMIT)
        .calling(engine.address, 10, &[line(1001, "61002")])
        .pausing(200)
        .run();
    calling.expect(1);
    hanging_up.wait().expect(1);
    going_on.wait().expect(1);
    let counters = engine.counters();
    assert_eq!(counters.total("calls_begun"), 2, "one is the callee's own");
    drop(shared);
    engine.wait_until_empty(crate::LINGER);
    assert_eq!(engine.stop(Duration::from_secs(5)), Some(0));
}
