//! The oracle can fail: each rule is broken once.

use super::*;

const PHONE: &str = "10.0.0.1:5060";

fn at(ms: u64) -> Instant {
    Instant::from_micros(ms * 1_000)
}

fn phone() -> SocketAddr {
    PHONE.parse().unwrap()
}

fn oracle() -> Oracle {
    let mut oracle = Oracle::default();
    oracle.engines.insert("10.9.9.1:5060".parse().unwrap());
    oracle.phones.insert(phone(), "ph0.".into());
    oracle
        .phones
        .insert("10.0.0.2:5060".parse().unwrap(), "ph1.".into());
    oracle
}

fn request(method: &str, cseq: u32) -> Msg {
    Msg::request(method, "sip:x@10.9.9.1")
        .with(
            "Via",
            format!("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKph0.{method}{cseq};rport"),
        )
        .with("Max-Forwards", 70)
        .with("From", "<sip:x@10.9.9.1>;tag=ph0.1")
        .with("To", "<sip:y@10.9.9.1>")
        .with("Call-ID", "ph0.c")
        .with("CSeq", format!("{cseq} {method}"))
}

fn told(method: &str, branch: &str, cseq: u32) -> Msg {
    Msg::request(method, "sip:y@10.0.0.1")
        .with(
            "Via",
            format!("SIP/2.0/UDP 10.9.9.1;branch=z9hG4bK{branch}"),
        )
        .with("Max-Forwards", 69)
        .with("From", "<sip:x@10.9.9.1>;tag=e")
        .with("To", "<sip:y@10.0.0.1>")
        .with("Contact", "<sip:x@10.9.9.1>")
        .with("Call-ID", "engine")
        .with("CSeq", format!("{cseq} {method}"))
}

fn rule(verdict: Verdict) -> &'static str {
    verdict.map_or_else(|failure| failure.rule, |()| "")
}

fn answer(oracle: &mut Oracle, request: &Msg, status: u16, tag: &str) -> &'static str {
    rule(oracle.sent(
        at(2),
        (0, 0),
        phone(),
        &Msg::response(request, status, tag).bytes(),
    ))
}

fn tell(oracle: &mut Oracle, message: &Msg) -> &'static str {
    rule(oracle.sent(at(2), (0, 0), phone(), &message.bytes()))
}

#[test]
fn two_different_finals() {
    let (mut oracle, options) = (oracle(), request("OPTIONS", 1));
    oracle.arrived(at(1), phone(), &options);
    assert_eq!(answer(&mut oracle, &options, 200, "t"), "");
    assert_eq!(answer(&mut oracle, &options, 200, "t"), "");
    assert!(answer(&mut oracle, &options, 404, "t").contains("one final"));
    assert!(answer(&mut oracle, &options, 200, "u").contains("one final"));
    assert!(answer(&mut oracle, &options, 100, "").contains("is final"));
}

#[test]
fn an_answer_to_nobody_and_to_somebody_else() {
    let (mut oracle, options) = (oracle(), request("OPTIONS", 1));
    assert!(answer(&mut oracle, &options, 200, "t").contains("answers a request"));
    oracle.arrived(at(1), phone(), &options);
    let wrong = oracle.sent(
        at(2),
        (0, 0),
        "10.0.0.2:5060".parse().unwrap(),
        &Msg::response(&options, 200, "t").bytes(),
    );
    assert!(wrong.is_err());
}

#[test]
fn a_success_without_credentials() {
    let (mut oracle, invite) = (oracle(), request("INVITE", 1));
    oracle.arrived(at(1), phone(), &invite);
    let accepted = Msg::response(&invite, 200, "t").with("Contact", "<sip:10.9.9.1>");
    assert!(rule(oracle.sent(at(2), (0, 0), phone(), &accepted.bytes())).contains("credentials"));
}

#[test]
fn an_overtaken_request_is_taken() {
    let within = |cseq| request("INFO", cseq).set("To", "<sip:y@10.9.9.1>;tag=t");
    let mut oracle = oracle();
    for info in [&within(4), &within(3)] {
        oracle.arrived(at(1), phone(), info);
        oracle.came_home(at(1), info);
    }
    assert_eq!(answer(&mut oracle, &within(4), 200, "t"), "");
    assert!(answer(&mut oracle, &within(3), 200, "t").contains("out of order"));
}

#[test]
fn a_request_left_unanswered() {
    let (mut oracle, options) = (oracle(), request("OPTIONS", 1));
    oracle.arrived(at(1), phone(), &options);
    oracle.came_home(at(1), &options);
    assert!(rule(oracle.settle(at(99_000))).contains("answered"));
    answer(&mut oracle, &options, 200, "t");
    assert_eq!(rule(oracle.settle(at(99_000))), "");
}

