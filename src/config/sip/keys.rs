//! The options of sip.conf: one row each, or one row for names that do the
//! same. An option is added by adding its row. Nothing else knows their names.

use std::time::Duration;

use pinion_sip::auth::Algorithm;
use pinion_sip::base::Transport;
use pinion_sip::config::{Secret, Transports};
use pinion_sip::wire::is_token;

use super::acl::{self, Network};
use super::device::Device;
use super::groups;
use super::key::Place::{self, Both};
use super::key::{Key, both, device, each, general, inert, inert_but};
use super::load::{Outcome, Setting};
use super::value::{Autoclear, Keepalive, NoAnswer, SendRpid, Tos, Wrong, list};

/// The longest registration or timer, in seconds: a week.
const WEEK_S: u32 = 604_800;

const NO_SECURITY: &str = "only UDP and TCP are spoken here";
const NO_OUTBOUND_REGISTRATION: &str = "this server registers nowhere itself";
const NO_REGISTRATION_EXTENSIONS: &str = "registrations make no extensions here";
const NO_SUBSCRIPTIONS: &str = "subscriptions are not accepted";
const NO_REFER: &str = "REFER is not accepted";
const NO_READER: &str = "no application here reads it";
const NO_VOICEMAIL: &str = "there is no voicemail here";
const NO_SESSION_TIMERS: &str = "session timers (RFC 4028) are not run";
pub(super) const MEDIA_PASSES: &str =
    "media and its description pass from phone to phone untouched";

