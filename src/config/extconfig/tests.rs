use super::*;
use crate::config::file;

fn attempt(text: &str) -> Result<(Vec<Line>, Vec<String>), String> {
    let mut warnings = Vec::new();
    let file = file::parse(text, "extconfig.conf").unwrap();
    let lines = read(&file, &mut warnings).map_err(|error| error.to_string())?;
    Ok((lines, warnings.iter().map(Warning::to_string).collect()))
}

/// family, driver, read, write, table, priority of each line.
fn settings(text: &str) -> Vec<String> {
    let (lines, warnings) = attempt(&format!("[settings]\n{text}\n")).unwrap();
    assert_eq!(warnings, [""; 0], "{text}");
    let show = |line: &Line| {
        format!(
            "{} {:?} {} {} {} {}",
            line.family, line.driver, line.read, line.write, line.table, line.priority
        )
    };
    lines.iter().map(show).collect()
}

#[test]
fn a_line_names_driver_database_table_and_priority() {
    for (line, expected) in [
        (
            "sippeers => mysql,asterisk",
            "sippeers Mysql asterisk asterisk sippeers 1",
        ),
        (
            "sippeers = mysql,general,users",
            "sippeers Mysql general general users 1",
        ),
        (
            "SipRegs => MySQL, general , regs , 1",
            "sipregs Mysql general general regs 1",
        ),
        (
            "sipregs => sqlite,\"a, b\",regs",
            "sipregs Sqlite a, b a, b regs 1",
        ),
        (
            "extensions => sqlite3,x",
            "extensions Sqlite x x extensions 1",
        ),
        (
            "sippeers => mysql,replica/primary,s",
            "sippeers Mysql replica primary s 1",
        ),
        (
            "sip.conf => mysql,general,ast_config",
            "sip.conf Mysql general general ast_config 1",
        ),
        (
            "extensions.conf => mysql,\"a/b\"",
            "extensions.conf Mysql a b extensions.conf 1",
        ),
        ("sippeers => mysql,a,,1", "sippeers Mysql a a sippeers 1"),
    ] {
        assert_eq!(settings(line), [expected], "{line}");
    }
}

#[test]
fn lines_of_a_family_stand_in_the_order_of_their_priorities() {
    let lines = settings(
        "sippeers => mysql,c,t,3\nsipregs => mysql,r\nsippeers => sqlite,a,t\nsippeers => mysql,b,t,2",
    );
    assert_eq!(
        lines,
        [
            "sippeers Sqlite a a t 1",
            "sippeers Mysql b b t 2",
            "sippeers Mysql c c t 3",
            "sipregs Mysql r r r 1",
        ]
        .map(|line| line.replace("sipregs Mysql r r r 1", "sipregs Mysql r r sipregs 1"))
    );
}

#[test]
fn what_nobody_reads_is_warned_about() {
    for (text, lines, expected) in [
        (
            "[settings]\nvoicemail => odbc,asterisk",
            0,
            "extconfig.conf:2: nothing here reads 'voicemail'; this line is ignored.",
        ),
        (
            "[settings]\nsippeer => mysql,asterisk",
            1,
            "extconfig.conf:2: only plans can read 'sippeer'; did you mean 'sippeers'?",
        ),
        (
            "[settings]\nlogger.conf => mysql,asterisk",
            0,
            "extconfig.conf:2: logger.conf cannot come from a database; this line is ignored.",
        ),
        (
            "[settings]\nextconfig.conf => mysql,asterisk",
            0,
            "extconfig.conf:2: extconfig.conf cannot come from a database; this line is ignored.",
        ),
        (
            "[settings]\nasterisk.conf => mysql,asterisk",
            0,
            "extconfig.conf:2: asterisk.conf cannot come from a database; this line is ignored.",
        ),
        (
            "[settings]\nsipfriends => mysql,asterisk",
            1,
            "extconfig.conf:2: sipfriends is the old name of sippeers, and taken as that.",
        ),
        (
            "[general]\nsippeers => mysql,asterisk",
            0,
            "extconfig.conf:1: [general] is not read. Write [settings].",
        ),
    ] {
        let (found, warnings) = attempt(text).unwrap();
        assert_eq!(
            (found.len(), warnings),
            (lines, vec![expected.into()]),
            "{text}"
        );
    }
    let (lines, _) = attempt("[settings]\nsipfriends => mysql,asterisk").unwrap();
    assert_eq!(
        (&*lines[0].family, &*lines[0].table),
        ("sippeers", "sipfriends")
    );
}

#[test]
fn lines_that_make_no_sense_refuse_the_file() {
    let form = "Accepted: driver,database[,table[,priority]], as in mysql,asterisk,sippeers.";
    for (text, expected) in [
        (
            "sippeers => mysql",
            format!("the value 'mysql' of sippeers in [settings] does not fit. {form}"),
        ),
        (
            "sippeers =>",
            format!("the value '' of sippeers in [settings] does not fit. {form}"),
        ),
        (
            "sippeers => mysql,a/",
            format!("the value 'mysql,a/' of sippeers in [settings] does not fit. {form}"),
        ),
        (
            "sippeers => mysql,a,b,1,c",
            format!("the value 'mysql,a,b,1,c' of sippeers in [settings] does not fit. {form}"),
        ),
        (
            "sippeers => odbc,asterisk",
            "there is no driver 'odbc' for sippeers. Write mysql or sqlite.".into(),
        ),
        (
            "sippeers => mysql,a,b,first",
            "the priority 'first' of sippeers is no number from 1 on. Write 1, or leave it out."
                .into(),
        ),
        (
            "sippeers => mysql,a,b,0",
            "the priority '0' of sippeers is no number from 1 on. Write 1, or leave it out.".into(),
        ),
        (
            "sippeers => mysql,a,b,2",
            "sippeers has the priority 2, and none of 1. Number its lines 1, 2 and so on.".into(),
        ),
    ] {
        let refusal = attempt(&format!("[settings]\n{text}\n")).unwrap_err();
        assert_eq!(refusal, format!("extconfig.conf:2: {expected}"));
    }
    assert_eq!(
        attempt("[settings]\nsippeers => mysql,a\nsippeers => mysql,b\n").unwrap_err(),
        "extconfig.conf:3: sippeers has the priority 1 twice. Number its lines 1, 2 and so on."
    );
}
