//! Tells how a run goes while it does: a line that moves on a terminal, plain
//! lines at intervals elsewhere. Measures nothing.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::plan::Plan;

/// Between two plain lines.
const PLAIN: Duration = Duration::from_secs(5);

/// Where progress goes.
pub struct Progress {
    /// On a terminal.
    bar: Option<ProgressBar>,
    start: Instant,
    last: Instant,
    begun: u64,
}

impl Progress {
    /// Tells nothing yet.
    pub fn new(plan: &Plan) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| bar(plan));
        let now = Instant::now();
        Progress {
            bar,
            start: now,
            last: now,
            begun: 0,
        }
    }

    /// Tells where a run stands, by its counters.
    pub fn tell(&mut self, counters: &[(&'static str, u64)]) {
        let of = |name| {
            counters
                .iter()
                .find(|(known, _)| *known == name)
                .map_or(0, |&(_, value)| value)
        };
        let since = self.last.elapsed();
        if self.bar.is_none() && since < PLAIN {
            return;
        }
        let begun = of("begun");
        let rate = begun.saturating_sub(self.begun) as f64 / since.as_secs_f64().max(1e-3);
        (self.begun, self.last) = (begun, Instant::now());
        let line = format!(
            "{begun} begun ({rate:.0}/s), {} running, {} completed, {} failed",
            of("running"),
            of("completed"),
            of("failed"),
        );
        match &self.bar {
            Some(bar) => {
                bar.set_position(self.start.elapsed().as_secs());
                bar.set_message(line);
            }
            None => eprintln!("{:>6.0} s  {line}", self.start.elapsed().as_secs_f64()),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(plan: &Plan) -> ProgressBar {
    let ends = plan.duration != Duration::MAX;
    let template = if ends {
        "{bar:30} {pos}/{len} s  {msg}"
    } else {
        "{spinner} {elapsed}  {msg}"
    };
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = if ends {
        ProgressBar::new((plan.duration + plan.hold).as_secs())
    } else {
        ProgressBar::new_spinner()
    };
    bar.with_style(style)
}