/// Every option, by chapters: identity, authentication,
/// transport, registration, calls.
pub(super) static KEYS: &[Key] = &[
    // Identity and matching.
    device("type", |d, s| s.form().map(|kind| d.kind = Some(kind))),
    both("context", |d, s| context(&mut d.peer.context, s)),
    general("allowguest", |g, s| s.put(&mut g.general.allowguest)),
    general("match_auth_username", |g, s| {
        s.put(&mut g.general.match_auth_username)
    }),
    each(
        "callerid",
        |g, s| s.quotable(&mut g.general.callerid),
        |d, s| s.put(&mut d.peer.callerid),
    ),
    device("fullname", |d, s| s.put(&mut d.peer.callerid.name)),
    device("cid_number", |d, s| s.put(&mut d.peer.callerid.number)),
    device("trunkname", |d, _| {
        d.peer.callerid.name.clear();
        Ok(())
    }),
    both("callingpres", |d, s| {
        s.form()
            .map(|presentation| d.peer.callingpres = Some(presentation))
    }),
    both("trustrpid", |d, s| s.put(&mut d.peer.trustrpid)),
    both("sendrpid", |d, s| {
        s.form().map(|SendRpid(pai)| d.peer.sendrpid_pai = pai)
    }),
    inert(
        "rpid_update rpid_immediate",
        Both,
        "the caller is not told who answers",
    ),
    both("trust_id_outbound", |d, s| {
        s.put(&mut d.peer.trust_id_outbound)
    }),
    both("usereqphone", |d, s| s.put(&mut d.peer.usereqphone)),
    general("shrinkcallerid", |g, s| {
        s.put(&mut g.general.shrinkcallerid)
    }),
    device("fromuser", |d, s| s.uri_part(&mut d.peer.fromuser)),
    both("fromdomain", |d, s| s.uri_part(&mut d.peer.fromdomain)),
    general("useragent", |g, s| s.quotable(&mut g.general.useragent)),
    general("realm", |g, s| s.quotable(&mut g.general.realm)),
    general("auth_algorithms", |g, s| {
        let read = |name: &str| Algorithm::parse(Some(name.as_bytes()));
        let offered: Option<Vec<Algorithm>> = list(s.text).map(read).collect();
        g.general.auth_algorithms = offered
            .filter(|offered| (1..=4).contains(&offered.len()))
            .ok_or_else(|| Wrong::new("MD5 or SHA-256, or both, most preferred first"))?;
        Ok(())
    }),
    inert(
        "domainsasrealm",
        Place::General,
        "every challenge names the one realm",
    ),
    general("domain", |g, s| {
        let (domain, context) = s.text.split_once(',').unwrap_or((s.text, ""));
        let (domain, context) = (domain.trim(), context.trim());
        if domain.is_empty() {
            return Err(Wrong::new(
                "a domain, or a domain and a context: example.com,incoming",
            ));
        }
        g.general.domains.push(domain.into());
        if !context.is_empty() {
            g.general
                .domain_contexts
                .push((domain.into(), context.into()));
        }
        Ok(())
    }),
    general("autodomain", |g, s| s.put(&mut g.autodomain)),
    general("allowexternaldomains", |g, s| {
        s.put(&mut g.general.allowexternaldomains)
    }),
    inert("language", Both, NO_READER),
    device("callgroup", |d, s| {
        groups::numbers(&mut groups::of(d).call, s)
    }),
    device("pickupgroup", |d, s| {
        groups::numbers(&mut groups::of(d).pickup, s)
    }),
    device("namedcallgroup", |d, s| {
        groups::names(&mut groups::of(d).call, s)
    }),
    device("namedpickupgroup", |d, s| {
        groups::names(&mut groups::of(d).pickup, s)
    }),
    device("setvar", |d, s| {
        s.pair('=', "NAME=VALUE")
            .map(|pair| d.peer.setvar.push(pair))
    }),
    device("header", |d, s| header(d, s)),
    inert(
        "regcontext regextenonqualify",
        Place::General,
        NO_REGISTRATION_EXTENSIONS,
    ),
    inert("regexten", Place::Device, NO_REGISTRATION_EXTENSIONS),
    inert(
        "cid_tag parkinglot mohinterpret mohsuggest",
        Both,
        NO_READER,
    ),
    inert("vmexten buggymwi", Both, NO_VOICEMAIL),
    inert("mwi_from notifymimetype", Place::General, NO_VOICEMAIL),
    inert("sdpsession sdpowner", Place::General, MEDIA_PASSES),
    inert(
        "mailbox subscribemwi unsolicited_mailbox hasvoicemail",
        Place::Device,
        NO_VOICEMAIL,
    ),
    device("description", |d, s| s.put(&mut d.peer.description)),
    device("accountcode", |d, s| {
        s.form()
            .map(|code: String| d.peer.accountcode = code.into())
    }),
    device("amaflags", |d, s| s.put(&mut d.peer.amaflags)),
    inert(
        "tonezone recordonfeature recordofffeature",
        Place::Device,
        NO_READER,
    ),
    // Authentication and security.
    device("secret", |d, s| s.put(&mut d.secret)).secret(),
    device("md5secret", |d, s| md5secret(d, s))
        .secret()
        .guards(),
    device("remotesecret", |d, s| s.put(&mut d.peer.remotesecret)).secret(),
    device("auth", |d, s| {
        credential(s.text).map(|entry| d.peer.credentials.push(entry))
    })
    .secret(),
    both("insecure", |d, s| s.put(&mut d.peer.insecure)),
    general("alwaysauthreject", |g, s| {
        s.put(&mut g.general.alwaysauthreject)
    }),
    general("auth_options_requests", |g, s| {
        s.put(&mut g.general.auth_options_requests)
    }),
    general("auth_message_requests", |g, s| {
        s.put(&mut g.general.auth_message_requests)
    }),
    device("deny", |d, s| acl::append(&mut d.peer.acl, false, s.text)).guards(),
    device("permit", |d, s| acl::append(&mut d.peer.acl, true, s.text)).guards(),
    each(
        "contactdeny",
        |g, s| acl::append(&mut g.general.contact_acl, false, s.text),
        |d, s| acl::append(&mut d.peer.contact_acl, false, s.text),
    )
    .guards(),
    each(
        "contactpermit",
        |g, s| acl::append(&mut g.general.contact_acl, true, s.text),
        |d, s| acl::append(&mut d.peer.contact_acl, true, s.text),
    )
    .guards(),
    // A list that cannot be honoured must not be skipped: it would let in
    // whom it keeps out.
    both("acl contactacl", |_, _| {
        Err(Wrong::new("deny= and permit= lines; acl.conf is not read"))
    })
    .guards(),
    general("dynamic_exclude_static dynamic_excludes_static", |g, s| {
        s.put(&mut g.dynamic_exclude_static)
    }),
    general("autocreatepeer", |_, s| match s.form() {
        Ok(false) => Ok(()),
        _ => Err(Wrong::new("no: whoever asked would get an account")),
    }),
    inert("allowtransfer", Both, NO_REFER),
    inert("allowsubscribe subscribecontext", Both, NO_SUBSCRIPTIONS),
    both("disallowed_methods", |d, s| disallowed_methods(d, s)),
    both("promiscredir", |d, s| s.put(&mut d.peer.promiscredir)),
    both("maxforwards", |d, s| {
        s.number(&mut d.peer.maxforwards, 1..=255)
    }),
    inert(
        "authfailureevents",
        Place::General,
        "there is no manager interface here",
    ),
    general("tcpauthtimeout", |g, s| {
        let mut seconds = 0_u32;
        s.number(&mut seconds, 1..=3600)?;
        g.tcp.authtimeout = Duration::from_secs(seconds.into());
        Ok(())
    }),
    general("tcpauthlimit", |g, s| {
        s.number(&mut g.tcp.authlimit, 1..=1_000_000)
    }),
    // Transport.
    general("udpbindaddr bindaddr", |g, s| {
        s.form().map(|endpoint| g.bind.push(endpoint))
    }),
    general("bindport", |g, s| s.number(&mut g.bindport, 1..=65535)),
    general("tcpenable", |g, s| s.put(&mut g.tcpenable)),
    general("tcpbindaddr", |g, s| {
        s.form().map(|endpoint| g.tcpbind.push(endpoint))
    }),
    both("transport", transport),
    general("externaddr externip externhost", |g, s| {
        let address = s.endpoint(s.text, 0)?;
        g.externaddr = Some((address, s.at.clone()));
        Ok(())
    }),
    general("externtcpport", |g, s| {
        let mut port = 0;
        s.number(&mut port, 1..=65_535)?;
        g.externtcpport = Some((port, s.at.clone()));
        Ok(())
    }),
    general("localnet", |g, s| {
        s.form()
            .map(|Network(address, prefix)| g.general.localnet.push((address, prefix)))
    }),
    general("matchexternaddrlocally", |g, s| {
        s.put(&mut g.general.matchexternaddrlocally)
    }),
    both("nat", |d, s| s.put(&mut d.peer.nat)),
    both("keepalive", |d, s| {
        s.form().map(|Keepalive(every)| d.peer.keepalive = every)
    }),
    general("tos_sip", |g, s| {
        s.form().map(|Tos(octet)| g.general.tos_sip = octet)
    }),
    general("cos_sip", |g, s| s.number(&mut g.general.cos_sip, 0..=7)),
    general("compactheaders", |g, s| {
        s.put(&mut g.general.compactheaders)
    }),
    general("pass_headers", |g, s| {
        g.general
            .pass_headers
            .extend(list(s.text).map(String::from));
        Ok(())
    }),
    both("outboundproxy", outboundproxy),
    inert("supportpath", Both, "Path (RFC 3327) is not kept"),
    device("host", |d, s| {
        if s.text.is_empty() {
            return Err(Wrong::new("dynamic, an IP address, or a name"));
        }
        d.host = Some((s.text.into(), s.at.clone()));
        Ok(())
    }),
    device("port", |d, s| s.number(&mut d.port, 1..=65535)),
    device("defaultip", |d, s| match s.load.address(s.text) {
        None => Err(Wrong::new("an IP address, or a name that resolves")),
        address => {
            d.defaultip = address;
            Ok(())
        }
    }),
    device("defaultuser username", |d, s| {
        s.uri_part(&mut d.peer.defaultuser)
    }),
    inert(
        "externrefresh",
        Place::General,
        "names are resolved once, at load",
    ),
    inert(
        "tlsenable tlsbindaddr tlscertfile tlscert \
         tlsprivatekey tlscafile tlscapath tlscadir tlscipher tlsclientmethod \
         tlsdontverifyserver tlsverifyclient externtlsport \
         websocket_enabled websocket_write_timeout",
        Place::General,
        NO_SECURITY,
    ),
    inert(
        "legacy_useroption_parsing",
        Place::General,
        "a user part is taken as RFC 3261 §25.1 has it",
    ),
    inert(
        "srvlookup",
        Place::General,
        "the address of a name is looked up, at load",
    ),
    inert_but(
        "pedantic",
        Place::General,
        "yes",
        "requests are always read as RFC 3261 has them",
    ),
    inert(
        "media_address tos_audio tos_video tos_text cos_audio cos_video cos_text",
        Place::General,
        MEDIA_PASSES,
    ),
    // Registration and qualify.
    general("defaultexpiry defaultexpirey", |g, s| {
        s.number(&mut g.general.defaultexpiry_s, 1..=WEEK_S)
    }),
    general("minexpiry minexpirey", |g, s| {
        s.number(&mut g.general.minexpiry_s, 1..=WEEK_S)
    }),
    general("maxexpiry maxexpirey", |g, s| {
        s.number(&mut g.general.maxexpiry_s, 1..=WEEK_S)
    }),
    general("short_expiry", |g, s| {
        g.general.refuse_short_expiry = match s.text.to_ascii_lowercase().as_str() {
            "clamp" => false,
            "423" => true,
            _ => return Err(Wrong::new("clamp or 423")),
        };
        Ok(())
    }),
    both("max_contacts", |d, s| {
        s.number(&mut d.peer.max_contacts, 1..=1000)
    }),
    both("qualify", |d, s| s.put(&mut d.peer.qualify)),
    both("qualifyfreq", |d, s| {
        s.seconds(&mut d.peer.qualifyfreq, 1..=86_400)
    }),
    both("timert1", |d, s| {
        s.millis(10..=60_000).map(|timer| d.timert1 = Some(timer))
    }),
    both("timerb", |d, s| {
        s.millis(200..=3_600_000)
            .map(|timer| d.timerb = Some(timer))
    }),
    general("t1min", |g, s| {
        s.millis(10..=60_000)
            .map(|timer| g.general.t1min = timer.duration)
    }),
    inert(
        "register registertimeout registerattempts register_retry_403",
        Place::General,
        NO_OUTBOUND_REGISTRATION,
    ),
    inert("callbackextension", Place::Device, NO_OUTBOUND_REGISTRATION),
    inert(
        "mwi",
        Place::General,
        "this server subscribes nowhere itself",
    ),
    inert(
        "submin submax subminexpiry submaxexpiry mwiexpiry",
        Place::General,
        NO_SUBSCRIPTIONS,
    ),
    inert(
        "qualifygap qualifypeers",
        Place::General,
        "contacts are asked one by one, spread over their period",
    ),
    // The database.
    general("rtcachefriends", |g, s| {
        s.put(&mut g.general.rtcachefriends)
    }),
    general("rtupdate", |g, s| s.put(&mut g.general.rtupdate)),
    general("rtautoclear", |g, s| {
        s.form()
            .map(|Autoclear(after_s)| g.general.rtautoclear_s = after_s)
    }),
    general("rtsavesysname", |g, s| s.put(&mut g.general.rtsavesysname)),
    general("rtsavepath", |g, s| s.put(&mut g.general.rtsavepath)),
    general("ignoreregexpire", |g, s| {
        s.put(&mut g.general.ignoreregexpire)
    }),
    // Calls.
    device("call-limit incominglimit", |d, s| {
        s.number(&mut d.peer.call_limit, 0..=1_000_000)
    }),
    inert(
        "callcounter",
        Both,
        "calls are counted where call-limit or busylevel asks for it",
    ),
    device("busylevel", |d, s| {
        s.number(&mut d.peer.busylevel, 0..=1_000_000)
    }),
    inert_but(
        "progressinband",
        Both,
        "",
        "the caller is shown the 180 or 183 that the callee or the dialplan sends",
    ),
    inert_but("session-timers", Both, "refuse", NO_SESSION_TIMERS),
    inert(
        "session-expires session-minse session-refresher",
        Both,
        NO_SESSION_TIMERS,
    ),
    both("use_q850_reason", |d, s| s.put(&mut d.peer.use_q850_reason)),
    both("final_response", |d, s| s.put(&mut d.peer.final_response)),
    both("noanswer_response", |d, s| {
        s.form()
            .map(|NoAnswer(status)| d.peer.noanswer_response = status)
    }),
    general("send_diversion", |g, s| {
        s.put(&mut g.general.send_diversion)
    }),
    inert("refer_addheaders", Place::General, NO_REFER),
    both("allowoverlap", allowoverlap),
    both("outofcall_message_context", |d, s| {
        s.put(&mut d.peer.outofcall_message_context)
    }),
    general("accept_outofcall_message", |g, s| {
        s.put(&mut g.general.accept_outofcall_message)
    }),
    inert(
        "storesipcause",
        Place::General,
        "HASH(SIP_CAUSE,…) is gone; use HANGUPCAUSE",
    ),
    inert(
        "snom_aoc_enabled useclientcode",
        Both,
        "it is not supported",
    ),
    inert(
        "cc_agent_policy cc_monitor_policy cc_offer_timer ccnr_available_timer \
         ccbs_available_timer cc_max_agents cc_max_monitors cc_recall_timer \
         cc_callback_macro cc_callback_sub cc_agent_dialstring",
        Place::Device,
        "call completion is not supported",
    ),
    inert(
        "notifyringing notifyhold notifycid",
        Place::General,
        NO_SUBSCRIPTIONS,
    ),
    inert(
        "subscribe_network_change_event",
        Place::General,
        NO_OUTBOUND_REGISTRATION,
    ),
    inert(
        "sipdebug recordhistory dumphistory",
        Place::General,
        "the flag --log says what is logged",
    ),
    inert_but(
        "directmedia canreinvite directrtpsetup videosupport textsupport t38pt_udptl",
        Both,
        "yes",
        MEDIA_PASSES,
    ),
    inert(
        "allow disallow dtmfmode maxcallbitrate t38pt_rtp t38pt_tcp \
         t38pt_usertpsource faxdetect rfc2833compensate g726nonstandard \
         preferred_codec_only autoframing rtptimeout rtpholdtimeout rtpkeepalive \
         rtp_engine encryption encryption_taglen avpf force_avp icesupport \
         ignoresdpversion ignore_requested_pref discard_remote_hold_retrieval \
         dtlsenable dtlsverify dtlsrekey dtlscertfile dtlsprivatekey dtlscipher \
         dtlscafile dtlscapath dtlssetup dtlsfingerprint",
        Both,
        MEDIA_PASSES,
    ),
    inert(
        "directmediadeny directmediapermit directmediaacl",
        Place::Device,
        MEDIA_PASSES,
    ),
    inert(
        "prematuremedia relaxdtmf jbenable jbforce jbmaxsize jbresyncthreshold \
         jbimpl jbtargetextra jblog",
        Place::General,
        MEDIA_PASSES,
    ),
];

