//! Holds a tracer's rows against the truth.
//!
//! An attribution is *wrong* if it names a registered identity other than the true one at grade
//! `exact`, `composite` or `declared`. A guess (`inferred`) is tallied and never an error. What a
//! thief did and the victim is named for is told apart as `stolen`: no log can tell.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::truth::Grade;

/// How many errors and misses are kept to be shown.
const SHOWN_MAX: usize = 50;

/// A line that is neither truth nor row.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    #[error("line {line} of the {file} is not json: {source}")]
    Json { file: &'static str, line: usize, source: serde_json::Error },
    #[error("line {line} of the {file} lacks {field}; it must be a text as the schema says")]
    Field { file: &'static str, line: usize, field: &'static str },
}

/// Attributions of one grade.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub right: u64,
    pub wrong: u64,
    /// At this grade, but naming nobody in the register.
    pub unnamed: u64,
}

impl Tally {
    /// Share of the named that are right; 1 if none is named.
    #[expect(clippy::cast_precision_loss, reason = "a share, for people to read")]
    pub fn precision(self) -> f64 {
        let named = self.right + self.wrong;
        if named == 0 { 1.0 } else { self.right as f64 / named as f64 }
    }
}

/// One side of the question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Side {
    /// By grade of the rows.
    pub grades: BTreeMap<&'static str, Tally>,
    /// Actions whose person the logs and the register make knowable above `inferred`.
    pub knowable: u64,
    /// Of those, named rightly above `inferred`.
    pub known: u64,
    /// Rightly named, at a surer grade than the logs give.
    pub surer: u64,
    /// Rightly named, at a less sure grade.
    pub less_sure: u64,
    /// Rightly named above `inferred` although held unknowable.
    pub beyond: u64,
}

impl Side {
    #[expect(clippy::cast_precision_loss, reason = "a share, for people to read")]
    pub fn recall(&self) -> f64 {
        if self.knowable == 0 { 1.0 } else { self.known as f64 / self.knowable as f64 }
    }
}

/// Something to look at: where, and what was expected and found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub side: &'static str,
    pub source: String,
    pub tenant: String,
    pub event: String,
    pub story: String,
    pub expected: String,
    pub found: String,
    pub why: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Score {
    pub truths: u64,
    pub rows: u64,
    /// Rows of events the truth says nothing about: logins, issuances.
    pub unasked: u64,
    /// Actions with more than one row.
    pub repeated: u64,
    /// Actions without a row.
    pub absent: u64,
    pub actor: Side,
    pub holder: Side,
    /// A thief's actions that name the victim as actor.
    pub stolen: u64,
    /// Of the actions rightly left without an actor, how many give the very reason.
    pub gaps: u64,
    pub gaps_alike: u64,
    /// By linking rule: knowable actions that needed it and were missed.
    pub missed_links: BTreeMap<String, u64>,
    /// Knowable actions missed, by story.
    pub missed_stories: BTreeMap<String, u64>,
    /// Wrong above `inferred`, the first ones.
    pub errors: Vec<Mistake>,
    /// Knowable and missed, the first ones.
    pub misses: Vec<Mistake>,
}

impl Score {
    /// Wrong attributions above `inferred`, of actors and holders.
    pub fn wrong(&self) -> u64 {
        [&self.actor, &self.holder]
            .into_iter()
            .flat_map(|side| &side.grades)
            .filter(|(grade, _)| Grade::parse(grade).is_some_and(Grade::counts))
            .map(|(_, tally)| tally.wrong)
            .sum()
    }
}

/// What the truth says of one side.
struct Expected {
    identity: Option<String>,
    account: String,
    grade: Grade,
}

struct Truth {
    source: String,
    tenant: String,
    event: String,
    story: String,
    why: String,
    links: Vec<String>,
    gap: Option<String>,
    stolen: bool,
    apparent: Option<String>,
    holder: Expected,
    actor: Expected,
    seen: bool,
    actor_known: bool,
}

/// What a row says of one side.
struct Found {
    identity: Option<String>,
    account: Option<String>,
    grade: Grade,
    gap: Option<String>,
}

