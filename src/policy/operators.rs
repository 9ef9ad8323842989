//! The register of operators: one canonical document, and the changes that an order may ask for.

use serde::{Deserialize, Serialize};

use super::operator::{Named, Operator, Role};
use super::order::Refusal;
use super::sshsig::Envelope;
use crate::vihf::instant::Instant;

/// Name of the register in the ledger.
pub const REGISTER: &str = "operators";
/// Most operators, those revoked included: names and keys are never given again.
pub const OPERATORS_MAX: usize = 256;
/// Most operators that a bootstrap names: each of them signs it.
pub const BOOTSTRAP_MAX: usize = 5;
/// In production, administrators that a bootstrap must name: one lost key must not lock the others out.
const ADMINISTRATORS_MIN: usize = 2;
/// In production, persons who decide that a bootstrap must name: the two others repair the loss of any one key.
const DECIDERS_MIN: usize = 3;

/// Every operator there ever was, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operators(Vec<Operator>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    sceau_operators: u32,
    operators: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    roles: Vec<Role>,
    key: String,
    since: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked: Option<String>,
}

impl Operators {
    /// Reads what [`Operators::document`] writes, and nothing else.
    #[must_use]
    pub fn parse(document: &[u8]) -> Option<Self> {
        let read: Document = serde_json::from_slice(document).ok()?;
        let operators = Self::of(read.operators)?;
        (operators.document() == document).then_some(operators)
    }

    /// Reads what `admin.sock` tells of the register: the same rows, each with its fingerprint.
    #[must_use]
    pub fn told(mut rows: serde_json::Value) -> Option<Self> {
        for row in rows.as_array_mut()? {
            row.as_object_mut()?.remove("fingerprint");
        }
        Self::of(serde_json::from_value(rows).ok()?)
    }

    fn of(rows: Vec<Row>) -> Option<Self> {
        let row = |row: Row| {
            let named = Named { name: row.name, roles: row.roles, key: row.key };
            let operator = Operator::new(&named, Instant::parse(&row.since)?).ok()?;
            let revoked = match row.revoked {
                Some(revoked) => Some(Instant::parse(&revoked)?),
                None => None,
            };
            Some(Operator { revoked, ..operator })
        };
        Some(Self(rows.into_iter().map(row).collect::<Option<_>>()?))
    }

    /// The register's one text: its SHA-256 is in the ledger.
    #[must_use]
    pub fn document(&self) -> Vec<u8> {
        let row = |operator: &Operator| Row {
            name: operator.name.clone(),
            roles: operator.roles.clone(),
            key: operator.key.text(),
            since: operator.since.to_string(),
            revoked: operator.revoked.map(|revoked| revoked.to_string()),
        };
        let document = Document { sceau_operators: 1, operators: self.0.iter().map(row).collect() };
        // Only a map with keys that are no strings fails, and there is none.
        serde_json::to_vec(&document).unwrap_or_default()
    }

    /// Whether nobody was ever registered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All operators, those revoked included.
    #[must_use]
    pub fn all(&self) -> &[Operator] {
        &self.0
    }

    /// The operator of that name, revoked or not.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Operator> {
        self.0.iter().find(|operator| operator.name == name)
    }

    /// Who made this signature of `text` for `namespace`.
    ///
    /// # Errors
    /// It is none, it is of another text or for another use, or its key is nobody's or of someone who was revoked.
    pub fn signer(&self, armour: &str, namespace: &str, text: &[u8]) -> Result<&Operator, Refusal> {
        let envelope = Envelope::parse(armour).ok_or(Refusal::SignatureInvalid)?;
        let key = envelope.key().ok_or(Refusal::SignatureInvalid)?;
        let signer = self.0.iter().find(|operator| operator.key == key).ok_or(Refusal::SignerUnknown)?;
        if envelope.namespace() != namespace {
            return Err(Refusal::SignatureNamespace);
        }
        if !envelope.is_by(&signer.key, namespace, text) {
            return Err(Refusal::SignatureInvalid);
        }
        if signer.is_active() { Ok(signer) } else { Err(Refusal::SignerRevoked) }
    }

    /// Active operators who take part in decisions that need two persons.
    #[must_use]
    pub fn deciders(&self) -> usize {
        self.active().filter(|operator| operator.decides()).count()
    }

    fn active(&self) -> impl Iterator<Item = &Operator> {
        self.0.iter().filter(|operator| operator.is_active())
    }

    fn administrators(&self) -> usize {
        self.active().filter(|operator| operator.has_any(&[Role::Administrator])).count()
    }

    /// The first register.
    ///
    /// # Errors
    /// Nobody, too many, the same name or key twice, no administrator; in production also too few to survive a lost key.
    pub fn first(named: &[Named], now: Instant, production: bool) -> Result<Self, Refusal> {
        if !(1..=BOOTSTRAP_MAX).contains(&named.len()) {
            return Err(Refusal::BootstrapCount);
        }
        let mut register = Self::default();
        for named in named {
            register = register.with(named, now)?;
        }
        let (administrators_min, deciders_min) =
            if production { (ADMINISTRATORS_MIN, DECIDERS_MIN) } else { (1, 1) };
        if register.administrators() < administrators_min || register.deciders() < deciders_min {
            return Err(Refusal::BootstrapTooFew);
        }
        Ok(register)
    }

    /// The register with one more operator.
    ///
    /// # Errors
    /// Form, name or key already known, no room.
    pub fn with(&self, named: &Named, now: Instant) -> Result<Self, Refusal> {
        let operator = Operator::new(named, now)?;
        if self.named(&operator.name).is_some() {
            return Err(Refusal::OperatorExists);
        }
        if self.0.iter().any(|known| known.key == operator.key) {
            return Err(Refusal::OperatorKeyKnown);
        }
        if self.0.len() >= OPERATORS_MAX {
            return Err(Refusal::OperatorsFull);
        }
        Ok(Self([self.0.as_slice(), &[operator]].concat()))
    }

    /// The register in which that operator is revoked.
    ///
    /// # Errors
    /// Unknown or already revoked; the last administrator; in production also one of the last two who decide.
    pub fn without(&self, name: &str, now: Instant, production: bool) -> Result<Self, Refusal> {
        let mut register = self.clone();
        let operator = register.0.iter_mut().find(|operator| operator.name == name && operator.is_active());
        operator.ok_or(Refusal::OperatorUnknown)?.revoked = Some(now);
        if register.administrators() == 0 {
            return Err(Refusal::LastAdministrator);
        }
        if production && register.deciders() < 2 && register.deciders() < self.deciders() {
            return Err(Refusal::LastPair);
        }
        Ok(register)
    }
}
