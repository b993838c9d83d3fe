//! Invitations: a link by which a partner's administrator says what only they know. It is limited in
//! time and tries and ends by use; what they give is a proposal until a sponsor accepts it.

mod domain;
mod given;

pub(crate) use given::is_address;

use countersign_judge::permission::Role;
use countersign_model::register::Register;
use countersign_model::time::{Duration, Timestamp};
use countersign_store::batch::{Also, Batch, Precondition, Token};
use countersign_store::items::{Filter, Item};
use serde_json::{Value as Json, json};

use crate::act::{fresh, note};
use crate::documents::{canonical, parse};
use crate::effect::{self, Step};
use crate::evidence::{Deed, Version};
use crate::token::{TokenKind, hash};
use crate::{Act, App, AppError, Caller, Made, View, micros};

/// How long an invitation lasts if nobody says, and at most.
const LASTS: Duration = Duration(14 * 86_400 * 1_000_000_000);
const LASTS_MAX: Duration = Duration(30 * 86_400 * 1_000_000_000);
/// How often it can be tried to complete it, if nobody says, and at most.
const TRIES: i64 = 5;
const TRIES_MAX: i64 = 20;

/// Looks up the TXT records of a name. An error says why there is no answer, which is not "none".
pub type Resolve<'a> = &'a dyn Fn(&str) -> Result<Vec<String>, String>;

/// The state of an invitation at an instant.
pub(crate) fn shown(stored: &str, document: &Json, at: Timestamp) -> String {
    let until = document["until"].as_str().and_then(countersign_register::time);
    if stored == "open" && until.is_some_and(|until| until <= at) {
        return "expired".to_owned();
    }
    stored.to_owned()
}

impl App {
    /// Invites an organization's administrator; the secret is shown this once.
    pub fn invite(
        &self,
        caller: &Caller,
        organization: &str,
        act: &Act,
    ) -> Result<(Made, View), AppError> {
        let whose = self.stored("organization", organization)?;
        self.demand_on(caller, "invite", &whose)?;
        if self.was_answered(caller, act)? {
            let text =
                "this invitation was made and its secret shown then; end it and make another";
            return Err(AppError::refused("invitation.shown_once", text));
        }
        let at = self.now();
        let state = self.view(&whose)?.state;
        if matches!(state.as_str(), "ended" | "expired") {
            let text = format!("`{organization}` is {state}; register what succeeds it");
            return Err(AppError::refused("invitation.organization_over", text));
        }
        let Limits { contact, lasts, tries } = limits(&act.arguments, at)?;
        let random: [u8; 8] = self.random();
        let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let id = format!("inv-{hex}");
        let principal = format!("invitation:{id}");
        let (made, token) = self.token(TokenKind::Invitation, &principal, &json!({}), lasts);
        let token = Token { tries_left: Some(tries), ..token };
        let until = countersign_register::time_text(made.ends);
        let body = json!({
            "id": id, "organization": organization, "sponsor": whose.sponsor,
            "contact": contact, "until": until, "tries": tries,
        });
        let process = json!({"by": caller.principal});
        let (noun, state) = ("invitation", "open".to_owned());
        let version = Version { noun, id: &id, after: None, state, body, process };
        let why = act.why.as_deref();
        let deed = Deed { by: caller, verb: "invitation.invite", why, id: self.deed_id() };
        let change =
            self.change(&deed, vec![version], &|noun, id| self.organization_of(noun, id))?;
        let reads = vec![Precondition { noun: whose.noun, id: whose.id, rev: Some(whose.rev) }];
        let mut also = self.remembered(caller, act, "invitation", &id);
        also.push(Also::Token(token));
        self.commit(Batch { reads, changes: vec![change], also })?;
        Ok((made, self.view(&self.stored("invitation", &id)?)?))
    }

    /// The invitation that a secret is for, as whoever holds it may see it.
    ///
    /// # Errors
    /// `Unauthenticated` if it is none, was used, has ended or was tried too often.
    pub fn invitation(&self, secret: &str) -> Result<View, AppError> {
        let (item, _) = self.invited(secret)?;
        let mut view = self.view(&item)?;
        // How it came about is the inviter's.
        view.process = json!({});
        Ok(view)
    }

