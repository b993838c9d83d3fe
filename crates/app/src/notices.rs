//! What is told: that something ends soon or has ended, that somebody must look or decide. A notice
//! has a key and is told once; when an item must be looked at again stands beside it in the store, so
//! a round reads only those whose time has come.

use countersign_govern::approval::{Manner, Standing};
use countersign_govern::bounds::BREAK_GLASS;
use countersign_govern::ends::{Audience, Limited, Moment, Notice, What, next_look, notices};
use countersign_model::lifecycle::{Noun, State};
use countersign_model::limits::CHAIN_DEPTH_MAX;
use countersign_model::register::Register;
use countersign_model::time::{Duration, Timestamp};
use countersign_store::batch::{Also, Batch, Message, Precondition};
use countersign_store::items::{Filter, Item};
use serde_json::{Value as Json, json};

use crate::documents::parse;
use crate::evidence::Version;
use crate::grants::{Case, Record};
use crate::known::Known;
use crate::{App, AppError, effect, micros};

/// Items that are looked at in one go.
const ROUND_MAX: usize = 256;
/// How long after something ran out it is still news when it is written down.
const RECENT: Duration = Duration(30 * 86_400 * 1_000_000_000);

/// What is said to somebody.
struct Said<'a> {
    /// Tells repeats by.
    key: &'a str,
    subject: String,
    text: String,
    /// For programs.
    data: Json,
}

