//! Hands a machine's notes to `tracing`, and keeps a misbehaving remote from
//! filling the log. Never formats what the log's level does not want.

use pinion_sip::base::{Instant, Level, Note, ShardId};

/// Warnings and errors of one cause that are printed in one second.
const PER_SECOND: u32 = 10;

/// One shard's way into the log.
pub(crate) struct Notes {
    shard: ShardId,
    causes: Vec<Cause>,
}

struct Cause {
    name: &'static str,
    second: u64,
    seen: u32,
}

impl Notes {
    pub(crate) fn new(shard: ShardId) -> Notes {
        Notes {
            shard,
            causes: Vec::new(),
        }
    }

    /// Prints a note, unless its cause has had its share of this second.
    pub(crate) fn tell(&mut self, now: Instant, note: &Note) {
        if note.level <= Level::Warn {
            match self.admit(now, note.cause) {
                Admitted::No => return,
                Admitted::Yes => {}
                Admitted::After(silenced) => {
                    tracing::warn!(
                        shard = self.shard,
                        cause = note.cause,
                        "{silenced} more like this were not printed"
                    );
                }
            }
        }
        let (shard, cause, text) = (self.shard, note.cause, note.text.as_str());
        match note.level {
            Level::Error => tracing::error!(shard, cause, "{text}"),
            Level::Warn => tracing::warn!(shard, cause, "{text}"),
            Level::Info => tracing::info!(shard, cause, "{text}"),
            Level::Debug => tracing::debug!(shard, cause, "{text}"),
            Level::Trace => tracing::trace!(shard, cause, "{text}"),
        }
    }

    fn admit(&mut self, now: Instant, name: &'static str) -> Admitted {
        let second = now.as_micros() / 1_000_000;
        let cause = match self.causes.iter_mut().position(|cause| cause.name == name) {
            Some(index) => &mut self.causes[index],
            None => {
                self.causes.push(Cause {
                    name,
                    second,
                    seen: 1,
                });
                return Admitted::Yes;
            }
        };
        if cause.second == second {
            cause.seen = cause.seen.saturating_add(1);
            return if cause.seen <= PER_SECOND {
                Admitted::Yes
            } else {
                Admitted::No
            };
        }
        let silenced = cause.seen.saturating_sub(PER_SECOND);
        cause.second = second;
        cause.seen = 1;
        if silenced > 0 {
            Admitted::After(silenced)
        } else {
            Admitted::Yes
        }
    }
}

#[derive(PartialEq, Eq, Debug)]
enum Admitted {
    Yes,
    /// Yes, and so many before it were not.
    After(u32),
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_has_its_share_of_each_second_and_owns_up_to_the_rest() {
        let mut notes = Notes::new(0);
        let second = |n: u64| Instant::from_micros(n * 1_000_000);
        for _ in 0..PER_SECOND {
            assert_eq!(notes.admit(second(1), "malformed"), Admitted::Yes);
        }
        for _ in 0..5 {
            assert_eq!(notes.admit(second(1), "malformed"), Admitted::No);
        }
        assert_eq!(
            notes.admit(second(1), "full"),
            Admitted::Yes,
            "causes are apart"
        );
        assert_eq!(notes.admit(second(2), "malformed"), Admitted::After(5));
        assert_eq!(notes.admit(second(3), "malformed"), Admitted::Yes);
    }
}
