use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::source::{alternatives, output};
use super::*;

/// Files by name; a glob is `prefix*`.
struct Shelf(&'static [(&'static str, &'static str)]);

impl Source for Shelf {
    fn find(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        let pattern = pattern.to_str().unwrap();
        let fits = |name: &str| match pattern.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == pattern,
        };
        let found = self.0.iter().filter(|(name, _)| fits(name));
        Ok(found.map(|(name, _)| PathBuf::from(name)).collect())
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        let found = self.0.iter().find(|(name, _)| Path::new(name) == path);
        found
            .map(|(_, text)| text.to_string())
            .ok_or(io::ErrorKind::NotFound.into())
    }

    fn run(&self, command: &str) -> io::Result<Ran> {
        match command {
            "forbidden" => Ok(Ran::Forbidden),
            "skipped" => Ok(Ran::Skipped),
            "fails" => Err(io::Error::other("it ended with 1")),
            _ => Ok(Ran::Printed(format!("k=from {command}\n[more]\nl\n"))),
        }
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
        read("[a]\n;-- \\;-- \\--\\; ;--- ;\nj=0\n--; k = 1 ; l\n;--;\nm=2\n--;\n"),
        ["[a] k=1"]
    );
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
    assert_eq!(
        read("[a]\nk=1\nk=2\nk+=3\nl += 4\nl += 5 \nL+=6\n"),
        ["[a] k=1 k=23 l=4 5 L=6"]
    );
    assert_eq!(
        read("[t](!)\nk=1\n[a](t)\nk+=&2\n"),
        ["[t] k=1", "[a] k=1&2"]
    );
}

#[test]
fn plus_keeps_a_template_one_or_makes_one() {
    let template = |text: &str| parse(text, "t.conf").unwrap().categories[0].template;
    assert!(template("[a](!)\n[a](+)\nk=1\n"));
    assert!(template("[a]\n[a](+,!)\nk=1\n"));
    assert_eq!(
        read("[t](!)\nk=1\n[a]\nl=2\n[A](+,t)\nm=3\n"),
        ["[t] k=1", "[a] l=2 k=1 m=3"]
    );
}

#[test]
fn options_stand_right_behind_the_bracket() {
    let file = parse("[t](!)\nk=1\n[a] (t)\n[b]( t , t)\n", "t.conf").unwrap();
    assert_eq!(shape(&file), ["[t] k=1", "[a]", "[b] k=1 k=1"]);
    let warnings: Vec<_> = file.warnings.iter().map(Warning::to_string).collect();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].starts_with("t.conf:3: what follows the ']' is not read."));
}

#[test]
fn a_backslash_escapes_the_first_character_of_a_key() {
    assert_eq!(
        read("[a]\n\\[k] = 1\n\\#l=2\n\\=m=3\n\\;n=4\n"),
        ["[a] [k]=1 #l=2 =m=3 ;n=4"]
    );
}

#[test]
fn an_include_begins_in_the_category_and_looks_beside_the_first_file() {
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
    let file = load(&shelf, Path::new("/etc/a.conf")).unwrap();
    assert_eq!(shape(&file), ["[a] k=1 l=2 m=4", "[c] n=3", "[d1]", "[d2]"]);
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
    let error = load(&shelf, Path::new("a")).unwrap_err().to_string();
    assert_eq!(
        error,
        "a:1: includes nest deeper than 10. Does a file include itself?"
    );
}

#[test]
fn a_file_that_cannot_be_read_says_so() {
    let error = load(&Shelf(&[]), Path::new("/x")).unwrap_err().to_string();
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
        ("[a]\n#exec date\n", "t.conf:2: #exec is not allowed."),
        ("[a]\n\\ k=1\n", "t.conf:2: the '\\' escapes nothing."),
    ] {
        assert!(
            refuse(text).starts_with(start),
            "{text:?}: {}",
            refuse(text)
        );
    }
}

#[test]
fn an_included_file_begins_in_the_category_opened_last() {
    let shelf = Shelf(&[
        ("a", "[a]\n#include b\n#include c\nm=1\n"),
        ("b", "[b]\n"),
        ("c", "n=2\n"),
    ]);
    let file = load(&shelf, Path::new("a")).unwrap();
    assert_eq!(shape(&file), ["[a] m=1", "[b] n=2"]);
}

#[test]
fn a_mistake_in_an_included_file_refuses_the_whole() {
    let shelf = Shelf(&[("a", "[a]\n#tryinclude b\n"), ("b", "k=1\n[b\n")]);
    let error = load(&shelf, Path::new("a")).unwrap_err().to_string();
    assert!(
        error.starts_with("b:2: this category is not closed"),
        "{error}"
    );
}

#[test]
fn exec_includes_what_a_command_prints() {
    let read = |text| load(&Shelf(text), Path::new("a"));
    let file = read(&[("a", "[a]\n#exec \"list all\"\nm=1\n")]).unwrap();
    assert_eq!(shape(&file), ["[a] k=from list all m=1", "[more]"]);
    assert_eq!(
        file.categories[0].entries[0].at.to_string(),
        "#exec list all:1"
    );
    assert!(
        file.warnings[0]
            .to_string()
            .starts_with("#exec list all:3: 'l' has no '='")
    );
    let refused = |text| read(text).unwrap_err().to_string();
    assert_eq!(
        refused(&[("a", "#exec forbidden\n")]),
        "a:1: #exec is not allowed. Set execincludes=yes in [options] of asterisk.conf, or #include what the \
         program writes."
    );
    assert_eq!(
        refused(&[("a", "#exec fails\n")]),
        "a:1: 'fails' cannot be included: it ended with 1. Run it by hand to see why."
    );
}

