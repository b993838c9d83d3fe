//! Whose cosignatures are enough (C2SP tlog-policy): named witnesses, groups of them, and the one
//! that must have cosigned.

use std::collections::HashMap;

use crate::cosign::{CosignError, WitnessKey};
use crate::note::{PublicKey, SignedNote};

/// The longest policy file that is read.
pub const POLICY_BYTES_MAX: usize = 262_144;
/// Logs, witnesses and groups, of each.
const LINES_MAX: usize = 1_024;

/// What is wrong with a policy, and in which line; 0 if it is of the whole file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the trust policy, line {line}: {what}")]
pub struct PolicyError {
    pub line: usize,
    pub what: String,
}

/// Which logs are known and which witnesses must have cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<PublicKey>,
    nodes: Vec<Node>,
    /// `None`: no cosignature is asked for.
    quorum: Option<usize>,
}

/// A witness, or a group of nodes that stand before it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Witness(WitnessKey),
    Group { threshold: usize, members: Vec<usize> },
}

/// What the witnesses of a policy say about one checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorum {
    pub is_met: bool,
    /// Who cosigned, by key name, and when, in seconds since 1970; in the policy's order.
    pub cosigned: Vec<(String, u64)>,
    /// Who of the policy's witnesses did not.
    pub missing: Vec<String>,
}

impl Policy {
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let mut parser = Parser::default();
        if text.len() > POLICY_BYTES_MAX {
            return Err(parser.error("it is longer than 262144 bytes"));
        }
        for line in text.split('\n') {
            parser.line += 1;
            parser.read(line)?;
        }
        parser.line = 0;
        let quorum = parser.quorum.take().ok_or_else(|| {
            parser.error("there is no `quorum` line; `quorum none` asks for no witness")
        })?;
        Ok(Self { logs: parser.logs, nodes: parser.nodes, quorum })
    }

    /// Any `threshold` of the witnesses.
    pub fn threshold(threshold: usize, witnesses: &[WitnessKey]) -> Result<Self, PolicyError> {
        let mut parser = Parser::default();
        for witness in witnesses {
            parser.witness(witness.clone())?;
        }
        let members: Vec<usize> = (0..witnesses.len()).collect();
        parser.check_threshold(threshold, members.len())?;
        let quorum = Some(parser.nodes.len());
        parser.nodes.push(Node::Group { threshold, members });
        Ok(Self { logs: Vec::new(), nodes: parser.nodes, quorum })
    }

    /// The logs whose checkpoints the policy is about; none if those are known otherwise.
    pub fn logs(&self) -> &[PublicKey] {
        &self.logs
    }

    pub fn witnesses(&self) -> impl Iterator<Item = &WitnessKey> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Witness(key) => Some(key),
            Node::Group { .. } => None,
        })
    }

    /// Whether enough witnesses cosigned. That the log signed is for [`crate::checkpoint`] to say.
    pub fn judge(&self, note: &SignedNote<'_>) -> Result<Quorum, CosignError> {
        let mut quorum = Quorum { is_met: false, cosigned: Vec::new(), missing: Vec::new() };
        let mut has_cosigned = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            has_cosigned.push(match node {
                Node::Witness(key) => match key.cosigned(note)? {
                    Some(time) => {
                        quorum.cosigned.push((key.name().to_owned(), time));
                        true
                    }
                    None => {
                        quorum.missing.push(key.name().to_owned());
                        false
                    }
                },
                // Members stand before their group, so that there is no circle.
                Node::Group { threshold, members } => {
                    members.iter().filter(|&&member| has_cosigned[member]).count() >= *threshold
                }
            });
        }
        quorum.is_met = self.quorum.is_none_or(|node| has_cosigned[node]);
        Ok(quorum)
    }
}

#[derive(Default)]
struct Parser<'a> {
    line: usize,
    logs: Vec<PublicKey>,
    nodes: Vec<Node>,
    /// The node of each name, and whether a group has it as a member already.
    names: HashMap<&'a str, (usize, bool)>,
    quorum: Option<Option<usize>>,
}

