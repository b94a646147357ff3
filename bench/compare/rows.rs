//! The units compared, one function each: what is started, what is asked of
//! it, and what its figures must reach.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use pinion_bench::{Unit, plain};

use crate::capacity;
use crate::database::Database;
use crate::generator::{Generator, Load, Order, Pace};
use crate::measure::{Compared, alternate, median, run, run_once};
use crate::pinion_load::PinionLoad;
use crate::server::{Kind, PINION, Server};
use crate::sipp::Sipp;
use crate::table::{Check, Row};
use crate::users;

/// Pieces of load on their way at once where the server shall be saturated.
const AT_ONCE: u32 = 200;

/// Registrations on their way at once where each waits for a commit.
const DURABLE_AT_ONCE: u32 = 1_000;

/// How long finished transactions linger (64·T1).
const LINGER: Duration = Duration::from_secs(32);

/// Within which so many are forgotten: LINGER, and a little.
const FORGOTTEN: Duration = Duration::from_secs(35);

const AT_ONCE_CALL: Load = Load::Call {
    hold: Duration::ZERO,
};

/// How thoroughly, and with what.
pub struct Bench<'a> {
    pub programs: &'a Path,
    pub generator: &'a dyn Generator,
    pub quick: bool,
    pub rounds: u32,
}

