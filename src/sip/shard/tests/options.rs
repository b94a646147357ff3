//! Options of sip.conf, seen from outside.

use super::*;
use crate::config::{Qualify, Rule};

const FAR: &str = "198.51.100.7:7003";

/// The first lines of what was sent, and to whom.
fn lines(sent: &[(SocketAddr, String)]) -> Vec<String> {
    let line = |message: &String| message.lines().next().unwrap_or_default().to_string();
    sent.iter().map(|(_, message)| line(message)).collect()
}

/// A call to 1002, standing: the callee's INVITE and the caller's 200.
fn standing(rig: &mut Rig) -> (String, String) {
    let (invite, ok) = call(rig);
    assert!(rig.receive(ALICE, &in_dialog(&ok, "ACK", 1)).is_empty());
    (invite, ok)
}

fn register(aor: &str, contact: &str) -> String {
    format!(
        "REGISTER sip:{ENGINE} SIP/2.0\nVia: SIP/2.0/UDP {BOB};branch=z9hG4bKr\nFrom: <sip:{aor}>;tag=r\n\
         To: <sip:{aor}>\nCall-ID: r\nCSeq: 1 REGISTER\nContact: <sip:1002@{contact}>\nExpires: 3600\n\
         Content-Length: 0\n\n"
    )
}

const MESSAGE: &str = "MESSAGE sip:1002@127.0.0.1:5060 SIP/2.0\n\
    Via: SIP/2.0/UDP 127.0.0.1:7001;branch=z9hG4bKmessage\nFrom: <sip:1001@127.0.0.1>;tag=m\n\
    To: <sip:1002@127.0.0.1>\nCall-ID: m\nCSeq: 1 MESSAGE\nContent-Length: 0\n\n";

#[test]
fn a_method_disallowed_is_never_sent() {
    let mut rig = Rig::with(|_, [_, bob]| {
        bob.disallowed_methods = ["INFO", "MESSAGE", "OPTIONS"].map(String::from).into();
        bob.qualify = Qualify::Within(Duration::from_secs(1));
    });
    let (_, ok) = standing(&mut rig);
    let sent = rig.receive(ALICE, &in_dialog(&ok, "INFO", 2));
    assert_eq!(lines(&sent), ["SIP/2.0 403 Forbidden"]);
    let sent = rig.receive(ALICE, MESSAGE);
    assert_eq!(lines(&sent), ["SIP/2.0 403 Forbidden"]);
    assert!(rig.wait(Duration::from_secs(200)).is_empty());
}

#[test]
fn a_message_must_find_its_user_in_its_context() {
    let context = |context: &str| {
        let mut rig = Rig::with(|_, [alice, _]| {
            alice.outofcall_message_context = Some(context.into());
        });
        rig.register("1002", BOB);
        lines(&rig.receive(ALICE, MESSAGE))
    };
    assert_eq!(
        context("default"),
        ["MESSAGE sip:1002@127.0.0.1:7002 SIP/2.0"]
    );
    assert_eq!(context("other"), ["SIP/2.0 404 Not Found"]);
}

#[test]
fn a_device_at_its_busylevel_is_busy() {
    let mut rig = Rig::with(|_, [_, bob]| bob.busylevel = 1);
    let (_, ok) = standing(&mut rig);
    let second = INVITE
        .replace("call-a", "call-b")
        .replace("z9hG4bKinvite", "z9hG4bKsecond");
    let sent = rig.receive(ALICE, &second);
    assert_eq!(lines(&sent), ["SIP/2.0 486 Busy Here"]);
    let bye = rig.receive(ALICE, &in_dialog(&ok, "BYE", 2)).remove(1).1;
    rig.receive(BOB, &respond(&bye, "200 OK", "", ""));
    assert_eq!(rig.size("places"), 0);
}

#[test]
fn q850_causes_are_told_and_believed() {
    let mut rig = Rig::with(|_, peers| {
        for peer in peers {
            peer.use_q850_reason = true;
        }
    });
    rig.register("1002", BOB);
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    let reason = "Reason: Q.850;cause=17\n";
    let sent = rig.receive(
        BOB,
        &respond(&invite, "480 Temporarily Unavailable", reason, ""),
    );
    let refusal = &sent[1].1;
    assert!(
        refusal.starts_with("SIP/2.0 486 Busy Here\r\n"),
        "{refusal}"
    );
    assert_eq!(header(refusal, "Reason"), "Q.850;cause=17");

    let mut rig = Rig::with(|_, [_, bob]| bob.use_q850_reason = true);
    let (_, ok) = standing(&mut rig);
    let sent = rig.receive(ALICE, &in_dialog(&ok, "BYE", 2));
    assert_eq!(header(&sent[1].1, "Reason"), "Q.850;cause=16");
}

#[test]
fn the_external_address_is_for_those_outside() {
    let mut rig = Rig::with(|general, _| {
        general.externaddr = Some("203.0.113.1:5070".parse().unwrap());
        general.localnet = vec![("127.0.0.0".parse().unwrap(), 8)];
    });
    rig.register("1002", FAR);
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    assert!(header(&invite, "Via").starts_with("SIP/2.0/UDP 203.0.113.1:5070;"));
    assert_eq!(header(&invite, "Contact"), "<sip:1001@203.0.113.1:5070>");
    assert!(header(&invite, "From").contains("<sip:1001@203.0.113.1:5070>"));
    let ringing = rig.receive(FAR, &respond(&invite, "180 Ringing", "", ""));
    assert_eq!(
        header(&ringing[0].1, "Contact"),
        "<sip:1002@127.0.0.1:5060>"
    );
}

