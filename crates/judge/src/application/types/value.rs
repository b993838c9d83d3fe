//! Properties as a schema has them: what it does not declare is left out, what it demands is there,
//! and each value is of the type it says.

use std::collections::BTreeMap;

use cedar_policy::{EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use countersign_model::value::{Record, Value};

/// The declared attributes, by name.
pub(super) type Fields = BTreeMap<String, Field>;

#[derive(Debug, Clone)]
pub(super) struct Field {
    pub kind: Kind,
    pub is_required: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Bool,
    Long,
    Text,
    /// Given as the id.
    Entity(EntityTypeName),
    /// Given as the text that the function of this name reads: `ip`, `decimal` and so on.
    Extension(Extension),
    Set(Box<Kind>),
    Record(Fields),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Extension {
    Ip,
    Decimal,
    Datetime,
    Duration,
}

impl Kind {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Long => "a whole number",
            Self::Text => "a text",
            Self::Entity(_) => "the text of an id",
            Self::Extension(Extension::Ip) => "the text of an address",
            Self::Extension(Extension::Decimal) => "the text of a decimal number",
            Self::Extension(Extension::Datetime) => "the text of a time",
            Self::Extension(Extension::Duration) => "the text of a duration",
            Self::Set(_) => "a list",
            Self::Record(_) => "a record",
        }
    }
}

/// Puts values into Cedar's terms, and remembers what does not fit.
#[derive(Debug, Default)]
pub(super) struct Put {
    pub faults: Vec<String>,
}

impl Put {
    pub fn fault(&mut self, what: String) {
        if self.faults.len() < super::FAULTS_MAX {
            self.faults.push(what);
        }
    }

    pub fn fields(
        &mut self,
        path: &str,
        fields: &Fields,
        given: &Record,
    ) -> Vec<(String, RestrictedExpression)> {
        let mut pairs = Vec::with_capacity(fields.len());
        for (name, field) in fields {
            match given.get(name) {
                Some(value) => {
                    let value = self.value(path, name, &field.kind, value);
                    pairs.extend(value.map(|value| (name.clone(), value)));
                }
                None if field.is_required => self.fault(format!("`{path}.{name}` is missing")),
                None => {}
            }
        }
        pairs
    }

    fn value(
        &mut self,
        path: &str,
        name: &str,
        kind: &Kind,
        value: &Value,
    ) -> Option<RestrictedExpression> {
        match (kind, value) {
            (Kind::Bool, Value::Bool(flag)) => Some(RestrictedExpression::new_bool(*flag)),
            (Kind::Long, Value::Whole(whole)) => Some(RestrictedExpression::new_long(*whole)),
            (Kind::Text, Value::Text(text)) => Some(RestrictedExpression::new_string(text.clone())),
            (Kind::Entity(type_name), Value::Text(id)) => {
                let id = EntityId::new(id);
                let uid = EntityUid::from_type_name_and_id(type_name.clone(), id);
                Some(RestrictedExpression::new_entity_uid(uid))
            }
            (Kind::Extension(extension), Value::Text(text)) => Some(match extension {
                Extension::Ip => RestrictedExpression::new_ip(text),
                Extension::Decimal => RestrictedExpression::new_decimal(text),
                Extension::Datetime => RestrictedExpression::new_datetime(text),
                Extension::Duration => RestrictedExpression::new_duration(text),
            }),
            (Kind::Set(kind), Value::List(items)) => {
                let items = items.iter().map(|item| self.value(path, name, kind, item));
                let items: Option<Vec<_>> = items.collect();
                items.map(RestrictedExpression::new_set)
            }
            (Kind::Record(fields), Value::Record(record)) => {
                let pairs = self.fields(&format!("{path}.{name}"), fields, record);
                RestrictedExpression::new_record(pairs).ok()
            }
            (kind, _) => {
                self.fault(format!("`{path}.{name}` is not {}", kind.as_str()));
                None
            }
        }
    }
}

/// A word of a request, as it may stand in a sentence.
pub(super) fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 64;
    let text: String = text.chars().take(CHARS_MAX).flat_map(char::escape_debug).collect();
    format!("`{text}`")
}
