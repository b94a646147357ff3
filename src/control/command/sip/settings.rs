//! `sip show settings`: what holds for all devices. A line that Asterisk has for
//! something this engine does not do says that it is not done.

use std::io;
use std::net::SocketAddr;

use pinion_sip::base::{AddressText, Transport};
use pinion_sip::config::{Config, General, Qualify};
use serde_json::{Value, json};

use super::{Command, Wrong, empty};
use crate::control::house::House;
use crate::control::out::{Cell, Fields, Out};

pub(super) const COMMANDS: &[Command] = &[Command {
    words: "sip show settings",
    arguments: "",
    summary: "What holds for all devices",
    run: settings,
}];

fn settings(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    empty(arguments)?;
    let config = house.settings().config;
    let mut sheet = out.fields("settings");
    global(house, &config, &mut sheet)?;
    quality(&config.general, &mut sheet)?;
    network(&config.general, &mut sheet)?;
    signalling(&config.general, &mut sheet)?;
    defaults(&config.general, &mut sheet)?;
    Ok(sheet.end()?)
}

fn global(house: &House, config: &Config, sheet: &mut Fields<'_, '_>) -> io::Result<()> {
    let general = &config.general;
    sheet.remark("\n\nGlobal Settings:\n----------------")?;
    for (title, key, transport, none) in [
        (
            "  UDP Bindaddress:        ",
            "udpbindaddr",
            Transport::Udp,
            "None",
        ),
        (
            "  TCP SIP Bindaddress:    ",
            "tcpbindaddr",
            Transport::Tcp,
            "Disabled",
        ),
    ] {
        let listening = house.listening.iter();
        let mut addresses = listening
            .filter(|(carried, _)| *carried == transport)
            .map(|&(_, address)| text(address));
        sheet.field(title, key, or(addresses.next(), none))?;
        for another in addresses {
            sheet.remark(&format!("                          {another}"))?;
        }
    }
    let listening = house.listening.iter();
    let listening = listening.map(|(transport, address)| json!([transport.name(), address]));
    sheet.member("listening", listening.collect());
    sheet.remark("  TLS SIP Bindaddress:    Disabled")?;
    sheet.remark("  Videosupport:           Yes")?;
    sheet.remark("  Textsupport:            Yes")?;
    sheet.remark("  Ignore SDP sess. ver.:  Yes")?;
    sheet.remark("  AutoCreate Peer:        Off")?;
    sheet.field(
        "  Match Auth Username:    ",
        "match_auth_username",
        general.match_auth_username,
    )?;
    sheet.field(
        "  Allow unknown access:   ",
        "allowguest",
        general.allowguest,
    )?;
    sheet.remark("  Allow subscriptions:    No")?;
    sheet.field(
        "  Allow overlap dialing:  ",
        "allowoverlap",
        general.defaults.allowoverlap,
    )?;
    sheet.field(
        "  Allow promisc. redir:   ",
        "promiscredir",
        general.defaults.promiscredir,
    )?;
    sheet.remark("  Enable call counters:   No")?;
    sheet.field(
        "  SIP domain support:     ",
        "domains",
        !general.domains.is_empty(),
    )?;
    sheet.remark("  Path support :          No")?;
    sheet.field(
        "  Realm. auth:            ",
        "auth",
        !general.defaults.credentials.is_empty(),
    )?;
    sheet.field(
        "  Our auth realm          ",
        "realm",
        general.realm.as_str(),
    )?;
    sheet.remark("  Use domains as realms:  No")?;
    let external = general.allowexternaldomains;
    sheet.field(
        "  Call to non-local dom.: ",
        "allowexternaldomains",
        external,
    )?;
    sheet.field(
        "  URI user is phone no:   ",
        "usereqphone",
        general.defaults.usereqphone,
    )?;
    sheet.field(
        "  Always auth rejects:    ",
        "alwaysauthreject",
        general.alwaysauthreject,
    )?;
    sheet.remark("  Direct RTP setup:       Yes")?;
    sheet.field(
        "  User Agent:             ",
        "useragent",
        general.useragent.as_str(),
    )?;
    sheet.remark("  SDP Session Name:       ")?;
    sheet.remark("  SDP Owner Name:         ")?;
    sheet.remark("  Reg. context:           (not set)")?;
    sheet.remark("  Regexten on Qualify:    No")?;
    sheet.field(
        "  Trust RPID:             ",
        "trustrpid",
        general.defaults.trustrpid,
    )?;
    let sends = general.defaults.sendrpid_pai.is_some();
    sheet.field("  Send RPID:              ", "sendrpid", sends)?;
    sheet.remark("  Legacy userfield parse: No")?;
    let diversion = general.send_diversion;
    sheet.field("  Send Diversion:         ", "send_diversion", diversion)?;
    sheet.field(
        "  Caller ID:              ",
        "callerid",
        general.callerid.as_str(),
    )?;
    let domain = general.defaults.fromdomain.clone();
    sheet.field("  From: Domain:           ", "fromdomain", or(domain, ""))?;
    sheet.remark("  Record SIP history:     On")?;
    sheet.remark("  Auth. Failure Events:   Off")?;
    sheet.remark("  T.38 support:           No")?;
    sheet.remark("  T.38 EC mode:           Unknown")?;
    sheet.remark("  T.38 MaxDtgrm:          0")?;
    realtime(config, sheet)?;
    let every = format!("{} ms", general.defaults.qualifyfreq.as_millis());
    sheet.field("  Qualify Freq :          ", "qualifyfreq", every)?;
    let reason = general.defaults.use_q850_reason;
    sheet.field("  Q.850 Reason header:    ", "use_q850_reason", reason)?;
    sheet.remark("  Store SIP_CAUSE:        No")
}

