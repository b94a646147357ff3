//! Groups, as a plan sees them.

use super::super::super::fake::call;
use super::super::super::*;

fn joins(group: &str, category: &str) -> Inquiry {
    let hold = Hold::Group {
        group: group.into(),
        category: category.into(),
    };
    Inquiry::Take { hold, wait: false }
}

fn counts(group: &str, category: &str, patterns: bool) -> Inquiry {
    Inquiry::Count(Box::new(Count {
        group: group.into(),
        category: category.into(),
        patterns,
    }))
}

#[test]
fn group_is_joined_before_it_is_counted() {
    let lines = [
        "s,1,Set(GROUP(out)=trunk)",
        "s,2,Set(N=${GROUP_COUNT(trunk@out)})",
        "s,3,Wait(1)",
    ];
    let (mut cursor, mut fake, _) = call(&lines, "s");
    assert_eq!(fake.asked, [joins("trunk", "out")]);
    cursor.handle(Event::Reply(Ticket(0), Reply::Text("1".into())), &mut fake);
    assert_eq!(fake.asked[1..], [counts("trunk", "out", false)]);
    cursor.handle(Event::Reply(Ticket(1), Reply::Text("7".into())), &mut fake);
    assert_eq!(cursor.variables().value("N"), Some("7"));
}

#[test]
fn group_may_name_its_category_in_the_value() {
    let (_, fake, _) = call(&["s,1,Set(GROUP()=trunk@out)"], "s");
    assert_eq!(fake.asked, [joins("trunk", "out")]);
}

#[test]
fn group_and_group_list_read_what_the_channel_is_in() {
    let lines = [
        "s,1,Wait(1)",
        "s,2,Set(A=${GROUP()}/${GROUP(OUT)}/${GROUP(none)})",
        "s,3,Set(B=${GROUP_LIST()})",
        "s,4,Wait(1)",
    ];
    let (mut cursor, mut fake, _) = call(&lines, "s");
    fake.groups = vec![("one", ""), ("two", "out")];
    fake.pass(1_000);
    cursor.handle(Event::Timer, &mut fake);
    assert_eq!(cursor.variables().value("A"), Some("one/two/"));
    assert_eq!(cursor.variables().value("B"), Some("one two@out"));
}

#[test]
fn group_count_of_nothing_counts_the_channels_own() {
    let lines = [
        "s,1,Wait(1)",
        "s,2,Set(A=${GROUP_COUNT(@out)})",
        "s,3,Wait(1)",
    ];
    let (mut cursor, mut fake, _) = call(&lines, "s");
    fake.groups = vec![("one", ""), ("two", "out")];
    fake.pass(1_000);
    cursor.handle(Event::Timer, &mut fake);
    assert_eq!(fake.asked, [counts("two", "out", false)]);
    let (cursor, fake, _) = call(&["s,1,Set(A=${GROUP_COUNT()})", "s,2,Wait(1)"], "s");
    assert_eq!(fake.asked, []);
    assert_eq!(cursor.variables().value("A"), Some(""));
}

#[test]
fn group_match_count_asks_for_patterns() {
    let (_, fake, _) = call(&["s,1,Set(A=${GROUP_MATCH_COUNT(^t.*@o+)})"], "s");
    assert_eq!(fake.asked, [counts("^t.*", "o+", true)]);
}

#[test]
fn lock_waits_and_trylock_does_not() {
    let lines = [
        "s,1,Set(A=${LOCK(a)})",
        "s,2,Set(B=${TRYLOCK(b)})",
        "s,3,Set(C=${UNLOCK(a)})",
        "s,4,Wait(1)",
    ];
    let (mut cursor, mut fake, _) = call(&lines, "s");
    for (ticket, reply) in [
        Reply::Text("1".into()),
        Reply::Text("0".into()),
        Reply::Failed,
    ]
    .into_iter()
    .enumerate()
    {
        cursor.handle(Event::Reply(Ticket(ticket as u32), reply), &mut fake);
    }
    let take = |name: &str, wait| Inquiry::Take {
        hold: Hold::Lock(name.into()),
        wait,
    };
    assert_eq!(
        fake.asked,
        [
            take("a", true),
            take("b", false),
            Inquiry::Unlock("a".into())
        ]
    );
    let value = |name| cursor.variables().value(name);
    assert_eq!(
        (value("A"), value("B"), value("C")),
        (Some("1"), Some("0"), Some("0"))
    );
}