#[test]
fn a_cseq_that_does_not_rise() {
    let mut oracle = oracle();
    assert_eq!(tell(&mut oracle, &told("INVITE", "1", 5)), "");
    assert!(tell(&mut oracle, &told("INFO", "2", 5)).contains("CSeq rises"));
}

#[test]
fn a_cancel_before_any_1xx_and_after_a_final() {
    let (mut oracle, invite) = (oracle(), told("INVITE", "1", 5));
    tell(&mut oracle, &invite);
    let cancel = told("CANCEL", "1", 5).without("Contact");
    assert!(tell(&mut oracle, &cancel).contains("before a 1xx"));
    let ringing = Msg::response(&invite, 180, "ph0.t");
    oracle.arrived(at(3), phone(), &ringing);
    assert_eq!(tell(&mut oracle, &cancel), "");
}

#[test]
fn a_final_without_its_ack() {
    let (mut oracle, invite) = (oracle(), told("INVITE", "1", 5));
    tell(&mut oracle, &invite);
    let busy = Msg::response(&invite, 486, "ph0.t");
    oracle.arrived(at(3), phone(), &busy);
    oracle.came_home(at(3), &busy);
    assert!(rule(oracle.step_ended()).contains("acknowledged"));
    oracle.came_home(at(3), &busy);
    let to = busy.get("To").unwrap();
    assert_eq!(
        tell(
            &mut oracle,
            &told("ACK", "1", 5).without("Contact").set("To", to)
        ),
        ""
    );
    assert_eq!(rule(oracle.step_ended()), "");
}

#[test]
fn a_2xx_never_acknowledged() {
    let (mut oracle, invite) = (oracle(), told("INVITE", "1", 5));
    tell(&mut oracle, &invite);
    let ok = Msg::response(&invite, 200, "ph0.t");
    oracle.arrived(at(3), phone(), &ok);
    oracle.came_home(at(3), &ok);
    assert!(rule(oracle.settle(at(9))).contains("2xx"));
    let ack = told("ACK", "9", 5).set("To", ok.get("To").unwrap());
    assert_eq!(tell(&mut oracle, &ack), "");
    assert_eq!(rule(oracle.settle(at(9))), "");
}

#[test]
fn a_retransmission_that_differs() {
    let mut oracle = oracle();
    tell(&mut oracle, &told("INVITE", "1", 5));
    assert!(tell(&mut oracle, &told("INVITE", "1", 5).with("X", 1)).contains("same bytes"));
}

#[test]
fn leaks_of_the_other_leg() {
    let mut oracle = oracle();
    let leak = told("INVITE", "1", 5).with("X", "ph1.7.abc");
    assert!(tell(&mut oracle, &leak).contains("topology"));
    let leak = told("INVITE", "1", 5).set("From", "<sip:x@10.0.0.2>;tag=e");
    assert!(tell(&mut oracle, &leak).contains("topology"));
}

#[test]
fn bodies_and_max_forwards() {
    let mut oracle = oracle();
    let offer = request("INVITE", 1).body("application/sdp", b"v=0");
    oracle.arrived(at(1), "10.0.0.2:5060".parse().unwrap(), &offer);
    assert!(
        tell(
            &mut oracle,
            &told("INVITE", "1", 1).body("application/sdp", b"v=1")
        )
        .contains("byte for byte")
    );
    let kept = told("INVITE", "2", 2)
        .set("Max-Forwards", 70)
        .body("application/sdp", b"v=0");
    assert!(tell(&mut oracle, &kept).contains("counts down"));
    assert_eq!(
        tell(
            &mut oracle,
            &told("INVITE", "3", 3).body("application/sdp", b"v=0")
        ),
        ""
    );
}

#[test]
fn a_request_that_goes_astray() {
    let mut oracle = oracle();
    let astray = Msg {
        start: "INVITE sip:y@10.0.0.7 SIP/2.0".into(),
        ..told("INVITE", "1", 5)
    };
    assert!(tell(&mut oracle, &astray).contains("first Route"));
    let routed = astray.with("Route", "<sip:10.0.0.1;lr>");
    assert_eq!(tell(&mut oracle, &routed), "");
    let foreign = told("INVITE", "2", 6).set("Contact", "<sip:x@10.0.0.1>");
    assert!(tell(&mut oracle, &foreign).contains("Contact"));
}

#[test]
fn a_stranger_that_is_let_in() {
    let (mut oracle, invite) = (oracle(), request("INVITE", 1));
    let stranger = "10.1.0.1:5060".parse().unwrap();
    let refused = oracle.sent(
        at(1),
        (0, 0),
        stranger,
        &Msg::response(&invite, 401, "t").bytes(),
    );
    assert_eq!(rule(refused), "");
    let accepted = oracle.sent(
        at(1),
        (0, 0),
        stranger,
        &Msg::response(&invite, 200, "t").bytes(),
    );
    assert!(rule(accepted).contains("strangers"));
}
