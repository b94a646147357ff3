//! Each function by its name, called from a plan.

use super::super::fake::{add, enter, expand};
use super::super::{Event, Inquiry, PlanBuilder, Reply, Ticket};

/// Variables the rows below read.
const SETS: &[&str] = &[
    "LIST=one,two,three",
    "DASHED=ex-amp-le",
    "LINES=a${BASE64_DECODE(Cg==)}b",
    "NUMBER=41",
    "WORD=hello world",
    "INNER=${PASSTHRU($)}{WORD}",
    "LOOP=${PASSTHRU($)}{EVAL(${PASSTHRU($)}{LOOP})}",
    "HASH(h,a)=1",
    "HASH(h,b)=2",
];

/// What texts become, without a warning.
fn rows(rows: &[(&str, &str)]) {
    for &(text, expected) in rows {
        let (value, warnings) = expand(SETS, text);
        assert_eq!(value, expected, "{text}");
        assert!(warnings.is_empty(), "{text}: {warnings:?}");
    }
}

/// What yields nothing, and is warned of.
fn refused(texts: &[&str]) {
    for &text in texts {
        let (value, warnings) = expand(SETS, text);
        assert_eq!(value, "", "{text}");
        assert_eq!(warnings.len(), 1, "{text}: {warnings:?}");
    }
}

/// What a text becomes after more assignments.
fn after(sets: &[&str], text: &str) -> String {
    let sets: Vec<_> = SETS.iter().chain(sets).copied().collect();
    let (value, warnings) = expand(&sets, text);
    assert!(warnings.is_empty(), "{text}: {warnings:?}");
    value
}

macro_rules! functions {
    ($($name:ident: $($text:literal => $expected:literal),+;)+) => {$(
        #[test]
        fn $name() {
            rows(&[$(($text, $expected)),+]);
        }
    )+};
}

