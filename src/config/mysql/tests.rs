use super::*;
use crate::config::file;

fn attempt(text: &str) -> Result<(Vec<MysqlSection>, Vec<String>), String> {
    let mut warnings = Vec::new();
    let file = file::parse(text, "res_config_mysql.conf").unwrap();
    let sections = read(&file, &mut warnings).map_err(|error| error.to_string())?;
    Ok((sections, warnings.iter().map(Warning::to_string).collect()))
}

fn one(lines: &str) -> MysqlSection {
    let (mut sections, warnings) = attempt(&format!("[general]\n{lines}\n")).unwrap();
    assert_eq!(warnings, [""; 0], "{lines}");
    sections.remove(0)
}

#[test]
fn an_empty_section_is_asterisks_default() {
    assert_eq!(
        one(""),
        MysqlSection {
            name: "general".into(),
            server: Server::Socket(found_socket()),
            dbname: "asterisk".into(),
            dbuser: "asterisk".into(),
            dbpass: Password::new("asterisk"),
            dbcharset: None,
            requirements: Requirements::Warn,
            tls: Tls::No,
        }
    );
    assert!(
        SOCKETS
            .iter()
            .any(|socket| found_socket().as_os_str() == *socket)
    );
}

#[test]
fn every_option_is_understood() {
    let section = one(
        "dbhost = db.example.com\ndbname = sip\ndbuser = pinion\ndbpass = a b\\;c\ndbport = 3307\n\
         dbcharset = utf8mb4\nrequirements = createclose\ndbtls = verify\ndbtlsca = /etc/ssl/db.pem",
    );
    assert_eq!(
        section,
        MysqlSection {
            name: "general".into(),
            server: Server::Tcp("db.example.com".into(), 3307),
            dbname: "sip".into(),
            dbuser: "pinion".into(),
            dbpass: Password::new("a b;c"),
            dbcharset: Some("utf8mb4".into()),
            requirements: Requirements::CreateClose,
            tls: Tls::Verify(Some("/etc/ssl/db.pem".into())),
        }
    );
    let remote = |line: &str| one(&format!("dbhost=192.0.2.1\n{line}"));
    assert_eq!(remote("").server, Server::Tcp("192.0.2.1".into(), 3306));
    assert_eq!(remote("dbtls=yes").tls, Tls::Yes);
    assert_eq!(remote("dbtls=no").tls, Tls::No);
    assert_eq!(remote("dbtls=Verify").tls, Tls::Verify(None));
    assert_eq!(
        one("requirements=createchar").requirements,
        Requirements::CreateChar
    );
}

#[test]
fn no_host_and_localhost_are_the_socket() {
    let socket = Server::Socket("/run/db.sock".into());
    assert_eq!(one("dbsock=/run/db.sock").server, socket);
    assert_eq!(
        one("dbhost=localhost\ndbport=3307\ndbsock=/run/db.sock").server,
        socket
    );
    assert_eq!(
        one("dbhost=127.0.0.1\ndbsock=/run/db.sock").server,
        Server::Tcp("127.0.0.1".into(), 3306)
    );
}

#[test]
fn sections_stand_side_by_side_and_the_last_of_a_name_wins() {
    let (sections, warnings) = attempt(
        "[base](!)\ndbname=sip\n[read](base)\ndbhost=192.0.2.1\n[write](base)\ndbhost=192.0.2.2\n[read](base)\n\
         dbhost=192.0.2.3\n",
    )
    .unwrap();
    assert_eq!(warnings, [""; 0]);
    let hosts: Vec<_> = sections
        .iter()
        .map(|section| (&*section.name, &section.server, &*section.dbname))
        .collect();
    let tcp = |host: &str| Server::Tcp(host.into(), 3306);
    assert_eq!(
        hosts,
        [
            ("write", &tcp("192.0.2.2"), "sip"),
            ("read", &tcp("192.0.2.3"), "sip")
        ]
    );
}

#[test]
fn what_does_nothing_is_warned_about_and_no_password_is_shown() {
    for (lines, expected) in [
        (
            "dbpas = hunter2",
            "res_config_mysql.conf:2: unknown option 'dbpas' in [general]; did you mean 'dbpass'?",
        ),
        (
            "colour = red",
            "res_config_mysql.conf:2: unknown option 'colour' in [general] is ignored.",
        ),
        (
            "dbtls = yes",
            "res_config_mysql.conf:1: dbtls of [general] does nothing on a socket. Write dbhost=, or leave dbtls out.",
        ),
        (
            "dbhost=192.0.2.1\ndbtls=yes\ndbtlsca=/x",
            "res_config_mysql.conf:1: dbtlsca of [general] does nothing without dbtls=verify. Write that, or leave \
             dbtlsca out.",
        ),
    ] {
        let (_, warnings) = attempt(&format!("[general]\n{lines}\n")).unwrap();
        assert_eq!(warnings, [expected], "{lines}");
    }
    let shown = format!("{:?}", one("dbpass=hunter2"));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn wrong_values_refuse_the_file() {
    for (line, accepted) in [
        (
            "dbport = x",
            "'x' of dbport in [general] does not fit. Accepted: a number from 1 to 65535.",
        ),
        (
            "dbport = 0",
            "'0' of dbport in [general] does not fit. Accepted: a number from 1 to 65535.",
        ),
        (
            "requirements = alter",
            "'alter' of requirements in [general] does not fit. Accepted: warn, createclose or createchar.",
        ),
        (
            "dbtls = maybe",
            "'maybe' of dbtls in [general] does not fit. Accepted: no, yes or verify.",
        ),
    ] {
        assert_eq!(
            attempt(&format!("[general]\n{line}\n")).unwrap_err(),
            format!("res_config_mysql.conf:2: the value {accepted}")
        );
    }
}
