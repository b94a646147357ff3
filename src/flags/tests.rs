//! Which arguments are understood, and what is said of others.

use super::*;

use crate::command::Dialplan;

fn read(arguments: &str) -> Result<Flags, String> {
    Flags::read(std::iter::once("pinion").chain(arguments.split_whitespace()))
        .map_err(|error| sentence(&error))
}

#[test]
fn the_definition_is_consistent() {
    use clap::CommandFactory;
    Flags::command().debug_assert();
}

#[test]
fn nothing_given_is_enough() {
    let flags = read("").unwrap();
    assert_eq!(
        (flags.config, flags.listen, flags.shards, flags.cpus),
        (None, vec![], None, None)
    );
    assert_eq!(
        (flags.rcvbuf, flags.sndbuf, flags.batch, flags.coalesce),
        (Bytes(4 << 20), Bytes(212_992), 32, 200)
    );
    assert_eq!(
        (
            flags.drain_limit,
            flags.stats_interval,
            &flags.log,
            flags.steer
        ),
        (30, 0, &Levels::default(), Steer::Auto)
    );
    assert_eq!(
        (flags.state, flags.systemname, flags.reg_write),
        (None, None, RegWrite::Durable)
    );
    let seconds = Duration::from_secs;
    assert_eq!((flags.db_workers, flags.db_queue), (4, 16_384));
    assert_eq!(
        (flags.db_timeout, flags.rt_ttl, flags.rt_stale),
        (seconds(1), seconds(30), seconds(3600))
    );
}

#[test]
fn records_have_a_journal_unless_there_are_none() {
    for (line, dir) in [
        ("", None),
        ("--cdr-journal /run/pinion", None),
        ("--cdr /var/log/pinion/cdr", Some("/dev/shm")),
        ("--cdr cdr --cdr-journal /run/pinion", Some("/run/pinion")),
        ("--cdr cdr --cdr-journal none", None),
    ] {
        let flags = read(line).unwrap();
        assert_eq!(flags.cdr_journal_dir(), dir.map(Path::new), "{line}");
    }
}

#[test]
fn every_flag_is_understood() {
    let flags = read(
        "--config /etc/pinion --user voip:sip --listen 0.0.0.0:5060 --listen [::1]:5062 --listen-tcp 0.0.0.0:5060 \
         --tcp-switch --tcp-max-message 20k --tcp-queue 1m --tcp-connections 9 --tcp-connect-timeout 50 --tcp-idle 7 --shards 4 --cpus 0-1,3,0 --max-calls 7 \
         --max-transactions 8 --keep-failures 10 --sample 8 --http 127.0.0.1:8080 --http-anywhere --rcvbuf 16M --sndbuf 8192 --batch 64 --coalesce 0 --steer cbpf --mesh-depth 16 --t1 250 --t2 2000 --t4 2500 \
         --log trace --stats-interval 5 --drain-limit 0 --state /var/lib/pinion --reg-write journal --db-workers 2 \
         --db-timeout 300 --db-queue 9 --rt-ttl 2 --rt-stale 60 --systemname node-1.a \
         --log-format json --log-file /var/log/pinion.log --pcap /var/tmp/all.pcapng --pcap-size 8m --work-threads 3 --work-timeout 700 --dns 192.0.2.1:53 --allow-system --console /tmp/c \
         --cdr /var/log/pinion/cdr --cdr-journal /run/pinion",
    )
    .unwrap();
    let ms = Duration::from_millis;
    let expected = Flags {
        command: None,
        config: Some("/etc/pinion".into()),
        listen: vec![
            "0.0.0.0:5060".parse().unwrap(),
            "[::1]:5062".parse().unwrap(),
        ],
        tcp: TcpFlags {
            listen_tcp: vec!["0.0.0.0:5060".parse().unwrap()],
            tcp_switch: true,
            tcp_max_message: Bytes(20 << 10),
            tcp_queue: Bytes(1 << 20),
            tcp_connections: 9,
            tcp_connect_timeout: ms(50),
            tcp_idle: ms(7000),
        },
        user: Some("voip:sip".parse().unwrap()),
        shards: Some(4),
        cpus: Some(CpuList(vec![0, 1, 3, 0])),
        max_calls: 7,
        max_transactions: 8,
        keep_failures: 10,
        http: Some("127.0.0.1:8080".parse().unwrap()),
        http_anywhere: true,
        sample: 8,
        rcvbuf: Bytes(16 << 20),
        sndbuf: Bytes(8192),
        batch: 64,
        coalesce: 0,
        steer: Steer::Cbpf,
        mesh_depth: 16,
        t1: Some(ms(250)),
        t2: Some(ms(2000)),
        t4: Some(ms(2500)),
        state: Some("/var/lib/pinion".into()),
        cdr: Some("/var/log/pinion/cdr".into()),
        cdr_journal: "/run/pinion".into(),
        reg_write: RegWrite::Journal,
        db_workers: 2,
        db_timeout: ms(300),
        db_queue: 9,
        rt_ttl: ms(2000),
        rt_stale: ms(60_000),
        systemname: Some("node-1.a".into()),
        work_threads: 3,
        work_timeout: ms(700),
        dns: vec!["192.0.2.1:53".parse().unwrap()],
        allow_system: true,
        log: "trace".parse().unwrap(),
        log_format: Format::Json,
        log_file: Some("/var/log/pinion.log".into()),
        pcap: Some("/var/tmp/all.pcapng".into()),
        pcap_size: Bytes(8 << 20),
        stats_interval: 5,
        drain_limit: 0,
        console: Console {
            socket: Some("/tmp/c".into()),
            ..Console::default()
        },
    };
    assert_eq!(flags, expected);
}

