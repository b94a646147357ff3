//! `pinion-load flood`.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;

use super::refused;
use crate::Error;
use crate::flood::{self, Aim, Flood, MAX_DURATION, MAX_RATE, PROBE_LIMIT, Profile};
use crate::plan::{self, Formula, Hidden, Users};

const NOTES: &str = "\
Beside the flood the target is asked OPTIONS ten times a second. It has survived when it answers
one that was asked after the flood, within 5 seconds.

A flood harms whoever it reaches. Without --i-own-this-target it goes to loopback addresses only.

Examples:
  pinion-load flood malformed --rate 2000 --duration 10s --seed 7
  pinion-load flood never-ack --users 'user{0..99}' --password 'secret-of-{}' --callee 600

Exit codes:
  0  the target survived
  1  it does not answer any more
  2  a wrong flag, or the host refused";

/// Flags of `flood`.
#[derive(Args, Debug)]
#[command(after_help = NOTES)]
pub struct FloodArgs {
    /// What is sent, and what the target must show
    #[arg(value_enum)]
    profile: Profile,
    /// Where to
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:5060")]
    target: SocketAddr,
    /// The target is yours to harm, and so is the way to it
    #[arg(long)]
    i_own_this_target: bool,
    /// Messages a second
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = RangedU64ValueParser::<u32>::new().range(1..=u64::from(MAX_RATE)))]
    rate: u32,
    /// For how long, an hour at most
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    duration: Duration,
    /// Who registers and calls
    #[arg(long, value_name = "FORMULA", default_value = "user{0..999}")]
    users: Formula,
    /// Their passwords; {} is the user's number, {user} its name
    #[arg(long, value_name = "FORMULA")]
    password: Option<Hidden<Formula>>,
    /// The extension that calls ask for
    #[arg(long, value_name = "NAME", default_value = "600")]
    callee: String,
    /// What every byte is drawn from [default: chosen at random, and told]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = plan::duration(text)?;
    if duration > MAX_DURATION {
        return Err("an hour at most".into());
    }
    Ok(duration)
}

impl FloodArgs {
    /// Floods, tells what became of it, and returns the exit code.
    pub fn run(&self) -> Result<u8, Error> {
        let aim = Aim::new(self.target, self.i_own_this_target).map_err(refused)?;
        let seed = match self.seed {
            Some(seed) => seed,
            None => getrandom::u64().map_err(refused)?,
        };
        let plan = Flood {
            profile: self.profile,
            aim,
            rate: self.rate,
            duration: self.duration,
            users: Users::Formula {
                name: self.users.clone(),
                password: self.password.clone(),
            },
            callee: self.callee.clone(),
            seed,
        };
        println!("{:<18}  {}", "profile", self.profile.name());
        println!("{:<18}  {}", "meaning", self.profile.meaning());
        println!("{:<18}  {seed}", "seed");
        let tally = flood::run(&plan).map_err(refused)?;
        print!("{tally}");
        if tally.survived {
            println!("{:<18}  survived", "verdict");
            return Ok(0);
        }
        let limit_s = PROBE_LIMIT.as_secs();
        println!(
            "{:<18}  FAILED: no answer to OPTIONS in the {limit_s} s after the flood",
            "verdict"
        );
        Ok(1)
    }
}
