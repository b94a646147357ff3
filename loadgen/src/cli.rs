//! The command line: what can be asked for, and how it becomes a [`Plan`].

mod values;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand};
use pinion_sip::base::Transport;
use pinion_sip::transaction::Timers;

use crate::commands::Task;
use crate::plan::{self, Arrival, Behaviour, Callee, Formula, Hidden, Load, Plan, Unit, Users};
use values::{behaviour_list, cpus, host, local, rate, transport, unit_list};

const EXAMPLES: &str = "\
Examples:
  500 calls a second through a server, both ends here, each of them 10 seconds:
    pinion-load call --target 192.0.2.10:5060 --uas local --rate 500 --hold 10s \\
      --users 'user{0..499999}' --callees 'user{500000..999999}' --password 'secret-of-{}'

  What one call costs at saturation, 64 calls at once for 20 seconds:
    pinion-load call --target 127.0.0.1:5060 --uas local --saturate 64 --duration 20s

  Registrations as people make them, results for a machine to read:
    pinion-load register --target 192.0.2.10:5060 --rate 1000 --arrival poisson --json run.json

  What a SIPp scenario file says, 50 times a second, a line of users.csv each:
    pinion-load scenario uac.xml --target 192.0.2.10:5060 --rate 50 --inf users.csv

  The called side alone, one in ten busy:
    pinion-load uas --listen 192.0.2.20:5080 --answer answer=9,busy=1

Exit codes:
  0  every unit went as it should
  1  some failed or never ended, or the two ends do not agree on the calls
  2  a wrong flag, or the host refused
  3  INVALID: the generator was the limit, so nothing is said of the target";

/// Load generator for SIP servers.
///
/// Makes load at intended times, whatever the server does, and measures each
/// answer from its intended time, so that a server that stalls cannot slow the
/// clock it is judged by. Watches itself, and says so when it was the limit.
#[derive(Parser, Debug)]
#[command(name = "pinion-load", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Task,
}

/// The subcommands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Calls: INVITE, answer, conversation, BYE
    Call(LoadArgs),
    /// Registrations: REGISTER, and again with credentials when challenged
    Register(LoadArgs),
    /// OPTIONS outside any dialog; any final response counts as an answer
    Options(LoadArgs),
    /// MESSAGE outside any dialog
    Message(LoadArgs),
    /// Several of them, drawn by weight
    Mix(MixArgs),
    /// The called side alone: takes calls until told to stop
    Uas(UasArgs),
}

/// Flags of everything that makes load.
#[derive(Args, Clone, Debug)]
pub struct LoadArgs {
    /// Where to send
    #[arg(
        long,
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:5060",
        help_heading = "Whom to load"
    )]
    pub target: SocketAddr,
    /// Host of everybody's address of record [default: the target]
    #[arg(long, value_name = "HOST", value_parser = host, help_heading = "Whom to load")]
    pub domain: Option<String>,
    /// Transport: udp or tcp; tls comes with the server's
    #[arg(long, value_name = "NAME", default_value = "udp", value_parser = transport, help_heading = "Whom to load")]
    pub transport: Transport,
    #[command(flatten)]
    /// When units begin.
    pub pace: Pace,
    #[command(flatten)]
    /// Who calls whom.
    pub people: People,
    #[command(flatten)]
    /// How calls go.
    pub calls: Calls,
    #[command(flatten)]
    /// Processors and sockets.
    pub house: House,
    #[command(flatten)]
    /// Where results go.
    pub output: Output,
}