functions! {
    len:
        "${LEN()}" => "0",
        "${LEN(example)}" => "7",
        "${LEN(é)}" => "2",
        "${LEN(a,b)}" => "3";
    toupper: "${TOUPPER(Example 1é)}" => "EXAMPLE 1é";
    tolower: "${TOLOWER(EXAMPLE)}" => "example";
    keypadhash:
        "${KEYPADHASH(Les)}" => "537",
        "${KEYPADHASH(abc def ghi jkl mno pqrs tuv wxyz 01)}" => "2223334445556667777888999901";
    quote:
        "${QUOTE(ab\"c\"de)}" => "\"ab\\\"c\\\"de\"",
        "${QUOTE(a\\b)}" => "\"a\\\\b\"",
        "${QUOTE()}" => "\"\"";
    csv_quote:
        "${CSV_QUOTE(\"a,b\" 123)}" => "\"\"\"a,b\"\" 123\"",
        "${CSV_QUOTE()}" => "\"\"";
    sql_esc: "${SQL_ESC(it's)}" => "it''s";
    passthru: "${PASSTHRU(a,b)}" => "a,b", "${PASSTHRU()}" => "";
    filter:
        "${FILTER(0-9,+49 (30) 123-4)}" => "49301234",
        "${FILTER(A-R,0042133333&DAHDI/g1/2212)}" => "DAHDI",
        "${FILTER(A\\-R,0042133333&DAHDI/g1/2212)}" => "A",
        "${FILTER(\\x41-R,0042133333&DAHDI/g1/2212)}" => "DAHDI",
        "${FILTER(0-9A-Ca-c,0042133333&DAHDI/g1/2212)}" => "0042133333A12212",
        "${FILTER(0-9a-cA-C_+\\-,0042133333&DAHDI/g1/2212)}" => "0042133333A12212",
        "${FILTER(a,)}" => "",
        "${FILTER(a-,abc)}" => "a",
        "${FILTER(a-z,a,b)}" => "ab";
    regex:
        "${REGEX(\"^[0-9]+$\" 123)}" => "1",
        "${REGEX(\"^[0-9]+$\"123)}" => "1",
        "${REGEX(\"^[0-9]+$\"  123)}" => "0",
        "${REGEX(\"(a|b)c\" xbc)}" => "1";
    replace:
        "${REPLACE(WORD,lo,0)}" => "he000 w0r0d",
        "${REPLACE(WORD,lo)}" => "he wrd",
        "${REPLACE(DASHED,-)}" => "example",
        "${REPLACE(WORD, ,\\x2C)}" => "hello,world",
        "${REPLACE(PASSTHRU(a/b),/,_)}" => "a_b";
    strreplace:
        "${STRREPLACE(WORD,l,LL)}" => "heLLLLo worLLd",
        "${STRREPLACE(WORD,l,LL,2)}" => "heLLLLo world",
        "${STRREPLACE(WORD,l,,1)}" => "helo world",
        "${STRREPLACE(WORD,l,L,0)}" => "heLLo worLd",
        "${STRREPLACE(WORD,hello)}" => " world",
        "${STRREPLACE(WORD,none,x)}" => "hello world";
    eval:
        "${EVAL(${INNER})}" => "hello world",
        "${EVAL($[1+1])}" => "2",
        "${EVAL(plain)}" => "plain";
    cut:
        "${CUT(DASHED,-,2)}" => "amp",
        "${CUT(DASHED,,1)}" => "ex",
        "${CUT(DASHED,-,1&3)}" => "ex-le",
        "${CUT(DASHED,-,1-2)}" => "ex-amp",
        "${CUT(DASHED,-,2-)}" => "amp-le",
        "${CUT(DASHED,-,-2)}" => "ex-amp",
        "${CUT(DASHED,-,3&1)}" => "le",
        "${CUT(DASHED,-,9)}" => "",
        "${CUT(DASHED,-,1&2-3)}" => "ex-amp-le",
        "${CUT(LIST,\\,,2)}" => "two",
        "${CUT(LIST,\",\",2)}" => "two",
        "${CUT(LIST,\\x2C,3)}" => "three",
        "${CUT(LIST,\\054,3)}" => "three",
        "${CUT(LINES,\\n,2)}" => "b",
        "${CUT(LINES,\\\\n,1)}" => "a",
        "${CUT(PASSTHRU(a;b),\\;,2)}" => "b",
        "${CUT(WORD:6,o,1)}" => "w",
        "${CUT(NONE,-,1)}" => "";
    fieldqty:
        "${FIELDQTY(DASHED,-)}" => "3",
        "${FIELDQTY(LIST,\\,)}" => "3",
        "${FIELDQTY(LINES,\\n)}" => "2",
        "${FIELDQTY(NONE,-)}" => "0",
        "${FIELDQTY(DASHED)}" => "1",
        "${FIELDQTY(PASSTHRU(1.2.3.4),.)}" => "4";
    fieldnum:
        "${FIELDNUM(DASHED,-,amp)}" => "2",
        "${FIELDNUM(DASHED,-,none)}" => "0",
        "${FIELDNUM(DASHED,-)}" => "0",
        "${FIELDNUM(DASHED,-,AMP)}" => "2",
        "${FIELDNUM(NONE,-,)}" => "0",
        "${FIELDNUM(LIST,\\x2C,three)}" => "3";
    listfilter:
        "${LISTFILTER(LIST,\\,,two)}" => "one,three",
        "${LISTFILTER(LIST,\",\",one)}" => "two,three",
        "${LISTFILTER(DASHED,-,none)}" => "ex-amp-le",
        "${LISTFILTER(DASHED,-,ex)}" => "amp-le";
    sort:
        "${SORT(a:2,b:1,c:10)}" => "b,a,c",
        "${SORT(a:1.5,b:-1,none,c:1.25)}" => "b,c,a",
        "${SORT()}" => "";
    shift:
        "${SHIFT(LIST)}/${SHIFT(LIST)}/${LIST}" => "one/two/three",
        "${SHIFT(LIST)}${SHIFT(LIST)}${SHIFT(LIST)}${SHIFT(LIST)}|${LIST}" => "onetwothree|",
        "${SHIFT(DASHED,-)} ${DASHED}" => "ex amp-le",
        "${SHIFT(NONE)}" => "";
    pop:
        "${POP(LIST)}/${POP(LIST)}/${LIST}" => "three/two/one",
        "${POP(DASHED,-)} ${DASHED}" => "le ex-amp";
    exists: "${EXISTS(${WORD})}" => "1", "${EXISTS(${NONE})}" => "0";
    isnull: "${ISNULL(${WORD})}" => "0", "${ISNULL(${NONE})}" => "1";
    if_:
        "${IF(1?yes:no)}" => "yes",
        "${IF($[1 > 2]?yes:no)}" => "no",
        "${IF(0?yes)}" => "",
        "${IF(0?:no)}" => "no",
        "${IF(word? yes : no )}" => "yes",
        "${IF(1?\"a:b\":c)}" => "a:b",
        "${IF(0?a:b:c)}" => "b:c",
        "${IF(1?(a:b):c)}" => "(a:b)";
    iftime:
        "${IFTIME(*,*,*,*?yes:no)}" => "yes",
        "${IFTIME(18:00-19:00,*,*,*?yes:no)}" => "no",
        "${IFTIME(17:00-17:30,thu,29,feb?\"in\":out)}" => "in",
        "${IFTIME(*,mon,*,*?in)}" => "",
        "${IFTIME(18:00-18:10,*,*,*,Europe/Berlin?in:out)}" => "in";
    strftime:
        "${STRFTIME(1141219835,America/Chicago,%Y-%m-%d %H:%M:%S)}" => "2006-03-01 07:30:35",
        "${STRFTIME(0,UTC)}" => "Thu Jan  1 00:00:00 1970",
        "${STRFTIME(0,UTC,%a %A %b %B %d %e %j %y %C %I %p %u %w %U %V %G %Z %z %s %%)}"
            => "Thu Thursday Jan January 01  1 001 70 19 12 AM 4 4 00 01 1970 UTC +0000 0 %",
        "${STRFTIME(0,UTC,%D %T %R %F %x %X %n%t|)}" => "01/01/70 00:00:00 00:00 1970-01-01 01/01/70 00:00:00 \n\t|",
        "${STRFTIME(12.3456,UTC,%S.%q %S.%1q %%q)}" => "12.345 12.3 %q",
        "${STRFTIME(,UTC,%F %T)}" => "2024-02-29 17:05:59",
        "${STRFTIME(,,%H)}" => "17",
        "${STRFTIME()}" => "Thu Feb 29 17:05:59 2024",
        "${STRFTIME(0,UTC,)}" => "",
        "${STRFTIME(0,UTC,%! %)}" => "%! %";
    strptime:
        "${STRPTIME(2006-03-01 07:30:35,America/Chicago,%Y-%m-%d %H:%M:%S)}" => "1141219835",
        "${STRPTIME(2006-03-01,UTC,%Y-%m-%d)}" => "1141171200",
        "${STRPTIME(2006 and more,UTC,%Y)}" => "1136073600",
        "${STRPTIME(2006-07-01 12:00 +0200,UTC,%Y-%m-%d %H:%M %z)}" => "1151748000",
        "${STRPTIME(${STRFTIME(86399,UTC,%c)},UTC,%a %b %d %H:%M:%S %Y)}" => "86399";
    set:
        "${SET(A=5)}${A}" => "55",
        "${SET(A= 5 )}|${A}|" => "5|5|",
        "${SET(A=b=c)}" => "b=c",
        "$[\"${SET(A=${SHIFT(LIST)})}\" != \"\"]${A}" => "1one";
    hash:
        "${HASH(h,a)}${HASH(h,b)}${HASH(h,c)}" => "12",
        "${HASH(h)}" => "2,1";
    hashkeys:
        "${HASHKEYS(h)}" => "b,a",
        "${HASHKEYS(none)}" => "";
    math:
        "${MATH(1+2)}" => "3.000000",
        "${MATH(123%16,int)}" => "11",
        "${MATH(7/2)}" => "3.500000",
        "${MATH(7/0)}" => "0.000000",
        "${MATH(-7-2,i)}" => "-9",
        "${MATH(2^10,i)}" => "1024",
        "${MATH(170 AND 63,i)}" => "42",
        "${MATH(170AND63,i)}" => "42",
        "${MATH(5XOR1,i)}" => "4",
        "${MATH(4OR1,i)}" => "5",
        "${MATH(1<<4,i)}" => "16",
        "${MATH(255>>4,h)}" => "f",
        "${MATH(255+0,hex)}" => "ff",
        "${MATH(60+5,char)}" => "A",
        "${MATH(3>2)}" => "TRUE",
        "${MATH(3<2)}" => "FALSE",
        "${MATH(3>=3)}" => "TRUE",
        "${MATH(3<=2)}" => "FALSE",
        "${MATH(3==3)}" => "TRUE",
        "${MATH(1.5*4,f)}" => "6.000000";
    inc: "${INC(NUMBER)}${NUMBER}" => "4242";
    dec: "${DEC(NUMBER)}${NUMBER}" => "4040";
    rand:
        "${RAND(5,5)}" => "5",
        "${RAND(1,8)}${RAND(1,8)}${RAND(8,1)}" => "123",
        "${RAND(-3,-3)}" => "-3",
        "${RAND()}" => "0";
    md5: "${MD5(abc)}" => "900150983cd24fb0d6963f7d28e17f72";
    sha1: "${SHA1(abc)}" => "a9993e364706816aba3e25717850c26c9cd0d89d";
    base64_encode:
        "${BASE64_ENCODE(foobar)}" => "Zm9vYmFy",
        "${BASE64_ENCODE(foob)}" => "Zm9vYg==";
    base64_decode:
        "${BASE64_DECODE(Zm9vYmFy)}" => "foobar",
        "${BASE64_DECODE(Zm9vYg==)}" => "foob",
        "${BASE64_DECODE(Zm9vYg)}" => "foob",
        "${BASE64_DECODE(Zm9vY)}" => "foo",
        "${BASE64_DECODE()}" => "";
    uriencode:
        "${URIENCODE(a b/c?d=é&-_.!~*'())}" => "a%20b%2Fc%3Fd%3D%C3%A9%26-_.!~*'()";
    uridecode:
        "${URIDECODE(a%20b%2fc+%C3%A9)}" => "a b/c+é",
        "${URIDECODE(100%)}" => "100%",
        "${URIDECODE(%zz%4)}" => "%zz%4";
    env: "${ENV(HOME)}" => "/root", "${ENV(PATH)}" => "";
    version:
        "${VERSION(ASTERISK_VERSION_NUM)}" => "130302",
        "${VERSION():0:6}" => "pinion";
    sprintf:
        "${SPRINTF(%s and %s,a,b)}" => "a and b",
        "${SPRINTF(%05d|%-5d|%+d|% d,42,42,42,42)}" => "00042|42   |+42| 42",
        "${SPRINTF(%5.3d|%x|%#X|%o|%u,7,255,255,8,-1)}" => "  007|ff|0XFF|10|4294967295",
        "${SPRINTF(%c%%,65)}" => "A%",
        "${SPRINTF(%.2f|%8.3f|%-8.1f|%08.2f,1.005,3.14159,2.25,-1.5)}" => "1.00|   3.142|2.2     |-0001.50",
        "${SPRINTF(%e|%.2E|%g|%g|%g|%#g,12345.678,0.00012,100000,1000000,0.0001,1)}"
            => "1.234568e+04|1.20E-04|100000|1e+06|0.0001|1.00000",
        "${SPRINTF(%10s|%-4s|%.2s,abc,abc,abc)}" => "       abc|abc |ab",
        "${SPRINTF(%ld %hhd,12abc,3)}" => "12 3",
        "${SPRINTF(plain)}" => "plain";
    dialplan_exists:
        "${DIALPLAN_EXISTS(c)}" => "1",
        "${DIALPLAN_EXISTS(d)}" => "0",
        "${DIALPLAN_EXISTS(c,200)}" => "1",
        "${DIALPLAN_EXISTS(c,201)}" => "0",
        "${DIALPLAN_EXISTS(c,200,2)}" => "1",
        "${DIALPLAN_EXISTS(c,200,99)}" => "0",
        "${DIALPLAN_EXISTS(c,200,label)}" => "0",
        "${DIALPLAN_EXISTS()}" => "0";
    valid_exten:
        "${VALID_EXTEN(c,200,1)}" => "1",
        "${VALID_EXTEN(,200)}" => "1",
        "${VALID_EXTEN(,201)}" => "0",
        "${VALID_EXTEN(d,200)}" => "0",
        "${VALID_EXTEN(c)}" => "0";
    hint:
        "${HINT(100)}" => "SIP/100&SIP/101",
        "${HINT(100@c,n)}" => "Alice",
        "${HINT(100@d)}" => "",
        "${HINT(101)}" => "";
    global: "${GLOBAL(GREETING)}" => "hello";
}

