//! What people and programs present to be known: a code that works once, a session, a key. The store
//! holds hashes; the thing itself is shown once, to whom it is for.

use aws_lc_rs::digest::{SHA256, digest};
use countersign_judge::permission::Role;
use countersign_model::time::{Duration, Timestamp};
use countersign_store::batch::{Also, Batch, Token};
use serde_json::{Value as Json, json};

use crate::documents::parse;
use crate::evidence::{Deed, Version};
use crate::invitations::is_address;
use crate::keys::precondition;
use crate::known::Known;
use crate::{Act, App, AppError, Caller, effect, micros};

/// The member who is there first.
const OWNER: &str = "owner";
const HOUR: Duration = Duration(3_600 * 1_000_000_000);
const CODE_LASTS: Duration = HOUR;
const CODE_TRIES: i64 = 5;
pub(crate) const SESSION_LASTS: Duration = Duration(8 * HOUR.0);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    Code,
    Session,
    Key,
    Invitation,
    /// With which a sign-in by the company's directory begins.
    Directory,
}

impl TokenKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Session => "session",
            Self::Key => "key",
            Self::Invitation => "invitation",
            Self::Directory => "directory",
        }
    }
}

/// What was made, to be shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct Made {
    /// Never stored, never logged.
    pub secret: String,
    pub ends: Timestamp,
}

impl std::fmt::Debug for Made {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Made(secret, {:?})", self.ends)
    }
}

pub(crate) fn hash(secret: &str) -> Vec<u8> {
    digest(&SHA256, secret.trim().as_bytes()).as_ref().to_vec()
}

impl App {
    /// Until somebody has signed in as the owner, each start gives a new code for it.
    pub fn first_code(&self) -> Result<Option<Made>, AppError> {
        if self.store.meta("owner_signed_in")?.is_some() {
            return Ok(None);
        }
        let system = Caller::system();
        if self.store.item("member", OWNER)?.is_none() {
            let document = json!({"id": OWNER, "role": "owner"});
            self.put_member(&system, &document, &Act::default())?;
        }
        self.code_for(&system, OWNER).map(Some)
    }

    /// A code with which a member signs in once.
    pub fn code_for(&self, caller: &Caller, member: &str) -> Result<Made, AppError> {
        let item = self.stored("member", member)?;
        self.demand_on(caller, "invite", &item)?;
        let principal = format!("member:{member}");
        let (made, token) = self.token(TokenKind::Code, &principal, &json!({}), CODE_LASTS);
        let mut also = self.revocations(&principal, TokenKind::Code)?;
        also.push(Also::Token(Token { tries_left: Some(CODE_TRIES), ..token }));
        let change = self.member_change(caller, "member.invite", member, None)?;
        self.commit(Batch { changes: vec![change], also, ..Batch::default() })?;
        Ok(made)
    }

    /// Gives a session for a code, which then works no more.
    ///
    /// # Errors
    /// `Unauthenticated` if it is no code, was used, or has ended.
    pub fn sign_in(&self, code: &str) -> Result<Made, AppError> {
        let hash = hash(code);
        let known = self.store.token(&hash)?.ok_or(AppError::Unauthenticated)?;
        let member = known.principal.strip_prefix("member:");
        let member = member.filter(|_| known.kind == TokenKind::Code.as_str());
        let member = member.ok_or(AppError::Unauthenticated)?.to_owned();
        let at = micros(self.now());
        let (made, token) =
            self.token(TokenKind::Session, &known.principal, &json!({}), SESSION_LASTS);
        let mut also = vec![
            Also::UseToken { hash: hash.clone(), at },
            Also::RevokeToken { hash, at },
            Also::Token(token),
        ];
        if member == OWNER {
            let (name, value) = ("owner_signed_in".to_owned(), at.to_string());
            also.push(Also::Meta { name, value });
        }
        let caller = self.member(&member)?;
        let change = self.member_change(&caller, "member.sign_in", &member, None)?;
        self.commit(Batch { changes: vec![change], also, ..Batch::default() })?;
        Ok(made)
    }

    /// Ends the session or key that was presented.
    pub fn sign_out(&self, caller: &Caller, secret: &str) -> Result<(), AppError> {
        self.demand(caller, "end", "self")?;
        let at = micros(self.now());
        let also = vec![Also::RevokeToken { hash: hash(secret), at }];
        self.commit(Batch { also, ..Batch::default() }).map(|_| ())
    }

    /// Who presents this.
    ///
    /// # Errors
    /// `Unauthenticated`, without a word on why: what is presented may be a guess.
    pub fn authenticate(&self, secret: &str) -> Result<Caller, AppError> {
        let token = self.store.token(&hash(secret))?.ok_or(AppError::Unauthenticated)?;
        let is_over = token.revoked.is_some() || token.ends <= micros(self.now());
        if is_over {
            return Err(AppError::Unauthenticated);
        }
        match token.kind.as_str() {
            "session" => {
                let member = token.principal.strip_prefix("member:");
                self.member(member.ok_or(AppError::Unauthenticated)?)
            }
            "key" => self.key_holder(&token),
            _ => Err(AppError::Unauthenticated),
        }
    }

