//! The flags of `pinion-load scenario`, and what they make.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;

use super::caller::Program;
use super::problem::Problem;
use super::settings::{Behaviours, Settings};
use super::step::Role;
use super::table::Table;
use crate::cli::{House, Output, Pace};
use crate::plan::{self, Arrival, Behaviour, Callee, Hidden, Load, Plan, Unit};

/// Flags of `scenario`.
#[derive(Args, Clone, Debug)]
pub struct ScenarioArgs {
    /// The scenario file
    pub file: PathBuf,
    /// Where a scenario that begins with <send> calls
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:5060")]
    pub target: SocketAddr,
    /// Where a scenario that begins with <recv> takes calls; thread n does n ports above
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// Read and check the files, tell what is wrong, and end
    #[arg(long)]
    pub check: bool,
    /// What the scenario's keywords say.
    #[command(flatten)]
    pub keywords: Keywords,
    /// When calls begin.
    #[command(flatten)]
    pub pace: Pace,
    /// Processors and sockets.
    #[command(flatten)]
    pub house: House,
    /// Where results go.
    #[command(flatten)]
    pub output: Output,
}

/// What SIPp takes from its command line for the scenario.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Scenario")]
pub struct Keywords {
    /// Injection files, [field0] … of the first unless file= names another
    #[arg(long, value_name = "FILE")]
    pub inf: Vec<PathBuf>,
    /// Field by which <lookup> finds lines of an injection file, as in users.csv:0
    #[arg(long, value_name = "FILE:FIELD", value_parser = index)]
    pub infindex: Vec<Index>,
    /// A keyword of your own: [NAME] is VALUE
    #[arg(long = "key", value_name = "NAME=VALUE", value_parser = key)]
    pub keys: Vec<(String, String)>,
    /// [service]
    #[arg(short = 's', long, value_name = "NAME", default_value = "service")]
    pub service: String,
    /// The user of [authentication] [default: the service]
    #[arg(long, value_name = "NAME")]
    pub auth_user: Option<String>,
    /// The password of [authentication]
    #[arg(long, value_name = "TEXT", default_value = "password")]
    pub auth_password: Hidden<String>,
    /// The digest URI [default: the Request-URI]
    #[arg(long, value_name = "URI")]
    pub auth_uri: Option<String>,
    /// A <pause> without a length
    #[arg(short = 'd', long, value_name = "TIME", default_value = "0s", value_parser = plan::duration)]
    pub pause: Duration,
    /// How long a <recv> without a timeout waits [default: for ever]
    #[arg(long, value_name = "TIME", value_parser = plan::duration)]
    pub recv_timeout: Option<Duration>,
    /// What happens without a step: all, none, bye, abortunexp, pingreply, each perhaps with - before it
    #[arg(long, value_name = "LIST", default_value = "all", allow_hyphen_values = true, value_parser = Behaviours::parse)]
    pub default_behaviors: Behaviours,
    /// Answer INFO, NOTIFY, OPTIONS and UPDATE that no step expects with 200
    #[arg(long)]
    pub answer_unasked: bool,
    /// Pass over what arrives during a <pause>
    #[arg(long)]
    pub pause_msg_ign: bool,
    /// Send and recognise no copies
    #[arg(long)]
    pub no_retransmission: bool,
    /// [cseq] before a call's first request
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub base_cseq: u32,
    /// [media_ip] [default: the local address]
    #[arg(long, value_name = "IP")]
    pub media_ip: Option<IpAddr>,
    /// [media_port]
    #[arg(long, value_name = "PORT", default_value_t = 6000)]
    pub media_port: u16,
}

/// `--infindex`.
#[derive(Clone, Debug)]
pub struct Index {
    file: String,
    field: usize,
}

