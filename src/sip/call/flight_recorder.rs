//! The flight recorder of one call: what happened to it last, always on.
//!
//! A moment takes some five bytes: its kind and leg, and then numbers of seven
//! bits a byte: the milliseconds since the moment before, and what the kind
//! has. A call of one answer and one BYE takes less than 100; at most
//! [`MOST_BYTES`] are kept, the oldest going first.

use core::time::Duration;

use smallvec::SmallVec;

use crate::base::{Instant, Spares};
use crate::dialplan::{ApplicationId, Cause};
use crate::machine::{Moment, Ringer, Topic, Way, What};
use crate::wire::{Method, Status};

/// Bytes of moments one call keeps at most.
pub const MOST_BYTES: usize = 1024;

/// How many of them make room at once when there is none.
const FORGOTTEN_BYTES: usize = 256;

/// Bytes of one moment at most: kind and leg, and four numbers.
const LARGEST: usize = 21;

/// Spare recorders a shard keeps at most.
const MOST_SPARES: usize = 4096;

/// The leg that stands for all beyond.
const LAST_LEG: u16 = 15;

/// What happened to one call.
#[derive(Debug)]
pub struct FlightRecorder {
    /// When the call began.
    began: Instant,
    /// When the last moment was, in ms after that.
    last_ms: u32,
    /// When the moment before the first one kept was, in ms after that.
    first_ms: u32,
    /// Moments forgotten.
    forgotten: u32,
    /// The final response that makes the call worth keeping.
    failed: Option<Status>,
    /// The caller has been shown that it rings.
    rung: bool,
    bytes: SmallVec<[u8; 56]>,
}

/// What a moment's first byte tells, beside the leg: kinds in the order of
/// [`What`], messages once for each way.
mod kind {
    pub(super) const REQUEST_IN: u8 = 0;
    pub(super) const REQUEST_OUT: u8 = 1;
    pub(super) const RESPONSE_IN: u8 = 2;
    pub(super) const RESPONSE_OUT: u8 = 3;
    pub(super) const STEP: u8 = 4;
    pub(super) const ASKED: u8 = 5;
    pub(super) const HEARD: u8 = 6;
    pub(super) const UNHEARD: u8 = 7;
    pub(super) const TIMER: u8 = 8;
    pub(super) const ENDED: u8 = 9;
    pub(super) const ONWARD: u8 = 10;

    /// How many numbers a moment of that kind has beside its time.
    pub(super) const fn numbers(kind: u8) -> usize {
        match kind {
            RESPONSE_IN | RESPONSE_OUT => 3,
            REQUEST_IN | REQUEST_OUT | STEP | HEARD | UNHEARD => 2,
            ONWARD => 0,
            _ => 1,
        }
    }
}

impl FlightRecorder {
    /// Spares, for the calls of a shard.
    pub fn spares() -> Spares<FlightRecorder> {
        Spares::new(MOST_SPARES, |flight| flight.bytes.capacity() <= 256)
    }

    /// A recorder of a call that begins now, in a spare if there is one.
    pub fn begin(spares: &mut Spares<FlightRecorder>, now: Instant) -> Box<FlightRecorder> {
        let mut flight = spares.take().unwrap_or_else(|| {
            Box::new(FlightRecorder {
                began: now,
                last_ms: 0,
                first_ms: 0,
                forgotten: 0,
                failed: None,
                rung: false,
                bytes: SmallVec::new(),
            })
        });
        flight.bytes.clear();
        (flight.began, flight.failed, flight.rung) = (now, None, false);
        (flight.last_ms, flight.first_ms, flight.forgotten) = (0, 0, 0);
        flight
    }

    /// When the call began.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Moments that were forgotten to make room.
    pub fn forgotten(&self) -> u32 {
        self.forgotten
    }

    /// The final response its caller has been sent, if that is a failure of
    /// somebody but the callee.
    pub fn failed(&self) -> Option<Status> {
        self.failed
    }

    /// The caller is sent a final response.
    pub fn refused(&mut self, status: Status) {
        if status.code() >= 500 || status == Status::REQUEST_TIMEOUT {
            self.failed = Some(status);
        }
    }

    /// The caller is shown that it rings; whether for the first time.
    pub fn rings(&mut self) -> bool {
        !core::mem::replace(&mut self.rung, true)
    }

    /// Records what happens now. Callers name what it is, so that taking it apart
    /// leaves no more to do than handing on its parts.
    #[inline]
    pub fn record(&mut self, now: Instant, what: What) {
        let (kind, leg, numbers) = parts(what);
        let head = kind | (leg.min(LAST_LEG) as u8) << 4;
        self.write(now, head, kind::numbers(kind), numbers);
    }

