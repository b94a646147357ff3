//! Everything the flags of one run say, as a value: who calls whom, how often,
//! from where and for how long. Checked before anything starts; does nothing.

mod arrival;
mod hidden;
mod users;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use pinion_sip::base::Transport;
use pinion_sip::transaction::Timers;

pub use arrival::{Arrival, Pacer};
pub use hidden::{Hidden, shown};
pub use users::{Formula, Users};

/// The most sockets one thread can have, of both sides together.
pub const MAX_SOCKETS: usize = 64;

/// What one unit of load is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Unit {
    /// INVITE, the callee's answer, a conversation, BYE.
    Call,
    /// REGISTER, and again with credentials when challenged.
    Register,
    /// OPTIONS outside any dialog.
    Options,
    /// MESSAGE outside any dialog.
    Message,
}

impl Unit {
    /// All of them.
    pub const ALL: [Unit; 4] = [Unit::Call, Unit::Register, Unit::Options, Unit::Message];

    /// Its name on the command line and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Unit::Call => "call",
            Unit::Register => "register",
            Unit::Options => "options",
            Unit::Message => "message",
        }
    }
}

/// How units follow each other.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Load {
    /// Each at its intended time, whatever became of those before it.
    Open(Arrival),
    /// So many at once, a new one as soon as one ends. Finds what a unit costs
    /// at saturation; its latencies say nothing, as a slow target slows the load.
    Closed(u32),
}

/// What a callee does with a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Behaviour {
    /// 180, and 200 after the ring time.
    Answer,
    /// 180, and nothing more until cancelled.
    Ring,
    /// 486.
    Busy,
    /// Nothing at all, as a phone without power.
    Silent,
    /// This status, 300 to 699.
    Refuse(u16),
}

/// The called side of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Callee {
    /// Behaviours and how often each is drawn, relative to the others.
    pub behaviours: Vec<(Behaviour, u32)>,
    /// From the INVITE to the 200.
    pub ring: Duration,
    /// Where thread 0 takes calls; thread n does n ports above. `None`: ports
    /// of the kernel's choice.
    pub listen: Option<SocketAddr>,
    /// Whether its users are registered at the target before calls begin.
    pub register: bool,
}

/// One run.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// The name results go by.
    pub scenario: String,
    /// The command line, for the results.
    pub flags: Vec<String>,
    /// What units there are, and how often each is drawn relative to the
    /// others. Empty: only the called side runs.
    pub units: Vec<(Unit, u32)>,
    /// Where requests go.
    pub target: SocketAddr,
    /// What carries them: over streams every socket of the plan is a connection
    /// to the target, and nothing is sent twice.
    pub transport: Transport,
    /// The host of everybody's address of record; `None`: the target's.
    pub domain: Option<String>,
    /// Who calls, registers and asks.
    pub callers: Users,
    /// Who is called.
    pub callees: Users,
    /// How units follow each other.
    pub load: Load,
    /// For how long units begin.
    pub duration: Duration,
    /// At most this many units, shared out over the threads.
    pub count: Option<u64>,
    /// From the 200 to the BYE.
    pub hold: Duration,
    /// How long a call may ring before it is cancelled.
    pub answer_limit: Duration,
    /// What a registration asks for, in seconds.
    pub expires_s: u32,
    /// Final statuses, beside success, that are as they should be.
    pub expect: Vec<u16>,
    /// The called side, if it runs here.
    pub callee: Option<Callee>,
    /// The CPU of each thread: as many threads as entries.
    pub cpus: Vec<usize>,
    /// Addresses to send from, in turn; empty: the one routing chooses.
    pub local: Vec<IpAddr>,
    /// Sockets to send from, per thread: units take them in turn.
    pub ports_per_thread: usize,
    /// The first port to send from; 0: ports of the kernel's choice.
    pub first_port: u16,
    /// RFC 3261's timers.
    pub timers: Timers,
    /// Units at once and thread; a unit beyond is skipped, which makes the run
    /// INVALID.
    pub most_at_once: u32,
    /// Datagrams one system call may move.
    pub batch: usize,
    /// How long a busy thread lets datagrams gather.
    pub coalesce: Duration,
    /// Receive and send buffer of each socket, in bytes.
    pub buffers: (usize, usize),
    /// What all randomness, and so every byte sent, is drawn from. Two runs
    /// against one server want two seeds, or the second meets the
    /// transactions that linger from the first.
    pub seed: u64,
    /// Whether progress is told while it runs.
    pub progress: bool,
}

