//! The bundled generator, `pinion-load`.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::generator::{CPU, Generator, Load, Ongoing, Order, Outcome, Pace};
use crate::running::Running;
use crate::server::free_address;
use crate::users;

/// What a run may take beyond the time its load needs.
const GRACE: Duration = Duration::from_secs(60);

/// Its exit status when it was itself the limit.
const INVALID: i32 = 3;

/// `pinion-load` on one thread.
pub struct PinionLoad {
    program: PathBuf,
    /// Where calls are made and registrations sent from.
    calling: SocketAddr,
    answering: SocketAddr,
    /// Servers that know the callees.
    prepared: RefCell<HashSet<SocketAddr>>,
}

impl PinionLoad {
    /// The one at `program`.
    pub fn new(program: PathBuf) -> Result<PinionLoad> {
        Ok(PinionLoad {
            program,
            calling: free_address()?,
            answering: free_address()?,
            prepared: RefCell::default(),
        })
    }
}

impl Generator for PinionLoad {
    fn name(&self) -> &'static str {
        "pinion-load"
    }

    fn prepare(&self, target: SocketAddr, _digest: bool) -> Result<()> {
        let order = Order {
            load: Load::Call {
                hold: Duration::ZERO,
            },
            pace: Pace::Rate(100),
            units: 50,
            target,
            users: users::callers(),
            tcp: false,
            many_ports: false,
        };
        let outcome = self.run(&order)?;
        ensure!(
            outcome.failed == 0,
            "{} calls failed at 100/s",
            outcome.failed
        );
        self.prepared.borrow_mut().insert(target);
        Ok(())
    }

    fn start(&self, order: &Order) -> Result<Box<dyn Ongoing + '_>> {
        let directory = tempfile::tempdir()?;
        let (command, stage) = match order.load {
            Load::Options => ("options", "options-200"),
            Load::Register | Load::RegisterWithDigest => ("register", "register-200"),
            Load::Call { .. } => ("call", "invite-200"),
        };
        let mut text = format!(
            "{command} --target {} --users {{{}..{}}} --calls {} --duration 600s --threads 1 --cpus {CPU} \
             --quiet --json results.json",
            order.target,
            order.users.start,
            order.users.end - 1,
            order.units
        );
        match order.pace {
            Pace::Saturate(at_once) => text += &format!(" --saturate {at_once}"),
            Pace::Rate(rate) => text += &format!(" --rate {rate}"),
        }
        if order.load == Load::RegisterWithDigest {
            text += &format!(" --password {}", users::PASSWORD);
        }
        if order.tcp {
            text += " --transport tcp";
        }
        if order.many_ports {
            text += " --ports-per-thread 62";
        } else {
            // The same Contact each time: registrars bound how many one has.
            text += &format!(" --first-port {}", self.calling.port());
        }
        if let Load::Call { hold } = order.load {
            let callees = users::callees();
            text += &format!(
                " --uas local --uas-listen {} --callees {{{}..{}}} --hold {}ms",
                self.answering,
                callees.start,
                callees.end - 1,
                hold.as_millis()
            );
            // Over TCP callees are called by the connection they registered with.
            if self.prepared.borrow().contains(&order.target) && !order.tcp {
                text += " --no-register";
            }
        }
        let path = directory.path();
        let arguments = text.split_whitespace();
        let running = Running::start(CPU, &self.program, arguments, path, &path.join("log"))?;
        Ok(Box::new(Run {
            directory,
            running,
            began: Instant::now(),
            stage,
        }))
    }
}

struct Run {
    directory: TempDir,
    running: Running,
    began: Instant,
    stage: &'static str,
}

impl Ongoing for Run {
    fn finish(self: Box<Self>) -> Result<Outcome> {
        let finished = self.running.finish(Duration::from_secs(600) + GRACE)?;
        let wall = self.began.elapsed();
        let path = self.directory.path();
        let said = fs::read_to_string(path.join("log")).unwrap_or_default();
        let text = fs::read_to_string(path.join("results.json"))
            .with_context(|| format!("pinion-load ended with {}:\n{said}", finished.status))?;
        let results: Value = serde_json::from_str(&text)?;
        let units = |name: &str| results["units"][name].as_u64().unwrap_or_default();
        let stage = &results["stages"][self.stage];
        let latency = |name: &str| stage[name].as_u64().map(Duration::from_micros);
        Ok(Outcome {
            completed: units("completed"),
            failed: units("failed") + units("in_flight_at_end"),
            wall: results["wall_s"]
                .as_f64()
                .map_or(wall, Duration::from_secs_f64),
            cpu: finished.cpu,
            latency: latency("p50_us").zip(latency("p99_us")),
            invalid: (finished.status.code() == Some(INVALID))
                .then(|| results["verdict"].to_string()),
        })
    }
}
