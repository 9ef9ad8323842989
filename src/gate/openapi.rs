//! The JSON side as OpenAPI 3.1, made from the interface's own text, so that the two cannot differ.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::varlink::TOKEN_INTERFACE;
use crate::varlink::interface::{Interface, Member, Method};

/// Method, path, and the interface's method behind it.
const OPERATIONS: [(&str, &str, &str); 6] = [
    ("post", "/v1/sessions", "OpenSession"),
    ("delete", "/v1/sessions", "CloseSession"),
    ("post", "/v1/sessions/close", "CloseSession"),
    ("post", "/v1/assertions", "Issue"),
    ("post", "/v1/outcomes", "Report"),
    ("get", "/v1/status", "Status"),
];

/// What the interface's text says in words alone: the form of a member, by its name.
const FORMS: [(&str, &str); 9] = [
    ("nonce", r#"{"pattern":"^[A-Za-z0-9_-]{16,64}$"}"#),
    ("purpose", r#"{"enum":["normal","bris_de_glace","centre_15"]}"#),
    ("outcome", r#"{"enum":["accepted","refused","unused"]}"#),
    ("channel", r#"{"enum":["LPS","WEB_PS"]}"#),
    ("ins", r#"{"pattern":"^[0-9AB]{15}$"}"#),
    ("instant", r#"{"format":"date-time"}"#),
    ("initial_instant", r#"{"format":"date-time"}"#),
    ("service", r#"{"minLength":1,"maxLength":64}"#),
    ("profile", r#"{"minLength":1,"maxLength":64}"#),
];

static TEXT: LazyLock<String> = LazyLock::new(|| document().to_string());

/// The document's text.
pub(super) fn text() -> &'static str {
    &TEXT
}

/// The document.
#[must_use]
pub fn document() -> Value {
    let interface = Interface::read(TOKEN_INTERFACE);
    let mut paths = Map::new();
    for (verb, path, name) in OPERATIONS {
        let Some(method) = interface.method(name) else { continue };
        let entry = paths.entry(path).or_insert_with(|| json!({}));
        if let Some(entry) = entry.as_object_mut() {
            entry.insert(verb.to_owned(), operation(verb, path, method));
        }
    }
    let mut schemas = Map::new();
    for one in &interface.types {
        schemas.insert(one.name.clone(), object(&one.members, &one.comment, false));
    }
    for method in &interface.methods {
        schemas.insert(method.call.name.clone(), object(&method.call.members, "", true));
        schemas.insert(format!("{}Answer", method.call.name), object(&method.reply, "", false));
    }
    for error in &interface.errors {
        let parameters = object(&error.members, &error.comment, false);
        schemas.insert(error.name.clone(), error_schema(&error.name, parameters));
    }
    let parameter = json!({ "type": "object", "required": ["parameter"], "properties": { "parameter": { "type": "string" } } });
    schemas.insert("InvalidParameter".to_owned(), error_schema("InvalidParameter", parameter));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Sceau",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "fr.sceau.Token over HTTPS: the same objects. A client is the application that its certificate is registered for. \
                Bodies of DELETE that a stack cannot send go to POST /v1/sessions/close.",
        },
        "paths": paths,
        "components": { "schemas": schemas },
    })
}

fn operation(verb: &str, path: &str, method: &Method) -> Value {
    let name = &method.call.name;
    let answer = |schema: String, words: &str| json!({ "description": words, "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } } });
    let mut responses = Map::new();
    responses.insert("200".to_owned(), answer(format!("{name}Answer"), "Done."));
    let wrong = json!({ "anyOf": [{ "$ref": "#/components/schemas/Malformed" }, { "$ref": "#/components/schemas/InvalidParameter" }] });
    responses.insert(
        "400".to_owned(),
        json!({ "description": "The words are wrong.", "content": { "application/json": { "schema": wrong } } }),
    );
    responses.insert("403".to_owned(), answer("Denied".to_owned(), "Understood, and refused by policy."));
    if matches!(name.as_str(), "Issue" | "OpenSession") {
        responses.insert("409".to_owned(), answer("Replayed".to_owned(), "Nonce or proof used before."));
    }
    for (status, words) in [
        ("405", "Another method is served here."),
        ("408", "The body did not come in time."),
        ("413", "The body is too long."),
        ("415", "The body is not said to be JSON."),
    ] {
        responses.insert(status.to_owned(), answer("Malformed".to_owned(), words));
    }
    let mut busy = answer("Busy".to_owned(), "Load is shed, nothing was done.");
    if let Some(busy) = busy.as_object_mut() {
        let retry = json!({ "Retry-After": { "description": "Seconds.", "schema": { "type": "integer" } } });
        busy.insert("headers".to_owned(), retry);
    }
    responses.insert("429".to_owned(), busy);
    let unavailable = json!({ "anyOf": [{ "$ref": "#/components/schemas/Unavailable" }, { "$ref": "#/components/schemas/Halted" }] });
    responses.insert(
        "503".to_owned(),
        json!({ "description": "Not usable now; nothing was issued, or it is not known.", "content": { "application/json": { "schema": unavailable } } }),
    );
    let id = if path.ends_with("/close") { format!("{name}ByPost") } else { name.clone() };
    let mut operation = json!({ "operationId": id, "description": method.call.comment, "responses": responses });
    if verb != "get"
        && let Some(operation) = operation.as_object_mut()
    {
        let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
        let body = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        operation.insert("requestBody".to_owned(), body);
    }
    operation
}

/// `strict`: members that are not here are refused, as `sceaud` refuses them.
fn object(members: &[Member], comment: &str, strict: bool) -> Value {
    let properties: Map<_, _> = members.iter().map(|member| (member.name.clone(), schema(member))).collect();
    let required: Vec<_> = members.iter().filter(|member| !member.optional).map(|member| &member.name).collect();
    let mut object = json!({ "type": "object", "properties": properties, "required": required });
    if let Some(object) = object.as_object_mut() {
        if !comment.is_empty() {
            object.insert("description".to_owned(), comment.into());
        }
        if strict {
            object.insert("additionalProperties".to_owned(), false.into());
        }
    }
    object
}

fn schema(member: &Member) -> Value {
    let one = match member.kind.as_str() {
        "string" => json!({ "type": "string" }),
        "int" => json!({ "type": "integer" }),
        "bool" => json!({ "type": "boolean" }),
        "object" => json!({ "type": "object" }),
        name => json!({ "$ref": format!("#/components/schemas/{name}") }),
    };
    let mut one = if member.list { json!({ "type": "array", "items": one }) } else { one };
    let form = FORMS.iter().find(|(name, _)| *name == member.name && member.kind == "string");
    if let (Some((_, form)), Some(one)) = (form, one.as_object_mut())
        && let Ok(Value::Object(form)) = serde_json::from_str(form)
    {
        one.extend(form);
    }
    if member.optional { json!({ "anyOf": [one, { "type": "null" }] }) } else { one }
}

fn error_schema(name: &str, parameters: Value) -> Value {
    json!({
        "type": "object",
        "properties": { "error": { "const": name }, "parameters": parameters },
        "required": ["error", "parameters"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_described_and_every_reference_is_there() {
        let document = document();
        let text = document.to_string();
        let schemas = document["components"]["schemas"].as_object().map(Map::len).unwrap_or_default();
        assert!(schemas >= 20, "{schemas}");
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap_or_default();
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
        }
        for method in Interface::read(TOKEN_INTERFACE).methods {
            assert!(OPERATIONS.iter().any(|(_, _, name)| *name == method.call.name), "{}", method.call.name);
        }
    }
}
