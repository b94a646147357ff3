use crate::base::Instant;
use crate::dialplan::fake::{call, said};

#[test]
fn reset_cdr_begins_anew_and_keeps_fields_with_v() {
    let lines = [
        "1,1,Set(CDR(userfield)=x)",
        "1,2,ResetCDR(v)",
        "1,3,Verbose(${CDR(userfield)}${CDR(sequence)})",
        "1,4,ResetCDR",
        "1,5,Verbose(${CDR(userfield)}${CDR(sequence)})",
    ];
    assert_eq!(said(&lines, "1").0, "x1 2");
}

#[test]
fn no_cdr_disables_and_reset_cdr_with_e_enables() {
    let disabled = |lines: &[&str]| call(lines, "1").0.record().unwrap().sheet.disabled;
    assert!(disabled(&["1,1,NoCDR()"]));
    assert!(disabled(&["1,1,NoCDR", "1,2,ResetCDR(v)"]));
    assert!(!disabled(&["1,1,NoCDR", "1,2,ResetCDR(e)"]));
}

#[test]
fn fork_cdr_begins_another() {
    let times = |line: &str| {
        let (cursor, fake, _) = call(&["1,1,Set(CDR(a)=x)", line], "1");
        let record = cursor.record().unwrap();
        let now = |at: Option<Instant>| at.map(|at| at == fake.now);
        let kept = record.sheet.fields.value("a").is_some();
        (
            now(record.sheet.begun),
            now(record.sheet.answered_from),
            kept,
            record.earlier,
        )
    };
    assert_eq!(times("1,2,ForkCDR()"), (None, None, false, 1));
    assert_eq!(times("1,2,ForkCDR(av)"), (None, Some(true), true, 1));
    assert_eq!(times("1,2,ForkCDR(r)"), (Some(true), Some(true), false, 1));
}
