//! The standard interface `org.varlink.service`: who we are, and our interface's text.

use serde::Serialize;

use super::call::{Call, error, reply};
use super::members::MemberError;

/// The standard interface's own text.
const SERVICE_INTERFACE: &str = include_str!("org.varlink.service.varlink");
const PREFIX: &str = "org.varlink.service.";

#[derive(Serialize)]
struct Info<'a> {
    vendor: &'static str,
    product: &'static str,
    version: &'static str,
    url: &'static str,
    interfaces: [&'a str; 2],
}

#[derive(Serialize)]
struct Description {
    description: &'static str,
}

#[derive(Serialize)]
struct Parameter<'a> {
    parameter: &'a str,
}

#[derive(Serialize)]
struct Method<'a> {
    method: &'a str,
}

#[derive(Serialize)]
struct Interface<'a> {
    interface: &'a str,
}

/// Answers a call of the standard interface; gives any other call back.
///
/// # Errors
/// Wrong members of a standard call.
pub fn serve(
    mut call: Call,
    interface: (&str, &'static str),
    out: &mut Vec<u8>,
) -> Result<Option<Call>, MemberError> {
    let Some(method) = call.method.strip_prefix(PREFIX) else {
        return Ok(Some(call));
    };
    match method {
        "GetInfo" => {
            call.parameters.finish()?;
            reply(
                out,
                Info {
                    vendor: "Sceau",
                    product: "Sceau",
                    version: env!("CARGO_PKG_VERSION"),
                    url: "",
                    interfaces: ["org.varlink.service", interface.0],
                },
            );
        }
        "GetInterfaceDescription" => {
            let name = call.parameters.text("interface")?;
            call.parameters.finish()?;
            if name.as_str() == interface.0 {
                reply(out, Description { description: interface.1 });
            } else if name.as_str() == "org.varlink.service" {
                reply(out, Description { description: SERVICE_INTERFACE });
            } else {
                error(out, "org.varlink.service.InterfaceNotFound", Interface { interface: &name });
            }
        }
        _ => method_not_found(out, &call.method),
    }
    Ok(None)
}

/// Answers a call of a method that is not served.
pub fn not_found(out: &mut Vec<u8>, method: &str, interface: &str) {
    match method.rsplit_once('.') {
        Some((called, _)) if called == interface => method_not_found(out, method),
        Some((called, _)) => error(out, "org.varlink.service.InterfaceNotFound", Interface { interface: called }),
        None => error(out, "org.varlink.service.InterfaceNotFound", Interface { interface: method }),
    }
}

fn method_not_found(out: &mut Vec<u8>, method: &str) {
    error(out, "org.varlink.service.MethodNotFound", Method { method });
}

/// Answers a call that is answered in several replies and did not ask for them.
pub fn expected_more(out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct Nothing {}
    error(out, "org.varlink.service.ExpectedMore", Nothing {});
}

/// Answers a missing or wrongly typed parameter.
pub fn invalid_parameter(out: &mut Vec<u8>, parameter: &str) {
    error(out, "org.varlink.service.InvalidParameter", Parameter { parameter });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::TOKEN_INTERFACE;
    use super::*;

    const INTERFACE: (&str, &str) = ("fr.sceau.Token", TOKEN_INTERFACE);

    /// What is answered, and the method that was given back.
    fn ask(method: &str, parameters: Value) -> (Option<Value>, Option<String>) {
        let call =
            Call::parse(json!({ "method": method, "parameters": parameters }).to_string().as_bytes()).unwrap();
        let mut out = Vec::new();
        let back = serve(call, INTERFACE, &mut out).unwrap();
        let answer = out.strip_suffix(b"\0").map(|frame| serde_json::from_slice(frame).unwrap());
        (answer, back.map(|call| call.method))
    }

    proptest! {
        #[test]
        fn what_is_not_ours_is_given_back_untouched(method in ".{0,40}") {
            prop_assume!(!method.starts_with(PREFIX) && method.len() <= 128);
            prop_assert_eq!(ask(&method, json!({})), (None, Some(method)));
        }

        #[test]
        fn an_unknown_method_is_answered_once(name in "[^G].{0,20}", method in ".{0,40}") {
            let asked = format!("{PREFIX}{name}");
            let (answer, back) = ask(&asked, json!({}));
            prop_assert_eq!(back, None);
            prop_assert_eq!(
                answer,
                Some(json!({ "error": "org.varlink.service.MethodNotFound", "parameters": { "method": asked } }))
            );
            let mut out = Vec::new();
            not_found(&mut out, &method, INTERFACE.0);
            prop_assert_eq!(out.iter().filter(|byte| **byte == 0).count(), 1);
        }

        #[test]
        fn only_our_interfaces_are_described(name in ".{0,30}") {
            let (answer, _) = ask("org.varlink.service.GetInterfaceDescription", json!({ "interface": name }));
            let answer = answer.unwrap();
            prop_assert_eq!(answer["error"].as_str(), Some("org.varlink.service.InterfaceNotFound"));
        }
    }

    #[test]
    fn the_interfaces_are_served_as_they_are_in_the_source() {
        for (name, text) in [INTERFACE, ("org.varlink.service", SERVICE_INTERFACE)] {
            let (answer, _) = ask("org.varlink.service.GetInterfaceDescription", json!({ "interface": name }));
            assert_eq!(answer.unwrap()["parameters"]["description"], text);
        }
    }
}