#[test]
fn a_mistake_is_one_line_that_names_the_flag() {
    for (arguments, expected) in [
        (
            "--listen 5060",
            "invalid value '5060' for '--listen <ADDR:PORT>': invalid socket address syntax",
        ),
        (
            "--shards 0",
            "invalid value '0' for '--shards <N>': 0 is not in 1..=256",
        ),
        (
            "--cpus 3-1",
            "invalid value '3-1' for '--cpus <LIST>': a list such as 0-3,5 is wanted",
        ),
        (
            "--rcvbuf 4g",
            "invalid value '4g' for '--rcvbuf <BYTES>': a size from 4k to 1024m is wanted",
        ),
        (
            "--t1 0",
            "invalid value '0' for '--t1 <MS>': a number of milliseconds from 1 to 60000 is wanted",
        ),
        ("--t1 500 --t2 100", "--t2 must not be shorter than --t1"),
        (
            "--listen [::]:5060 --listen [::]:5060",
            "--listen [::]:5060 is given twice",
        ),
        (
            "--listen-tcp [::]:5060 --listen-tcp [::]:5060",
            "--listen-tcp [::]:5060 is given twice",
        ),
        ("--tcp-idle 0", "--tcp-idle must be 1 at least"),
        (
            "--max-calls 0",
            "invalid value '0' for '--max-calls <N>': 0 is not in 1..=4294967295",
        ),
        (
            "--rt-ttl 90000",
            "invalid value '90000' for '--rt-ttl <SECONDS>': a number of seconds from 0 to 86400 is wanted",
        ),
        (
            "--rt-ttl 60 --rt-stale 30",
            "--rt-stale must not be shorter than --rt-ttl",
        ),
        (
            "--reg-write journal",
            "--reg-write journal needs --state DIR, where the journal lies",
        ),
        (
            "--systemname a/b",
            "invalid value 'a/b' for '--systemname <NAME>': a name of up to 20 letters, digits, dots, hyphens and \
             underscores is wanted",
        ),
        ("stray", "unrecognized subcommand 'stray'"),
    ] {
        assert_eq!(read(arguments).unwrap_err(), expected);
    }
    let levels = read("--log loud").unwrap_err();
    assert!(
        levels.contains("there are off, error, warn, info, debug, trace"),
        "{levels}"
    );
}

#[test]
fn subcommands_have_flags_of_their_own() {
    let flags = read("dialplan explain 100@office 42 --at 7 --json --config conf").unwrap();
    let Some(Command::Dialplan(Dialplan::Explain(asked))) = flags.command else {
        panic!("{:?}", flags.command)
    };
    assert_eq!(asked.place, ("100".into(), "office".into()));
    assert_eq!(
        (&*asked.caller, asked.at, asked.json),
        ("42", Some(7), true)
    );
    assert_eq!(asked.of.config, Some("conf".into()));
    let flags = read("check conf --json --strict").unwrap();
    let Some(Command::Check(asked)) = flags.command else {
        panic!("{:?}", flags.command)
    };
    assert_eq!(
        (asked.dir, asked.json, asked.strict),
        ("conf".into(), true, true)
    );
    let refused = read("dialplan explain 100").unwrap_err();
    assert!(refused.ends_with("as in 100@default"), "{refused}");
    assert!(read("--shards 2 dialplan show").is_err());
}

#[test]
fn help_names_every_flag_and_its_default() {
    let help = Flags::read(["pinion", "--help"]).unwrap_err();
    assert!(!help.use_stderr());
    let help = help.to_string();
    for text in [
        "--mesh-depth <N>",
        "[default: 1024]",
        "--steer <WAY>",
        "takes CAP_BPF and CAP_PERFMON",
        "Database and state:",
        "--rt-ttl <SECONDS>",
        "[default: systemname of asterisk.conf]",
        "- durable:",
        "SIGUSR1",
        "What to serve:",
        "Exit status:",
    ] {
        assert!(help.contains(text), "{text} is missing from:\n{help}");
    }
}
