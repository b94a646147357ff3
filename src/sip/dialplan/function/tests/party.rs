//! The functions of parties, by their names.

use super::super::super::fake::{enter, expand, plan};
use super::super::super::{Party, PartyField};
use super::{after, rows};

functions! {
    callerid:
        "${CALLERID(num)}/${CALLERID(number)}/${CALLERID(NUM)}" => "42/42/42",
        "${CALLERID(name)}" => "Ann",
        "${CALLERID(all)}" => "\"Ann\" <42>",
        "${CALLERID(ani)}/${CALLERID(ANI-num)}/${CALLERID(ani-name)}" => "42/42/",
        "${CALLERID(dnid)}/${CALLERID(dnid-num)}/${CALLERID(dnid-num-plan)}" => "200/200/0",
        "${CALLERID(rdnis)}/${CALLERID(ani2)}/${CALLERID(tag)}/${CALLERID(ton)}" => "/0//0",
        "${CALLERID(pres)}/${CALLERID(num-pres)}/${CALLERID(name-pres)}"
            => "allowed_not_screened/allowed_not_screened/allowed_not_screened",
        "${CALLERID(num-valid)}${CALLERID(name-valid)}${CALLERID(subaddr-valid)}${CALLERID(priv-num-valid)}"
            => "1100",
        "${CALLERID(num-plan)}/${CALLERID(name-charset)}/${CALLERID(subaddr)}/${CALLERID(subaddr-type)}/${CALLERID(subaddr-odd)}"
            => "0/iso8859-1//0/0",
        "${CALLERID(none)}${CALLERID()}${CALLERID(num-none)}${CALLERID(dnid-name)}" => "",
        "${CALLERID(name,\"Bob Gray\" <(030) 12-3>)}/${CALLERID(num,\"Bob\" <(030) 12-3>)}" => "Bob Gray/030123",
        "${CALLERID(num,12-3)}/${CALLERID(name,12-3)}" => "123/",
        "${CALLERID(name,Bob)}/${CALLERID(num,Bob)}/${CALLERID(all,Bob <7>)}" => "Bob//\"Bob\" <7>",
        "${CALLINGPRES} ${CALLINGANI2} ${CALLINGTON} ${CALLINGTNS}" => "0 0 0 0";
    callerpres: "${CALLERPRES()}" => "allowed_not_screened";
    connectedline:
        "${CONNECTEDLINE(num)}/${CONNECTEDLINE(all)}/${CONNECTEDLINE(source)}/${CONNECTEDLINE(pres)}"
            => "/\"\" <>/unknown/unavailable";
    redirecting:
        "${REDIRECTING(from-num)}/${REDIRECTING(reason)}/${REDIRECTING(orig-reason)}/${REDIRECTING(count)}/${REDIRECTING(pres)}"
            => "/unknown/unknown/0/unavailable",
        "${REDIRECTING(none)}${REDIRECTING(priv)}" => "";
}

#[test]
fn a_party_is_told_and_asked_for() {
    let line = "7,1,Set(X=${CALLERID(rdnis)} ${REDIRECTING(from-pres)})";
    let (mut cursor, mut fake) = enter(plan(&[line]), "7");
    cursor.set_party(Party::From, PartyField::Number, "8");
    cursor.set_party(Party::From, PartyField::NumberPresentation, "35");
    cursor.start(&mut fake);
    assert_eq!(cursor.variables().value("X"), Some("8 prohib"));
    assert_eq!(cursor.party(Party::Caller, PartyField::Number), "42");
    assert_eq!(cursor.presentation(Party::From), 35);
    assert_eq!(cursor.presentation(Party::Connected), 67);
}