fn context(field: &mut String, setting: &Setting<'_>) -> Outcome {
    if setting.text.is_empty() {
        return Err(Wrong::new("the name of a context of extensions.conf"));
    }
    setting.put(field)
}

/// `header=Name: value`; the name is a token (RFC 3261 §25.1).
fn header(device: &mut Device, setting: &Setting<'_>) -> Outcome {
    const ACCEPTED: &str = "Name: value";
    let (name, value) = setting.pair(':', ACCEPTED)?;
    if !is_token(name.as_bytes()) {
        return Err(Wrong::new(ACCEPTED));
    }
    device.peer.header.push((name, value));
    Ok(())
}

fn md5secret(device: &mut Device, setting: &Setting<'_>) -> Outcome {
    device.md5secret = match setting.text {
        "" => String::new(),
        text => digest(text)
            .ok_or_else(|| Wrong::new("the 32 hexadecimal digits of MD5(user:realm:secret)"))?,
    };
    Ok(())
}

/// An MD5 in lower case, as [`Secret::Md5`] holds it.
fn digest(text: &str) -> Option<String> {
    let fits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then(|| text.to_ascii_lowercase())
}

/// `user:secret@realm` or `user#md5@realm`; a secret may contain `@`.
pub(super) fn credential(text: &str) -> Result<(String, Secret, String), Wrong> {
    let split = || {
        let (login, realm) = text.rsplit_once('@')?;
        let (user, secret) = match (login.split_once(':'), login.split_once('#')) {
            (Some((user, secret)), _) => (user, Secret::Plain(secret.into())),
            (None, Some((user, md5))) => (user, Secret::Md5(digest(md5)?)),
            (None, None) => (login, Secret::None),
        };
        (!user.is_empty() && !realm.is_empty()).then(|| (user.into(), secret, realm.into()))
    };
    split().ok_or_else(|| {
        Wrong::new("user:secret@realm, or user#md5@realm with 32 hexadecimal digits")
    })
}

