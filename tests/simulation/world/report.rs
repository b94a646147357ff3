//! What a broken world says for itself.

use super::World;
use crate::engine::Engine;

impl World {
    /// The engines' sizes, for people.
    fn shape(&self) -> String {
        let of = |engine: &Engine| {
            let limits = &engine.blueprint.limits;
            format!(
                "{} shards of {} calls, {} transactions, {} bindings, {} pending",
                engine.blueprint.shards,
                limits.calls,
                limits.transactions,
                limits.bindings,
                limits.pending
            )
        };
        self.engines.iter().map(of).collect::<Vec<_>>().join("; ")
    }

    /// What the rule says, the call's ladder, and how to see it again.
    pub fn report(&self) -> Option<String> {
        let failure = self.failure.as_ref()?;
        Some(format!(
            "broken: {}\nseed {} at {:?}, commit {}\n{}\n{}\n\n{}\nrepeat: PINION_SEED={} cargo test --test simulation {}\n",
            failure.rule,
            self.seed,
            self.now,
            commit(),
            self.shape(),
            failure.seen,
            self.ladder.text(failure.call_id.as_deref()),
            self.seed,
            std::thread::current().name().unwrap_or_default(),
        ))
    }
}

impl Drop for World {
    /// A test that fails shows what happened.
    fn drop(&mut self) {
        if std::thread::panicking() && self.failure.is_none() {
            eprintln!("seed {}:\n{}", self.seed, self.ladder.text(None));
        }
    }
}

/// The commit under test, as git names it.
fn commit() -> String {
    let asked = std::process::Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .output();
    asked.map_or("unknown".into(), |output| {
        String::from_utf8_lossy(&output.stdout).trim().to_string()
    })
}
