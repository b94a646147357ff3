use super::*;

/// Files by name; a glob is `prefix*`.
struct Shelf(&'static [(&'static str, &'static str)]);

impl Source for Shelf {
    fn find(&self, pattern: &Path) -> Vec<PathBuf> {
        let pattern = pattern.to_str().unwrap();
        let fits = |name: &str| match pattern.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == pattern,
        };
        self.0
            .iter()
            .filter(|(name, _)| fits(name))
            .map(|(name, _)| PathBuf::from(name))
            .collect()
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        let found = self.0.iter().find(|(name, _)| Path::new(name) == path);
        found
            .map(|(_, text)| text.to_string())
            .ok_or(io::ErrorKind::NotFound.into())
    }
}

/// `[name] key=value key=value`, one line per category.
fn shape(file: &File) -> Vec<String> {
    let category = |category: &Category| {
        let entries = category
            .entries
            .iter()
            .map(|entry| format!(" {}={}", entry.key, entry.value));
        format!("[{}]{}", category.name, entries.collect::<String>())
    };
    file.categories.iter().map(category).collect()
}

fn read(text: &str) -> Vec<String> {
    shape(&parse(text, "t.conf").unwrap())
}

fn refuse(text: &str) -> String {
    parse(text, "t.conf").unwrap_err().to_string()
}

#[test]
fn entries_keep_order_repeat_and_lose_outer_blanks() {
    let text = "[a]\n permit = 10.0.0.0/8  \npermit=> x y\nempty=\n\\[k = v=w\n";
    assert_eq!(
        read(text),
        ["[a] permit=10.0.0.0/8 permit=x y empty= [k=v=w"]
    );
}

#[test]
fn a_byte_order_mark_and_carriage_returns_do_not_count() {
    assert_eq!(read("\u{feff}[a]\r\nk=v\r\n"), ["[a] k=v"]);
}

#[test]
fn comments() {
    let text = "; top\n[a] ; x\nk = v ; x\nl = a\\;b;c\nm = 1;-- x --;2\n;--\nn = 3\n--;\no = 4\n;--- plain\np = 5\n";
    assert_eq!(read(text), ["[a] k=v l=a;b m=12 o=4 p=5"]);
}

#[test]
fn block_comments_nest_and_span_lines() {
    assert_eq!(
        read("[a]\nk = 1 ;-- x ;-- y\n z --; still\n --; \nl = 2\n"),
        ["[a] k=1 l=2"]
    );
}

#[test]
fn an_open_block_comment_is_warned_about_where_it_begins() {
    let file = parse("[a]\n;-- x\ny\n", "t.conf").unwrap();
    assert_eq!(
        file.warnings[0].to_string(),
        "t.conf:2: this comment is never closed. End it with --;"
    );
}

#[test]
fn templates_are_inherited_in_order_and_keep_their_positions() {
    let text = "[base](!)\na=1\n[more](!)\nb=2\n[x](base,more)\nc=3\n[y](x)\n";
    let file = parse(text, "t.conf").unwrap();
    assert_eq!(
        shape(&file),
        [
            "[base] a=1",
            "[more] b=2",
            "[x] a=1 b=2 c=3",
            "[y] a=1 b=2 c=3"
        ]
    );
    assert_eq!(
        file.categories
            .iter()
            .map(|c| c.template)
            .collect::<Vec<_>>(),
        [true, true, false, false]
    );
    assert_eq!(file.categories[2].entries[1].at.line, 4);
    assert_eq!(file.categories[2].at.to_string(), "t.conf:5");
}

#[test]
fn plus_adds_to_the_category_of_that_name() {
    assert_eq!(
        read("[a]\nk=1\n[b]\n[a](+)\nl=2\n[a]\nm=3\n"),
        ["[a] k=1 l=2", "[b]", "[a] m=3"]
    );
}

#[test]
fn plus_equals_extends_the_last_value_of_that_key() {
    assert_eq!(read("[a]\nk=1\nk=2\nk+=3\nl += 4\n"), ["[a] k=1 k=23 l=4"]);
}

#[test]
fn includes_go_on_with_the_category_and_look_beside_the_first_file() {
    let shelf = Shelf(&[
        (
            "/etc/a.conf",
            "[a]\nk=1\n#include \"sub/b.conf\"\nm=4\n#include <d*>\n#tryinclude gone.conf\n",
        ),
        ("/etc/sub/b.conf", "l=2\n#include c.conf\n"),
        ("/etc/c.conf", "[c]\nn=3\n"),
        ("/etc/d1", "[d1]\n"),
        ("/etc/d2", "[d2]\n"),
    ]);
    let file = load_from(&shelf, Path::new("/etc/a.conf")).unwrap();
    assert_eq!(shape(&file), ["[a] k=1 l=2", "[c] n=3 m=4", "[d1]", "[d2]"]);
    assert_eq!(
        file.categories[0].entries[1].at.to_string(),
        "/etc/sub/b.conf:1"
    );
}

#[test]
fn a_missing_or_endless_include_is_an_error() {
    assert_eq!(
        refuse("[a]\n#include x.conf\n"),
        "t.conf:2: the included file 'x.conf' does not exist. Use #tryinclude if it may be absent."
    );
    let shelf = Shelf(&[("a", "#include a\n")]);
    let error = load_from(&shelf, Path::new("a")).unwrap_err().to_string();
    assert_eq!(
        error,
        "a:1: includes nest deeper than 10. Does a file include itself?"
    );
}

#[test]
fn a_file_that_cannot_be_read_says_so() {
    let error = load_from(&Shelf(&[]), Path::new("/x"))
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("/x: cannot be read: "), "{error}");
}

#[test]
fn what_cannot_be_read_safely_is_refused_with_its_line() {
    for (text, start) in [
        (
            "k = v\n",
            "t.conf:1: this line stands before any [category]",
        ),
        ("[a\n", "t.conf:1: this category is not closed"),
        ("[a](!\n", "t.conf:1: these options are not closed"),
        ("[a](+)\n", "t.conf:1: no category [a] to add to"),
        ("[a](b)\n", "t.conf:1: no category [b] to inherit from"),
        ("[a](a)\n", "t.conf:1: no category [a] to inherit from"),
        ("[a]\n#exec date\n", "t.conf:2: #exec is not supported"),
    ] {
        assert!(
            refuse(text).starts_with(start),
            "{text:?}: {}",
            refuse(text)
        );
    }
}

#[test]
fn lines_without_meaning_are_warned_about() {
    let file = parse("[a]\nhello\n#if x\n", "t.conf").unwrap();
    let warnings: Vec<String> = file.warnings.iter().map(Warning::to_string).collect();
    assert_eq!(
        warnings[0],
        "t.conf:2: 'hello' has no '=' and is ignored. Write key = value."
    );
    assert!(warnings[1].starts_with("t.conf:3: unknown directive '#if'"));
}