impl Plan {
    /// How many threads it runs on.
    pub fn threads(&self) -> u16 {
        self.cpus.len().clamp(1, 256) as u16
    }

    /// The host in everybody's address of record.
    pub fn host(&self) -> String {
        self.domain
            .clone()
            .unwrap_or_else(|| self.target.to_string())
    }

    /// How units arrive, in words.
    pub fn arrival(&self) -> String {
        match self.load {
            _ if self.units.is_empty() => "none".into(),
            Load::Open(arrival) => arrival.to_string(),
            Load::Closed(units) => format!("closed loop, {units} in flight"),
        }
    }

    /// Units a second that were meant to begin; 0 for a closed loop.
    pub fn offered(&self) -> f64 {
        match self.load {
            Load::Open(arrival) if !self.units.is_empty() => {
                let seconds = self.duration.as_secs_f64().max(f64::EPSILON);
                arrival.due(self.duration, self.duration) / seconds
            }
            _ => 0.0,
        }
    }

    /// Whether a call may end with `status` and be as it should.
    pub fn expects(&self, status: u16) -> bool {
        (200..300).contains(&status) || self.expect.contains(&status) || self.refuses(status)
    }

    /// Whether the called side, if it runs here, may end a call with `status`.
    fn refuses(&self, status: u16) -> bool {
        self.callee.iter().any(|callee| {
            callee.behaviours.iter().any(|(behaviour, weight)| {
                *weight > 0
                    && match behaviour {
                        Behaviour::Busy => status == 486,
                        Behaviour::Refuse(code) => status == *code,
                        Behaviour::Ring | Behaviour::Silent => status == 487,
                        Behaviour::Answer => false,
                    }
            })
        })
    }

    /// Whether `status` is expected of the called side here, and of nobody else.
    pub fn is_callees(&self, status: u16) -> bool {
        !self.expect.contains(&status) && self.refuses(status)
    }

    /// What stands against running it, in one sentence.
    pub fn check(&self) -> Result<(), String> {
        let threads = usize::from(self.threads());
        let sockets = self.ports_per_thread + usize::from(self.callee.is_some());
        if self.cpus.is_empty() || self.cpus.len() > 256 {
            return Err("from 1 to 256 threads are possible".into());
        }
        if sockets > MAX_SOCKETS {
            return Err(format!(
                "a thread can have {MAX_SOCKETS} sockets, both sides together, not {sockets}"
            ));
        }
        if self.units.is_empty() && self.callee.is_none() {
            return Err("there is nothing to do".into());
        }
        if !self.units.is_empty() && self.units.iter().all(|(_, weight)| *weight == 0) {
            return Err("one weight must be above 0".into());
        }
        if self.first_port != 0
            && usize::from(self.first_port) + threads * self.ports_per_thread > 65_536
        {
            return Err("the ports would end beyond 65535".into());
        }
        if let Load::Closed(in_flight) = self.load
            && u64::from(self.most_at_once) < share(in_flight.into(), 0, self.threads())
        {
            return Err("--saturate wants more at once than --most-at-once allows".into());
        }
        if let Load::Open(arrival) = self.load
            && !self.units.is_empty()
            && arrival.peak(self.duration) <= 0.0
        {
            return Err("the rate must be above 0".into());
        }
        self.check_addresses(threads)
    }

    /// Whether messages can name the addresses, and the target be reached from
    /// them.
    fn check_addresses(&self, threads: usize) -> Result<(), String> {
        let listen = self.callee.as_ref().and_then(|callee| callee.listen);
        let ips = self.local.iter().copied();
        for ip in ips.chain(listen.map(|listen| listen.ip())) {
            if ip.is_unspecified() {
                return Err(format!(
                    "{ip} cannot stand in a Contact: name one address of this host"
                ));
            }
            if ip.is_ipv4() != self.target.is_ipv4() {
                return Err(format!("{ip} is of another family than {}", self.target));
            }
        }
        let beyond = |listen: SocketAddr| {
            listen.port() != 0 && usize::from(listen.port()) + threads > 65_536
        };
        if listen.is_some_and(beyond) {
            return Err("the ports of the called side would end beyond 65535".into());
        }
        Ok(())
    }
}

