//! What outbound channels do, seen from outside: Local channels, destinations,
//! what variables add.

use super::*;

/// The first lines of what was sent.
pub(super) fn firsts(sent: &[(SocketAddr, String)]) -> Vec<String> {
    let line = |message: &String| message.lines().next().unwrap_or_default().to_string();
    sent.iter().map(|(_, message)| line(message)).collect()
}

/// A shard with that plan and two registered telephones.
pub(super) fn rig(lines: &[&str]) -> Rig {
    let mut rig = Rig::following(plan_of(lines), |_, _| {});
    rig.register("1001", ALICE);
    rig.register("1002", BOB);
    rig
}

/// What was dialled, as 1002 and 1001 are, by Alice.
pub(super) fn dial(rig: &mut Rig, exten: &str) -> Vec<(SocketAddr, String)> {
    let invite = INVITE.replace(
        "sip:1002@127.0.0.1:5060 ",
        &format!("sip:{exten}@{ENGINE} "),
    );
    rig.receive(ALICE, &invite)
}

pub(super) fn answer(invite: &str) -> String {
    respond(
        invite,
        "200 OK",
        "Content-Type: application/sdp\n",
        "answer",
    )
}

const LOCAL: &[&str] = &[
    "default,_X.,1,Set(__HOP=1)",
    "default,_X.,2,Dial(Local/${EXTEN}@inner/n,20)",
    "inner,_1XXX,1,Dial(SIP/${EXTEN})",
    "inner,_2X,1,Congestion()",
    "inner,_3X,1,Busy()",
    "inner,_4X,1,Hangup(1)",
    "inner,_5X,1,NoOp()",
];

#[test]
fn a_plan_may_withhold_the_number() {
    for set in [
        "CALLERPRES()=prohib",
        "CALLERID(pres)=prohib_passed_screen",
        "CALLERID(num-pres)=prohib",
    ] {
        let lines = [
            &*format!("default,_X.,1,Set({set})"),
            "default,_X.,2,Dial(SIP/1002)",
        ];
        let mut rig = Rig::following(plan_of(&lines), |_, [_, bob]| {
            bob.sendrpid_pai = Some(true);
            bob.trust_id_outbound = crate::config::TrustIdOutbound::Yes;
        });
        rig.register("1002", BOB);
        let invite = dial(&mut rig, "77").remove(0).1;
        let from = header(&invite, "From");
        assert!(
            from.starts_with("\"Anonymous\" <sip:anonymous@anonymous.invalid>"),
            "{set}: {from}"
        );
        let asserted = header(&invite, "P-Asserted-Identity");
        assert!(asserted.contains("sip:1001@"), "{set}: {asserted}");
        assert_eq!(header(&invite, "Privacy"), "id", "{set}");
    }
}

#[test]
fn a_plan_knows_of_a_withheld_number_and_may_show_it() {
    let change = |_: &mut General, [alice, _]: &mut [Peer; 2]| {
        alice.callingpres = Some(crate::config::Presentation::of(0x23));
    };
    let lines = [
        "default,_X.,1,Log(WARNING,${CALLERID(pres)} ${CALLINGPRES})",
        "default,_X.,2,Set(CALLERID(name)=Anna)",
        "default,_X.,3,Dial(Local/8@inner)",
        "inner,8,1,Log(WARNING,${CALLERID(num-pres)})",
        "inner,8,2,Set(CALLERPRES()=allowed)",
        "inner,8,3,Dial(SIP/1002)",
    ];
    let mut rig = Rig::following(plan_of(&lines), change);
    rig.register("1002", BOB);
    rig.out.set_level(Some(crate::base::Level::Warn));
    let invite = dial(&mut rig, "77").remove(0).1;
    assert!(header(&invite, "From").starts_with("\"Anna\" <sip:1001@"));
    let told: String = rig.out.take_notes().map(|note| note.text + "\n").collect();
    assert!(
        told.contains("prohib 35\n") && told.contains("prohib\n"),
        "{told}"
    );
}

