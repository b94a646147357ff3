//! Whole files in, values and sentences out.

use std::net::Ipv4Addr;
use std::time::Duration;

use pinion_sip::config::{
    Acl, CallerId, Insecure, Nat, Overlap, PeerKind, ProgressInband, Qualify, Refresher,
    SessionMode, SessionTimers, TrustIdOutbound,
};

use super::*;
use crate::config::file;

/// A resolver that knows one name.
fn resolve(name: &str) -> Option<IpAddr> {
    (name == "proxy.example.com").then_some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9)))
}

fn attempt(text: &str) -> Result<Sip, ConfigError> {
    read(&file::parse(text, "sip.conf").unwrap(), resolve)
}

fn sip(text: &str) -> Sip {
    attempt(text).unwrap_or_else(|error| panic!("{error}"))
}

/// `[general]` of lines that must not surprise.
fn general(lines: &str) -> General {
    let sip = sip(&format!("[general]\n{lines}\n"));
    assert_eq!(warnings(&sip), [""; 0], "{lines}");
    sip.general
}

/// A device of lines that must not surprise.
fn peer(lines: &str) -> Peer {
    let mut sip = sip(&format!(
        "[1001]\ntype=friend\nhost=dynamic\nsecret=x\n{lines}\n"
    ));
    assert_eq!(warnings(&sip), [""; 0], "{lines}");
    sip.peers.remove(0)
}

fn warnings(sip: &Sip) -> Vec<String> {
    sip.warnings.iter().map(Warning::to_string).collect()
}