#[test]
fn global_and_shared_are_set_and_read() {
    let lines = [
        "s,1,Set(GLOBAL(X)=1)",
        "s,2,Set(SHARED(Y)=2)",
        "s,3,Set(CHANNEL=SIP/200-00000001)",
        "s,4,Set(SHARED(Y,sip/200-00000001)=3)",
        "s,5,Set(A=${X}${GLOBAL(X)}${SHARED(Y)}${Y})",
        "s,6,Wait(1)",
    ];
    let (cursor, fake, _) = call(&lines, "s");
    assert_eq!(cursor.variables().value("A"), Some("113"));
    assert_eq!(cursor.variables().value("X"), None, "not the channel's");
    assert_eq!(fake.globals.value("X"), Some("1"));
}

#[test]
fn what_a_channel_shares_is_at_hand_for_those_who_ask_once() {
    let lines = [
        "s,1,Set(CHANNEL=SIP/100-00000002)",
        "s,2,Set(SHARED(L)=b)",
        "s,3,Set(PUSH(SHARED(L))=c)",
        "s,4,Set(UNSHIFT(SHARED(L))=a)",
        "s,5,Set(A=${SHARED(L)} ${SHIFT(SHARED(L))} ${POP(SHARED(L))} ${SHARED(L)})",
        "s,6,Set(SHARED(N)=7)",
        "s,7,Set(B=${INC(SHARED(N))} ${INC(SHARED(N))} ${DEC(SHARED(N))} ${SHARED(N)})",
        "s,8,Set(C=${IMPORT(SIP/100-00000002,SHARED(N))})",
        "s,9,Set(D=${IMPORT(SIP/100-00000002,SHARED(N,SIP/200-00000001))})",
        "s,10,Wait(1)",
    ];
    let (cursor, fake, _) = call(&lines, "s");
    assert_eq!(cursor.variables().value("A"), Some("a,b,c a c b"));
    assert_eq!(cursor.variables().value("B"), Some("8 9 8 8"));
    assert_eq!(cursor.variables().value("C"), Some("8"));
    assert_eq!(
        cursor.variables().value("D"),
        Some(""),
        "it would have to wait"
    );
    assert_eq!(fake.warnings, [""; 0]);
    assert_eq!(cursor.value("SHARED(L)", &fake), "b", "for another call");
}

#[test]
fn what_another_channel_shares_is_asked_of_its_call() {
    let lines = [
        "s,1,Set(SHARED(Y,SIP/200-00000001)=3)",
        "s,2,Set(A=${SHARED(Y,SIP/200-00000001)}${SHARED(Y,nobody)})",
        "s,3,Set(SHARED(Y,nobody)=3)",
        "s,4,Wait(1)",
    ];
    let (mut cursor, mut fake, _) = call(&lines, "s");
    let foreign = |wish| {
        let channel = "SIP/200-00000001".into();
        Inquiry::Foreign(Box::new(Foreign { channel, wish }))
    };
    assert_eq!(fake.asked, [foreign(Wish::Share("Y".into(), "3".into()))]);
    cursor.handle(Event::Reply(Ticket(0), Reply::Text("".into())), &mut fake);
    assert_eq!(fake.asked[1..], [foreign(Wish::Shared("Y".into()))]);
    cursor.handle(Event::Reply(Ticket(1), Reply::Text("3".into())), &mut fake);
    assert_eq!(cursor.variables().value("A"), Some("3"));
    let warning = "Set: no channel is called 'nobody', as SHARED(Y,nobody) says";
    assert_eq!(fake.warnings, [warning]);
}
