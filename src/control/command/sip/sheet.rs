//! `sip show peer`, `sip show user`: one device in full. A line that Asterisk
//! has for something this engine does not do says that it is not done.

use std::io;

use pinion_sip::base::AddressText;
use pinion_sip::config::{
    Host, Insecure, Peer, PeerKind, PickupGroups, Presentation, Secret, TrustIdOutbound,
};
use pinion_sip::machine::{ContactRow, DeviceRow};
use serde_json::{Value, json};

use super::find::{Found, find};
use super::silent::Silent;
use super::state::{self, Status};
use super::{Command, Wrong};
use crate::control::house::House;
use crate::control::out::{Cell, Fields, Out};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "sip show peer",
        arguments: "PEER [load]",
        summary: "A device in full; load reads it from the database",
        run: peer,
    },
    Command {
        words: "sip show user",
        arguments: "PEER [load]",
        summary: "A device as a caller; load reads it from the database",
        run: user,
    },
];

fn peer(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let (name, load) = name_and_load(arguments)?;
    let mut silent = Silent::default();
    let found = find(house, &mut silent, name, load);
    match found.filter(|found| found.peer.kind != PeerKind::User) {
        Some(found) => tell_peer(&found, out.fields("peer"))?,
        None => out.fail(format!("Peer {name} not found."))?,
    }
    silent.own_up(out)?;
    Ok(out.remark("")?)
}

fn user(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let (name, load) = name_and_load(arguments)?;
    let mut silent = Silent::default();
    let found = find(house, &mut silent, name, load);
    match found.filter(|found| found.peer.kind != PeerKind::Peer) {
        Some(found) => tell_user(&found, out.fields("user"))?,
        None => out.fail(format!("User {name} not found."))?,
    }
    silent.own_up(out)?;
    Ok(out.remark("")?)
}

pub(super) fn name_and_load<'a>(arguments: &[&'a str]) -> Result<(&'a str, bool), Wrong> {
    match arguments {
        [name] => Ok((name, false)),
        [name, "load"] => Ok((name, true)),
        _ => Err(Wrong::Usage),
    }
}

fn tell_peer(found: &Found, mut sheet: Fields<'_, '_>) -> io::Result<()> {
    let Found { peer, stored, row } = found;
    let contact = state::first(Some(row));
    begin(found, &mut sheet)?;
    if *stored {
        sheet.remark("  Realtime peer: Yes, cached")?;
    }
    sheet.field(
        "  Description  : ",
        "description",
        peer.description.as_str(),
    )?;
    secrets(peer, &mut sheet)?;
    credentials(peer, &mut sheet)?;
    sheet.field("  Context      : ", "context", peer.context.as_str())?;
    sheet.remark("  Record On feature : ")?;
    sheet.remark("  Record Off feature : ")?;
    sheet.remark("  Subscr.Cont. : <Not set>")?;
    sheet.remark("  Language     : ")?;
    account(peer, &mut sheet)?;
    sheet.remark("  Tonezone     : <Not set>")?;
    sheet.field("  AMA flags    : ", "amaflags", peer.amaflags.as_str())?;
    sheet.remark("  Transfer mode: closed")?;
    presentation(peer, &mut sheet)?;
    if let Some(user) = &peer.fromuser {
        sheet.field("  FromUser     : ", "fromuser", user.as_str())?;
    }
    if let Some(domain) = &peer.fromdomain {
        sheet.field("  FromDomain   : ", "fromdomain", domain.as_str())?;
    }
    groups(peer, &mut sheet)?;
    sheet.remark("  MOH Suggest  : ")?;
    sheet.remark("  Mailbox      : ")?;
    sheet.remark("  VM Extension : ")?;
    sheet.remark("  LastMsgsSent : 0/0")?;
    sheet.field("  Call limit   : ", "call_limit", peer.call_limit)?;
    sheet.member("calls", json!(row.calls));
    sheet.field(
        "  Max forwards : ",
        "maxforwards",
        u32::from(peer.maxforwards),
    )?;
    if peer.busylevel > 0 {
        sheet.field("  Busy level   : ", "busylevel", peer.busylevel)?;
    }
    sheet.field("  Dynamic      : ", "dynamic", peer.host == Host::Dynamic)?;
    callerid(peer, &mut sheet)?;
    sheet.remark("  MaxCallBR    : 0 kbps")?;
    let left_s = contact
        .map(|contact| contact.left_s)
        .filter(|&left_s| left_s > 0);
    sheet.field("  Expire       : ", "expires_s", or(left_s, "-1"))?;
    matching(peer, contact, &mut sheet)?;
    media(&mut sheet)?;
    signalling(peer, &mut sheet)?;
    addresses(peer, contact, &mut sheet)?;
    reach(peer, row, contact, &mut sheet)?;
    variables(peer, &mut sheet)?;
    session_timers("  Min-Sess     : 0 secs", &mut sheet)?;
    sheet.remark("  RTP Engine   : ")?;
    sheet.remark("  Parkinglot   : ")?;
    sheet.field("  Use Reason   : ", "use_q850_reason", peer.use_q850_reason)?;
    sheet.remark("  Encryption   : No")?;
    sheet.end()
}