/// When units begin.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "How much")]
pub struct Pace {
    /// Units a second, over all threads
    #[arg(long, value_name = "N", default_value_t = 100.0, value_parser = rate)]
    pub rate: f64,
    /// constant, poisson, ramp:FROM-TO, step:FROM,STEP,EVERY
    ///
    /// The last two say their own rates: `ramp:100-5000`, `step:1000,500,10s`.
    #[arg(long, value_name = "PROCESS", default_value = "constant")]
    pub arrival: String,
    /// For how long units begin
    #[arg(long, visible_alias = "seconds", value_name = "TIME", default_value = "10s", value_parser = plan::duration)]
    pub duration: Duration,
    /// At most this many units
    #[arg(long, visible_alias = "count", value_name = "N", value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    pub calls: Option<u64>,
    /// Closed loop instead: so many units in flight, each end a beginning
    ///
    /// For what a unit costs at saturation; the latencies of such a run are no
    /// measure of the target.
    #[arg(long, value_name = "IN_FLIGHT", conflicts_with = "arrival", value_parser = RangedU64ValueParser::<u32>::new().range(1..=1_000_000))]
    pub saturate: Option<u32>,
}

/// Who calls whom.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Users")]
pub struct People {
    /// Who calls, registers and asks
    #[arg(long, value_name = "FORMULA", default_value = "user{0..999}")]
    pub users: Formula,
    /// Their passwords; {} is the user's number, {user} its name
    #[arg(long, value_name = "FORMULA")]
    pub password: Option<Hidden<Formula>>,
    /// Users from a file of `user;password` lines instead
    #[arg(long, value_name = "FILE", conflicts_with = "users")]
    pub users_file: Option<PathBuf>,
    /// Who is called
    #[arg(
        long,
        visible_alias = "callee",
        value_name = "FORMULA",
        default_value = "callee{0..999}"
    )]
    pub callees: Formula,
    /// The passwords of those called [default: as --password]
    #[arg(long, value_name = "FORMULA")]
    pub callee_password: Option<Hidden<Formula>>,
    /// Those called, from a file instead
    #[arg(long, value_name = "FILE", conflicts_with = "callees")]
    pub callees_file: Option<PathBuf>,
    /// Seconds a registration asks for
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub expires: u32,
}

/// How calls go.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Calls")]
pub struct Calls {
    /// The called side: `local` runs it in this process
    ///
    /// Its users are registered at the target first, from ports of its own,
    /// and removed in the end.
    /// Without this flag it is elsewhere, or there is none.
    #[arg(long, value_name = "WHERE", value_parser = local)]
    pub uas: Option<Here>,
    /// Do not register those called: the target knows where they are
    #[arg(long, requires = "uas")]
    pub no_register: bool,
    /// Where the called side takes calls; thread n does n ports above
    #[arg(long, value_name = "ADDR:PORT", requires = "uas")]
    pub uas_listen: Option<SocketAddr>,
    /// What it does: answer, ring, busy, silent, or a status, with weights
    #[arg(long, value_name = "LIST", default_value = "answer", value_parser = behaviour_list)]
    pub answer: BehaviourList,
    /// From INVITE to 200
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = plan::duration)]
    pub ring: Duration,
    /// From 200 to BYE
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = plan::duration)]
    pub hold: Duration,
    /// How long a call may ring before it is cancelled
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = plan::duration)]
    pub answer_limit: Duration,
    /// Final statuses that are as they should be, as in 486,603
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(300..700))]
    pub expect: Vec<u16>,
}

/// Processors and sockets.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Processors and sockets")]
pub struct House {
    /// Threads to run [default: one per CPU]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u16>::new().range(1..=256))]
    pub threads: Option<u16>,
    /// CPUs for them, in turn, as in 0-3,5 [default: all that are allowed]
    #[arg(long, value_name = "LIST", value_parser = cpus)]
    pub cpus: Option<CpuList>,
    /// Addresses to send from, in turn [default: as routing chooses]
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    pub local: Vec<IpAddr>,
    /// Ports to send from, per thread; units take them in turn
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = RangedU64ValueParser::<usize>::new().range(1..=63))]
    pub ports_per_thread: usize,
    /// First of the ports to send from [default: as the kernel chooses]
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub first_port: u16,
    /// Units at once and thread
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = RangedU64ValueParser::<u32>::new().range(1..=16_000_000))]
    pub most_at_once: u32,
    /// Microseconds for which a busy thread lets datagrams gather
    ///
    /// Costs less a unit, and adds up to this much to send times and latencies.
    #[arg(long, value_name = "MICROS", default_value_t = 0, value_parser = RangedU64ValueParser::<u64>::new().range(..=10_000))]
    pub coalesce: u64,
    /// SIP timer T1, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = RangedU64ValueParser::<u64>::new().range(1..=60_000))]
    pub t1: u64,
    /// What every byte is drawn from [default: chosen at random, and told]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

