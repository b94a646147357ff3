//! The command line: what it accepts, and what its `--help` teaches. Checks
//! each flag by itself; what needs the host or the configuration is checked by
//! whoever uses it.

mod console;
mod origins;
mod tcp;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Parser, ValueEnum};
use pinion_runtime::Way;

pub use self::console::Console;
pub use self::origins::Setting;
pub use self::tcp::TcpFlags;
use crate::command::Command;
use crate::config::REGSERVER_WIDTH;
use crate::identity::Account;
use crate::logs::{Format, Levels};
use crate::realtime;

/// Most listening addresses: a shard keeps one bit of readiness for each.
const MAX_LISTEN: usize = 64;

const DATABASE: &str = "Database and state";

const WORK: &str = "What the dialplan does outside";

const AFTER_HELP: &str = "\
Signals:
  SIGTERM, SIGINT  drain: new calls get 503; exit at zero calls or at --drain-limit
  a second one     stop at once
  SIGHUP           go by the files of --config as they are now
  SIGUSR1          print the counters of every shard on stdout
  SIGUSR2          open the file of --log-file anew, after it was moved away

Exit status:
  0  after a stop
  1  when the host refuses something (port in use, no privilege, no io_uring), or
     a command of -x failed
  2  for a wrong flag or configuration
  3  when -x or -r reach no engine

Examples:
  pinion                              try it: ten users on 127.0.0.1:5060
  pinion --config /etc/pinion --listen 192.0.2.10:5060 --listen '[2001:db8::10]:5060'
  pinion --config /etc/pinion --cpus 2-5 --rcvbuf 16m --log warn
  pinion --config /etc/pinion --state /var/lib/pinion     (a restart loses nobody)
  pinion check /etc/pinion                                (before a restart, or in CI)
  pinion tune --check                                     (what the host lacks)
  pinion dialplan explain 1001@default --config /etc/pinion
  pinion -r                           (the console of the running engine)
  pinion -x 'core show channels'      (one command of it; --json for programs)

tuning.md says when to change what.";