/// The part of `whole` that falls to `thread` of `threads`, which take turns.
pub fn share(whole: u64, thread: u16, threads: u16) -> u64 {
    whole
        .saturating_sub(thread.into())
        .div_ceil(u64::from(threads.max(1)))
}

/// Refuses those of `names` that a command line gives without effect; `why` is
/// the end of the sentence.
pub fn refuse_idle(flags: &[String], names: &[&str], why: &str) -> Result<(), String> {
    let given = |flag: &String| {
        let name = flag.split_once('=').map_or(flag.as_str(), |(name, _)| name);
        names.contains(&name)
    };
    match flags.iter().find(|flag| given(flag)) {
        Some(flag) => Err(format!("{flag} has no effect here: {why}")),
        None => Ok(()),
    }
}

/// Units a second, from `least` to ten million.
pub fn rate(text: &str, least: f64) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate| (least..=1e7).contains(rate))
        .ok_or_else(|| "a rate above 0 is wanted".into())
}

/// A time such as `200us`, `20ms`, `10s`, `5m` or `2h`; without a unit, seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "us" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        other => {
            return Err(format!(
                "{other} is no unit of time; us, ms, s, m and h are"
            ));
        }
    };
    digits
        .parse()
        .ok()
        .and_then(|number: f64| Duration::try_from_secs_f64(number * unit).ok())
        .filter(|duration| duration.as_secs() <= 366 * 86_400)
        .ok_or_else(|| format!("{text} is no time such as 20ms, 10s or 5m"))
}

/// Behaviours with weights: `answer`, or `answer=90,busy=8,503=2`.
pub fn behaviours(text: &str) -> Result<Vec<(Behaviour, u32)>, String> {
    weights(text, |name| match name {
        "answer" => Some(Behaviour::Answer),
        "ring" => Some(Behaviour::Ring),
        "busy" => Some(Behaviour::Busy),
        "silent" => Some(Behaviour::Silent),
        code => code
            .parse()
            .ok()
            .filter(|code| (300..700).contains(code))
            .map(Behaviour::Refuse),
    })
    .map_err(|name| format!("{name} is none of answer, ring, busy, silent and 300 to 699"))
}

/// Units with weights: `call=10,register=5,options=1`.
pub fn mix(text: &str) -> Result<Vec<(Unit, u32)>, String> {
    weights(text, |name| {
        Unit::ALL.into_iter().find(|unit| unit.name() == name)
    })
    .map_err(|name| format!("{name} is none of call, register, options and message, with =WEIGHT"))
}

/// `name=weight,…`; a name alone weighs 1. The part that is wrong on `Err`.
fn weights<T>(text: &str, known: impl Fn(&str) -> Option<T>) -> Result<Vec<(T, u32)>, String> {
    text.split(',')
        .map(|part| {
            let (name, weight) = part.split_once('=').unwrap_or((part, "1"));
            known(name)
                .zip(weight.parse().ok().filter(|weight| *weight <= 1_000_000))
                .ok_or_else(|| part.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let of = |text| duration(text).map(|time| time.as_micros());
        assert_eq!(of("200us"), Ok(200));
        assert_eq!(of("1.5ms"), Ok(1500));
        assert_eq!(of("10"), Ok(10_000_000));
        assert_eq!(of("2h"), Ok(7_200_000_000));
        assert!(of("ten").is_err() && of("5d").is_err() && of("-1s").is_err());
    }

    #[test]
    fn behaviours_have_weights() {
        assert_eq!(
            behaviours("answer=90,busy,503=2"),
            Ok(vec![
                (Behaviour::Answer, 90),
                (Behaviour::Busy, 1),
                (Behaviour::Refuse(503), 2)
            ])
        );
        for wrong in ["", "answr", "200", "busy=x"] {
            assert!(behaviours(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            mix("call=3,options"),
            Ok(vec![(Unit::Call, 3), (Unit::Options, 1)])
        );
    }
}