/// Where results go.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Results")]
pub struct Output {
    /// Write the results as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the results as one HTML page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Tell nothing while it runs
    #[arg(long)]
    pub quiet: bool,
}

/// Flags of `mix`.
#[derive(Args, Clone, Debug)]
pub struct MixArgs {
    /// Units and their weights, as in call=10,register=5,options=1
    #[arg(long, value_name = "LIST", value_parser = unit_list)]
    pub weights: UnitList,
    /// All else.
    #[command(flatten)]
    pub load: LoadArgs,
}

/// Flags of `uas`.
#[derive(Args, Clone, Debug)]
pub struct UasArgs {
    /// Where to take calls; thread n does n ports above
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: SocketAddr,
    /// Register those called at this server first, and remove them in the end
    #[arg(long, value_name = "ADDR:PORT")]
    pub register_at: Option<SocketAddr>,
    /// Host of everybody's address of record [default: the server's]
    #[arg(long, value_name = "HOST", value_parser = host)]
    pub domain: Option<String>,
    /// What to do: answer, ring, busy, silent, or a status, with weights
    #[arg(long, value_name = "LIST", default_value = "answer", value_parser = behaviour_list)]
    pub answer: BehaviourList,
    /// From INVITE to 200
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = plan::duration)]
    pub ring: Duration,
    /// For how long; without it, until SIGINT or SIGTERM
    #[arg(long, value_name = "TIME", value_parser = plan::duration)]
    pub duration: Option<Duration>,
    /// Ends after so many calls
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    pub calls: Option<u64>,
    /// Who is called.
    #[command(flatten)]
    pub people: People,
    /// Processors and sockets.
    #[command(flatten)]
    pub house: House,
    /// Where results go.
    #[command(flatten)]
    pub output: Output,
}

/// `--uas local`.
#[derive(Clone, Copy, Debug)]
pub struct Here;

/// `--answer`.
#[derive(Clone, Debug)]
pub struct BehaviourList(pub Vec<(Behaviour, u32)>);

/// `--weights`.
#[derive(Clone, Debug)]
pub struct UnitList(pub Vec<(Unit, u32)>);

/// `--cpus`.
#[derive(Clone, Debug)]
pub struct CpuList(pub Vec<usize>);

impl Command {
    /// The plan, and where its results go. `Err` is one sentence.
    pub fn plan(&self, flags: Vec<String>) -> Result<(Plan, &Output), String> {
        let (scenario, units, load) = match self {
            Command::Call(load) => ("call", vec![(Unit::Call, 1)], load),
            Command::Register(load) => ("register", vec![(Unit::Register, 1)], load),
            Command::Options(load) => ("options", vec![(Unit::Options, 1)], load),
            Command::Message(load) => ("message", vec![(Unit::Message, 1)], load),
            Command::Mix(mix) => ("mix", mix.weights.0.clone(), &mix.load),
            Command::Uas(uas) => return Ok((uas.plan(flags)?, &uas.output)),
        };
        Ok((load.plan(scenario, units, flags)?, &load.output))
    }
}

