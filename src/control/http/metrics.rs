//! `/metrics`: what the engine counts, as Prometheus reads it (text format
//! 0.0.4). Series are as many as shards and numbers, never as callers, devices
//! or databases' rows.

use std::fmt::Write;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use pinion_runtime::Census;
use pinion_sip::base::Histogram;
use pinion_sip::machine::Stages;

use super::{Shown, answer};

/// Series told for each shard by itself stay below this; with more shards they
/// are summed.
const MOST_BY_SHARD: usize = 1_600;

/// What a number is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It only rises, until the shard is replaced.
    Counter,
    /// It rises and falls.
    Gauge,
}

/// One number of a shard: its name in a census, what is said of it, and what it
/// is divided by to be in base units.
struct Row(&'static str, &'static str, Kind, &'static str, f64);

use Kind::{Counter, Gauge};

/// What shards count that is worth a series for each of them.
const BY_SHARD: &[Row] = &[
    Row(
        "busy_us",
        "busy_seconds",
        Counter,
        "Time a shard spent working, in seconds",
        1e6,
    ),
    Row("turns", "turns", Counter, "Turns of a shard's loop", 1.0),
    Row(
        "faults",
        "faults",
        Counter,
        "Times a shard was replaced after a fault",
        1.0,
    ),
    Row(
        "udp_received",
        "udp_received_datagrams",
        Counter,
        "Datagrams taken from the kernel",
        1.0,
    ),
    Row(
        "udp_sent",
        "udp_sent_datagrams",
        Counter,
        "Datagrams the kernel took",
        1.0,
    ),
    Row(
        "udp_kernel_drops",
        "udp_dropped_by_kernel_datagrams",
        Counter,
        "Datagrams the kernel had no room for",
        1.0,
    ),
    Row(
        "udp_send_drops",
        "udp_dropped_at_send_datagrams",
        Counter,
        "Datagrams that found no room to be sent",
        1.0,
    ),
    Row(
        "mesh_drops",
        "mesh_dropped_envelopes",
        Counter,
        "Envelopes to other shards that found no room",
        1.0,
    ),
    Row(
        "handed_off",
        "handed_over_datagrams",
        Counter,
        "Datagrams handed to their home shard",
        1.0,
    ),
    Row("calls", "calls", Gauge, "Calls there are", 1.0),
    Row("dialogs", "dialogs", Gauge, "Dialogs there are", 1.0),
    Row(
        "transactions",
        "transactions",
        Gauge,
        "Transactions there are",
        1.0,
    ),
    Row(
        "bindings",
        "registered_contacts",
        Gauge,
        "Contacts registered",
        1.0,
    ),
    Row(
        "pending",
        "pending_questions",
        Gauge,
        "Questions that wait for an answer",
        1.0,
    ),
    Row("calls_begun", "calls_begun", Counter, "Calls begun", 1.0),
    Row(
        "calls_answered",
        "calls_answered",
        Counter,
        "Calls answered",
        1.0,
    ),
    Row("calls_ended", "calls_ended", Counter, "Calls ended", 1.0),
    Row(
        "registered",
        "registrations",
        Counter,
        "REGISTERs answered with 200",
        1.0,
    ),
];

/// What they count whose sum is enough.
const SUMMED: &[Row] = &[
    Row(
        "udp_receive_errors",
        "udp_receive_errors",
        Counter,
        "Receive calls that failed",
        1.0,
    ),
    Row(
        "udp_send_errors",
        "udp_send_errors",
        Counter,
        "Datagrams the kernel refused",
        1.0,
    ),
    Row(
        "udp_send_waits",
        "udp_send_waits",
        Counter,
        "Datagrams that waited for room in the kernel",
        1.0,
    ),
    Row(
        "mesh_posted",
        "mesh_posted_envelopes",
        Counter,
        "Envelopes put to other shards and workers",
        1.0,
    ),
    Row(
        "mesh_collected",
        "mesh_collected_envelopes",
        Counter,
        "Envelopes taken from others",
        1.0,
    ),
    Row(
        "mesh_rings",
        "mesh_rings",
        Counter,
        "Shards woken by others",
        1.0,
    ),
    Row(
        "errands_refused",
        "errands_refused",
        Counter,
        "Errands their desk had no room for",
        1.0,
    ),
    Row(
        "datagrams",
        "datagrams",
        Counter,
        "Datagrams handled, keep-alives included",
        1.0,
    ),
    Row("keepalives", "keepalives", Counter, "Keep-alives", 1.0),
    Row(
        "handed_in",
        "handed_in_datagrams",
        Counter,
        "Datagrams that came from another shard",
        1.0,
    ),
    Row(
        "unreadable",
        "unreadable_datagrams",
        Counter,
        "Datagrams nothing could be answered to",
        1.0,
    ),
    Row(
        "unheard",
        "unheard_datagrams",
        Counter,
        "Datagrams nobody listens to, as chan_sip is not loaded",
        1.0,
    ),
    Row(
        "records_dropped",
        "records_dropped",
        Counter,
        "Records of calls that found no room",
        1.0,
    ),
    Row(
        "malformed",
        "malformed_requests",
        Counter,
        "Requests refused for their form",
        1.0,
    ),
    Row(
        "stray_requests",
        "stray_requests",
        Counter,
        "Requests of no dialog or transaction",
        1.0,
    ),
    Row(
        "stray_responses",
        "stray_responses",
        Counter,
        "Responses of no transaction",
        1.0,
    ),
    Row("challenges", "challenges", Counter, "Challenges sent", 1.0),
    Row(
        "forbidden",
        "forbidden_requests",
        Counter,
        "Requests refused for wrong credentials",
        1.0,
    ),
    Row(
        "calls_refused",
        "calls_refused",
        Counter,
        "Calls refused with 503",
        1.0,
    ),
    Row(
        "calls_limited",
        "calls_limited",
        Counter,
        "Calls refused by a call limit",
        1.0,
    ),
    Row(
        "refused_transactions",
        "transactions_refused",
        Counter,
        "Transactions that found no room",
        1.0,
    ),
    Row(
        "retransmissions",
        "retransmissions",
        Counter,
        "Messages sent again",
        1.0,
    ),
    Row(
        "absorbed",
        "absorbed_requests",
        Counter,
        "Copies of requests that were answered alike",
        1.0,
    ),
    Row(
        "merged",
        "merged_requests",
        Counter,
        "Requests that came by two ways (482)",
        1.0,
    ),
    Row(
        "timeouts",
        "transaction_timeouts",
        Counter,
        "Requests of ours without a final response",
        1.0,
    ),
    Row(
        "unacknowledged",
        "unacknowledged_answers",
        Counter,
        "2xx responses of ours without an ACK",
        1.0,
    ),
    Row(
        "questions",
        "questions",
        Counter,
        "Questions put to other shards or workers",
        1.0,
    ),
    Row(
        "questions_expired",
        "questions_expired",
        Counter,
        "Questions nobody answered in time",
        1.0,
    ),
    Row(
        "questions_refused",
        "questions_refused",
        Counter,
        "Questions that found no room",
        1.0,
    ),
    Row(
        "errands",
        "database_questions",
        Counter,
        "Questions put to the database",
        1.0,
    ),
    Row(
        "errands_failed",
        "database_questions_failed",
        Counter,
        "Questions the database did not answer",
        1.0,
    ),
    Row(
        "devices_pruned",
        "devices_pruned",
        Counter,
        "Devices of the database forgotten by order",
        1.0,
    ),
    Row(
        "devices_known",
        "devices_known",
        Gauge,
        "Devices of the database that are known",
        1.0,
    ),
    Row(
        "strangers_known",
        "strangers_known",
        Gauge,
        "Names known not to be in the database",
        1.0,
    ),
    Row(
        "database_late",
        "database_late_shards",
        Gauge,
        "Shards the database does not answer",
        1.0,
    ),
    Row(
        "watched",
        "watched_contacts",
        Gauge,
        "Contacts that are asked whether they live",
        1.0,
    ),
    Row(
        "messages",
        "messages_relayed",
        Gauge,
        "MESSAGEs that wait for their answer",
        1.0,
    ),
    Row(
        "places",
        "call_limit_places",
        Gauge,
        "Places taken in call limits",
        1.0,
    ),
    Row("members", "group_members", Gauge, "Channels in groups", 1.0),
    Row("locks", "locks", Gauge, "Locks held", 1.0),
    Row(
        "entries",
        "astdb_entries",
        Gauge,
        "Values of the AstDB",
        1.0,
    ),
    Row(
        "releases",
        "releases",
        Gauge,
        "Places on their way back",
        1.0,
    ),
];

/// What Prometheus is told this is.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn metrics(shown: Shown) -> Response {
    answer(shown, |view| {
        let up_s = view.house.started.elapsed().unwrap_or_default();
        let text = exposition(&Numbers {
            shards: view.house.shards.count(),
            censuses: &view.census(),
            stages: &view.stages(),
            totals: &(view.totals)(),
            up_s: up_s.as_secs_f64(),
        });
        ([(CONTENT_TYPE, FORMAT)], text).into_response()
    })
    .await
}

