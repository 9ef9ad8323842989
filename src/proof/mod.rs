//! Proof of a primary login: an identity provider's signed token (JWS; an OpenID Connect ID token fits), judged.
//!
//! | file | noun |
//! |---|---|
//! | `provider` | an identity provider: who signs, with what, for how long, and what its words mean |
//! | `key_set` | its public keys (JWKS, RFC 7517) |
//! | `algorithm` | what it may sign with (RFC 7518) |
//! | `factor` | natures of authentication factors, and what `amr` values show (RFC 8176) |
//! | `compact` | the token's text: three parts, a strict header, strict claims (RFC 7515, RFC 8725) |
//! | `claims` | the claims, each of its type |
//! | `verify` | the order of the checks, and [`Proof`], which only they make |
//! | `refusal` | each rule by name |
//!
//! Trusts the keys that the establishment registered, and nothing that the token says of itself before its signature is
//! verified, but its issuer's name, by which the keys are found. Pure: text, keys and an instant in, facts or a refusal out.
//!
//! A proof is verified once, when the session opens, never for an assertion: a session that was opened is what an issue asks
//! for, so a provider's key costs nothing per token.

mod algorithm;
mod claims;
mod compact;
mod factor;
mod key_set;
mod provider;
mod refusal;
mod verify;

pub use algorithm::Algorithm;
pub use compact::PROOF_LEN_MAX;
pub use factor::Factor;
pub use key_set::{KeySet, KeySetError, KeySetFault};
pub use provider::{AGE_MAX_MS, Audience, CLOCK_SKEW_MAX_MS, MethodRule, Provider, Providers, Terms};
pub use refusal::Refusal;
pub use verify::{Proof, verify};

#[cfg(test)]
mod tests;