/// Scores rows (the product's `--out` lines) against truth (lines of `truth.ndjson`). Both may come
/// in any order.
pub fn score<T, R>(truth: T, rows: R) -> Result<Score, ScoreError>
where
    T: IntoIterator,
    T::Item: AsRef<str>,
    R: IntoIterator,
    R::Item: AsRef<str>,
{
    let mut score = Score::default();
    let mut truths: Vec<Truth> = Vec::new();
    let mut index: HashMap<(String, String), Vec<usize>> = HashMap::new();
    for (n, text) in truth.into_iter().enumerate() {
        let value = parse(text.as_ref(), "truth", n)?;
        let truth = read_truth(&value, n)?;
        let key = (truth.source.clone(), truth.event.clone());
        index.entry(key).or_default().push(truths.len());
        truths.push(truth);
    }
    for (n, text) in rows.into_iter().enumerate() {
        let row = parse(text.as_ref(), "rows", n)?;
        score.rows += 1;
        let key = (field(&row, "source", "rows", n)?, field(&row, "event", "rows", n)?);
        let tenant = row["tenant"].as_str().unwrap_or_default();
        let Some(found) = index.get(&key).and_then(|at| nearest(at, &truths, tenant)) else {
            score.unasked += 1;
            continue;
        };
        weigh(&mut score, &mut truths[found], &row);
    }
    for truth in &truths {
        conclude(&mut score, truth);
    }
    score.truths = truths.len() as u64;
    Ok(score)
}

fn parse(text: &str, file: &'static str, n: usize) -> Result<Value, ScoreError> {
    serde_json::from_str(text).map_err(|source| ScoreError::Json { file, line: n + 1, source })
}

fn field(
    value: &Value,
    name: &'static str,
    file: &'static str,
    n: usize,
) -> Result<String, ScoreError> {
    value[name].as_str().map(str::to_owned).ok_or(ScoreError::Field {
        file,
        line: n + 1,
        field: name,
    })
}

fn read_truth(value: &Value, n: usize) -> Result<Truth, ScoreError> {
    let text = |name| field(value, name, "truth", n);
    let side = |name: &'static str, grade: &'static str| -> Result<Expected, ScoreError> {
        let grade = value["best"][grade].as_str().and_then(Grade::parse);
        Ok(Expected {
            identity: value[name]["identity"].as_str().map(str::to_owned),
            account: value[name]["account"]["value"].as_str().unwrap_or_default().to_owned(),
            grade: grade.ok_or(ScoreError::Field { file: "truth", line: n + 1, field: "best" })?,
        })
    };
    Ok(Truth {
        source: text("source")?,
        tenant: text("tenant")?,
        event: text("event")?,
        story: text("story")?,
        why: text("why")?,
        links: value["links"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|link| link.as_str().map(str::to_owned))
            .collect(),
        gap: value["best"]["gap"].as_str().map(str::to_owned),
        stolen: value["stolen"].as_bool().unwrap_or(false),
        apparent: value["apparent"]["identity"].as_str().map(str::to_owned),
        holder: side("holder", "holder_grade")?,
        actor: side("actor", "actor_grade")?,
        seen: false,
        actor_known: false,
    })
}

/// The truth of this tenant, else the only one.
fn nearest(at: &[usize], truths: &[Truth], tenant: &str) -> Option<usize> {
    // The same request has one id in a portal's log and in that of the application behind it.
    at.iter().copied().find(|i| truths[*i].tenant == tenant)
}

fn found(row: &Value, side: &str) -> Found {
    let party = &row[side];
    let account = &party["account"];
    Found {
        identity: party["identity"].as_str().map(str::to_owned),
        account: account["value"].as_str().or(account.as_str()).map(str::to_owned),
        grade: party["grade"].as_str().and_then(Grade::parse).unwrap_or(Grade::Unattributed),
        gap: party["gap"].as_str().map(str::to_owned),
    }
}