/// Why a file is refused.
fn refusal_of(text: &str) -> String {
    attempt(text)
        .err()
        .unwrap_or_else(|| panic!("accepted: {text}"))
        .to_string()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn an_empty_file_is_the_default() {
    let sip = sip("");
    assert_eq!(sip.general, General::default());
    assert_eq!(sip.listen, ["0.0.0.0:5060".parse().unwrap()]);
    assert!(sip.peers.is_empty() && sip.warnings.is_empty());
}

#[test]
fn an_empty_general_section_is_the_default_too() {
    assert_eq!(general(""), General::default());
}

#[test]
fn identity_options_of_general() {
    let general = general(
        "context=in\nallowguest=yes\nmatch_auth_username=on\ncallerid=operator\nshrinkcallerid=no\nuseragent=x y\n\
         realm=example.com\ndomainsasrealm=yes\ndomain=example.com\ndomain=example.org,partners\n\
         allowexternaldomains=f\nfromdomain=example.net:5070\n",
    );
    assert_eq!(general.context, "in");
    assert!(general.allowguest && general.match_auth_username && general.domainsasrealm);
    assert!(!general.shrinkcallerid && !general.allowexternaldomains);
    assert_eq!(
        (&*general.callerid, &*general.useragent, &*general.realm),
        ("operator", "x y", "example.com")
    );
    assert_eq!(general.domains, ["example.com", "example.org"]);
    assert_eq!(
        general.domain_contexts,
        [("example.org".into(), "partners".into())]
    );
    assert_eq!(general.fromdomain.as_deref(), Some("example.net:5070"));
}

#[test]
fn identity_options_of_devices() {
    let peer = peer(
        "context=office\ncallerid=\"Ann B.\" <1001>\ncallingpres=prohib\ntrustrpid=yes\nsendrpid=pai\nrpid_update=yes\n\
         rpid_immediate=yes\ntrust_id_outbound=no\nusereqphone=yes\nfromuser=ann\nfromdomain=example.com\n\
         accountcode=42\nlanguage=de\ncallgroup=1,3-5\npickupgroup=63\nnamedcallgroup=a, b\nnamedpickupgroup=c\n\
         setvar=A=1\nsetvar=B=x=y\nheader=X-Floor: 3\n",
    );
    assert_eq!(peer.context, "office");
    assert_eq!(
        peer.callerid,
        CallerId {
            name: "Ann B.".into(),
            number: "1001".into()
        }
    );
    assert_eq!(
        (peer.callingpres, peer.sendrpid_pai),
        (Some(0x23), Some(true))
    );
    assert!(peer.trustrpid && peer.rpid_update && peer.rpid_immediate && peer.usereqphone);
    assert_eq!(peer.trust_id_outbound, TrustIdOutbound::No);
    assert_eq!(
        (peer.fromuser.as_deref(), peer.fromdomain.as_deref()),
        (Some("ann"), Some("example.com"))
    );
    assert_eq!((&*peer.accountcode, &*peer.language), ("42", "de"));
    assert_eq!((peer.callgroup, peer.pickupgroup), (0b11_1010, 1 << 63));
    assert_eq!(peer.namedcallgroup, ["a", "b"]);
    assert_eq!(peer.namedpickupgroup, ["c"]);
    assert_eq!(
        peer.setvar,
        [("A".into(), "1".into()), ("B".into(), "x=y".into())]
    );
    assert_eq!(peer.header, [("X-Floor".into(), "3".into())]);
}

#[test]
fn caller_ids() {
    for (line, name, number) in [
        ("callerid=Ann <1001>", "Ann", "1001"),
        ("callerid=<1001>", "", "1001"),
        ("callerid=+49 (30) 1001", "", "+49 (30) 1001"),
        ("callerid=Ann", "Ann", ""),
        ("callerid=Ann <1>\ncid_number=2", "Ann", "2"),
        ("callerid=Ann <1>\nfullname=Bob", "Bob", "1"),
        ("callerid=Ann <1>\ntrunkname=x", "", "1"),
        ("callerid=", "", ""),
    ] {
        assert_eq!(
            peer(line).callerid,
            CallerId {
                name: name.into(),
                number: number.into()
            },
            "{line}"
        );
    }
}

#[test]
fn passwords() {
    assert_eq!(peer("").secret, Secret::Plain("x".into()));
    let digest = "0123456789ABCDEF0123456789abcdef";
    let both = peer(&format!("md5secret={digest}\nremotesecret=y"));
    assert_eq!(
        both.secret,
        Secret::Md5(digest.to_ascii_lowercase()),
        "the digest wins"
    );
    assert_eq!(both.remotesecret.as_deref(), Some("y"));
}

#[test]
fn credentials_of_the_device_come_before_those_for_all() {
    let sip = sip(
        "[1001]\ntype=friend\nhost=dynamic\nsecret=x\nauth=ann:p@ss@example.com\nauth=bob#0123456789ABCDEF0123456789abcdef@b\n\
         [authentication]\nauth=all@c\n",
    );
    let expected = [
        (
            "ann".into(),
            Secret::Plain("p@ss".into()),
            "example.com".into(),
        ),
        (
            "bob".into(),
            Secret::Md5("0123456789abcdef0123456789abcdef".into()),
            "b".into(),
        ),
        ("all".into(), Secret::None, "c".into()),
    ];
    assert_eq!(sip.peers[0].credentials, expected);
}

#[test]
fn security_options_of_general() {
    let general = general(
        "alwaysauthreject=no\nauth_options_requests=yes\nauth_message_requests=no\ncontactdeny=0.0.0.0/0\n\
         contactpermit=10.0.0.0/8\nautocreatepeer=no\nmaxforwards=20\nautodomain=no",
    );
    assert!(
        !general.alwaysauthreject
            && general.auth_options_requests
            && !general.auth_message_requests
    );
    assert!(general.contact_acl.permits("10.1.1.1".parse().unwrap()));
    assert!(!general.contact_acl.permits("192.0.2.1".parse().unwrap()));
    assert_eq!(
        (general.maxforwards, general.defaults.maxforwards),
        (20, 20)
    );
    assert_eq!(
        general.defaults.contact_acl,
        Acl::default(),
        "a device's own list stays its own"
    );
}

#[test]
fn security_options_of_devices() {
    let peer = peer(
        "insecure=port,invite\ndeny=0.0.0.0/0.0.0.0\npermit=192.0.2.0/24\ndeny=::/0\ncontactdeny=192.0.2.7\n\
         allowtransfer=no\nallowsubscribe=no\ndisallowed_methods=update, Prack\npromiscredir=yes\nmaxforwards=255",
    );
    assert_eq!(
        peer.insecure,
        Insecure {
            port: true,
            invite: true
        }
    );
    let admits = |address: &str| peer.acl.permits(address.parse().unwrap());
    assert!(admits("192.0.2.1") && !admits("198.51.100.1") && !admits("2001:db8::1"));
    assert!(!peer.contact_acl.permits("192.0.2.7".parse().unwrap()));
    assert!(!peer.allowtransfer && !peer.allowsubscribe && peer.promiscredir);
    assert_eq!(peer.disallowed_methods, ["UPDATE", "PRACK"]);
    assert_eq!(peer.maxforwards, 255);
}

#[test]
fn fixed_hosts_are_excluded_from_registration_on_demand() {
    let sip = sip(
        "[general]\ndynamic_exclude_static=yes\n[gw]\ntype=peer\nhost=192.0.2.1\nsecret=x\n\
         [1001]\ntype=friend\nhost=dynamic\nsecret=x\n",
    );
    assert!(
        !sip.general
            .contact_acl
            .permits("192.0.2.1".parse().unwrap())
    );
    assert!(
        sip.general
            .contact_acl
            .permits("192.0.2.2".parse().unwrap())
    );
}

#[test]
fn listening_addresses() {
    for (lines, expected) in [
        ("", vec!["0.0.0.0:5060"]),
        ("bindport=5070", vec!["0.0.0.0:5070"]),
        ("bindaddr=192.0.2.1", vec!["192.0.2.1:5060"]),
        ("udpbindaddr=::", vec!["[::]:5060"]),
        (
            "udpbindaddr=192.0.2.1\nudpbindaddr=[2001:db8::1]:5080\nbindaddr=192.0.2.1:5070\nbindport=5070",
            vec!["192.0.2.1:5070", "[2001:db8::1]:5080"],
        ),
    ] {
        let listen: Vec<String> = sip(&format!("[general]\n{lines}"))
            .listen
            .iter()
            .map(SocketAddr::to_string)
            .collect();
        assert_eq!(listen, expected, "{lines}");
    }
}

#[test]
fn transport_options_of_general() {
    let general = general(
        "externaddr=198.51.100.1\nlocalnet=10.0.0.0/8\nlocalnet=192.168.0.0/255.255.0.0\nmatchexternaddrlocally=yes\n\
         bindport=5070\ntos_sip=cs3\ncos_sip=3\ncompactheaders=yes\npass_headers=X-A, P-*\ntcpenable=no\ntransport=udp\n\
         outboundproxy=proxy.example.com:5080,force\nautodomain=yes\nbindaddr=10.0.0.1",
    );
    assert_eq!(
        general.externaddr,
        Some("198.51.100.1:5070".parse().unwrap())
    );
    assert_eq!(
        general.localnet,
        [
            ("10.0.0.0".parse().unwrap(), 8),
            ("192.168.0.0".parse().unwrap(), 16)
        ]
    );
    assert!(general.matchexternaddrlocally && general.compactheaders);
    assert_eq!((general.tos_sip, general.cos_sip), (0x60, 3));
    assert_eq!(general.pass_headers, ["X-A", "P-*"]);
    assert_eq!(
        general.outboundproxy,
        Some(("192.0.2.9:5080".parse().unwrap(), true))
    );
    assert_eq!(general.domains, ["10.0.0.1", "198.51.100.1"]);
}

#[test]
fn type_of_service_octets() {
    for (text, octet) in [
        ("cs0", 0),
        ("CS7", 0xe0),
        ("ef", 0xb8),
        ("af11", 0x28),
        ("af43", 0x98),
        ("0x68", 0x68),
        ("104", 104),
    ] {
        assert_eq!(general(&format!("tos_sip={text}")).tos_sip, octet, "{text}");
    }
}

#[test]
fn hosts() {
    let host = |lines: &str| sip(&format!("[gw]\ntype=peer\nsecret=x\n{lines}")).peers[0].host;
    assert_eq!(host("host=Dynamic"), Host::Dynamic);
    assert_eq!(
        host("host=192.0.2.1"),
        Host::Fixed("192.0.2.1:5060".parse().unwrap())
    );
    assert_eq!(
        host("port=5070\nhost=2001:db8::1"),
        Host::Fixed("[2001:db8::1]:5070".parse().unwrap())
    );
    assert_eq!(
        host("host=proxy.example.com\nport=5062"),
        Host::Fixed("192.0.2.9:5062".parse().unwrap())
    );
}

#[test]
fn a_name_is_resolved_once() {
    thread_local!(static ASKED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });
    fn count(_: &str) -> Option<IpAddr> {
        ASKED.set(ASKED.get() + 1);
        Some(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }
    let device = "type=peer\nhost=a.example.com\nsecret=x\n";
    let text = format!("[a]\n{device}[b]\n{device}outboundproxy=a.example.com\n");
    assert!(read(&file::parse(&text, "sip.conf").unwrap(), count).is_ok());
    assert_eq!(ASKED.get(), 1);
}

#[test]
fn transport_options_of_devices() {
    let peer = peer(
        "defaultip=192.0.2.5\nport=5066\nusername=ann\nkeepalive=yes\nsupportpath=yes\n\
         outboundproxy=udp://192.0.2.8",
    );
    assert_eq!(peer.defaultip, Some("192.0.2.5:5066".parse().unwrap()));
    assert_eq!(peer.defaultuser.as_deref(), Some("ann"));
    assert_eq!(peer.keepalive, seconds(60));
    assert!(peer.supportpath);
    assert_eq!(
        peer.outboundproxy,
        Some(("192.0.2.8:5060".parse().unwrap(), false))
    );
}

#[test]
fn nat_modes() {
    let nat = |value: &str| peer(&format!("nat={value}")).nat;
    let of = |force_rport, auto_force_rport| Nat {
        force_rport,
        auto_force_rport,
    };
    assert_eq!(nat("no"), of(false, false));
    assert_eq!(nat("yes"), of(true, false));
    assert_eq!(nat("comedia"), of(false, false));
    assert_eq!(nat("force_rport,comedia"), of(true, false));
    assert_eq!(nat("auto_force_rport, auto_comedia"), of(false, true));
    assert_eq!(nat("force_rport,auto_force_rport"), of(false, true));
    assert_eq!(nat("force_rport,no"), of(false, false));
    assert_eq!(peer("").nat, of(false, true), "Asterisk's default");
}

#[test]
fn registration_options() {
    let general = general(
        "minexpiry=30\nmaxexpiry=300\ndefaultexpiry=600\nshort_expiry=423\nmax_contacts=3\nt1min=50\nqualify=yes\n\
         qualifyfreq=30\nregister=no",
    );
    assert_eq!((general.minexpiry_s, general.maxexpiry_s), (30, 300));
    assert_eq!(general.defaultexpiry_s, 300, "clamped as a phone's wish is");
    assert!(general.refuse_short_expiry);
    assert_eq!(
        (general.max_contacts, general.defaults.max_contacts),
        (3, 3)
    );
    assert_eq!(
        (general.t1min, general.qualifyfreq),
        (millis(50), seconds(30))
    );
    assert_eq!(general.qualify, Qualify::Within(seconds(2)));
}

#[test]
fn qualify_forms() {
    for (value, expected) in [
        ("no", Qualify::Off),
        ("0", Qualify::Off),
        ("yes", Qualify::Within(millis(2000))),
        ("1", Qualify::Within(millis(1))),
        ("750", Qualify::Within(millis(750))),
    ] {
        assert_eq!(
            peer(&format!("qualify={value}")).qualify,
            expected,
            "{value}"
        );
    }
}

#[test]
fn general_timers_are_honoured_as_written() {
    let timers = |lines: &str| {
        let general = sip(&format!("[general]\n{lines}")).general;
        (general.timer_t1, general.timer_b)
    };
    assert_eq!(timers(""), (millis(500), seconds(32)));
    assert_eq!(timers("timert1=250"), (millis(250), seconds(16)));
    assert_eq!(timers("timerb=8000"), (millis(500), seconds(8)), "T1 stays");
    assert_eq!(
        timers("timerb=64000\ntimert1=600"),
        (millis(600), seconds(64)),
        "in any order"
    );
    assert_eq!(
        timers("timert1=50"),
        (millis(100), millis(6400)),
        "t1min bounds T1"
    );
}

#[test]
fn device_timers_start_from_those_of_general() {
    let timers = |lines: &str| {
        let general = "[general]\ntimert1=200\ntimerb=20000\n";
        let sip = sip(&format!(
            "{general}[a]\ntype=friend\nhost=dynamic\nsecret=x\n{lines}"
        ));
        (sip.peers[0].timer_t1, sip.peers[0].timer_b)
    };
    assert_eq!(timers(""), (millis(200), seconds(20)));
    assert_eq!(timers("timert1=500"), (millis(500), seconds(32)));
    assert_eq!(timers("timerb=15000"), (millis(200), seconds(15)));
    assert_eq!(timers("timert1=10"), (millis(100), millis(6400)));
}

#[test]
fn call_options() {
    let general = general(
        "send_diversion=no\nrefer_addheaders=no\naccept_outofcall_message=no\nuse_q850_reason=yes",
    );
    assert!(
        !general.send_diversion && !general.refer_addheaders && !general.accept_outofcall_message
    );
    assert!(general.use_q850_reason && general.defaults.use_q850_reason);
    let peer = peer(
        "call-limit=2\ncallcounter=yes\nbusylevel=1\nprogressinband=no\nsession-timers=originate\n\
         session-expires=600\nsession-minse=120\nsession-refresher=uac\nuse_q850_reason=yes\nallowoverlap=dtmf\n\
         subscribecontext=hints\noutofcall_message_context=sms\nqualifyfreq=10\nmax_contacts=1",
    );
    assert_eq!(
        (peer.call_limit, peer.callcounter, peer.busylevel),
        (2, true, 1)
    );
    assert_eq!(
        (peer.progressinband, peer.allowoverlap),
        (ProgressInband::No, Overlap::Dtmf)
    );
    let timers = SessionTimers {
        mode: SessionMode::Originate,
        expires_s: 600,
        minse_s: 120,
        refresher: Refresher::Uac,
    };
    assert_eq!(peer.session_timers, timers);
    assert!(peer.use_q850_reason);
    assert_eq!(peer.subscribecontext.as_deref(), Some("hints"));
    assert_eq!(peer.outofcall_message_context.as_deref(), Some("sms"));
    assert_eq!((peer.qualifyfreq, peer.max_contacts), (seconds(10), 1));
}

#[test]
fn media_options_are_kept_in_order() {
    let general = general("srvlookup=yes\nDTMFmode=rfc2833");
    assert_eq!(
        general.kept,
        [
            ("srvlookup".into(), "yes".into()),
            ("dtmfmode".into(), "rfc2833".into())
        ]
    );
    let peer = peer("disallow=all\nallow=ulaw\nallow=alaw");
    let kept: Vec<String> = peer
        .kept
        .iter()
        .map(|(option, value)| format!("{option}={value}"))
        .collect();
    assert_eq!(kept, ["disallow=all", "allow=ulaw", "allow=alaw"]);
}

#[test]
fn general_speaks_for_devices_wherever_it_stands() {
    let sip = sip(
        "[1001]\ntype=friend\nhost=dynamic\nsecret=x\n[1002]\ntype=friend\nhost=dynamic\nsecret=x\ncontext=own\n\
         nat=no\nqualify=no\n[general]\ncontext=all\nnat=force_rport\nqualify=500\nlanguage=fr\nsession-expires=900\n\
         insecure=port\n",
    );
    let [first, second] = &sip.peers[..] else {
        panic!()
    };
    assert_eq!((&*first.context, &*second.context), ("all", "own"));
    assert!(first.nat.force_rport && !second.nat.force_rport);
    assert_eq!(
        (first.qualify, second.qualify),
        (Qualify::Within(millis(500)), Qualify::Off)
    );
    assert_eq!(
        (
            &*second.language,
            second.session_timers.expires_s,
            second.insecure.port
        ),
        ("fr", 900, true)
    );
    assert_eq!(
        (&*sip.general.context, &*sip.general.defaults.context),
        ("all", "all")
    );
}

#[test]
fn templates_give_their_options_and_are_no_devices() {
    let sip = sip(
        "[phone](!)\ntype=friend\nhost=dynamic\ncontext=office\nqualify=yes\n[1001](phone)\nsecret=a\n\
         [1002](phone)\nsecret=b\ncontext=lab\n",
    );
    let names: Vec<&str> = sip.peers.iter().map(|peer| &*peer.name).collect();
    assert_eq!(names, ["1001", "1002"]);
    assert_eq!(
        (&*sip.peers[0].context, &*sip.peers[1].context),
        ("office", "lab")
    );
    assert_eq!(sip.peers[1].qualify, Qualify::Within(seconds(2)));
    assert_eq!(sip.peers[1].kind, PeerKind::Friend);
}

#[test]
fn the_last_device_of_a_name_stands() {
    let device = "[1001]\ntype=friend\nhost=dynamic\nsecret=x\n";
    let sip = sip(&format!("{device}callerid=<1>\n{device}callerid=<2>\n"));
    assert_eq!(sip.peers.len(), 1);
    assert_eq!(sip.peers[0].callerid.number, "2");
    assert_eq!(
        warnings(&sip),
        ["sip.conf:6: [1001] stands at sip.conf:1, too. This one replaces it."]
    );
}

#[test]
fn truth_values() {
    for value in ["yes", "TRUE", "y", "t", "1", "on"] {
        assert!(
            general(&format!("allowguest={value}")).allowguest,
            "{value}"
        );
    }
    for value in ["no", "False", "n", "f", "0", "off"] {
        assert!(
            !general(&format!("alwaysauthreject={value}")).alwaysauthreject,
            "{value}"
        );
    }
}

#[test]
fn options_that_do_not_fit_are_warned_about() {
    let device = "[1001]\ntype=friend\nhost=dynamic\nsecret=x\n";
    for (text, expected) in [
        (
            "contex=a",
            "sip.conf:5: unknown option 'contex' in [1001]; did you mean 'context'?",
        ),
        (
            "Call_Limit=1",
            "sip.conf:5: unknown option 'Call_Limit' in [1001]; did you mean 'call-limit'?",
        ),
        (
            "zzzzzz=a",
            "sip.conf:5: unknown option 'zzzzzz' in [1001] is ignored.",
        ),
        (
            "bindport=1",
            "sip.conf:5: option 'bindport' belongs in [general], not in [1001]; it is ignored.",
        ),
        (
            "pedantic=1",
            "sip.conf:5: option 'pedantic' belongs in [general], not in [1001]; it is ignored.",
        ),
        (
            "mwi=1",
            "sip.conf:5: option 'mwi' belongs in [general], not in [1001]; it is ignored.",
        ),
        (
            "useclientcode=yes",
            "sip.conf:5: useclientcode does nothing: it is not supported.",
        ),
        (
            "transport=udp,tcp",
            "sip.conf:5: of transport=udp,tcp nothing but udp has an effect: only UDP is spoken here.",
        ),
        (
            "timert1=50",
            "sip.conf:5: timert1=50 is below t1min. Taken as 100.",
        ),
        (
            "timerb=8000",
            "sip.conf:5: timerb=8000 is below 64 times T1 (32000): requests are given up before their last \
             retransmission.",
        ),
        (
            "session-minse=1900",
            "sip.conf:1: session-expires=1800 is below session-minse=1900. Taken as the latter.",
        ),
        (
            "[general]\nsecret=x",
            "sip.conf:6: option 'secret' belongs in the section of a device, not in [general]; it is ignored.",
        ),
        (
            "[general]\ntcpenable=yes",
            "sip.conf:6: tcpenable does nothing: only UDP is spoken here.",
        ),
        (
            "[general]\nregister => 1:2@host",
            "sip.conf:6: register does nothing: this server registers nowhere itself.",
        ),
        (
            "[general]\nexternip=192.0.2.1",
            "sip.conf:6: externaddr does nothing without localnet. Name your own networks with localnet=.",
        ),
        (
            "[authentication]\nx=1",
            "sip.conf:6: unknown option 'x' in [authentication]; did you mean 'auth'?",
        ),
    ] {
        assert_eq!(
            warnings(&sip(&format!("{device}{text}\n"))),
            [expected],
            "{text}"
        );
    }
}

#[test]
fn one_warning_for_a_line_that_many_inherit() {
    let sip = sip(
        "[phone](!)\ntype=friend\nhost=dynamic\nsecret=x\ncolour=red\nregexten=1\n[a](phone)\n[b](phone)\nregexten=2\n",
    );
    assert_eq!(
        warnings(&sip),
        [
            "sip.conf:5: unknown option 'colour' in [a] is ignored.",
            "sip.conf:6: regexten does nothing: registrations make no extensions here.",
        ]
    );
}

#[test]
fn devices_that_lack_something_are_warned_about() {
    for (text, peers, expected) in [
        (
            "host=dynamic\nsecret=x",
            0,
            "sip.conf:1: [gw] has no type= and is skipped. Write type=friend, peer or user.",
        ),
        (
            "type=peer\nsecret=x",
            1,
            "sip.conf:1: [gw] has no host=. Taken as host=dynamic: it may register.",
        ),
        (
            "type=friend\nhost=dynamic",
            1,
            "sip.conf:1: [gw] has neither secret nor md5secret: anybody may use it. Set one of them.",
        ),
        (
            "type=friend\nhost=192.0.2.1\ninsecure=invite",
            1,
            "sip.conf:1: [gw] has neither secret nor md5secret: anybody may use it. Set one of them.",
        ),
        (
            "type=peer\nhost=192.0.2.1",
            1,
            "sip.conf:1: [gw] has neither secret nor md5secret: whoever sends from 192.0.2.1 may use it. Set one, or \
             write insecure=invite if that is meant.",
        ),
        (
            "type=peer\nsecret=x\nhost=gone.example.com",
            0,
            "sip.conf:4: host=gone.example.com of [gw] does not resolve: the device is left out. Mend the name or \
             write an address, then reload.",
        ),
    ] {
        let sip = sip(&format!("[gw]\n{text}\n"));
        assert_eq!(
            (sip.peers.len(), warnings(&sip)),
            (peers, vec![expected.to_string()]),
            "{text}"
        );
    }
}

#[test]
fn what_lacks_nothing_is_not_warned_about() {
    for text in [
        "type=user\nsecret=x",
        "type=peer\nhost=192.0.2.1\ninsecure=port,invite",
    ] {
        assert_eq!(
            warnings(&sip(&format!("[gw]\n{text}\n"))),
            [""; 0],
            "{text}"
        );
    }
}

#[test]
fn wrong_values_of_devices_refuse_the_file() {
    let groups = "groups from 0 to 63, such as 1,3-5";
    let network =
        "a network such as 192.0.2.0/24, 192.0.2.0/255.255.255.0, 192.0.2.1 or 2001:db8::/32";
    for (option, value, accepted) in [
        ("type", "phone", "friend, peer or user"),
        ("context", "", "the name of a context of extensions.conf"),
        (
            "trustrpid",
            "maybe",
            "yes or no (also true, y, t, 1, on; false, n, f, 0, off)",
        ),
        ("sendrpid", "p", "no, yes, rpid or pai"),
        ("trust_id_outbound", "x", "legacy, no or yes"),
        ("fromuser", "a b", "text without blanks and any of < > \" @"),
        ("callgroup", "64", groups),
        ("pickupgroup", "5-3", groups),
        ("setvar", "A", "NAME=VALUE"),
        ("header", "a b: c", "Name: value"),
        ("insecure", "very", "no, port, invite, or port,invite"),
        ("permit", "10.0.0.0/40", network),
        ("contactdeny", "", network),
        (
            "acl",
            "local",
            "deny= and permit= lines; acl.conf is not read",
        ),
        ("maxforwards", "256", "a number from 1 to 255"),
        ("maxforwards", "0", "a number from 1 to 255"),
        (
            "transport",
            "tls",
            "udp, alone or in a list; only UDP is spoken here",
        ),
        (
            "nat",
            "route",
            "no, or a list of force_rport, comedia, auto_force_rport, auto_comedia (yes is force_rport,comedia)",
        ),
        (
            "keepalive",
            "often",
            "no, yes (60 s), or seconds from 1 to 86400",
        ),
        (
            "outboundproxy",
            "gone.example.com",
            "an address, or a name that resolves now, which 'gone.example.com' does not",
        ),
        (
            "outboundproxy",
            "tcp://192.0.2.1",
            "host[:port] or udp://host[:port]; only UDP is spoken here",
        ),
        (
            "outboundproxy",
            "192.0.2.1,always",
            "host, host:port, or either with ,force",
        ),
        ("host", "", "dynamic, an IP address, or a name"),
        ("port", "65536", "a number from 1 to 65535"),
        (
            "defaultip",
            "no where",
            "an IP address, or a name that resolves",
        ),
        ("max_contacts", "0", "a number from 1 to 1000"),
        (
            "qualify",
            "often",
            "no, yes (2000 ms), or milliseconds from 1 to 3600000",
        ),
        ("qualifyfreq", "-1", "a number from 1 to 86400"),
        ("timert1", "5", "a number from 10 to 60000"),
        ("call-limit", "many", "a number from 0 to 1000000"),
        ("progressinband", "x", "never, no or yes"),
        ("session-timers", "yes", "accept, originate or refuse"),
        ("session-minse", "60", "a number from 90 to 604800"),
        ("session-refresher", "me", "uac or uas"),
        ("allowoverlap", "x", "yes, no or dtmf"),
    ] {
        let expected = format!(
            "sip.conf:2: the value '{value}' of {option} in [1001] does not fit. Accepted: {accepted}."
        );
        assert_eq!(
            refusal_of(&format!("[1001]\n{option} = {value}\n")),
            expected
        );
    }
}

#[test]
fn wrong_values_of_general_refuse_the_file() {
    for (option, value, accepted) in [
        ("realm", "a\"b", "text without quotes and backslashes"),
        (
            "domain",
            ",a",
            "a domain, or a domain and a context: example.com,incoming",
        ),
        (
            "autocreatepeer",
            "yes",
            "no: whoever asked would get an account",
        ),
        ("bindport", "0", "a number from 1 to 65535"),
        (
            "udpbindaddr",
            "eth0",
            "an IP address, perhaps with a port (192.0.2.1:5060, [2001:db8::1]:5060)",
        ),
        (
            "tos_sip",
            "cs8",
            "cs0 to cs7, af11 to af43, ef, or the octet as a number from 0 to 255 (0x… too)",
        ),
        (
            "tos_sip",
            "af14",
            "cs0 to cs7, af11 to af43, ef, or the octet as a number from 0 to 255 (0x… too)",
        ),
        ("short_expiry", "400", "clamp or 423"),
    ] {
        let expected = format!(
            "sip.conf:2: the value '{value}' of {option} in [general] does not fit. Accepted: {accepted}."
        );
        assert_eq!(
            refusal_of(&format!("[general]\n{option} = {value}\n")),
            expected
        );
    }
    assert_eq!(
        refusal_of("[general]\nminexpiry=100\nmaxexpiry=50\n"),
        "sip.conf:1: minexpiry (100) exceeds maxexpiry (50). Lower the one or raise the other."
    );
}

#[test]
fn no_sentence_shows_a_secret() {
    assert_eq!(
        refusal_of("[1001]\nmd5secret=hunter2\n"),
        "sip.conf:2: the value of md5secret in [1001] does not fit. Accepted: the 32 hexadecimal digits of \
         MD5(user:realm:secret)."
    );
    for text in [
        "[1001]\nauth=ann:hunter2\n",
        "[authentication]\nauth=:hunter2@x\n",
    ] {
        let refusal = refusal_of(text);
        assert!(
            refusal.contains(
                "Accepted: user:secret@realm, or user#md5@realm with 32 hexadecimal digits."
            ),
            "{refusal}"
        );
        assert!(!refusal.contains("hunter2"), "{refusal}");
    }
}

#[test]
fn names_of_options_are_unique_and_lower_case() {
    let mut names: Vec<&str> = keys::KEYS
        .iter()
        .flat_map(|key| key.names.split(' '))
        .collect();
    assert!(
        names
            .iter()
            .all(|name| !name.is_empty() && *name == name.to_ascii_lowercase())
    );
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
