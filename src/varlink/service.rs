//! The standard interface `org.varlink.service`: who we are, and our interface's text.

use serde::Serialize;

use super::call::{Call, error, reply};
use super::members::MemberError;

/// The standard interface's own text.
const SERVICE_INTERFACE: &str = include_str!("org.varlink.service.varlink");
const PREFIX: &str = "org.varlink.service.";

#[derive(Serialize)]
struct Info {
    vendor: &'static str,
    product: &'static str,
    version: &'static str,
    url: &'static str,
    interfaces: [&'static str; 2],
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
                    interfaces: ["org.varlink.service", "fr.sceau.Token"],
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

/// Answers a missing or wrongly typed parameter.
pub fn invalid_parameter(out: &mut Vec<u8>, parameter: &str) {
    error(out, "org.varlink.service.InvalidParameter", Parameter { parameter });
}
