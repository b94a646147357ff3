//! Two engines over one database: a phone is called where it is, by whichever
//! engine it registered.

use std::net::SocketAddr;
use std::time::Duration;

use mysql::prelude::Queryable;
use pinion::realtime::mapping::MysqlSection;

use super::Engine;
use super::house::{PATIENCE, add_users, files, password, within};
use super::phone::Phone;
use crate::address::free_address;
use crate::mariadb::shared;

fn node(name: &str, section: &MysqlSection, address: SocketAddr) -> Engine {
    let scratch = files(name, Some(section), "rtsavesysname=yes", "");
    let flags = [
        "--shards",
        "2",
        "--rt-ttl",
        "1",
        "--drain-limit",
        "1",
        "--systemname",
        name,
    ];
    Engine::start(scratch, address, &flags)
}

/// This address, one host further.
fn next_host(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(address) => {
            let host = u32::from(*address.ip()) ^ (1 << 21);
            (std::net::Ipv4Addr::from(host), address.port()).into()
        }
        SocketAddr::V6(_) => unreachable!("tests are on IPv4"),
    }
}

#[test]
fn a_phone_that_moves_is_called_where_it_is() {
    let server = shared();
    let section = server.database("e_nodes");
    add_users(&server, "e_nodes", 1, 2);
    let first = node("node-1", &section, free_address());
    let mut second = node("node-2", &section, next_host(first.address));
    assert_ne!(first.address.ip(), second.address.ip());
    let regserver = || -> Option<String> {
        let sql = "SELECT regserver FROM e_nodes.sippeers WHERE name = '2'";
        server.admin().query_first(sql).unwrap()
    };
    let nodes = [&first, &second].map(|node| node.address);
    let mut callers = nodes.map(|node| Phone::new(node, 1, &password(1)));
    for (turn, node) in [0, 1, 0].into_iter().enumerate() {
        let mut bob = Phone::new(nodes[node], 2, &password(2));
        bob.registers(3600);
        assert_eq!(regserver(), Some(format!("node-{}", node + 1)));
        let bob = bob.answers();
        for caller in &mut callers {
            let taken = bob.taken();
            // As soon as what the other engine read is no longer fresh.
            within(
                PATIENCE,
                &format!("it is called where it is, turn {turn}"),
                || {
                    if let Ok(call) = caller.call("2") {
                        caller.hangs_up(call);
                    }
                    bob.taken() > taken
                },
            );
        }
    }
    // One dies; its phone registers at the other, and is called there.
    let mut bob = Phone::new(nodes[1], 2, &password(2));
    bob.registers(3600);
    second.kill();
    bob.engine = nodes[0];
    bob.registers(3600);
    assert_eq!(regserver().as_deref(), Some("node-1"));
    let bob = bob.answers();
    let call = callers[0].calls("2");
    callers[0].hangs_up(call);
    assert_eq!(bob.taken(), 1);
    assert_eq!(first.stop(Duration::from_secs(60)), Some(0));
}
