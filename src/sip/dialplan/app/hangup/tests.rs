use crate::dialplan::fake::warned;
use crate::dialplan::{Cause, Ending, Progress};

#[test]
fn hangup_takes_numbers_and_names() {
    for (text, cause) in [
        ("", 16),
        ("17", 17),
        ("17 or so", 17),
        ("USER_BUSY", 17),
        ("ast_cause_no_answer", 19),
        ("0", 0),
        ("127", 127),
    ] {
        let (_, warnings, progress) = warned(&[&format!("1,1,Hangup({text})")], "1");
        assert_eq!(
            progress,
            Progress::Ended(Ending::Hangup(Cause(cause))),
            "{text}"
        );
        assert!(warnings.is_empty(), "{text}");
    }
    for text in ["128", "-1", "soon"] {
        let (_, warnings, progress) = warned(&[&format!("1,1,Hangup({text})")], "1");
        assert_eq!(
            progress,
            Progress::Ended(Ending::Hangup(Cause(16))),
            "{text}"
        );
        let warning = "t:1: Hangup: the cause is neither a number below 128 nor a name";
        assert_eq!(warnings, [warning], "{text}");
    }
}