fn realtime(config: &Config, sheet: &mut Fields<'_, '_>) -> io::Result<()> {
    let Some(rules) = config.realtime.as_ref().filter(|rules| rules.devices) else {
        sheet.member("realtime", Value::Null);
        return sheet.remark("  SIP realtime:           Disabled");
    };
    let general = &config.general;
    sheet.remark("  SIP realtime:           Enabled")?;
    sheet.remark("\nRealtime SIP Settings:\n----------------------")?;
    sheet.remark("  Realtime Peers:         Yes")?;
    sheet.remark("  Realtime Regs:          No")?;
    let yes = |yes| if yes { "Yes" } else { "No" };
    sheet.remark(&format!("  Cache Friends:          {}", yes(rules.cached)))?;
    sheet.remark(&format!(
        "  Update:                 {}",
        yes(general.rtupdate)
    ))?;
    sheet.remark(&format!(
        "  Ignore Reg. Expire:     {}",
        yes(rules.ignoreregexpire)
    ))?;
    sheet.remark(&format!(
        "  Save sys. name:         {}",
        yes(general.rtsavesysname)
    ))?;
    sheet.remark(&format!(
        "  Save path header:       {}",
        yes(general.rtsavepath)
    ))?;
    let clear_s = general.rtautoclear_s;
    let clear = clear_s.map_or("0 (Disabled)".into(), |after_s| {
        format!("{after_s} (Enabled)")
    });
    sheet.remark(&format!("  Auto Clear:             {clear}"))?;
    sheet.member(
        "realtime",
        json!({
            "rtcachefriends": rules.cached,
            "rtupdate": general.rtupdate,
            "rtautoclear_s": clear_s,
            "rtsavesysname": general.rtsavesysname,
            "rtsavepath": general.rtsavepath,
            "ignoreregexpire": rules.ignoreregexpire,
            "ttl_s": rules.ttl.as_secs(),
            "stale_s": rules.stale.as_secs(),
        }),
    );
    Ok(())
}