/// What `EXTENSION_STATE` of two devices in those states is.
fn state_of(first: &str, second: &str) -> String {
    let lines = ["7,1,Set(X=${EXTENSION_STATE(8@c)}${EXTENSION_STATE(9)})"];
    let mut builder = PlanBuilder::new();
    let context = builder.context("c");
    add(&mut builder, context, lines[0]);
    builder
        .add_hint(context, "8", None, "SIP/1&SIP/2,CustomPresence:x")
        .unwrap();
    let (mut cursor, mut fake) = enter(builder.build(), "7");
    cursor.start(&mut fake);
    for (ticket, state) in [first, second].into_iter().enumerate() {
        let device = format!("SIP/{}", ticket + 1);
        assert_eq!(fake.asked[ticket], Inquiry::Device(device.into()));
        let reply = Event::Reply(Ticket(ticket as u32), Reply::Text(state.into()));
        cursor.handle(reply, &mut fake);
    }
    cursor.variables().value("X").unwrap().into()
}

#[test]
fn extension_state() {
    for (first, second, state) in [
        ("NOT_INUSE", "NOT_INUSE", "NOT_INUSE"),
        ("INUSE", "NOT_INUSE", "INUSE"),
        ("RINGING", "NOT_INUSE", "RINGING"),
        ("RINGING", "INUSE", "RINGINUSE"),
        ("ONHOLD", "RINGING", "RINGINUSE"),
        ("BUSY", "INUSE", "BUSY"),
        ("ONHOLD", "NOT_INUSE", "ONHOLD"),
        ("UNAVAILABLE", "INVALID", "UNAVAILABLE"),
        ("INVALID", "INVALID", "UNAVAILABLE"),
        ("UNKNOWN", "INVALID", "NOT_INUSE"),
        ("UNAVAILABLE", "NOT_INUSE", "NOT_INUSE"),
    ] {
        let expected = format!("{state}UNKNOWN");
        assert_eq!(state_of(first, second), expected, "{first} {second}");
    }
}

