//! The workers, and the engine that has them, against real databases: a MariaDB
//! started here, and SQLite.

#[path = "../engine/address.rs"]
mod address;
#[path = "../simulation/digest.rs"]
mod digest;
#[path = "../loopback/usage.rs"]
#[expect(dead_code, reason = "nothing here is measured by its time")]
mod usage;

mod addresses;
mod asker;
mod batches;
mod engine;
mod failures;
mod hostile;
mod journal;
mod mariadb;
mod plans;
mod proxy;
mod records;
mod rows;
mod tables;