/// SIP registrar and back-to-back user agent, one shard per CPU.
///
/// Reads Asterisk's sip.conf and extensions.conf from a directory. Without one
/// it runs a built-in configuration with users 1001 to 1010 and prints their
/// passwords. When the line `ready` appears on stdout, it serves.
#[derive(Parser, Clone, PartialEq, Debug)]
#[command(name = "pinion", version, after_help = AFTER_HELP, max_term_width = 100)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Flags {
    /// What is asked instead of serving
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Directory with sip.conf and extensions.conf
    ///
    /// [default: a built-in configuration on loopback]
    #[arg(long, value_name = "DIR", help_heading = "What to serve")]
    pub config: Option<PathBuf>,

    /// UDP address to listen on; repeatable, IPv4 and IPv6
    ///
    /// 0.0.0.0 takes all IPv4 addresses of the host, [::] takes IPv4 and IPv6;
    /// answers leave from the address that was called.
    /// [default: what sip.conf says, bindaddr and bindport]
    #[arg(long, value_name = "ADDR:PORT", help_heading = "What to serve")]
    pub listen: Vec<SocketAddr>,

    /// Streams
    #[command(flatten)]
    pub tcp: TcpFlags,

    /// User to become when root starts it, before any file is read
    ///
    /// Root's rights go no further than to the sockets: ports below 1024 and the
    /// steering program. --state must be writable for this user.
    /// [default: runuser and rungroup of asterisk.conf; else nobody else]
    #[arg(long, value_name = "NAME[:GROUP]", help_heading = "What to serve")]
    pub user: Option<Account>,

    /// Shards to run; more than CPUs share them [default: one per CPU]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u16>::new().range(1..=256), help_heading = "Processors and memory")]
    pub shards: Option<u16>,

    /// CPUs for the shards, in turn, as in 0-3,5 [default: all that are allowed]
    #[arg(long, value_name = "LIST", help_heading = "Processors and memory")]
    pub cpus: Option<CpuList>,

    /// Calls at once; more get 503
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = at_least_one(), help_heading = "Processors and memory")]
    pub max_calls: u32,

    /// Transactions at once; more get 503
    #[arg(long, value_name = "N", default_value_t = 800_000, value_parser = at_least_one(), help_heading = "Processors and memory")]
    pub max_transactions: u32,

    /// Calls that failed with 408, 500 or above whose history is kept
    #[arg(
        long,
        value_name = "N",
        default_value_t = 256,
        help_heading = "Processors and memory"
    )]
    pub keep_failures: u16,

    /// Answers HTTP there: metrics, health, tables as JSON, and a page that draws
    /// the load
    #[arg(long, value_name = "ADDR:PORT", help_heading = "Watching and stopping")]
    pub http: Option<SocketAddr>,

    /// --http may be an address others reach. They see who calls whom, as HTTP
    /// asks nobody who they are
    #[arg(long, requires = "http", help_heading = "Watching and stopping")]
    pub http_anywhere: bool,

    /// One message in so many is timed, stage by stage; 0 for none
    #[arg(
        long,
        value_name = "N",
        default_value_t = 64,
        help_heading = "Watching and stopping"
    )]
    pub sample: u32,

    /// Receive buffer per socket, in bytes, or with k or m
    #[arg(
        long,
        value_name = "BYTES",
        default_value = "4m",
        help_heading = "Sockets and mesh"
    )]
    pub rcvbuf: Bytes,

    /// Send buffer per socket, in bytes, or with k or m
    #[arg(
        long,
        value_name = "BYTES",
        default_value = "208k",
        help_heading = "Sockets and mesh"
    )]
    pub sndbuf: Bytes,

    /// Datagrams one system call may move
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = RangedU64ValueParser::<u16>::new().range(1..=1024), help_heading = "Sockets and mesh")]
    pub batch: u16,

    /// Microseconds for which a busy shard lets datagrams gather; 0 for not at all
    #[arg(long, value_name = "MICROS", default_value_t = 200, value_parser = RangedU64ValueParser::<u64>::new().range(..=10_000), help_heading = "Sockets and mesh")]
    pub coalesce: u64,

    /// How a datagram finds the shard of its call, where there are several
    #[arg(long, value_name = "WAY", value_enum, default_value_t = Steer::Auto, help_heading = "Sockets and mesh")]
    pub steer: Steer,

    /// Messages that may wait between two shards
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = RangedU64ValueParser::<u32>::new().range(1..=1_048_576), help_heading = "Sockets and mesh")]
    pub mesh_depth: u32,

    /// SIP timer T1, the round trip assumed, for all devices [default: sip.conf, 500]
    #[arg(long, value_name = "MS", value_parser = milliseconds, help_heading = "SIP timers (RFC 3261 section 17)")]
    pub t1: Option<Duration>,

    /// SIP timer T2, the longest retransmission interval [default: 4000]
    #[arg(long, value_name = "MS", value_parser = milliseconds, help_heading = "SIP timers (RFC 3261 section 17)")]
    pub t2: Option<Duration>,

    /// SIP timer T4, how long a message may live in the network [default: 5000]
    #[arg(long, value_name = "MS", value_parser = milliseconds, help_heading = "SIP timers (RFC 3261 section 17)")]
    pub t4: Option<Duration>,

    /// Directory where registrations outlive a restart; made if it is not there
    ///
    /// Those of sip.conf's devices lie there in an SQLite file, and with
    /// --reg-write journal those on their way to a database; another holds the
    /// AstDB of the dialplan. One engine to a directory.
    /// [default: none; what is registered is forgotten at the end]
    #[arg(long, value_name = "DIR", help_heading = DATABASE)]
    pub state: Option<PathBuf>,

    /// Directory for the records of calls; made if it is not there
    ///
    /// Master.csv, a file for each account, Master.json, and what waits for a
    /// table, as cdr.conf and extconfig.conf say; without cdr.conf both files.
    /// One engine to a directory. [default: none; calls leave no record]
    #[arg(long, value_name = "DIR", help_heading = DATABASE)]
    pub cdr: Option<PathBuf>,

    /// What a phone's 200 waits for where its row is in a database
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = RegWrite::Durable, help_heading = DATABASE)]
    pub reg_write: RegWrite,

    /// Threads that talk to databases; keep them off the shards' CPUs
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = RangedU64ValueParser::<u16>::new().range(1..=64), help_heading = DATABASE)]
    pub db_workers: u16,

    /// How long a statement may take before it counts as failed
    #[arg(long, value_name = "MS", default_value = "1000", value_parser = milliseconds, help_heading = DATABASE)]
    pub db_timeout: Duration,

    /// Questions that may wait for a database; what would wait longer gets 503
    #[arg(long, value_name = "N", default_value_t = 16_384, value_parser = RangedU64ValueParser::<u32>::new().range(1..=1_048_576), help_heading = DATABASE)]
    pub db_queue: u32,

    /// How long a device of a database is used before it is read again
    ///
    /// Within this time a changed password takes effect.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds, help_heading = DATABASE)]
    pub rt_ttl: Duration,

    /// How long a device serves on while its database is down
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = seconds, help_heading = DATABASE)]
    pub rt_stale: Duration,

    /// This engine's name among those of one database (regserver)
    ///
    /// [default: systemname of asterisk.conf]
    #[arg(long, value_name = "NAME", value_parser = node_name, help_heading = DATABASE)]
    pub systemname: Option<String>,

    /// Threads that fetch documents (CURL), look up records (SRVQUERY, ENUMLOOKUP)
    /// and run commands for the dialplan
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = RangedU64ValueParser::<u16>::new().range(1..=256), help_heading = WORK)]
    pub work_threads: u16,

    /// How long one of these may take; the dialplan then goes on without
    #[arg(long, value_name = "MS", default_value = "2000", value_parser = milliseconds, help_heading = WORK)]
    pub work_timeout: Duration,

    /// Name server for them; repeatable [default: those of /etc/resolv.conf]
    #[arg(long, value_name = "ADDR:PORT", help_heading = WORK)]
    pub dns: Vec<SocketAddr>,

    /// Let the dialplan run commands of this host (System, TrySystem, SHELL)
    ///
    /// They run as the user pinion runs as. Never hand what a caller chose to
    /// them unfiltered: FILTER() it first.
    #[arg(long, help_heading = WORK)]
    pub allow_system: bool,

    /// What to log: off, error, warn, info, debug or trace, each with those before it
    ///
    /// A module may have a level of its own: info,sip=debug,realtime=warn.
    /// Modules: audit, config, control, dialplan, messages, realtime, records,
    /// reload, runtime, security, sip, workers.
    #[arg(
        long,
        value_name = "LEVELS",
        default_value_t,
        help_heading = "Watching and stopping"
    )]
    pub log: Levels,

    /// The form of the log
    #[arg(long, value_name = "FORM", value_enum, default_value_t = Format::Text, help_heading = "Watching and stopping")]
    pub log_format: Format,

    /// File to append the log to; SIGUSR2 opens it anew [default: stderr]
    #[arg(long, value_name = "FILE", help_heading = "Watching and stopping")]
    pub log_file: Option<PathBuf>,

    /// File to write every message into, for Wireshark (pcapng)
    ///
    /// An existing one is kept as FILE with .1 before its extension.
    #[arg(long, value_name = "FILE", help_heading = "Watching and stopping")]
    pub pcap: Option<PathBuf>,

    /// Size at which that file is kept as .1 and a new one begun, in bytes, or with k or m
    #[arg(
        long,
        value_name = "BYTES",
        default_value = "512m",
        help_heading = "Watching and stopping"
    )]
    pub pcap_size: Bytes,

    /// Print the counters every so many seconds; 0 for never
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = up_to_a_day(), help_heading = "Watching and stopping")]
    pub stats_interval: u64,

    /// Seconds a drain may take before the remaining calls are cut
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = up_to_a_day(), help_heading = "Watching and stopping")]
    pub drain_limit: u64,

    /// The console.
    #[command(flatten)]
    pub console: Console,
}