#[test]
fn callerid_is_set() {
    for (set, text, expected) in [
        (
            "CALLERID(num)= 7 ",
            "${CALLERID(all)} ${CALLERID(ani)}",
            "\"Ann\" <7> 42",
        ),
        ("CALLERID(name)=Bob", "${CALLERID(all)}", "\"Bob\" <42>"),
        (
            "CALLERID(all)=\"Bob\" <(030) 7>",
            "${CALLERID(all)}",
            "\"Bob\" <0307>",
        ),
        ("CALLERID(all)=7", "${CALLERID(all)}", "\"\" <7>"),
        ("CALLERID(ani)=9", "${CALLERID(ani)}${CALLERID(num)}", "942"),
        ("CALLERID(dnid)=9", "${CALLERID(dnid)}${EXTEN}", "9200"),
        (
            "CALLERID(rdnis)=9",
            "${CALLERID(rdnis)}${REDIRECTING(from-num)}",
            "99",
        ),
        (
            "CALLERID(ani2)=23",
            "${CALLERID(ani2)} ${CALLINGANI2}",
            "23 23",
        ),
        ("CALLERID(tag)=x y", "${CALLERID(tag)}", "x y"),
        (
            "CALLERID(ton)=16",
            "${CALLERID(num-plan)} ${CALLINGTON}",
            "16 16",
        ),
        (
            "CALLERID(num-valid)=0",
            "${CALLERID(num)}|${CALLERID(all)}",
            "|\"Ann\" <>",
        ),
        ("CALLERID(num)=", "${CALLERID(num-valid)}", "1"),
        (
            "CALLERID(pres)=prohib",
            "${CALLERID(pres)} ${CALLERID(num-pres)} ${CALLINGPRES}",
            "prohib prohib 35",
        ),
        (
            "CALLERID(num-pres)=32",
            "${CALLERID(pres)} ${CALLERPRES()}",
            "prohib_not_screened prohib_not_screened",
        ),
        (
            "CALLERID(name-pres)=prohib_passed_screen",
            "${CALLERID(pres)}",
            "prohib_not_screened",
        ),
        (
            "CALLERPRES()=unavailable",
            "${CALLERID(pres)} ${CALLINGPRES}",
            "unavailable 67",
        ),
        (
            "CALLERID(name-charset)=UTF8",
            "${CALLERID(name-charset)}",
            "utf8",
        ),
        (
            "CALLERID(name-charset)=3",
            "${CALLERID(name-charset)}",
            "iso8859-2",
        ),
        (
            "CALLERID(subaddr)=5",
            "${CALLERID(subaddr)}${CALLERID(subaddr-valid)}",
            "50",
        ),
        ("CALLERID(subaddr-type)=1", "${CALLERID(subaddr-type)}", "2"),
        (
            "CALLERID(priv-name)=secret",
            "${CALLERID(priv-name)}${CALLERID(name)}",
            "secretAnn",
        ),
        (
            "CONNECTEDLINE(all,i)=\"Bob\" <8>",
            "${CONNECTEDLINE(name)}${CONNECTEDLINE(num)}${CONNECTEDLINE(pres)}",
            "Bob8allowed_not_screened",
        ),
        (
            "CONNECTEDLINE(source)=transfer",
            "${CONNECTEDLINE(source)}",
            "transfer",
        ),
        (
            "CONNECTEDLINE(source)=1",
            "${CONNECTEDLINE(source)}",
            "answer",
        ),
        (
            "CONNECTEDLINE(priv-tag)=t",
            "${CONNECTEDLINE(priv-tag)}${CONNECTEDLINE(tag)}",
            "t",
        ),
        (
            "REDIRECTING(from-num,i)=8",
            "${REDIRECTING(from-num)}${CALLERID(rdnis)}",
            "88",
        ),
        ("REDIRECTING(to-name)=Bob", "${REDIRECTING(to-name)}", "Bob"),
        (
            "REDIRECTING(orig-num)=8",
            "${REDIRECTING(orig-num)}${REDIRECTING(from-num)}",
            "8",
        ),
        ("REDIRECTING(reason)=CFU", "${REDIRECTING(reason)}", "cfu"),
        ("REDIRECTING(reason)=2", "${REDIRECTING(reason)}", "cfnr"),
        (
            "REDIRECTING(reason)=my own",
            "${REDIRECTING(reason)}",
            "my own",
        ),
        (
            "REDIRECTING(orig-reason)=dnd",
            "${REDIRECTING(orig-reason)}${REDIRECTING(reason)}",
            "dndunknown",
        ),
        ("REDIRECTING(count)=3", "${REDIRECTING(count)}", "3"),
        (
            "REDIRECTING(pres)=prohib",
            "${REDIRECTING(from-num-pres)}",
            "prohib",
        ),
        (
            "REDIRECTING(priv-to-num)=5",
            "${REDIRECTING(priv-to-num)}",
            "5",
        ),
    ] {
        assert_eq!(after(&[set], text), expected, "{set}");
    }
}

#[test]
fn what_a_party_cannot_be_is_told() {
    for set in [
        "CALLERID(none)=1",
        "CALLERID(pres)=secret",
        "CALLERID(num-plan)=x",
        "CALLERID(ani2)=x",
        "CALLERID(name-charset)=x",
        "CALLERPRES()=secret",
        "CONNECTEDLINE(source)=x",
        "CONNECTEDLINE(dnid)=x",
        "REDIRECTING(count)=x",
        "REDIRECTING(x-num)=1",
    ] {
        let (_, warnings) = expand(&[set], "");
        assert!(warnings[0].contains("cannot be set"), "{set}: {warnings:?}");
    }
}
