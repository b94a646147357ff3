//! The letters of RFC 3261 table 4 and their values.
//!
//! Owns how long each lasts; never when one rings.

use core::time::Duration;

/// §17.1.1.2: timer D is at least this over unreliable transports.
const D_MIN: Duration = Duration::from_secs(32);

/// Shortest T1 and T2 in use, so that no retransmission follows itself at once.
const SHORTEST: Duration = Duration::from_millis(1);

/// An alarm of a transaction. States ignore the letters they do not own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timer {
    /// INVITE client: retransmits the request.
    A,
    /// INVITE client: gives up.
    B,
    /// INVITE client: absorbs copies of a final response.
    D,
    /// Client: retransmits the request.
    E,
    /// Client: gives up. Server: the client has given up (RFC 4320 §4.2).
    F,
    /// INVITE server: retransmits a final response other than 2xx.
    G,
    /// INVITE server: stops waiting for the ACK.
    H,
    /// INVITE server: absorbs copies of the ACK.
    I,
    /// Server: absorbs copies of the request.
    J,
    /// Client: absorbs copies of the response.
    K,
    /// INVITE server: absorbs copies of an accepted INVITE (RFC 6026).
    L,
    /// INVITE client: takes further 2xx (RFC 6026).
    M,
    /// INVITE server: 200 ms without a response (§17.2.1). Server: 100 may be
    /// sent from now on (RFC 4320 §4.1).
    Trying,
    /// INVITE client: 64·T1 since its CANCEL (§9.1).
    Abandon,
    /// The user of an INVITE server repeats its 2xx (§13.3.1.4).
    Repeat,
    /// The user of an INVITE server repeats its provisional response (§13.3.1.1).
    Refresh,
}

impl Timer {
    /// Whether the alarm bounds a state, rather than ringing again and again
    /// within it. A transaction waits for at most one of each sort at a time.
    pub fn bounds(self) -> bool {
        !matches!(
            self,
            Timer::A | Timer::E | Timer::G | Timer::Trying | Timer::Repeat | Timer::Refresh
        )
    }
}

/// The durations a transaction runs by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timers {
    /// Round-trip estimate.
    pub t1: Duration,
    /// Longest interval between copies.
    pub t2: Duration,
    /// How long a message may stay in the network.
    pub t4: Duration,
    /// What the RFC calls 64·T1: timers B, F, H, J, L, M and the wait after CANCEL.
    pub timer_b: Duration,
}

impl Default for Timers {
    fn default() -> Timers {
        Timers::USUAL
    }
}

impl Timers {
    /// Those of table 4.
    pub const USUAL: Timers = Timers {
        t1: Duration::from_millis(500),
        t2: Duration::from_secs(4),
        t4: Duration::from_secs(5),
        timer_b: Duration::from_secs(32),
    };

    /// §17.2.1: how long the user of an INVITE has before a 100 is sent for it.
    pub const TRYING: Duration = Duration::from_millis(200);

    /// §13.3.1.1: how often a provisional response to INVITE is repeated.
    pub const REFRESH: Duration = Duration::from_secs(60);

    /// T1 · 2ᶜᵒᵖⁱᵉˢ.
    fn doubled(&self, copies: u8) -> Duration {
        self.t1.max(SHORTEST).saturating_mul(1 << copies.min(20))
    }

    /// Until the next copy of an INVITE, `copies` of which have been sent.
    pub fn a(&self, copies: u8) -> Duration {
        self.doubled(copies)
    }

    /// Until an INVITE without any response is given up.
    pub fn b(&self) -> Duration {
        self.timer_b
    }

    /// How long copies of a final response are acknowledged.
    pub fn d(&self, reliable: bool) -> Duration {
        if reliable {
            Duration::ZERO
        } else {
            self.timer_b.max(D_MIN)
        }
    }

