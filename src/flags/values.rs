//! What values of flags may be, and how they are written. Which flags there are
//! is not known here.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::RangedU64ValueParser;
use pinion_runtime::Way;

use crate::config::REGSERVER_WIDTH;
use crate::realtime;

/// A number that is not 0.
pub(super) fn at_least_one() -> RangedU64ValueParser<u32> {
    RangedU64ValueParser::new().range(1..=u64::from(u32::MAX))
}

/// Seconds, a day at most.
pub(super) fn up_to_a_day() -> RangedU64ValueParser<u64> {
    RangedU64ValueParser::new().range(..=86_400)
}

/// Milliseconds, a minute at most.
pub(super) fn milliseconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(ms @ 1..=60_000) => Ok(Duration::from_millis(ms)),
        _ => Err("a number of milliseconds from 1 to 60000 is wanted".into()),
    }
}

/// Seconds, a day at most.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 0..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err("a number of seconds from 0 to 86400 is wanted".into()),
    }
}

/// What `regserver` has room for, and a shell leaves alone.
pub(super) fn node_name(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if (1..=REGSERVER_WIDTH).contains(&text.len()) && text.bytes().all(fits) {
        return Ok(text.into());
    }
    Err(format!(
        "a name of up to {REGSERVER_WIDTH} letters, digits, dots, hyphens and underscores is wanted"
    ))
}

/// `--reg-write`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum RegWrite {
    /// For its row: the database has it for good.
    Durable,
    /// For the journal in --state DIR, which brings it to the database later.
    Journal,
}

impl From<RegWrite> for realtime::RegWrite {
    fn from(when: RegWrite) -> realtime::RegWrite {
        match when {
            RegWrite::Durable => realtime::RegWrite::Durable,
            RegWrite::Journal => realtime::RegWrite::Journal,
        }
    }
}

/// `--steer`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Steer {
    /// The first of the others that this host allows.
    Auto,
    /// The kernel chooses by Call-ID; takes CAP_BPF and CAP_PERFMON.
    Ebpf,
    /// The kernel chooses by Call-IDs near the beginning; takes no privilege.
    Cbpf,
    /// The kernel spreads by addresses; shards hand over what is not theirs.
    Mesh,
}

impl Steer {
    /// The way asked for; `None` for the best there is.
    pub fn way(self) -> Option<Way> {
        match self {
            Steer::Auto => None,
            Steer::Ebpf => Some(Way::Ebpf),
            Steer::Cbpf => Some(Way::Cbpf),
            Steer::Mesh => Some(Way::Mesh),
        }
    }
}

/// A size in bytes, written plainly or with `k` (1024) or `m` (1024²).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bytes(pub usize);

impl FromStr for Bytes {
    type Err = String;
    fn from_str(text: &str) -> Result<Bytes, String> {
        let (digits, unit) = match text.as_bytes().last() {
            Some(b'k' | b'K') => (&text[..text.len() - 1], 1 << 10),
            Some(b'm' | b'M') => (&text[..text.len() - 1], 1 << 20),
            _ => (text, 1),
        };
        digits
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_mul(unit))
            .filter(|bytes| (4096..=1 << 30).contains(bytes))
            .map(Bytes)
            .ok_or_else(|| "a size from 4k to 1024m is wanted".into())
    }
}

/// CPU numbers as `taskset -c` writes them: `0-3,5`. Repetition is allowed:
/// `0,1,0,1` puts four shards on two CPUs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CpuList(pub Vec<usize>);

impl FromStr for CpuList {
    type Err = String;
    fn from_str(text: &str) -> Result<CpuList, String> {
        let wrong = || "a list such as 0-3,5 is wanted".to_string();
        let number = |text: &str| {
            text.parse()
                .ok()
                .filter(|&cpu: &usize| cpu < 4096)
                .ok_or_else(wrong)
        };
        let mut cpus = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return Err(wrong());
            }
            cpus.extend(first..=last);
        }
        Ok(CpuList(cpus))
    }
}

impl fmt::Display for CpuList {
    /// Runs of neighbours as ranges.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, run) in self.0.chunk_by(|a, b| a + 1 == *b).enumerate() {
            let comma = if index > 0 { "," } else { "" };
            match run {
                [first, .., last] => write!(f, "{comma}{first}-{last}")?,
                [only] => write!(f, "{comma}{only}")?,
                [] => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_list_reads_what_it_writes() {
        for text in ["0", "0-3,5", "0-1,3,0-1", "7,6"] {
            assert_eq!(text.parse::<CpuList>().unwrap().to_string(), text);
        }
        assert!("".parse::<CpuList>().is_err());
        assert!("0,".parse::<CpuList>().is_err());
    }
}
