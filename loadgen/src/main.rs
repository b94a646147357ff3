//! pinion-load: sends SIP requests at a fixed rate and measures the answers.
//!
//! The load is open: each request has an intended send time, whatever became
//! of those before it, and latency counts from that time, so that a stalled
//! server cannot slow the clock it is judged by.

mod report;

use std::net::{SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};

use crate::report::Report;

/// Requests of one run: each keeps its latency until the report.
const MAX_REQUESTS: u64 = 100_000_000;

/// Load generator for SIP servers.
#[derive(Parser)]
#[command(name = "pinion-load", version, max_term_width = 100)]
struct Flags {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// OPTIONS requests outside any dialog (RFC 3261 section 11)
    ///
    /// Any final response counts as an answer. Exits with 0 if every request
    /// was answered, 1 if any was not, 2 for a wrong flag or a host's refusal.
    Options(Load),
}

#[derive(Args)]
struct Load {
    /// Where to send
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:5060")]
    target: SocketAddr,
    /// Requests per second
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// How long to send
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// How long to wait for the last answers, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 2_000)]
    patience: u64,
}

fn main() -> ExitCode {
    let Flags {
        scenario: Scenario::Options(load),
    } = Flags::parse();
    match run(&load) {
        Ok(report) => {
            println!("{report}");
            ExitCode::from(u8::from(report.lost() > 0))
        }
        Err(error) => {
            eprintln!("pinion-load: cannot send to {}: {error}", load.target);
            ExitCode::from(2)
        }
    }
}

fn run(load: &Load) -> std::io::Result<Report> {
    let total = u64::from(load.rate) * u64::from(load.seconds);
    if total > MAX_REQUESTS {
        return Err(std::io::Error::other(format!(
            "more than {MAX_REQUESTS} requests in one run"
        )));
    }
    let any: SocketAddr = if load.target.is_ipv4() {
        ([0, 0, 0, 0], 0).into()
    } else {
        ([0_u16; 8], 0).into()
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(load.target)?;
    let local = socket.local_addr()?;
    let pace = Pace {
        start: Instant::now(),
        rate: load.rate,
    };
    let last_call = pace.due(total) + Duration::from_millis(load.patience);
    std::thread::scope(|scope| {
        let listener = scope.spawn(|| listen(&socket, pace, total, last_call));
        let refused = send(&socket, pace, total, local, load.target);
        let mut report = listener
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        report.refused = refused;
        Ok(report)
    })
}

/// When the request `number` is to leave.
#[derive(Clone, Copy)]
struct Pace {
    start: Instant,
    rate: u32,
}

impl Pace {
    fn due(self, number: u64) -> Instant {
        let nanos = u128::from(number) * 1_000_000_000 / u128::from(self.rate);
        self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// Sends every request at its time, or at once when late. Returns how many the
/// kernel refused.
fn send(socket: &UdpSocket, pace: Pace, total: u64, local: SocketAddr, target: SocketAddr) -> u64 {
    let mut refused = 0;
    for number in 0..total {
        let wait = pace.due(number).saturating_duration_since(Instant::now());
        if !wait.is_zero() {
            std::thread::sleep(wait);
        }
        refused += u64::from(
            socket
                .send(request(number, local, target).as_bytes())
                .is_err(),
        );
    }
    refused
}

/// Each request is a transaction and a Call-ID of its own, so that the load
/// spreads over shards; its number stands in the branch, which the answer
/// repeats (RFC 3261 section 8.2.6.2).
fn request(number: u64, local: SocketAddr, target: SocketAddr) -> String {
    format!(
        "OPTIONS sip:{target} SIP/2.0\r\n\
         Via: SIP/2.0/UDP {local};rport;branch=z9hG4bK-load-{number}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:load@{local}>;tag={number}\r\n\
         To: <sip:{target}>\r\n\
         Call-ID: {number}-{port}@load\r\n\
         CSeq: 1 OPTIONS\r\n\
         Contact: <sip:load@{local}>\r\n\
         Accept: application/sdp\r\n\
         Content-Length: 0\r\n\r\n",
        port = local.port(),
    )
}

/// Takes answers until all are in or `last_call`.
fn listen(
    socket: &UdpSocket,
    pace: Pace,
    total: u64,
    last_call: Instant,
) -> std::io::Result<Report> {
    let mut report = Report::new(total);
    let mut buffer = [0; 65_535];
    while report.answered() < total {
        let left = last_call.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        socket.set_read_timeout(Some(left.min(Duration::from_millis(100))))?;
        // Time-outs, and ICMP errors of a target that is not there yet.
        let Ok(len) = socket.recv(&mut buffer) else {
            continue;
        };
        let now = Instant::now();
        if let Some((status, number)) = answer(&buffer[..len]).filter(|&(_, number)| number < total)
        {
            report.count(
                status,
                number,
                now.saturating_duration_since(pace.due(number)),
            );
        }
    }
    Ok(report)
}

/// The status and the request's number of a final response.
fn answer(bytes: &[u8]) -> Option<(u16, u64)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let status: u16 = text.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()?;
    let (_, branch) = text.split_once("branch=z9hG4bK-load-")?;
    let digits = branch.split(|c: char| !c.is_ascii_digit()).next()?;
    (status >= 200).then_some((status, digits.parse().ok()?))
}

#[cfg(test)]
mod tests;
