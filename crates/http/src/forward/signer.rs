//! The assertion: who an application is being used by, signed, for one request and a minute.
//!
//! A JWS (RFC 7515) by a key of the instance, whose public half is at `/.well-known/jwks.json`. An
//! application that checks it needs to trust neither the network between nor other programs that can
//! reach it.

use countersign_app::{Caller, Decision};
use jsonwebtoken::jwk::{Jwk, JwkSet, KeyAlgorithm, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value as Json, json};

use super::original::Original;

/// How long an assertion is good for, in seconds. A request that takes longer to arrive is late.
const LASTS: i64 = 60;
/// What it is, so that no other token of this key can be taken for it (RFC 8725, section 3.11).
const KIND: &str = "countersign-assertion+jwt";

/// What stands before the key in its PKCS #8 form (RFC 8410, section 7).
const PKCS8: [u8; 16] = [0x30, 46, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 34, 4, 32];

/// Signs assertions.
pub struct Signer {
    key: EncodingKey,
    id: String,
    keys: Json,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.id)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("nothing can be signed by this key")]
pub struct SignerError(#[source] jsonwebtoken::errors::Error);

impl Signer {
    /// By a private key of Ed25519 (RFC 8032, section 5.1.5).
    ///
    /// # Errors
    /// If its public half cannot be made.
    pub fn new(private: &[u8; 32]) -> Result<Self, SignerError> {
        let key = EncodingKey::from_ed_der(&[&PKCS8[..], private].concat());
        let mut public = Jwk::from_encoding_key(&key, Algorithm::EdDSA).map_err(SignerError)?;
        let id = public.thumbprint(ThumbprintHash::SHA256).map_err(SignerError)?;
        public.common.key_id = Some(id.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        public.common.key_algorithm = Some(KeyAlgorithm::EdDSA);
        let keys = json!(JwkSet { keys: vec![public] });
        Ok(Self { key, id, keys })
    }

    /// The public keys (RFC 7517, section 5).
    pub fn keys(&self) -> &Json {
        &self.keys
    }

    /// The assertion of one decision; `None` if it could not be signed.
    pub(crate) fn assertion(
        &self,
        issuer: &str,
        caller: &Caller,
        decision: &Decision,
        original: &Original,
    ) -> Option<String> {
        let now = decision.at.0.div_euclid(1_000_000_000);
        let ends = decision.ends().map_or(i64::MAX, |ends| ends.0.div_euclid(1_000_000_000));
        let mut claims = Map::new();
        let mut put = |name: &str, value: Option<Json>| {
            if let Some(value) = value.filter(|value| !value.is_null()) {
                claims.insert(name.to_owned(), value);
            }
        };
        let judged = &decision.judgement;
        put("iss", Some(issuer.into()));
        put("aud", Some(json!(caller.tenant)));
        put("sub", Some(json!(decision.identity)));
        // Who acts by a shared account (RFC 8693, section 4.1).
        put("act", decision.actor.as_ref().map(|actor| json!({"sub": actor})));
        put("organization", Some(json!(judged.organization)));
        put("sponsor", Some(json!(judged.sponsor)));
        put("grant", Some(json!(judged.grant)));
        put("jti", Some(decision.id.to_string().into()));
        put("iat", Some(now.into()));
        put("exp", Some(now.saturating_add(LASTS).min(ends).into()));
        // What it was decided for, the method as RFC 9449 names it.
        put("htm", Some(original.method.as_str().into()));
        put("path", Some(original.path.as_str().into()));
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(KIND.to_owned());
        header.kid = Some(self.id.clone());
        jsonwebtoken::encode(&header, &claims, &self.key).ok()
    }
}
