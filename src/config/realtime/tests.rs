use super::*;
use crate::realtime::mapping::{MysqlSection, Server};

/// A directory of files that goes with its value.
struct Files(tempfile::TempDir);

impl Files {
    fn of(files: &[(&str, &str)]) -> Files {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        Files(dir)
    }

    fn load(&self) -> Result<(Mapping, Vec<String>), String> {
        let mut warnings = Vec::new();
        let mapping = load(self.0.path(), &Disk::default(), &mut warnings)
            .map_err(|error| error.to_string())?;
        Ok((mapping, warnings.iter().map(Warning::to_string).collect()))
    }

    /// The sentence without the directory.
    fn refusal(&self) -> String {
        let dir = format!("{}/", self.0.path().display());
        self.load().unwrap_err().replace(&dir, "")
    }
}

#[test]
fn without_extconfig_there_is_no_database() {
    assert_eq!(Files::of(&[]).load(), Ok((Mapping::default(), Vec::new())));
}

#[test]
fn families_find_their_sections() {
    let files = Files::of(&[
        (
            "extconfig.conf",
            "[settings]\nsippeers => mysql,near/far,users,2\nsippeers => mysql,far,users\nsip.conf => sqlite,local,lines\n",
        ),
        (
            "res_config_mysql.conf",
            "[unused]\n[near]\ndbsock=/run/near\n[far]\ndbhost=192.0.2.1\n",
        ),
        ("res_config_sqlite3.conf", "[local]\ndbfile=a.sqlite\n"),
    ]);
    let (mapping, warnings) = files.load().unwrap();
    assert_eq!(warnings, [""; 0]);
    let names: Vec<&str> = mapping.sections.iter().map(Section::name).collect();
    let place = |read: &str, write: &str, table: &str| {
        let index = |name: &str| names.iter().position(|known| *known == name).unwrap();
        Place {
            read_section: index(read),
            write_section: index(write),
            table: table.into(),
        }
    };
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(
        mapping.places("sippeers"),
        [place("far", "far", "users"), place("near", "far", "users")]
    );
    assert_eq!(
        mapping.places("sip.conf"),
        [place("local", "local", "lines")]
    );
    assert!(mapping.sections.iter().any(|section| matches!(
        section,
        Section::Mysql(MysqlSection { server: Server::Socket(socket), .. }) if socket.as_os_str() == "/run/near"
    )));
}

#[test]
fn what_a_line_refers_to_must_be_there() {
    let settings = "[settings]\nsippeers => mysql,asterisk\n";
    assert_eq!(
        Files::of(&[
            ("extconfig.conf", settings),
            ("res_config_mysql.conf", "[general]\n")
        ])
        .refusal(),
        "extconfig.conf:2: the database of sippeers is [asterisk], a section that res_config_mysql.conf has not. Write \
         it there, or name one that it has."
    );
    let missing = Files::of(&[("extconfig.conf", settings)]).refusal();
    assert!(
        missing.starts_with("res_config_mysql.conf: cannot be read: ")
            && missing.contains("Check the path"),
        "{missing}"
    );
}

#[test]
fn a_driver_that_is_not_used_needs_no_file() {
    let files = Files::of(&[
        ("extconfig.conf", "[settings]\nsippeers => sqlite3,a\n"),
        ("res_config_sqlite3.conf", "[a]\ndbfile=a\n"),
        ("res_config_mysql.conf", "this is not read"),
    ]);
    assert!(files.load().is_ok());
}
