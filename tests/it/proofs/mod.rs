//! Proofs of login: who vouches for a login, and what becomes of a token that nobody of ours made, or that an attacker did.

mod attacks;
mod claims;
mod cost;
mod declared;
mod identity_provider;
mod lost;
pub(crate) mod mint;
mod replays;
mod rotation;
mod shapes;

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tempfile::TempDir;
use toml::Table;

use crate::doorstep::{physician_login, with};
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::varlink::{Client, Refused, nonce};
use mint::Mint;

/// Issuer of the proofs that [`Mint`] makes.
const ISSUER: &str = "https://sso.hopital.test/realms/soins";
/// What it calls the application and the general physician.
const CLIENT: &str = "dpi";
const SUBJECT: &str = "f:soins:anne.dupont";

/// A registered provider whose proofs the tests make as they like.
struct Provider {
    mint: Mint,
    folder: TempDir,
}

impl Provider {
    fn new() -> Provider {
        let provider = Provider { mint: Mint::start(), folder: tempfile::tempdir().unwrap() };
        let keys = provider.mint.ask(&json!({ "do": "jwks" }));
        std::fs::write(provider.folder.path().join("keys.json"), keys.to_string()).unwrap();
        provider
    }

    /// Test mode; the application must prove, and is this provider's client; the general physician is paired.
    fn plan(&self) -> Plan {
        self.registered(Plan::new("proofs").key_type(KeyType::P256).may_declare(false))
    }

    /// The same on another plan.
    fn registered(&self, plan: Plan) -> Plan {
        let jwks = self.folder.path().join("keys.json").display().to_string();
        registered(plan, ISSUER, &jwks, &["RS256", "PS256", "ES256", "ES384", "EdDSA"])
    }

    /// A proof signed with ES256.
    fn proof(&self, claims: &Value) -> String {
        self.sign("ec", &json!({ "alg": "ES256", "kid": "ec", "typ": "JWT" }), claims)
    }

    fn sign(&self, key: &str, header: &Value, claims: &Value) -> String {
        self.mint.token(&json!({ "do": "sign", "key": key, "header": header, "claims": claims }))
    }
}

/// A plan with an identity provider, its audience and its pairing.
fn registered(plan: Plan, issuer: &str, jwks: &str, algorithms: &[&str]) -> Plan {
    let (issuer, jwks, algorithms) = (issuer.to_owned(), jwks.to_owned(), format!("{algorithms:?}"));
    let table = move |text: String| text.parse::<Table>().unwrap();
    plan.edit_config(move |config| {
        config.extend(table(format!(
            r#"
            [[identity_provider]]
            name = "sso"
            issuer = "{issuer}"
            jwks = "{jwks}"
            algorithms = {algorithms}
            [[identity_provider.method]]
            method = "CPS"
            acr = ["eidas3"]
            amr = ["sc", "pin"]
            [[identity_provider.method]]
            method = "OTP_SMS"
            amr = ["pwd", "otp"]
            [[identity_provider.method]]
            method = "CPS:CPSSANSCONTACT"
            acr = ["session"]
            factors = ["possession", "knowledge"]
            initial_claim = "card_pin_time"
            "#
        )));
    })
    .edit_applications(|register| {
        let audience =
            Table::from_iter([("provider".to_owned(), "sso".into()), ("client_id".to_owned(), CLIENT.into())]);
        register["application"][0].as_table_mut().unwrap().insert("audience".into(), vec![audience].into());
    })
    .edit_practitioners(|register| {
        let subject =
            Table::from_iter([("provider".to_owned(), "sso".into()), ("subject".to_owned(), SUBJECT.into())]);
        register["practitioner"][0].as_table_mut().unwrap().insert("subject".into(), vec![subject].into());
    })
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Right claims of a card login a minute ago, never the same twice.
fn claims() -> Value {
    let now = now();
    json!({
        "iss": ISSUER, "sub": SUBJECT, "aud": CLIENT, "azp": CLIENT, "jti": nonce(), "iat": now, "nbf": now, "exp": now + 60,
        "auth_time": now - 60, "acr": "eidas3", "amr": ["sc", "pin"], "typ": "ID",
    })
}

/// RFC 3339 of seconds since 1970.
fn rfc3339(seconds: u64) -> String {
    let at = time::OffsetDateTime::from_unix_timestamp(seconds as i64).unwrap();
    at.format(&time::format_description::well_known::Rfc3339).unwrap()
}

/// `OpenSession` of the physician with that proof, the instant being the one that the claims tell.
fn proved(claims: &Value, proof: &str) -> Value {
    let asked = with(physician_login(), "authentication.proof", proof.into());
    let login = claims["auth_time"].as_u64().unwrap_or_else(now);
    with(asked, "authentication.instant", rfc3339(login).into())
}

/// The rule that a `proof-invalid` names; anything else is told as it is.
fn rule<T: std::fmt::Debug>(answer: Result<T, Refused>) -> String {
    match answer {
        Ok(_) => "opened".to_owned(),
        Err(refused) if refused.brief() == ("Denied", "proof-invalid") => {
            let message = refused.parameters["message"].as_str().unwrap();
            let named = message.split_once("(règle ").and_then(|(_, rest)| rest.split_once(')'));
            named.map_or_else(|| message.to_owned(), |(name, _)| name.to_owned())
        }
        Err(refused) => format!("{:?}", refused.brief()),
    }
}

/// Opens a session by right claims changed by `change`; what came of it.
fn judged(provider: &Provider, client: &mut Client, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = claims();
    change(&mut claims);
    rule(client.open_session(proved(&claims, &provider.proof(&claims))))
}
