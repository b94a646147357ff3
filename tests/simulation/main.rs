//! Worlds of phones, engines and bad weather in virtual time, each from one
//! seed, judged at every step by an oracle that sees the wire alone.
//!
//! `PINION_SEEDS=n` runs more worlds of the swarm, `PINION_SEED=n` one.

mod database;
mod digest;
mod engine;
mod flows;
mod ladder;
mod message;
mod network;
mod noise;
mod oracle;
mod phone;
mod scenario;
mod stage;
mod swarm;
mod world;
