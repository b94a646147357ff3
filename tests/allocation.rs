//! What messages cost in memory, once the tables have their size: nothing.
//! What a new call may cost: a handful of allocations, counted here.

use std::cell::Cell;
use std::time::Duration;

use pinion_bench::{Rig, Users, plain};

/// Allocations of one new call from INVITE to the callee's 200, both
/// transactions' bytes, both dialogs and the dialplan's run included.
const MOST_FOR_A_CALL: u64 = 64;

/// Units before allocations count, 100 ms apart: transactions then end as fast
/// as they begin, and every table and queue has its size.
const WARM_UP: u32 = 1_000;

/// Units whose allocations count.
const COUNTED: u32 = 200;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Counts the allocations of the shard's turns.
fn counting(work: &mut dyn FnMut()) {
    let counted = allocation_counter::measure(work);
    ALLOCATIONS.set(ALLOCATIONS.get() + counted.count_total);
}

fn rest(rig: &mut Rig) {
    rig.rest(Duration::from_millis(100));
}

/// Allocations of `step` alone, after a warm-up with all of `before`, `step`
/// and `after`.
fn allocations(users: Users, before: fn(&mut Rig), step: fn(&mut Rig), after: fn(&mut Rig)) -> u64 {
    let mut rig = Rig::new(users, plain);
    let mut round = |meter| {
        before(&mut rig);
        rig.set_meter(meter);
        step(&mut rig);
        rig.set_meter(plain);
        after(&mut rig);
        rest(&mut rig);
    };
    for _ in 0..WARM_UP {
        round(plain);
    }
    ALLOCATIONS.set(0);
    for _ in 0..COUNTED {
        round(counting);
    }
    ALLOCATIONS.take()
}

fn nothing(_: &mut Rig) {}

#[test]
fn options_allocate_nothing() {
    let step = |rig: &mut Rig| {
        rig.options();
        rest(rig);
    };
    assert_eq!(allocations(Users::Open, nothing, step, nothing), 0);
}

#[test]
fn a_registration_refreshed_allocates_nothing() {
    for users in [Users::Open, Users::Secured] {
        let step = |rig: &mut Rig| {
            rig.register();
            rest(rig);
        };
        assert_eq!(allocations(users, nothing, step, nothing), 0, "{users:?}");
    }
}

#[test]
fn a_challenge_allocates_nothing() {
    let users = Users::Secured;
    assert_eq!(allocations(users, nothing, Rig::register_anew, nothing), 0);
}

#[test]
fn ringing_answering_and_acknowledging_allocate_nothing() {
    for (step, before, after) in [
        (
            Rig::ring as fn(&mut Rig),
            Rig::invite as fn(&mut Rig),
            (|rig| {
                rig.pick_up();
                rig.acknowledge();
                rig.hang_up();
            }) as fn(&mut Rig),
        ),
        (
            Rig::acknowledge,
            |rig| {
                rig.invite();
                rig.ring();
                rig.pick_up();
            },
            Rig::hang_up,
        ),
    ] {
        assert_eq!(allocations(Users::Open, before, step, after), 0);
    }
}

#[test]
fn a_new_offer_within_a_call_allocates_nothing() {
    let step = Rig::reinvite;
    assert_eq!(allocations(Users::Open, Rig::set_up, step, Rig::hang_up), 0);
}

#[test]
fn an_info_within_a_call_allocates_nothing() {
    let step = Rig::info;
    assert_eq!(allocations(Users::Open, Rig::set_up, step, Rig::hang_up), 0);
}

#[test]
fn the_end_of_a_call_allocates_nothing() {
    let step = |rig: &mut Rig| {
        rig.hang_up();
        rest(rig);
    };
    assert_eq!(allocations(Users::Open, Rig::set_up, step, nothing), 0);
}

#[test]
fn a_new_call_allocates_a_handful() {
    for users in [Users::Open, Users::Secured] {
        let all = allocations(users, nothing, Rig::set_up, Rig::hang_up);
        let each = all as f64 / f64::from(COUNTED);
        println!("figure: {each:.2} allocations for a new call, {users:?}");
        assert!(each <= MOST_FOR_A_CALL as f64, "{each}");
    }
}

#[test]
fn copies_allocate_nothing() {
    let step = Rig::repeat;
    assert_eq!(allocations(Users::Open, Rig::options, step, nothing), 0);
    assert_eq!(allocations(Users::Open, Rig::register, step, nothing), 0);
    assert_eq!(
        allocations(Users::Open, Rig::invite, step, |rig| {
            rig.ring();
            rig.pick_up();
            rig.acknowledge();
            rig.hang_up();
        }),
        0
    );
}
