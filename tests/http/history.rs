//! The flight recorder, as the console tells it.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::phone::Phone;

/// What the engine's console says to a command, and whether it did it.
fn console(socket: &str, arguments: &[&str]) -> (bool, String) {
    let program = std::env::var("PINION_BIN").unwrap_or(env!("CARGO_BIN_EXE_pinion").into());
    let output = Command::new(program)
        .args(["--console", socket, "-x"])
        .args(arguments)
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), said)
}

#[test]
fn the_console_tells_what_happened_to_a_call() {
    let (engine, _) = crate::engine("http-history", &[]);
    let socket = engine.scratch.path().join("console");
    let socket = socket.display().to_string();
    let phone = Phone::new(&engine);
    phone.register("1002");
    phone.send("INVITE", "1001", "500", "a-failure", "");
    phone.await_message("SIP/2.0 503");
    phone.send("INVITE", "1001", "1002", "a-call", "");
    let invite = phone.await_message("INVITE");
    std::thread::sleep(Duration::from_millis(30));
    phone.answer(&invite, "180 Ringing");
    phone.await_message("SIP/2.0 180");

    let (well, told) = console(&socket, &["sip show history a-call"]);
    assert!(well, "{told}");
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
    let (well, told) = console(&socket, &["sip show history a-failure", "--json"]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert!(well && told["calls"][0]["failed"] == 503, "{told}");
    let (well, told) = console(&socket, &["sip show failures"]);
    assert!(well && told.contains("   503 SIP/1001-"), "{told}");
    assert!(
        told.contains("a-failure") && told.ends_with("1 failed calls\n"),
        "{told}"
    );
    let (well, told) = console(&socket, &["sip show history nobody"]);
    assert!(!well && told.contains("No such SIP Call ID"), "{told}");
    assert!(
        engine.log().contains("the call a-failure of SIP/1001-"),
        "{}",
        engine.log()
    );
}