    pub(crate) fn member(&self, id: &str) -> Result<Caller, AppError> {
        let item = self.store.item("member", id)?.ok_or(AppError::Unauthenticated)?;
        if item.state != effect::CURRENT {
            return Err(AppError::Unauthenticated);
        }
        self.in_standing(caller(&format!("member:{id}"), &parse(&item.body)?)?)
    }

    /// A sponsor who left, or an administrator whose organization has ended, is nobody here any more.
    fn in_standing(&self, caller: Caller) -> Result<Caller, AppError> {
        let standing = [
            ("sponsor", &caller.sponsor, &["employed"][..]),
            ("organization", &caller.organization, &["proposed", "active"][..]),
        ];
        for (noun, id, good) in standing {
            let Some(id) = id else { continue };
            let item = self.store.item(noun, id)?.ok_or(AppError::Unauthenticated)?;
            if !good.contains(&self.view(&item)?.state.as_str()) {
                return Err(AppError::Unauthenticated);
            }
        }
        Ok(caller)
    }

    /// Whether a sponsor works here now; `None` if it is not said.
    pub(crate) fn employed(
        &self,
        sponsor: &str,
        known: &mut Known<'_>,
    ) -> Result<Option<bool>, AppError> {
        known.read("sponsor", sponsor)?;
        let found = known.register.sponsors.get(sponsor);
        Ok(found.and_then(|found| found.employed.contains(self.now())))
    }

    /// The identity and the credential of a key must both be in force now; or the member, who is an
    /// application still: a key is not carried into another role.
    fn key_holder(&self, token: &Token) -> Result<Caller, AppError> {
        if let Some(member) = token.principal.strip_prefix("member:") {
            let member = self.member(member)?;
            let is_application = member.role == Role::Application;
            return is_application.then_some(member).ok_or(AppError::Unauthenticated);
        }
        let scope = parse(&token.scope)?;
        let identity = token.principal.strip_prefix("identity:").unwrap_or_default();
        let credential = scope["credential"].as_str().unwrap_or_default();
        for (noun, id, good) in [
            ("identity", identity, &["active"][..]),
            ("credential", credential, &["issued", "due", "rotated"][..]),
        ] {
            let item = self.store.item(noun, id)?.ok_or(AppError::Unauthenticated)?;
            if !good.contains(&self.view(&item)?.state.as_str()) {
                return Err(AppError::Unauthenticated);
            }
        }
        self.in_standing(caller(&token.principal, &scope)?)
    }

    /// A key for a machine: a credential of one of its identities, with a role and an end.
    pub fn make_key(
        &self,
        by: &Caller,
        identity: &str,
        scope: &Json,
        until: Option<Timestamp>,
    ) -> Result<(Made, String), AppError> {
        let item = self.stored("identity", identity)?;
        self.demand_on(by, "change", &item)?;
        if parse(&item.body)?["kind"] == "human" {
            let text = "a person signs in; give keys to a service or an agent";
            return Err(AppError::refused("key.of_a_person", text));
        }
        let holder = caller("", scope)?;
        let now = self.now();
        let lasts = self.key_lasts(until)?;
        let ends = now.plus_nanos(lasts.0);
        let (made, token) =
            self.token(TokenKind::Key, &format!("identity:{identity}"), scope, lasts);
        let handle = handle(&token);
        let id = format!("key-{handle}");
        let mut scope = scope.clone();
        scope["credential"] = id.as_str().into();
        let text = countersign_register::time_text;
        let body = json!({
            "id": id, "identity": identity, "kind": "api_key",
            "handle": format!("countersign:{handle}"), "issued": text(now), "until": text(ends),
        });
        let version = Version {
            noun: "credential",
            id: &id,
            after: None,
            state: "issued".to_owned(),
            body,
            process: json!({"by": by.principal}),
        };
        let deed =
            Deed { by, verb: "credential.issue", why: Some("a key of ours"), id: self.deed_id() };
        let tenant = holder.tenant.filter(|_| holder.role == Role::Application);
        let tenant = tenant.map(|id| self.tenant_of_key(&id)).transpose()?.flatten();
        let mut versions = vec![version];
        versions.extend(self.begins_to_observe(by, tenant.as_ref())?);
        let change = self.change(&deed, versions, &|noun, id| self.organization_of(noun, id))?;
        let mut reads = precondition(Some(item));
        reads.extend(precondition(tenant));
        let also = vec![Also::Token(Token { scope: scope.to_string(), ..token })];
        self.commit(Batch { reads, changes: vec![change], also })?;
        Ok((made, id))
    }

