//! What an operator asks of a plan. Each answer is a function of a compiled
//! plan that writes text, for whoever asks: a subcommand or a console. Nothing
//! here reads a file or a clock.

pub mod explain;
pub mod show;
