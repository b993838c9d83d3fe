//! Who may, what on, and which: each candidate is put into the question and judged as if it had been
//! asked for, all under one read of the facts. A search is no permission and leaves one record.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{Context, SHA256};
use countersign_journal::{Record, Ticket};
use countersign_judge::{Deed, Facts};
use countersign_ledger::entry::{Decision as Leaf, FactsAt};
use countersign_ledger::handles::{Noun as HandleNoun, Salt};
use countersign_model::id::IdentityId;
use countersign_model::register::IdentityKind;
use countersign_model::time::Timestamp;
use countersign_register::time_text;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::access::Meant;
use super::record::VERSION;
use super::terms::{Mode, Terms};
use super::{DecisionId, Question, Way, not_ready, token};
use crate::live::Basis;
use crate::{App, AppError, Caller};

/// Candidates judged for one page, at most: the next page goes on from there.
const JUDGED_MAX: usize = 1_000;
/// The code of a token that was not given for this.
pub const PAGE_TOKEN: &str = "page.token";
/// Results of one page, at most.
pub const RESULTS_MAX: usize = 1_000;

/// What is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seek {
    Subject,
    Resource,
    Action,
}

impl Seek {
    pub const ALL: [Self; 3] = [Self::Subject, Self::Resource, Self::Action];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Resource => "resource",
            Self::Action => "action",
        }
    }
}

/// A question that leaves open the id of one of its entities.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    pub seek: Seek,
    /// What is sought has an empty id, or an action an empty name.
    pub question: Question,
    /// As the page before gave it.
    pub token: Option<String>,
    /// Results of a page. `None`: as many as one may have, or as the pages before.
    pub limit: Option<usize>,
}

/// What was found, in the order of ids.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub id: DecisionId,
    pub mode: Mode,
    /// Ids of subjects or resources of the type that was asked for, or names of actions.
    pub results: Vec<String>,
    /// For the page after this one; `None`: this was the last.
    pub next: Option<String>,
}

/// What was found, its record on its way to the disk.
#[derive(Debug)]
#[must_use = "no answer leaves before its record is durable"]
pub struct Searched {
    found: Found,
    ticket: Ticket,
}

impl Searched {
    /// # Errors
    /// If its record cannot be made durable: then nothing is answered.
    pub async fn durable(self) -> Result<Found, AppError> {
        self.ticket.await?;
        Ok(self.found)
    }
}

/// Where a page ended: the id of the last that was looked at, and its name.
pub(super) type Place = (String, String);

/// Something to put into the question; `None`: there is nothing of it to ask about.
struct Candidate {
    place: Place,
    name: Option<String>,
}

impl App {
    /// Searches, and gives the record to the journal.
    ///
    /// # Errors
    /// `Forbidden` if the caller is no application of a tenant; `page.token` if the token is not of
    /// this very question.
    pub fn search(&self, caller: &Caller, search: &Search) -> Result<Searched, AppError> {
        let tenant = self.own_tenant(caller)?;
        let live = self.live.get().ok_or_else(not_ready)?;
        let (after, limit) = self.page_of(tenant, search)?;
        let salt = Salt::from_bytes(self.random());
        let (found, row, body) = {
            let snapshot = live.read();
            let (basis, at) = (snapshot.basis(), self.now());
            let seeker = Seeker { basis: &basis, tenant, at };
            let (results, place) = seeker.page(search, after.as_ref(), limit);
            let next = place.map(|place| self.token_of(tenant, search, &place, limit));
            let mode = Terms::of(&basis, tenant, at).mode;
            let found = Found { id: self.decision_id(at), mode, results, next };
            let body = body(&found, (caller, tenant), search, &basis, at);
            let row = self.row_of_search(&found, (caller, tenant), (&basis, at), &salt, &body)?;
            (found, row, body)
        };
        let record = Record { row, salt: *salt.as_bytes(), body, count: 1 };
        let ticket = live.journal.append(&record, None);
        Ok(Searched { found, ticket })
    }