#[test]
fn local_rings_the_plan_and_is_joined_to_the_leg_behind_it() {
    let mut rig = rig(LOCAL);
    let sent = dial(&mut rig, "1002");
    assert_eq!(firsts(&sent), ["INVITE sip:1002@127.0.0.1:7002 SIP/2.0"]);
    let invite = sent[0].1.clone();
    assert!(header(&invite, "From").starts_with("\"Alice\" <sip:1001@"));
    assert!(invite.ends_with("offer"));
    let sent = rig.receive(BOB, &respond(&invite, "180 Ringing", "", ""));
    assert_eq!(firsts(&sent), ["SIP/2.0 180 Ringing"]);
    let media = "Content-Type: application/sdp\n";
    let sent = rig.receive(
        BOB,
        &respond(&invite, "183 Session Progress", media, "early"),
    );
    assert_eq!(firsts(&sent), ["SIP/2.0 183 Session Progress"]);
    assert!(sent[0].1.ends_with("early"));
    let sent = rig.receive(BOB, &answer(&invite));
    assert_eq!(
        firsts(&sent),
        ["ACK sip:1002@127.0.0.1:7002 SIP/2.0", "SIP/2.0 200 OK"]
    );
    assert!(sent[1].1.ends_with("answer"));
    let ok = sent[1].1.clone();
    assert!(rig.receive(ALICE, &in_dialog(&ok, "ACK", 1)).is_empty());
    let info = rig.receive(ALICE, &in_dialog(&ok, "INFO", 2));
    assert_eq!(firsts(&info), ["INFO sip:1002@127.0.0.1:7002 SIP/2.0"]);
    let sent = rig.receive(ALICE, &in_dialog(&ok, "BYE", 3));
    let byes = sent
        .iter()
        .filter(|(_, message)| message.starts_with("BYE"));
    assert_eq!(byes.count(), 1, "{sent:?}");
    rig.wait(Duration::from_secs(40));
    assert_eq!(rig.size("calls"), 0);
    assert_eq!(rig.size("dialogs"), 0);
}

#[test]
fn the_callee_behind_local_hangs_up() {
    let mut rig = rig(LOCAL);
    let invite = dial(&mut rig, "1002").remove(0).1;
    let ok = rig.receive(BOB, &answer(&invite)).remove(1).1;
    rig.receive(ALICE, &in_dialog(&ok, "ACK", 1));
    let bye = format!(
        "BYE sip:1001@{ENGINE} SIP/2.0\nVia: SIP/2.0/UDP {BOB};branch=z9hG4bKb\nFrom: {};tag=bob\n\
         To: {}\nCall-ID: {}\nCSeq: 1 BYE\nContent-Length: 0\n\n",
        header(&invite, "To"),
        header(&invite, "From"),
        header(&invite, "Call-ID"),
    );
    let sent = rig.receive(BOB, &bye);
    assert_eq!(
        firsts(&sent),
        ["SIP/2.0 200 OK", "BYE sip:1001@127.0.0.1:7001 SIP/2.0"]
    );
}

#[test]
fn a_cancel_goes_through_local() {
    let mut rig = rig(LOCAL);
    let invite = dial(&mut rig, "1002").remove(0).1;
    rig.receive(BOB, &respond(&invite, "180 Ringing", "", ""));
    let cancel = INVITE
        .replace("INVITE sip:1002", "CANCEL sip:1002")
        .replace("1 INVITE", "1 CANCEL");
    let sent = rig.receive(ALICE, &cancel);
    let cancels = sent
        .iter()
        .filter(|(_, text)| text.starts_with("CANCEL sip:1002"));
    assert_eq!(cancels.count(), 1, "{sent:?}");
    rig.receive(BOB, &respond(&invite, "487 Request Terminated", "", ""));
    rig.wait(Duration::from_secs(40));
    assert_eq!(rig.size("calls"), 0);
}

#[test]
fn the_end_of_the_plan_behind_local_is_its_failure() {
    for (exten, status) in [
        ("21", 503),
        ("31", 486),
        ("41", 503),
        ("51", 603),
        ("61", 503),
    ] {
        let mut rig = rig(LOCAL);
        let sent = dial(&mut rig, exten);
        let expected = format!("SIP/2.0 {status} ");
        assert!(sent[0].1.starts_with(&expected), "{exten}: {}", sent[0].1);
    }
}

