//! Whether an identity token says what it must (OpenID Connect Core 1.0, section 3.1.3.7).

use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value as Json;

const TOKEN_BYTES_MAX: usize = 64 << 10;
const KEYS_MAX: usize = 100;
/// How far two clocks may differ, in seconds.
const LEEWAY: i64 = 60;
/// Signatures by a key pair; a secret that both sides know signs nothing here.
const ALLOWED: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// What a token must say.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    /// Seconds since 1970.
    pub now: i64,
}

/// Who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub subject: String,
    /// Only if the provider says that it is verified.
    pub email: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    #[error("the identity token is none, or signed by a method that is not taken")]
    Form,
    #[error("the identity token is signed by a key that the provider does not publish")]
    Key,
    #[error("the signature of the identity token is wrong")]
    Signature,
    #[error("the identity token is of another issuer")]
    Issuer,
    #[error("the identity token is for another client")]
    Audience,
    #[error("the identity token has ended, is not valid yet, or does not say")]
    Time,
    #[error("the identity token belongs to another sign-in")]
    Nonce,
    #[error("the identity token names nobody")]
    Subject,
}

/// Checks signature and claims. `keys` is the provider's JWK set.
///
/// # Errors
/// The first thing that is wrong; nothing of the token is to be believed then.
pub fn verify(token: &str, keys: &Json, expected: &Expected<'_>) -> Result<Known, IdTokenError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(IdTokenError::Form);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| IdTokenError::Form)?;
    if !ALLOWED.contains(&header.alg) || header.crit.is_some() {
        return Err(IdTokenError::Form);
    }
    let key = key(keys, header.kid.as_deref(), header.alg)?;
    let key = DecodingKey::from_jwk(&key).map_err(|_| IdTokenError::Key)?;
    let mut validation = Validation::new(header.alg);
    // Claims are checked below, by the clock that is given.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims = jsonwebtoken::decode::<Json>(token, &key, &validation)
        .map_err(|_| IdTokenError::Signature)?
        .claims;
    check(&claims, expected)?;
    let subject = claims["sub"].as_str().filter(|subject| (1..=255).contains(&subject.len()));
    let subject = subject.ok_or(IdTokenError::Subject)?.to_owned();
    let is_verified = claims["email_verified"] == true;
    let email = claims["email"].as_str().filter(|_| is_verified).map(str::to_owned);
    Ok(Known { subject, email })
}

/// The published key that signed: by its id, or the only one there is.
fn key(keys: &Json, id: Option<&str>, algorithm: Algorithm) -> Result<Jwk, IdTokenError> {
    let listed = keys["keys"].as_array().ok_or(IdTokenError::Key)?;
    // A key of a kind that we do not know is none of those we could use.
    let known = listed.iter().take(KEYS_MAX).filter_map(|key| {
        let set: JwkSet = serde_json::from_value(serde_json::json!({"keys": [key]})).ok()?;
        set.keys.into_iter().next()
    });
    let fits = |key: &Jwk| {
        let is_for_signatures =
            !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption));
        let said = key.common.key_algorithm.map(|known| known.to_string());
        let is_of_algorithm = said.is_none_or(|said| said == format!("{algorithm:?}"));
        is_for_signatures && is_of_algorithm && key.is_supported()
    };
    let mut fitting = known.filter(fits);
    match id {
        Some(id) => fitting.find(|key| key.common.key_id.as_deref() == Some(id)),
        None => fitting.next().filter(|_| fitting.next().is_none()),
    }
    .ok_or(IdTokenError::Key)
}

fn check(claims: &Json, expected: &Expected<'_>) -> Result<(), IdTokenError> {
    if claims["iss"] != expected.issuer {
        return Err(IdTokenError::Issuer);
    }
    let is_ours = |audience: &Json| *audience == expected.client_id;
    let (has_ours, is_only) = match &claims["aud"] {
        Json::Array(all) => (all.iter().any(is_ours), all.len() == 1),
        one => (is_ours(one), true),
    };
    // Issued to another, or for several and not said to whom.
    let is_to_us = match &claims["azp"] {
        Json::Null => is_only,
        party => is_ours(party),
    };
    if !has_ours || !is_to_us {
        return Err(IdTokenError::Audience);
    }
    let time = |key: &str| claims[key].as_f64().map(|time| time as i64);
    let (Some(ends), Some(issued)) = (time("exp"), time("iat")) else {
        return Err(IdTokenError::Time);
    };
    let is_over = ends.saturating_add(LEEWAY) <= expected.now;
    let is_early = |time: i64| time.saturating_sub(LEEWAY) > expected.now;
    if is_over || is_early(issued) || time("nbf").is_some_and(is_early) {
        return Err(IdTokenError::Time);
    }
    if claims["nonce"] != expected.nonce {
        return Err(IdTokenError::Nonce);
    }
    Ok(())
}
