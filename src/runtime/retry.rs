//! System calls that a signal interrupts.

use std::io;

/// Makes a call until it is not interrupted. A wait for a socket with a time
/// limit is never resumed by the kernel: it ends with `Interrupted` after any
/// handled signal, and where the process was stopped and goes on (signal(7)). Its
/// limit begins anew with each turn, so that a deadline is the caller's to keep.
pub fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_made_until_it_is_not_interrupted() {
        let said = [
            io::ErrorKind::Interrupted,
            io::ErrorKind::Interrupted,
            io::ErrorKind::TimedOut,
            io::ErrorKind::Interrupted,
        ];
        let mut calls = said.into_iter();
        let result: io::Result<()> = uninterrupted(|| Err(calls.next().expect("asked on").into()));
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(calls.len(), 1);
    }
}