impl LoadArgs {
    /// The plan of a run of `units`.
    pub fn plan(
        &self,
        scenario: &str,
        units: Vec<(Unit, u32)>,
        flags: Vec<String>,
    ) -> Result<Plan, String> {
        if units.iter().all(|(unit, _)| *unit != Unit::Call) {
            let names = ["--answer", "--ring", "--hold", "--answer-limit"];
            plan::refuse_idle(&flags, &names, "it is of calls")?;
        }
        if self.calls.uas.is_none() {
            let names = ["--answer", "--ring"];
            plan::refuse_idle(&flags, &names, "the called side is not here; see --uas")?;
        }
        let load = match self.pace.saturate {
            Some(in_flight) => Load::Closed(in_flight),
            None => Load::Open(Arrival::parse(&self.pace.arrival, self.pace.rate)?),
        };
        let callee = self.calls.uas.map(|Here| Callee {
            behaviours: self.calls.answer.0.clone(),
            ring: self.calls.ring,
            listen: self.calls.uas_listen,
            register: !self.calls.no_register,
        });
        let mut plan = Plan {
            target: self.target,
            transport: self.transport,
            domain: self.domain.clone(),
            load,
            duration: self.pace.duration,
            count: self.pace.calls,
            hold: self.calls.hold,
            answer_limit: self.calls.answer_limit,
            expect: self.calls.expect.clone(),
            callee,
            ..plan_of(
                scenario,
                units,
                flags,
                &self.people,
                &self.house,
                &self.output,
            )?
        };
        if plan.transport.is_reliable() {
            // Nothing is sent again before it is given up.
            (plan.timers.t1, plan.timers.t2) = (plan.timers.timer_b, plan.timers.timer_b);
        }
        plan.check().map(|()| plan)
    }
}

impl UasArgs {
    fn plan(&self, flags: Vec<String>) -> Result<Plan, String> {
        let names = ["--users", "--users-file"];
        plan::refuse_idle(&flags, &names, "--callees says who is called")?;
        let names = ["--ports-per-thread", "--first-port", "--local"];
        plan::refuse_idle(&flags, &names, "--listen says where calls are taken")?;
        let plan = Plan {
            target: self.register_at.unwrap_or(self.listen),
            domain: self.domain.clone(),
            duration: self.duration.unwrap_or(Duration::MAX),
            count: self.calls,
            callee: Some(Callee {
                behaviours: self.answer.0.clone(),
                ring: self.ring,
                listen: Some(self.listen),
                register: self.register_at.is_some(),
            }),
            ports_per_thread: 0,
            ..plan_of(
                "uas",
                Vec::new(),
                flags,
                &self.people,
                &self.house,
                &self.output,
            )?
        };
        plan.check().map(|()| plan)
    }
}

/// What both sorts of plan have in common.
fn plan_of(
    scenario: &str,
    units: Vec<(Unit, u32)>,
    flags: Vec<String>,
    people: &People,
    house: &House,
    output: &Output,
) -> Result<Plan, String> {
    let password = people.password.clone();
    let callee_password = people.callee_password.clone().or(password.clone());
    let t1 = Duration::from_millis(house.t1);
    Ok(Plan {
        scenario: scenario.into(),
        flags,
        units,
        target: ([127, 0, 0, 1], 5060).into(),
        transport: Transport::Udp,
        domain: None,
        callers: users(&people.users_file, &people.users, password)?,
        callees: users(&people.callees_file, &people.callees, callee_password)?,
        load: Load::Open(Arrival::Constant(1.0)),
        duration: Duration::from_secs(10),
        count: None,
        hold: Duration::ZERO,
        answer_limit: Duration::from_secs(60),
        expires_s: people.expires,
        expect: Vec::new(),
        callee: None,
        cpus: house.threads_on()?,
        local: house.local.clone(),
        ports_per_thread: house.ports_per_thread,
        first_port: house.first_port,
        timers: Timers {
            t1,
            timer_b: t1 * 64,
            ..Timers::default()
        },
        most_at_once: house.most_at_once,
        batch: 64,
        coalesce: Duration::from_micros(house.coalesce),
        buffers: (8 << 20, 4 << 20),
        seed: match house.seed {
            Some(seed) => seed,
            None => getrandom::u64().map_err(|error| format!("no randomness: {error}"))?,
        },
        progress: !output.quiet,
    })
}