fn tell_user(found: &Found, mut sheet: Fields<'_, '_>) -> io::Result<()> {
    let peer = &found.peer;
    begin(found, &mut sheet)?;
    secrets(peer, &mut sheet)?;
    sheet.field("  Context      : ", "context", peer.context.as_str())?;
    sheet.remark("  Language     : ")?;
    account(peer, &mut sheet)?;
    sheet.field("  AMA flags    : ", "amaflags", peer.amaflags.as_str())?;
    sheet.remark("  Tonezone     : <Not set>")?;
    sheet.remark("  Transfer mode: closed")?;
    sheet.remark("  MaxCallBR    : 0 kbps")?;
    presentation(peer, &mut sheet)?;
    sheet.field("  Call limit   : ", "call_limit", peer.call_limit)?;
    groups(peer, &mut sheet)?;
    callerid(peer, &mut sheet)?;
    sheet.field("  ACL          : ", "acl", !peer.acl.0.is_empty())?;
    session_timers("  Sess-Min-SE  : 0 secs", &mut sheet)?;
    sheet.remark("  RTP Engine   : ")?;
    sheet.remark("  Auto-Framing:  No ")?;
    variables(peer, &mut sheet)?;
    sheet.end()
}

fn begin(found: &Found, sheet: &mut Fields<'_, '_>) -> io::Result<()> {
    sheet.remark("\n")?;
    sheet.field("  * Name       : ", "name", found.peer.name.as_str())?;
    sheet.member("realtime", json!(found.stored));
    let kind = match found.peer.kind {
        PeerKind::User => "user",
        PeerKind::Peer => "peer",
        PeerKind::Friend => "friend",
    };
    sheet.member("type", json!(kind));
    Ok(())
}

/// Passwords are never shown.
fn set(is_set: bool) -> Cell<'static> {
    let text = if is_set { "<Set>" } else { "<Not set>" };
    Cell::Both(text.into(), json!(is_set))
}

fn secrets(peer: &Peer, sheet: &mut Fields<'_, '_>) -> io::Result<()> {
    let plain = matches!(peer.secret, Secret::Plain(_));
    let md5 = matches!(peer.secret, Secret::Md5(_));
    sheet.field("  Secret       : ", "secret", set(plain))?;
    sheet.field("  MD5Secret    : ", "md5secret", set(md5))?;
    if peer.kind != PeerKind::User {
        let remote = peer.remotesecret.is_some();
        sheet.field("  Remote Secret: ", "remotesecret", set(remote))?;
    }
    Ok(())
}

fn credentials(peer: &Peer, sheet: &mut Fields<'_, '_>) -> io::Result<()> {
    for (user, secret, realm) in &peer.credentials {
        let held = match secret {
            Secret::None => "<Not set>",
            Secret::Plain(_) => "<Secret set>",
            Secret::Md5(_) => "<MD5secret set>",
        };
        sheet.remark(&format!(
            "  Realm-auth   : Realm {realm:<15} User {user:<10} {held}"
        ))?;
    }
    let realms: Vec<Value> = peer
        .credentials
        .iter()
        .map(|(user, _, realm)| json!({ "realm": realm, "user": user }))
        .collect();
    sheet.member("auth", json!(realms));
    Ok(())
}

fn account(peer: &Peer, sheet: &mut Fields<'_, '_>) -> io::Result<()> {
    match peer.accountcode.as_str() {
        "" => Ok(()),
        code => sheet.field("  Accountcode  : ", "accountcode", code),
    }
}

fn presentation(peer: &Peer, sheet: &mut Fields<'_, '_>) -> io::Result<()> {
    let octet = peer.callingpres.unwrap_or_default().octet();
    let text = spoken(peer.callingpres.unwrap_or_default());
    let value = json!(peer.callingpres.map(|_| octet));
    sheet.field(
        "  CallingPres  : ",
        "callingpres",
        Cell::Both(text.into(), value),
    )
}