#[test]
fn predefined_variables() {
    let mut builder = PlanBuilder::new();
    let context = builder.context("c");
    let text = "${EXTEN} ${CONTEXT} ${PRIORITY} ${HANGUPCAUSE} ${HINT} ${HINTNAME} ${EPOCH} \
                ${ASTETCDIR} ${ENTITYID}";
    add(&mut builder, context, &format!("7,1,Verbose({text})"));
    builder.add_hint(context, "7", None, "SIP/1(Bob)").unwrap();
    builder.set_global("ENTITYID", "mine");
    let mut plan = builder.build();
    plan.predefine("ASTETCDIR", "/etc/pinion");
    plan.predefine("ENTITYID", "ours");
    let (mut cursor, mut fake) = enter(plan, "7");
    cursor.start(&mut fake);
    assert_eq!(fake.said, ["7 c 1 0 SIP/1 Bob 1709226359 /etc/pinion mine"]);
}

#[test]
fn every_row_is_found() {
    for row in super::ROWS {
        assert!(
            super::row(row.name).is_some(),
            "{} is out of order",
            row.name
        );
    }
    for name in ["len", "", "A", "LENGTH", "REALTIM", "REALTIME_", "ZZ"] {
        assert!(super::row(name).is_none(), "{name}");
    }
}

