//! Keys of applications: a member of ours that is a program signs in with no code. A key is shown once,
//! ends within 90 days, and is listed and revoked by its handle.
//!
//! With its first key an application begins to observe: a tenant that does not say how it is enforced
//! says so from then on, for as long as it takes to look at what would have been refused.

use countersign_judge::permission::Role;
use countersign_model::time::{Duration, Timestamp};
use countersign_store::batch::{Also, Batch, Precondition, Token};
use countersign_store::items::Item;
use serde_json::{Value as Json, json};

use crate::documents::parse;
use crate::evidence::{Deed, Version};
use crate::token::handle;
use crate::{App, AppError, Caller, Made, TokenKind, effect, micros};

const DAY: Duration = Duration(24 * 3_600 * 1_000_000_000);
/// No key lives longer; who needs one for longer gets a new one in time.
const LASTS_MAX: Duration = Duration(90 * DAY.0);
/// For how long an application observes that was not told for how long.
const OBSERVES: Duration = Duration(30 * DAY.0);

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Such as `key-1f2e3d4c5b6a`.
    pub id: String,
    pub made: Timestamp,
    pub ends: Timestamp,
    pub revoked: Option<Timestamp>,
}

impl App {
    /// How long a key lasts that is to end at a moment, or as late as one may.
    ///
    /// # Errors
    /// `key.too_long`
    pub(crate) fn key_lasts(&self, until: Option<Timestamp>) -> Result<Duration, AppError> {
        let now = self.now();
        let ends = until.unwrap_or_else(|| now.plus_nanos(LASTS_MAX.0));
        let lasts = Duration(ends.0.saturating_sub(now.0));
        if lasts.0 <= 0 || lasts > LASTS_MAX {
            let text = "a key ends within 90 days; give a new one before it does";
            return Err(AppError::refused("key.too_long", text));
        }
        Ok(lasts)
    }

    /// A key for a member that is an application, and its id.
    ///
    /// # Errors
    /// `key.of_a_person` if the member has another role; `key.too_long`.
    pub fn make_member_key(
        &self,
        by: &Caller,
        member: &str,
        until: Option<Timestamp>,
    ) -> Result<(Made, String), AppError> {
        let item = self.stored("member", member)?;
        self.demand_on(by, "invite", &item)?;
        let holder = self.member(member).map_err(|_| {
            AppError::refused("key.of_nobody", "this member has ended; make another first")
        })?;
        let Some(tenant) = holder.tenant.filter(|_| holder.role == Role::Application) else {
            let text = "people sign in with a code; a member of role application has keys";
            return Err(AppError::refused("key.of_a_person", text));
        };
        let lasts = self.key_lasts(until)?;
        let (made, token) = self.token(TokenKind::Key, &holder.principal, &json!({}), lasts);
        let id = key_id(&token);
        let process = json!({
            "by": by.principal, "key": id, "ends": countersign_register::time_text(made.ends),
        });
        let whose = self.tenant_of_key(&tenant)?;
        let mut versions = vec![same_again(&item, process)?];
        versions.extend(self.begins_to_observe(by, whose.as_ref())?);
        let deed = Deed { by, verb: "member.issue", why: None, id: self.deed_id() };
        let change = self.change(&deed, versions, &|noun, id| self.organization_of(noun, id))?;
        self.commit(Batch {
            reads: precondition(whose),
            changes: vec![change],
            also: vec![Also::Token(token)],
        })?;
        Ok((made, id))
    }

    /// The keys of a member, the newest first.
    ///
    /// # Errors
    /// If the caller may not know of the member.
    pub fn member_keys(&self, by: &Caller, member: &str) -> Result<Vec<Key>, AppError> {
        self.demand_on(by, "read", &self.stored("member", member)?)?;
        let tokens = self.store.tokens(&format!("member:{member}"), TokenKind::Key.as_str())?;
        let at = |micros: i64| Timestamp(micros.saturating_mul(1_000));
        let keys = tokens.into_iter().map(|token| Key {
            id: key_id(&token),
            made: at(token.made),
            ends: at(token.ends),
            revoked: token.revoked.map(at),
        });
        Ok(keys.collect())
    }

    /// Revokes a key of a member; at once here, and within a second on every other node.
    ///
    /// # Errors
    /// `NotFound` if there is no such key that is not revoked yet.
    pub fn revoke_member_key(
        &self,
        by: &Caller,
        member: &str,
        key: &str,
        why: Option<&str>,
    ) -> Result<(), AppError> {
        let item = self.stored("member", member)?;
        self.demand_on(by, "invite", &item)?;
        let tokens = self.store.tokens(&format!("member:{member}"), TokenKind::Key.as_str())?;
        let open = tokens.into_iter().find(|it| it.revoked.is_none() && key_id(it) == key);
        let token = open.ok_or_else(|| AppError::not_found("key", key))?;
        let process = json!({"by": by.principal, "key": key});
        let deed = Deed { by, verb: "member.revoke", why, id: self.deed_id() };
        let versions = vec![same_again(&item, process)?];
        let change = self.change(&deed, versions, &|noun, id| self.organization_of(noun, id))?;
        let also = vec![Also::RevokeToken { hash: token.hash, at: micros(self.now()) }];
        self.commit(Batch { changes: vec![change], also, ..Batch::default() })?;
        Ok(())
    }

    pub(crate) fn tenant_of_key(&self, tenant: &str) -> Result<Option<Item>, AppError> {
        Ok(self.store.item("tenant", tenant)?)
    }

    /// The tenant's next version, if it does not say yet how it is enforced.
    pub(crate) fn begins_to_observe<'a>(
        &self,
        by: &Caller,
        tenant: Option<&'a Item>,
    ) -> Result<Option<Version<'a>>, AppError> {
        let Some(item) = tenant else { return Ok(None) };
        let mut body = parse(&item.body)?;
        if !body["enforcement"].is_null() {
            return Ok(None);
        }
        let until = countersign_register::time_text(self.now().plus_nanos(OBSERVES.0));
        body["enforcement"] = json!({"mode": "observe", "until": until});
        Ok(Some(Version {
            noun: "tenant",
            id: &item.id,
            after: Some(item),
            state: item.state.clone(),
            body,
            process: json!({"by": by.principal}),
        }))
    }
}

/// What a key's act was decided on beside what it changes.
pub(crate) fn precondition(item: Option<Item>) -> Vec<Precondition> {
    item.map(|it| Precondition { noun: it.noun, id: it.id, rev: Some(it.rev) })
        .into_iter()
        .collect()
}

fn key_id(token: &Token) -> String {
    format!("key-{}", handle(token))
}

/// The same document, as evidence of what was done.
fn same_again(item: &Item, process: Json) -> Result<Version<'_>, AppError> {
    Ok(Version {
        noun: "member",
        id: &item.id,
        after: Some(item),
        state: effect::CURRENT.to_owned(),
        body: parse(&item.body)?,
        process,
    })
}