/// A presentation and its screening (Q.931, octet 3a).
fn spoken(presentation: Presentation) -> String {
    let octet = presentation.octet();
    let shown = match octet >> 5 & 3 {
        0 => "Presentation Allowed",
        1 => "Presentation Prohibited",
        _ => return "Number Unavailable".into(),
    };
    let screened = match octet & 3 {
        0 => "Not Screened",
        1 => "Passed Screen",
        2 => "Failed Screen",
        _ => "Network Number",
    };
    format!("{shown}, {screened}")
}

fn groups(peer: &Peer, sheet: &mut Fields<'_, '_>) -> io::Result<()> {
    let none = PickupGroups::default();
    let PickupGroups { call, pickup } = peer.pickup_groups.as_deref().unwrap_or(&none);
    sheet.field("  Callgroup    : ", "callgroup", call.numbers())?;
    sheet.field("  Pickupgroup  : ", "pickupgroup", pickup.numbers())?;
    sheet.field("  Named Callgr : ", "namedcallgroup", call.names())?;
    sheet.field("  Nam. Pickupgr: ", "namedpickupgroup", pickup.names())
}

fn callerid(peer: &Peer, sheet: &mut Fields<'_, '_>) -> io::Result<()> {
    let id = &peer.callerid;
    let text = format!("\"{}\" <{}>", id.name, id.number);
    let value = json!({ "name": id.name, "number": id.number });
    sheet.field(
        "  Callerid     : ",
        "callerid",
        Cell::Both(text.into(), value),
    )
}

/// How its requests are told to be its, and where answers go.
fn matching(
    peer: &Peer,
    contact: Option<&ContactRow>,
    sheet: &mut Fields<'_, '_>,
) -> io::Result<()> {
    let insecure = match peer.insecure {
        Insecure {
            port: true,
            invite: true,
        } => "port,invite",
        Insecure { port: true, .. } => "port",
        Insecure { invite: true, .. } => "invite",
        _ => "no",
    };
    sheet.field("  Insecure     : ", "insecure", insecure)?;
    let force_rport = state::force_rport(peer.nat, contact);
    sheet.field("  Force rport  : ", "force_rport", force_rport)?;
    sheet.remark("  Symmetric RTP: No")?;
    sheet.field("  ACL          : ", "acl", !peer.acl.0.is_empty())?;
    sheet.member("contact_acl", json!(!peer.contact_acl.0.is_empty()));
    sheet.remark("  DirectMedACL : No")
}

/// Media and its description pass from phone to phone untouched, whatever they
/// are.
fn media(sheet: &mut Fields<'_, '_>) -> io::Result<()> {
    sheet.remark("  T.38 support : No")?;
    sheet.remark("  T.38 EC mode : Unknown")?;
    sheet.remark("  T.38 MaxDtgrm: 0")?;
    sheet.remark("  DirectMedia  : Yes")
}

fn signalling(peer: &Peer, sheet: &mut Fields<'_, '_>) -> io::Result<()> {
    sheet.field("  PromiscRedir : ", "promiscredir", peer.promiscredir)?;
    sheet.field("  User=Phone   : ", "usereqphone", peer.usereqphone)?;
    sheet.remark("  Video Support: Yes")?;
    sheet.remark("  Text Support : Yes")?;
    sheet.remark("  Ign SDP ver  : Yes")?;
    sheet.field("  Trust RPID   : ", "trustrpid", peer.trustrpid)?;
    let header = match peer.sendrpid_pai {
        None => "no",
        Some(true) => "pai",
        Some(false) => "rpid",
    };
    let sends = if peer.sendrpid_pai.is_some() {
        "Yes"
    } else {
        "No"
    };
    sheet.field(
        "  Send RPID    : ",
        "sendrpid",
        Cell::Both(sends.into(), json!(header)),
    )?;
    sheet.remark("  Path support : No")?;
    sheet.remark("  Path         : N/A")?;
    let identity = match peer.trust_id_outbound {
        TrustIdOutbound::Legacy => "Legacy",
        TrustIdOutbound::No => "No",
        TrustIdOutbound::Yes => "Yes",
    };
    sheet.field("  TrustIDOutbnd: ", "trust_id_outbound", identity)?;
    sheet.remark("  Subscriptions: No")?;
    sheet.field("  Overlap dial : ", "allowoverlap", peer.allowoverlap)?;
    sheet.remark("  DTMFmode     : none")?;
    let ms = |time: std::time::Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    sheet.field("  Timer T1     : ", "timert1_ms", ms(peer.timer_t1))?;
    sheet.field("  Timer B      : ", "timerb_ms", ms(peer.timer_b))
}

