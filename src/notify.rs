//! What the service manager hears of the server, by sd_notify(3): ready,
//! stopping, a line of status, and a sign of life that is given only while
//! every shard gives one. Without a service manager it does nothing. Decides
//! nothing; asks no shard.

use std::time::Duration;

use pinion_runtime::Census;
use pinion_sip::base::ShardId;
use sd_notify::NotifyState;

use crate::table::{silent, sum};

/// How often the status is told where no watchdog asks for more.
const STATUS_PERIOD: Duration = Duration::from_secs(10);

/// The line to the service manager.
pub(crate) struct Notifier {
    /// How often somebody wants to hear of the shards; `None` for never.
    period: Option<Duration>,
    has_watchdog: bool,
    /// The shards that gave no sign of life when last asked.
    silent: Vec<ShardId>,
    stops: bool,
}

impl Notifier {
    /// Whoever this process' environment names: `NOTIFY_SOCKET`,
    /// `WATCHDOG_USEC`.
    pub(crate) fn of_environment() -> Notifier {
        let heard = std::env::var_os("NOTIFY_SOCKET").is_some();
        let watchdog = sd_notify::watchdog_enabled().filter(|_| heard);
        Notifier {
            period: heard.then(|| period(watchdog)),
            has_watchdog: watchdog.is_some(),
            silent: Vec::new(),
            stops: false,
        }
    }

    /// How often [`Notifier::tell`] is wanted.
    pub(crate) fn period(&self) -> Option<Duration> {
        self.period
    }

    /// The server serves.
    pub(crate) fn ready(&self, shards: ShardId) {
        let status = format!("ready: {shards} shards");
        send(&[NotifyState::Ready, NotifyState::Status(&status)]);
    }

    /// The server is on its way to an end, whatever is ordered from now on: a
    /// service manager knows no way back. `status` says how far it is.
    pub(crate) fn stopping(&mut self, status: &str) {
        self.stops = true;
        send(&[
            NotifyState::Stopping,
            self.more_time(),
            NotifyState::Status(status),
        ]);
    }

    /// Whether the service manager has heard of an end, which it does not take
    /// back.
    pub(crate) fn stops(&self) -> bool {
        self.stops && self.period.is_some()
    }

    /// An end takes as long as calls last, whatever the service manager thinks
    /// is enough for one, so time is asked for again and again until then.
    fn more_time(&self) -> NotifyState<'static> {
        let time = 3 * self.period.unwrap_or(STATUS_PERIOD);
        NotifyState::ExtendTimeoutUsec(u32::try_from(time.as_micros()).unwrap_or(u32::MAX))
    }

    /// What the server is `doing`, and how its shards are, of which there are
    /// `shards`; one without a census did not answer. Only all together are a
    /// sign of life: one that hangs holds its calls and its share of the phones
    /// for good.
    pub(crate) fn tell(&mut self, censuses: &[Census], shards: ShardId, doing: &str) {
        let silent = silent(censuses, shards);
        let status = match silent.is_empty() {
            true => status(censuses, doing),
            false => format!("{} not answering", listed(&silent)),
        };
        if !silent.is_empty() && silent != self.silent {
            tracing::error!("{status}");
        }
        let mut states = vec![NotifyState::Status(&status)];
        if silent.is_empty() && self.has_watchdog {
            states.push(NotifyState::Watchdog);
        }
        if silent.is_empty() && self.stops {
            states.push(self.more_time());
        }
        send(&states);
        self.silent = silent;
    }
}

/// A reload, told when it begins and, by the end of this, when it is over.
pub(crate) struct Reloading;

impl Reloading {
    /// A reload begins.
    pub(crate) fn begin() -> Reloading {
        let mut states = vec![NotifyState::Reloading];
        // What tells this reload from one before; without, systemd makes do.
        states.extend(NotifyState::monotonic_usec_now());
        send(&states);
        Reloading
    }
}

impl Drop for Reloading {
    fn drop(&mut self) {
        send(&[NotifyState::Ready]);
    }
}

/// Thrice within the time that the watchdog allows, so that one answer that
/// comes too late does not end a server.
fn period(watchdog: Option<Duration>) -> Duration {
    watchdog.map_or(STATUS_PERIOD, |limit| (limit / 3).min(STATUS_PERIOD))
}

/// What `systemctl status` shows.
fn status(censuses: &[Census], doing: &str) -> String {
    format!(
        "{doing}: {} calls, {} registered contacts, {} shards",
        sum("calls", censuses),
        sum("bindings", censuses),
        censuses.len()
    )
}

/// `shard 1` or `shards 0, 2`, with their verb.
fn listed(shards: &[ShardId]) -> String {
    let numbers: Vec<String> = shards.iter().map(ShardId::to_string).collect();
    match shards {
        [_] => format!("shard {} is", numbers.concat()),
        _ => format!("shards {} are", numbers.join(", ")),
    }
}

/// A service manager that does not listen is no reason not to serve.
fn send(states: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("the service manager does not hear: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn census(shard: ShardId, calls: u64) -> Census {
        Census {
            shard,
            idle: calls == 0,
            counters: vec![("calls", calls), ("bindings", 100), ("turns", 7)],
        }
    }

    #[test]
    fn the_status_counts_over_all_shards() {
        let censuses = [census(0, 3), census(1, 4)];
        assert_eq!(
            status(&censuses, "draining"),
            "draining: 7 calls, 200 registered contacts, 2 shards"
        );
    }

    #[test]
    fn silent_shards_are_named() {
        assert_eq!(listed(&[1]), "shard 1 is");
        assert_eq!(listed(&[0, 2]), "shards 0, 2 are");
    }

    #[test]
    fn a_watchdog_is_fed_thrice_within_its_time() {
        let seconds = Duration::from_secs;
        assert_eq!(period(Some(seconds(6))), seconds(2));
        assert_eq!(period(Some(seconds(300))), STATUS_PERIOD);
        assert_eq!(period(None), STATUS_PERIOD);
    }
}