#[test]
fn a_plan_that_rings_itself_ends() {
    for lines in [
        &["default,_X.,1,Dial(Local/${EXTEN}@default)"][..],
        &[
            "default,_X.,1,Dial(Local/${EXTEN}@default&Local/${EXTEN}@default)",
            "default,_X.,2,Dial(Local/${EXTEN}@default)",
            "default,_X.,3,Goto(1)",
        ],
    ] {
        let mut rig = rig(lines);
        let sent = dial(&mut rig, "77");
        assert!(sent[0].1.starts_with("SIP/2.0 "), "{}", sent[0].1);
        rig.wait(Duration::from_secs(60));
        assert_eq!(rig.size("calls"), 0);
    }
}

#[test]
fn of_two_behind_local_one_wins() {
    let mut rig = rig(&[
        "default,_X.,1,Dial(Local/1001@inner&Local/1002@inner,20)",
        "inner,_1XXX,1,Dial(SIP/${EXTEN})",
    ]);
    let sent = dial(&mut rig, "77");
    assert_eq!(sent.len(), 2);
    let (first, second) = (sent[0].1.clone(), sent[1].1.clone());
    rig.receive(ALICE, &respond(&first, "180 Ringing", "", ""));
    let sent = rig.receive(BOB, &answer(&second));
    assert_eq!(
        firsts(&sent),
        [
            "ACK sip:1002@127.0.0.1:7002 SIP/2.0",
            "SIP/2.0 200 OK",
            "CANCEL sip:1001@127.0.0.1:7001 SIP/2.0"
        ]
    );
}

#[test]
fn a_timeout_behind_local_is_the_inner_dials() {
    let mut rig = rig(&[
        "default,_X.,1,Dial(Local/1002@inner,20)",
        "inner,_1XXX,1,Dial(SIP/${EXTEN},2)",
        "inner,_1XXX,2,Dial(SIP/1001,2)",
    ]);
    let invite = dial(&mut rig, "77").remove(0).1;
    rig.receive(BOB, &respond(&invite, "180 Ringing", "", ""));
    let sent = rig.wait(Duration::from_millis(2_050));
    let firsts = firsts(&sent);
    assert!(firsts.contains(&"CANCEL sip:1002@127.0.0.1:7002 SIP/2.0".into()));
    assert!(firsts.contains(&"INVITE sip:1001@127.0.0.1:7001 SIP/2.0".into()));
}

/// The only INVITE that a plan of one `Dial` and these assignments sends.
fn invite(assignments: &str, resource: &str) -> String {
    let lines = [
        format!("default,_X.,1,MSet({assignments})"),
        format!("default,_X.,2,Dial({resource})"),
    ];
    let lines = lines.each_ref().map(String::as_str);
    let mut rig = rig(&lines);
    let mut sent = dial(&mut rig, "77");
    assert_eq!(sent.len(), 1, "{sent:?}");
    sent.remove(0).1
}

#[test]
fn inherited_headers_are_added() {
    let added = "__SIPADDHEADER01=X-Floor: 3,_SIPADDHEADER02=\\\"x-b: 1\\\",SIPADDHEADER03=X-C: 1,\
                 __SIPADDHEADER04=Via: evil,__SIPADDHEADER05=noise";
    let invite = invite(added, "SIP/1002");
    assert_eq!(header(&invite, "X-Floor"), "3");
    assert_eq!(header(&invite, "x-b"), "1");
    assert!(
        !invite.contains("X-C") && !invite.contains("evil"),
        "{invite}"
    );
    let through = invite_through_local("__SIPADDHEADER01=X-Floor: 3");
    assert_eq!(header(&through, "X-Floor"), "3");
    let through = invite_through_local("_SIPADDHEADER01=X-Floor: 3");
    assert!(!through.contains("X-Floor"), "one generation only");
}

fn invite_through_local(assignment: &str) -> String {
    let set = format!("default,_X.,1,Set({assignment})");
    let mut rig = rig(&[
        &set,
        "default,_X.,2,Dial(Local/1002@inner)",
        "inner,_1XXX,1,Dial(SIP/${EXTEN})",
    ]);
    dial(&mut rig, "77").remove(0).1
}