impl ScenarioArgs {
    /// Reads the files. What has no effect is returned; `Err` names everything
    /// that cannot be run.
    pub fn program(&self, plan: &Plan) -> Result<(Program, Vec<Problem>), Vec<Problem>> {
        let settings = self.settings(plan);
        let mut problems = Vec::new();
        let mut tables = Vec::new();
        for path in &self.keywords.inf {
            match Table::read(path) {
                Ok(mut table) => {
                    for index in &self.keywords.infindex {
                        if table.is_named(&index.file) {
                            table.index_by(index.field);
                        }
                    }
                    tables.push(Arc::new(table));
                }
                Err(problem) => problems.push(problem),
            }
        }
        match super::load(&self.file, &settings, &tables) {
            Ok((scenario, warnings)) if problems.is_empty() => {
                let program = Program {
                    scenario,
                    settings,
                    tables,
                };
                Ok((program, warnings))
            }
            Ok(_) => Err(problems),
            Err(more) => {
                problems.extend(more);
                Err(problems)
            }
        }
    }

    fn settings(&self, plan: &Plan) -> Settings {
        let Keywords {
            keys,
            service,
            auth_user,
            auth_password,
            auth_uri,
            pause,
            ..
        } = self.keywords.clone();
        // A run that names its seed sends the bytes of the last one with it.
        let pid = match self.house.seed {
            Some(seed) => (seed % 4_194_304) as u32,
            None => std::process::id(),
        };
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        Settings {
            service,
            keys,
            pause,
            user: auth_user,
            password: auth_password,
            auth_uri,
            base_cseq: self.keywords.base_cseq,
            remote_host: plan.target.ip().to_string(),
            media_ip: self.keywords.media_ip,
            media_port: self.keywords.media_port,
            pid,
            users: self.pace.saturate.unwrap_or(0),
            recv_timeout: self.keywords.recv_timeout,
            retransmits: !self.keywords.no_retransmission,
            behaviours: self.keywords.default_behaviors,
            answers_unasked: self.keywords.answer_unasked,
            deaf_in_pauses: self.keywords.pause_msg_ign,
            epoch: epoch.unwrap_or_default(),
            ..Settings::default()
        }
    }

    /// The plan of a run of calls to the target.
    pub fn plan(&self, flags: Vec<String>) -> Result<Plan, String> {
        if self.house.ports_per_thread != 1 {
            return Err(
                "a scenario sends from one port a thread; --ports-per-thread must be 1".into(),
            );
        }
        plan::refuse_idle(&flags, &["--t1"], "a scenario says its times itself")?;
        let load = match self.pace.saturate {
            Some(users) => Load::Closed(users),
            None => Load::Open(Arrival::parse(&self.pace.arrival, self.pace.rate)?),
        };
        Ok(Plan {
            target: self.target,
            load,
            duration: self.pace.duration,
            count: self.pace.calls,
            ..crate::cli::bare_plan(
                "scenario",
                vec![(Unit::Call, 1)],
                flags,
                &self.house,
                &self.output,
            )?
        })
    }

    /// `plan` as the scenario's role has it: a server only listens, until it
    /// has taken the calls wanted or is told to stop.
    pub fn plan_for(&self, plan: Plan, role: Role) -> Result<Plan, String> {
        if role == Role::Client {
            return Ok(plan);
        }
        let listen = self
            .listen
            .ok_or("the scenario begins with <recv>: say where it takes calls with --listen")?;
        Ok(Plan {
            units: Vec::new(),
            target: listen,
            duration: Duration::MAX,
            callee: Some(Callee {
                behaviours: vec![(Behaviour::Answer, 1)],
                ring: Duration::ZERO,
                listen: Some(listen),
                register: false,
            }),
            ports_per_thread: 0,
            ..plan
        })
    }
}

fn key(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is wanted")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn index(text: &str) -> Result<Index, String> {
    let parts = text.rsplit_once(':');
    let (file, field) = parts.ok_or("FILE:FIELD is wanted, as in users.csv:0")?;
    let field = field.parse().map_err(|_| format!("{field} is no field"))?;
    let file = file.to_owned();
    Ok(Index { file, field })
}