fn quality(general: &General, sheet: &mut Fields<'_, '_>) -> io::Result<()> {
    sheet.remark("\nNetwork QoS Settings:\n---------------------------")?;
    let tos = Cell::Both(class(general.tos_sip).into(), json!(general.tos_sip));
    sheet.field("  IP ToS SIP:             ", "tos_sip", tos)?;
    sheet.remark("  IP ToS RTP audio:       CS0")?;
    sheet.remark("  IP ToS RTP video:       CS0")?;
    sheet.remark("  IP ToS RTP text:        CS0")?;
    sheet.field(
        "  802.1p CoS SIP:         ",
        "cos_sip",
        u32::from(general.cos_sip),
    )?;
    sheet.remark("  802.1p CoS RTP audio:   0")?;
    sheet.remark("  802.1p CoS RTP video:   0")?;
    sheet.remark("  802.1p CoS RTP text:    0")?;
    sheet.remark("  Jitterbuffer enabled:   No")
}

/// The name of a TOS octet (RFC 2474, RFC 2597, RFC 3246), or its number.
fn class(octet: u8) -> String {
    let dscp = octet >> 2;
    let (class, drop) = (dscp >> 3, dscp >> 1 & 3);
    match dscp {
        0b10_1110 => "EF".into(),
        _ if octet & 3 != 0 => format!("{octet:#04x}"),
        _ if dscp & 7 == 0 => format!("CS{class}"),
        _ if dscp & 1 == 0 && (1..=4).contains(&class) => format!("AF{class}{drop}"),
        _ => format!("{octet:#04x}"),
    }
}

fn network(general: &General, sheet: &mut Fields<'_, '_>) -> io::Result<()> {
    sheet.remark("\nNetwork Settings:\n---------------------------")?;
    let remapping = match (general.localnet.is_empty(), general.externaddr) {
        (true, _) => "Disabled, no localnet list",
        (false, None) => "Disabled, no externaddr",
        (false, Some(_)) => "Enabled using externaddr",
    };
    sheet.field("  SIP address remapping:  ", "remapping", remapping)?;
    sheet.remark("  Externhost:             <none>")?;
    let external = general.externaddr.map(text);
    sheet.field(
        "  Externaddr:             ",
        "externaddr",
        or(external, "(null)"),
    )?;
    sheet.remark("  Externrefresh:          0")?;
    let mut head = "  Localnet:               ";
    for (address, prefix) in &general.localnet {
        sheet.remark(&format!("{head}{address}/{prefix}"))?;
        head = "                          ";
    }
    let networks = general.localnet.iter();
    let networks: Vec<String> = networks
        .map(|(address, prefix)| format!("{address}/{prefix}"))
        .collect();
    sheet.member("localnet", json!(networks));
    Ok(())
}

