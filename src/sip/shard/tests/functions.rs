//! What a plan asks of the SIP technology, and `Transfer`.

use super::*;
use crate::config::Host;

/// An INVITE with more header fields.
fn invite() -> String {
    let more = "Subject: first\nX-Own: mine\ns: second\nUser-Agent: Phone/1\nContact";
    INVITE.replace("Contact", more)
}

/// Checks what a text yields in the plan of Alice's call.
fn yields(text: &str, value: &str) {
    let condition = format!("$[\"{text}\" = \"{value}\"]?Busy()");
    let lines = [("ExecIf", condition.as_str()), ("Hangup", "1")];
    let mut rig = Rig::made(&lines, |general, peers| {
        general.domains = vec!["ours.example".into()];
        let peer = &mut peers[1];
        peer.host = Host::Fixed("192.0.2.2:5070".parse().unwrap());
        peer.context = "office".into();
        peer.callerid.name = "Bob".into();
        peer.callerid.number = "77".into();
        (peer.call_limit, peer.busylevel, peer.maxforwards) = (3, 2, 50);
        peer.setvar = vec![("Colour".into(), "red".into())];
    });
    let sent = rig.receive(ALICE, &invite());
    assert!(
        sent[0].1.starts_with("SIP/2.0 486 "),
        "{text}\n{}",
        sent[0].1
    );
    assert_eq!(rig.size("calls"), 0);
}

#[test]
fn sip_header_reads_the_first_invite() {
    yields("${SIP_HEADER(Subject)}", "first");
    yields("${SIP_HEADER(subject,2)}", "second");
    yields("${SIP_HEADER(s,1)}", "first");
    yields("<${SIP_HEADER(Subject,3)}${SIP_HEADER(Subject,0)}>", "<>");
    yields("${SIP_HEADER(x-own)}", "mine");
    yields("${SIP_HEADER(i)}", "call-a");
    yields("<${SIP_HEADER(Gone)}>", "<>");
}

#[test]
fn channel_items_of_sip() {
    yields(
        "${CHANNEL(peerip)} ${CHANNEL(recvip)} ${CHANNEL(recvport)}",
        "127.0.0.1 127.0.0.1 7001",
    );
    yields("${CHANNEL(useragent)}", "Phone/1");
    yields("${CHANNEL(uri)}", "sip:1001@127.0.0.1:7001");
    yields("${CHANNEL(from)}", "sip:1001@127.0.0.1");
    yields("${CHANNEL(peername)} ${CHANNEL(channeltype)}", "1001 SIP");
    yields("${CHANNEL(t38passthrough)}<${CHANNEL(rtpqos)}>", "0<>");
    yields("${CHANNEL(name)}", "SIP/1001-00000000");
    yields(
        "${UNIQUEID} ${CHANNEL(uniqueid)}",
        "1700000000.0 1700000000.0",
    );
}

#[test]
fn sip_peer_tells_what_is_configured() {
    for (item, value) in [
        ("ip", "192.0.2.2"),
        ("port", "5070"),
        ("dynamic", "no"),
        ("context", "office"),
        ("callerid_name", "Bob"),
        ("callerid_num", "77"),
        ("limit", "3"),
        ("busylevel", "2"),
        ("maxforwards", "50"),
        ("chanvar[Colour]", "red"),
        ("chanvar[colour]", ""),
        ("codecs", ""),
    ] {
        yields(
            &format!("<${{SIPPEER(1002,{item})}}>"),
            &format!("<{value}>"),
        );
    }
    yields("${SIPPEER(1002)}", "192.0.2.2");
    yields("<${SIPPEER(1001)}>${SIPPEER(1001,dynamic)}", "<>yes");
    yields(
        "${SIPPEER(1001,expire)} ${SIPPEER(1001,status)}",
        "-1 UNREACHABLE",
    );
    yields("<${SIPPEER(9999,context)}>", "<>");
}

#[test]
fn sip_peer_tells_where_a_device_is() {
    let seen = "${SIPPEER(1002)} ${SIPPEER(1002,port)} ${SIPPEER(1002,expire)} \
                ${SIPPEER(1002,status)} ${SIPPEER(1002,curcalls)}";
    let condition = format!("$[\"{seen}\" = \"127.0.0.1 7002 3600 OK 0\"]?Busy()");
    let mut rig = Rig::running(&[("ExecIf", &condition), ("Hangup", "1")]);
    rig.register("1002", BOB);
    let sent = rig.receive(ALICE, INVITE);
    assert!(sent[0].1.starts_with("SIP/2.0 486 "), "{}", sent[0].1);
}

#[test]
fn check_sip_domain_knows_our_domains() {
    yields("${CHECKSIPDOMAIN(Ours.example)}", "Ours.example");
    yields("<${CHECKSIPDOMAIN(theirs.example)}>", "<>");
}

#[test]
fn hangup_cause_tells_what_channels_responded() {
    let condition = "$[\"${HANGUPCAUSE_KEYS()}|${HANGUPCAUSE(SIP/1002-000000001,tech)}|\
                     ${HANGUPCAUSE(SIP/1002-000000001,ast)}\" = \
                     \"SIP/1002-000000001|SIP 404 Not Here|Unallocated (unassigned) number\"]";
    let checked = [
        ("Dial", "SIP/1002"),
        (
            "ExecIf",
            &format!("{condition}?HangupCauseClear():Hangup(1)"),
        ),
        ("ExecIf", "$[\"<${HANGUPCAUSE_KEYS()}>\" = \"<>\"]?Busy()"),
        ("Hangup", "1"),
    ];
    let mut rig = Rig::running(&checked);
    rig.register("1002", BOB);
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    rig.receive(BOB, &respond(&invite, "180 Ringing", "", ""));
    let sent = rig.receive(BOB, &respond(&invite, "404 Not Here", "", ""));
    let last = &sent.last().unwrap().1;
    assert!(last.starts_with("SIP/2.0 486 "), "{last}");
}

