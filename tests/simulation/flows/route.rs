//! RFC 3261 §12.1 and §12.2.1.1: the route set, learnt once and followed.
//!
//! Phone 2 stands for a proxy that recorded its route; it relays nothing.

use super::*;

fn proxy_stage() -> World {
    let mut world = stage(&["1001", "1002", "1003"]);
    world.oracle.proxies.insert(world.phones[2].addr);
    world.phones[2].manual = true;
    world.phones[1].manual = true;
    world
}

/// The callee answers through a proxy; returns the ACK and BYE that the proxy is given.
fn answered_through(record_route: &str) -> (World, Msg, Msg) {
    let mut world = proxy_stage();
    dial(&mut world, 0, "1002", Plan::default());
    go(&mut world, ms(100));
    let invite = the_request(&world, 1, "INVITE");
    let contact = world.phones[1].contact();
    let answer = Msg::response(&invite, 200, "ph1.b")
        .with("Record-Route", record_route)
        .with("Contact", contact)
        .body("application/sdp", b"v=0\r\ns=b\r\n");
    world.send(1, &answer);
    go(&mut world, ms(100));
    let ack = the_request(&world, 2, "ACK");
    world.phone(0, |phone, _, out| phone.hang_up(0, out));
    go(&mut world, ms(100));
    let bye = the_request(&world, 2, "BYE");
    reply(&mut world, 2, &bye, 200, "ph1.b", b"");
    go(&mut world, secs(1));
    (world, ack, bye)
}

#[test]
fn a_loose_router_of_the_callee() {
    let (world, ack, bye) = answered_through("<sip:10.0.0.3:5060;lr>");
    for request in [ack, bye] {
        assert_eq!(request.uri(), "sip:1002@10.0.0.2:5060");
        assert_eq!(request.all("Route"), ["<sip:10.0.0.3:5060;lr>"]);
    }
    close(world);
}

#[test]
fn a_strict_router_of_the_callee() {
    let (world, ack, bye) = answered_through("<sip:10.0.0.3:5060>");
    for request in [ack, bye] {
        assert_eq!(request.uri(), "sip:10.0.0.3:5060");
        assert_eq!(request.all("Route"), ["<sip:1002@10.0.0.2:5060>"]);
    }
    close(world);
}

#[test]
fn two_routers_of_the_callee_in_reverse_order() {
    let (world, _, bye) = answered_through("<sip:10.0.0.99:5060;lr>, <sip:10.0.0.3:5060;lr>");
    assert_eq!(
        bye.all("Route"),
        ["<sip:10.0.0.3:5060;lr>", "<sip:10.0.0.99:5060;lr>"]
    );
    close(world);
}

#[test]
fn a_loose_router_of_the_caller() {
    let mut world = stage(&["1001", "1002", "1003"]);
    world.oracle.proxies.insert(world.phones[2].addr);
    world.phones[2].manual = true;
    world.phones[0].manual = true;
    let invite = draft(&mut world, 0, "INVITE", "1002")
        .with("Record-Route", "<sip:10.0.0.3:5060;lr>, <sip:10.0.0.98;lr>")
        .body("application/sdp", b"v=0\r\ns=a\r\n");
    let (invite, _) = authorize(&mut world, 0, invite);
    let answer = ask(&mut world, 0, &invite).unwrap();
    assert!(answer.status() < 200);
    go(&mut world, secs(2));
    let answer = received(&world, 0)
        .filter(|(_, message)| message.status() == 200 && message.method() == "INVITE")
        .last();
    let answer = answer.expect("200").1.clone();
    assert_eq!(
        answer.all("Record-Route"),
        ["<sip:10.0.0.3:5060;lr>", "<sip:10.0.0.98;lr>"]
    );
    let ack = Msg::request("ACK", &answer.contact().unwrap())
        .with("Max-Forwards", 70)
        .with("From", answer.get("From").unwrap())
        .with("To", answer.get("To").unwrap())
        .with("Call-ID", answer.call_id())
        .with("CSeq", format!("{} ACK", answer.cseq().0));
    assert_eq!(ask(&mut world, 0, &ack), None);
    world.phone(1, |phone, _, out| phone.hang_up(0, out));
    go(&mut world, ms(400));
    let bye = the_request(&world, 2, "BYE");
    assert_eq!(bye.uri(), "sip:1001@10.0.0.1:5060");
    assert_eq!(
        bye.all("Route"),
        ["<sip:10.0.0.3:5060;lr>", "<sip:10.0.0.98;lr>"]
    );
    reply(&mut world, 2, &bye, 200, "x", b"");
    close(world);
}
