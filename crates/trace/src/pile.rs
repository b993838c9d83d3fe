//! What one reader gathers: in memory as long as it fits, and on shelves what does not.

use std::io;

use countersign_model::event::Event;

use crate::claims::Claims;
use crate::directory::Directory;
use crate::hash::Secret;
use crate::index;
use crate::shelf::{Filling, Shelves};
use crate::volume::Writing;

/// One reader's claims.
#[derive(Debug)]
pub struct Pile {
    pub(crate) claims: Claims,
    pub(crate) away: Option<Away>,
}

/// What was put away.
#[derive(Debug)]
pub(crate) struct Away {
    pub(crate) written: Writing,
    /// Claims in runs that are each sorted by key, one behind the other.
    pub(crate) claims: Filling,
    /// Where each run ends, in bytes.
    pub(crate) ends: Vec<u64>,
}

impl Pile {
    pub fn new(secret: Secret) -> Self {
        Self { claims: Claims::new(secret), away: None }
    }

    /// As [`Claims::observe`].
    pub fn observe(&mut self, event: &Event<'_>, directory: &Directory<'_>) {
        self.claims.observe(event, directory);
    }

    /// Bytes in memory that [`Self::put_away`] would free. Accounts and words stay.
    pub fn size(&self) -> usize {
        size_of_val(self.claims.claims.as_slice()) + self.claims.pools.size()
    }

    pub fn is_away(&self) -> bool {
        self.away.is_some()
    }

    /// Puts what is in memory on shelves.
    ///
    /// # Errors
    /// Those of the shelves; the pile is then of no use.
    pub fn put_away(&mut self, shelves: &dyn Shelves) -> io::Result<()> {
        let away = match &mut self.away {
            Some(away) => away,
            none => {
                let (written, claims) = (Writing::new(shelves)?, Filling::new(shelves)?);
                none.insert(Away { written, claims, ends: Vec::new() })
            }
        };
        // Sorting asks for the events, so they go last.
        let mut claims = std::mem::take(&mut self.claims.claims);
        index::sort(&mut claims, &self.claims.pools);
        for claim in &claims {
            away.claims.put_fixed(claim)?;
        }
        away.ends.push(away.claims.length());
        claims.clear();
        self.claims.claims = claims;
        self.claims.pools.put_away(&mut away.written)
    }

    /// Joins the claims of several readers in memory.
    pub(crate) fn join(secret: Secret, piles: Vec<Self>) -> Claims {
        let mut whole = Claims::new(secret);
        for pile in piles {
            whole.absorb(pile.claims);
        }
        whole
    }
}

impl From<Claims> for Pile {
    fn from(claims: Claims) -> Self {
        Self { claims, away: None }
    }
}