/// All there is to tell.
struct Numbers<'n> {
    shards: u16,
    censuses: &'n [Census],
    stages: &'n Stages,
    totals: &'n [(String, u64)],
    up_s: f64,
}

fn exposition(numbers: &Numbers<'_>) -> String {
    let mut text = Text::default();
    let version = env!("CARGO_PKG_VERSION");
    let build = "Always 1; the label tells the version";
    text.head("pinion_build_info", Gauge, build);
    text.sample("pinion_build_info", &format!("version=\"{version}\""), 1.0);
    text.single(
        "pinion_up_seconds",
        "How long the engine runs, in seconds",
        numbers.up_s,
    );
    let answering = numbers.censuses.len() as f64;
    text.single("pinion_shards", "Shards", numbers.shards.into());
    text.single(
        "pinion_shards_answering",
        "Shards that answered just now",
        answering,
    );
    for row in BY_SHARD {
        let each = numbers.censuses.len() * BY_SHARD.len() <= MOST_BY_SHARD;
        text.row(row, numbers.censuses, each);
    }
    for row in SUMMED {
        text.row(row, numbers.censuses, false);
    }
    text.others(numbers.censuses);
    text.totals(numbers.totals);
    text.stages(numbers.stages);
    text.text
}

/// The text on its way. Writing to a String does not fail.
#[derive(Default)]
struct Text {
    text: String,
}

