//! The weather between phones and engines, and between shards.
//!
//! Owns the probabilities of one world; draws from the world's randomness.

use std::time::Duration;

use pinion_sip::base::Random;

/// Probabilities in thousandths, times in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Weather {
    /// A datagram vanishes.
    pub loss: u64,
    /// A datagram arrives twice.
    pub duplication: u64,
    /// A datagram is held back so that later ones overtake it.
    pub reordering: u64,
    /// The shortest delay.
    pub delay_us: u64,
    /// Added to it, evenly drawn.
    pub jitter_us: u64,
    /// How long an envelope between shards takes.
    pub mesh_delay_us: u64,
    /// An envelope between shards vanishes, as from a full queue.
    pub mesh_loss: u64,
}

impl Weather {
    /// Nothing goes wrong; each datagram takes one millisecond.
    pub fn calm() -> Weather {
        Weather {
            delay_us: 1_000,
            mesh_delay_us: 10,
            ..Weather::default()
        }
    }

    /// Each kind of trouble is absent in half of the worlds.
    pub fn draw(random: &mut Random) -> Weather {
        let mut sometimes = |bound: u64| {
            if random.below(2) == 0 {
                0
            } else {
                random.below(bound)
            }
        };
        Weather {
            loss: sometimes(250),
            duplication: sometimes(200),
            reordering: sometimes(200),
            jitter_us: sometimes(60_000),
            mesh_loss: sometimes(100),
            mesh_delay_us: 10 + sometimes(3_000),
            delay_us: 100 + sometimes(80_000),
        }
    }

    /// When a datagram sent now arrives: never, once or twice.
    pub fn arrivals(&self, random: &mut Random) -> Vec<Duration> {
        if random.below(1_000) < self.loss {
            return Vec::new();
        }
        let copies = if random.below(1_000) < self.duplication {
            2
        } else {
            1
        };
        (0..copies).map(|_| self.delay(random)).collect()
    }

    fn delay(&self, random: &mut Random) -> Duration {
        let held = if random.below(1_000) < self.reordering {
            20_000 + random.below(400_000)
        } else {
            0
        };
        Duration::from_micros(self.delay_us + random.below(self.jitter_us + 1) + held)
    }

    /// Whether an envelope is lost.
    pub fn takes_envelope(&self, random: &mut Random) -> bool {
        random.below(1_000) < self.mesh_loss
    }
}
