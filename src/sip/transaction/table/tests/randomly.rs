//! Whatever happens in whatever order, a table empties.

use proptest::prelude::*;

use super::bench::{Bench, answer, theirs};
use crate::transaction::{Received, TransactionId};
use crate::wire::{Method, Status};

/// Something a remote or a user does.
#[derive(Clone, Copy, Debug)]
enum Act {
    Request { invite: bool, number: u8 },
    Ack { number: u8 },
    Respond { which: u8, status: u8 },
    Acknowledge { which: u8 },
    Send { invite: bool },
    Response { which: u8, status: u8 },
    Cancel { which: u8 },
    Wait { ms: u16 },
}

const STATUSES: [(Status, &str); 6] = [
    (Status::TRYING, "100 Trying"),
    (Status::RINGING, "180 Ringing"),
    (Status::OK, "200 OK"),
    (Status::MOVED_TEMPORARILY, "302 Moved Temporarily"),
    (Status::REQUEST_TIMEOUT, "408 Request Timeout"),
    (Status::DECLINED, "603 Declined"),
];

fn act() -> impl Strategy<Value = Act> {
    let status = 0..STATUSES.len() as u8;
    prop_oneof![
        (any::<bool>(), 0..6_u8).prop_map(|(invite, number)| Act::Request { invite, number }),
        (0..6_u8).prop_map(|number| Act::Ack { number }),
        (any::<u8>(), status.clone()).prop_map(|(which, status)| Act::Respond { which, status }),
        any::<u8>().prop_map(|which| Act::Acknowledge { which }),
        any::<bool>().prop_map(|invite| Act::Send { invite }),
        (any::<u8>(), status).prop_map(|(which, status)| Act::Response { which, status }),
        any::<u8>().prop_map(|which| Act::Cancel { which }),
        (0..20_000_u16).prop_map(|ms| Act::Wait { ms }),
    ]
}

/// The requests dealt with so far: theirs, and ours.
#[derive(Default)]
struct Seen {
    theirs: Vec<(TransactionId, String)>,
    ours: Vec<(TransactionId, String)>,
}

fn pick(list: &[(TransactionId, String)], which: u8) -> Option<(TransactionId, String)> {
    list.get(usize::from(which) % list.len().max(1)).cloned()
}

impl Seen {
    fn play(&mut self, bench: &mut Bench, act: Act) {
        match act {
            Act::Request { invite, number } => {
                let method = if invite { "INVITE" } else { "INFO" };
                let branch = format!("branch=z9hG4bK{number}");
                let request = theirs(method, &branch, "", u32::from(number));
                if bench.request(&request) == Received::New && bench.table.len() < 20 {
                    self.theirs.push((bench.open(&request), request));
                }
            }
            Act::Ack { number } => {
                let branch = format!("branch=z9hG4bK{number}");
                bench.request(&theirs("ACK", &branch, ";tag=ours", u32::from(number)));
            }
            Act::Respond { which, status } => {
                if let Some((id, request)) = pick(&self.theirs, which) {
                    let (status, text) = STATUSES[usize::from(status)];
                    bench.respond(id, status, &answer(&request, text, ";tag=ours"));
                }
            }
            Act::Acknowledge { which } => {
                if let Some((id, _)) = pick(&self.theirs, which) {
                    bench.table.acknowledge(id);
                }
            }
            Act::Send { invite } => {
                if bench.table.len() < 20 {
                    let method = if invite { Method::Invite } else { Method::Bye };
                    let (id, _, request) = bench.send(method);
                    self.ours.push((id, request));
                }
            }
            Act::Response { which, status } => {
                if let Some((_, request)) = pick(&self.ours, which) {
                    bench.response(&answer(&request, STATUSES[usize::from(status)].1, ";tag=b"));
                }
            }
            Act::Cancel { which } => {
                if let Some((id, _)) = pick(&self.ours, which) {
                    bench.cancel(id, "");
                }
            }
            Act::Wait { ms } => {
                let until = bench.now().as_micros() / 1000 + u64::from(ms);
                bench.run(until);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_table_empties(acts in prop::collection::vec(act(), 0..60)) {
        let mut bench = Bench::new(24);
        let mut seen = Seen::default();
        for act in acts {
            seen.play(&mut bench, act);
        }
        for (id, request) in &seen.theirs {
            bench.respond(*id, Status::BUSY_HERE, &answer(request, "486 Busy Here", ";tag=ours"));
        }
        for (id, _) in &seen.ours {
            bench.cancel(*id, "");
        }
        let end = bench.now().as_micros() / 1000 + 200_000;
        bench.run(end);
        prop_assert!(bench.table.is_empty(), "{:?}", bench.table.counts());
        let counts = bench.table.counts();
        let live = [counts.invite_clients, counts.clients, counts.invite_servers, counts.servers];
        prop_assert_eq!(live, [0; 4]);
        prop_assert!(bench.table.servers.is_empty() && bench.table.merged.is_empty());
        prop_assert_eq!(bench.table.deadline(), None);
    }
}
