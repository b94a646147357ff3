//! What passes through a call: offers in every direction, INFO, MESSAGE.

use super::*;
use crate::phone::Act;

fn up(plan: Plan) -> World {
    let mut world = stage(&["1001", "1002"]);
    dial(&mut world, 0, "1002", plan);
    go(&mut world, secs(3));
    assert!((0..2).all(|phone| world.phones[phone].calls[0].is_up()));
    world
}

fn perform(world: &mut World, phone: usize, act: Act) {
    world.phone(phone, |phone, _, out| phone.perform(0, act, out));
}

/// What one sent is what the other got, byte for byte and in order.
fn mirrored(world: &World) {
    let (a, b) = (&world.phones[0].calls[0], &world.phones[1].calls[0]);
    assert_eq!(a.sent_bodies, b.bodies, "caller to callee");
    assert_eq!(b.sent_bodies, a.bodies, "callee to caller");
}

#[test]
fn hold_from_either_side() {
    for holder in 0..2 {
        let mut world = up(Plan::default());
        perform(&mut world, holder, Act::Hold);
        go(&mut world, secs(2));
        assert_eq!(statuses(&world, holder, "INVITE").last(), Some(&200));
        assert!(
            world.phones[1 - holder].calls[0]
                .bodies
                .last()
                .unwrap()
                .ends_with(b"a=sendonly\r\n")
        );
        mirrored(&world);
        close(world);
    }
}

#[test]
fn hold_without_an_offer() {
    for holder in 0..2 {
        let mut world = up(Plan::default());
        perform(&mut world, holder, Act::LateHold);
        go(&mut world, secs(2));
        mirrored(&world);
        assert_eq!(world.phones[holder].calls[0].bodies.len(), 2);
        close(world);
    }
}

#[test]
fn a_late_offer_is_answered_in_the_ack() {
    let world = up(Plan {
        late_offer: true,
        ..Plan::default()
    });
    assert!(requests(&world, 1, "INVITE")[0].body.is_empty());
    assert!(!requests(&world, 1, "ACK")[0].body.is_empty());
    mirrored(&world);
    close(world);
}

#[test]
fn early_media_reaches_the_caller() {
    let mut world = stage(&["1001", "1002"]);
    world.phones[1].manner.rings = vec![183];
    world.phones[1].manner.early_sdp = true;
    dial(&mut world, 0, "1002", Plan::default());
    go(&mut world, secs(3));
    let progress = received(&world, 0)
        .find(|(_, message)| message.status() == 183)
        .expect("183")
        .1
        .clone();
    assert_eq!(progress.body, world.phones[1].calls[0].sent_bodies[0]);
    mirrored(&world);
    close(world);
}

#[test]
fn re_invites_that_meet() {
    let mut world = up(Plan::default());
    perform(&mut world, 0, Act::Hold);
    perform(&mut world, 1, Act::Hold);
    go(&mut world, secs(8));
    assert!(
        world.ladder.count("SIP/2.0 491") > 0,
        "one of them has to wait (§14.2)"
    );
    for phone in 0..2 {
        let last = world.phones[phone].calls[0]
            .sent_bodies
            .iter()
            .rfind(|body| body.ends_with(b"a=sendonly\r\n"))
            .unwrap();
        assert!(
            world.phones[1 - phone].calls[0].bodies.contains(last),
            "phone {phone} got through in the end"
        );
    }
    close(world);
}

#[test]
fn info_and_message_in_a_call() {
    for sender in 0..2 {
        for (act, method) in [(Act::Info, "INFO"), (Act::Message, "MESSAGE")] {
            let mut world = up(Plan::default());
            perform(&mut world, sender, act);
            go(&mut world, secs(1));
            assert_eq!(
                finals(&world, sender, method),
                [200],
                "{method} from phone {sender}"
            );
            let there = the_request(&world, 1 - sender, method);
            let here = &world.phones[sender].calls[0];
            assert_eq!(Some(&there.body), here.sent_bodies.last());
            let content_type = if act == Act::Info {
                "application/dtmf-relay"
            } else {
                "text/plain"
            };
            assert_eq!(there.get("Content-Type"), Some(content_type));
            close(world);
        }
    }
}

#[test]
fn a_message_outside_any_call() {
    let mut world = stage(&["1001", "1002"]);
    let message = draft(&mut world, 0, "MESSAGE", "1002")
        .without("Contact")
        .body("text/plain", b"hello");
    let response = ask_authorized(&mut world, 0, message);
    assert!(
        matches!(response.status(), 200 | 202),
        "{}",
        response.head()
    );
    let there = the_request(&world, 1, "MESSAGE");
    assert_eq!(there.body, b"hello");
    let nobody = draft(&mut world, 0, "MESSAGE", "abc")
        .without("Contact")
        .body("text/plain", b"hello?");
    assert_eq!(ask_authorized(&mut world, 0, nobody).status(), 404);
    close(world);
}

#[test]
fn a_re_invite_that_only_a_bye_answers() {
    let mut world = stage(&["1001", "1002"]);
    world.phones[1].manual = true;
    dial(&mut world, 0, "1002", Plan::default());
    go(&mut world, ms(100));
    let invite = the_request(&world, 1, "INVITE");
    reply(&mut world, 1, &invite, 200, "ph1.b", b"v=0\r\ns=b\r\n");
    go(&mut world, ms(100));
    perform(&mut world, 0, Act::Hold);
    go(&mut world, ms(100));
    let hold = requests(&world, 1, "INVITE").pop().expect("the hold");
    world.send(1, &Msg::response(&hold, 100, ""));
    let bye = Msg::request("BYE", &invite.contact().expect("a Contact"))
        .with("Max-Forwards", 70)
        .with("From", hold.get("To").expect("To"))
        .with("To", hold.get("From").expect("From"))
        .with("Call-ID", hold.call_id())
        .with("CSeq", "1 BYE");
    assert_eq!(ask(&mut world, 1, &bye).expect("an answer").status(), 200);
    assert!(world.phones[0].calls[0].is_over());
    assert_eq!(
        finals(&world, 0, "INVITE").len(),
        2,
        "the 200 and what ends the hold"
    );
    close(world);
}