/// Methods a device is never sent; not those every call is made of.
fn disallowed_methods(device: &mut Device, setting: &Setting<'_>) -> Outcome {
    let methods: Vec<String> = list(setting.text).map(str::to_ascii_uppercase).collect();
    let needed = |method: &String| ["INVITE", "ACK", "BYE", "CANCEL"].contains(&method.as_str());
    if methods.iter().any(needed) {
        return Err(Wrong::new(
            "a list of methods, but INVITE, ACK, BYE and CANCEL, which calls are made of",
        ));
    }
    device.peer.disallowed_methods = methods;
    Ok(())
}

/// yes, no, or `dtmf`, which only who hears media could honour.
fn allowoverlap(device: &mut Device, setting: &mut Setting<'_>) -> Outcome {
    if setting.text.eq_ignore_ascii_case("dtmf") {
        device.peer.allowoverlap = false;
        let text = "allowoverlap=dtmf is taken as no: digits within media are not heard here.";
        setting.load.warn_key(setting.key, setting.at, text);
        return Ok(());
    }
    let accepted = |_| Wrong::new("yes, no or dtmf");
    device.peer.allowoverlap = setting.form().map_err(accepted)?;
    Ok(())
}

/// A list, the first for what we begin ourselves; what is not spoken here is
/// left out.
fn transport(device: &mut Device, setting: &mut Setting<'_>) -> Outcome {
    let accepted = || Wrong(format!("udp, tcp, or both in a list; {NO_SECURITY}"));
    let unspoken = |word: &str| {
        ["tls", "ws", "wss"]
            .iter()
            .any(|other| other.eq_ignore_ascii_case(word))
    };
    let spoken = |word: &&str| Transport::named(word.as_bytes()).is_some();
    let (words, rest): (Vec<&str>, Vec<&str>) = list(setting.text).partition(spoken);
    if !rest.iter().all(|word| unspoken(word)) {
        return Err(accepted());
    }
    let words = words
        .iter()
        .filter_map(|word| Transport::named(word.as_bytes()));
    device.peer.transports = Transports::of(words).ok_or_else(accepted)?;
    if !rest.is_empty() {
        let text = format!(
            "of transport={} what is neither udp nor tcp has no effect: {NO_SECURITY}.",
            setting.text
        );
        setting.load.warn_key(setting.key, setting.at, text);
    }
    Ok(())
}

/// `[udp://]host[:port][,force]`; empty means none.
fn outboundproxy(device: &mut Device, setting: &mut Setting<'_>) -> Outcome {
    let (proxy, force) = setting
        .text
        .split_once(',')
        .map_or((setting.text, None), |(p, force)| (p, Some(force)));
    let force = match force.map(str::trim) {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("force") => true,
        Some(_) => return Err(Wrong::new("host, host:port, or either with ,force")),
    };
    let proxy = proxy.trim();
    device.peer.outboundproxy = match proxy.split_once("://") {
        None if proxy.is_empty() => None,
        None => Some((setting.endpoint(proxy, 5060)?, force)),
        Some((scheme, host)) if scheme.eq_ignore_ascii_case("udp") => {
            Some((setting.endpoint(host, 5060)?, force))
        }
        Some(_) => {
            return Err(Wrong(
                "host[:port] or udp://host[:port]; the transport is that of the device".into(),
            ));
        }
    };
    Ok(())
}