    /// Until the next copy of a request, `copies` of which have been sent.
    pub fn e(&self, copies: u8) -> Duration {
        self.doubled(copies).min(self.t2.max(SHORTEST))
    }

    /// Until a request without a final response is given up.
    pub fn f(&self) -> Duration {
        self.timer_b
    }

    /// Until the next copy of a final response, `copies` of which have been
    /// sent; the 2xx of §13.3.1.4 keeps the same pace.
    pub fn g(&self, copies: u8) -> Duration {
        self.e(copies)
    }

    /// How long a final response to INVITE waits for its ACK.
    pub fn h(&self) -> Duration {
        self.timer_b
    }

    /// How long copies of an ACK are absorbed.
    pub fn i(&self, reliable: bool) -> Duration {
        if reliable { Duration::ZERO } else { self.t4 }
    }

    /// How long copies of a request are answered.
    pub fn j(&self, reliable: bool) -> Duration {
        if reliable {
            Duration::ZERO
        } else {
            self.timer_b
        }
    }

    /// How long copies of a response are absorbed.
    pub fn k(&self, reliable: bool) -> Duration {
        if reliable { Duration::ZERO } else { self.t4 }
    }

    /// How long copies of an accepted INVITE are absorbed.
    pub fn l(&self) -> Duration {
        self.timer_b
    }

    /// How long further 2xx are passed up.
    pub fn m(&self) -> Duration {
        self.timer_b
    }

    /// RFC 4320 §4.1: from when on a request other than INVITE may be answered
    /// with 100, namely once the client's timer E has been reset to T2.
    pub fn trying_allowed(&self, reliable: bool) -> Duration {
        if reliable {
            return Duration::ZERO;
        }
        let longest = self.e(u8::MAX);
        (0..20)
            .map(|copies| self.e(copies))
            .take_while(|&wait| wait < longest)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_doubles_without_bound_and_e_stops_at_t2() {
        let timers = Timers::default();
        let a: Vec<_> = (0..7).map(|copies| timers.a(copies)).collect();
        let e: Vec<_> = (0..5).map(|copies| timers.e(copies)).collect();
        assert_eq!(a, [500, 1000, 2000, 4000, 8000, 16000, 32000].map(ms));
        assert_eq!(e, [500, 1000, 2000, 4000, 4000].map(ms));
        assert_eq!(timers.e(u8::MAX), ms(4000));
    }

    #[test]
    fn d_is_at_least_32_seconds() {
        let quick = Timers {
            timer_b: ms(640),
            ..Timers::default()
        };
        let slow = Timers {
            timer_b: ms(64_000),
            ..Timers::default()
        };
        assert_eq!(quick.d(false), ms(32_000));
        assert_eq!(slow.d(false), ms(64_000));
        assert_eq!(slow.d(true), Duration::ZERO);
    }

    #[test]
    fn reliable_transports_zero_d_i_j_k() {
        let timers = Timers::default();
        let waits = [
            timers.d(true),
            timers.i(true),
            timers.j(true),
            timers.k(true),
        ];
        assert_eq!(waits, [Duration::ZERO; 4]);
        assert_eq!([timers.i(false), timers.k(false)], [ms(5000); 2]);
        assert_eq!(timers.j(false), ms(32_000));
    }

    #[test]
    fn a_100_may_be_sent_once_e_reaches_t2() {
        assert_eq!(Timers::default().trying_allowed(false), ms(3500));
        assert_eq!(Timers::default().trying_allowed(true), Duration::ZERO);
        let flat = Timers {
            t1: ms(4000),
            ..Timers::default()
        };
        assert_eq!(flat.trying_allowed(false), Duration::ZERO);
    }

    #[test]
    fn no_timer_repeats_without_time_passing() {
        let zero = Duration::ZERO;
        let timers = Timers {
            t1: zero,
            t2: zero,
            t4: zero,
            timer_b: zero,
        };
        assert!(timers.a(0) > zero && timers.e(0) > zero && timers.g(3) > zero);
    }
}
