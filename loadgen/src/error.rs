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
    /// A file, a signal handler.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
}
