use super::*;
use crate::config::file;

fn attempt(text: &str) -> Result<(Vec<SqliteSection>, Vec<String>), String> {
    let mut warnings = Vec::new();
    let file = file::parse(text, "res_config_sqlite3.conf").unwrap();
    let sections = read(&file, Path::new("/etc/pinion"), &mut warnings);
    let sections = sections.map_err(|error| error.to_string())?;
    Ok((sections, warnings.iter().map(Warning::to_string).collect()))
}

#[test]
fn a_section_is_a_file() {
    let (sections, warnings) = attempt(
        "[asterisk]\ndbfile => /var/lib/users.sqlite3\nbatch = 100\ndebug = no\nrequirements = createchar\n\
         [local]\ndbfile = users.sqlite3\n",
    )
    .unwrap();
    assert_eq!(warnings, [""; 0]);
    let section = |name: &str, dbfile: &str, requirements| SqliteSection {
        name: name.into(),
        dbfile: dbfile.into(),
        requirements,
    };
    assert_eq!(
        sections,
        [
            section(
                "asterisk",
                "/var/lib/users.sqlite3",
                Requirements::CreateChar
            ),
            section("local", "/etc/pinion/users.sqlite3", Requirements::Warn),
        ]
    );
}

#[test]
fn what_does_not_fit_is_told_with_its_line() {
    assert_eq!(
        attempt("[a]\nrequirements = warn\n").unwrap_err(),
        "res_config_sqlite3.conf:1: [a] names no file. Write dbfile=/path/to/realtime.sqlite3."
    );
    assert_eq!(
        attempt("[a]\ndbfile = x\nrequirements = no\n").unwrap_err(),
        "res_config_sqlite3.conf:3: the value 'no' of requirements in [a] does not fit. Accepted: warn, createclose \
         or createchar."
    );
    assert_eq!(
        attempt("[a]\ndbfile = x\ndbfil = y\n").unwrap().1,
        ["res_config_sqlite3.conf:3: unknown option 'dbfil' in [a]; did you mean 'dbfile'?"]
    );
}
