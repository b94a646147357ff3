//! What an operator is told, to the letter.

use super::*;

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
            "transport=udp,tls",
            "sip.conf:5: of transport=udp,tls what is neither udp nor tcp has no effect: only UDP and TCP are spoken \
             here.",
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
            "session-timers=accept",
            "sip.conf:5: session-timers does nothing: session timers (RFC 4028) are not run.",
        ),
        (
            "directmedia=no",
            "sip.conf:5: directmedia does nothing: media and its description pass from phone to phone untouched.",
        ),
        (
            "disallow=all\nallow=g729\ndtmfmode=info",
            "sip.conf:5: disallow does nothing: media and its description pass from phone to phone untouched.",
        ),
        (
            "progressinband=no",
            "sip.conf:5: progressinband does nothing: the caller is shown the 180 or 183 that the callee or the \
             dialplan sends.",
        ),
        (
            "allowoverlap=DTMF",
            "sip.conf:5: allowoverlap=dtmf is taken as no: digits within media are not heard here.",
        ),
        (
            "[general]\npedantic=no",
            "sip.conf:6: pedantic does nothing: requests are always read as RFC 3261 has them.",
        ),
        (
            "[general]\nsecret=x",
            "sip.conf:6: option 'secret' belongs in the section of a device, not in [general]; it is ignored.",
        ),
        (
            "[general]\ntlsenable=yes",
            "sip.conf:6: tlsenable does nothing: only UDP and TCP are spoken here.",
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
            "[general]\nexterntcpport=5080",
            "sip.conf:6: externtcpport does nothing without externaddr, whose port it is.",
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
             write an address.",
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
        "type=user\nsecret=x\ndirectmedia=on\nsession-timers=Refuse\nallowtransfer=off\nvideosupport=y",
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
        (
            "disallowed_methods",
            "INFO, bye",
            "a list of methods, but INVITE, ACK, BYE and CANCEL, which calls are made of",
        ),
        ("maxforwards", "256", "a number from 1 to 255"),
        ("maxforwards", "0", "a number from 1 to 255"),
        (
            "transport",
            "tls",
            "udp, tcp, or both in a list; only UDP and TCP are spoken here",
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
            "host[:port] or udp://host[:port]; the transport is that of the device",
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
            "auth_algorithms",
            "SHA-1",
            "MD5 or SHA-256, or both, most preferred first",
        ),
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
        (
            "rtautoclear",
            "soon",
            "no, yes (120 s), or seconds from 1 to 604800",
        ),
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