    /// A search is no judgement: it has neither an outcome nor an answer, but that something was found.
    fn row_of_search(
        &self,
        found: &Found,
        (caller, tenant): (&Caller, &str),
        (basis, at): (&Basis<'_>, Timestamp),
        salt: &Salt,
        body: &[u8],
    ) -> Result<Vec<u8>, AppError> {
        let word = if found.results.is_empty() { "nothing" } else { "found" };
        let leaf = self.with_handles(|handles| Leaf {
            time: at.0,
            id: found.id.0,
            kind: Way::Search.as_str(),
            tenant: handles.handle(HandleNoun::Tenant, tenant),
            application: handles.handle(HandleNoun::Subject, &caller.principal),
            subject: None,
            grant: None,
            sponsor: None,
            credential: None,
            outcome: word,
            answered: word,
            mode: found.mode.as_str(),
            reasons: Vec::new(),
            facts: FactsAt { transaction: basis.place.transaction, seq: basis.place.seq },
            policies: basis.policies.digest,
            count: 1,
            body: salt.commit(body),
        });
        let mut row = Vec::with_capacity(256);
        leaf.encode_into(&mut row)?;
        Ok(row)
    }

    fn page_of(&self, tenant: &str, search: &Search) -> Result<(Option<Place>, usize), AppError> {
        let Some(text) = &search.token else {
            return Ok((None, search.limit.unwrap_or(RESULTS_MAX).min(RESULTS_MAX)));
        };
        let opened = token::open(&self.page_key(), text, &bound(tenant, search));
        let opened = opened
            .filter(|(_, limit)| search.limit.is_none_or(|asked| asked.min(RESULTS_MAX) == *limit));
        let (place, limit) = opened.ok_or_else(|| {
            let text = "this token was not given for this question and limit; begin without one";
            AppError::refused(PAGE_TOKEN, text)
        })?;
        Ok((Some(place), limit))
    }

    fn token_of(&self, tenant: &str, search: &Search, place: &Place, limit: usize) -> String {
        token::seal(&self.page_key(), self.random(), &bound(tenant, search), place, limit)
    }

    /// All nodes of an instance have it, so a page may come from another than the one before.
    fn page_key(&self) -> [u8; 32] {
        let noun = HandleNoun::Named("page");
        *self.with_handles(|handles| handles.salt(noun, "search")).as_bytes()
    }
}

struct Seeker<'a> {
    basis: &'a Basis<'a>,
    tenant: &'a str,
    at: Timestamp,
}

impl Seeker<'_> {
    /// The results after a place, and where to go on from if there may be more.
    fn page(
        &self,
        search: &Search,
        after: Option<&Place>,
        limit: usize,
    ) -> (Vec<String>, Option<Place>) {
        let mut results = Vec::new();
        let mut last = after.cloned().unwrap_or_default();
        for (number, candidate) in self.candidates(search, after).into_iter().enumerate() {
            if results.len() >= limit || number >= JUDGED_MAX {
                return (results, Some(last));
            }
            if let Some(name) = candidate.name
                && self.is_let(search, &name, &candidate.place)
            {
                results.push(name);
            }
            last = candidate.place;
        }
        (results, None)
    }

    /// Whether the question is answered by allow with this put into it.
    fn is_let(&self, search: &Search, name: &str, (id, _): &Place) -> bool {
        let mut question = search.question.clone();
        let open = match search.seek {
            Seek::Subject => &mut question.subject.id,
            Seek::Resource => &mut question.resource.id,
            Seek::Action => &mut question.action.name,
        };
        name.clone_into(open);
        let terms = Terms::of(self.basis, self.tenant, self.at);
        let meant = Meant::new(self.basis.facts, self.tenant, &question, self.at);
        // A name that means somebody else is found where they are.
        if search.seek == Seek::Subject && meant.identity.is_none_or(|it| it.as_str() != id) {
            return false;
        }
        let judged = self.basis.judged(&meant, (self.tenant, &question), self.at);
        terms.answers(&terms.applied(judged, &meant, self.basis))
    }

    /// In order, from a place on; one more than are judged, if there are so many.
    fn candidates(&self, search: &Search, after: Option<&Place>) -> Vec<Candidate> {
        let facts = self.basis.facts;
        let question = &search.question;
        let is_after = |place: &Place| after.is_none_or(|after| place > after);
        let named = |names: BTreeSet<&str>| -> Vec<Candidate> {
            let all = names.into_iter().map(|name| Candidate {
                place: (name.to_owned(), String::new()),
                name: Some(name.to_owned()),
            });
            all.filter(|it| is_after(&it.place)).take(JUDGED_MAX + 1).collect()
        };
        match search.seek {
            Seek::Subject => {
                let mut all = self.subjects(facts, question, after);
                all.retain(|candidate| is_after(&candidate.place));
                all
            }
            Seek::Resource => named(facts.resources_of(self.tenant, &question.resource.kind)),
            Seek::Action => named(facts.actions_of(self.tenant)),
        }
    }

    fn subjects(
        &self,
        facts: &Facts,
        question: &Question,
        after: Option<&Place>,
    ) -> Vec<Candidate> {
        let Some(kinds) = kinds(&question.subject.kind) else { return Vec::new() };
        let resource = format!("{}:{}", question.resource.kind, question.resource.id);
        let deed = Deed { tenant: self.tenant, action: &question.action.name, resource: &resource };
        let issuer = question.subject.properties.get("iss").and_then(Json::as_str);
        let from = after.map_or("", |(id, _)| id);
        // One more than are judged, and the one that was looked at last.
        let ids = facts.may_be_let(deed, from, JUDGED_MAX + 2);
        let names = |id: &IdentityId| {
            let known = facts.identity_of(id.as_str());
            let known = known.filter(|known| kinds.contains(&known.kind));
            known.map(|known| facts.names_in(self.tenant, issuer, known)).unwrap_or_default()
        };
        let each = ids.into_iter().flat_map(|id| {
            let names = names(id);
            let place = |name: &str| (id.to_string(), name.to_owned());
            let none = names.is_empty().then(|| Candidate { place: place(""), name: None });
            let all: Vec<Candidate> = names
                .into_iter()
                .map(|name| Candidate { place: place(&name), name: Some(name) })
                .collect();
            none.into_iter().chain(all)
        });
        each.collect()
    }
}

