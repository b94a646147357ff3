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
