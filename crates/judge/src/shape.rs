//! How little of the facts the policies can tell apart.
//!
//! A shipped guardrail compares an end with the moment that is asked about, and never asks how long
//! ago it was; it tests whether a text is `reseller`, and never what a grant is called. So accesses
//! that differ only in what no policy reads have the same reasons. The *shape* of an access is
//! exactly what the policies can tell: there are few of them, however many grants there are, and
//! each is put to Cedar once.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use cedar_policy::Policy;
use countersign_model::judgement::Reason;
use serde_json::Value as Json;

use crate::values::{Attribute, Plain, Values};

/// More shapes than this are forgotten at once: they come from a policy that reads something that
/// differs each time.
const SHAPES_MAX: usize = 1 << 16;

/// How exactly the policies read an attribute. Each holds what the ones before it hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reads {
    Nothing,
    /// Whether it is known.
    Presence,
    /// Whether it lies before, at or after the moment that is asked about.
    Order,
    Value,
}

/// What a set of policies reads.
#[derive(Debug)]
pub(crate) struct Readings([Reads; Attribute::ALL.len()]);

impl Default for Readings {
    fn default() -> Self {
        Self([Reads::Nothing; Attribute::ALL.len()])
    }
}

impl Readings {
    /// Adds what a policy reads; all there is, if that cannot be told.
    pub fn add(&mut self, policy: &Policy) {
        match policy.to_json().as_ref().map(|json| &json["conditions"]) {
            Ok(conditions) => self.walk(conditions),
            Err(_) => self.all(),
        }
    }

    /// The expressions of Cedar's JSON format (Cedar's documentation, "JSON policy format").
    fn walk(&mut self, expression: &Json) {
        if let Some(attribute) = of_context(expression, ".") {
            return self.mark(attribute, Reads::Value);
        }
        if let Some(attribute) = of_context(expression, "has") {
            return self.mark(attribute, Reads::Presence);
        }
        if let Some(attribute) = compared_with_now(expression) {
            return self.mark(attribute, Reads::Order);
        }
        match expression {
            Json::Array(all) => all.iter().for_each(|one| self.walk(one)),
            Json::Object(node) => match (node.get("Var"), node.get("Value")) {
                // The context as a whole.
                (Some(variable), _) if variable == "context" => self.all(),
                (Some(_), _) | (_, Some(_)) => (),
                _ => node.values().for_each(|one| self.walk(one)),
            },
            _ => (),
        }
    }

    fn mark(&mut self, name: &str, reads: Reads) {
        let found = Attribute::ALL.iter().position(|known| known.as_str() == name);
        match found.and_then(|at| self.0.get_mut(at)) {
            Some(known) => *known = reads.max(*known),
            None => self.all(),
        }
    }

    fn all(&mut self) {
        self.0 = [Reads::Value; Attribute::ALL.len()];
    }

    pub fn reads(&self, attribute: Attribute) -> bool {
        self.0.get(attribute as usize).is_some_and(|reads| *reads != Reads::Nothing)
    }

    pub fn reads_value(&self, attribute: Attribute) -> bool {
        self.0.get(attribute as usize).is_some_and(|reads| *reads == Reads::Value)
    }

    /// Bytes that are the same exactly for accesses that the policies cannot tell apart.
    pub fn shape(&self, values: &Values<'_>) -> Vec<u8> {
        let mut shape = Vec::with_capacity(128);
        let now = values.get(Attribute::At);
        for (attribute, reads) in Attribute::ALL.iter().zip(&self.0) {
            let value = values.get(*attribute);
            match (reads, value, now) {
                (Reads::Nothing, ..) => (),
                (_, Plain::Unknown, _) => shape.push(0),
                (Reads::Presence, ..) => shape.push(1),
                (_, Plain::Flag(flag), _) => shape.push(2 + u8::from(flag)),
                (Reads::Order, Plain::Time(time), Plain::Time(now)) => {
                    shape.push(match time.cmp(&now) {
                        Ordering::Less => 4,
                        Ordering::Equal => 5,
                        Ordering::Greater => 6,
                    });
                }
                (_, Plain::Time(time), _) => {
                    shape.push(7);
                    shape.extend_from_slice(&time.to_le_bytes());
                }
                (_, Plain::Text(text), _) => {
                    shape.push(8);
                    shape.extend_from_slice(&(text.len() as u64).to_le_bytes());
                    shape.extend_from_slice(text.as_bytes());
                }
            }
        }
        shape
    }
}

/// The name in `context.name` or `context has name`.
fn of_context<'e>(expression: &'e Json, operator: &str) -> Option<&'e str> {
    let node = expression.get(operator)?;
    if node["left"]["Var"] != "context" {
        return None;
    }
    node["attr"].as_str()
}

/// The attribute that a comparison of two attributes compares with `at`.
fn compared_with_now(expression: &Json) -> Option<&str> {
    let node = ["<", "<=", ">", ">=", "==", "!="].iter().find_map(|by| expression.get(by))?;
    let sides = (of_context(&node["left"], ".")?, of_context(&node["right"], ".")?);
    match sides {
        ("at", other) | (other, "at") => Some(other),
        _ => None,
    }
}

/// The reasons of each shape that was met.
#[derive(Debug, Default)]
pub(crate) struct Remembered(RwLock<HashMap<Vec<u8>, Arc<[Reason]>>>);

impl Remembered {
    pub fn get(&self, shape: &[u8]) -> Option<Arc<[Reason]>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(shape).map(Arc::clone)
    }

    pub fn keep(&self, shape: Vec<u8>, reasons: &Arc<[Reason]>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= SHAPES_MAX {
            all.clear();
        }
        all.insert(shape, Arc::clone(reasons));
    }
}