/// Which identities a type of subjects means. `None`: none.
fn kinds(kind: &str) -> Option<&'static [IdentityKind]> {
    use IdentityKind::{Agent, Human, Service, Shared};
    Some(match kind {
        "identity" => &IdentityKind::ALL,
        "user" => &[Human, Shared],
        "human" => &[Human],
        "service" => &[Service],
        "agent" => &[Agent],
        "shared" => &[Shared],
        _ => return None,
    })
}

/// What a token is bound to: everything that was asked but the page.
fn bound(tenant: &str, search: &Search) -> Vec<u8> {
    let mut question = json!([tenant, search.seek.as_str(), search.question]);
    question.sort_all_objects();
    question.to_string().into_bytes()
}

/// Written as JSON, in this order.
#[derive(Serialize)]
struct Body<'a> {
    id: String,
    at: String,
    way: &'static str,
    application: &'a str,
    tenant: &'a str,
    sought: &'static str,
    /// Named apart: it is no question that could be judged again.
    question: &'a Question,
    facts: (i64, i64),
    policies: &'a str,
    version: &'static str,
    mode: &'static str,
    found: Summary,
}

#[derive(Serialize)]
struct Summary {
    count: usize,
    /// SHA-256 of the results, each with its length in eight bytes before it, in hexadecimal.
    digest: String,
    is_all: bool,
}

fn body(
    found: &Found,
    (caller, tenant): (&Caller, &str),
    search: &Search,
    basis: &Basis<'_>,
    at: Timestamp,
) -> Vec<u8> {
    let mut digest = Context::new(&SHA256);
    for result in &found.results {
        digest.update(&(result.len() as u64).to_be_bytes());
        digest.update(result.as_bytes());
    }
    let digest = digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let body = Body {
        id: found.id.to_string(),
        at: time_text(at),
        way: Way::Search.as_str(),
        application: &caller.principal,
        tenant,
        sought: search.seek.as_str(),
        question: &search.question,
        facts: (basis.place.transaction, basis.place.seq),
        policies: &basis.policies.name,
        version: VERSION,
        mode: found.mode.as_str(),
        found: Summary { count: found.results.len(), digest, is_all: found.next.is_none() },
    };
    serde_json::to_vec(&body).expect("texts and numbers can always be written")
}