#[test]
fn transfer_answers_302() {
    for (destination, contact) in [
        ("300@192.0.2.9:5080", "<sip:300@192.0.2.9:5080>"),
        ("SIP/300", "<sip:300@127.0.0.1>"),
        ("sip:300@h", "<sip:300@h>"),
    ] {
        let mut rig = Rig::running(&[("Transfer", destination), ("Busy", "")]);
        let sent = rig.receive(ALICE, INVITE);
        assert_eq!(sent.len(), 1, "{sent:?}");
        assert!(sent[0].1.starts_with("SIP/2.0 302 "), "{}", sent[0].1);
        assert_eq!(header(&sent[0].1, "Contact"), contact);
        assert_eq!(rig.size("calls"), 0);
    }
    let mut rig = Rig::running(&[("Transfer", "a b@[:"), ("Busy", "")]);
    let sent = rig.receive(ALICE, INVITE);
    assert!(sent[0].1.starts_with("SIP/2.0 486 "), "{}", sent[0].1);
}

#[test]
fn a_local_channel_is_not_the_caller_s() {
    let inner = "inner,_X.,1,ExecIf($[\"<${SIP_HEADER(Subject)}${CHANNEL(peerip)}>\" = \"<>\"]?\
                 Transfer(300@h))";
    let mut rig = channels::rig(&[
        "default,_X.,1,Dial(Local/${EXTEN}@inner)",
        "default,_X.,2,ExecIf($[\"${DIALSTATUS}\" = \"BUSY\"]?Hangup(1))",
        inner,
        "inner,_X.,2,ExecIf($[\"${TRANSFERSTATUS}\" = \"FAILURE\"]?Busy())",
    ]);
    let sent = rig.receive(ALICE, &invite());
    assert!(sent[0].1.starts_with("SIP/2.0 404 "), "{}", sent[0].1);
}

#[test]
fn incomplete_answers_484() {
    let mut rig = Rig::running(&[("Incomplete", "")]);
    let sent = rig.receive(ALICE, INVITE);
    assert!(sent[0].1.starts_with("SIP/2.0 484 "), "{}", sent[0].1);
}

/// Whether a text yields a value in the plan of a call by that INVITE.
fn holds(invite: &str, text: &str, value: &str) {
    let condition = format!("$[\"{text}\" = \"{value}\"]?Busy()");
    let mut rig = Rig::running(&[("ExecIf", &condition), ("Hangup", "1")]);
    let sent = rig.receive(ALICE, invite);
    assert!(
        sent[0].1.starts_with("SIP/2.0 486 "),
        "{text}\n{}",
        sent[0].1
    );
}

#[test]
fn who_diverted_a_call_becomes_variables() {
    let by = |value: &str| INVITE.replace("Contact", &format!("Diversion: {value}\nContact"));
    let text = "${PRIREDIRECTREASON} ${SIPREDIRECTREASON} ${SIPRDNISDOMAIN} ${CALLERID(rdnis)}";
    for (value, expected) in [
        (
            "\"A\" <sip:1234@there.example>;reason=user-busy;counter=1, <sip:9@x>;reason=away",
            "BUSY user-busy there.example 1234",
        ),
        ("<sip:5@h>;reason=\"no-answer\"", "NOANSWER no-answer h 5"),
        ("<sip:5@h>;reason=follow-me", "UNKNOWN follow-me h 5"),
        ("<sip:5@h>", "  h 5"),
        ("nothing", "   "),
    ] {
        holds(&by(value), text, expected);
    }
    holds(INVITE, text, "   ");
    let text = "${REDIRECTING(from-num)}/${REDIRECTING(from-name)}/${REDIRECTING(reason)}/\
                ${REDIRECTING(count)}/${REDIRECTING(to-num)}";
    for (value, expected) in [
        (
            "\"A. \\\\B\" <sip:12%2334@h>;reason=user-busy;counter=2",
            "12#34/A. \\B/cfb/2/1002",
        ),
        ("<sip:5@h>;reason=\"my own\";counter=x", "5//my own/0/1002"),
        ("<sip:5@h>", "5//cfu/0/1002"),
    ] {
        holds(&by(value), text, expected);
    }
}

#[test]
fn the_context_of_a_telephone_number_becomes_a_variable() {
    let first = INVITE.lines().next().unwrap();
    let tel = |uri: &str| INVITE.replacen(first, &format!("INVITE {uri} SIP/2.0"), 1);
    let text = "<${SIPURIPHONECONTEXT}>";
    holds(&tel("tel:1002;phone-context=+49"), text, "<+49>");
    holds(&tel("tel:1002"), text, "<>");
}

#[test]
fn uniqueid_is_not_used_again_when_a_call_takes_the_place_of_another() {
    let lines = [
        "default,_X.,1,Set(GLOBAL(IDS)=${GLOBAL(IDS)} ${UNIQUEID}=${CHANNEL})",
        "default,_X.,2,Hangup()",
    ];
    let mut rig = Rig::following(plan_of(&lines), |_, _| {});
    rig.register("1001", ALICE);
    for call in ["call-a", "call-b"] {
        let invite = INVITE.replace("call-a", call);
        let branch = format!("branch=z9hG4bK{call}");
        rig.receive(ALICE, &invite.replace("branch=z9hG4bK", &branch));
        assert_eq!(rig.size("calls"), 0);
    }
    let ids = rig.shard.exchange.globals.value("IDS").unwrap();
    assert_eq!(
        ids,
        " 1700000000.0=SIP/1001-00000000 1700000000.1=SIP/1001-0000c350"
    );
}
