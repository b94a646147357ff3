//! Shards that do not answer while a table is told: they are not waited for
//! again, and the answer says that their part is missing.

use std::io;

use pinion_runtime::Census;
use pinion_sip::base::{ShardId, shard_of};
use pinion_sip::machine::{Page, Query};

use crate::control::house::House;
use crate::control::out::Out;
use crate::table;

/// The shards that have not answered.
#[derive(Default)]
pub(super) struct Silent(Vec<ShardId>);

impl Silent {
    /// Asks a shard, unless it is one of them.
    pub(super) fn ask(&mut self, house: &House, shard: ShardId, query: Query) -> Option<Page> {
        if self.0.contains(&shard) {
            return None;
        }
        self.heard(shard, house.shards.ask(shard, query))
    }

    /// Asks the home shard of a name.
    pub(super) fn ask_home(&mut self, house: &House, name: &str, query: Query) -> Option<Page> {
        let home = shard_of(name.as_bytes(), house.shards.count());
        self.ask(house, home, query)
    }

    /// All pages of a table, shard by shard.
    pub(super) fn pages<'h>(
        &'h mut self,
        house: &'h House,
        query: Query,
    ) -> impl Iterator<Item = (ShardId, Page)> + 'h {
        let pages = house.shards.pages(query);
        pages.filter_map(move |(shard, page)| Some((shard, self.heard(shard, page)?)))
    }

    /// The numbers of all shards.
    pub(super) fn census(&mut self, house: &House) -> Vec<Census> {
        let censuses = house.shards.census();
        for shard in table::silent(&censuses, house.shards.count()) {
            self.heard(shard, None);
        }
        censuses
    }

    fn heard(&mut self, shard: ShardId, page: Option<Page>) -> Option<Page> {
        if page.is_none() && !self.0.contains(&shard) {
            self.0.push(shard);
        }
        page
    }

    /// Fails the command if there are any.
    pub(super) fn own_up(self, out: &mut Out<'_>) -> io::Result<()> {
        let numbers: Vec<String> = self.0.iter().map(ShardId::to_string).collect();
        match &numbers[..] {
            [] => Ok(()),
            [one] => out.fail(format!(
                "Shard {one} does not answer: what it has is missing here."
            )),
            all => out.fail(format!(
                "Shards {} do not answer: what they have is missing here.",
                all.join(", ")
            )),
        }
    }
}
