//! An engine that dies and is started again.

use super::{Engine, launch};

#[allow(dead_code, reason = "not every test treats an engine so")]
impl Engine {
    /// Kills it (SIGKILL); its files stay.
    pub fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Starts it again as it was started, once it is dead.
    pub fn restart(&mut self) {
        let launched = launch(&[], &self.scratch, self.address, &self.flags);
        (self.child, self.lines) = launched;
        self.await_ready();
    }
}
