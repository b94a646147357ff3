use crate::dialplan::fake::{call, said};

#[test]
fn the_technology_is_asked() {
    for (text, value) in [
        ("${SIP_HEADER(Subject,2)}", "lunch"),
        ("${SIP_HEADER(Subject)}", ""),
        ("${SIPPEER(100,context)}", "office"),
        ("${CHECKSIPDOMAIN(ours.example)}", "ours.example"),
        ("${CHECKSIPDOMAIN(theirs.example)}", ""),
        ("${HANGUPCAUSE_KEYS()}", "SIP/2-1"),
        (
            "${HANGUPCAUSE(${HANGUPCAUSE_KEYS()},tech)}",
            "SIP 486 Busy Here",
        ),
        ("${HANGUPCAUSE}", "0"),
    ] {
        let line = ["1,1,Verbose(", text, ")"].concat();
        assert_eq!(said(&[&line], "1").0, value, "{text}");
    }
}

#[test]
fn hangup_cause_clear_forgets() {
    assert_eq!(call(&["1,1,HangupCauseClear()"], "1").1.done, ["forget"]);
}