    fn invited(&self, secret: &str) -> Result<(Item, Token), AppError> {
        let token = self.store.token(&hash(secret))?.ok_or(AppError::Unauthenticated)?;
        let is_spent = token.tries_left.is_some_and(|left| left <= 0);
        let is_over = token.revoked.is_some() || token.ends <= micros(self.now());
        let id = token.principal.strip_prefix("invitation:").unwrap_or_default();
        if is_spent || is_over || token.kind != TokenKind::Invitation.as_str() {
            return Err(AppError::Unauthenticated);
        }
        let item = self.store.item("invitation", id)?.ok_or(AppError::Unauthenticated)?;
        if self.view(&item)?.state != "open" {
            return Err(AppError::Unauthenticated);
        }
        Ok((item, token))
    }

    /// Completes an invitation: contacts, the sign-in of the partner's people, domains, public keys.
    /// Each call is a try, whatever comes of it; one that succeeds ends the invitation.
    ///
    /// # Errors
    /// As [`App::invitation`]; `Invalid` with every fault of what is given.
    pub fn complete_invitation(&self, secret: &str, given: &Json) -> Result<View, AppError> {
        let (item, token) = self.invited(secret)?;
        let at = micros(self.now());
        let used = Also::UseToken { hash: token.hash.clone(), at };
        self.commit(Batch { also: vec![used], ..Batch::default() })?;
        let organization = item.organization.clone().unwrap_or_default();
        let mut given = given::read(given, &organization)?;
        self.keys_are_theirs(&given, &organization)?;
        given.domains.iter_mut().for_each(|domain| {
            let random: [u8; 16] = self.random();
            let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
            domain.token = format!("countersign={hex}");
        });
        let caller = Caller {
            principal: token.principal,
            role: Role::PartnerAdmin,
            organization: Some(organization),
            sponsor: None,
            tenant: None,
        };
        let mut body = parse(&item.body)?;
        body["given"] = given.to_json();
        let (id, state, process) = (item.id.as_str(), "given".to_owned(), parse(&item.process)?);
        let path_before = self.proposed_path(&given)?;
        let mut versions =
            vec![Version { noun: "invitation", id, after: Some(&item), state, body, process }];
        if let Some(path) = &given.trust_path {
            versions.push(path_version(path, path_before.as_ref(), &caller)?);
        }
        let deed = Deed { by: &caller, verb: "invitation.complete", why: None, id: self.deed_id() };
        let change = self.change(&deed, versions, &|noun, id| self.organization_of(noun, id))?;
        let also = vec![Also::RevokeToken { hash: token.hash, at }];
        self.commit(Batch { changes: vec![change], also, ..Batch::default() })?;
        let mut view = self.view(&self.stored("invitation", id)?)?;
        view.process = json!({});
        Ok(view)
    }

    /// Machines for which keys are given are the organization's.
    fn keys_are_theirs(&self, given: &given::Given, organization: &str) -> Result<(), AppError> {
        for (nth, key) in given.keys.iter().enumerate() {
            let identity = key["identity"].as_str().unwrap_or_default();
            let item = self.store.item("identity", identity)?;
            let is_theirs = item.is_some_and(|it| it.organization.as_deref() == Some(organization));
            if !is_theirs {
                let pointer = format!("/keys/{nth}/identity");
                let fix = "name a machine of yours that is registered";
                return Err(AppError::invalid(&pointer, "names none of yours", fix));
            }
        }
        Ok(())
    }

    /// The trust path as it is proposed already, by a template perhaps.
    fn proposed_path(&self, given: &given::Given) -> Result<Option<Item>, AppError> {
        let Some(path) = &given.trust_path else { return Ok(None) };
        let id = path["id"].as_str().unwrap_or_default();
        match self.store.item("trust_path", id)? {
            Some(item) if item.state != "proposed" => {
                let text = format!(
                    "the trust path `{id}` is {} already; whoever invited you changes it with you",
                    item.state
                );
                Err(AppError::refused("invitation.path_exists", text))
            }
            found => Ok(found),
        }
    }