impl Bench<'_> {
    fn units(&self, full: u64) -> u64 {
        if self.quick { full / 5 } else { full }
    }

    fn floor_time(&self) -> Duration {
        Duration::from_secs(if self.quick { 1 } else { 2 })
    }

    fn order(&self, load: Load, pace: Pace, units: u64) -> Order {
        Order {
            load,
            pace,
            units,
            target: ([127, 0, 0, 1], 0).into(),
            users: users::callers(),
            tcp: false,
            many_ports: false,
        }
    }

    fn server(&self, kind: Kind, digest: bool) -> Result<Server> {
        Server::start(kind, digest, self.programs).with_context(|| format!("{kind:?}"))
    }

    /// Both servers, warm: every allocator has seen the load.
    fn pair(&self, digest: bool, order: &Order) -> Result<[Server; 2]> {
        let pair = [
            self.server(PINION, digest)?,
            self.server(Kind::Kamailio, digest)?,
        ];
        for (server, name) in pair.iter().zip(["the engine", "kamailio"]) {
            if matches!(order.load, Load::Call { .. }) {
                self.generator.prepare(server.address, digest)?;
            }
            let warm_up = Order {
                units: order.units / 4,
                ..order.clone()
            };
            run(server, self.generator, &warm_up).context(name)?;
        }
        Ok(pair)
    }

    /// OPTIONS answered.
    pub fn options(&self) -> Result<Row> {
        let order = self.order(Load::Options, Pace::Saturate(AT_ONCE), self.units(200_000));
        let (row, cost) = self.costs("OPTIONS answered", false, &order)?;
        let checks = vec![
            Check::ratio("kamailio", cost.engine_us, cost.peer_us, 0.85),
            Check::ratio("floor", cost.engine_us, cost.floor_us, 1.35),
        ];
        Ok(Row { checks, ..row })
    }

    /// REGISTER, 401, REGISTER, 200.
    pub fn register(&self) -> Result<Row> {
        let pace = Pace::Saturate(AT_ONCE);
        let order = self.order(Load::RegisterWithDigest, pace, self.units(100_000));
        let (row, cost) = self.costs("REGISTER with digest, 401 then 200", true, &order)?;
        let checks = vec![Check::ratio("kamailio", cost.engine_us, cost.peer_us, 0.5)];
        Ok(Row { checks, ..row })
    }

    /// A call through Dial to a registered user, nobody challenged.
    pub fn call(&self) -> Result<Row> {
        let order = self.order(AT_ONCE_CALL, Pace::Saturate(AT_ONCE), self.units(50_000));
        let (row, cost) = self.costs("call INVITE…BYE to a registered user", false, &order)?;
        let checks = vec![
            Check::ratio("kamailio", cost.engine_us, cost.peer_us, 0.5),
            Check::ratio("floor", cost.engine_us, cost.floor_us, 1.6),
        ];
        Ok(Row { checks, ..row })
    }

    /// The same call over TCP, against itself over UDP.
    pub fn tcp(&self) -> Result<Row> {
        let order = self.order(AT_ONCE_CALL, Pace::Saturate(AT_ONCE), self.units(50_000));
        let over_tcp = Order {
            tcp: true,
            ..order.clone()
        };
        let engine = self.server(PINION, false)?;
        self.generator.prepare(engine.address, false)?;
        let (mut udp_us, mut tcp_us) = (Vec::new(), Vec::new());
        for round in 0..=self.rounds {
            let udp = run(&engine, self.generator, &order).context("over UDP")?;
            let tcp = run(&engine, self.generator, &over_tcp).context("over TCP")?;
            // The first warms.
            if round > 0 {
                udp_us.push(udp.server_us);
                tcp_us.push(tcp.server_us);
            }
        }
        let (udp_us, tcp_us) = (median(udp_us), median(tcp_us));
        Ok(Row {
            unit: "call over TCP",
            measure: "CPU µs",
            engine: Some(tcp_us),
            checks: vec![Check::ratio("udp", tcp_us, udp_us, 1.3)],
            note: format!("{udp_us:.1} µs over UDP"),
            ..Row::default()
        })
    }

    /// What one unit costs the engine, Kamailio and the floor in turn, and its
    /// row without checks.
    fn costs(&self, unit: &'static str, digest: bool, order: &Order) -> Result<(Row, Compared)> {
        let [engine, peer] = self.pair(digest, order)?;
        let servers = [&engine, &peer];
        let cost = alternate(
            servers,
            self.generator,
            order,
            self.rounds,
            self.floor_time(),
        )?;
        let row = Row {
            unit,
            measure: "CPU µs",
            engine: Some(cost.engine_us),
            peer: Some(cost.peer_us),
            floor: Some(cost.floor_us),
            note: format!("{:.1} packets", cost.packets),
            ..Row::default()
        };
        Ok((row, cost))
    }

    /// The highest rate of calls, and the latency at half of the engine's.
    pub fn capacity(&self) -> Result<Vec<Row>> {
        let warm_up = self.order(AT_ONCE_CALL, Pace::Saturate(AT_ONCE), 5_000);
        let [engine, peer] = self.pair(false, &warm_up)?;
        let seconds = if self.quick { 3 } else { 10 };
        let call = |rate: u32| {
            let units = u64::from(rate) * seconds;
            self.order(AT_ONCE_CALL, Pace::Rate(rate), units)
        };
        let highest = [
            capacity::find(&engine, self.generator, &call)?,
            capacity::find(&peer, self.generator, &call)?,
        ];
        let rates = Row {
            unit: "highest call rate, < 0.1 % failed",
            measure: "calls/s",
            engine: Some(highest[0].rate),
            peer: Some(highest[1].rate),
            checks: vec![Check::ratio("kamailio", highest[0].rate, highest[1].rate, 2.0).or_more()],
            note: format!(
                "limits: engine's run {}, kamailio's {}",
                highest[0].limit, highest[1].limit
            ),
            ..Row::default()
        };
        let half = (highest[0].rate / 2.0) as u32;
        let mut rows = vec![rates];
        let latencies = [&engine, &peer].map(|server| {
            capacity::latency(server, self.generator, &call(half.max(1)), self.rounds)
        });
        match latencies {
            [Ok(engine), Ok(peer)] => {
                for (unit, engine, peer) in [
                    ("INVITE→200, p50, at half of that rate", engine.0, peer.0),
                    ("INVITE→200, p99, at half of that rate", engine.1, peer.1),
                ] {
                    rows.push(Row {
                        unit,
                        measure: "µs",
                        engine: Some(engine),
                        peer: Some(peer),
                        checks: vec![Check::ratio("kamailio", engine, peer, 1.0)],
                        note: format!("{half}/s by {}", self.generator.name()),
                        ..Row::default()
                    });
                }
            }
            [engine, peer] => {
                let reasons = [engine.err(), peer.err()];
                let reasons = reasons
                    .into_iter()
                    .flatten()
                    .map(|error| format!("{error:#}"));
                let reason = reasons.collect::<Vec<_>>().join("; ");
                rows.push(Row::missing("INVITE→200 at half of that rate", reason));
            }
        }
        Ok(rows)
    }

    /// Bytes of a call that lingers, and of one that is up; each on a server of
    /// its own, for what one load frees the next would take.
    pub fn call_memory(&self) -> Result<Vec<Row>> {
        let rate = if self.quick { 150 } else { 400 };
        let row = |unit, each, target| Row {
            unit,
            measure: "bytes",
            engine: Some(each),
            checks: vec![Check::at_most("bytes", each, target)],
            note: "growth of the proportional set".into(),
            ..Row::default()
        };
        Ok(vec![
            row(
                "resident per finished call that lingers",
                self.lingering_bytes(rate)?,
                768.0,
            ),
            row(
                "resident per established call, both legs",
                self.established_bytes(rate)?,
                2_560.0,
            ),
        ])
    }

    /// By what short calls leave: the latest of them, those before are forgotten.
    fn lingering_bytes(&self, rate: u32) -> Result<f64> {
        let server = self.server(PINION, false)?;
        self.generator.prepare(server.address, false)?;
        let before = server.running.resident();
        let units = u64::from(rate) * FORGOTTEN.as_secs();
        let short = self.order(AT_ONCE_CALL, Pace::Rate(rate), units);
        run(&server, self.generator, &short)?;
        let growth = server.running.resident().saturating_sub(before);
        Ok(growth as f64 / f64::from(rate) / LINGER.as_secs_f64())
    }

    /// By calls that begin and do not end: once as many transactions are
    /// forgotten as begin, nothing grows but the calls.
    fn established_bytes(&self, rate: u32) -> Result<f64> {
        let growing = Duration::from_secs(self.units(20_000) / u64::from(rate));
        let margin = Duration::from_secs(5);
        let all = FORGOTTEN + growing + margin;
        let server = self.server(PINION, false)?;
        self.generator.prepare(server.address, false)?;
        let load = Load::Call { hold: all + margin };
        let order = Order {
            target: server.address,
            ..self.order(load, Pace::Rate(rate), u64::from(rate) * all.as_secs())
        };
        let ongoing = self.generator.start(&order)?;
        sleep(FORGOTTEN);
        let (before, began) = (server.running.resident(), Instant::now());
        sleep(growing);
        let growth = server.running.resident().saturating_sub(before);
        let added = f64::from(rate) * began.elapsed().as_secs_f64();
        let outcome = ongoing.finish()?;
        ensure!(outcome.failed == 0, "{} calls failed", outcome.failed);
        if let Some(reason) = outcome.invalid {
            bail!("{} disowns the run: {reason}", self.generator.name());
        }
        Ok(growth as f64 / added)
    }

    /// Bytes of a registered contact.
    pub fn contact_memory(&self) -> Result<Row> {
        let mut engine_and_peer = Vec::new();
        for kind in [PINION, Kind::Kamailio] {
            let server = self.server(kind, false)?;
            let [first, second] = users::registered();
            let units = second.len() as u64;
            let order = |users| Order {
                users,
                ..self.order(Load::Register, Pace::Rate(4_000), units)
            };
            run(&server, self.generator, &order(first))?;
            // The transactions of the second half take the place of the first's.
            sleep(FORGOTTEN);
            let before = server.running.resident();
            run(&server, self.generator, &order(second))?;
            let growth = server.running.resident().saturating_sub(before);
            engine_and_peer.push(growth as f64 / units as f64);
        }
        let [engine, peer] = [engine_and_peer[0], engine_and_peer[1]];
        Ok(Row {
            unit: "resident per registered contact",
            measure: "bytes",
            engine: Some(engine),
            peer: Some(peer),
            checks: vec![Check::at_most("bytes", engine, 400.0)],
            note: "growth of the proportional set".into(),
            ..Row::default()
        })
    }

    /// Two shards on two CPUs against one.
    pub fn two_shards(&self) -> Result<Row> {
        let order = self.order(AT_ONCE_CALL, Pace::Saturate(AT_ONCE), self.units(50_000));
        let two = Kind::Pinion {
            cpus: "0,1",
            shards: 2,
        };
        let pair = [self.server(PINION, false)?, self.server(two, false)?];
        let mut costs = [Vec::new(), Vec::new()];
        for server in &pair {
            self.generator.prepare(server.address, false)?;
            run(server, self.generator, &order)?;
        }
        for _ in 0..self.rounds {
            for (server, costs) in pair.iter().zip(&mut costs) {
                costs.push(run(server, self.generator, &order)?.server_us);
            }
        }
        let [one, two] = costs.map(median);
        Ok(Row {
            unit: "call, two shards on two CPUs",
            measure: "CPU µs",
            engine: Some(two),
            checks: vec![Check::ratio("one shard", two, one, 1.1)],
            note: format!("one shard {one:.1}; steered by eBPF; the generator shares CPU 1"),
            ..Row::default()
        })
    }

    /// Packets that came to the wrong one of four shards.
    pub fn hand_offs(&self) -> Result<Row> {
        let four = Kind::Pinion {
            cpus: "0,0,0,0",
            shards: 4,
        };
        let server = self.server(four, false)?;
        self.generator.prepare(server.address, false)?;
        let order = Order {
            many_ports: true,
            ..self.order(AT_ONCE_CALL, Pace::Rate(500), self.units(10_000))
        };
        run(&server, self.generator, &order)?;
        let said = server.stop();
        let total = |name: &str| {
            let line = said
                .lines()
                .rev()
                .find(|line| line.split_whitespace().next() == Some(name));
            let total = line.and_then(|line| line.split_whitespace().last());
            total
                .and_then(|total| total.parse::<f64>().ok())
                .with_context(|| format!("no counter {name} in:\n{said}"))
        };
        let each = total("handed_off")? * 1000.0 / total("datagrams")?;
        Ok(Row {
            unit: "hand-offs per 1000 packets, four shards",
            measure: "packets",
            engine: Some(each),
            checks: vec![Check::at_most("hand-offs", each, 1.0)],
            note: "steered by eBPF".into(),
            ..Row::default()
        })
    }

    /// REGISTERs with digest of users in a database, each durable before its 200.
    pub fn database(&self) -> Result<Vec<Row>> {
        let database = Database::start()?;
        let stored = users::stored();
        let mut rates = Vec::new();
        let mut statements = Vec::new();
        for kind in [PINION, Kind::Kamailio] {
            let server = Server::start_on(kind, &database, self.programs)?;
            let count = match kind {
                Kind::Kamailio => self.units(20_000),
                Kind::Pinion { .. } => stored.len() as u64,
            };
            let order = Order {
                users: stored.start..stored.start + count as u32,
                target: server.address,
                ..self.order(
                    Load::RegisterWithDigest,
                    Pace::Saturate(DURABLE_AT_ONCE),
                    count,
                )
            };
            // The first time rows are read, and Kamailio's are made.
            run(&server, self.generator, &order).with_context(|| format!("{kind:?}"))?;
            let mut each = Vec::new();
            for _ in 0..self.rounds {
                let before = database.statements()?;
                let (outcome, cost) = run_once(&server, self.generator, &order)?;
                if let Err(reason) = cost {
                    bail!("{kind:?}: {reason}");
                }
                each.push(outcome.rate());
                let asked = database.statements()? - before;
                statements.push(asked as f64 / outcome.completed as f64);
            }
            rates.push(median(each));
        }
        let (ours, theirs) = statements.split_at(self.rounds as usize);
        let [engine, peer] = [rates[0], rates[1]];
        let [ours, theirs] = [ours, theirs].map(|each| median(each.to_vec()));
        Ok(vec![
            Row {
                unit: "REGISTER with digest, durable, 100,000 users in MariaDB",
                measure: "a second",
                engine: Some(engine),
                peer: Some(peer),
                checks: vec![
                    Check::ratio("kamailio", engine, peer, 3.0).or_more(),
                    Check::at_least("a second", engine, 8_000.0),
                ],
                note: "kamailio: usrloc db_mode 1, auth_db, 8 workers; all share two CPUs".into(),
                ..Row::default()
            },
            Row {
                unit: "statements for each",
                measure: "statements",
                engine: Some(ours),
                peer: Some(theirs),
                checks: vec![Check::at_most("statements", ours, 0.1)],
                ..Row::default()
            },
        ])
    }

    /// The bundled generator's own cost against SIPp's.
    pub fn generators(&self) -> Result<Row> {
        let ours = PinionLoad::new(self.programs.join("pinion-load"))?;
        let sipp = Sipp::new()?;
        let order = self.order(AT_ONCE_CALL, Pace::Saturate(AT_ONCE), self.units(50_000));
        let mut costs = [Vec::new(), Vec::new()];
        for _ in 0..self.rounds {
            let generators: [&dyn Generator; 2] = [&ours, &sipp];
            for (generator, costs) in generators.into_iter().zip(&mut costs) {
                // Each has a server that knows no callees but its own.
                let server = self.server(PINION, false)?;
                generator.prepare(server.address, false)?;
                costs.push(run(&server, generator, &order)?.generator_us);
            }
        }
        let [ours, sipp] = costs.map(median);
        Ok(Row {
            unit: "pinion-load, both sides of a call",
            measure: "CPU µs",
            engine: Some(ours),
            peer: Some(sipp),
            checks: vec![Check::ratio("SIPp", ours, sipp, 0.6)],
            note: "both against the engine at saturation".into(),
            ..Row::default()
        })
    }

    /// An INVITE read in memory, without sockets.
    pub fn parse(&self) -> Vec<Row> {
        let rows = [
            (Unit::ParseIntake, "832-byte INVITE parsed: intake", 150.0),
            (Unit::ParseTyped, "832-byte INVITE parsed: typed", 600.0),
        ];
        let row = |(work, unit, target)| {
            let each = least_ns(work);
            Row {
                unit,
                measure: "ns",
                engine: Some(each),
                checks: vec![Check::at_most("ns", each, target)],
                note: format!("the least of {STRETCHES} stretches"),
                ..Row::default()
            }
        };
        rows.map(row).into()
    }
}

/// How often a stretch of work in memory is timed.
const STRETCHES: u32 = 200;

/// How long one takes each time, in nanoseconds: the least over stretches long
/// enough for a clock and short enough to pass undisturbed.
fn least_ns(unit: Unit) -> f64 {
    let times = 1_000;
    let mut work = unit.work(Duration::ZERO);
    let stretches = (0..STRETCHES).map(|_| {
        let start = Instant::now();
        for _ in 0..times {
            work(plain);
        }
        start.elapsed()
    });
    let least = stretches.min().unwrap_or_default();
    least.as_secs_f64() * 1e9 / f64::from(times)
}
