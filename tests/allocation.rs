//! What messages cost in memory, once the tables have their size: nothing.
//! What a new call may cost is counted here, and no more.

use std::cell::Cell;
use std::time::Duration;

use pinion_bench::{Rig, Users, plain};

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

/// A step of a phone, where it stands, and what it may cost.
struct Row {
    name: &'static str,
    users: Users,
    before: fn(&mut Rig),
    step: fn(&mut Rig),
    after: fn(&mut Rig),
    /// Allocations each time.
    most: u64,
}

impl Row {
    /// A step that stands alone, and the time after it.
    fn alone(name: &'static str, users: Users, step: fn(&mut Rig), most: u64) -> Row {
        Row {
            name,
            users,
            before: |_| {},
            step,
            after: rest,
            most,
        }
    }

    /// A step within a call that is up.
    fn within(name: &'static str, step: fn(&mut Rig), most: u64) -> Row {
        Row {
            name,
            users: Users::Open,
            before: Rig::set_up,
            step,
            after: Rig::hang_up,
            most,
        }
    }

    fn holds(&self) -> bool {
        let count = allocations(self.users, self.before, self.step, self.after);
        let each = count as f64 / f64::from(COUNTED);
        println!(
            "figure: {each:>6.2} allocations, {} at most: {}",
            self.most, self.name
        );
        // A table that grows now and then is no cost of a message.
        each < self.most as f64 + 0.05
    }
}

fn check(rows: &[Row]) {
    let broken: Vec<&str> = rows
        .iter()
        .filter(|row| !row.holds())
        .map(|row| row.name)
        .collect();
    assert!(broken.is_empty(), "too many allocations: {broken:?}");
}

#[test]
fn messages_outside_of_calls() {
    check(&[
        Row::alone("OPTIONS", Users::Open, Rig::options, 0),
        Row::alone("REGISTER again", Users::Open, Rig::register, 0),
        Row::alone(
            "REGISTER again, with digest",
            Users::Secured,
            Rig::register,
            0,
        ),
        Row::alone(
            "REGISTER, 401, REGISTER, 200",
            Users::Secured,
            Rig::register_anew,
            0,
        ),
    ]);
}

#[test]
fn messages_within_a_call() {
    check(&[
        Row {
            name: "180",
            users: Users::Open,
            before: Rig::invite,
            step: Rig::ring,
            after: |rig| {
                rig.pick_up();
                rig.acknowledge();
                rig.hang_up();
            },
            most: 0,
        },
        Row {
            name: "ACK",
            users: Users::Open,
            before: |rig| {
                rig.invite();
                rig.ring();
                rig.pick_up();
            },
            step: Rig::acknowledge,
            after: Rig::hang_up,
            most: 0,
        },
        Row::within("re-INVITE, 200, ACK", Rig::reinvite, 0),
        Row::within("INFO, 200", Rig::info, 0),
        Row {
            name: "BYE, 200",
            users: Users::Open,
            before: Rig::set_up,
            step: Rig::hang_up,
            after: |_| {},
            most: 0,
        },
    ]);
}

/// What a new call allocates:
/// 1. and 2. the texts of the caller's dialog and of the callee's,
/// 3. its way through the dialplan,
/// 4. its variables, and
/// 5. their texts,
/// 6. Dial's arguments, with their variables replaced,
/// 7. Dial, which waits for the callee,
/// 8. the bindings found for the callee.
const MOST_OF_A_CALL: u64 = 8;

#[test]
fn a_new_call() {
    check(&[
        Row {
            name: "a new call",
            users: Users::Open,
            before: |_| {},
            step: Rig::set_up,
            after: Rig::hang_up,
            most: MOST_OF_A_CALL,
        },
        Row {
            name: "a new call with digest",
            users: Users::Secured,
            before: |_| {},
            step: Rig::set_up,
            after: Rig::hang_up,
            most: MOST_OF_A_CALL,
        },
    ]);
}

#[test]
fn copies() {
    let end: fn(&mut Rig) = |rig| {
        rig.ring();
        rig.pick_up();
        rig.acknowledge();
        rig.hang_up();
    };
    let copy = |name, before, after| Row {
        name,
        users: Users::Open,
        before,
        step: Rig::repeat,
        after,
        most: 0,
    };
    check(&[
        copy("a copy of OPTIONS", Rig::options, |_| {}),
        copy("a copy of REGISTER", Rig::register, |_| {}),
        copy("a copy of INVITE", Rig::invite, end),
    ]);
}
