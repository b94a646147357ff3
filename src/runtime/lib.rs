//! The I/O of pinion: one pinned executor per shard, its sockets, the mesh
//! between shards, and the loop that drives a [`pinion_sip::machine::Machine`].
//!
//! ```text
//!   Engine::start ── thread per shard ── Pump<M> ── M: Machine
//!        │                                 │  ├── Port      one per --listen address
//!        │                                 │  ├── Streams   connections of TCP listeners
//!        │                                 │  ├── Mesh      rings to and from the other shards
//!        └── Drain, Reload, Census, Stop ──┘  └── Park      epoll: sockets, doorbell, io_uring
//! ```
//!
//! Knows nothing of SIP: to it a message is bytes and a [`Flow`], and where one
//! ends in a stream `pinion_sip::wire` says. The crate
//! is the only one that names glommio, socket2, crossbeam and libc, and
//! `sys.rs` with what stands below it is the only place that may hold `unsafe`.
//!
//! [`Flow`]: pinion_sip::base::Flow

#![deny(unsafe_code)]

mod address;
#[cfg(feature = "bench")]
pub mod bench;
mod clock;
mod counters;
mod cpu;
mod desk;
mod doorbell;
mod filing;
mod gather;
mod guard;
pub mod journal;
mod launch;
mod mesh;
mod notes;
mod park;
mod pump;
mod ration;
mod retry;
mod security;
mod shards;
mod steer;
mod stream;
#[allow(
    unsafe_code,
    reason = "the one place for system calls that std and socket2 do not wrap"
)]
mod sys;
mod tap;
mod udp;
mod watch;

pub use clock::Clock;
pub use counters::Census;
pub use cpu::unsuited;
pub use desk::{Answers, Desk, Desks, Errands};
pub use filing::{Fate, Filed, Filing, RecordDesk};
pub use launch::{Engine, Event, Options, StartError, allowed_cpus, give_way, try_executor};
pub use mesh::Control;
pub use ration::{Ration, Unsaid};
pub use retry::uninterrupted;
pub use shards::Shards;
pub use steer::{Closed, Steering, Way};
pub use stream::StreamOptions;
pub use tap::{Capture, Captured};
pub use udp::{
    BindError, Group, Shortfall, bind, bind_apart, bind_streams, bind_streams_apart, join,
    source_address,
};
pub use watch::Watch;
