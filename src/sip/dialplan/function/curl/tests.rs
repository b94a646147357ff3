//! Documents, as a plan sees them.

use super::super::super::fake::{Fake, call};
use super::super::super::*;

fn fetched(url: &str, post: Option<&str>, manner: Manner) -> Inquiry {
    Inquiry::Work(Box::new(Work::Fetch(Fetch {
        url: url.into(),
        post: post.map(Box::from),
        manner,
    })))
}

/// What `A` is where the document is `text`; `before` are lines before it.
fn value(before: &str, text: &str) -> (String, Cursor, Fake) {
    let lines = [before, "s,2,Set(A=${CURL(http://h/x)})", "s,3,Wait(1)"];
    let (mut cursor, mut fake, _) = call(&lines, "s");
    let reply = Reply::Text(text.into());
    cursor.handle(Event::Reply(Ticket(0), reply), &mut fake);
    (cursor.variables().value("A").unwrap().into(), cursor, fake)
}

#[test]
fn curl_gets_and_posts() {
    let (text, _, fake) = value("s,1,NoOp()", "hello\r\nworld\n");
    assert_eq!(text, "hello\r\nworld");
    assert_eq!(fake.asked, [fetched("http://h/x", None, Manner::default())]);
    let (_, fake, _) = call(&["s,1,Set(A=${CURL(http://h/x,a=1,2)})"], "s");
    assert_eq!(
        fake.asked,
        [fetched("http://h/x", Some("a=1,2"), Manner::default())]
    );
}

#[test]
fn curl_that_brings_nothing_is_told() {
    let lines = [
        "s,1,Set(A=x${CURL(http://me:word@h:8080/x?key=1)})",
        "s,2,Wait(1)",
    ];
    let (mut cursor, mut fake, _) = call(&lines, "s");
    cursor.handle(Event::Reply(Ticket(0), Reply::Failed), &mut fake);
    assert_eq!(cursor.variables().value("A"), Some("x"));
    let told = "CURL of http://h:8080 brought nothing";
    assert_eq!(fake.warnings.len(), 1);
    assert!(fake.warnings[0].contains(told), "{:?}", fake.warnings);
}

#[test]
fn the_origin_of_a_url_is_its_server_without_credentials() {
    assert_eq!(origin("http://h:80/a?b"), "http://h:80");
    assert_eq!(origin("https://h?x@y"), "https://h");
    assert_eq!(origin("http://me:w@rd@[::1]:80/a"), "http://[::1]:80");
    assert_eq!(origin("me:word@h/a"), "h");
    assert_eq!(origin(""), "");
}

#[test]
fn curlopt_is_set_and_read() {
    let lines = [
        "s,1,MSet(CURLOPT(httptimeout)=1.5,CURLOPT(maxredirs)=3,CURLOPT(userpwd)=a:b)",
        "s,2,Set(CURLOPT(ssl_verifypeer)=0)",
        "s,3,Set(B=${CURLOPT(maxredirs)}${CURLOPT(cookie)})",
        "s,4,Set(CURLOPT(proxy)=x)",
        "s,5,Set(A=${CURL(http://h/x)})",
    ];
    let (cursor, fake, _) = call(&lines, "s");
    let manner = Manner {
        timeout: Some(core::time::Duration::from_millis(1_500)),
        redirects: 3,
        user_password: Some("a:b".into()),
        verify: false,
        ..Manner::default()
    };
    assert_eq!(fake.asked, [fetched("http://h/x", None, manner)]);
    assert_eq!(cursor.variables().value("B"), Some("3"));
    assert_eq!(fake.warnings.len(), 1, "{:?}", fake.warnings);
}

#[test]
fn curl_may_bring_fields() {
    let (text, cursor, _) = value("s,1,Set(CURLOPT(hashcompat)=yes)", "a=1%202&b=x+y\n");
    assert_eq!(text, "1 2,x+y");
    assert_eq!(cursor.variables().value("~ODBCFIELDS~"), Some("a,b"));
    let (text, ..) = value("s,1,Set(CURLOPT(hashcompat)=legacy)", "a=1&b=x+y");
    assert_eq!(text, "1,x y");
}
