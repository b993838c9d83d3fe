//! Millions of grants, found by id and by whom they are for.

use std::collections::HashMap;

use countersign_model::id::GrantId;
use countersign_model::register::{Grant, Grantee};

/// Each grant lies in one place, which two indexes name by number.
#[derive(Debug, Default)]
pub(super) struct Grants {
    places: Vec<Option<(GrantId, Grant)>>,
    free: Vec<u32>,
    by_id: HashMap<GrantId, u32>,
    by_grantee: HashMap<Grantee, Vec<u32>>,
}

impl Grants {
    pub fn get(&self, id: &str) -> Option<(&GrantId, &Grant)> {
        self.at(*self.by_id.get(id)?)
    }

    pub fn of<'a>(&'a self, to: &Grantee) -> impl Iterator<Item = (&'a GrantId, &'a Grant)> {
        let places = self.by_grantee.get(to).into_iter().flatten();
        places.filter_map(|place| self.at(*place))
    }

    pub fn all(&self) -> impl Iterator<Item = &Grant> {
        self.places.iter().flatten().map(|(_, grant)| grant)
    }

    /// In the place of what had this id.
    pub fn insert(&mut self, id: GrantId, grant: Grant) {
        drop(self.remove(id.as_str()));
        let last = u32::try_from(self.places.len()).expect("memory for four billion grants");
        let place = self.free.pop().unwrap_or(last);
        if place == last {
            self.places.push(None);
        }
        self.by_id.insert(id.clone(), place);
        match self.by_grantee.get_mut(&grant.to) {
            Some(places) => places.push(place),
            None => drop(self.by_grantee.insert(grant.to.clone(), vec![place])),
        }
        if let Some(empty) = self.places.get_mut(place as usize) {
            *empty = Some((id, grant));
        }
    }

    pub fn remove(&mut self, id: &str) -> Option<Grant> {
        let place = self.by_id.remove(id)?;
        self.free.push(place);
        let (_, grant) = self.places.get_mut(place as usize).and_then(Option::take)?;
        if let Some(places) = self.by_grantee.get_mut(&grant.to) {
            places.retain(|other| *other != place);
            if places.is_empty() {
                self.by_grantee.remove(&grant.to);
            }
        }
        Some(grant)
    }

    fn at(&self, place: u32) -> Option<(&GrantId, &Grant)> {
        self.places.get(place as usize)?.as_ref().map(|(id, grant)| (id, grant))
    }
}
