//! Deliveries of one action, made one.

use std::collections::BTreeMap;

use countersign_model::attribution::Note;
use countersign_model::event::Event;

use crate::codec::Place;

/// One action to answer for, with what its deliveries say together.
#[derive(Debug)]
pub struct Grouped<'a> {
    pub event: Event<'a>,
    pub place: Place,
    /// How many records told of it.
    pub deliveries: u32,
    pub notes: Vec<Note>,
}

impl<'a> Grouped<'a> {
    /// An action that one record told of, as nearly all are.
    pub fn alone((event, place): (Event<'a>, Place)) -> Self {
        Self { event, place, deliveries: 1, notes: Vec::new() }
    }
}

/// Takes the rows of one time and one event hash, in any order. Copies become one; the sides of an
/// action that several accounts logged become one, told by the side that names a principal and
/// keys; the same id with different content stays apart, each version flagged.
///
/// A version whose *time* was changed as well stands elsewhere in the order of rows and is not
/// found here: to find it, every id of a run would have to be kept.
pub fn group<'a>(mut rows: Vec<(Event<'a>, Place)>) -> Vec<Grouped<'a>> {
    if rows.len() == 1 {
        return rows.into_iter().map(Grouped::alone).collect();
    }
    rows.sort_by(|(a, at), (b, bt)| order(a).cmp(&order(b)).then(at.cmp(bt)));
    let Some((first, _)) = rows.first() else { return Vec::new() };
    let shared =
        first.shared_id.is_some() && rows.iter().any(|(row, _)| row.tenant != first.tenant);
    let mut notes = Vec::new();
    if versions_differ(&rows) {
        notes.push(Note::ContentConflict);
    }
    if shared {
        notes.push(Note::SharedAcrossTenants);
    }
    let mut grouped: Vec<Grouped<'a>> = Vec::new();
    let mut beside = 0;
    for (event, place) in rows {
        let is_primary = grouped.first().is_none_or(|primary| same_record(&primary.event, &event));
        match grouped.last_mut() {
            _ if !is_primary => beside += 1,
            // Copies stand together: what they are sorted by follows from their content.
            Some(known) if known.event.content == event.content => known.deliveries += 1,
            _ => grouped.push(Grouped { event, place, deliveries: 1, notes: notes.clone() }),
        }
    }
    if let Some(primary) = grouped.first_mut() {
        primary.deliveries += beside;
    }
    grouped
}

fn versions_differ(rows: &[(Event<'_>, Place)]) -> bool {
    let mut contents = BTreeMap::new();
    rows.iter().any(|(row, _)| {
        *contents.entry((&row.tenant, &row.id)).or_insert(row.content) != row.content
    })
}

/// The side that says most comes first; everything else only makes the order total.
fn order<'e>(event: &'e Event<'_>) -> (bool, bool, &'e str, &'e str, u64) {
    let (no_principal, no_keys) = (event.principal.is_none(), event.links.is_empty());
    (no_principal || no_keys, no_principal, &event.tenant, &event.id, event.content)
}

fn same_record(a: &Event<'_>, b: &Event<'_>) -> bool {
    a.id == b.id && (a.shared_id.is_none() || a.tenant == b.tenant)
}
