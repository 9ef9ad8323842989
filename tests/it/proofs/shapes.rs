//! ID tokens of the shapes that Pro Santé Connect and Keycloak publish, with our own keys: what a hospital will register.

use serde_json::{Map, Value, json};

use super::{Provider, now, proved, rule};
use crate::doorstep::{DoorAlone, with};
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::varlink::nonce;

/// A shape: how the provider is registered, and the header and claims of its tokens. `{now}`, `{login}` and `{jti}` are filled in.
struct Shape {
    name: &'static str,
    text: &'static str,
}

const SHAPES: [Shape; 2] = [
    Shape { name: "Pro Santé Connect", text: include_str!("shapes/pro_sante_connect.json") },
    Shape { name: "Keycloak", text: include_str!("shapes/keycloak.json") },
];

impl Shape {
    fn json(&self) -> Value {
        let (now, login) = (now(), now() - 60);
        let numbers = [("\"{exp}\"", now + 60), ("\"{now}\"", now), ("\"{login}\"", login)];
        let text = self.text.replace("{jti}", &nonce());
        let text = numbers.iter().fold(text, |text, (mark, number)| text.replace(mark, &number.to_string()));
        serde_json::from_str(&text).unwrap()
    }

    fn plan(&self, provider: &Provider) -> Plan {
        let shape = self.json();
        let jwks = provider.folder.path().join("keys.json").display().to_string();
        let toml = |value: &Value| toml::Value::try_from(value).unwrap();
        let mut registered = toml(&shape["identity_provider"]);
        registered.as_table_mut().unwrap().insert("jwks".into(), jwks.into());
        let (audience, subject) = (toml(&shape["audience"]), toml(&shape["subject"]));
        Plan::new("shapes")
            .key_type(KeyType::P256)
            .may_declare(false)
            .edit_config(move |config| drop(config.insert("identity_provider".into(), vec![registered].into())))
            .edit_applications(move |register| {
                register["application"][0]
                    .as_table_mut()
                    .unwrap()
                    .insert("audience".into(), vec![audience].into());
            })
            .edit_practitioners(move |register| {
                register["practitioner"][0].as_table_mut().unwrap().insert("subject".into(), vec![subject].into());
            })
    }
}

#[test]
fn tokens_of_these_shapes_open_and_their_access_tokens_do_not() {
    for shape in SHAPES {
        let provider = Provider::new();
        let door = DoorAlone::open(shape.plan(&provider));
        let ask = |change: &dyn Fn(&mut Map<String, Value>)| {
            let mut json = shape.json();
            change(json["claims"].as_object_mut().unwrap());
            let (claims, kid) = (&json["claims"], json["header"]["kid"].as_str().unwrap());
            let asked = proved(claims, &provider.sign(kid, &json["header"], claims));
            rule(door.client().open_session(with(asked, "authentication.method", json["method"].clone())))
        };
        assert_eq!(ask(&|_| ()), "opened", "{}", shape.name);
        assert_eq!(ask(&|claims| claims["typ"] = "Bearer".into()), "type", "{}", shape.name);
        assert_eq!(ask(&|claims| claims["acr"] = "0".into()), "method", "{}", shape.name);
        assert_eq!(ask(&|claims| claims["azp"] = "portail".into()), "authorized-party", "{}", shape.name);
    }
}

#[test]
fn an_acr_alone_shows_two_factors_by_the_establishments_word_only() {
    let provider = Provider::new();
    let plan = SHAPES[0].plan(&provider).edit_config(|config| {
        let method = config["identity_provider"][0]["method"][0].as_table_mut().unwrap();
        method.remove("factors");
    });
    let establishment: Establishment = plan.build();
    let error = sceau::config::Config::load(&establishment.config()).unwrap_err().to_string();
    assert!(error.contains("deux facteurs de natures différentes"), "{error}");
    assert_eq!(json!(error.lines().count()), json!(1), "{error}");
}
