//! Sign-in by the company's own directory: an OpenID Connect relying party (OpenID Connect Core 1.0,
//! section 3.1; PKCE by RFC 7636). State, nonce and verifier are made from one secret that stays in
//! the browser's cookie; the store knows its hash, so that it works once.

mod verify;

use std::sync::{Mutex, PoisonError};

use countersign_app::{App, Made, digest};
use countersign_wire::problem::Problem;
use serde_json::Value as Json;

pub use verify::{Expected, IdTokenError, Known, verify};

/// How long what a provider says of itself is kept, in seconds.
const KEPT_SECONDS: i64 = 3_600;
/// A key that is not known makes us ask again, at most this often.
const AGAIN_SECONDS: i64 = 30;
pub const CALLBACK: &str = "/v1/sign-in/oidc/callback";

/// What is asked of a provider.
#[derive(Debug)]
pub enum Call<'a> {
    Get(&'a str),
    /// A form to the token endpoint, with the client's id and secret by HTTP Basic.
    Token {
        url: &'a str,
        client: (&'a str, &'a str),
        form: &'a [(&'a str, &'a str)],
    },
}

/// Asks a provider for JSON; an error never holds a secret.
pub type Fetch = Box<dyn Fn(Call<'_>) -> Result<Json, String> + Send + Sync>;

/// A provider, and what we are to it.
pub struct Oidc {
    pub issuer: String,
    pub client_id: String,
    pub client_secret: String,
    /// Where people reach this server: `https://access.example.com`.
    pub public_url: String,
    pub fetch: Fetch,
    kept: Mutex<Option<Provider>>,
}

impl std::fmt::Debug for Oidc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Oidc({})", self.issuer)
    }
}

#[derive(Debug, Clone)]
struct Provider {
    authorization: String,
    token: String,
    keys: Json,
    at: i64,
}

/// Where to send somebody, and the cookie that brings them back.
#[derive(Debug)]
pub(crate) struct Begun {
    pub location: String,
    pub secret: String,
}

impl Oidc {
    pub fn new(
        (issuer, public_url): (String, String),
        (client_id, client_secret): (String, String),
        fetch: Fetch,
    ) -> Self {
        let public_url = public_url.trim_end_matches('/').to_owned();
        Self { issuer, client_id, client_secret, public_url, fetch, kept: Mutex::new(None) }
    }

    /// Whether people come by TLS, so that cookies may say so.
    pub(crate) fn is_secure(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    pub(crate) fn begin(&self, app: &App) -> Result<Begun, Problem> {
        let provider = self.provider(seconds(app), KEPT_SECONDS)?;
        let secret = app.oidc_begin()?.secret;
        let verifier = made_of("verifier", &secret);
        let redirect = self.redirect();
        let challenge = base64url(&digest(verifier.as_bytes()));
        let (state, nonce) = (made_of("state", &secret), made_of("nonce", &secret));
        let query: Vec<String> = [
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &redirect),
            ("scope", "openid email"),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]
        .iter()
        .map(|(name, value)| format!("{name}={}", percent(value)))
        .collect();
        let mark = if provider.authorization.contains('?') { '&' } else { '?' };
        let location = format!("{}{mark}{}", provider.authorization, query.join("&"));
        Ok(Begun { location, secret })
    }

    /// A session for somebody who came back with `code`.
    ///
    /// # Errors
    /// 401 for everything that somebody else might have made up.
    pub(crate) fn finish(
        &self,
        app: &App,
        secret: &str,
        query: &std::collections::BTreeMap<String, String>,
    ) -> Result<Made, Problem> {
        let said = |name: &str| query.get(name).map(String::as_str);
        if said("state") != Some(made_of("state", secret).as_str()) {
            return Err(refused("the sign-in was not begun in this browser; begin it again"));
        }
        if said("iss").is_some_and(|iss| iss != self.issuer) {
            return Err(refused("the answer is of another provider (RFC 9207)"));
        }
        let code = said("code")
            .ok_or_else(|| refused("the provider did not sign you in; ask who looks after it"))?;
        // Once: whatever comes of it, nobody comes a second time by this.
        app.oidc_use(secret)?;
        let now = seconds(app);
        let provider = self.provider(now, KEPT_SECONDS)?;
        let redirect = self.redirect();
        let verifier = made_of("verifier", secret);
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect.as_str()),
            ("code_verifier", verifier.as_str()),
        ];
        let client = (self.client_id.as_str(), self.client_secret.as_str());
        let answer = (self.fetch)(Call::Token { url: &provider.token, client, form: &form })
            .map_err(unreached)?;
        let token = answer["id_token"]
            .as_str()
            .ok_or_else(|| refused("the provider gave no identity token"))?;
        let nonce = made_of("nonce", secret);
        let expected =
            Expected { issuer: &self.issuer, client_id: &self.client_id, nonce: &nonce, now };
        let known = match verify(token, &provider.keys, &expected) {
            // It may have new keys.
            Err(IdTokenError::Key) => {
                let provider = self.provider(now, AGAIN_SECONDS)?;
                verify(token, &provider.keys, &expected)
            }
            known => known,
        };
        let known = known.map_err(|error| refused(&error.to_string()))?;
        Ok(app.oidc_sign_in(&known.subject, known.email.as_deref())?)
    }

    fn redirect(&self) -> String {
        format!("{}{CALLBACK}", self.public_url)
    }

    /// What the provider says of itself, at most so many seconds old.
    fn provider(&self, now: i64, age_max: i64) -> Result<Provider, Problem> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(provider) =
            kept.as_ref().filter(|kept| (0..age_max).contains(&now.saturating_sub(kept.at)))
        {
            return Ok(provider.clone());
        }
        let issuer = self.issuer.trim_end_matches('/');
        let url = format!("{issuer}/.well-known/openid-configuration");
        let said = (self.fetch)(Call::Get(&url)).map_err(unreached)?;
        if said["issuer"] != self.issuer.as_str() {
            return Err(unreached("the provider calls itself by another issuer".to_owned()));
        }
        let address = |key: &str| {
            let text = said[key].as_str().filter(|url| is_safe(url));
            text.map(str::to_owned).ok_or_else(|| unreached(format!("the provider has no `{key}`")))
        };
        let keys = (self.fetch)(Call::Get(&address("jwks_uri")?)).map_err(unreached)?;
        let (authorization, token) =
            (address("authorization_endpoint")?, address("token_endpoint")?);
        let provider = Provider { authorization, token, keys, at: now };
        *kept = Some(provider.clone());
        Ok(provider)
    }
}

/// TLS, or this machine.
pub fn is_safe(url: &str) -> bool {
    let is_here = |host: &str| {
        url.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    };
    url.starts_with("https://")
        || ["http://127.0.0.1", "http://localhost", "http://[::1]"].into_iter().any(is_here)
}

fn made_of(what: &str, secret: &str) -> String {
    base64url(&digest(format!("countersign/oidc/{what}/{secret}").as_bytes()))
}

fn seconds(app: &App) -> i64 {
    app.now().0.div_euclid(1_000_000_000)
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// Percent-encoded for a query or a form.
pub fn percent(text: &str) -> String {
    let encoded = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    });
    encoded.collect()
}

fn refused(detail: &str) -> Problem {
    Problem::new(401, "oidc.refused", detail)
}

fn unreached(cause: String) -> Problem {
    let detail = "the company's directory could not be asked; the operator's log says why";
    Problem { cause: Some(cause), ..Problem::new(502, "oidc.unreached", detail) }
}
