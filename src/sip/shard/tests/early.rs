//! Early sessions: what of a callee's provisional responses the caller sees.

use super::*;

const MEDIA: &str = "Content-Type: application/sdp\n";

/// What the caller sees of each response: status line, tag, body.
fn seen(responses: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    let mut rig = Rig::new();
    rig.register("1002", BOB);
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    let mut seen = Vec::new();
    for (status, tag, body) in responses {
        let media = if body.is_empty() { "" } else { MEDIA };
        let response = respond(&invite, status, media, body).replace("tag=bob", tag);
        for (to, message) in rig.receive(BOB, &response) {
            assert_eq!(to, ALICE.parse().unwrap());
            let status = message.lines().next().unwrap();
            let (_, tag) = header(&message, "To").split_once("tag=").unwrap();
            let (_, body) = message.split_once("\r\n\r\n").unwrap();
            seen.push((status.into(), tag.into(), body.into()));
        }
    }
    seen
}

fn bodies(seen: &[(String, String, String)]) -> Vec<&str> {
    seen.iter().map(|(_, _, body)| &**body).collect()
}

#[test]
fn a_session_that_comes_late_in_183_reaches_the_caller() {
    let seen = seen(&[
        ("183 Session Progress", "tag=bob", ""),
        ("183 Session Progress", "tag=bob", "early"),
    ]);
    assert_eq!(bodies(&seen), ["", "early"]);
    assert_eq!(seen[0].1, seen[1].1, "one early dialog");
}

#[test]
fn a_session_that_comes_late_in_180_reaches_the_caller() {
    let seen = seen(&[
        ("180 Ringing", "tag=bob", ""),
        ("180 Ringing", "tag=bob", "early"),
    ]);
    assert_eq!(bodies(&seen), ["", "early"]);
    assert_eq!(seen[1].0, "SIP/2.0 180 Ringing");
}

#[test]
fn a_response_that_says_nothing_new_is_not_sent_again() {
    let seen = seen(&[
        ("180 Ringing", "tag=bob", ""),
        ("180 Ringing", "tag=bob", ""),
        ("183 Session Progress", "tag=bob", "early"),
        ("183 Session Progress", "tag=bob", "early"),
        ("183 Session Progress", "tag=bob", ""),
    ]);
    assert_eq!(bodies(&seen), ["", "early"]);
}

#[test]
fn each_early_dialog_shows_its_own_session() {
    let seen = seen(&[
        ("183 Session Progress", "tag=one", "same"),
        ("183 Session Progress", "tag=two", "same"),
        ("183 Session Progress", "tag=two", "other"),
    ]);
    assert_eq!(bodies(&seen), ["same", "same", "other"]);
    assert_ne!(seen[0].1, seen[1].1, "two early dialogs");
    assert_eq!(seen[1].1, seen[2].1);
}
