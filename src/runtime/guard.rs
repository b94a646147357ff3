//! Keeps one machine alive: catches its panic and puts a new incarnation in
//! its place. Does no I/O; the pump tells the other shards.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use pinion_sip::base::{Instant, ShardId};
use pinion_sip::config::Config;
use pinion_sip::machine::{Input, Machine, Outbox, Page, Query};

/// A machine was replaced; what it held is gone.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    /// What the panic said.
    pub(crate) message: String,
}

/// A machine and the means to make another.
pub(crate) struct Guard<M, F> {
    shard: ShardId,
    incarnation: u32,
    factory: Arc<F>,
    machine: M,
    /// Orders that bind every later incarnation too.
    draining: bool,
    config: Option<Arc<Config>>,
}

impl<M: Machine, F: Fn(ShardId, u32) -> M> Guard<M, F> {
    pub(crate) fn new(shard: ShardId, factory: Arc<F>) -> Guard<M, F> {
        let machine = factory(shard, 0);
        Guard {
            shard,
            incarnation: 0,
            factory,
            machine,
            draining: false,
            config: None,
        }
    }

    /// Hands `input` to the machine. If it panics, the input is lost, what the
    /// outbox already holds stays, and a fresh machine stands ready.
    pub(crate) fn feed(
        &mut self,
        now: Instant,
        input: Input<'_>,
        out: &mut Outbox,
    ) -> Result<(), Fault> {
        let draining = match input {
            Input::Drain => true,
            Input::Undrain => false,
            _ => self.draining,
        };
        let config = if let Input::Reload(config) = &input {
            Some(Arc::clone(config))
        } else {
            None
        };
        self.guarded(now, out, |machine, out| machine.handle(now, input, out))?;
        self.draining = draining;
        self.config = config.or(self.config.take());
        Ok(())
    }

    /// Puts a query to the machine. If it panics, as for [`Guard::feed`].
    pub(crate) fn serve(
        &mut self,
        now: Instant,
        query: Query,
        out: &mut Outbox,
    ) -> Result<Page, Fault> {
        self.guarded(now, out, |machine, out| machine.serve(now, query, out))
    }

    fn guarded<T>(
        &mut self,
        now: Instant,
        out: &mut Outbox,
        work: impl FnOnce(&mut M, &mut Outbox) -> T,
    ) -> Result<T, Fault> {
        // The machine is dropped after a panic, never asked again, and the
        // outbox's queues are whole between any two of its calls.
        let done = catch_unwind(AssertUnwindSafe(|| work(&mut self.machine, out)));
        done.map_err(|panic| {
            self.replace(now, out);
            Fault {
                message: sentence(panic.as_ref()),
            }
        })
    }

    fn replace(&mut self, now: Instant, out: &mut Outbox) {
        self.incarnation += 1;
        let fresh = (self.factory)(self.shard, self.incarnation);
        let broken = std::mem::replace(&mut self.machine, fresh);
        // Its drop may meet the very state that made it panic.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(broken)));
        if let Some(config) = &self.config {
            self.machine
                .handle(now, Input::Reload(Arc::clone(config)), out);
        }
        if self.draining {
            self.machine.handle(now, Input::Drain, out);
        }
    }

    pub(crate) fn machine(&self) -> &M {
        &self.machine
    }

    pub(crate) fn shard(&self) -> ShardId {
        self.shard
    }

    pub(crate) fn incarnation(&self) -> u32 {
        self.incarnation
    }
}

/// What a panic said, if it said anything.
pub(crate) fn sentence(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Panics when time has passed; counts the drains it was told of.
    struct Fragile {
        incarnation: u32,
        drains: u64,
    }

    impl Machine for Fragile {
        fn handle(&mut self, _now: Instant, input: Input<'_>, _out: &mut Outbox) {
            match input {
                Input::Drain => self.drains += 1,
                Input::Elapsed => panic!("incarnation {}", self.incarnation),
                _ => {}
            }
        }

        fn deadline(&self) -> Option<Instant> {
            None
        }
    }

    #[test]
    fn a_panic_replaces_the_machine_and_a_drain_outlives_it() {
        let factory = |shard: ShardId, incarnation| {
            assert_eq!(shard, 3);
            Fragile {
                incarnation,
                drains: 0,
            }
        };
        let mut guard = Guard::new(3, Arc::new(factory));
        let mut out = Outbox::new(4);
        assert_eq!(guard.feed(Instant::START, Input::Drain, &mut out), Ok(()));
        for n in 0..2 {
            let fault = guard
                .feed(Instant::START, Input::Elapsed, &mut out)
                .unwrap_err();
            assert_eq!(fault.message, format!("incarnation {n}"));
            assert_eq!(guard.incarnation(), n + 1);
            assert_eq!(guard.machine().drains, 1);
        }
    }
}
