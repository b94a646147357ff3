//! Any text as an expression, after `${…}` has been replaced: it comes to an
//! end, and its value is bounded.

#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use pinion_sip::dialplan::{Names, substitute};

/// One function, and no variables.
struct Nobody;

impl Names for Nobody {
    fn variable(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }

    fn function(&mut self, name: &str, arguments: &str) -> Option<String> {
        (name == "F").then(|| arguments.into())
    }
}

fuzz_target!(|text: &str| {
    let value = substitute(&format!("$[{text}]"), &mut Nobody, &mut Vec::new()).into_owned();
    assert!(value.len() <= 8191);
});
