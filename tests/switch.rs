//! What a reload costs a shard between two messages: the same, however many
//! devices have changed.

use std::sync::Arc;

use pinion_sip::base::Instant;
use pinion_sip::config::{Config, General, Peer, PeerKind, Peers, Qualify};
use pinion_sip::dialplan::{Line, Plan, PlanBuilder};
use pinion_sip::machine::{Input, Machine, Outbox};
use pinion_sip::shard::{Setup, Shard};

/// Devices with these names, each with that context, and extensions as many.
fn config(count: u32, context: &str) -> Arc<Config> {
    let peers = (0..count).map(|number| {
        let mut peer = Peer::new(&number.to_string(), PeerKind::Friend);
        peer.context = context.into();
        peer.qualify = Qualify::Within(std::time::Duration::from_secs(2));
        peer
    });
    Arc::new(Config {
        general: General::default(),
        peers: Peers::new(peers),
        plan: Arc::new(plan(count, context)),
        realtime: None,
    })
}

fn plan(count: u32, context: &str) -> Plan {
    let mut builder = PlanBuilder::new();
    let id = builder.context(context);
    for number in 0..count {
        let line = Line {
            exten: &number.to_string(),
            caller: None,
            priority: 1,
            label: None,
            application: "Busy",
            arguments: "",
            at: "",
        };
        builder.add(id, line).expect("each number once");
    }
    builder.build()
}

/// Allocations made, and memory given back, while a shard takes another
/// configuration of so many devices.
fn switch(count: u32) -> (u64, u64) {
    let (old, new) = (config(count, "old"), config(count, "new"));
    let address = "127.0.0.1:5060".parse().expect("an address");
    let mut shard = Shard::new(Setup::alone(Arc::clone(&old), address));
    let mut out = Outbox::new(64);
    // Whoever hands out a configuration holds on to the one before.
    let input = Input::Reload(Arc::clone(&new));
    let counted = allocation_counter::measure(|| shard.handle(Instant::START, input, &mut out));
    let given_back = i64::try_from(counted.count_total).expect("a few") - counted.count_current;
    assert_eq!(Arc::strong_count(&old), 1, "the shard goes by the new one");
    assert_eq!(out.sends_len(), 0, "and nobody is told");
    (counted.count_total, given_back.unsigned_abs())
}

#[test]
fn a_switch_of_a_hundred_thousand_devices_costs_what_one_of_a_thousand_does() {
    let (few, many) = (switch(1_000), switch(100_000));
    println!(
        "figure: a shard that takes 100,000 other devices makes {} allocations and gives {} back; 1,000: {} and {}",
        many.0, many.1, few.0, few.1
    );
    assert_eq!(many, few);
    assert!(many.0 <= 16, "{} allocations", many.0);
}