#[test]
fn commands_run_only_where_the_disk_allows_them() {
    let run = |exec, command| Disk { exec }.run(command);
    assert_eq!(run(Exec::Forbid, "exit 3").unwrap(), Ran::Forbidden);
    assert_eq!(run(Exec::Skip, "exit 3").unwrap(), Ran::Skipped);
    let printed = Ran::Printed("[a]\n".into());
    assert_eq!(run(Exec::Run, "echo '[a]'").unwrap(), printed);
    let error = run(Exec::Run, "exit 3").unwrap_err().to_string();
    assert_eq!(error, "it ended with exit status: 3");
}

#[test]
fn a_command_that_does_not_end_or_prints_without_end_is_an_error() {
    let refused = |command, patience_ms| {
        let patience = Duration::from_millis(patience_ms);
        output(command, patience).unwrap_err().to_string()
    };
    let late = "it did not end within 0.25 s";
    assert_eq!(refused("exec sleep 1000", 250), late);
    assert_eq!(refused("exec >&-; exec sleep 1000", 250), late);
    assert_eq!(refused("sleep 3 & exit 0", 250), late);
    assert_eq!(refused("exec yes", 60_000), "it prints more than 16 MiB");
}

#[test]
fn globs_of_the_disk_are_those_of_the_shell() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["b.conf", "a.conf", ".c.conf", "d.txt", "e{1}.conf"] {
        std::fs::write(dir.path().join(name), "").unwrap();
    }
    std::fs::create_dir_all(dir.path().join("sub.conf")).unwrap();
    std::fs::write(dir.path().join("sub.conf/f.conf"), "").unwrap();
    let find = |pattern: &str| {
        let paths = Disk::default().find(&dir.path().join(pattern)).unwrap();
        let name = |path: &PathBuf| {
            let path = path.strip_prefix(dir.path()).unwrap();
            path.to_string_lossy().into_owned()
        };
        paths.iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(find("*.conf"), ["a.conf", "b.conf", "e{1}.conf"]);
    assert_eq!(find("[bd].*"), ["b.conf", "d.txt"]);
    assert_eq!(find("{d.txt,a.conf}"), ["d.txt", "a.conf"]);
    assert_eq!(find("e{1}.conf"), ["e{1}.conf"]);
    assert_eq!(find("*/?.conf"), ["sub.conf/f.conf"]);
    assert_eq!(find("sub.conf"), [""; 0]);
    assert_eq!(find("gone"), [""; 0]);
}

#[test]
fn braces_are_alternatives() {
    for (pattern, expected) in [
        ("a", &["a"][..]),
        ("a{b,c}d", &["abd", "acd"]),
        ("{a,b}{1,2}", &["a1", "a2", "b1", "b2"]),
        ("a{b{1,2},}c", &["ab1c", "ab2c", "ac"]),
        ("a{b", &["a{b"]),
    ] {
        assert_eq!(alternatives(pattern).unwrap(), expected, "{pattern}");
    }
}

#[test]
fn braces_stand_for_a_bounded_number_of_names() {
    let thousand = "{0,1,2,3,4,5,6,7,8,9}".repeat(3);
    assert_eq!(alternatives(&thousand).unwrap().len(), 1_000);
    for pattern in [
        format!("{thousand}{{a,b}}"),
        "{a,b}".repeat(30),
        "{a}".repeat(100_000),
        format!("{{{}}}", ",".repeat(1_000_000)),
    ] {
        assert_eq!(alternatives(&pattern), None);
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.conf");
    std::fs::write(&path, format!("[a]\n#tryinclude {}\n", "{a,b}".repeat(30))).unwrap();
    let refused = load(&Disk::default(), &path).unwrap_err();
    assert_eq!(refused.at.line, 2);
    let sentence = "its braces stand for more than 1000 names. Write * or fewer braces.";
    assert!(refused.text.ends_with(sentence), "{refused}");
}

#[test]
fn lines_without_meaning_are_warned_about() {
    for (line, expected) in [
        (
            "hello",
            "'hello' has no '=' and is ignored. Write key = value.",
        ),
        (
            "= v",
            "this line has no key and is ignored. Write key = value.",
        ),
        (
            "#if x",
            "unknown directive '#if' is ignored. A comment begins with ';'.",
        ),
        (
            "#include",
            "#include says nothing and is ignored. Name a file.",
        ),
        (
            "#tryinclude \"\"",
            "#tryinclude says nothing and is ignored. Name a file.",
        ),
    ] {
        let file = parse(&format!("[a]\n{line}\nk=v\n"), "t.conf").unwrap();
        let warnings: Vec<String> = file.warnings.iter().map(Warning::to_string).collect();
        assert_eq!(warnings, [format!("t.conf:2: {expected}")], "{line}");
        assert_eq!(shape(&file), ["[a] k=v"]);
        assert!(file.warnings[0].grave);
    }
}

proptest::proptest! {
    /// Whatever stands in a file, it is read or refused, and no line gets lost
    /// on the way into a category.
    #[test]
    fn any_text_is_read_or_refused_with_a_line(
        text in "([\\[\\](!+,)=>;\\\\#\"<> \n\t-]|--;|;--|[ab]|\\[a\\]\n|a=b\n|#include |é){0,60}",
    ) {
        let lines = text.lines().count() as u32;
        match parse(&text, "t.conf") {
            Ok(file) => {
                let entries = file.categories.iter().flat_map(|category| &category.entries);
                for entry in entries {
                    proptest::prop_assert!((1..=lines).contains(&entry.at.line));
                    proptest::prop_assert!(!entry.key.is_empty());
                    proptest::prop_assert_eq!(entry.value.trim_matches(' '), &*entry.value);
                }
            }
            Err(error) => proptest::prop_assert!((1..=lines).contains(&error.at.line)),
        }
    }
}
