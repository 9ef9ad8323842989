//! An order's text at the operator's: made here, or read from a file, and told in words before it is signed.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::super::NotDone;
use super::super::client::Client;
use crate::policy::order::{LIFETIME_MAX_MS, ORDER_LEN_MAX, Order, Verb, text};
use crate::sys::clock;

/// Random bytes of an id.
const ID_LEN: usize = 18;

/// A text that is an order.
pub(super) struct Made {
    text: String,
    order: Order,
}

impl Made {
    /// A new order for that ledger, for as long as an order may live.
    pub(super) fn new(ledger: &str, verb: Verb, arguments: Map<String, Value>) -> Result<Self, NotDone> {
        let mut id = [0; ID_LEN];
        aws_lc_rs::rand::fill(&mut id)
            .map_err(|_| NotDone::Usage("le système ne donne pas d'octets aléatoires".to_owned()))?;
        let now = clock::now();
        let expires = now.plus_ms(LIFETIME_MAX_MS.unsigned_abs());
        Self::of(text(ledger, verb, &URL_SAFE_NO_PAD.encode(id), now, expires, arguments))
    }

    /// The order of a file.
    pub(super) fn read(path: &Path) -> Result<Self, NotDone> {
        let unread =
            |cause: &str| NotDone::Usage(format!("l'ordre {} n'est pas lisible ({cause})", path.display()));
        let metadata = fs::metadata(path).map_err(|cause| unread(&cause.to_string()))?;
        if metadata.len() > ORDER_LEN_MAX as u64 {
            return Err(unread("il est trop long pour un ordre"));
        }
        let bytes = fs::read(path).map_err(|cause| unread(&cause.to_string()))?;
        Self::of(String::from_utf8(bytes).map_err(|_| unread("ce n'est pas du texte UTF-8"))?)
    }

    fn of(text: String) -> Result<Self, NotDone> {
        let wrong = |field: &str, message: &str| NotDone::Usage(format!("ordre incorrect, {field} : {message}"));
        let order = Order::parse(text.as_bytes()).map_err(|error| wrong(&error.field, &error.message))?;
        Ok(Self { text, order })
    }

    /// The exact text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What is ordered.
    pub(super) fn verb(&self) -> Verb {
        self.order.verb()
    }

    /// What whoever signs must know, in words.
    pub(super) fn summary(&self) -> String {
        let Order { ledger, issued, expires, .. } = &self.order;
        let arguments: Value = serde_json::from_str(&self.text).unwrap_or_default();
        let arguments = arguments.get("arguments").cloned().unwrap_or_default();
        // Control characters of a hostile order must not reach the terminal: JSON escapes them.
        let verb = self.verb().name();
        format!(
            "Ordre      {verb}\nJournal    {ledger}\nValable    du {issued} au {expires}\nArguments  {arguments}"
        )
    }
}

/// Name of the ledger that answers.
pub(super) fn ledger(client: &mut Client) -> Result<String, NotDone> {
    let instance = client.call_admin("Instance", &json!({}))?;
    Ok(instance.get("ledger").and_then(Value::as_str).unwrap_or_default().to_owned())
}