    /// One round of the worker: looks for the records by which domains are proven. Returns how many
    /// it found.
    pub fn prove_domains(&self, resolve: Resolve<'_>) -> Result<usize, AppError> {
        let filter = Filter { state: Some("given".to_owned()), ..Filter::default() };
        let mut proven = 0;
        for item in self.every("invitation", &filter)? {
            let mut body = parse(&item.body)?;
            let count = domain::prove(&mut body, resolve, self.now());
            if count == 0 {
                continue;
            }
            let (id, state, process) =
                (item.id.as_str(), item.state.clone(), parse(&item.process)?);
            let noun = "invitation";
            let version = Version { noun, id, after: Some(&item), state, body, process };
            let system = Caller::system();
            let why = Some("the record was found");
            let deed = Deed { by: &system, verb: "invitation.prove", why, id: self.deed_id() };
            let change =
                self.change(&deed, vec![version], &|noun, id| self.organization_of(noun, id))?;
            match self.commit(Batch { changes: vec![change], ..Batch::default() }) {
                Ok(_) => proven += count,
                // Somebody decided on it meanwhile.
                Err(AppError::Stale { .. }) => (),
                Err(error) => return Err(error),
            }
        }
        Ok(proven)
    }

    /// A sponsor accepts what was given: the trust path is accepted, the keys are issued.
    pub(crate) fn accept_invitation(
        &self,
        caller: &Caller,
        id: &str,
        act: &Act,
    ) -> Result<View, AppError> {
        let item = self.stored("invitation", id)?;
        self.demand_on(caller, "accept", &item)?;
        fresh(act, &item)?;
        let mut body = parse(&item.body)?;
        works(&item, &body, "accept", self.now())?;
        domain::all_proven(&body)?;
        let at = self.now();
        let step = Step { caller, verb: "accept", at, arguments: &act.arguments };
        let path = body["given"]["trust_path"].as_str().map(str::to_owned);
        let path = path.map(|path| self.stored("trust_path", &path)).transpose()?;
        let mut reads = self.answers_for("invitation", &step)?;
        let mut process = parse(&item.process)?;
        note(&mut process, &step, act);
        body["accepted_by"] = step.sponsor()?.as_str().into();
        let keys = domain::credentials(&body, at);
        let state = "accepted".to_owned();
        let mut versions =
            vec![Version { noun: "invitation", id, after: Some(&item), state, body, process }];
        if let Some(path) = &path {
            reads.extend(self.departures("trust_path", &path.id, "accept")?);
            let mut register = Register::default();
            countersign_register::restore_document(
                &mut register,
                "trust_path",
                &parse(&path.body)?,
            );
            let state = effect::next_of(path, "accept", at)?;
            effect::apply("trust_path", &mut register, &step)?;
            let mut process = parse(&path.process)?;
            note(&mut process, &step, act);
            let (noun, id, body) = ("trust_path", path.id.as_str(), canonical(&register)?);
            versions.push(Version { noun, id, after: Some(path), state, body, process });
        }
        for (id, body) in &keys {
            let (noun, state, body) = ("credential", "issued".to_owned(), body.clone());
            let process = json!({"by": caller.principal, "invitation": item.id});
            versions.push(Version { noun, id, after: None, state, body, process });
        }
        self.invitation_act(caller, ("accept", id), act, (versions, reads))
    }

    /// Refuses what was given, or ends an invitation before it is used.
    pub(crate) fn close_invitation(
        &self,
        caller: &Caller,
        id: &str,
        verb: &str,
        act: &Act,
    ) -> Result<View, AppError> {
        let item = self.stored("invitation", id)?;
        self.demand_on(caller, verb, &item)?;
        fresh(act, &item)?;
        let body = parse(&item.body)?;
        let at = self.now();
        let state = works(&item, &body, verb, at)?.to_owned();
        let mut process = parse(&item.process)?;
        let step = Step { caller, verb, at, arguments: &act.arguments };
        note(&mut process, &step, act);
        let version = Version { noun: "invitation", id, after: Some(&item), state, body, process };
        self.invitation_act(caller, (verb, id), act, (vec![version], Vec::new()))
    }

