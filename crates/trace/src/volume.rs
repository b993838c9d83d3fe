//! Events, their ids and their uses on shelves: one volume for each reader that put some away.
//!
//! A volume is never rewritten: its reader's numbers for accounts and words become the numbers of
//! all readers together when an event is read from it.

use std::io;

use crate::pools::{Numbers, Origin, Use, index};
use crate::shelf::{Filling, Full, Pages, Shelves};

/// Volumes of one index; [`Origin`] has room for the number of so many.
pub(crate) const VOLUMES_MAX: usize = 255;

/// The shelves that one reader fills.
#[derive(Debug)]
pub(crate) struct Writing {
    pub(crate) origins: Filling,
    pub(crate) ids: Filling,
    pub(crate) uses: Filling,
}

impl Writing {
    pub(crate) fn new(shelves: &dyn Shelves) -> io::Result<Self> {
        let filling = || Filling::new(shelves);
        Ok(Self { origins: filling()?, ids: filling()?, uses: filling()? })
    }
}

#[derive(Debug)]
struct Volume {
    origins: Full,
    ids: Full,
    uses: Full,
    numbers: Numbers,
}

/// All volumes of an index.
#[derive(Debug, Default)]
pub(crate) struct Volumes {
    volumes: Vec<Volume>,
    /// There if there is a volume.
    pages: Option<Pages>,
    /// Of all volumes together.
    origins: u32,
    uses: u32,
    shelves: u32,
}

impl Volumes {
    pub(crate) fn with(pages: Pages) -> Self {
        Self { pages: Some(pages), ..Self::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.volumes.is_empty()
    }

    pub(crate) fn pages(&self) -> Option<&Pages> {
        self.pages.as_ref()
    }

    /// Where the events and uses of the next volume begin.
    pub(crate) fn end(&self) -> (u32, u32) {
        (self.origins, self.uses)
    }

    /// A number that no other shelf of these volumes has.
    pub(crate) fn shelf_number(&mut self) -> u32 {
        self.shelves += 1;
        self.shelves
    }

    /// Adds a volume and returns its number.
    pub(crate) fn add(&mut self, written: Writing, numbers: Numbers) -> io::Result<usize> {
        if self.volumes.len() >= VOLUMES_MAX {
            return Err(io::Error::other("more readers than can be told apart"));
        }
        let Writing { origins, ids, uses } = written;
        let volume = Volume {
            origins: origins.full(self.shelf_number())?,
            ids: ids.full(self.shelf_number())?,
            uses: uses.full(self.shelf_number())?,
            numbers,
        };
        self.origins += count::<Origin>(&volume.origins);
        self.uses += count::<Use>(&volume.uses);
        self.volumes.push(volume);
        Ok(self.volumes.len() - 1)
    }

    /// What the numbers of a volume's reader are now.
    pub(crate) fn numbers(&self, volume: usize) -> Option<&Numbers> {
        self.volumes.get(volume).map(|volume| &volume.numbers)
    }

    pub(crate) fn origin(&self, at: u32) -> Option<Origin> {
        let number = self.volumes.iter().rposition(|volume| volume.numbers.origin(0) <= at)?;
        let (volume, pages) = (self.volumes.get(number)?, self.pages.as_ref()?);
        let within = at - volume.numbers.origin(0);
        if within >= count::<Origin>(&volume.origins) {
            return None;
        }
        let origin: Origin = pages.fixed(&volume.origins, u64::from(within))?;
        Some(origin.renumbered(&volume.numbers, u8::try_from(number).ok()?))
    }

    pub(crate) fn used(&self, at: u32) -> Option<Use> {
        let volume = self.volumes.iter().rev().find(|volume| volume.numbers.used(0) <= at)?;
        let within = at - volume.numbers.used(0);
        self.link(volume, within)
    }

    pub(crate) fn uses(&self, origin: &Origin) -> Vec<Use> {
        let Some(volume) = self.volumes.get(usize::from(origin.volume)) else { return Vec::new() };
        let (from, count) = origin.uses_span();
        (from..from + u32::from(count)).filter_map(|at| self.link(volume, at)).collect()
    }

    fn link(&self, volume: &Volume, within: u32) -> Option<Use> {
        if within >= count::<Use>(&volume.uses) {
            return None;
        }
        let link: Use = self.pages.as_ref()?.fixed(&volume.uses, u64::from(within))?;
        Some(Use { rule: volume.numbers.rule(link.rule), ..link })
    }

    pub(crate) fn id(&self, origin: &Origin) -> String {
        let (from, length) = origin.id_span();
        let mut bytes = vec![0; length];
        let read = self
            .volumes
            .get(usize::from(origin.volume))
            .zip(self.pages.as_ref())
            .is_some_and(|(volume, pages)| pages.read(&volume.ids, from, &mut bytes));
        if !read {
            return String::new();
        }
        String::from_utf8(bytes).unwrap_or_default()
    }
}

fn count<T: crate::shelf::Fixed>(shelf: &Full) -> u32 {
    index(usize::try_from(shelf.length() / T::BYTES as u64).unwrap_or(usize::MAX))
}
