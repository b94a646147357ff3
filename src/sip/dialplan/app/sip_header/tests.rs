use super::unescape;
use crate::dialplan::fake::{call, said, warned};

#[test]
fn sip_add_header_counts_up_and_is_inherited_by_all() {
    let lines = [
        "1,1,SIPAddHeader(X-One: a,b)",
        "1,2,SIPAddHeader(X-Two: \\x41)",
        "1,3,Verbose(${SIPADDHEADER01}|${SIPADDHEADER02})",
        "1,4,Dial(SIP/2)",
    ];
    let (_, fake, _) = call(&lines, "1");
    assert_eq!(fake.said, ["X-One: a,b|X-Two: A"]);
    let inherited = "inherit:1:__SIPADDHEADER01=X-One: a,b";
    assert!(fake.done.contains(&inherited.into()), "{:?}", fake.done);
}

#[test]
fn sip_add_header_takes_fifty() {
    let lines = [
        "1,1,Set(N=0)",
        "1,2,While($[${N} < 51])",
        "1,3,SIPAddHeader(X: ${N})",
        "1,4,Set(N=$[${N} + 1])",
        "1,5,EndWhile",
        "1,6,Verbose(${SIPADDHEADER50}<${SIPADDHEADER51}>)",
        "1,7,SIPAddHeader()",
    ];
    let (words, warnings, _) = warned(&lines, "1");
    assert_eq!(words, "X: 49<>");
    let expected = [
        "t:1: SIPAddHeader: there are 50 already",
        "t:1: SIPAddHeader: there is no header",
    ];
    assert_eq!(warnings, expected);
}

#[test]
fn sip_remove_header_goes_by_the_beginning() {
    let lines = [
        "1,1,SIPAddHeader(X-One: a)",
        "1,2,SIPAddHeader(Y-Two: b)",
        "1,3,SIPRemoveHeader(x-)",
        "1,4,Verbose(<${SIPADDHEADER01}${SIPADDHEADER02}>)",
        "1,5,SIPAddHeader(Z: c)",
        "1,6,Verbose(${SIPADDHEADER01})",
        "1,7,SIPRemoveHeader()",
        "1,8,Verbose(<${SIPADDHEADER01}${SIPADDHEADER02}>)",
    ];
    assert_eq!(said(&lines, "1").0, "<Y-Two: b> Z: c <>");
}

#[test]
fn escapes_are_those_of_c_and_end_no_line() {
    for (text, expected) in [
        ("a\\tb", "a\tb"),
        ("\\x41\\x4", "A\u{4}"),
        ("\\0101", "A"),
        ("\\q\\\\", "q\\"),
        ("X: 1\\r\\nY: 2\\x0aZ", "X: 1Y: 2Z"),
        ("end\\", "end"),
    ] {
        assert_eq!(unescape(text), expected, "{text}");
    }
}

#[test]
fn sip_dtmf_mode_is_checked() {
    let lines = ["1,1,SIPDtmfMode(RFC2833)", "1,2,SIPDtmfMode(loud)"];
    let (_, warnings, _) = warned(&lines, "1");
    assert_eq!(
        warnings,
        ["t:1: SIPDtmfMode: write info, inband, rfc2833 or auto"]
    );
}
