//! A thread that carries what the journal holds to the database, for as long as
//! it takes. It answers nobody: the askers have had their answer.

use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::Sender;
use pinion_sip::base::{Text, UnixTime};

use super::changes::{BATCH, Named, Recorder};
use super::counters::Tally;
use super::pending::{Load, Pending};
use super::state::KeepJob;

/// How long a database that fails is left alone; its breaker may say longer.
const PAUSE: Duration = Duration::from_millis(100);

/// One thread.
pub(super) struct Carrier {
    pub pending: Arc<Pending>,
    pub recorder: Recorder,
    /// Hears what may be forgotten.
    pub keeper: Sender<KeepJob>,
    pub tally: Arc<Tally>,
}

impl Carrier {
    /// Serves until told to stop. What is left then, the next process carries.
    pub fn serve(&mut self) {
        self.recorder.check();
        while let Some(loads) = self.pending.take(BATCH) {
            if self.carry(&loads) {
                self.tally.carried.add(loads.len() as u64);
                self.pending.arrived(&loads);
                let gone: Vec<(Text, u64)> = loads
                    .into_iter()
                    .filter(|load| load.seq > 0)
                    .map(|load| (load.name, load.seq))
                    .collect();
                // A keeper that is gone leaves them to the next process.
                let _ = self.keeper.send(KeepJob::Carried(gone));
            } else if self.pending.is_stopped() {
                return;
            } else {
                self.pending.failed(loads);
                self.pending.rest(PAUSE);
            }
        }
    }

    /// Whether the database has all of them now. A row that does not fit is
    /// given up: it would not fit tomorrow.
    fn carry(&mut self, loads: &[Load]) -> bool {
        let late = loads.iter().filter(|load| load.late);
        let late = late.filter_map(|load| Some((load.change.saving.clone()?, moment(load))));
        let Ok(overtaken) = self.recorder.overtaken(&late.collect::<Vec<_>>()) else {
            return false;
        };
        let changes: Vec<Named> = loads
            .iter()
            .filter(|load| !load.late || !overtaken.contains(&load.name))
            .map(|load| (load.name.clone(), load.change.clone()))
            .collect();
        match self.recorder.record(&changes) {
            Ok(misfits) => {
                self.tally.misfits.add(misfits.len() as u64);
                true
            }
            Err(_) => false,
        }
    }
}

/// When the journal kept it.
fn moment(load: &Load) -> UnixTime {
    UnixTime(load.seq / 1_000_000)
}
