//! The link rules that were met, each once.

use countersign_model::event::LinkRule;

use crate::hash::HashedMap;

/// Rules by number. Rules come from definitions, so there are few.
#[derive(Debug, Default)]
pub struct Rules {
    rules: Vec<LinkRule>,
    /// Numbers by where the name lies in memory: nearly always one rule, found without a comparison
    /// of texts.
    by_name: HashedMap<usize, Vec<u16>>,
    /// Rules that were met lately, by some bits of that place: a record asks for a handful.
    recent: [u16; RECENT],
}

const RECENT: usize = 32;

/// "No rule": links nothing.
pub const NO_RULE: u16 = u16::MAX;

impl Rules {
    pub fn intern(&mut self, rule: &LinkRule) -> u16 {
        let known = self.find(rule);
        if known != NO_RULE || self.rules.len() >= usize::from(NO_RULE) {
            self.recent[recent(rule)] = known;
            return known;
        }
        let at = self.rules.iter().position(|known| known == rule).unwrap_or_else(|| {
            self.rules.push(*rule);
            self.rules.len() - 1
        });
        let at = u16::try_from(at).unwrap_or(NO_RULE);
        self.by_name.entry(rule.name.as_ptr() as usize).or_default().push(at);
        at
    }

    /// Adds a rule under the next number, also one that is there already.
    pub(crate) fn push(&mut self, rule: LinkRule) {
        self.rules.push(rule);
    }

    pub fn get(&self, at: u16) -> Option<&LinkRule> {
        self.rules.get(usize::from(at))
    }

    /// The number of a rule, also of one whose words lie elsewhere in memory.
    pub fn number(&self, rule: &LinkRule) -> u16 {
        let known = self.find(rule);
        if known != NO_RULE {
            return known;
        }
        let at = self.rules.iter().position(|known| known == rule);
        at.and_then(|at| u16::try_from(at).ok()).unwrap_or(NO_RULE)
    }

    fn find(&self, rule: &LinkRule) -> u16 {
        let recent = self.recent[recent(rule)];
        if self.get(recent).is_some_and(|known| is_same(known, rule)) {
            return recent;
        }
        let numbers = self.by_name.get(&(rule.name.as_ptr() as usize));
        let same = |at: &&u16| self.get(**at).is_some_and(|known| is_same(known, rule));
        numbers.and_then(|numbers| numbers.iter().find(same)).copied().unwrap_or(NO_RULE)
    }

    pub fn iter(&self) -> impl Iterator<Item = &LinkRule> {
        self.rules.iter()
    }

    /// Forgets the rules of these names: what they would have linked is not linked.
    pub fn forget(&mut self, names: &[&str]) {
        for rule in &mut self.rules {
            if names.contains(&rule.name) {
                rule.name = "";
            }
        }
    }
}

fn recent(rule: &LinkRule) -> usize {
    rule.name.as_ptr() as usize / 8 % RECENT
}

/// Whether two rules are the same; words that lie at the same place need not be read.
fn is_same(a: &LinkRule, b: &LinkRule) -> bool {
    let same = |a: &str, b: &str| std::ptr::eq(a, b) || a == b;
    (a.grade, a.window, a.recycled, a.long_lived) == (b.grade, b.window, b.recycled, b.long_lived)
        && same(a.name, b.name)
        && same(a.closed_by, b.closed_by)
}

#[cfg(test)]
mod tests {
    use countersign_model::event::LinkRule;
    use countersign_model::grade::Grade;

    use super::Rules;

    /// The same words may lie at several places; a rule met again adds nothing.
    #[test]
    fn a_rule_whose_words_lie_elsewhere_is_found_and_not_added_again() {
        let mut rules = Rules::default();
        let rule = |name: &str, closed_by: &str| LinkRule {
            name: name.to_owned().leak(),
            grade: Grade::Exact,
            window: None,
            recycled: false,
            long_lived: false,
            closed_by: closed_by.to_owned().leak(),
        };
        let one = rule("session", "idp");
        let met =
            [one, rule("session", "idp"), LinkRule { closed_by: "idp".to_owned().leak(), ..one }];
        for rule in met.iter().cycle().take(300) {
            assert_eq!((rules.intern(rule), rules.number(rule)), (0, 0));
        }
        assert_eq!(rules.intern(&rule("session", "sts")), 1);
        assert_eq!(rules.rules.len(), 2);
        assert!(rules.by_name.values().map(Vec::len).sum::<usize>() <= 3, "once for each place");
    }
}