fn addresses(
    peer: &Peer,
    contact: Option<&ContactRow>,
    sheet: &mut Fields<'_, '_>,
) -> io::Result<()> {
    let text =
        |address| String::from_utf8_lossy(AddressText::socket(address).as_bytes()).into_owned();
    let host = match peer.host {
        Host::Dynamic => None,
        Host::Fixed(address) => Some(address.ip().to_string()),
    };
    sheet.field("  ToHost       : ", "host", or(host, ""))?;
    let address = state::address(contact).map(text);
    sheet.field("  Addr->IP     : ", "address", or(address, "(null)"))?;
    let before = peer.defaultip.map(text);
    sheet.field("  Defaddr->IP  : ", "defaultip", or(before, "(null)"))?;
    let preferred = peer.transports.preferred().name();
    sheet.field("  Prim.Transp. : ", "outbound_transport", preferred)?;
    let allowed = peer.transports.to_string();
    sheet.field("  Allowed.Trsp : ", "transport", allowed)?;
    let username = state::username(peer, contact);
    sheet.field("  Def. Username: ", "username", or(username, ""))?;
    sheet.remark("  SIP Options  : (none)")?;
    sheet.remark("  Codecs       : (nothing)")?;
    sheet.remark("  Auto-Framing : No")
}

fn reach(
    peer: &Peer,
    row: &DeviceRow,
    contact: Option<&ContactRow>,
    sheet: &mut Fields<'_, '_>,
) -> io::Result<()> {
    let status = Status::of(peer, contact);
    let (name, ms) = status.json();
    sheet.field(
        "  Status       : ",
        "status",
        Cell::Both(status.text().into(), name),
    )?;
    sheet.member("ms", ms);
    let agent = contact.map(|contact| lossy(contact.binding.user_agent()));
    sheet.field("  Useragent    : ", "user_agent", or(agent, ""))?;
    let uri = contact.map(|contact| lossy(contact.binding.uri()));
    sheet.field("  Reg. Contact : ", "contact", or(uri, ""))?;
    let others = row.contacts.iter().filter(|other| contact != Some(other));
    for other in others {
        sheet.remark(&format!("                 {}", lossy(other.binding.uri())))?;
    }
    let all: Vec<Value> = row
        .contacts
        .iter()
        .map(|contact| told(peer, contact))
        .collect();
    sheet.member("contacts", json!(all));
    let every = format!("{} ms", peer.qualifyfreq.as_millis());
    sheet.field("  Qualify Freq : ", "qualifyfreq", every)?;
    let every = format!("{} ms", peer.keepalive.as_millis());
    sheet.field("  Keepalive    : ", "keepalive", every)
}

/// A contact, for programs.
fn told(peer: &Peer, contact: &ContactRow) -> Value {
    let binding = &contact.binding;
    let (status, ms) = Status::of(peer, Some(contact)).json();
    json!({
        "uri": lossy(binding.uri()),
        "address": binding.flow.remote.to_string(),
        "expires_s": contact.left_s,
        "q": f64::from(binding.q) / 1000.0,
        "user_agent": lossy(binding.user_agent()),
        "call_id": lossy(binding.call_id()),
        "status": status,
        "ms": ms,
    })
}

fn variables(peer: &Peer, sheet: &mut Fields<'_, '_>) -> io::Result<()> {
    if !peer.setvar.is_empty() {
        sheet.remark("  Variables    :")?;
    }
    for (name, value) in &peer.setvar {
        sheet.remark(&format!("                 {name} = {value}"))?;
    }
    sheet.member("setvar", json!(peer.setvar));
    Ok(())
}

fn session_timers(least: &str, sheet: &mut Fields<'_, '_>) -> io::Result<()> {
    sheet.remark("  Sess-Timers  : Refuse")?;
    sheet.remark("  Sess-Refresh : uas")?;
    sheet.remark("  Sess-Expires : 0 secs")?;
    sheet.remark(least)
}

/// A value, and what stands in its place for people where there is none.
fn or(value: Option<impl ToString + serde::Serialize>, none: &'static str) -> Cell<'static> {
    match value {
        Some(value) => Cell::Both(value.to_string().into(), json!(value)),
        None => Cell::Both(none.into(), Value::Null),
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