fn weigh(score: &mut Score, truth: &mut Truth, row: &Value) {
    if truth.seen {
        score.repeated += 1;
        return;
    }
    truth.seen = true;
    let holder = found(row, "holder");
    let actor = found(row, "actor");
    let mut errors = Vec::new();
    if side(&mut score.holder, &truth.holder, &holder) == Verdict::Wrong {
        errors.push(mistake("holder", truth, &truth.holder, &holder));
    }
    if truth.stolen {
        weigh_stolen(score, truth, &actor, &mut errors);
    } else {
        let verdict = side(&mut score.actor, &truth.actor, &actor);
        truth.actor_known = verdict == Verdict::Right && actor.grade.counts();
        if verdict == Verdict::Wrong {
            errors.push(mistake("actor", truth, &truth.actor, &actor));
        }
        if truth.actor.grade == Grade::Unattributed && actor.grade == Grade::Unattributed {
            score.gaps += 1;
            score.gaps_alike += u64::from(truth.gap == actor.gap);
        }
    }
    let room = SHOWN_MAX.saturating_sub(score.errors.len());
    score.errors.extend(errors.into_iter().take(room));
}

/// A thief's action: naming the victim, or whom the logs show to act with the victim's key, is what
/// the logs say; naming a third is wrong.
fn weigh_stolen(score: &mut Score, truth: &Truth, actor: &Found, errors: &mut Vec<Mistake>) {
    let Some(named) = actor.identity.as_ref().filter(|_| actor.grade.counts()) else { return };
    let victims = [truth.holder.identity.as_ref(), truth.apparent.as_ref()];
    if victims.contains(&Some(named)) {
        score.stolen += 1;
    } else {
        score.actor.grades.entry(actor.grade.as_str()).or_default().wrong += 1;
        errors.push(mistake("actor", truth, &truth.holder, actor));
    }
}

#[derive(PartialEq, Eq)]
enum Verdict {
    Right,
    Wrong,
    Unnamed,
}

fn side(side: &mut Side, expected: &Expected, found: &Found) -> Verdict {
    let verdict = match (&found.identity, &expected.identity) {
        _ if found.grade == Grade::Unattributed => Verdict::Unnamed,
        (Some(found), Some(expected)) if found == expected => Verdict::Right,
        (Some(_), _) => Verdict::Wrong,
        (None, None) if found.account.as_ref() == Some(&expected.account) => Verdict::Right,
        (None, _) => Verdict::Unnamed,
    };
    let tally = side.grades.entry(found.grade.as_str()).or_default();
    match verdict {
        Verdict::Right => tally.right += 1,
        Verdict::Wrong => tally.wrong += 1,
        Verdict::Unnamed => tally.unnamed += 1,
    }
    if verdict == Verdict::Right && found.grade.counts() {
        if expected.grade.counts() {
            side.known += 1;
            side.surer += u64::from(found.grade < expected.grade);
            side.less_sure += u64::from(found.grade > expected.grade);
        } else {
            side.beyond += 1;
        }
    }
    // Only inferences that name somebody else are left; they are guesses, not errors.
    if verdict == Verdict::Wrong && !found.grade.counts() { Verdict::Unnamed } else { verdict }
}

fn mistake(side: &'static str, truth: &Truth, expected: &Expected, found: &Found) -> Mistake {
    let name = |identity: &Option<String>, grade: Grade| {
        format!("{} ({})", identity.as_deref().unwrap_or("nobody registered"), grade.as_str())
    };
    Mistake {
        side,
        source: truth.source.clone(),
        tenant: truth.tenant.clone(),
        event: truth.event.clone(),
        story: truth.story.clone(),
        expected: name(&expected.identity, expected.grade),
        found: match &found.gap {
            Some(gap) => format!("nobody ({gap})"),
            None => name(&found.identity, found.grade),
        },
        why: truth.why.clone(),
    }
}

/// Counts what was knowable, and what of it was missed.
fn conclude(score: &mut Score, truth: &Truth) {
    score.absent += u64::from(!truth.seen);
    score.holder.knowable += u64::from(truth.holder.grade.counts());
    if truth.stolen || !truth.actor.grade.counts() {
        return;
    }
    score.actor.knowable += 1;
    if truth.actor_known {
        return;
    }
    for link in &truth.links {
        *score.missed_links.entry(link.clone()).or_default() += 1;
    }
    *score.missed_stories.entry(truth.story.clone()).or_default() += 1;
    if score.misses.len() < SHOWN_MAX {
        let nothing =
            Found { identity: None, account: None, grade: Grade::Unattributed, gap: None };
        score.misses.push(mistake("actor", truth, &truth.actor, &nothing));
    }
}
