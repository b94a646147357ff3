use crate::dialplan::fake::{said, warned};

#[test]
fn channel_tells_of_itself_and_its_technology() {
    let lines = [
        "1,1,MSet(CHANNEL=SIP/7-0000002a,UNIQUEID=9.2,LINKEDID=9.1)",
        "1,2,Verbose(${CHANNEL(name)} ${CHANNEL(uniqueid)} ${CHANNEL(linkedid)})",
        "1,3,Verbose(${CHANNEL(state)} ${CHANNEL(context)} ${CHANNEL(exten)} ${CHANNEL(checkhangup)})",
        "1,4,Verbose(${CHANNEL(peerip)} ${CHANNEL(language)} ${CHANNEL(musicclass)} ${CHANNEL(amaflags)})",
        "1,5,Verbose(<${CHANNEL(gone)}${CHANNEL(rtpdest,audio)}>)",
    ];
    assert_eq!(
        said(&lines, "1").0,
        "SIP/7-0000002a 9.2 9.1 Ring c 1 0 192.0.2.7 en default 3 <>"
    );
}

#[test]
fn channel_settings_are_kept() {
    for name in crate::dialplan::record::SETTINGS {
        let lines = [
            format!("1,1,Set(CHANNEL({name})=v1)"),
            format!("1,2,Set(CHANNEL({})=v 2)", name.to_ascii_uppercase()),
            format!("1,3,Verbose(${{CHANNEL({name})}})"),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(said(&lines, "1").0, "v 2", "{name}");
    }
    let lines = [
        "1,1,Set(CHANNEL(amaflags)=billing)",
        "1,2,Verbose(${CHANNEL(amaflags)})",
    ];
    assert_eq!(said(&lines, "1").0, "2");
}

#[test]
fn channel_items_that_cannot_be_set_are_told() {
    let long = format!("1,1,Set(CHANNEL(language)={})", "x".repeat(300));
    for (line, text) in [
        (
            "1,1,Set(CHANNEL(peerip)=x)",
            "t:1: CHANNEL(peerip) cannot be set",
        ),
        (
            &long,
            "t:1: CHANNEL(language) takes no value as long as this",
        ),
    ] {
        assert_eq!(warned(&[line], "1").1, [text]);
    }
}
