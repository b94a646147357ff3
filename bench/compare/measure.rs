//! Measuring one run, or several in turn: CPU of the server for each unit,
//! packets over loopback, medians. Runs in which anything failed do not count.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::floor;
use crate::generator::{Generator, Order, Outcome};
use crate::server::Server;

/// Ethernet, IPv4 and UDP headers, which the loopback interface counts too.
const HEADERS: u64 = 14 + 20 + 8;

/// How often a run that failed is repeated before its unit is given up.
const ATTEMPTS: u32 = 3;

/// What one run cost.
pub struct Cost {
    /// CPU time of the server for each unit, in microseconds.
    pub server_us: f64,
    /// CPU time of the generator for each unit, both sides, in microseconds.
    pub generator_us: f64,
    /// Packets over loopback for each unit.
    pub packets: f64,
    /// Bytes of payload in each packet.
    pub payload: usize,
}

/// Runs `order` once; `None` says why the run does not count.
pub fn run_once(
    server: &Server,
    generator: &dyn Generator,
    order: &Order,
) -> Result<(Outcome, Result<Cost, String>)> {
    let order = Order {
        target: server.address,
        ..order.clone()
    };
    let (cpu, lo) = (server.running.cpu(), loopback()?);
    let outcome = generator.run(&order)?;
    let (cpu, after) = (server.running.cpu() - cpu, loopback()?);
    let judged = if let Some(reason) = &outcome.invalid {
        Err(format!("{} disowns the run: {reason}", generator.name()))
    } else if outcome.failed > 0 || outcome.completed == 0 {
        Err(format!("{} of {} failed", outcome.failed, order.units))
    } else {
        let units = outcome.completed as f64;
        let packets = (after.packets - lo.packets).max(1);
        let bytes = (after.bytes - lo.bytes) / packets;
        Ok(Cost {
            server_us: cpu.as_secs_f64() * 1e6 / units,
            generator_us: outcome.cpu.as_secs_f64() * 1e6 / units,
            packets: packets as f64 / units,
            payload: bytes.saturating_sub(HEADERS) as usize,
        })
    };
    Ok((outcome, judged))
}

/// Runs `order` until a run counts, a few times at most.
pub fn run(server: &Server, generator: &dyn Generator, order: &Order) -> Result<Cost> {
    let mut reasons = Vec::new();
    for _ in 0..ATTEMPTS {
        match run_once(server, generator, order)?.1 {
            Ok(cost) => return Ok(cost),
            Err(reason) => reasons.push(reason),
        }
    }
    bail!("no run counts: {}", reasons.join("; "))
}

/// Medians of what alternating runs cost.
pub struct Compared {
    pub engine_us: f64,
    pub peer_us: f64,
    /// The engine's packets and bytes through a bare echo.
    pub floor_us: f64,
    pub packets: f64,
}

/// Engine, peer and floor in turn, `rounds` times.
pub fn alternate(
    [engine, peer]: [&Server; 2],
    generator: &dyn Generator,
    order: &Order,
    rounds: u32,
    floor_time: Duration,
) -> Result<Compared> {
    let (mut engine_us, mut peer_us, mut floor_us) = (Vec::new(), Vec::new(), Vec::new());
    let mut packets = Vec::new();
    for round in 0..rounds {
        let cost = run(engine, generator, order).context("the engine")?;
        peer_us.push(run(peer, generator, order).context("kamailio")?.server_us);
        let each = floor::measure(cost.payload, floor_time)?;
        let floor = each.as_secs_f64() * 1e6 * cost.packets / 2.0;
        eprintln!(
            "  round {}: engine {:.1}, kamailio {:.1}, floor {floor:.1} µs; {:.1} packets of {} bytes",
            round + 1,
            cost.server_us,
            peer_us[peer_us.len() - 1],
            cost.packets,
            cost.payload
        );
        engine_us.push(cost.server_us);
        packets.push(cost.packets);
        floor_us.push(floor);
    }
    Ok(Compared {
        engine_us: median(engine_us),
        peer_us: median(peer_us),
        floor_us: median(floor_us),
        packets: median(packets),
    })
}

/// The middle value; of an even number the upper of the two.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

struct Traffic {
    bytes: u64,
    packets: u64,
}

/// What the loopback interface has received.
fn loopback() -> Result<Traffic> {
    let text = fs::read_to_string("/proc/net/dev")?;
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("lo:"));
    let mut fields = line.context("no loopback interface")?.split_whitespace();
    let mut next = || fields.next().and_then(|field| field.parse().ok());
    let (bytes, packets) = (next(), next());
    Ok(Traffic {
        bytes: bytes.context("/proc/net/dev")?,
        packets: packets.context("/proc/net/dev")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_a_value_that_was_measured() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 3.0);
        assert!(median(vec![]).is_nan());
    }
}
