//! Why a run did not happen. One sentence each, for people.

use thiserror::Error;

/// What the host or the plan refused.
#[derive(Debug, Error)]
pub enum Error {
    /// The plan contradicts itself.
    #[error("{0}")]
    Plan(String),
    /// No local address leads to the target.
    #[error("no route to {0}: give the address to send from with --local")]
    NoRoute(std::net::SocketAddr),
    /// A socket could not be had.
    #[error(transparent)]
    Bind(#[from] pinion_runtime::BindError),
    /// A thread could not be started.
    #[error(transparent)]
    Start(#[from] pinion_runtime::StartError),
    /// A thread ended by itself.
    #[error("thread {0} ended by a fault: {1}")]
    Died(u16, String),
    /// Those to be called could not be registered.
    #[error("{registered} of {wanted} users could be registered at {target}; the others: {why}")]
    Unregistered {
        /// Where.
        target: std::net::SocketAddr,
        /// How many were.
        registered: u64,
        /// How many there are.
        wanted: u64,
        /// What became of the others.
        why: String,
    },
    /// A file, a signal handler.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
}
