//! From a text of an item to the ids of the items that have it.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

#[derive(Debug)]
pub(super) struct Index<K, V>(HashMap<K, Vec<V>>);

impl<K, V> Default for Index<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash, V: Ord + Borrow<str>> Index<K, V> {
    /// In the order of the ids, whatever the order they came in; each once.
    pub fn get<Q>(&self, key: &Q) -> impl Iterator<Item = &V> + use<'_, K, V, Q>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.0.get(key).into_iter().flatten()
    }

    pub fn add(&mut self, key: K, id: V) {
        let ids = self.0.entry(key).or_default();
        if let Err(place) = ids.binary_search(&id) {
            ids.insert(place, id);
        }
    }

    pub fn remove<Q>(&mut self, key: &Q, id: &str)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let Some(ids) = self.0.get_mut(key) else { return };
        ids.retain(|known| known.borrow() != id);
        if ids.is_empty() {
            self.0.remove(key);
        }
    }
}
