//! What happened, for people: every datagram and fault in order.
//!
//! Owns the record of one world; judges nothing.

use std::collections::BTreeSet;

use pinion_sip::base::Instant;

use crate::message::Msg;

/// What became of a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// On its way.
    Sent,
    /// Taken by the network.
    Lost,
    /// On its way twice.
    Doubled,
}

struct Rung {
    at: Instant,
    from: String,
    to: String,
    line: String,
    call_id: Option<String>,
    body: Vec<u8>,
}

/// The rungs of one world, in order of time.
#[derive(Default)]
pub struct Ladder {
    rungs: Vec<Rung>,
}

impl Ladder {
    /// A datagram left somebody. `from` and `to` are names for people.
    pub fn datagram(&mut self, at: Instant, from: String, to: String, bytes: &[u8], fate: Fate) {
        let mark = match fate {
            Fate::Sent => "",
            Fate::Lost => "  (lost)",
            Fate::Doubled => "  (doubled)",
        };
        let (line, call_id, body) = match Msg::parse(bytes) {
            Ok(message) => {
                let cseq = message.get("CSeq").unwrap_or("-").to_string();
                let tag = message
                    .tag("To")
                    .map_or(String::new(), |tag| format!(" to-tag={tag}"));
                let sdp = if message.body.is_empty() {
                    ""
                } else {
                    " +body"
                };
                let line = format!("{} [{cseq}{tag}]{sdp}{mark}", message.start);
                (line, Some(message.call_id().to_string()), message.body)
            }
            Err(_) => (
                format!("{:?}{mark}", String::from_utf8_lossy(bytes)),
                None,
                Vec::new(),
            ),
        };
        self.rungs.push(Rung {
            at,
            from,
            to,
            line,
            call_id,
            body,
        });
    }

    /// Something else happened: a panic, a lost envelope, a drain.
    pub fn event(&mut self, at: Instant, whom: String, line: String) {
        self.rungs.push(Rung {
            at,
            from: whom,
            to: String::new(),
            line,
            call_id: None,
            body: Vec::new(),
        });
    }

    /// The legs that belong to `call_id`: those that carried a body it carried.
    fn joined<'a>(&'a self, call_id: &'a str) -> BTreeSet<&'a str> {
        let mut legs = BTreeSet::from([call_id]);
        loop {
            let of = |rung: &&Rung| rung.call_id.as_deref().is_some_and(|id| legs.contains(id));
            let bodies: BTreeSet<&[u8]> = self
                .rungs
                .iter()
                .filter(of)
                .map(|rung| rung.body.as_slice())
                .filter(|body| !body.is_empty())
                .collect();
            let more: BTreeSet<&str> = self
                .rungs
                .iter()
                .filter(|rung| bodies.contains(rung.body.as_slice()))
                .filter_map(|rung| rung.call_id.as_deref())
                .chain([call_id])
                .collect();
            if more.len() <= legs.len() {
                return legs;
            }
            legs = more;
        }
    }

    /// How many datagrams had `text` in their first line, on any path.
    pub fn count(&self, text: &str) -> usize {
        self.rungs
            .iter()
            .filter(|rung| rung.line.contains(text))
            .count()
    }

    /// Whether any line begins like that.
    pub fn shows(&self, beginning: &str) -> bool {
        self.rungs
            .iter()
            .any(|rung| rung.line.starts_with(beginning))
    }

    /// The text for one call (both legs) or, without one, for everything.
    pub fn text(&self, call_id: Option<&str>) -> String {
        let legs = call_id.map(|id| self.joined(id));
        let wanted = |rung: &&Rung| match (&legs, &rung.call_id) {
            (Some(legs), Some(id)) => legs.contains(id.as_str()),
            _ => true,
        };
        let rungs: Vec<&Rung> = self.rungs.iter().filter(wanted).collect();
        let mut text = String::new();
        if rungs.len() > 300 {
            text.push_str(&format!("  ... {} earlier\n", rungs.len() - 300));
        }
        for rung in rungs.iter().skip(rungs.len().saturating_sub(300)) {
            let arrow = if rung.to.is_empty() { "      " } else { " -> " };
            text.push_str(&format!(
                "  {:?} {}{arrow}{}  {}\n",
                rung.at, rung.from, rung.to, rung.line
            ));
        }
        text
    }
}
