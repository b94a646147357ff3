//! What a phone does with calls: values, drawn by the swarm or set by a flow.

use std::time::Duration;

use pinion_sip::base::Random;

/// How an incoming call ends its ringing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// 200.
    Answer,
    /// A final response other than 2xx.
    Reject(u16),
    /// Rings until cancelled.
    Never,
}

/// How a phone treats an incoming call.
#[derive(Clone, Debug)]
pub struct Manner {
    /// Takes the INVITE and says nothing at all.
    pub deaf: bool,
    /// Sends 100 at once.
    pub trying: bool,
    /// The provisional responses, sent together after `ring_after`.
    pub rings: Vec<u16>,
    /// When.
    pub ring_after: Duration,
    /// Early dialogs: each ring is sent once per fork, with its own tag.
    pub forks: u8,
    /// A second fork sends its 200 this long after the first.
    pub second_answer: Option<Duration>,
    /// Early media: 183 carries SDP.
    pub early_sdp: bool,
    /// The final response.
    pub ending: Ending,
    /// When, from the INVITE.
    pub ending_after: Duration,
    /// What it does once the call is up.
    pub acts: Vec<(Duration, Act)>,
}

impl Default for Manner {
    fn default() -> Manner {
        Manner {
            deaf: false,
            trying: false,
            rings: vec![180],
            ring_after: Duration::from_millis(20),
            forks: 1,
            second_answer: None,
            early_sdp: false,
            ending: Ending::Answer,
            ending_after: Duration::from_secs(1),
            acts: Vec::new(),
        }
    }
}

impl Manner {
    /// Rings, then refuses with `status`.
    pub fn rejecting(status: u16) -> Manner {
        Manner {
            ending: Ending::Reject(status),
            ..Manner::default()
        }
    }

    /// Rings for ever.
    pub fn ringing() -> Manner {
        Manner {
            ending: Ending::Never,
            ..Manner::default()
        }
    }

    /// One of the many ways a phone may be.
    pub fn draw(random: &mut Random) -> Manner {
        let ending = match random.below(10) {
            0..6 => Ending::Answer,
            6..9 => {
                Ending::Reject([486, 404, 603, 480, 500, 503, 600, 410][random.below(8) as usize])
            }
            _ => Ending::Never,
        };
        let rings =
            [&[][..], &[180], &[183], &[180, 183], &[180, 180]][random.below(5) as usize].to_vec();
        let forks = if random.below(6) == 0 { 3 } else { 1 };
        Manner {
            deaf: random.below(12) == 0,
            trying: random.below(2) == 0,
            rings,
            ring_after: Duration::from_millis(random.below(300)),
            forks,
            second_answer: (forks > 1 && random.below(2) == 0)
                .then(|| Duration::from_millis(random.below(800))),
            early_sdp: random.below(3) == 0,
            ending,
            ending_after: Duration::from_millis(random.below(4) * random.below(2_000)),
            acts: Act::draw(random),
        }
    }
}

/// Something done in a call that is up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// re-INVITE with a changed offer.
    Hold,
    /// re-INVITE without an offer.
    LateHold,
    /// INFO with a DTMF body.
    Info,
    /// MESSAGE in the dialog.
    Message,
    /// BYE.
    Bye,
}

impl Act {
    fn draw(random: &mut Random) -> Vec<(Duration, Act)> {
        let mut acts = Vec::new();
        for _ in 0..random.below(3) {
            let act = [
                Act::Hold,
                Act::Hold,
                Act::LateHold,
                Act::Info,
                Act::Info,
                Act::Message,
            ][random.below(6) as usize];
            acts.push((Duration::from_millis(random.below(3_000)), act));
        }
        if random.below(2) == 0 {
            acts.push((Duration::from_millis(random.below(6_000)), Act::Bye));
        }
        acts
    }
}

/// What a phone answers a challenge with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Credentials {
    /// Its password.
    Right,
    /// Another.
    Wrong,
    /// Nothing.
    None,
}

/// How a phone makes a call.
#[derive(Clone, Debug)]
pub struct Plan {
    /// No offer in the INVITE; the 200 brings one and the ACK answers.
    pub late_offer: bool,
    /// CANCEL this long after the INVITE (or at the first 1xx after that).
    pub cancel_after: Option<Duration>,
    /// Whether it ACKs the 2xx.
    pub acks: bool,
    /// What it proves.
    pub credentials: Credentials,
    /// What it does once the call is up.
    pub acts: Vec<(Duration, Act)>,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            late_offer: false,
            cancel_after: None,
            acks: true,
            credentials: Credentials::Right,
            acts: Vec::new(),
        }
    }
}

impl Plan {
    /// A call that hangs up `after` it was answered.
    pub fn hanging_up(after: Duration) -> Plan {
        Plan {
            acts: vec![(after, Act::Bye)],
            ..Plan::default()
        }
    }

    /// One of the many ways a caller may be.
    pub fn draw(random: &mut Random) -> Plan {
        let cancel_after = match random.below(5) {
            0 => Some(Duration::from_millis(random.below(60))),
            1 => Some(Duration::from_millis(random.below(4) * random.below(2_000))),
            _ => None,
        };
        Plan {
            late_offer: random.below(5) == 0,
            cancel_after,
            acks: random.below(12) != 0,
            credentials: match random.below(12) {
                0 => Credentials::Wrong,
                1 => Credentials::None,
                _ => Credentials::Right,
            },
            acts: Act::draw(random),
        }
    }
}
