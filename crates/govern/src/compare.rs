//! What changed between two runs' findings.

use std::collections::BTreeMap;

/// A finding as far as comparing goes: its id, and a number that says how much of it there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub id: String,
    pub count: u64,
}

/// Ids of findings, each list sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    pub new: Vec<String>,
    pub gone: Vec<String>,
    pub changed: Vec<String>,
}

pub fn compare(before: &[Known], after: &[Known]) -> Changes {
    let index = |list: &[Known]| -> BTreeMap<String, u64> {
        list.iter().map(|known| (known.id.clone(), known.count)).collect()
    };
    let (before, after) = (index(before), index(after));
    let mut changes = Changes::default();
    for (id, count) in &after {
        match before.get(id) {
            None => changes.new.push(id.clone()),
            Some(known) if known != count => changes.changed.push(id.clone()),
            Some(_) => {}
        }
    }
    changes.gone = before.into_keys().filter(|id| !after.contains_key(id)).collect();
    changes
}

#[cfg(test)]
mod tests {
    use super::{Changes, Known, compare};

    #[test]
    fn new_gone_and_changed_are_told_apart() {
        let known = |id: &str, count| Known { id: id.into(), count };
        let before = [known("a", 1), known("b", 1), known("c", 1)];
        let after = [known("b", 1), known("c", 2), known("d", 1)];
        let expected =
            Changes { new: vec!["d".into()], gone: vec!["a".into()], changed: vec!["c".into()] };
        assert_eq!(compare(&before, &after), expected);
    }
}