    fn write(&mut self, now: Instant, head: u8, count: usize, numbers: [u32; 3]) {
        let micros = now.as_micros().saturating_sub(self.began.as_micros());
        let at_ms = u32::try_from(micros / 1000).unwrap_or(u32::MAX);
        let since_ms = at_ms.saturating_sub(self.last_ms);
        self.last_ms = at_ms;
        match numbers.get(..count).unwrap_or_default() {
            // Nearly all steps of a plan, of which there are most.
            &[first, second] if since_ms | first | second < 0x80 => {
                self.see_to_room(4);
                for byte in [head, since_ms as u8, first as u8, second as u8] {
                    self.bytes.push(byte);
                }
            }
            numbers => self.write_any(head, since_ms, numbers),
        }
    }

    #[inline(never)]
    fn write_any(&mut self, head: u8, since_ms: u32, numbers: &[u32]) {
        let mut moment = Bytes::default();
        moment.push(head);
        moment.number(since_ms);
        for &number in numbers {
            moment.number(number);
        }
        self.see_to_room(moment.as_slice().len());
        self.bytes.extend_from_slice(moment.as_slice());
    }

    fn see_to_room(&mut self, bytes: usize) {
        if self.bytes.len() + bytes > MOST_BYTES {
            self.make_room();
        }
    }

    /// Forgets the oldest moments.
    #[cold]
    fn make_room(&mut self) {
        let mut moments = self.moments();
        let mut forgotten = 0;
        while self.bytes.len() - moments.rest.len() < FORGOTTEN_BYTES && moments.next().is_some() {
            forgotten += 1;
        }
        let (gone, at_ms) = (self.bytes.len() - moments.rest.len(), moments.at_ms);
        self.bytes.drain(..gone);
        self.first_ms = at_ms;
        self.forgotten = self.forgotten.saturating_add(forgotten);
    }

    /// What is kept, the oldest first.
    pub fn moments(&self) -> Moments<'_> {
        Moments {
            rest: &self.bytes,
            at_ms: self.first_ms,
        }
    }
}

/// The moments of a recorder, the oldest first.
#[derive(Clone, Debug)]
pub struct Moments<'r> {
    rest: &'r [u8],
    at_ms: u32,
}

impl Moments<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    fn number(&mut self) -> Option<u32> {
        let mut number = 0;
        for place in 0..5 {
            let byte = self.byte()?;
            number |= u32::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

impl Iterator for Moments<'_> {
    type Item = Moment;

    fn next(&mut self) -> Option<Moment> {
        let head = self.byte()?;
        let (kind, leg) = (head & 0x0f, u16::from(head >> 4));
        self.at_ms = self.at_ms.saturating_add(self.number()?);
        let mut numbers = [0; 3];
        for number in numbers.iter_mut().take(kind::numbers(kind)) {
            *number = self.number()?;
        }
        Some(Moment {
            after: Duration::from_millis(self.at_ms.into()),
            what: whole(kind, leg, numbers)?,
        })
    }
}

/// Kind, leg and numbers of what happened.
#[inline]
fn parts(what: What) -> (u8, u16, [u32; 3]) {
    match what {
        What::Request(way, leg, method, cseq) => {
            let kind = match way {
                Way::In => kind::REQUEST_IN,
                Way::Out => kind::REQUEST_OUT,
            };
            (kind, leg, [method.number().into(), cseq, 0])
        }
        What::Response(way, leg, status, method, cseq) => {
            let kind = match way {
                Way::In => kind::RESPONSE_IN,
                Way::Out => kind::RESPONSE_OUT,
            };
            let numbers = [status.code().into(), method.number().into(), cseq];
            (kind, leg, numbers)
        }
        What::Step(application, priority) => (kind::STEP, 0, [application.0.into(), priority, 0]),
        What::Asked(topic) => (kind::ASKED, 0, [topic.number().into(), 0, 0]),
        What::Heard(topic, answered, took) => {
            let kind = if answered { kind::HEARD } else { kind::UNHEARD };
            let took_us = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
            (kind, 0, [topic.number().into(), took_us, 0])
        }
        What::Timer(ringer, leg) => (kind::TIMER, leg, [ringer.number().into(), 0, 0]),
        What::Ended(cause) => (kind::ENDED, 0, [cause.0.into(), 0, 0]),
        What::Onward(leg) => (kind::ONWARD, leg, [0; 3]),
    }
}

/// What happened, from its parts.
fn whole(kind: u8, leg: u16, [first, second, third]: [u32; 3]) -> Option<What> {
    let way = match kind {
        kind::REQUEST_IN | kind::RESPONSE_IN => Way::In,
        _ => Way::Out,
    };
    let low = |number: u32| u8::try_from(number).ok();
    let method = |number| Some(Method::numbered(low(number)?));
    Some(match kind {
        kind::REQUEST_IN | kind::REQUEST_OUT => What::Request(way, leg, method(first)?, second),
        kind::RESPONSE_IN | kind::RESPONSE_OUT => {
            let status = Status::new(u16::try_from(first).ok()?)?;
            What::Response(way, leg, status, method(second)?, third)
        }
        kind::STEP => What::Step(ApplicationId(u16::try_from(first).ok()?), second),
        kind::ASKED => What::Asked(Topic::numbered(low(first)?)?),
        kind::HEARD | kind::UNHEARD => {
            let took = Duration::from_micros(second.into());
            What::Heard(Topic::numbered(low(first)?)?, kind == kind::HEARD, took)
        }
        kind::TIMER => What::Timer(Ringer::numbered(low(first)?)?, leg),
        kind::ENDED => What::Ended(Cause(low(first)?)),
        kind::ONWARD => What::Onward(leg),
        _ => return None,
    })
}

/// One moment being written.
#[derive(Default)]
struct Bytes {
    bytes: [u8; LARGEST],
    len: u8,
}

impl Bytes {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(usize::from(self.len)) {
            *place = byte;
            self.len += 1;
        }
    }

