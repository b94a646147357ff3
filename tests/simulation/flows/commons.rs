//! What calls share, whichever shard they are on: groups, globals, locks and
//! the AstDB.

use pinion_sip::base::shard_of;

use super::*;
use crate::world::Task;

const USERS: [&str; 4] = ["1001", "1002", "1003", "1004"];

/// Calls of all phones but the first that are up.
fn up(world: &World) -> usize {
    let calls = world.phones[1..].iter().flat_map(|phone| &phone.calls);
    calls.filter(|call| call.is_up()).count()
}

/// Calls of phone 1 that began on each of the two shards.
fn homes(world: &World) -> [usize; 2] {
    let mut homes = [0; 2];
    for call in &world.phones[1].calls {
        homes[usize::from(shard_of(call.call_id.as_bytes(), 2))] += 1;
    }
    homes
}

fn hang_up_all(world: &mut World) {
    for phone in 1..world.phones.len() {
        for call in 0..world.phones[phone].calls.len() {
            world.phone(phone, |phone, _, out| phone.hang_up(call, out));
        }
    }
    go(world, secs(2));
    assert_eq!(up(world), 0);
}

#[test]
fn a_limit_by_group_count_is_exact_across_shards() {
    let dialplan = "[default]\n\
        exten => _X.,1,Set(GROUP()=line@house)\n\
        same => n,GotoIf($[${GROUP_COUNT(line)} > 10]?full)\n\
        same => n,Dial(SIP/1001,60)\n\
        same => n(full),Congestion()\n";
    let mut world = stage_with(&USERS, dialplan, |_| ());
    for call in 0..100 {
        dial(&mut world, 1 + call % 3, "1001", Plan::default());
    }
    go(&mut world, secs(10));
    assert!(up(&world) <= 10, "{} up", up(&world));
    for _ in 0..2 {
        for call in 0..20 {
            dial(&mut world, 1 + call % 3, "1001", Plan::default());
            go(&mut world, secs(4));
            assert!(up(&world) <= 10);
        }
        assert_eq!(up(&world), 10, "every place that is free is given");
        hang_up_all(&mut world);
    }
    assert!(homes(&world).iter().all(|&calls| calls > 0));
    close(world);
}

#[test]
fn a_replaced_shards_places_in_groups_are_free_again() {
    let dialplan = "[default]\n\
        exten => _X.,1,Set(GROUP()=line)\n\
        same => n,GotoIf($[${GROUP_COUNT(line)} > 4]?full)\n\
        same => n,Dial(SIP/1001,60)\n\
        same => n(full),Congestion()\n";
    let mut world = stage_with(&USERS, dialplan, |_| ());
    while up(&world) < 4 {
        dial(&mut world, 1, "1001", Plan::default());
        go(&mut world, secs(4));
    }
    for shard in 0..2 {
        world.plan(ms(0), Task::Panic { engine: 0, shard });
        go(&mut world, secs(1));
    }
    for phone in 0..world.phones.len() {
        world.phone(phone, |phone, now, out| phone.register(now, 3_600, out));
    }
    go(&mut world, secs(1));
    let before = up(&world);
    for _ in 0..6 {
        dial(&mut world, 2, "1001", Plan::default());
        go(&mut world, secs(4));
    }
    assert_eq!(up(&world) - before, 4);
    close(world);
}

#[test]
fn a_global_reaches_all_shards_and_one_that_is_replaced() {
    let dialplan = "[globals]\nT=nobody\n[default]\n\
        exten => _9X.,1,Set(GLOBAL(T)=${EXTEN:1})\n\
        same => n,Hangup(17)\n\
        exten => 5,1,Dial(SIP/${T},20)\n";
    let mut world = stage_with(&USERS, dialplan, |_| ());
    for target in ["1001", "1003"] {
        dial(&mut world, 1, &format!("9{target}"), Plan::default());
        go(&mut world, secs(1));
        let reached = USERS.iter().position(|user| *user == target).unwrap();
        for shard in [None, Some(0), Some(1)] {
            if let Some(shard) = shard {
                world.plan(ms(0), Task::Panic { engine: 0, shard });
                for phone in 0..world.phones.len() {
                    world.phone(phone, |phone, now, out| phone.register(now, 3_600, out));
                }
                go(&mut world, secs(1));
            }
            let before = world.phones[reached].calls.len();
            for _ in 0..8 {
                dial(&mut world, 1, "5", Plan::default());
            }
            go(&mut world, secs(4));
            assert_eq!(world.phones[reached].calls.len() - before, 8, "{shard:?}");
            hang_up_all(&mut world);
        }
    }
    assert!(homes(&world).iter().all(|&calls| calls > 0));
    close(world);
}