impl Text {
    fn head(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Counter => "counter",
            Gauge => "gauge",
        };
        let _ = writeln!(self.text, "# HELP {name} {help}.\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: f64) {
        let _ = match labels {
            "" => writeln!(self.text, "{name} {value}"),
            labels => writeln!(self.text, "{name}{{{labels}}} {value}"),
        };
    }

    /// A gauge of one value.
    fn single(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, Gauge, help);
        self.sample(name, "", value);
    }

    /// A number of the shards, of each by itself or summed.
    fn row(&mut self, row: &Row, censuses: &[Census], each: bool) {
        let Row(own, name, kind, help, unit) = row;
        let name = match kind {
            Counter => format!("pinion_{name}_total"),
            Gauge => format!("pinion_{name}"),
        };
        let value = |census: &Census| {
            let mut counters = census.counters.iter();
            counters
                .find(|(name, _)| name == own)
                .map(|(_, value)| *value)
        };
        let values: Vec<(u16, u64)> = censuses
            .iter()
            .filter_map(|census| Some((census.shard, value(census)?)))
            .collect();
        if values.is_empty() {
            return;
        }
        self.head(&name, *kind, help);
        if each {
            for (shard, value) in values {
                self.sample(&name, &format!("shard=\"{shard}\""), value as f64 / unit);
            }
        } else {
            let sum: u64 = values.iter().map(|(_, value)| value).sum();
            self.sample(&name, "", sum as f64 / unit);
        }
    }

    /// What shards count that no row is about.
    fn others(&mut self, censuses: &[Census]) {
        let told = |name: &str| BY_SHARD.iter().chain(SUMMED).any(|row| row.0 == name);
        let mut sums: Vec<(&str, u64)> = Vec::new();
        for (name, value) in censuses.iter().flat_map(|census| &census.counters) {
            match sums.iter_mut().find(|(own, _)| own == name) {
                Some((_, sum)) => *sum += value,
                None if !told(name) => sums.push((name, *value)),
                None => {}
            }
        }
        self.named(
            "pinion_shard_number",
            "Other numbers of the shards, summed",
            &sums,
        );
    }

    /// Numbers of databases, workers and whatever else is no shard.
    fn totals(&mut self, totals: &[(String, u64)]) {
        let totals: Vec<(&str, u64)> = totals
            .iter()
            .map(|(name, value)| (&**name, *value))
            .collect();
        self.named(
            "pinion_worker_number",
            "Numbers of databases and workers",
            &totals,
        );
    }

    fn named(&mut self, name: &str, help: &str, values: &[(&str, u64)]) {
        if values.is_empty() {
            return;
        }
        self.head(name, Gauge, help);
        for (own, value) in values {
            self.sample(name, &format!("name=\"{}\"", escaped(own)), *value as f64);
        }
    }

    fn stages(&mut self, stages: &Stages) {
        const STAGE: &str = "pinion_stage_seconds";
        let _ = writeln!(
            self.text,
            "# HELP {STAGE} Time a message spent in each stage, in seconds, of those that are timed (--sample).\n# TYPE {STAGE} histogram"
        );
        for (stage, histogram) in stages.each().filter(|(stage, _)| !stage.is_of_calls()) {
            self.histogram(STAGE, &format!("stage=\"{}\"", stage.name()), histogram);
        }
        for (stage, histogram) in stages.each().filter(|(stage, _)| stage.is_of_calls()) {
            let name = format!("pinion_call_{}_seconds", stage.name());
            let until = match stage.name() {
                "ringing" => "the caller is told that somebody rings",
                _ => "the caller is answered",
            };
            let _ = writeln!(
                self.text,
                "# HELP {name} From a caller's INVITE until {until}, in seconds.\n# TYPE {name} histogram"
            );
            self.histogram(&name, "", histogram);
        }
    }

    fn histogram(&mut self, name: &str, labels: &str, histogram: &Histogram) {
        let comma = if labels.is_empty() { "" } else { "," };
        let bucket = format!("{name}_bucket");
        for (bound, count) in histogram.powers() {
            let bound_s = bound.as_nanos() as f64 / 1e9;
            let labels = format!("{labels}{comma}le=\"{bound_s}\"");
            self.sample(&bucket, &labels, count as f64);
        }
        let count = histogram.count() as f64;
        self.sample(&bucket, &format!("{labels}{comma}le=\"+Inf\""), count);
        let sum_s = histogram.sum().as_nanos() as f64 / 1e9;
        self.sample(&format!("{name}_sum"), labels, sum_s);
        self.sample(&format!("{name}_count"), labels, count);
    }
}

/// A value of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests;
