//! A house of twenty thousand users with two phones each: all registered, and
//! every one called.

use std::time::Duration;

use crate::address::free_address;
use crate::phones::{self, line};
use crate::sipp::Sipp;
use crate::usage::resident_mb;
use crate::{LINGER, optimised, take_machine};

const CALLER: u32 = 1001;

#[test]
fn every_one_of_twenty_thousand_users_can_be_called() {
    let alone = take_machine();
    let (users, rate) = if optimised() {
        (20_000, 800)
    } else {
        (1_000, 50)
    };
    let limit = Duration::from_secs(60 + users / u64::from(rate));
    let users = users as usize;
    let callees = || (100_000..).take(users);
    let engine = phones::engine("users", callees().chain([CALLER]), &["--shards", "2"]);

    let (answering, ringing) = (free_address(), free_address());
    for contact in [answering, ringing] {
        phones::register(&engine, callees().map(|user| (user, contact)), rate * 5 / 2);
    }
    assert_eq!(engine.counters().total("bindings"), 2 * users as u64);

    // Both phones of each user ring; one answers, so the other is cancelled.
    let winners = Sipp::new(&engine.scratch, "uas", users, limit)
        .listening(answering)
        .start();
    let losers = Sipp::new(&engine.scratch, "uas_rings", users, limit)
        .listening(ringing)
        .start();
    let lines: Vec<String> = callees().map(|user| line(CALLER, user)).collect();
    Sipp::new(&engine.scratch, "uac", users, limit)
        .calling(engine.address, rate, &lines)
        .pausing(0)
        .run()
        .expect(users);
    winners.wait().expect(users);
    losers.wait().expect(users);
    drop(alone);
    engine.wait_until_empty(LINGER);
    println!(
        "figure: {users} users with two contacts each, every one called; {:.0} MB resident",
        resident_mb(engine.pid())
    );
}