#[test]
fn sipfromdomain_sip_max_forwards_and_uri_options_are_honoured() {
    let variables = "_SIPFROMDOMAIN=example.com,_SIP_MAX_FORWARDS=9,_SIP_URI_OPTIONS=x=1";
    let invite = invite(variables, "SIP/1002");
    assert!(invite.starts_with("INVITE sip:1002@127.0.0.1:7002;x=1 SIP/2.0\r\n"));
    assert!(header(&invite, "From").contains("<sip:1001@example.com>"));
    assert_eq!(header(&invite, "Max-Forwards"), "9");
}

#[test]
fn a_url_is_told_as_access_url() {
    for (variables, resource) in [
        ("A=1", "SIP/1002,,,http://h/x"),
        ("_VXML_URL=http://h/x", "SIP/1002"),
    ] {
        let invite = invite(variables, resource);
        assert_eq!(header(&invite, "Access-URL"), "<http://h/x>;mode=active");
    }
}

#[test]
fn destinations_of_every_form() {
    for (resource, uri, to) in [
        ("1002", "sip:1002@127.0.0.1:7002", "1002@127.0.0.1:7002"),
        ("1002/55", "sip:55@127.0.0.1:7002", "55@127.0.0.1:7002"),
        ("55@1002", "sip:55@127.0.0.1:7002", "55@127.0.0.1:7002"),
        (
            "55@127.0.0.1:7002",
            "sip:55@127.0.0.1:7002",
            "55@127.0.0.1:7002",
        ),
        (
            "55@127.0.0.1:7002!66",
            "sip:55@127.0.0.1:7002",
            "66@127.0.0.1:7002",
        ),
        (
            "1002!66@example.com",
            "sip:1002@127.0.0.1:7002",
            "66@example.com",
        ),
        (
            "55:secret::auth:udp@127.0.0.1:7002",
            "sip:55@127.0.0.1:7002",
            "55@127.0.0.1:7002",
        ),
    ] {
        let invite = invite("A=1", &["SIP/", resource].concat());
        assert!(
            invite.starts_with(&format!("INVITE {uri} ")),
            "{resource}: {invite}"
        );
        assert_eq!(header(&invite, "To"), format!("<sip:{to}>"), "{resource}");
    }
}

#[test]
fn a_proxy_of_the_destination_sees_the_invite() {
    for resource in [
        "SIP/1002/55/127.0.0.1:7009",
        "SIP/55@127.0.0.1:7002//127.0.0.1:7009",
    ] {
        let mut rig = rig(&[&format!("default,_X.,1,Dial({resource})")]);
        let (to, invite) = dial(&mut rig, "77").remove(0);
        assert_eq!(to, "127.0.0.1:7009".parse().unwrap(), "{resource}");
        assert_eq!(header(&invite, "Route"), "<sip:127.0.0.1:7009;lr>");
        assert!(invite.starts_with("INVITE sip:55@127.0.0.1:7002 "));
    }
    let mut rig = rig(&["default,_X.,1,Dial(SIP/55:s:::tls@127.0.0.1:7002)"]);
    assert!(dial(&mut rig, "77")[0].1.starts_with("SIP/2.0 503 "));
}

#[test]
fn the_password_of_the_destination_answers_a_challenge() {
    let mut rig = rig(&["default,_X.,1,Dial(SIP/55:secret@127.0.0.1:7002)"]);
    let invite = dial(&mut rig, "77").remove(0).1;
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\n";
    let sent = rig.receive(BOB, &respond(&invite, "401 Unauthorized", challenge, ""));
    let again = sent.iter().find(|(_, text)| text.starts_with("INVITE"));
    let (_, again) = again.expect("another INVITE");
    assert!(header(again, "Authorization").contains("username=\"55\""));
}

#[test]
fn sip_add_header_reaches_the_callee() {
    let mut rig = rig(&[
        "default,_X.,1,SIPAddHeader(X-Floor: 3)",
        "default,_X.,2,Dial(Local/1002@inner)",
        "inner,_1XXX,1,Dial(SIP/${EXTEN})",
    ]);
    let invite = dial(&mut rig, "77").remove(0).1;
    assert_eq!(header(&invite, "X-Floor"), "3");
}