    /// Makes or changes a member: somebody of ours, or a partner's administrator.
    pub fn put_member(
        &self,
        by: &Caller,
        document: &Json,
        act: &Act,
    ) -> Result<crate::View, AppError> {
        let id = document["id"].as_str().unwrap_or_default();
        let is_slug = !id.is_empty()
            && id.len() <= 128
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if !is_slug {
            let fix = "an id has letters, digits, `.`, `_` and `-`";
            return Err(AppError::invalid("/id", "is no id", fix));
        }
        crate::member::check(document)?;
        caller("", document)?;
        if document.get("email").is_some_and(|it| !it.as_str().is_some_and(is_address)) {
            let fix = "write it as name@company.example";
            return Err(AppError::invalid("/email", "is no address", fix));
        }
        self.demand(by, "change", "member")?;
        if document["role"] != "owner" {
            self.demand_other_owner(id)?;
        }
        self.member_refers(document)?;
        let change = self.member_change(by, "member.change", id, Some((document, act.rev)))?;
        self.commit(Batch { changes: vec![change], ..Batch::default() })?;
        self.view(&self.stored("member", id)?)
    }

    fn member_refers(&self, document: &Json) -> Result<(), AppError> {
        for noun in ["organization", "sponsor", "tenant"] {
            if let Some(id) = document[noun].as_str()
                && self.store.item(noun, id)?.is_none()
            {
                let fix = "make that first, or name one that is there";
                return Err(AppError::invalid(&format!("/{noun}"), "names none", fix));
            }
        }
        Ok(())
    }

    /// A new version of a member; with no document, the same again, as evidence of what was done.
    pub(crate) fn member_change(
        &self,
        by: &Caller,
        verb: &str,
        id: &str,
        document: Option<(&Json, Option<i64>)>,
    ) -> Result<countersign_store::batch::Change, AppError> {
        let now = self.store.item("member", id)?;
        let body = match (document, &now) {
            (Some((document, rev)), Some(item)) => {
                let stale = rev.is_some_and(|rev| rev != item.rev);
                if stale {
                    return Err(AppError::Stale { noun: item.noun.clone(), id: id.to_owned() });
                }
                document.clone()
            }
            (Some((document, _)), None) => document.clone(),
            (None, Some(item)) => parse(&item.body)?,
            (None, None) => return Err(AppError::not_found("member", id)),
        };
        let state = effect::CURRENT.to_owned();
        let process = json!({"by": by.principal});
        let version = Version { noun: "member", id, after: now.as_ref(), state, body, process };
        let deed = Deed { by, verb, why: None, id: self.deed_id() };
        self.change(&deed, vec![version], &|noun, id| self.organization_of(noun, id))
    }

    pub(crate) fn token(
        &self,
        kind: TokenKind,
        principal: &str,
        scope: &Json,
        lasts: Duration,
    ) -> (Made, Token) {
        let random: [u8; 32] = self.random();
        let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let secret = format!("cs_{}_{hex}", kind.as_str());
        let now = self.now();
        let ends = now.plus_nanos(lasts.0);
        let token = Token {
            hash: hash(&secret),
            kind: kind.as_str().to_owned(),
            principal: principal.to_owned(),
            scope: scope.to_string(),
            made: micros(now),
            ends: micros(ends),
            tries_left: None,
            revoked: None,
        };
        (Made { secret, ends }, token)
    }

    pub(crate) fn revocations(
        &self,
        principal: &str,
        kind: TokenKind,
    ) -> Result<Vec<Also>, AppError> {
        let at = micros(self.now());
        let tokens = self.store.tokens(principal, kind.as_str())?;
        let open = tokens.into_iter().filter(|token| token.revoked.is_none());
        Ok(open.map(|token| Also::RevokeToken { hash: token.hash, at }).collect())
    }
}

/// How a key is called by who may not see it.
pub(crate) fn handle(token: &Token) -> String {
    token.hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// Role and reach as a member's document or a key's scope say them.
fn caller(principal: &str, scope: &Json) -> Result<Caller, AppError> {
    let text = |key: &str| scope[key].as_str().map(str::to_owned);
    let role = scope["role"].as_str().and_then(Role::parse).ok_or_else(|| {
        let all: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
        AppError::invalid("/role", "is no role", &format!("it is one of {}", all.join(", ")))
    })?;
    let caller = Caller {
        principal: principal.to_owned(),
        role,
        organization: text("organization"),
        sponsor: text("sponsor"),
        tenant: text("tenant"),
    };
    let needed = match role {
        Role::PartnerAdmin if caller.organization.is_none() => "organization",
        Role::Sponsor if caller.sponsor.is_none() => "sponsor",
        Role::Application if caller.tenant.is_none() => "tenant",
        _ => return Ok(caller),
    };
    let fix = format!("say which {needed}");
    Err(AppError::invalid(&format!("/{needed}"), format!("a {} has one", role.as_str()), &fix))
}
