//! RFC 3261 §13.3.1.4: a 2xx is repeated until its ACK.

use super::*;
use crate::phone::State;

#[test]
fn a_caller_that_never_acknowledges() {
    let mut world = stage(&["1001", "1002"]);
    dial(
        &mut world,
        0,
        "1002",
        Plan {
            acks: false,
            ..Plan::default()
        },
    );
    go(&mut world, secs(31));
    assert!(requests(&world, 0, "BYE").is_empty());
    go(&mut world, secs(4));
    let answers = received(&world, 0)
        .filter(|(_, message)| message.status() == 200 && message.method() == "INVITE");
    let times: Vec<u64> = answers.map(|(at, _)| at.as_micros() / 1_000).collect();
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(
        gaps,
        [
            500, 1_000, 2_000, 4_000, 4_000, 4_000, 4_000, 4_000, 4_000, 4_000
        ]
    );
    assert_eq!(
        (
            requests(&world, 0, "BYE").len(),
            requests(&world, 1, "BYE").len()
        ),
        (1, 1)
    );
    assert_eq!(world.phones[1].calls[0].state, State::Over(0));
    close(world);
}

#[test]
fn each_copy_of_the_callees_2xx_is_acknowledged() {
    let mut world = stage(&["1001", "1002"]);
    world.phones[1].manual = true;
    dial(&mut world, 0, "1002", Plan::default());
    go(&mut world, ms(100));
    let invite = the_request(&world, 1, "INVITE");
    for _ in 0..3 {
        reply(&mut world, 1, &invite, 200, "ph1.b", b"v=0\r\ns=b\r\n");
        go(&mut world, ms(600));
    }
    let acks = requests(&world, 1, "ACK");
    assert_eq!(acks.len(), 3);
    assert!(acks.iter().all(|ack| ack.cseq().0 == invite.cseq().0));
    assert_eq!(finals(&world, 0, "INVITE"), [200]);
    world.phone(0, |phone, _, out| phone.hang_up(0, out));
    go(&mut world, ms(100));
    let bye = the_request(&world, 1, "BYE");
    assert!(bye.cseq().0 > invite.cseq().0);
    reply(&mut world, 1, &bye, 200, "ph1.b", b"");
    close(world);
}

#[test]
fn copies_of_the_invite_start_nothing_new() {
    let mut world = stage(&["1001", "1002"]);
    let invite = draft(&mut world, 0, "INVITE", "1002").body("application/sdp", b"v=0\r\ns=a\r\n");
    world.phones[0].manual = true;
    let (mut invite, _) = authorize(&mut world, 0, invite);
    let via = world.phones[0].via();
    invite.headers.insert(0, ("Via".into(), via));
    for _ in 0..7 {
        world.send(0, &invite);
        go(&mut world, ms(60));
    }
    assert_eq!(world.phones[1].calls.len(), 1);
    go(&mut world, secs(3));
    assert_eq!(world.phones[1].calls.len(), 1);
    close(world);
}

#[test]
fn an_ack_belongs_to_the_invite_of_its_cseq() {
    let mut world = stage(&["1001", "1002"]);
    world.phones[0].manual = true;
    let invite = draft(&mut world, 0, "INVITE", "1002").body("application/sdp", b"v=0\r\ns=a\r\n");
    let (invite, _) = authorize(&mut world, 0, invite);
    ask(&mut world, 0, &invite);
    go(&mut world, secs(1));
    let answers = |world: &World, cseq: u32| {
        let answers = received(world, 0)
            .filter(|(_, message)| message.status() == 200 && message.method() == "INVITE");
        answers
            .filter(|(_, message)| message.cseq().0 == cseq)
            .map(|(_, message)| message.clone())
            .collect::<Vec<_>>()
    };
    let first = answers(&world, 2).pop().expect("200");
    let within = |method: &str, cseq: u32| {
        Msg::request(method, &first.contact().unwrap())
            .with("Max-Forwards", 70)
            .with("From", first.get("From").unwrap())
            .with("To", first.get("To").unwrap())
            .with("Call-ID", first.call_id())
            .with("CSeq", format!("{cseq} {method}"))
            .with("Contact", "<sip:1001@10.0.0.1:5060>")
    };
    // The first 2xx is still unacknowledged when the next INVITE is answered.
    ask(&mut world, 0, &within("INVITE", 3));
    assert!(!answers(&world, 3).is_empty());
    ask(&mut world, 0, &within("ACK", 2));
    let (old, new) = (answers(&world, 2).len(), answers(&world, 3).len());
    go(&mut world, secs(8));
    assert_eq!(
        answers(&world, 2).len(),
        old,
        "ACK 2 ends the copies of 200 [2]"
    );
    assert!(answers(&world, 3).len() > new, "and not those of 200 [3]");
    ask(
        &mut world,
        0,
        &within("ACK", 3).body("application/sdp", b"v=0\r\ns=a2\r\n"),
    );
    let ack = requests(&world, 1, "ACK").pop().expect("ACK");
    assert_eq!(
        ack.body, b"v=0\r\ns=a2\r\n",
        "the answer goes with the ACK it came in"
    );
    ask(&mut world, 0, &within("BYE", 4));
    close(world);
}
