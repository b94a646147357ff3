//! What each class of option becomes.

use super::*;
use pinion_sip::auth::Algorithm;
use pinion_sip::base::Transport;
use pinion_sip::config::FinalResponse;

#[test]
fn identity_options_of_general() {
    let general = general(
        "context=in\nallowguest=yes\nmatch_auth_username=on\ncallerid=operator\nshrinkcallerid=no\nuseragent=x y\n\
         realm=example.com\ndomain=example.com\ndomain=example.org,partners\n\
         allowexternaldomains=f\nfromdomain=example.net:5070\n",
    );
    assert_eq!(general.defaults.context, "in");
    assert!(general.allowguest && general.match_auth_username);
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
    assert_eq!(
        general.defaults.fromdomain.as_deref(),
        Some("example.net:5070")
    );
}

#[test]
fn identity_options_of_devices() {
    let peer = peer(
        "context=office\ncallerid=\"Ann B.\" <1001>\ncallingpres=prohib\ntrustrpid=yes\nsendrpid=pai\n\
         trust_id_outbound=no\nusereqphone=yes\nfromuser=ann\nfromdomain=example.com\n\
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
        (Some(Presentation::of(0x23)), Some(true))
    );
    assert!(peer.trustrpid && peer.usereqphone);
    assert_eq!(peer.trust_id_outbound, TrustIdOutbound::No);
    assert_eq!(
        (peer.fromuser.as_deref(), peer.fromdomain.as_deref()),
        (Some("ann"), Some("example.com"))
    );
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
         contactpermit=10.0.0.0/8\nautocreatepeer=no\nmaxforwards=20\nautodomain=no\n\
         auth_algorithms=sha-256, MD5",
    );
    assert!(general.send_diversion && !self::general("send_diversion=no").send_diversion);
    assert_eq!(general.auth_algorithms, [Algorithm::Sha256, Algorithm::Md5]);
    assert!(
        !general.alwaysauthreject
            && general.auth_options_requests
            && !general.auth_message_requests
    );
    assert!(general.contact_acl.permits("10.1.1.1".parse().unwrap()));
    assert!(!general.contact_acl.permits("192.0.2.1".parse().unwrap()));
    assert_eq!(general.defaults.maxforwards, 20);
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
         disallowed_methods=info, Message\nmaxforwards=255",
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
    assert_eq!(peer.disallowed_methods, ["INFO", "MESSAGE"]);
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
        "externaddr=198.51.100.1\nexterntcpport=5080\nlocalnet=10.0.0.0/8\nlocalnet=192.168.0.0/255.255.0.0\nmatchexternaddrlocally=yes\n\
         bindport=5070\ntos_sip=cs3\ncos_sip=3\ncompactheaders=yes\npass_headers=X-A, P-*\ntcpenable=no\ntransport=udp\n\
         outboundproxy=proxy.example.com:5080,force\nautodomain=yes\nbindaddr=10.0.0.1",
    );
    assert_eq!(
        general.externaddr,
        Some("198.51.100.1:5070".parse().unwrap())
    );
    assert_eq!(general.externtcpport, Some(5080));
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
        general.defaults.outboundproxy,
        Some(("192.0.2.9:5080".parse().unwrap(), true))
    );
    assert_eq!(general.domains, ["10.0.0.1", "198.51.100.1"]);
}

#[test]
fn streams() {
    let tcp = |lines: &str| sip(&format!("[general]\n{lines}\n")).tcp;
    assert_eq!(tcp(""), Tcp::default());
    let said = tcp(
        "tcpenable=yes\ntcpbindaddr=10.0.0.1\ntcpbindaddr=10.0.0.2:5070\ntcpauthtimeout=7\ntcpauthlimit=9",
    );
    let expected = Tcp {
        enabled: true,
        listen: ["10.0.0.1:5060", "10.0.0.2:5070"]
            .map(|address| address.parse().unwrap())
            .to_vec(),
        authtimeout: seconds(7),
        authlimit: 9,
    };
    assert_eq!(said, expected);
    let lines = "[general]\ntransport=tcp,udp\n[a]\ntype=friend\nsecret=x\n[b]\ntype=friend\nsecret=x\ntransport=udp\n";
    let peers = sip(lines).peers;
    assert_eq!(peers[0].transports.to_string(), "TCP,UDP");
    assert_eq!(peers[0].transports.preferred(), Transport::Tcp);
    assert!(!peers[1].transports.allows(Transport::Tcp));
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
        "defaultip=192.0.2.5\nport=5066\nusername=ann\nkeepalive=yes\n\
         outboundproxy=udp://192.0.2.8",
    );
    assert_eq!(peer.defaultip, Some("192.0.2.5:5066".parse().unwrap()));
    assert_eq!(peer.defaultuser.as_deref(), Some("ann"));
    assert_eq!(peer.keepalive, seconds(60));
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
        "minexpiry=30\nmaxexpiry=300\ndefaultexpiry=600\nshort_expiry=423\nmax_contacts=3\nqualify=yes\n\
         qualifyfreq=30\nregister=no",
    );
    assert_eq!((general.minexpiry_s, general.maxexpiry_s), (30, 300));
    assert_eq!(general.defaultexpiry_s, 300, "clamped as a phone's wish is");
    assert!(general.refuse_short_expiry);
    let defaults = general.defaults;
    assert_eq!(
        (defaults.max_contacts, defaults.qualifyfreq),
        (3, seconds(30))
    );
    assert_eq!(defaults.qualify, Qualify::Within(seconds(2)));
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
        (general.defaults.timer_t1, general.defaults.timer_b)
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
    assert_eq!(timers("timert1=50\nt1min=40"), (millis(50), millis(3200)));
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
    let general = general("accept_outofcall_message=no\nuse_q850_reason=yes");
    assert!(!general.accept_outofcall_message && general.defaults.use_q850_reason);
    let peer = peer(
        "call-limit=2\nbusylevel=1\nuse_q850_reason=yes\nallowoverlap=no\n\
         outofcall_message_context=sms\nqualifyfreq=10\nmax_contacts=1\npromiscredir=yes\n\
         final_response=passthrough\nnoanswer_response=480",
    );
    assert!(peer.promiscredir);
    assert_eq!(peer.final_response, FinalResponse::Passthrough);
    assert_eq!(peer.noanswer_response.code(), 480);
    assert_eq!((peer.call_limit, peer.busylevel), (2, 1));
    assert!(peer.use_q850_reason && !peer.allowoverlap);
    assert_eq!(peer.outofcall_message_context.as_deref(), Some("sms"));
    assert_eq!((peer.qualifyfreq, peer.max_contacts), (seconds(10), 1));
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
fn database_options() {
    let usual = general("");
    assert!(usual.rtupdate && !usual.rtcachefriends && usual.rtautoclear_s.is_none());
    let asked = general(
        "rtcachefriends=yes\nrtupdate=no\nrtsavesysname=yes\nrtsavepath=yes\nignoreregexpire=yes",
    );
    assert!(asked.rtcachefriends && !asked.rtupdate && asked.ignoreregexpire);
    assert!(asked.rtsavesysname && asked.rtsavepath);
    for (value, expected) in [
        ("yes", Some(120)),
        ("no", None),
        ("0", None),
        ("1", Some(1)),
        ("600", Some(600)),
    ] {
        let general = general(&format!("rtautoclear={value}"));
        assert_eq!(general.rtautoclear_s, expected, "{value}");
    }
}
