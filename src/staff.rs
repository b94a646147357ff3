//! What works for the shards on threads of its own: the databases, what plans
//! have done outside, the records of calls. It ends after them.

use std::sync::Arc;
use std::time::Duration;

use pinion_runtime::Answers;

use crate::Failure;
use crate::control::http::Totals;
use crate::logs::Logs;
use crate::realtime::Realtime;
use crate::realtime::service::Service;
use crate::records::{Board, Recorder};
use crate::workers::Workers;

/// How often it is looked whether records of calls have been written.
const LOOK: Duration = Duration::from_millis(1);

/// Who works.
pub(crate) struct Staff {
    /// The databases, if there are any.
    pub(crate) service: Option<Service>,
    /// What works outside for plans.
    pub(crate) workers: Workers,
    /// What writes the records of calls, if anything does.
    pub(crate) recorder: Option<Recorder>,
}

impl Staff {
    /// Begins to answer the shards.
    pub(crate) fn open(&mut self, answers: &Answers) -> Result<(), Failure> {
        if let Some(service) = &mut self.service {
            service
                .open(answers.clone())
                .map_err(|error| Failure::threadless("the database", &error))?;
        }
        self.workers
            .open(answers)
            .map_err(|error| Failure::threadless("the dialplan", &error))
    }

    /// What tells the numbers that belong to no shard, those of `logs` among them,
    /// to whoever asks again and again.
    pub(crate) fn gauge(&self, logs: &Logs) -> Totals {
        let (logs, work) = (logs.clone(), self.workers.gauge());
        let database = self.service.as_ref().map(Service::gauge);
        let records = self.recorder.as_ref().map(Recorder::gauge);
        Arc::new(move || {
            let mut totals = logs.counters();
            totals.extend(database.as_ref().map(|gauge| gauge()).unwrap_or_default());
            totals.extend(work());
            totals.extend(records.as_ref().map(|gauge| gauge()).unwrap_or_default());
            totals
        })
    }

    /// What became of the records of calls.
    pub(crate) fn board(&self) -> Option<Arc<Board>> {
        let recorder = self.recorder.as_ref();
        recorder.map(|recorder| Arc::clone(recorder.board()))
    }

    /// Who asks the databases.
    pub(crate) fn realtime(&self) -> Option<Arc<Realtime>> {
        let service = self.service.as_ref();
        service.map(|service| Arc::clone(service.realtime()))
    }

    /// Waits until more records find room, for so long.
    pub(crate) fn await_records(&self, mut patience: Duration) {
        let Some(recorder) = &self.recorder else {
            return;
        };
        while recorder.is_behind() && !patience.is_zero() {
            std::thread::sleep(LOOK);
            patience = patience.saturating_sub(LOOK);
        }
    }

    /// Writes the records there are; no more come.
    pub(crate) fn close_records(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.close();
        }
    }

    /// Does what is left to do, and ends; false if a database took too long for
    /// that.
    pub(crate) fn close(self) -> bool {
        self.workers.close();
        self.service.is_none_or(Service::close)
    }
}
