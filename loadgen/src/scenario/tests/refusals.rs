//! Everything that cannot be run is named, all of it, with its line.

use std::path::Path;

use crate::scenario::{Settings, compile};

fn problems(body: &str) -> Vec<String> {
    let text = format!("<scenario name='x'>\n{body}\n</scenario>");
    let loaded = compile("x.xml", &text, Path::new("."), &Settings::default(), &[]);
    let found = match loaded {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    };
    found.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn is_refused(body: &str, line: u32, says: &str) {
    let found = problems(body);
    let start = format!("x.xml:{line}: ");
    assert!(
        found
            .iter()
            .any(|problem| problem.starts_with(&start) && problem.contains(says)),
        "{says:?} at line {line} is not among {found:#?}"
    );
}

#[test]
fn each_unsupported_thing_has_its_line() {
    is_refused("<dance/>", 2, "<dance> is not supported");
    is_refused("<sendCmd/>", 2, "<sendCmd> is not supported");
    is_refused("\n<send/>", 3, "holds no message");
    is_refused("<recv/>", 2, "one of response and request");
    is_refused("<recv response='abc'/>", 2, "not a status");
    is_refused(
        "<recv request='A' optional='maybe'/>",
        2,
        "true, false or global",
    );
    is_refused("<recv request='A' colour='red'/>", 2, "<recv colour=…>");
    is_refused("<recv request='A'\n timeout='x'/>", 2, "not a number");
    is_refused(
        "<recv request='A('\nregexp_match='true'/>",
        2,
        "cannot be used",
    );
    is_refused("<nop next='9'/>", 2, "no <label id=\"9\"/>");
    is_refused("<label id='1'/><label id='1'/>", 2, "stands twice");
    is_refused("<pause distribution='zipf'/>", 2, "one of fixed, uniform");
    is_refused(
        "<pause distribution='uniform' min='9' max='1'/>",
        2,
        "possible with",
    );
    is_refused("<nop chance='2'/>", 2, "between 0 and 1");
    is_refused("<nop><action>\n<dig/></action></nop>", 3, "action <dig>");
    is_refused(
        "<nop><action><exec command='ls'/></action></nop>",
        2,
        "<exec command=…> is not supported",
    );
    is_refused(
        "<nop><action><exec int_cmd='x'/></action></nop>",
        2,
        "stop_call",
    );
    is_refused(
        "<nop><action><ereg regexp='a' search_in='sky'/></action></nop>",
        2,
        "msg, hdr, body or var",
    );
    is_refused(
        "<nop><action><ereg regexp='a' assign_to='x,y'/></action></nop>",
        2,
        "assigns 2 variables",
    );
    is_refused(
        "<nop><action><lookup assign_to='a' file='f' key='k'/></action></nop>",
        2,
        "none of the injection files",
    );
    is_refused(
        "<send><![CDATA[\n\n  A b SIP/2.0\n  X: [nothing]\n]]></send>",
        5,
        "[nothing] is no keyword",
    );
    is_refused(
        "<send><![CDATA[A\nX: [field0]\n]]></send>",
        3,
        "needs an injection file",
    );
    is_refused(
        "<Global variables='a'/><User variables='a'/>",
        2,
        "declared twice",
    );
    is_refused("<init><send/></init>", 2, "in <init> is not supported");
}

#[test]
fn all_problems_are_told_at_once_in_order() {
    let found = problems("<dance/>\n<recv/>\n<nop next='1'/>\n<sendCmd/>");
    let lines: Vec<&str> = found
        .iter()
        .map(|problem| problem.split(':').nth(1).unwrap())
        .collect();
    assert_eq!(lines, ["2", "3", "4", "5"], "{found:?}");
}

#[test]
fn a_file_that_is_no_scenario_is_refused() {
    let compile = |text| {
        let loaded = compile("x.xml", text, Path::new("."), &Settings::default(), &[]);
        loaded.unwrap_err()[0].to_string()
    };
    assert!(compile("<scenario>\n<nop>\n</scenario>").starts_with("x.xml:3: is not XML"));
    assert!(compile("<song/>").contains("<song> is no <scenario>"));
}

#[test]
fn a_variable_met_once_is_warned_of_unless_referenced() {
    let action = "<nop><action><assign assign_to='a' value='1'/></action></nop>";
    assert_eq!(problems(action).len(), 1);
    assert!(problems(action)[0].starts_with("x.xml:2: warning: variable a is met once"));
    assert!(problems(&format!("{action}<Reference variables='b, a'/>")).is_empty());
}
