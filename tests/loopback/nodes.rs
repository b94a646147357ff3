//! Two engines over one MariaDB: whoever is asked, a call goes by way of the
//! engine that the callee registered with.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use pinion::realtime::mapping::{MysqlSection, Server};

use crate::address::free_address;
use crate::engine::{Engine, Scratch};
use crate::mariadb::{MariaDb, PASSWORD, USER};
use crate::phones::{self, line};
use crate::share_machine;
use crate::sipp::Sipp;

const LIMIT: Duration = Duration::from_secs(30);

/// The longest until engines know each other.
const PATIENCE: Duration = Duration::from_secs(60);

/// An engine of that name over the database.
fn node(name: &str, section: &MysqlSection, address: SocketAddr) -> Engine {
    let scratch = Scratch::new(name);
    scratch.write(
        "sip.conf",
        "[general]\ncontext=phones\nrtcachefriends=yes\nrtsavesysname=yes\n",
    );
    scratch.write(
        "extensions.conf",
        "[phones]\nexten => _X.,1,Dial(SIP/${EXTEN},20)\n",
    );
    let families = ["sippeers", "nodes"].map(|family| format!("{family} => mysql,test,{family}\n"));
    scratch.write(
        "extconfig.conf",
        &format!("[settings]\n{}", families.concat()),
    );
    let Server::Socket(socket) = &section.server else {
        unreachable!("the tests' server is reached by its socket");
    };
    scratch.write(
        "res_config_mysql.conf",
        &format!(
            "[test]\ndbsock={}\ndbname={}\ndbuser={USER}\ndbpass={PASSWORD}\n",
            socket.display(),
            section.dbname
        ),
    );
    let flags = ["--shards", "2", "--t1", "100", "--rt-ttl", "1"];
    Engine::start(
        scratch,
        address,
        &[&flags[..], &["--systemname", name]].concat(),
    )
}

/// This address, at another host.
fn elsewhere(address: SocketAddr) -> SocketAddr {
    let SocketAddr::V4(v4) = address else {
        unreachable!("tests are on IPv4");
    };
    let host = Ipv4Addr::from(u32::from(*v4.ip()) ^ (1 << 21));
    SocketAddr::from((host, address.port()))
}

/// `caller` calls `callee`, whose telephone is at `contact`, by way of `engine`.
fn call(engine: &Engine, caller: u32, callee: u32, contact: SocketAddr) {
    let answering = Sipp::new(&engine.scratch, "uas", 1, LIMIT)
        .listening(contact)
        .start();
    let calling = Sipp::new(&engine.scratch, "uac", 1, LIMIT)
        .calling(engine.address, 10, &[line(caller, callee)])
        .pausing(50)
        .run();
    calling.expect(1);
    answering.wait().expect(1);
}

/// Calls until it goes by way of `there`.
fn calls_by_way_of(there: &Engine, mut call: impl FnMut()) {
    let begun = || there.counters().total("calls_begun");
    let (before, until) = (begun(), Instant::now() + PATIENCE);
    loop {
        call();
        if begun() > before {
            return;
        }
        assert!(
            Instant::now() < until,
            "the engines do not find each other; one says:\n{}",
            there.log()
        );
    }
}

#[test]
fn engines_over_one_database_are_one_registrar() {
    let _shared = share_machine();
    let server = MariaDb::start("nodes");
    let section = server.database("nodes");
    for user in [1001, 1002] {
        server.exec(&format!(
            "INSERT INTO nodes.sippeers (name, type, host, context, secret) \
             VALUES ('{user}', 'friend', 'dynamic', 'phones', 'secret-of-{user}')"
        ));
    }
    let (ann, bob) = (free_address(), free_address());
    let first = node("first", &section, free_address());
    let second = node("second", &section, elsewhere(first.address));
    phones::register(&first, [(1001, ann)].into_iter(), 10);
    phones::register(&second, [(1002, bob)].into_iter(), 10);
    calls_by_way_of(&second, || call(&first, 1001, 1002, bob));
    calls_by_way_of(&first, || call(&second, 1002, 1001, ann));
    let secrets = [&first, &second].map(Engine::log).concat();
    assert!(!secrets.contains("ERROR"), "{secrets}");
    // Killed: its telephone goes to the other, at another port, and is called.
    drop(second);
    let bob = free_address();
    phones::register(&first, [(1002, bob)].into_iter(), 10);
    call(&first, 1001, 1002, bob);
    // Started again, it is trusted by what it was trusted by: no call fails.
    let second = node("second", &section, elsewhere(first.address));
    phones::register(&second, [(1002, bob)].into_iter(), 10);
    calls_by_way_of(&second, || call(&first, 1001, 1002, bob));
}
