//! What a plan might ask, asked by an operator: put to a shard, which asks
//! whoever knows, and fetched once it is known.

use std::thread;
use std::time::{Duration, Instant};

use pinion_sip::dialplan::{Inquiry, Reply};
use pinion_sip::machine::{Page, Query};

use crate::control::house::House;

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks for it, at most.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks, and waits for the reply.
pub(super) fn inquire(house: &House, inquiry: Inquiry) -> Reply {
    let asked = house.shards.ask(0, Query::Inquire(Box::new(inquiry)));
    let Some(Page::Inquired(number)) = asked else {
        return Reply::Failed;
    };
    let until = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(1);
    loop {
        match house.shards.ask(0, Query::Reply(number)) {
            Some(Page::Replied(Some(reply))) => return reply,
            Some(_) if Instant::now() < until => {}
            _ => return Reply::Failed,
        }
        thread::sleep(pause);
        pause = (2 * pause).min(PAUSE);
    }
}
