//! What is refused, and with what (RFC 3261 §8.2, §12.2.2; Asterisk's strays).

use super::*;
use crate::world::Task;

#[test]
fn an_unknown_method() {
    let mut world = stage(&["1001"]);
    let foo = draft(&mut world, 0, "FOO", "1001");
    let response = ask(&mut world, 0, &foo).expect("an answer");
    assert_eq!(response.status(), 501);
    assert!(
        response
            .get("Allow")
            .is_some_and(|allow| allow.contains("INVITE")),
        "{}",
        response.head()
    );
    close(world);
}

#[test]
fn an_extension_we_lack() {
    let mut world = stage(&["1001", "1002"]);
    let invite = draft(&mut world, 0, "INVITE", "1002").with("Require", "foo, bar");
    let response = ask_authorized(&mut world, 0, invite);
    assert_eq!(response.status(), 420);
    assert_eq!(response.all("Unsupported"), ["foo", "bar"]);
    assert!(requests(&world, 1, "INVITE").is_empty());
    close(world);
}

#[test]
fn no_forwards_left() {
    let mut world = stage(&["1001", "1002"]);
    let invite = draft(&mut world, 0, "INVITE", "1002").set("Max-Forwards", 0);
    assert_eq!(ask_authorized(&mut world, 0, invite).status(), 483);
    assert!(requests(&world, 1, "INVITE").is_empty());
    close(world);
}

#[test]
fn the_same_request_by_two_ways() {
    let mut world = stage(&["1001", "1002"]);
    world.phones[0].manual = true;
    world.phones[1].manner = crate::phone::Manner::ringing();
    let invite = draft(&mut world, 0, "INVITE", "1002").body("application/sdp", b"v=0\r\ns=a\r\n");
    let (signed, challenge) = authorize(&mut world, 0, invite.clone());
    let first = ask(&mut world, 0, &signed).expect("an answer");
    assert!(first.status() < 200);
    let again = signed.without("Authorization");
    let again = world.phones[0]
        .with_credentials(&again, &challenge, Credentials::Right, 2)
        .unwrap();
    assert_eq!(ask(&mut world, 0, &again).expect("an answer").status(), 482);
    assert_eq!(world.phones[1].calls.len(), 1);
    close(world);
}

#[test]
fn a_lower_cseq_in_a_dialog() {
    let mut world = stage(&["1001", "1002"]);
    dial(&mut world, 0, "1002", Plan::default());
    go(&mut world, secs(3));
    let late = world.phones[0]
        .within(0, "INFO", 1)
        .body("text/plain", b"late");
    assert_eq!(ask(&mut world, 0, &late).expect("an answer").status(), 500);
    assert!(requests(&world, 1, "INFO").is_empty());
    close(world);
}

#[test]
fn requests_of_dialogs_nobody_knows() {
    let mut world = stage(&["1001"]);
    for method in ["BYE", "INFO", "UPDATE", "PRACK", "REFER", "INVITE"] {
        let stray = draft(&mut world, 0, method, "1001");
        let to = format!("{};tag=zz", stray.get("To").unwrap());
        let response = ask(&mut world, 0, &stray.set("To", to)).expect("an answer");
        assert_eq!(response.status(), 481, "{method}");
        assert_eq!(response.tag("To").as_deref(), Some("zz"));
        if method == "INVITE" {
            acknowledge(&mut world, &response);
        }
    }
    for (method, allowed) in [
        ("CANCEL", &[481][..]),
        ("NOTIFY", &[489]),
        ("PUBLISH", &[489]),
        ("SUBSCRIBE", &[404, 489]),
    ] {
        let stray = draft(&mut world, 0, method, "1001").with("Event", "presence");
        let response = ask(&mut world, 0, &stray).expect("an answer");
        assert!(
            allowed.contains(&response.status()),
            "{method}: {}",
            response.start
        );
    }
    let ack = draft(&mut world, 0, "ACK", "1001");
    assert_eq!(ask(&mut world, 0, &ack), None, "an ACK is never answered");
    let response = ask(&mut world, 0, &Msg::response(&ack, 200, "x"));
    assert_eq!(response, None, "nor is a response");
    close(world);
}

fn acknowledge(world: &mut World, response: &Msg) {
    let of = |name: &str| response.get(name).unwrap_or_default().to_string();
    let via = of("Via").replace(";rport=5060", ";rport");
    let via = via
        .split(";received")
        .next()
        .unwrap_or_default()
        .to_string();
    let uri = world.phones[0].uri_for("1001");
    let ack = Msg::request("ACK", &uri)
        .with("Via", via)
        .with("Max-Forwards", 70)
        .with("From", of("From"))
        .with("To", of("To"))
        .with("Call-ID", of("Call-ID"))
        .with("CSeq", format!("{} ACK", response.cseq().0));
    world.send(0, &ack);
}

#[test]
fn options_is_answered_by_the_dialplan() {
    let mut world = stage(&["1001"]);
    for (user, status) in [("1001", 200), ("abc", 404)] {
        let options = draft(&mut world, 0, "OPTIONS", user);
        let response = ask(&mut world, 0, &options).expect("an answer");
        assert_eq!(response.status(), status, "{user}");
    }
    close(world);
}

#[test]
fn new_calls_while_draining() {
    let mut world = stage(&["1001", "1002", "1003"]);
    dial(&mut world, 0, "1002", Plan::default());
    go(&mut world, secs(3));
    world.plan(ms(0), Task::Drain { engine: 0 });
    go(&mut world, ms(10));
    dial(&mut world, 2, "1002", Plan::default());
    go(&mut world, secs(2));
    assert_eq!(finals(&world, 2, "INVITE"), [503]);
    let refused = received(&world, 2)
        .find(|(_, message)| message.status() == 503)
        .unwrap();
    assert!(
        refused
            .1
            .get("Retry-After")
            .is_some_and(|value| value.parse::<u32>().is_ok_and(|seconds| seconds > 0))
    );
    assert!(
        world.phones[0].calls[0].is_up(),
        "calls that are up stay up"
    );
    world.phone(0, |phone, _, out| phone.hang_up(0, out));
    go(&mut world, secs(2));
    assert!(world.phones[1].calls[0].is_over());
    close(world);
}
