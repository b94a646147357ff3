use std::sync::Mutex;

use crossbeam::channel::{Sender, unbounded};
use pinion_sip::base::{Handle, UnixTime};
use pinion_sip::machine::realtime::Registration;

use super::super::reply::{Desk, Ticket};
use super::*;

fn saving(name: &str) -> Arc<Saving> {
    let contact = |port| Registration {
        fullcontact: "sip:a@192.0.2.1".into(),
        address: ([192, 0, 2, 1], port).into(),
        local: Some(([127, 0, 0, 1], 5060).into()),
        regseconds: UnixTime(1_900_000_000),
        defaultuser: "a".into(),
        useragent: Text::from(&[0xff, 0, b'x'][..]),
        path: "<sip:p;lr>".into(),
        call_id: "c".into(),
        cseq: u32::MAX,
        node: None,
        q: 500,
        regserver: "node".into(),
    };
    Arc::new(Saving {
        name: name.into(),
        contacts: vec![contact(5060), contact(5062)],
        expired: true,
    })
}

/// A keeper whose thread is this one.
struct Stage {
    keeper: Keeper,
    jobs: Sender<KeepJob>,
    desk: Arc<Desk>,
    heard: Arc<Mutex<Vec<Outcome>>>,
    _directory: Directory,
}

struct Directory(std::path::PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Stage {
    fn new(name: &str) -> Stage {
        let directory = std::env::temp_dir().join(format!("pinion-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let (sender, jobs) = unbounded();
        let tally = Arc::new(Tally::default());
        let shelf = Shelf::new(directory.join("registrations.sqlite"), false);
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hear = Arc::clone(&heard);
        Stage {
            keeper: Keeper::new(
                jobs,
                shelf,
                None,
                Duration::from_secs(60),
                Arc::clone(&tally),
            ),
            jobs: sender,
            desk: Arc::new(Desk {
                answer: Arc::new(move |_, outcome| hear.lock().unwrap().push(outcome)),
                tally,
            }),
            heard,
            _directory: Directory(directory),
        }
    }

    /// All of them in one commit; returns what was answered.
    fn save(&mut self, savings: &[Arc<Saving>]) -> Vec<Outcome> {
        let id = Handle {
            slot: 1,
            generation: 0,
        };
        for saving in savings {
            let reply = Reply::new(Ticket { shard: 0, id }, &self.desk);
            self.jobs
                .send(KeepJob::Save(reply, Arc::clone(saving)))
                .unwrap();
        }
        self.jobs.send(KeepJob::Stop).unwrap();
        self.keeper.serve();
        std::mem::take(&mut self.heard.lock().unwrap())
    }

    fn load(&mut self) -> Vec<Arc<Saving>> {
        let kept = self.keeper.shelf.load().unwrap();
        kept.into_iter().map(|kept| kept.saving).collect()
    }
}

#[test]
fn every_field_comes_back() {
    let mut stage = Stage::new("fields");
    let saving = saving("a");
    let heard = stage.save(&[Arc::clone(&saving)]);
    assert!(matches!(heard[..], [Outcome::Saved]));
    assert_eq!(stage.load(), [saving]);
}

#[test]
fn the_last_of_a_batch_wins() {
    let mut stage = Stage::new("last");
    let mut later = (*saving("a")).clone();
    later.contacts.truncate(1);
    later.contacts[0].cseq = 1;
    let later = Arc::new(later);
    assert_eq!(stage.save(&[saving("a"), Arc::clone(&later)]).len(), 2);
    assert_eq!(stage.load(), [later]);
    let none = Arc::new(Saving {
        name: "a".into(),
        contacts: Vec::new(),
        expired: false,
    });
    stage.save(&[none]);
    assert_eq!(stage.load(), []);
}

#[test]
fn a_full_disk_is_answered_and_overcome() {
    let mut stage = Stage::new("full");
    let first = saving("first");
    stage.save(&[Arc::clone(&first)]);
    stage.keeper.shelf.fill();
    let many: Vec<Arc<Saving>> = (0..500).map(|n| saving(&format!("user-{n}"))).collect();
    let heard = stage.save(&many);
    assert_eq!(heard.len(), 500);
    assert!(
        heard
            .iter()
            .all(|outcome| matches!(outcome, Outcome::Unavailable))
    );
    assert_eq!(stage.load(), [first], "nothing of a failed commit is left");
    stage.keeper.shelf.empty();
    std::thread::sleep(PAUSE);
    let heard = stage.save(&many);
    assert!(
        heard
            .iter()
            .all(|outcome| matches!(outcome, Outcome::Saved))
    );
    assert_eq!(stage.load().len(), 501);
}

#[test]
fn what_was_carried_is_forgotten_once_the_disk_allows() {
    let mut stage = Stage::new("gone");
    stage.keeper.shelf = Shelf::new(stage.keeper.shelf.path().to_owned(), true);
    let none = |name: &str| {
        Arc::new(Saving {
            name: name.into(),
            contacts: Vec::new(),
            expired: true,
        })
    };
    stage.save(&[none("carried")]);
    let kept = stage.keeper.shelf.load().unwrap();
    assert_eq!(kept[0].saving, none("carried"), "and why is kept, too");
    assert!(kept[0].seq > 1_700_000_000_000_000, "and when");
    // A failure, and while it is rested from, the database has one.
    stage.keeper.shelf.fill();
    let many: Vec<Arc<Saving>> = (0..500).map(|n| none(&format!("user-{n}"))).collect();
    stage.keeper.failed = None;
    stage.save(&many);
    assert!(stage.keeper.failed.is_some());
    stage.keeper.failed = Some(Instant::now() + Duration::from_secs(60));
    stage.keeper.gone.push(("carried".into(), kept[0].seq));
    stage.keeper.keep(Batch::default());
    assert_eq!(stage.load().len(), 1);
    stage.keeper.shelf.empty();
    stage.keeper.failed = None;
    stage.keeper.keep(Batch::default());
    assert_eq!(stage.load(), []);
    assert!(stage.keeper.gone.is_empty());
}
