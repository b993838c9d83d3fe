//! People sign in by a directory whose tokens are really signed, and by no other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use countersign_http::{CALLBACK, Call, Oidc};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value as Json, json};

use crate::house::{House, Reply};

const ISSUER: &str = "https://id.example.com";
const CLIENT: &str = "countersign";
const NOW: i64 = 1_795_564_800;

/// What the directory answers, and what it was asked.
#[derive(Default)]
struct Idp {
    keys: Vec<Json>,
    token: String,
    forms: Vec<BTreeMap<String, String>>,
}

struct Keys {
    signing: EncodingKey,
    public: Json,
}

fn keys(id: &str) -> Keys {
    let pkcs8 =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    let signing = EncodingKey::from_ec_der(pkcs8.unwrap().as_ref());
    let mut public =
        serde_json::to_value(Jwk::from_encoding_key(&signing, Algorithm::ES256).unwrap()).unwrap();
    public["kid"] = id.into();
    Keys { signing, public }
}

fn house() -> (House, Arc<Mutex<Idp>>, Keys) {
    let idp = Arc::new(Mutex::new(Idp::default()));
    let keys = keys("k1");
    idp.lock().unwrap().keys = vec![keys.public.clone()];
    let answers = Arc::clone(&idp);
    let fetch = move |call: Call<'_>| {
        let mut idp = answers.lock().unwrap();
        match call {
            Call::Get(url) if url.ends_with("/.well-known/openid-configuration") => Ok(json!({
                "issuer": ISSUER, "authorization_endpoint": format!("{ISSUER}/authorize"),
                "token_endpoint": format!("{ISSUER}/token"), "jwks_uri": format!("{ISSUER}/keys"),
            })),
            Call::Get(_) => Ok(json!({"keys": idp.keys})),
            Call::Token { client, form, .. } => {
                assert_eq!(client, (CLIENT, "a secret"));
                let form = form.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
                idp.forms.push(form.collect());
                Ok(json!({"id_token": idp.token}))
            }
        }
    };
    let names = (ISSUER.to_owned(), "https://access.example.com/".to_owned());
    let client = (CLIENT.to_owned(), "a secret".to_owned());
    let oidc = Oidc::new(names, client, Box::new(fetch));
    let house = House::company(House::with_directory(Some(oidc)));
    let document = json!({"id": "bob", "role": "sponsor", "sponsor": "bob"});
    let reply = house.send("PUT", "/v1/members/bob", &house.owner, Some(&document), &[]);
    assert_eq!(reply.status, 201);
    let document = json!({"id": "sam", "role": "security", "oidc_subject": "s-1"});
    house.send("PUT", "/v1/members/sam", &house.owner, Some(&document), &[]);
    let people = json!({"people": [{"id": "bob", "email": "bob@example.com"}]});
    assert_eq!(house.post("/v1/directory/import", &house.owner, &people).status, 200);
    (house, idp, keys)
}
struct Begun {
    cookie: String,
    query: BTreeMap<String, String>,
}

fn begin(house: &House) -> Begun {
    let reply = house.get("/v1/sign-in/oidc", "");
    assert_eq!(reply.status, 303, "{}", reply.body);
    let (to, query) = reply.location.split_once('?').unwrap();
    assert_eq!(to, format!("{ISSUER}/authorize"));
    let query = query.split('&').map(|pair| pair.split_once('=').unwrap());
    let query = query.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let set = &reply.cookies[0];
    for part in ["__Host-", "HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(set.contains(part), "{set}");
    }
    Begun { cookie: set.split(';').next().unwrap().to_owned(), query }
}

fn back(house: &House, begun: &Begun, state: &str) -> Reply {
    let path = format!("{CALLBACK}?code=c&state={state}");
    house.send("GET", &path, "", None, &[("cookie", &begun.cookie)])
}

fn claims(begun: &Begun) -> Json {
    json!({
        "iss": ISSUER, "aud": CLIENT, "sub": "b-1", "email": "Bob@example.com",
        "email_verified": true, "nonce": begun.query["nonce"], "iat": NOW, "exp": NOW + 300,
    })
}

fn signed(keys: &Keys, claims: &Json) -> String {
    let header = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::ES256) };
    jsonwebtoken::encode(&header, claims, &keys.signing).unwrap()
}

fn session(reply: &Reply) -> String {
    assert_eq!((reply.status, reply.location.as_str()), (303, "/v1/self"), "{}", reply.body);
    reply.cookies[0].split(';').next().unwrap().to_owned()
}

/// What an attacker sends back for a sign-in that began.
type Attack = Box<dyn Fn(&Begun) -> String>;