fn signalling(general: &General, sheet: &mut Fields<'_, '_>) -> io::Result<()> {
    sheet.remark("\nGlobal Signalling Settings:\n---------------------------")?;
    sheet.remark("  Codecs:                 (nothing)")?;
    sheet.remark("  Relax DTMF:             No")?;
    sheet.remark("  RFC2833 Compensation:   No")?;
    sheet.remark("  Symmetric RTP:          No")?;
    sheet.field(
        "  Compact SIP headers:    ",
        "compactheaders",
        general.compactheaders,
    )?;
    sheet.remark("  RTP Keepalive:          0 (Disabled)")?;
    sheet.remark("  RTP Timeout:            0 (Disabled)")?;
    sheet.remark("  RTP Hold Timeout:       0 (Disabled)")?;
    sheet.remark("  MWI NOTIFY mime type:   ")?;
    sheet.remark("  DNS SRV lookup:         No")?;
    sheet.remark("  Pedantic SIP support:   Yes")?;
    let seconds = |s: u32| Cell::Both(format!("{s} secs").into(), json!(s));
    sheet.field(
        "  Reg. min duration       ",
        "minexpiry_s",
        seconds(general.minexpiry_s),
    )?;
    sheet.field(
        "  Reg. max duration:      ",
        "maxexpiry_s",
        seconds(general.maxexpiry_s),
    )?;
    sheet.field(
        "  Reg. default duration:  ",
        "defaultexpiry_s",
        seconds(general.defaultexpiry_s),
    )?;
    sheet.remark("  Sub. min duration       0 secs")?;
    sheet.remark("  Sub. max duration:      0 secs")?;
    sheet.remark("  Outbound reg. timeout:  0 secs")?;
    sheet.remark("  Outbound reg. attempts: 0")?;
    sheet.remark("  Outbound reg. retry 403:0")?;
    sheet.remark("  Notify ringing state:   No")?;
    sheet.remark("  Notify hold state:      No")?;
    sheet.remark("  SIP Transfer mode:      closed")?;
    sheet.remark("  Max Call Bitrate:       0 kbps")?;
    sheet.remark("  Auto-Framing:           No")?;
    let proxy = match general.defaults.outboundproxy {
        None => Cell::Both("<not set> ".into(), Value::Null),
        Some((proxy, force)) => {
            let forced = if force { "(forced)" } else { "" };
            Cell::Both(
                format!("{} {forced}", text(proxy)).into(),
                json!(text(proxy)),
            )
        }
    };
    sheet.field("  Outb. proxy:            ", "outboundproxy", proxy)?;
    sheet.remark("  Session Timers:         Refuse")?;
    sheet.remark("  Session Refresher:      uas")?;
    sheet.remark("  Session Expires:        0 secs")?;
    sheet.remark("  Session Min-SE:         0 secs")?;
    let ms = |time: std::time::Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    sheet.field(
        "  Timer T1:               ",
        "timert1_ms",
        ms(general.defaults.timer_t1),
    )?;
    sheet.member("timer_t2_ms", json!(ms(general.timer_t2)));
    sheet.member("timer_t4_ms", json!(ms(general.timer_t4)));
    let least = ms(general.t1min);
    sheet.field("  Timer T1 minimum:       ", "t1min_ms", least)?;
    sheet.field(
        "  Timer B:                ",
        "timerb_ms",
        ms(general.defaults.timer_b),
    )?;
    sheet.remark("  No premature media:     No")?;
    let hops = u32::from(general.defaults.maxforwards);
    sheet.field("  Max forwards:           ", "maxforwards", hops)
}

fn defaults(general: &General, sheet: &mut Fields<'_, '_>) -> io::Result<()> {
    let device = &general.defaults;
    sheet.remark("\nDefault Settings:\n-----------------")?;
    let transports = device.transports;
    sheet.field(
        "  Allowed transports:     ",
        "transport",
        transports.to_string(),
    )?;
    let outbound = transports.preferred().name();
    sheet.field("  Outbound transport:\t  ", "outbound_transport", outbound)?;
    sheet.field(
        "  Context:                ",
        "context",
        device.context.as_str(),
    )?;
    sheet.remark("  Record on feature:      ")?;
    sheet.remark("  Record off feature:     ")?;
    let force_rport = super::state::force_rport(device.nat, None);
    sheet.field("  Force rport:            ", "force_rport", force_rport)?;
    sheet.remark("  DTMF:                   none")?;
    let within = match device.qualify {
        Qualify::Off => 0,
        Qualify::Within(time) => i64::try_from(time.as_millis()).unwrap_or(i64::MAX),
    };
    sheet.field("  Qualify:                ", "qualify_ms", within)?;
    let keepalive = i64::try_from(device.keepalive.as_secs()).unwrap_or(i64::MAX);
    sheet.field("  Keepalive:              ", "keepalive_s", keepalive)?;
    for line in [
        "  Use ClientCode:         No",
        "  Progress inband:        Never",
        "  Language:               ",
        "  Tone zone:              <Not set>",
        "  MOH Interpret:          ",
        "  MOH Suggest:            ",
        "  Voice Mail Extension:   ",
        "",
        "----",
    ] {
        sheet.remark(line)?;
    }
    Ok(())
}

fn text(address: SocketAddr) -> String {
    String::from_utf8_lossy(AddressText::socket(address).as_bytes()).into_owned()
}

fn or(value: Option<String>, none: &'static str) -> Cell<'static> {
    match value {
        Some(value) => value.into(),
        None => Cell::Both(none.into(), Value::Null),
    }
}
