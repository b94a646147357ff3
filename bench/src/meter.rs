//! What is laid around a measured piece of work. Measures nothing but that.

use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Runs the work once, and measures it on the way.
pub type Meter = fn(&mut dyn FnMut());

/// Measures nothing.
pub fn plain(work: &mut dyn FnMut()) {
    work();
}

/// The frame callgrind looks for: instructions count while it is on the stack.
#[inline(never)]
pub fn counted(work: &mut dyn FnMut()) {
    work();
    // Keeps the frame until the work is done: a call in last place becomes a jump.
    black_box(());
}

thread_local! {
    static CLOCKED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Adds the time the work takes to what [`take_clocked`] returns.
pub fn clocked(work: &mut dyn FnMut()) {
    let start = Instant::now();
    work();
    let took = start.elapsed();
    CLOCKED.set(CLOCKED.get() + took);
}

/// The time clocked by this thread since it was last asked.
pub fn take_clocked() -> Duration {
    CLOCKED.take()
}
