//! A record on its way to where it is written: with a name of its own for ever,
//! and what each column of a table would hold.

use std::sync::Arc;
use std::time::Duration;

use pinion_sip::base::{UnixTime, lossy};
use pinion_sip::dialplan::Zone;
use pinion_sip::machine::{Cdr, UnixMicros};
use smol_str::SmolStr;

use super::journals::Volume;

/// A record.
#[derive(Debug)]
pub struct Entry {
    /// Its name: no other record of any engine has it.
    pub id: String,
    /// `systemname`; perhaps empty.
    pub node: SmolStr,
    /// What happened.
    pub cdr: Box<Cdr>,
    /// Where it lies until every place has it; `None` where it lies nowhere.
    pub spot: Option<Spot>,
    /// Whether an earlier engine may have written it already.
    pub again: bool,
}

/// A place in a journal.
#[derive(Clone, Debug)]
pub struct Spot {
    /// The journal.
    pub volume: Arc<Volume>,
    /// The position behind the record.
    pub end: u64,
}

/// How times and lengths are told.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where dates are of.
    pub zone: Zone,
    /// `initiatedseconds`: half a second counts as a whole one.
    pub initiatedseconds: bool,
}

impl Form {
    /// `2026-11-23 17:05:59`.
    pub fn date(&self, at: UnixMicros) -> String {
        date(&self.zone, at)
    }

    /// Whole seconds of a call's two lengths: all, and that which is billed.
    pub fn seconds(&self, cdr: &Cdr) -> (u64, u64) {
        let billed = cdr.billed();
        let round = self.initiatedseconds && billed.subsec_millis() >= 500;
        let duration = cdr.duration().as_secs();
        (duration, billed.as_secs() + u64::from(round))
    }
}

/// `2026-11-23 17:05:59` in a zone.
pub fn date(zone: &Zone, at: UnixMicros) -> String {
    zone.written(UnixTime(at.as_secs()), "%F %T")
}

/// The number of a disposition, for columns that hold numbers.
pub fn disposition_number(name: &str) -> &'static str {
    match name {
        "FAILED" => "2",
        "BUSY" => "4",
        "ANSWERED" => "8",
        "CONGESTION" => "16",
        _ => "0",
    }
}

impl Entry {
    /// Every column that has a value here: Asterisk's, then our own, then the
    /// plan's.
    pub fn columns(&self, form: &Form) -> Vec<(SmolStr, String)> {
        let cdr = &*self.cdr;
        let (duration, billsec) = form.seconds(cdr);
        let start = form.date(cdr.start);
        let mut columns = Vec::with_capacity(40);
        let mut put = |name: &'static str, value: String| {
            columns.push((SmolStr::new_static(name), value));
        };
        put("calldate", start.clone());
        put("start", start);
        if let Some(answer) = cdr.answer {
            put("answer", form.date(answer));
        }
        put("end", form.date(cdr.end));
        for (name, value) in [
            ("accountcode", &cdr.accountcode),
            ("src", &cdr.src),
            ("dst", &cdr.dst),
            ("dcontext", &cdr.dcontext),
            ("clid", &cdr.clid),
            ("channel", &cdr.channel),
            ("dstchannel", &cdr.dstchannel),
            ("lastapp", &cdr.lastapp),
            ("lastdata", &cdr.lastdata),
            ("uniqueid", &cdr.uniqueid),
            ("userfield", &cdr.userfield),
            ("linkedid", &cdr.linkedid),
            ("peeraccount", &cdr.peeraccount),
            ("peer", &cdr.peer),
            ("callee_peer", &cdr.callee_peer),
            ("node", &self.node),
        ] {
            put(name, value.to_string());
        }
        put("duration", duration.to_string());
        put("billsec", billsec.to_string());
        put("disposition", cdr.disposition.as_str().into());
        put("amaflags", cdr.amaflags.as_str().into());
        put("sequence", cdr.id.serial.to_string());
        put("delivery_id", self.id.clone());
        put("call_id", lossy(&cdr.call_id).into_owned());
        put("callee_call_id", lossy(&cdr.callee_call_id).into_owned());
        put("cause", cdr.cause.0.to_string());
        put("reason", cdr.cause.phrase().into());
        put("retransmissions", cdr.retransmissions.to_string());
        put("shard", cdr.id.shard.to_string());
        put("incarnation", cdr.id.incarnation.to_string());
        let code = cdr.final_code.map(u64::from);
        for (name, number) in [
            ("pdd_ms", cdr.pdd.map(millis)),
            ("setup_ms", cdr.setup.map(millis)),
            ("final_code", code),
        ] {
            if let Some(number) = number {
                put(name, number.to_string());
            }
        }
        let own = cdr.fields.iter();
        columns.extend(own.map(|(name, value)| (name.clone(), value.to_string())));
        columns
    }
}

/// Whole milliseconds.
pub fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}
