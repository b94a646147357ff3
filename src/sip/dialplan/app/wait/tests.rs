use core::time::Duration;

use crate::dialplan::Progress;
use crate::dialplan::fake::call;

#[test]
fn wait_takes_fractions_and_units() {
    for (text, millis) in [
        ("1", 1000),
        ("0.25", 250),
        (" 1.5 ", 1500),
        ("250ms", 250),
        ("2s", 2000),
        ("2 seconds", 2000),
        ("1m", 60_000),
        ("0.5h", 1_800_000),
    ] {
        let (_, fake, progress) = call(&[&format!("1,1,Wait({text})")], "1");
        let deadline = fake.now + Duration::from_millis(millis);
        assert_eq!(progress, Progress::Waiting(Some(deadline)), "{text}");
    }
    for text in [
        "",
        "0",
        "-1",
        "soon",
        "1x",
        "1e999",
        "..",
        "99999999999999999999999h",
    ] {
        let (_, _, progress) = call(&[&format!("1,1,Wait({text})")], "1");
        assert!(matches!(progress, Progress::Ended(_)), "{text}");
    }
}
