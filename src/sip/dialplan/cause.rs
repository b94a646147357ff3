//! placeholder
/// A Q.850 hangup cause (0 to 127), as `HANGUPCAUSE` holds it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Cause(pub u8);

/// How an outbound channel failed: the frame Asterisk would queue, and the cause.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// AST_CONTROL_BUSY.
    Busy(Cause),
    /// AST_CONTROL_CONGESTION.
    Congestion(Cause),
    /// The channel hung up with a cause.
    Hangup(Cause),
    /// It could never be dialled: not registered, unreachable, call limit.
    Unavailable(Cause),
    /// 3xx.
    Forwarded(Cause),
}