/// A plan whose people are not asked for.
pub(crate) fn bare_plan(
    scenario: &str,
    units: Vec<(Unit, u32)>,
    flags: Vec<String>,
    house: &House,
    output: &Output,
) -> Result<Plan, String> {
    let nobody: Formula = "nobody".parse()?;
    let people = People {
        users: nobody.clone(),
        password: None,
        users_file: None,
        callees: nobody,
        callee_password: None,
        callees_file: None,
        expires: 0,
    };
    plan_of(scenario, units, flags, &people, house, output)
}

fn users(
    file: &Option<PathBuf>,
    name: &Formula,
    password: Option<Hidden<Formula>>,
) -> Result<Users, String> {
    match file {
        Some(path) => Users::read(path).map_err(|error| format!("{}: {error}", path.display())),
        None => Ok(Users::Formula {
            name: name.clone(),
            password,
        }),
    }
}

impl House {
    /// The CPU of each thread.
    fn threads_on(&self) -> Result<Vec<usize>, String> {
        let cpus = match &self.cpus {
            Some(CpuList(cpus)) => cpus.clone(),
            None => pinion_runtime::allowed_cpus()
                .map_err(|error| format!("cannot learn the CPUs: {error}"))?,
        };
        let threads = self.threads.map_or(cpus.len(), usize::from);
        Ok(cpus.into_iter().cycle().take(threads).collect())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn plan(line: &str) -> Result<Plan, String> {
        let words = line.split_whitespace();
        let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
        let flags = line.split_whitespace().map(String::from).collect();
        cli.command.plan(flags).map(|(plan, _)| plan)
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_become_a_plan() {
        let plan = plan(
            "pinion-load call --target 127.0.0.1:5070 --uas local --rate 500 --arrival poisson \
             --hold 10s --ring 1s --answer answer=9,busy --users u{0..9} --password p{} --cpus 0,0 --seed 5",
        )
        .unwrap();
        assert_eq!(plan.load, Load::Open(Arrival::Poisson(500.0)));
        assert_eq!(plan.units, [(Unit::Call, 1)]);
        assert_eq!(
            (plan.hold, plan.threads(), plan.seed),
            (Duration::from_secs(10), 2, 5)
        );
        assert!(plan.expects(486) && plan.expects(200) && !plan.expects(503));
        let callee = plan.callee.unwrap();
        assert_eq!(
            (callee.ring, callee.register),
            (Duration::from_secs(1), true)
        );
    }

    #[test]
    fn what_cannot_be_done_is_refused_in_a_sentence() {
        for (line, says) in [
            (
                "options --transport tls",
                "tls comes when the server speaks it",
            ),
            ("call --uas 10.0.0.1:5060", "pinion-load uas"),
            ("options --arrival burst", "none of constant"),
            ("options --local ::1", "another family"),
            (
                "options --first-port 65535 --ports-per-thread 9",
                "beyond 65535",
            ),
            ("mix --weights call=0", "above 0"),
            ("register --hold=5s", "--hold=5s has no effect"),
            ("call --ring 5s", "the called side is not here"),
            ("uas --listen 127.0.0.1:0 --users a", "--callees says"),
            ("options --saturate 9 --most-at-once 8", "--most-at-once"),
            ("uas --listen 0.0.0.0:5060", "cannot stand in a Contact"),
            ("options --local 0.0.0.0", "cannot stand in a Contact"),
            ("call --uas local --uas-listen [::1]:0", "another family"),
            (
                "uas --listen 127.0.0.1:65535 --threads 2",
                "called side would end beyond 65535",
            ),
        ] {
            let error = plan(&format!("pinion-load {line} --cpus 0")).unwrap_err();
            assert!(error.contains(says), "{line}: {error}");
        }
    }
}