impl<'a> Parser<'a> {
    fn read(&mut self, line: &'a str) -> Result<(), PolicyError> {
        if line.bytes().any(|byte| (byte < 0x20 && byte != b'\t') || byte == 0x7f) {
            return Err(self.error("the only control characters allowed are tab and line feed"));
        }
        let items: Vec<&str> = line.split([' ', '\t']).filter(|item| !item.is_empty()).collect();
        match items[..] {
            [] => Ok(()),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", key] | ["log", key, _] => self.log(key),
            ["witness", name, key] | ["witness", name, key, _] => {
                let key = WitnessKey::parse(key).map_err(|error| self.error(&error.to_string()))?;
                self.define(name)?;
                self.witness(key)
            }
            ["group", name, threshold, ref members @ ..] => self.group(name, threshold, members),
            ["quorum", name] => self.quorum(name),
            _ => Err(self.error(
                "expected `log <vkey>`, `witness <name> <vkey>`, `group <name> <all, any or a \
                 number> <name>…` or `quorum <name>`",
            )),
        }
    }

    fn log(&mut self, key: &str) -> Result<(), PolicyError> {
        let key = PublicKey::parse(key).map_err(|error| self.error(&error.to_string()))?;
        if self.logs.iter().any(|known| known.as_bytes() == key.as_bytes()) {
            return Err(self.error("the key of this log is there already"));
        }
        if self.logs.len() == LINES_MAX {
            return Err(self.error("more than 1024 logs"));
        }
        self.logs.push(key);
        Ok(())
    }

    fn witness(&mut self, key: WitnessKey) -> Result<(), PolicyError> {
        let is_key = |node: &Node| matches!(node, Node::Witness(known) if known.as_bytes() == key.as_bytes());
        if self.nodes.iter().any(is_key) {
            return Err(self.error(&format!("the key of `{}` is there already", key.name())));
        }
        self.nodes.push(Node::Witness(key));
        Ok(())
    }

    fn group(&mut self, name: &'a str, threshold: &str, names: &[&str]) -> Result<(), PolicyError> {
        let threshold = match threshold {
            "any" => 1,
            "all" => names.len(),
            number => number
                .parse()
                .ok()
                .filter(|parsed: &usize| parsed.to_string() == number)
                .ok_or_else(|| self.error("a group asks for `all`, `any` or a number"))?,
        };
        self.check_threshold(threshold, names.len())?;
        let mut members = Vec::with_capacity(names.len());
        for &member in names {
            let known = self.names.get_mut(member);
            let Some((node, is_member)) = known else {
                return Err(self.error(&format!("`{member}` is not defined on a line before")));
            };
            if std::mem::replace(is_member, true) {
                return Err(self.error(&format!("`{member}` is a member already")));
            }
            members.push(*node);
        }
        self.define(name)?;
        self.nodes.push(Node::Group { threshold, members });
        Ok(())
    }

    fn quorum(&mut self, name: &str) -> Result<(), PolicyError> {
        if self.quorum.is_some() {
            return Err(self.error("there is a `quorum` line already"));
        }
        let node = match (name, self.names.get(name)) {
            ("none", _) => None,
            (_, Some((node, _))) => Some(*node),
            _ => return Err(self.error(&format!("`{name}` is not defined on a line before"))),
        };
        self.quorum = Some(node);
        Ok(())
    }

    /// `name` is that of the node added next.
    fn define(&mut self, name: &'a str) -> Result<(), PolicyError> {
        if name == "none" || self.names.contains_key(name) {
            return Err(self.error(&format!("the name `{name}` is taken")));
        }
        if self.names.len() == LINES_MAX {
            return Err(self.error("more than 1024 witnesses and groups"));
        }
        self.names.insert(name, (self.nodes.len(), false));
        Ok(())
    }

    fn check_threshold(&self, threshold: usize, of: usize) -> Result<(), PolicyError> {
        if (1..=of).contains(&threshold) {
            return Ok(());
        }
        Err(self.error(&format!("{threshold} of {of} witnesses cannot be; ask for 1 to {of}")))
    }

    fn error(&self, what: &str) -> PolicyError {
        PolicyError { line: self.line, what: what.to_owned() }
    }
}

#[cfg(test)]
mod tests;
