//! A record as one JSON object, a line each: all that is known of it.

use std::collections::BTreeMap;

use pinion_sip::base::{UnixTime, lossy};
use pinion_sip::dialplan::Zone;
use pinion_sip::machine::UnixMicros;
use serde::Serialize;

use super::entry::{Entry, Form, millis};

/// The object. Lengths are whole seconds unless their names say otherwise, and
/// what is not known is `null`.
#[derive(Serialize)]
struct Object<'a> {
    id: &'a str,
    node: &'a str,
    shard: u16,
    incarnation: u32,
    start: String,
    answer: Option<String>,
    end: String,
    duration: u64,
    billsec: u64,
    duration_ms: u64,
    billsec_ms: u64,
    disposition: &'static str,
    src: &'a str,
    dst: &'a str,
    dcontext: &'a str,
    clid: &'a str,
    channel: &'a str,
    dstchannel: &'a str,
    lastapp: &'a str,
    lastdata: &'a str,
    accountcode: &'a str,
    peeraccount: &'a str,
    amaflags: &'static str,
    uniqueid: &'a str,
    linkedid: &'a str,
    userfield: &'a str,
    call_id: &'a str,
    callee_call_id: &'a str,
    peer: &'a str,
    callee_peer: &'a str,
    pdd_ms: Option<u64>,
    setup_ms: Option<u64>,
    final_code: Option<u16>,
    cause: u8,
    reason: &'static str,
    retransmissions: u32,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<&'a str, &'a str>,
}

/// Appends a record's line.
pub fn write(line: &mut Vec<u8>, entry: &Entry, form: &Form) {
    let cdr = &*entry.cdr;
    let (duration, billsec) = form.seconds(cdr);
    let fields = cdr.fields.iter();
    let object = Object {
        id: &entry.id,
        node: &entry.node,
        shard: cdr.id.shard,
        incarnation: cdr.id.incarnation,
        start: stamp(cdr.start),
        answer: cdr.answer.map(stamp),
        end: stamp(cdr.end),
        duration,
        billsec,
        duration_ms: millis(cdr.duration()),
        billsec_ms: millis(cdr.billed()),
        disposition: cdr.disposition.as_str(),
        src: &cdr.src,
        dst: &cdr.dst,
        dcontext: &cdr.dcontext,
        clid: &cdr.clid,
        channel: &cdr.channel,
        dstchannel: &cdr.dstchannel,
        lastapp: &cdr.lastapp,
        lastdata: &cdr.lastdata,
        accountcode: &cdr.accountcode,
        peeraccount: &cdr.peeraccount,
        amaflags: cdr.amaflags.as_str(),
        uniqueid: &cdr.uniqueid,
        linkedid: &cdr.linkedid,
        userfield: &cdr.userfield,
        call_id: &lossy(&cdr.call_id),
        callee_call_id: &lossy(&cdr.callee_call_id),
        peer: &cdr.peer,
        callee_peer: &cdr.callee_peer,
        pdd_ms: cdr.pdd.map(millis),
        setup_ms: cdr.setup.map(millis),
        final_code: cdr.final_code,
        cause: cdr.cause.0,
        reason: cdr.cause.phrase(),
        retransmissions: cdr.retransmissions,
        fields: fields.map(|(name, value)| (&**name, &**value)).collect(),
    };
    // An object of texts and numbers can always be written to memory.
    let _ = serde_json::to_writer(&mut *line, &object);
    line.push(b'\n');
}

/// `2026-11-23T17:05:59.123Z`.
fn stamp(at: UnixMicros) -> String {
    let seconds = Zone::UTC.written(UnixTime(at.as_secs()), "%FT%T");
    let millis = at.0 / 1000 % 1000;
    format!("{seconds}.{millis:03}Z")
}