#[test]
fn numbers_at_the_beginning_of_texts() {
    for (text, number) in [
        ("1", Some(1.0)),
        (" -1.5x", Some(-1.5)),
        ("+.5", Some(0.5)),
        ("5.", Some(5.0)),
        ("1e3", Some(1000.0)),
        ("1e", Some(1.0)),
        ("1e-2e", Some(0.01)),
        ("", None),
        ("-", None),
        (".", None),
        ("x1", None),
    ] {
        assert_eq!(super::leading_float(text), number, "{text}");
    }
}

#[test]
fn array() {
    let sets = ["ARRAY(A,B,C)=1,\"2,2\""];
    assert_eq!(after(&sets, "${A}|${B}|${C}"), "1|2,2|");
    assert_eq!(after(&["ARRAY(A)=1,2"], "${A}"), "1");
    assert_eq!(
        after(&["ARRAY(HASH(x,k),_Y)=1,2"], "${HASH(x,k)}${Y}"),
        "12"
    );
}

#[test]
fn push_and_unshift() {
    let sets = [
        "PUSH(LIST)=four",
        "PUSH(NEW)=a",
        "PUSH(NEW,-)=b,c",
        "UNSHIFT(LIST)=zero",
    ];
    assert_eq!(after(&sets, "${LIST}"), "zero,one,two,three,four");
    assert_eq!(after(&sets, "${NEW}"), "a-b,c");
}

