//! Two real softphones register with passwords and call each other through
//! the engine, each in a network namespace of its own.
//!
//! Needs root, or a kernel that gives ordinary users namespaces; fails
//! without. A program of its own rather than a set of `#[test]`s, because it
//! must move into its namespaces before the first thread starts.

#[path = "../engine/mod.rs"]
mod engine;

mod baresip;
mod cases;
mod network;

use std::panic;
use std::process::ExitCode;
use std::time::Instant;

/// The exit code when a case failed, as libtest has it.
const FAILED: u8 = 101;

fn main() -> ExitCode {
    if !network::is_inside() {
        return match network::run_inside() {
            Ok(status) if status.success() => ExitCode::SUCCESS,
            Ok(status) if status.code() == Some(FAILED.into()) => FAILED.into(),
            Ok(status) => {
                eprintln!(
                    "no namespaces for the phones ({status}): run as root, or allow users theirs"
                );
                ExitCode::FAILURE
            }
            Err(error) => {
                eprintln!("cannot run unshare (package util-linux): {error}");
                ExitCode::FAILURE
            }
        };
    }
    network::prepare();
    let (mut passed, mut failed) = (0, 0);
    println!("\nrunning {} tests", cases::ALL.len());
    for (name, case) in cases::ALL {
        let start = Instant::now();
        let verdict = if panic::catch_unwind(case).is_ok() {
            "ok"
        } else {
            "FAILED"
        };
        println!(
            "test {name} ... {verdict} ({:.1} s)",
            start.elapsed().as_secs_f64()
        );
        *(if verdict == "ok" {
            &mut passed
        } else {
            &mut failed
        }) += 1;
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {verdict}. {passed} passed; {failed} failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        FAILED.into()
    }
}
