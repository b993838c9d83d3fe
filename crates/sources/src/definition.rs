//! The form of a source definition, as its author writes it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One log format.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Such as `aws.cloudtrail`.
    pub name: String,
    pub title: String,
    pub proof: Proof,
    /// How finely the source states time: `1s`, `1ms`, `1us`, `1ns`.
    #[serde(default = "one_second")]
    pub resolution: String,
    /// How late its records come, such as `15m`.
    #[serde(default)]
    pub horizon: Option<String>,
    /// How far its clock may be off.
    #[serde(default)]
    pub skew: Option<String>,
    /// Which records it reads. All must hold.
    pub detect: Vec<Condition>,
    /// Names of list-valued keys under which exports wrap records.
    #[serde(default)]
    pub envelopes: Vec<String>,
    /// The column of a CSV export that holds the whole record as JSON.
    #[serde(default)]
    pub csv_column: Option<String>,
    /// Where a record keeps, as text, what it was made from: that is read instead, if a definition
    /// knows it.
    #[serde(default)]
    pub made_from: Option<Take>,
    /// Records that the source writes beside its events, and that are none.
    #[serde(default)]
    pub beside: Vec<Beside>,
    /// What becomes of every record.
    pub fields: Fields,
    /// Rules for some records; each that matches lays its fields over those before.
    #[serde(default)]
    pub records: Vec<Record>,
    /// What counts as privileged, in words for the person who reads the screen.
    #[serde(default)]
    pub privileged_means: String,
}

fn one_second() -> String {
    "1s".to_owned()
}

/// What a definition was tried on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Records of a real system.
    Real,
    /// The vendor's own samples.
    Vendor,
    /// Captured from the running program.
    Captured,
    /// Only the documentation: nobody has seen it read a record.
    Unproven,
}

impl Proof {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Vendor => "vendor",
            Self::Captured => "captured",
            Self::Unproven => "unproven",
        }
    }
}

/// Records that are known and are no events.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// What they are, in the plural: `digests of trails`.
    pub what: String,
    /// All must hold.
    pub when: Vec<Condition>,
}

/// A rule for some records.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// All must hold.
    pub when: Vec<Condition>,
    pub set: Fields,
}

/// What becomes of a record. What a rule does not say stays as it was.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fields {
    pub id: Option<Take>,
    pub time: Option<Take>,
    /// The part of the source it came by.
    pub feed: Option<Take>,
    pub kind: Option<String>,
    pub tenant: Option<Take>,
    pub action: Option<Take>,
    pub resource: Option<Take>,
    pub ip: Option<Take>,
    pub user_agent: Option<Take>,
    pub via: Option<Take>,
    pub shared_id: Option<Take>,
    pub session_started: Option<Take>,
    /// The record is of a failure if any of these holds.
    pub failure: Option<Vec<Condition>>,
    /// If this is said, a record that is no failure is a success only if any of these holds;
    /// otherwise its outcome is unknown.
    pub success: Option<Vec<Condition>>,
    /// The record is privileged if any of these holds.
    pub privileged: Option<Vec<Condition>>,
    /// The source removed a linking value if any of these holds.
    pub redacted: Option<Vec<Condition>>,
    pub principal: Option<PrincipalForm>,
    /// Added to those of the base; a rule's `links: none` is written as `drop_links: true`.
    pub links: Vec<LinkForm>,
    pub drop_links: bool,
    pub delegation: Vec<DelegateForm>,
    pub assurance: Vec<AssuranceForm>,
}

/// Where a value comes from: a path; a list of alternatives, of which the first that is there wins;
/// or a form.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Take {
    Path(String),
    First(Vec<Take>),
    Form(Box<TakeForm>),
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TakeForm {
    /// One of the four says where from.
    pub path: Option<String>,
    pub first: Option<Vec<Take>>,
    #[serde(rename = "const")]
    pub constant: Option<String>,
    /// All must be there.
    pub join: Option<Vec<Take>>,
    /// Between joined values.
    pub by: Option<String>,
    /// Transforms, in order.
    pub then: Vec<String>,
    /// Exchanges values; what is not listed stays.
    pub map: BTreeMap<String, String>,
    /// If nothing is there.
    pub default: Option<String>,
}

/// Something that must hold of one value.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    pub path: Take,
    /// The value is one of these.
    #[serde(default)]
    pub is: Vec<String>,
    #[serde(default)]
    pub isnt: Vec<String>,
    /// The value begins with one of these.
    #[serde(default)]
    pub prefix: Vec<String>,
    /// The value matches one of these; `*` stands for any run of characters.
    #[serde(default)]
    pub like: Vec<String>,
    #[serde(default)]
    pub exists: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrincipalForm {
    pub namespace: Take,
    pub value: Take,
    #[serde(default)]
    pub name: Option<Take>,
    /// A `PrincipalKind`, or where to find one.
    #[serde(default)]
    pub kind: Option<Take>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkForm {
    /// Name of the rule, shown beside what it linked.
    pub rule: String,
    /// authenticates, issues, uses, revokes
    pub verb: String,
    /// A key kind.
    pub kind: String,
    pub namespace: Take,
    pub value: Take,
    #[serde(default = "exact")]
    pub grade: String,
    /// Such as `5m`.
    #[serde(default)]
    pub window: Option<String>,
    #[serde(default)]
    pub recycled: bool,
    #[serde(default)]
    pub long_lived: bool,
    #[serde(default)]
    pub closed_by: String,
    #[serde(default)]
    pub until: Option<Take>,
    /// The rule and verb of another link of the record that this key comes from, such as
    /// `uses session`.
    #[serde(default)]
    pub parent: Option<String>,
    #[serde(default)]
    pub root: Option<PrincipalForm>,
    #[serde(default)]
    pub when: Vec<Condition>,
}

fn exact() -> String {
    "exact".to_owned()
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DelegateForm {
    /// subject, actor, source
    pub role: String,
    pub principal: PrincipalForm,
    #[serde(default)]
    pub when: Vec<Condition>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssuranceForm {
    pub claim: String,
    pub value: Take,
    /// The value is a list in one text, divided by this.
    #[serde(default)]
    pub split: Option<String>,
    #[serde(default)]
    pub when: Vec<Condition>,
}