#[test]
fn a_sponsor_signs_in_by_their_verified_address_once() {
    let (house, idp, keys) = house();
    let begun = begin(&house);
    idp.lock().unwrap().token = signed(&keys, &claims(&begun));
    let cookie = session(&back(&house, &begun, &begun.query["state"]));
    let form = idp.lock().unwrap().forms[0].clone();
    let challenge = countersign_app::digest(form["code_verifier"].as_bytes());
    use base64::Engine as _;
    let challenge = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(challenge);
    assert_eq!(begun.query["code_challenge"], challenge);
    assert_eq!(form["redirect_uri"], format!("https://access.example.com{CALLBACK}"));
    let own = house.send("GET", "/v1/self", "", None, &[("cookie", &cookie)]);
    assert_eq!(own.body["principal"], "member:bob");
    // A page of somebody else's makes the browser send the cookie.
    let end = |headers: &[(&str, &str)]| {
        house.send("POST", "/v1/sign-out", "", Some(&json!({})), headers).status
    };
    assert_eq!(end(&[("cookie", &cookie), ("sec-fetch-site", "cross-site")]), 401);
    assert_eq!(end(&[("cookie", &cookie)]), 401);
    // What came back once comes back for nothing.
    assert_eq!(back(&house, &begun, &begun.query["state"]).status, 401);
    // Who has left is signed out at once, and does not come in again.
    house.post("/v1/sponsors/bob/leave", &house.owner, &json!({}));
    assert_eq!(house.send("GET", "/v1/self", "", None, &[("cookie", &cookie)]).status, 401);
    let begun = begin(&house);
    idp.lock().unwrap().token = signed(&keys, &claims(&begun));
    assert_eq!(back(&house, &begun, &begun.query["state"]).status, 401);
}

#[test]
fn a_member_is_known_by_subject_and_any_published_key_may_sign() {
    let (house, idp, own) = house();
    let new = keys("k2");
    idp.lock().unwrap().keys =
        vec![json!({"kty": "??", "kid": "k2"}), own.public.clone(), new.public.clone()];
    let begun = begin(&house);
    let mut claims = claims(&begun);
    claims["sub"] = "s-1".into();
    claims["email_verified"] = false.into();
    let header = Header { kid: Some("k2".to_owned()), ..Header::new(Algorithm::ES256) };
    idp.lock().unwrap().token = jsonwebtoken::encode(&header, &claims, &new.signing).unwrap();
    let cookie = session(&back(&house, &begun, &begun.query["state"]));
    let own = house.send("GET", "/v1/self", "", None, &[("cookie", &cookie)]);
    assert_eq!(own.body["principal"], "member:sam");
}

#[test]
fn a_key_that_appears_later_is_not_asked_for_with_every_token() {
    let (house, idp, _) = house();
    let begun = begin(&house);
    let new = keys("k1");
    idp.lock().unwrap().keys = vec![new.public.clone()];
    // The keys kept are of this second; who sends rubbish does not make us ask again and again.
    idp.lock().unwrap().token = signed(&new, &claims(&begun));
    assert_eq!(back(&house, &begun, &begun.query["state"]).status, 401);
}

#[test]
fn tokens_that_others_made_open_nothing() {
    let (house, idp, own) = house();
    let other = keys("k1");
    let mut attacks: Vec<(&str, Attack)> = Vec::new();
    let own = Arc::new(own);
    let mut with = |name: &'static str, change: fn(&mut Json)| {
        let own = Arc::clone(&own);
        attacks.push((
            name,
            Box::new(move |begun| {
                let mut claims = claims(begun);
                change(&mut claims);
                signed(&own, &claims)
            }),
        ));
    };
    with("for another client", |claims| claims["aud"] = "other".into());
    with("for nobody", |claims| claims["aud"] = Json::Null);
    with("for several", |claims| claims["aud"] = json!([CLIENT, "other"]));
    with("issued to another", |claims| claims["azp"] = "other".into());
    with("of another issuer", |claims| claims["iss"] = "https://evil.example".into());
    with("of an issuer much like it", |claims| claims["iss"] = format!("{ISSUER}/").into());
    with("ended", |claims| claims["exp"] = (NOW - 61).into());
    with("without an end", |claims| claims["exp"] = Json::Null);
    with("of tomorrow", |claims| claims["iat"] = (NOW + 86_400).into());
    with("not yet valid", |claims| claims["nbf"] = (NOW + 86_400).into());
    with("of another sign-in", |claims| claims["nonce"] = "another".into());
    with("of no sign-in", |claims| claims["nonce"] = Json::Null);
    with("of an address nobody verified", |claims| claims["email_verified"] = false.into());
    with("of an address said to be verified", |claims| claims["email_verified"] = "true".into());
    with("of somebody unknown", |claims| claims["email"] = "eve@example.com".into());
    attacks.push((
        "by another key of that name",
        Box::new(move |begun| signed(&other, &claims(begun))),
    ));
    attacks.push((
        "unsigned",
        Box::new(|begun| {
            use base64::Engine as _;
            let part = |json: &Json| {
                base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json.to_string())
            };
            format!("{}.{}.", part(&json!({"alg": "none", "kid": "k1"})), part(&claims(begun)))
        }),
    ));
    let public = own.public.to_string();
    attacks.push((
        "with the public key as a shared secret",
        Box::new(move |begun| {
            let header = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::HS256) };
            let key = EncodingKey::from_secret(public.as_bytes());
            jsonwebtoken::encode(&header, &claims(begun), &key).unwrap()
        }),
    ));
    attacks.push(("rubbish", Box::new(|_| "a.b.c".to_owned())));
    for (name, token) in attacks {
        let begun = begin(&house);
        idp.lock().unwrap().token = token(&begun);
        let reply = back(&house, &begun, &begun.query["state"]);
        assert_eq!(reply.status, 401, "{name}");
        assert!(reply.cookies.is_empty(), "{name}");
    }
    let begun = begin(&house);
    idp.lock().unwrap().token = signed(&own, &claims(&begun));
    assert_eq!(back(&house, &begun, "another").status, 401, "another state");
    let reply = house.get(&format!("{CALLBACK}?code=c&state={}", begun.query["state"]), "");
    assert_eq!(reply.status, 401, "another browser");
    session(&back(&house, &begun, &begun.query["state"]));
}