    fn invitation_act(
        &self,
        caller: &Caller,
        (verb, id): (&str, &str),
        act: &Act,
        (versions, reads): (Vec<Version<'_>>, Vec<Precondition>),
    ) -> Result<View, AppError> {
        let name = format!("invitation.{verb}");
        let why = act.why.as_deref();
        let deed = Deed { by: caller, verb: &name, why, id: self.act_id(caller, act) };
        let change = self.change(&deed, versions, &|noun, id| self.organization_of(noun, id))?;
        let mut also = self.remembered(caller, act, "invitation", id);
        also.extend(self.revocations(&format!("invitation:{id}"), TokenKind::Invitation)?);
        self.commit(Batch { reads, changes: vec![change], also })?;
        self.view(&self.stored("invitation", id)?)
    }
}

/// The state to which a verb leads.
fn works(item: &Item, body: &Json, verb: &str, at: Timestamp) -> Result<&'static str, AppError> {
    let state = shown(&item.state, body, at);
    match (state.as_str(), verb) {
        ("given", "accept") => Ok("accepted"),
        ("given", "refuse") => Ok("refused"),
        ("open" | "given", "end") => Ok("ended"),
        _ => {
            let would = match state.as_str() {
                "open" => "`end` would",
                "given" => "`accept`, `refuse` or `end` would",
                _ => "nothing leads on from there; make another",
            };
            let text = format!("`{verb}` does not work on an invitation that is {state}; {would}");
            Err(AppError::refused("lifecycle.refused", text))
        }
    }
}

/// The trust path that was given, as a proposal.
fn path_version<'a>(
    path: &'a Json,
    before: Option<&'a Item>,
    caller: &Caller,
) -> Result<Version<'a>, AppError> {
    let body = match before {
        None => path.clone(),
        Some(before) => {
            let mut body = parse(&before.body)?;
            body["issuer"] = path["issuer"].clone();
            body
        }
    };
    let mut register = Register::default();
    countersign_register::restore_document(&mut register, "trust_path", &body);
    effect::unclaimed(&mut register);
    let id = path["id"].as_str().unwrap_or_default();
    let process = json!({"by": caller.principal});
    let (noun, state, body) = ("trust_path", "proposed".to_owned(), canonical(&register)?);
    Ok(Version { noun, id, after: before, state, body, process })
}

struct Limits {
    contact: String,
    lasts: Duration,
    tries: i64,
}

fn limits(arguments: &Json, at: Timestamp) -> Result<Limits, AppError> {
    let contact = arguments["contact"].as_str().filter(|text| is_address(text));
    let contact = contact.ok_or_else(|| {
        AppError::invalid("/contact", "is no address", "say whom you invite: name@partner.example")
    })?;
    let until = match &arguments["expires"] {
        Json::Null => at.plus_nanos(LASTS.0),
        text => text.as_str().and_then(countersign_register::time).ok_or_else(|| {
            let fix = "write a time such as `2026-11-17T09:30:00Z`";
            AppError::invalid("/expires", "is no time", fix)
        })?,
    };
    let lasts = Duration(until.0.saturating_sub(at.0));
    if lasts.0 <= 0 || lasts > LASTS_MAX {
        let fix = "an invitation ends later than now and within 30 days; invite again then";
        return Err(AppError::invalid("/expires", "is out of bounds", fix));
    }
    let tries = match &arguments["tries"] {
        Json::Null => Some(TRIES),
        tries => tries.as_i64().filter(|tries| (1..=TRIES_MAX).contains(tries)),
    };
    let tries = tries.ok_or_else(|| {
        let fix = format!("it is a number from 1 to {TRIES_MAX}");
        AppError::invalid("/tries", "is out of bounds", &fix)
    })?;
    Ok(Limits { contact: contact.to_owned(), lasts, tries })
}
