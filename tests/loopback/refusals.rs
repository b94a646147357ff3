//! What the caller is told for each refusal of a callee: once by the fall
//! through the end of the plan, once by `Hangup(${HANGUPCAUSE})`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::address::free_address;
use crate::phones::{self, line};
use crate::share_machine;
use crate::sipp::Sipp;

/// (callee's status, caller's by autofallthrough, caller's by the cause).
///
/// A callee's 400, 405 and the like are cause 127, "Network error"; 409, 487
/// and 504 are causes without a status of their own, hence 603.
const ROWS: [(u16, u16, u16); 33] = [
    (400, 503, 500),
    (403, 503, 403),
    (404, 503, 404),
    (405, 503, 500),
    (406, 503, 500),
    (408, 503, 408),
    (409, 503, 603),
    (410, 503, 410),
    (411, 503, 500),
    (413, 503, 500),
    (414, 503, 500),
    (415, 503, 500),
    (420, 503, 404),
    (423, 503, 500),
    (480, 486, 480),
    (481, 503, 500),
    (482, 503, 500),
    (483, 480, 480),
    (484, 503, 484),
    (485, 503, 404),
    (486, 486, 486),
    (487, 603, 603),
    (488, 503, 488),
    (493, 503, 500),
    (500, 503, 500),
    (501, 503, 501),
    (502, 503, 502),
    (503, 503, 503),
    (504, 503, 603),
    (600, 486, 486),
    (603, 486, 403),
    (604, 503, 404),
    (606, 503, 488),
];

#[test]
fn every_refusal_reaches_the_caller_as_the_table_says() {
    let _shared = share_machine();
    let limit = Duration::from_secs(60);
    let user = |status: u16| 20_000 + u32::from(status);
    let users = ROWS.iter().map(|row| user(row.0)).chain([1001]);
    let engine = phones::engine("refusals", users, &["--shards", "2"]);
    let callees: Vec<_> = ROWS
        .iter()
        .map(|&(status, ..)| {
            let contact = free_address();
            let callee = Sipp::new(&engine.scratch, "uas_refuses", 2, limit)
                .listening(contact)
                .key("status", &format!("SIP/2.0 {status} Refused"))
                .start();
            (status, contact, callee)
        })
        .collect();
    phones::register(
        &engine,
        callees.iter().map(|&(status, at, _)| (user(status), at)),
        50,
    );

    let lines: Vec<String> = ROWS
        .iter()
        .flat_map(|row| {
            [
                line(1001, user(row.0)),
                line(1001, format!("9{}", user(row.0))),
            ]
        })
        .collect();
    let caller = Sipp::new(&engine.scratch, "uac_refused", lines.len(), limit)
        .calling(engine.address, 20, &lines)
        .run();
    caller.expect(lines.len());
    for (_, _, callee) in callees {
        callee.wait().expect(2);
    }

    let told = told(&caller.log);
    let wrong: Vec<String> = ROWS
        .iter()
        .flat_map(|&(status, plain, cause)| {
            let user = user(status);
            [
                (status, user.to_string(), plain),
                (status, format!("9{user}"), cause),
            ]
        })
        .filter(|(_, dialled, wanted)| told.get(dialled) != Some(wanted))
        .map(|(status, dialled, wanted)| {
            format!(
                "{status} by {dialled}: wanted {wanted}, got {:?}",
                told.get(&dialled)
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The status told for each number dialled, from the responses in the log.
pub fn told(log: &str) -> BTreeMap<String, u16> {
    let mut told = BTreeMap::new();
    let mut status = 0;
    for line in log.lines() {
        if let Some(rest) = line.strip_prefix("SIP/2.0 ") {
            status = rest
                .get(..3)
                .and_then(|code| code.parse().ok())
                .unwrap_or_default();
        } else if let Some(to) = line.strip_prefix("To: <sip:") {
            told.insert(to.split('@').next().unwrap_or_default().into(), status);
        }
    }
    told
}
