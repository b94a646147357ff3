//! Who may send from an address: the rules of A.11.2, in their order.

use pinion::realtime::mapping::Section;

use crate::asker::{Asker, settings};
use crate::mariadb::shared;

#[test]
fn the_first_rule_that_finds_somebody_counts() {
    let server = shared();
    let section = server.database("addresses");
    server.exec(
        "INSERT INTO addresses.sippeers (name, host, port, ipaddr, insecure) VALUES \
         ('trunk', '192.0.2.1', 5060, NULL, NULL), \
         ('phone', 'dynamic', 5062, '192.0.2.1', NULL), \
         ('any', '192.0.2.1', 5080, NULL, 'port,invite'), \
         ('nat', 'dynamic', 5070, '192.0.2.2', 'port'), \
         ('strict', 'dynamic', 5071, '192.0.2.2', 'invite'), \
         ('six', '2001:db8::1', 5060, NULL, NULL)",
    );
    let asker = Asker::start(&settings(Section::Mysql(section)));
    assert_eq!(asker.peers_at("192.0.2.1:5060"), ["trunk"]);
    assert_eq!(asker.peers_at("192.0.2.1:5062"), ["phone"]);
    assert_eq!(asker.peers_at("192.0.2.1:9999"), ["any"]);
    assert_eq!(asker.peers_at("192.0.2.2:5071"), ["strict"]);
    assert_eq!(asker.peers_at("192.0.2.2:9999"), ["nat"]);
    assert_eq!(asker.peers_at("[2001:db8::1]:5060"), ["six"]);
    assert!(asker.peers_at("192.0.2.3:5060").is_empty());
}

#[test]
fn a_rule_whose_column_is_missing_finds_nobody_and_the_others_go_on() {
    let server = shared();
    let section = server.database("ruleless");
    server.exec("ALTER TABLE ruleless.sippeers DROP COLUMN insecure");
    server.exec(
        "INSERT INTO ruleless.sippeers (name, host, port) VALUES ('trunk', '192.0.2.1', 5060)",
    );
    let asker = Asker::start(&settings(Section::Mysql(section)));
    assert_eq!(asker.peers_at("192.0.2.1:5060"), ["trunk"]);
    assert!(asker.peers_at("192.0.2.1:9999").is_empty());
}