fn at_least_one() -> RangedU64ValueParser<u32> {
    RangedU64ValueParser::new().range(1..=u64::from(u32::MAX))
}

fn up_to_a_day() -> RangedU64ValueParser<u64> {
    RangedU64ValueParser::new().range(..=86_400)
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(ms @ 1..=60_000) => Ok(Duration::from_millis(ms)),
        _ => Err("a number of milliseconds from 1 to 60000 is wanted".into()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 0..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err("a number of seconds from 0 to 86400 is wanted".into()),
    }
}

fn node_name(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if (1..=REGSERVER_WIDTH).contains(&text.len()) && text.bytes().all(fits) {
        return Ok(text.into());
    }
    Err(format!(
        "a name of up to {REGSERVER_WIDTH} letters, digits, dots, hyphens and underscores is wanted"
    ))
}

impl Flags {
    /// Reads the program's arguments. `Err` is either what `--help` or
    /// `--version` print (`use_stderr` is false) or a mistake.
    pub fn read<T: Into<std::ffi::OsString> + Clone>(
        arguments: impl IntoIterator<Item = T>,
    ) -> Result<Flags, clap::Error> {
        let flags = Flags::try_parse_from(arguments)?;
        let wrong = |text: String| clap::Error::raw(clap::error::ErrorKind::ValueValidation, text);
        if flags.listen.len() > MAX_LISTEN {
            return Err(wrong(format!(
                "at most {MAX_LISTEN} addresses can be listened on"
            )));
        }
        for (index, address) in flags.listen.iter().enumerate() {
            if address.port() != 0 && flags.listen[..index].contains(address) {
                return Err(wrong(format!("--listen {address} is given twice")));
            }
        }
        if let Some(fault) = flags.tcp.fault() {
            return Err(wrong(fault));
        }
        if let (Some(t1), Some(t2)) = (flags.t1, flags.t2)
            && t2 < t1
        {
            return Err(wrong("--t2 must not be shorter than --t1".into()));
        }
        if flags.rt_stale < flags.rt_ttl {
            return Err(wrong("--rt-stale must not be shorter than --rt-ttl".into()));
        }
        if flags.reg_write == RegWrite::Journal && flags.state.is_none() {
            return Err(wrong(
                "--reg-write journal needs --state DIR, where the journal lies".into(),
            ));
        }
        Ok(flags)
    }
}