#[test]
fn a_lock_is_held_by_one_call_and_waited_for_in_turn() {
    let dialplan = "[default]\n\
        exten => _X.,1,GotoIf(${LOCK(door)}?in)\n\
        same => n,Busy()\n\
        same => n(in),Dial(SIP/1001,60)\n";
    let mut world = stage_with(&USERS, dialplan, |_| ());
    let first = dial(&mut world, 1, "1001", Plan::default());
    go(&mut world, secs(2));
    assert_eq!(up(&world), 1);
    dial(&mut world, 2, "1001", Plan::default());
    go(&mut world, secs(2));
    assert_eq!(up(&world), 1, "it waits");
    world.phone(1, |phone, _, out| phone.hang_up(first, out));
    go(&mut world, secs(3));
    assert!(world.phones[2].calls[0].is_up(), "its turn has come");
    dial(&mut world, 3, "1001", Plan::default());
    go(&mut world, ms(2_500));
    assert_eq!(finals(&world, 3, "INVITE"), [0; 0]);
    go(&mut world, secs(1));
    assert_eq!(finals(&world, 3, "INVITE"), [486], "its patience is over");
    hang_up_all(&mut world);
    dial(&mut world, 3, "1001", Plan::default());
    go(&mut world, secs(3));
    assert_eq!(up(&world), 1, "nobody holds it any more");
    close(world);
}

#[test]
fn who_gives_up_waiting_for_a_lock_gets_none() {
    let dialplan = "[default]\n\
        exten => _X.,1,GotoIf(${LOCK(door)}?in)\n\
        same => n,Busy()\n\
        same => n(in),Dial(SIP/1001,60)\n";
    let mut world = stage_with(&USERS, dialplan, |_| ());
    for _ in 0..8 {
        let first = dial(&mut world, 1, "1001", Plan::default());
        go(&mut world, secs(2));
        let impatient = Plan {
            cancel_after: Some(secs(1)),
            ..Plan::default()
        };
        dial(&mut world, 2, "1001", impatient);
        go(&mut world, secs(2));
        world.phone(1, |phone, _, out| phone.hang_up(first, out));
        go(&mut world, secs(2));
        dial(&mut world, 3, "1001", Plan::default());
        go(&mut world, secs(2));
        assert_eq!(up(&world), 1, "the third holds it");
        hang_up_all(&mut world);
    }
    close(world);
}

#[test]
fn a_value_of_the_astdb_is_one_on_all_shards() {
    let dialplan = "[default]\n\
        exten => _9X.,1,Set(DB(forward/5)=${EXTEN:1})\n\
        same => n,Hangup(17)\n\
        exten => 5,1,Dial(SIP/${DB(forward/5)},20)\n\
        exten => 6,1,Set(DIALGROUP(all)=SIP/1001&SIP/1003)\n\
        same => n,Dial(${DIALGROUP(all)},20)\n";
    let mut world = stage_with(&USERS, dialplan, |_| ());
    for target in ["1001", "1003"] {
        dial(&mut world, 1, &format!("9{target}"), Plan::default());
        go(&mut world, secs(1));
        let reached = USERS.iter().position(|user| *user == target).unwrap();
        for _ in 0..8 {
            dial(&mut world, 1, "5", Plan::default());
        }
        go(&mut world, secs(4));
        assert_eq!(world.phones[reached].calls.len(), 8);
        hang_up_all(&mut world);
    }
    dial(&mut world, 1, "6", Plan::default());
    go(&mut world, secs(4));
    for reached in [0, 2] {
        assert_eq!(world.phones[reached].calls.len(), 9);
    }
    assert!(homes(&world).iter().all(|&calls| calls > 0));
    close(world);
}
