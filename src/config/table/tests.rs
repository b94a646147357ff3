use super::*;
use crate::config::{extensions, file as text, sip};

const TABLE: &str = "mysql:asterisk.ast_config";

fn row(id: i64, metrics: (i64, i64), category: &str, var_name: &str, var_val: &str) -> Row {
    Row {
        id,
        cat_metric: metrics.0,
        var_metric: metrics.1,
        filename: "sip.conf".into(),
        category: category.into(),
        var_name: var_name.into(),
        var_val: var_val.into(),
        commented: false,
    }
}

fn read(rows: Vec<Row>) -> File {
    file("sip.conf", TABLE, rows, |name| panic!("{name} is included")).unwrap()
}

/// Without positions: `[category]` and `key=value`.
fn shape(file: &File) -> Vec<String> {
    let mut lines = Vec::new();
    for category in &file.categories {
        lines.push(format!("[{}]", category.name));
        let line = |entry: &Entry| format!("{}={}", entry.key, entry.value);
        lines.extend(category.entries.iter().map(line));
    }
    lines
}

#[test]
fn rows_are_the_file_the_text_would_be() {
    let rows = vec![
        row(5, (0, 1), "general", "bindport", "5060"),
        row(6, (0, 2), "general", "context", " phones "),
        row(7, (0, 0), "1001", "type", "friend"),
        row(8, (0, 1), "1001", "secret", "a;b"),
        row(9, (0, 2), "1001", "host", "dynamic"),
    ];
    let text = "[1001]\ntype=friend\nsecret=a\\;b\nhost=dynamic\n[general]\nbindport=5060\ncontext=phones\n";
    let of_rows = read(rows);
    assert_eq!(
        shape(&of_rows),
        shape(&text::parse(text, "sip.conf").unwrap())
    );
    let of_rows = sip::read(&of_rows, |_| None).unwrap();
    let of_text = sip::read(&text::parse(text, "sip.conf").unwrap(), |_| None).unwrap();
    assert_eq!(
        (of_rows.general, of_rows.peers),
        (of_text.general, of_text.peers)
    );
}

#[test]
fn rows_stand_in_the_order_of_their_metrics() {
    let file = read(vec![
        row(1, (0, 9), "b", "last", "1"),
        row(2, (0, 1), "b", "first", "1"),
        row(3, (0, 5), "b", "twice", "2"),
        row(4, (0, 5), "b", "twice", "1"),
        row(5, (1, 0), "a", "low", "1"),
        row(6, (2, 0), "a", "high", "1"),
    ]);
    assert_eq!(
        shape(&file),
        [
            "[a]", "high=1", "[a]", "low=1", "[b]", "first=1", "twice=1", "twice=2", "last=1"
        ]
    );
}

#[test]
fn rows_of_other_files_and_commented_ones_are_not_read() {
    let mut other = row(1, (0, 0), "x", "k", "v");
    other.filename = "extensions.conf".into();
    let mut commented = row(2, (0, 0), "x", "k", "v");
    commented.commented = true;
    let file = read(vec![other, commented]);
    assert_eq!(shape(&file), [""; 0]);
    assert_eq!(
        file.warnings[0].to_string(),
        "mysql:asterisk.ast_config: no row is a line of sip.conf. Is its column filename 'sip.conf'?"
    );
}

#[test]
fn a_mistake_is_told_with_its_row() {
    let file = read(vec![row(17, (0, 0), "1001", "qualify", "often")]);
    assert_eq!(
        sip::read(&file, |_| None).err().unwrap().to_string(),
        "mysql:asterisk.ast_config:id 17: the value 'often' of qualify in [1001] does not fit. Accepted: no, yes \
         (2000 ms), or milliseconds from 1 to 3600000."
    );
}

#[test]
fn a_row_may_include_a_file() {
    let rows = || {
        vec![
            row(1, (0, 0), "a", "k", "1"),
            row(2, (0, 1), "a", "#include", "phones.conf"),
            row(3, (0, 2), "a", "k", "2"),
        ]
    };
    let include = |name: &str| {
        assert_eq!(name, "phones.conf");
        text::parse("[p]\nk=3\n", name)
    };
    let included = file("sip.conf", TABLE, rows(), include).unwrap();
    assert_eq!(shape(&included), ["[a]", "k=1", "[p]", "k=3", "[a]", "k=2"]);
    let refused = file("sip.conf", TABLE, rows(), |name| text::parse("k=3\n", name));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "mysql:asterisk.ast_config:id 2: the included phones.conf:1: this line stands before any [category]. Add one \
         above it."
    );
}

#[test]
fn a_dialplan_of_rows() {
    let mut rows: Vec<Row> = (1..)
        .zip(["_1XXX,1,Dial(SIP/${EXTEN})", "_1XXX,2,Hangup()"])
        .map(|(id, line)| row(id, (0, id), "default", "exten", line))
        .collect();
    rows.iter_mut()
        .for_each(|row| row.filename = "extensions.conf".into());
    let file = file("extensions.conf", TABLE, rows, |_| unreachable!()).unwrap();
    let (plan, warnings) = extensions::compile(file);
    assert_eq!(warnings, []);
    assert_eq!(
        plan.context("default")
            .map(|context| context.extensions().len()),
        Some(1)
    );
}

#[test]
fn a_row_is_read_by_the_names_of_its_columns() {
    let columns = [
        ("id", "17"),
        ("cat_metric", "2"),
        ("var_metric", "3"),
        ("commented", "1"),
        ("filename", "sip.conf"),
        ("category", "general"),
        ("var_name", "context"),
        ("var_val", "x"),
    ];
    let without = |left_out: &'static str| {
        Row::of(move |name| {
            let mut columns = columns.iter().filter(|column| column.0 != left_out);
            columns
                .find(|column| column.0 == name)
                .map(|column| column.1)
        })
    };
    let expected = Row {
        commented: true,
        ..row(17, (2, 3), "general", "context", "x")
    };
    assert_eq!(without(""), Ok(expected.clone()));
    assert_eq!(
        without("commented"),
        Ok(Row {
            commented: false,
            ..expected
        })
    );
    assert_eq!(without("category"), Err("a row has no category".into()));
    assert_eq!(
        Row::of(|_| Some("x")),
        Err("the id 'x' of a row is no number".into())
    );
}