#[test]
fn a_forced_proxy_sees_every_request() {
    let mut rig = Rig::with(|_, [_, bob]| bob.outboundproxy = Some((FAR.parse().unwrap(), true)));
    rig.register("1002", BOB);
    let (to, invite) = rig.receive(ALICE, INVITE).remove(0);
    assert_eq!(to, FAR.parse().unwrap());
    assert_eq!(header(&invite, "Route"), format!("<sip:{FAR};lr>"));
    let routed = "Record-Route: <sip:192.0.2.9;lr>\n";
    let sent = rig.receive(FAR, &respond(&invite, "200 OK", routed, ""));
    let (to, ack) = &sent[0];
    assert!(ack.starts_with("ACK "), "{ack}");
    assert_eq!(*to, FAR.parse().unwrap());
    assert_eq!(header(ack, "Route"), "<sip:192.0.2.9;lr>");
}

#[test]
fn the_way_out_has_the_fewest_hops() {
    let mut rig = Rig::with(|_, [_, bob]| {
        bob.maxforwards = 20;
        bob.usereqphone = true;
    });
    rig.register("1002", BOB);
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    assert_eq!(header(&invite, "Max-Forwards"), "20");
    assert!(invite.starts_with("INVITE sip:1002@127.0.0.1:7002;user=phone SIP/2.0\r\n"));
    assert_eq!(
        header(&invite, "To"),
        "<sip:1002@127.0.0.1:7002;user=phone>"
    );
}

#[test]
fn nobody_registers_in_a_foreign_domain_or_at_a_denied_address() {
    let mut rig = Rig::with(|general, _| {
        general.domains = vec!["example.com".into()];
        general.contact_acl.0.push(Rule {
            permit: false,
            network: "192.0.2.0".parse().unwrap(),
            prefix: 24,
        });
    });
    for (number, (aor, contact, expected)) in [
        ("1002@example.org", BOB, "SIP/2.0 401 Unauthorized"),
        ("1002@EXAMPLE.com", "192.0.2.1", "SIP/2.0 603 Denied"),
        ("1002@EXAMPLE.com", BOB, "SIP/2.0 200 OK"),
    ]
    .into_iter()
    .enumerate()
    {
        let request = register(aor, contact)
            .replace("Call-ID: r", &format!("Call-ID: {number}"))
            .replace("z9hG4bKr", &format!("z9hG4bK{number}"));
        assert_eq!(
            lines(&rig.receive(BOB, &request)),
            [expected],
            "{aor} {contact}"
        );
    }
}

#[test]
fn a_domain_has_a_context_for_those_without_their_own() {
    let outcome = |own: &str| {
        let mut rig = Rig::with(|general, [alice, _]| {
            let domain = "127.0.0.1".to_string();
            general.domain_contexts = vec![(domain, "nowhere".into())];
            general.defaults.context = "default".into();
            general.defaults.allowoverlap = false;
            alice.context = own.into();
        });
        rig.register("1002", BOB);
        lines(&rig.receive(ALICE, INVITE)).remove(0)
    };
    assert_eq!(outcome("default"), "SIP/2.0 404 Not Found");
    assert_eq!(outcome("own"), "INVITE sip:1002@127.0.0.1:7002 SIP/2.0");
}

#[test]
fn an_incomplete_number_is_answered_as_allowoverlap_says() {
    for (allowed, expected) in [
        (true, "SIP/2.0 484 Address Incomplete"),
        (false, "SIP/2.0 404 Not Found"),
    ] {
        let mut rig = Rig::with(|_, [alice, _]| alice.allowoverlap = allowed);
        let invite = INVITE.replace("INVITE sip:1002@", "INVITE sip:1@");
        assert_eq!(lines(&rig.receive(ALICE, &invite)), [expected]);
    }
}

#[test]
fn the_way_to_a_contact_is_kept_open() {
    let mut rig = Rig::with(|_, [_, bob]| bob.keepalive = Duration::from_secs(30));
    rig.register("1002", BOB);
    let sent = rig.wait(Duration::from_secs(95));
    assert_eq!(sent, vec![(BOB.parse().unwrap(), "\r\n".to_string()); 4]);
}

#[test]
fn compact_names_are_used_throughout() {
    let mut rig = Rig::with(|general, [_, bob]| {
        general.compactheaders = true;
        bob.maxforwards = 20;
    });
    let request = register("1002@127.0.0.1", BOB);
    let ok = rig.receive(BOB, &request).remove(0).1;
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    let mut busy = String::from("SIP/2.0 486 Busy Here\n");
    for (name, short) in [("Via", "v"), ("From", "f"), ("To", "t"), ("Call-ID", "i")] {
        busy += &format!("{name}: {}\n", header(&invite, short));
    }
    busy += &format!("CSeq: {}\nContent-Length: 0\n\n", header(&invite, "CSeq"));
    let ack = rig.receive(BOB, &busy).remove(0).1;
    assert!(ack.starts_with("ACK "), "{ack}");
    assert_eq!(header(&ack, "Max-Forwards"), "20");
    for message in [ok, invite, ack] {
        for name in ["Via", "From", "To", "Call-ID", "Contact", "Content-Length"] {
            assert!(
                !message.contains(&format!("\r\n{name}: ")),
                "{name} in\n{message}"
            );
        }
    }
}