impl App {
    /// One round of the worker: tells what is to be told by now. Returns how many notices it told.
    ///
    /// # Errors
    /// If the store cannot be read or written; what was told stays told.
    pub fn tell_due(&self) -> Result<usize, AppError> {
        let mut told = 0;
        loop {
            let now = self.now();
            let items = self.store.to_look_at(micros(now), ROUND_MAX)?;
            let mut failed = None;
            for item in &items {
                match self.tell(item, now) {
                    Ok(count) => told += count,
                    // Of one that cannot be told now the others must not wait.
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            match failed {
                // Somebody changed it: its new version is looked at in the next round.
                Some(AppError::Stale { .. }) => return Ok(told),
                Some(error) => return Err(error),
                None if items.len() < ROUND_MAX => return Ok(told),
                None => (),
            }
        }
    }

    fn tell(&self, item: &Item, now: Timestamp) -> Result<usize, AppError> {
        let body = parse(&item.body)?;
        let mut also = Vec::new();
        let mut count = 0;
        for notice in due(&item.noun, &item.id, &body, &item.state, now) {
            if self.store.was_told(&notice.key)? || self.is_looked_at(item, &notice, now)? {
                continue;
            }
            count += 1;
            also.extend(self.messages(item, &body, &notice, now)?);
            let keys = std::iter::once(&notice.key).chain(&notice.covers);
            also.extend(keys.map(|key| Also::Told { key: key.clone(), at: micros(now) }));
        }
        let next = look(&item.noun, &body, &item.state, now);
        let (noun, id) = (item.noun.clone(), item.id.clone());
        also.push(Also::Looked { noun, id, rev: item.rev, next });
        let (noun, id) = (item.noun.clone(), item.id.clone());
        let reads = vec![Precondition { noun, id, rev: Some(item.rev) }];
        self.commit(Batch { reads, changes: Vec::new(), also })?;
        Ok(count)
    }

    /// Whether two people have looked at what was taken by break-glass.
    fn is_looked_at(&self, item: &Item, notice: &Notice, at: Timestamp) -> Result<bool, AppError> {
        if notice.what != What::Look {
            return Ok(false);
        }
        let Some(mut record) = Record::read(&parse(&item.process)?) else { return Ok(false) };
        record.manner = Manner::BreakGlass;
        Ok(self.case(item)?.standing(&record, at)?.is_complete())
    }

    fn messages(
        &self,
        item: &Item,
        body: &Json,
        notice: &Notice,
        now: Timestamp,
    ) -> Result<Vec<Also>, AppError> {
        let limit = countersign_register::time_text(notice.limit);
        let noun = item.noun.replace('_', " ");
        let (moment, says) = match notice.moment {
            Moment::Ahead(days) => (format!("{days}d"), "comes"),
            Moment::RanOut => ("over".to_owned(), "has come"),
        };
        let what = words(notice.what);
        let said = Said {
            key: &notice.key,
            subject: format!("{noun} {}: {what}", item.id),
            text: format!("For the {noun} `{}`, {what} {says}: {limit}.", item.id),
            data: json!({
                "type": "notice", "key": notice.key, "noun": item.noun, "id": item.id,
                "what": notice.what.as_str(), "limit": limit, "moment": moment,
                "to": notice.tell.iter().map(|it| it.as_str()).collect::<Vec<_>>(),
            }),
        };
        let addresses = self.addresses(item, body, notice.tell, now)?;
        Ok(said.to(&addresses, micros(now)))
    }

    /// Tells those who must approve a request, or that somebody took something by break-glass.
    pub(crate) fn tell_asked(
        &self,
        case: &Case<'_>,
        record: &Record,
        standing: &Standing,
    ) -> Result<Vec<Also>, AppError> {
        let (id, at) = (case.id.as_str(), record.at);
        let mut addresses = Vec::new();
        let is_break_glass = record.manner == Manner::BreakGlass;
        for (_, who) in &standing.needed {
            if let Ok(who) = who {
                addresses.extend(self.mail_of_sponsor(who.as_str(), at)?);
            }
        }
        if is_break_glass || addresses.is_empty() {
            addresses.extend(self.mail_of_security()?);
        }
        addresses.sort();
        addresses.dedup();
        let (code, says) = match is_break_glass {
            true => (BREAK_GLASS.finding.code, BREAK_GLASS.finding.says),
            false => ("approval.asked", "waits for your approval"),
        };
        let key = format!("grant:{id}/{code}/{}", at.0);
        let said = Said {
            key: &key,
            subject: format!("grant {id}: {says}"),
            text: format!("The grant `{id}` {says}. {} asked.", record.by),
            data: json!({"type": code, "key": key, "noun": "grant", "id": id}),
        };
        Ok(said.to(&addresses, micros(at)))
    }

    /// Addresses of those who are told; of nobody known, those of security.
    fn addresses(
        &self,
        item: &Item,
        body: &Json,
        tell: &[Audience],
        at: Timestamp,
    ) -> Result<Vec<String>, AppError> {
        let mut found = Vec::new();
        for audience in tell {
            match audience {
                Audience::Sponsor => {
                    let sponsor = match item.noun.as_str() {
                        "sponsor" => Some(item.id.clone()),
                        "organization" | "grant" | "exception" => item.sponsor.clone(),
                        _ => self.sponsor_of(item.organization.as_deref())?,
                    };
                    if let Some(sponsor) = sponsor {
                        found.extend(self.mail_of_sponsor(&sponsor, at)?);
                    }
                }
                Audience::Owner => {
                    if let Some(owner) = self.owner_of(&item.noun, body)? {
                        found.extend(self.mail_of_sponsor(&owner, at)?);
                    }
                }
                Audience::Partner => found.extend(self.mail_of_partner(item)?),
                Audience::Security => found.extend(self.mail_of_security()?),
            }
        }
        if found.is_empty() {
            found = self.mail_of_security()?;
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    fn sponsor_of(&self, organization: Option<&str>) -> Result<Option<String>, AppError> {
        let Some(id) = organization else { return Ok(None) };
        Ok(self.store.item("organization", id)?.and_then(|item| item.sponsor))
    }

    /// Of a grant the entitlement's owner, of a machine its own, of a credential the machine's.
    fn owner_of(&self, noun: &str, body: &Json) -> Result<Option<String>, AppError> {
        let key = match noun {
            "grant" => "entitlement",
            "credential" => "identity",
            _ => return Ok(body["owner"].as_str().map(str::to_owned)),
        };
        let Some(id) = body[key].as_str() else { return Ok(None) };
        Ok(self.store.item(key, id)?.and_then(|item| item.sponsor))
    }

    /// Where a sponsor is reached, or who took over from them.
    fn mail_of_sponsor(&self, id: &str, at: Timestamp) -> Result<Option<String>, AppError> {
        let mut known = Known::new(self);
        known.read_sponsor(id)?;
        let sponsors = &known.register.sponsors;
        let mut next = sponsors.get(id);
        for _ in 0..CHAIN_DEPTH_MAX {
            let Some(sponsor) = next else { return Ok(None) };
            if sponsor.employed.contains(at) != Some(false) {
                return Ok(sponsor.email.clone());
            }
            next = sponsor.successor.as_ref().and_then(|successor| sponsors.get(successor));
        }
        Ok(None)
    }

    fn mail_of_partner(&self, item: &Item) -> Result<Vec<String>, AppError> {
        let Some(organization) = item.organization.clone() else { return Ok(Vec::new()) };
        let filter = Filter { organization: Some(organization), ..Filter::default() };
        self.mail_of_members(&filter, &["partner_admin"])
    }

    fn mail_of_security(&self) -> Result<Vec<String>, AppError> {
        self.mail_of_members(&Filter::default(), &["security", "owner"])
    }

    fn mail_of_members(&self, filter: &Filter, roles: &[&str]) -> Result<Vec<String>, AppError> {
        let mut found = Vec::new();
        for member in self.every("member", filter)? {
            let body = parse(&member.body)?;
            let is_one = body["role"].as_str().is_some_and(|role| roles.contains(&role));
            if is_one && member.state == effect::CURRENT {
                found.extend(body["email"].as_str().map(str::to_owned));
            }
        }
        Ok(found)
    }

    /// When a new version must be looked at.
    pub(crate) fn next_look(&self, version: &Version<'_>) -> Option<i64> {
        let now = self.now();
        let recent = now.plus_nanos(-RECENT.0);
        let next = each(version.noun, &version.body, &version.state, |item, stored| {
            // What is due when it is written is told in the next round; what ended long before
            // anybody wrote it down here is no news.
            let due = item.due(version.id, stored, now);
            let is_due = due.iter().any(|notice| recent <= notice.limit);
            if is_due { Some(now) } else { item.look(stored, now) }
        });
        next.flatten().map(in_micros)
    }
}

impl Said<'_> {
    /// A mail to each, and one message for whoever subscribed to all.
    fn to(&self, addresses: &[String], at: i64) -> Vec<Also> {
        let mail = addresses.iter().map(|address| {
            let body = json!({"to": address, "subject": self.subject, "text": self.text});
            ("mail", address.as_str(), body)
        });
        let hook = ("webhook", "*", self.data.clone());
        let message = |(kind, target, body): (&str, &str, Json)| {
            let digest = crate::digest(format!("{kind}\0{target}\0{}", self.key).as_bytes());
            let id: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            let (kind, target, body) = (kind.to_owned(), target.to_owned(), body.to_string());
            Also::Outbox(Message { id: format!("msg_{id}"), kind, target, body, at })
        };
        mail.chain([hook]).map(message).collect()
    }
}

fn words(what: What) -> &'static str {
    match what {
        What::End => "the end",
        What::Mandate => "the end of its mandate",
        What::Revalidation => "the day by which it must be revalidated",
        What::Rotation => "the day by which it must be rotated",
        What::Review => "the day of its review",
        What::ReviewGrace => "the end of the grace after its review was due",
        What::Reduction => "the day on which high risk stops until a successor is found",
        What::Succession => "the day on which all stops until a successor is found",
        What::Look => "the day by which two people must have looked at it",
    }
}

/// [`Limited`] without its constant, so that one item of any noun can be asked.
trait Tellable {
    fn due(&self, id: &str, stored: State, at: Timestamp) -> Vec<Notice>;
    fn look(&self, stored: State, at: Timestamp) -> Option<Timestamp>;
}

impl<T: Limited> Tellable for T {
    fn due(&self, id: &str, stored: State, at: Timestamp) -> Vec<Notice> {
        notices(id, self, stored, at)
    }

    fn look(&self, stored: State, at: Timestamp) -> Option<Timestamp> {
        next_look(self, stored, at)
    }
}

fn due(noun: &str, id: &str, body: &Json, stored: &str, at: Timestamp) -> Vec<Notice> {
    each(noun, body, stored, |item, stored| item.due(id, stored, at)).unwrap_or_default()
}

fn look(noun: &str, body: &Json, stored: &str, at: Timestamp) -> Option<i64> {
    each(noun, body, stored, |item, stored| item.look(stored, at)).flatten().map(in_micros)
}

/// Never before the moment itself.
fn in_micros(moment: Timestamp) -> i64 {
    micros(moment.plus_nanos(999))
}

fn each<T>(
    noun: &str,
    body: &Json,
    stored: &str,
    ask: impl Fn(&dyn Tellable, State) -> T,
) -> Option<T> {
    let (life, stored) = (Noun::parse(noun)?, State::parse(stored)?);
    let mut register = Register::default();
    countersign_register::restore_document(&mut register, noun, body);
    let item: &dyn Tellable = match life {
        Noun::Organization => register.organizations.values().next()?,
        Noun::TrustPath => register.trust_paths.values().next()?,
        Noun::Identity => register.identities.values().next()?,
        Noun::Credential => register.credentials.values().next()?,
        Noun::Grant => register.grants.values().next()?,
        Noun::Exception => register.exceptions.values().next()?,
        Noun::Sponsor => register.sponsors.values().next()?,
    };
    Some(ask(item, stored))
}