    fn number(&mut self, mut number: u32) {
        while number >= 0x80 {
            self.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.push(number as u8);
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_micros(7_000_000 + ms * 1000)
    }

    #[test]
    fn what_was_recorded_is_told() {
        let answered = Method::Invite;
        let whats = [
            What::Request(Way::In, 0, Method::Invite, 4_294_967_295),
            What::Request(Way::Out, 3, Method::Bye, 102),
            What::Response(Way::In, 2, Status::RINGING, answered, 1),
            What::Response(Way::Out, 15, Status::REQUEST_TIMEOUT, Method::Info, 7),
            What::Step(ApplicationId(130), 12),
            What::Asked(Topic::Bindings),
            What::Heard(Topic::Rows, true, Duration::from_micros(5_123)),
            What::Heard(Topic::Work, false, Duration::from_secs(2)),
            What::Timer(Ringer::Unacknowledged, 1),
            What::Ended(Cause(127)),
            What::Onward(2),
        ];
        let mut flight = FlightRecorder::begin(&mut FlightRecorder::spares(), at(0));
        for (index, what) in whats.into_iter().enumerate() {
            flight.record(at(index as u64 * 1_000), what);
        }
        let told: Vec<Moment> = flight.moments().collect();
        for (index, (moment, what)) in told.iter().zip(whats).enumerate() {
            assert_eq!(moment.what, what);
            assert_eq!(moment.after, Duration::from_secs(index as u64));
        }
        assert_eq!((told.len(), flight.forgotten()), (whats.len(), 0));
    }

    #[test]
    fn methods_without_a_name_of_their_own_and_legs_beyond_have_one_each() {
        let mut flight = FlightRecorder::begin(&mut FlightRecorder::spares(), at(0));
        flight.record(at(0), What::Request(Way::In, 200, Method::Other(b"X"), 1));
        let told = flight.moments().next().unwrap();
        let unnamed = Method::Other(b"").named();
        assert_eq!(told.what, What::Request(Way::In, 15, unnamed, 1));
    }

    #[test]
    fn the_last_moments_are_kept_and_no_more_than_there_is_room_for() {
        let mut flight = FlightRecorder::begin(&mut FlightRecorder::spares(), at(0));
        const COUNT: u32 = 10_000;
        for number in 0..COUNT {
            let what = What::Request(Way::In, 0, Method::Info, number);
            flight.record(at(u64::from(number) * 20), what);
        }
        let told: Vec<Moment> = flight.moments().collect();
        assert_eq!(told.len() as u32 + flight.forgotten(), COUNT);
        assert!(told.len() > 150, "{}", told.len());
        for (moment, number) in told.iter().rev().zip((0..COUNT).rev()) {
            assert_eq!(moment.what, What::Request(Way::In, 0, Method::Info, number));
            assert_eq!(moment.after.as_millis(), u128::from(number) * 20);
        }
        let bytes = flight.bytes.capacity() + size_of::<FlightRecorder>();
        assert!(bytes <= 2048, "{bytes} bytes");
    }

    #[test]
    fn a_spare_tells_nothing_of_the_call_before() {
        let mut spares = FlightRecorder::spares();
        let mut flight = FlightRecorder::begin(&mut spares, at(0));
        flight.record(at(5), What::Ended(Cause(16)));
        flight.refused(Status::SERVICE_UNAVAILABLE);
        assert!(flight.failed().is_some() && flight.rings() && !flight.rings());
        spares.give(flight);
        let mut flight = FlightRecorder::begin(&mut spares, at(9));
        assert_eq!(flight.moments().count(), 0);
        assert_eq!((flight.failed(), flight.began()), (None, at(9)));
        assert!(flight.rings());
    }
}
