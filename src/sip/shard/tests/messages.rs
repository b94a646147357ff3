//! MESSAGEs that plans send, seen from outside.

use super::*;

#[test]
fn a_plan_sends_a_message_to_where_its_recipient_is() {
    let mut rig = Rig::running(&[
        ("Set", "MESSAGE(body)=You were called, by ${CALLERID(num)}"),
        ("Set", "MESSAGE_DATA(X-Kind)=note"),
        ("MessageSend", "sip:1002,sip:house"),
        ("GotoIf", "$[\"${MESSAGE_SEND_STATUS}\" = \"SUCCESS\"]?6"),
        ("Hangup", "20"),
        ("Hangup", "17"),
    ]);
    let refused = rig.receive(ALICE, INVITE);
    assert!(
        refused[0].1.starts_with("SIP/2.0 480 "),
        "nobody is registered"
    );
    rig.register("1002", BOB);
    let again = INVITE
        .replace("z9hG4bK", "z9hG4bKagain")
        .replace("Call-ID: ", "Call-ID: again-");
    let sent = rig.receive(ALICE, &again);
    let (to, message) = &sent[0];
    assert_eq!(*to, BOB.parse().unwrap());
    for part in [
        "MESSAGE sip:1002@127.0.0.1:7002 SIP/2.0\r\n",
        "From: <sip:house@127.0.0.1:5060>;tag=",
        "X-Kind: note\r\n",
        "Content-Type: text/plain;charset=UTF-8\r\n",
        "\r\n\r\nYou were called, by ",
    ] {
        assert!(message.contains(part), "{part} in {message}");
    }
    assert!(sent[1].1.starts_with("SIP/2.0 486 "), "{}", sent[1].1);
}
