//! The workers against real databases: a MariaDB started here, and SQLite.

#[path = "../engine/scratch.rs"]
#[expect(dead_code, reason = "other tests write files, these do not")]
mod scratch;

mod addresses;
mod asker;
mod batches;
mod failures;
mod hostile;
mod journal;
mod mariadb;
mod proxy;
mod rows;
mod tables;
