//! The flight recorder: what happened to a call, told while it lasts and after
//! it failed.

use std::time::Duration;

use crate::address::free_address;
use crate::asked::{ask, ask_json};
use crate::engine::{Engine, Scratch};
use crate::phone::Phone;

/// Devices without passwords; `500` is refused with 503.
fn engine() -> Engine {
    let scratch = Scratch::new("console-history");
    let device = "type=friend\nhost=dynamic\n";
    let sip = format!("[general]\ncontext=default\n[1001]\n{device}[1002]\n{device}");
    scratch.write("sip.conf", &sip);
    let plan = "[default]\nexten => 500,1,Congestion()\nexten => _1XXX,1,Dial(SIP/${EXTEN},20)\n";
    scratch.write("extensions.conf", plan);
    Engine::start(scratch, free_address(), &["--shards", "2"])
}

#[test]
fn the_console_tells_what_happened_to_a_call() {
    let engine = engine();
    let phone = Phone::new(&engine);
    phone.register("1002");
    phone.send("INVITE", "1001", "500", "a-failure", "");
    phone.await_message("SIP/2.0 503");
    phone.send("INVITE", "1001", "1002", "a-call", "");
    let invite = phone.await_message("INVITE");
    std::thread::sleep(Duration::from_millis(30));
    phone.answer(&invite, "180 Ringing");
    phone.await_message("SIP/2.0 180");

    let told = ask(&engine, "sip show history a-call").done();
    for line in [
        "  * SIP Call SIP/1001-",
        "    Call-ID a-call",
        " s  Rx       leg 0  INVITE (CSeq 1)",
        " s  Plan     priority 1: Dial",
        " s  Tx       leg 1  INVITE (CSeq ",
        " s  Tx       leg 0  180 Ringing (CSeq 1 INVITE)",
    ] {
        assert!(told.contains(line), "no {line:?} in\n{told}");
    }
    let told = ask_json(&engine, "sip show history a-failure");
    assert_eq!(told["calls"][0]["failed"], 503, "{told}");
    let told = ask(&engine, "sip show failures").done();
    assert!(told.contains("   503 SIP/1001-"), "{told}");
    assert!(
        told.contains("a-failure") && told.ends_with("1 failed calls\n"),
        "{told}"
    );
    let told = ask(&engine, "sip show history nobody").failed();
    assert!(told.contains("No such SIP Call ID"), "{told}");
    assert!(
        engine.log().contains("the call a-failure of SIP/1001-"),
        "{}",
        engine.log()
    );
}