/// The mistake in one line, without the usage that clap adds.
pub fn sentence(error: &clap::Error) -> String {
    let text = error.to_string();
    let first: Vec<&str> = text
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .map(str::trim)
        .collect();
    first.join(" ").trim_start_matches("error: ").to_string()
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

    use crate::command::Dialplan;

    fn read(arguments: &str) -> Result<Flags, String> {
        Flags::read(std::iter::once("pinion").chain(arguments.split_whitespace()))
            .map_err(|error| sentence(&error))
    }

    #[test]
    fn the_definition_is_consistent() {
        use clap::CommandFactory;
        Flags::command().debug_assert();
    }

    #[test]
    fn nothing_given_is_enough() {
        let flags = read("").unwrap();
        assert_eq!(
            (flags.config, flags.listen, flags.shards, flags.cpus),
            (None, vec![], None, None)
        );
        assert_eq!(
            (flags.rcvbuf, flags.sndbuf, flags.batch, flags.coalesce),
            (Bytes(4 << 20), Bytes(212_992), 32, 200)
        );
        assert_eq!(
            (
                flags.drain_limit,
                flags.stats_interval,
                &flags.log,
                flags.steer
            ),
            (30, 0, &Levels::default(), Steer::Auto)
        );
        assert_eq!(
            (flags.state, flags.systemname, flags.reg_write),
            (None, None, RegWrite::Durable)
        );
        let seconds = Duration::from_secs;
        assert_eq!((flags.db_workers, flags.db_queue), (4, 16_384));
        assert_eq!(
            (flags.db_timeout, flags.rt_ttl, flags.rt_stale),
            (seconds(1), seconds(30), seconds(3600))
        );
    }

    #[test]
    fn every_flag_is_understood() {
        let flags = read(
            "--config /etc/pinion --user voip:sip --listen 0.0.0.0:5060 --listen [::1]:5062 --listen-tcp 0.0.0.0:5060 \
             --tcp-switch --tcp-max-message 20k --tcp-queue 1m --tcp-connections 9 --tcp-connect-timeout 50 --tcp-idle 7 --shards 4 --cpus 0-1,3,0 --max-calls 7 \
             --max-transactions 8 --keep-failures 10 --sample 8 --http 127.0.0.1:8080 --http-anywhere --rcvbuf 16M --sndbuf 8192 --batch 64 --coalesce 0 --steer cbpf --mesh-depth 16 --t1 250 --t2 2000 --t4 2500 \
             --log trace --stats-interval 5 --drain-limit 0 --state /var/lib/pinion --reg-write journal --db-workers 2 \
             --db-timeout 300 --db-queue 9 --rt-ttl 2 --rt-stale 60 --systemname node-1.a \
             --log-format json --log-file /var/log/pinion.log --pcap /var/tmp/all.pcapng --pcap-size 8m --work-threads 3 --work-timeout 700 --dns 192.0.2.1:53 --allow-system --console /tmp/c \
             --cdr /var/log/pinion/cdr",
        )
        .unwrap();
        let ms = Duration::from_millis;
        let expected = Flags {
            command: None,
            config: Some("/etc/pinion".into()),
            listen: vec![
                "0.0.0.0:5060".parse().unwrap(),
                "[::1]:5062".parse().unwrap(),
            ],
            tcp: TcpFlags {
                listen_tcp: vec!["0.0.0.0:5060".parse().unwrap()],
                tcp_switch: true,
                tcp_max_message: Bytes(20 << 10),
                tcp_queue: Bytes(1 << 20),
                tcp_connections: 9,
                tcp_connect_timeout: ms(50),
                tcp_idle: ms(7000),
            },
            user: Some("voip:sip".parse().unwrap()),
            shards: Some(4),
            cpus: Some(CpuList(vec![0, 1, 3, 0])),
            max_calls: 7,
            max_transactions: 8,
            keep_failures: 10,
            http: Some("127.0.0.1:8080".parse().unwrap()),
            http_anywhere: true,
            sample: 8,
            rcvbuf: Bytes(16 << 20),
            sndbuf: Bytes(8192),
            batch: 64,
            coalesce: 0,
            steer: Steer::Cbpf,
            mesh_depth: 16,
            t1: Some(ms(250)),
            t2: Some(ms(2000)),
            t4: Some(ms(2500)),
            state: Some("/var/lib/pinion".into()),
            cdr: Some("/var/log/pinion/cdr".into()),
            reg_write: RegWrite::Journal,
            db_workers: 2,
            db_timeout: ms(300),
            db_queue: 9,
            rt_ttl: ms(2000),
            rt_stale: ms(60_000),
            systemname: Some("node-1.a".into()),
            work_threads: 3,
            work_timeout: ms(700),
            dns: vec!["192.0.2.1:53".parse().unwrap()],
            allow_system: true,
            log: "trace".parse().unwrap(),
            log_format: Format::Json,
            log_file: Some("/var/log/pinion.log".into()),
            pcap: Some("/var/tmp/all.pcapng".into()),
            pcap_size: Bytes(8 << 20),
            stats_interval: 5,
            drain_limit: 0,
            console: Console {
                socket: Some("/tmp/c".into()),
                ..Console::default()
            },
        };
        assert_eq!(flags, expected);
    }

    #[test]
    fn a_mistake_is_one_line_that_names_the_flag() {
        for (arguments, expected) in [
            (
                "--listen 5060",
                "invalid value '5060' for '--listen <ADDR:PORT>': invalid socket address syntax",
            ),
            (
                "--shards 0",
                "invalid value '0' for '--shards <N>': 0 is not in 1..=256",
            ),
            (
                "--cpus 3-1",
                "invalid value '3-1' for '--cpus <LIST>': a list such as 0-3,5 is wanted",
            ),
            (
                "--rcvbuf 4g",
                "invalid value '4g' for '--rcvbuf <BYTES>': a size from 4k to 1024m is wanted",
            ),
            (
                "--t1 0",
                "invalid value '0' for '--t1 <MS>': a number of milliseconds from 1 to 60000 is wanted",
            ),
            ("--t1 500 --t2 100", "--t2 must not be shorter than --t1"),
            (
                "--listen [::]:5060 --listen [::]:5060",
                "--listen [::]:5060 is given twice",
            ),
            (
                "--listen-tcp [::]:5060 --listen-tcp [::]:5060",
                "--listen-tcp [::]:5060 is given twice",
            ),
            ("--tcp-idle 0", "--tcp-idle must be 1 at least"),
            (
                "--max-calls 0",
                "invalid value '0' for '--max-calls <N>': 0 is not in 1..=4294967295",
            ),
            (
                "--rt-ttl 90000",
                "invalid value '90000' for '--rt-ttl <SECONDS>': a number of seconds from 0 to 86400 is wanted",
            ),
            (
                "--rt-ttl 60 --rt-stale 30",
                "--rt-stale must not be shorter than --rt-ttl",
            ),
            (
                "--reg-write journal",
                "--reg-write journal needs --state DIR, where the journal lies",
            ),
            (
                "--systemname a/b",
                "invalid value 'a/b' for '--systemname <NAME>': a name of up to 20 letters, digits, dots, hyphens and \
                 underscores is wanted",
            ),
            ("stray", "unrecognized subcommand 'stray'"),
        ] {
            assert_eq!(read(arguments).unwrap_err(), expected);
        }
        let levels = read("--log loud").unwrap_err();
        assert!(
            levels.contains("there are off, error, warn, info, debug, trace"),
            "{levels}"
        );
    }

    #[test]
    fn subcommands_have_flags_of_their_own() {
        let flags = read("dialplan explain 100@office 42 --at 7 --json --config conf").unwrap();
        let Some(Command::Dialplan(Dialplan::Explain(asked))) = flags.command else {
            panic!("{:?}", flags.command)
        };
        assert_eq!(asked.place, ("100".into(), "office".into()));
        assert_eq!(
            (&*asked.caller, asked.at, asked.json),
            ("42", Some(7), true)
        );
        assert_eq!(asked.of.config, Some("conf".into()));
        let flags = read("check conf --json --strict").unwrap();
        let Some(Command::Check(asked)) = flags.command else {
            panic!("{:?}", flags.command)
        };
        assert_eq!(
            (asked.dir, asked.json, asked.strict),
            ("conf".into(), true, true)
        );
        let refused = read("dialplan explain 100").unwrap_err();
        assert!(refused.ends_with("as in 100@default"), "{refused}");
        assert!(read("--shards 2 dialplan show").is_err());
    }

    #[test]
    fn help_names_every_flag_and_its_default() {
        let help = Flags::read(["pinion", "--help"]).unwrap_err();
        assert!(!help.use_stderr());
        let help = help.to_string();
        for text in [
            "--mesh-depth <N>",
            "[default: 1024]",
            "--steer <WAY>",
            "takes CAP_BPF and CAP_PERFMON",
            "Database and state:",
            "--rt-ttl <SECONDS>",
            "[default: systemname of asterisk.conf]",
            "- durable:",
            "SIGUSR1",
            "What to serve:",
            "Exit status:",
        ] {
            assert!(help.contains(text), "{text} is missing from:\n{help}");
        }
    }

    #[test]
    fn a_cpu_list_reads_what_it_writes() {
        for text in ["0", "0-3,5", "0-1,3,0-1", "7,6"] {
            assert_eq!(text.parse::<CpuList>().unwrap().to_string(), text);
        }
        assert!("".parse::<CpuList>().is_err());
        assert!("0,".parse::<CpuList>().is_err());
    }
}
