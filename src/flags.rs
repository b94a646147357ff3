//! The command line: what it accepts, and what its `--help` teaches. Checks
//! each flag by itself; what needs the host or the configuration is checked by
//! whoever uses it.

mod console;
mod origins;
mod tcp;
mod values;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use clap::builder::RangedU64ValueParser;

pub use self::console::Console;
pub use self::origins::Setting;
pub use self::tcp::TcpFlags;
pub use self::values::{Bytes, CpuList, RegWrite, Steer};
use self::values::{at_least_one, milliseconds, node_name, seconds, up_to_a_day};
use crate::command::Command;
use crate::identity::Account;
use crate::logs::{Format, Levels};

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

    /// Directory where records of calls outlive a killed process, until they are
    /// written; none for nowhere
    ///
    /// Shards write there as a call ends, 4 MiB for each shard, and the next start
    /// with the same --cdr goes on with what is left. In memory, as here by default,
    /// nothing ever waits for a disk; on a disk a shard may.
    #[arg(long, value_name = "DIR", default_value = "/dev/shm", help_heading = DATABASE)]
    pub cdr_journal: PathBuf,

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

    /// Seconds a drain may take before the remaining calls are hung up
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = up_to_a_day(), help_heading = "Watching and stopping")]
    pub drain_limit: u64,

    /// The console.
    #[command(flatten)]
    pub console: Console,
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

    /// The directory of `--cdr-journal`, unless that is none, or there are no records.
    pub fn cdr_journal_dir(&self) -> Option<&Path> {
        self.cdr.as_ref()?;
        Some(&*self.cdr_journal).filter(|dir| dir.as_os_str() != "none")
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

#[cfg(test)]
mod tests;
