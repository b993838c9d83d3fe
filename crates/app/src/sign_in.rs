//! Sign-in of members whom the company's directory vouches for.

use countersign_model::time::Duration;
use countersign_store::batch::{Also, Batch};
use countersign_store::items::Filter;
use serde_json::json;

use crate::documents::parse;
use crate::token::{Made, SESSION_LASTS, TokenKind, hash};
use crate::{App, AppError, effect, micros};

/// How long somebody may take at the directory.
const BEGUN_LASTS: Duration = Duration(600 * 1_000_000_000);

impl App {
    /// A secret that one sign-in by the directory begins with.
    pub fn oidc_begin(&self) -> Result<Made, AppError> {
        let (made, token) = self.token(TokenKind::Directory, "directory", &json!({}), BEGUN_LASTS);
        self.commit(Batch { also: vec![Also::Token(token)], ..Batch::default() })?;
        Ok(made)
    }

    /// Uses that secret, which then works no more.
    ///
    /// # Errors
    /// `Unauthenticated` if it is none, was used, or has ended.
    pub fn oidc_use(&self, secret: &str) -> Result<(), AppError> {
        let hash = hash(secret);
        let known = self.store.token(&hash)?.ok_or(AppError::Unauthenticated)?;
        if known.kind != TokenKind::Directory.as_str() {
            return Err(AppError::Unauthenticated);
        }
        let at = micros(self.now());
        let also = vec![Also::UseToken { hash: hash.clone(), at }, Also::RevokeToken { hash, at }];
        self.commit(Batch { also, ..Batch::default() }).map(|_| ())
    }

    /// A session for the member whom the directory knows by this subject, or, if their document names
    /// no subject, by the verified address of the sponsor they are.
    ///
    /// # Errors
    /// `Unauthenticated` if that is nobody, several, or somebody who has left.
    pub fn oidc_sign_in(&self, subject: &str, email: Option<&str>) -> Result<Made, AppError> {
        let mut by_subject = Vec::new();
        let mut by_email = Vec::new();
        for item in self.every("member", &Filter::default())? {
            if item.state != effect::CURRENT {
                continue;
            }
            let document = parse(&item.body)?;
            match document["oidc_subject"].as_str() {
                Some(own) if own == subject => by_subject.push(item.id),
                Some(_) => (),
                None => {
                    if let (Some(sponsor), Some(email)) = (document["sponsor"].as_str(), email)
                        && self.has_address(sponsor, email)?
                    {
                        by_email.push(item.id);
                    }
                }
            }
        }
        let found = if by_subject.is_empty() { by_email } else { by_subject };
        let [member] = found.as_slice() else { return Err(AppError::Unauthenticated) };
        let caller = self.member(member)?;
        if let Some(sponsor) = &caller.sponsor
            && !self.is_employed(sponsor)?
        {
            return Err(AppError::Unauthenticated);
        }
        let principal = format!("member:{member}");
        let (made, token) = self.token(TokenKind::Session, &principal, &json!({}), SESSION_LASTS);
        let change = self.member_change(&caller, "member.sign_in", member, None)?;
        let also = vec![Also::Token(token)];
        self.commit(Batch { changes: vec![change], also, ..Batch::default() })?;
        Ok(made)
    }

    fn has_address(&self, sponsor: &str, email: &str) -> Result<bool, AppError> {
        let Some(item) = self.store.item("sponsor", sponsor)? else { return Ok(false) };
        let document = parse(&item.body)?;
        let own = document["email"].as_str();
        Ok(own.is_some_and(|own| own.to_lowercase() == email.to_lowercase()))
    }

    /// Whether a sponsor is with us now.
    pub(crate) fn is_employed(&self, sponsor: &str) -> Result<bool, AppError> {
        let Some(item) = self.store.item("sponsor", sponsor)? else { return Ok(false) };
        Ok(self.view(&item)?.state == "employed")
    }
}