#[test]
fn hash_is_copied_and_inherited() {
    let sets = ["HASH(_i,k)=v", "HASH(copy)=${HASH(h)}"];
    assert_eq!(
        after(&sets, "${HASH(i,k)}${HASH(copy,a)}${HASH(copy,b)}"),
        "v12"
    );
}

#[test]
fn what_cannot_be_read_is_told() {
    refused(&[
        "${REGEX([0-9]+ 123)}",
        "${REGEX(\"(\" 123)}",
        "${CUT(DASHED,-)}",
        "${CUT(DASHED,-,x)}",
        "${LISTFILTER(LIST,-)}",
        "${IF(1)}",
        "${IF(?a:b)}",
        "${IFTIME(25:00,*,*,*?a)}",
        "${IFTIME(*,*,*,*)}",
        "${STRPTIME(none,UTC,%Y)}",
        "${STRPTIME(12:00,UTC,%H:%M)}",
        "${STRPTIME(2006,UTC,)}",
        "${SET(A)}",
        "${MATH(1)}",
        "${MATH(1+x)}",
        "${MATH(1=1)}",
        "${MATH(1+1,none)}",
        "${INC(WORD)}",
        "${DEC(NONE)}",
        "${NONE(1)}",
        "${REPLACE(WORD)}",
        "${STRREPLACE(WORD)}",
        "${SPRINTF(%d,x)}",
        "${SPRINTF(%d)}",
        "${SPRINTF(%y,1)}",
        "${SPRINTF(%,1)}",
        "${SPRINTF(%8191d%d,1,1)}",
    ]);
}

#[test]
fn a_zone_that_does_not_exist_is_utc() {
    for text in [
        "${STRFTIME(0,Nowhere,%F)}",
        "${IFTIME(*,*,*,*,Nowhere?1970-01-01)}",
    ] {
        let (value, warnings) = expand(SETS, text);
        assert_eq!(value, "1970-01-01");
        assert!(
            warnings[0].ends_with("no time zone 'Nowhere'; UTC is taken"),
            "{warnings:?}"
        );
    }
}

#[test]
fn what_reads_itself_comes_to_an_end() {
    let (value, warnings) = expand(SETS, "${EVAL(${LOOP})}");
    assert_eq!(value, "");
    assert_eq!(warnings, ["texts within texts have no end"]);
    let many = "${EVAL(x)}".repeat(300);
    let (value, warnings) = expand(SETS, &many);
    assert_eq!((value.len(), warnings.len()), (256, 44));
}

#[test]
fn replacements_are_bounded() {
    let sets = ["X=${STRREPLACE(LONG,a,bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb)}"];
    let long = format!("LONG={}", "a".repeat(8000));
    let sets: Vec<_> = [&*long].into_iter().chain(sets).collect();
    let bytes = expand(&sets, "${X}").0.len();
    assert!((8000..=8191).contains(&bytes), "{bytes}");
}

mod party;
