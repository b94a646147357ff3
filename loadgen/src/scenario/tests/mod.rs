//! Scenarios compiled and run: against each other in virtual time, and against
//! SIPp on loopback.

mod calls;
mod corpus;
mod features;
mod refusals;
mod stage;
mod wire;
