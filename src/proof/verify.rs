//! The checks of a proof, in their order, and what they leave: who logged in, how, when.

use jsonwebtoken::crypto;

use super::algorithm::Algorithm;
use super::claims::{self, Claims};
use super::compact::Compact;
use super::provider::{Audience, CLOCK_SKEW_MAX_MS, Provider, Providers};
use super::refusal::Refusal;
use crate::traces::digest::Digest;
use crate::vihf::instant::Instant;
use crate::vihf::method::Method;

/// A verified proof: its provider vouches for a login, for this application. Made by [`verify`] alone.
#[derive(Debug)]
#[must_use]
pub struct Proof {
    provider: String,
    subject: String,
    issued: Instant,
    login: Instant,
    tolerance_ms: u64,
    /// Each method that its words show, and for the contactless one the reading with the PIN.
    methods: Vec<(Method, Option<Instant>)>,
    mark: Digest,
}

/// Verifies `text` as a proof for the application that the providers know under `audiences`.
///
/// After `Ok` a registered provider signed the proof for this application, it is fresh at `now`, and it tells who logged in
/// when and how. Whether it was used before is not known here: that is [`Proof::mark`]'s.
///
/// # Errors
/// The first rule that the proof breaks. Nothing of its content is in the refusal.
pub fn verify(providers: &Providers, audiences: &[Audience], text: &str, now: Instant) -> Result<Proof, Refusal> {
    if providers.is_empty() {
        return Err(Refusal::NoProvider);
    }
    let jws = Compact::read(text)?;
    // The issuer's name is only a look-up word until the signature is verified under that issuer's keys.
    let issuer = claims::text(&jws.claims, "iss")?.ok_or(Refusal::Claim)?;
    let provider = providers.of_issuer(&issuer).ok_or(Refusal::Issuer)?;
    providers.count_check();
    signature(provider, &jws)?;
    let claims = Claims::read(&jws.claims)?;
    audience(provider, audiences, &claims)?;
    times(provider, &claims, now)?;
    let mut methods = Vec::new();
    let met = |rule: &&super::MethodRule| rule.is_met_by(claims.acr.as_deref(), &claims.amr);
    for rule in provider.terms.methods.iter().filter(met) {
        let initial = match &rule.initial_claim {
            Some(name) => Some(claims::instant(&jws.claims, name)?.ok_or(Refusal::Claim)?),
            None => None,
        };
        methods.push((rule.method, initial));
    }
    // Signatures can be spelt in several ways (an ECDSA one in two, a PSS one in as many as one likes) and are no part of what
    // a token is known by: without `jti`, what was signed is.
    let mark = match &claims.id {
        Some(id) => Digest::of(&[b"sceau proof jti\0", issuer.as_bytes(), b"\0", id.as_bytes()]),
        None => Digest::of(&[b"sceau proof jws\0", jws.signed.as_bytes()]),
    };
    Ok(Proof {
        provider: provider.terms.name.clone(),
        subject: claims.subject,
        issued: claims.issued,
        login: claims.login,
        tolerance_ms: provider.terms.instant_tolerance_ms,
        methods,
        mark,
    })
}

/// The provider's key of that `kid` made the signature, with an algorithm that both are for.
fn signature(provider: &Provider, jws: &Compact<'_>) -> Result<(), Refusal> {
    let algorithm = Algorithm::parse(&jws.header.alg)
        .filter(|algorithm| provider.terms.algorithms.contains(algorithm))
        .ok_or(Refusal::Algorithm)?;
    let key = jws.header.kid.as_deref().and_then(|kid| provider.keys.get(kid)).ok_or(Refusal::KeyUnknown)?;
    let key = key.for_algorithm(algorithm).ok_or(Refusal::KeyUse)?;
    match crypto::verify(jws.signature, jws.signed.as_bytes(), key, algorithm.jws()) {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(Refusal::Signature),
    }
}

/// It was made for this application, and handed to it (OpenID Connect Core §3.1.3.7, steps 3 to 5).
fn audience(provider: &Provider, audiences: &[Audience], claims: &Claims) -> Result<(), Refusal> {
    let mine = |client: &str| {
        audiences.iter().any(|known| known.provider == provider.terms.name && known.client_id == client)
    };
    let Some(_) = claims.audiences.iter().find(|audience| mine(audience)) else { return Err(Refusal::Audience) };
    match &claims.authorized_party {
        Some(party) if mine(party) => Ok(()),
        None if claims.audiences.len() == 1 => Ok(()),
        _ => Err(Refusal::AuthorizedParty),
    }
}

fn times(provider: &Provider, claims: &Claims, now: Instant) -> Result<(), Refusal> {
    let skew_ms = provider.terms.clock_skew_ms;
    let (earliest, latest) = (now.minus_ms(skew_ms), now.plus_ms(skew_ms));
    if claims.expires <= earliest {
        return Err(Refusal::Expired);
    }
    if claims.not_before.is_some_and(|not_before| not_before > latest) {
        return Err(Refusal::NotYetValid);
    }
    if claims.issued > latest {
        return Err(Refusal::IssuedInFuture);
    }
    if claims.issued.plus_ms(provider.terms.age_max_ms) < earliest {
        return Err(Refusal::TooOld);
    }
    // One clock wrote both.
    if claims.login > claims.issued {
        return Err(Refusal::LoginAfterIssue);
    }
    Ok(())
}

impl Proof {
    /// Name of the provider that made it.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// Who logged in, as the provider calls them.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// When: the provider's `auth_time`.
    #[must_use]
    pub fn login(&self) -> Instant {
        self.login
    }

    /// Whether it may have been shown by that instant: its provider's clock may be ahead of ours.
    #[must_use]
    pub fn may_have_been_shown_by(&self, at: Instant) -> bool {
        self.issued <= at.plus_ms(CLOCK_SKEW_MAX_MS)
    }

    /// What it is known by once it was used: the same for every spelling of the same proof.
    #[must_use]
    pub fn mark(&self) -> Digest {
        self.mark
    }

    /// Whether it shows what the application tells: this method, at this instant, and for the contactless method the reading
    /// with the PIN at that one.
    ///
    /// After `Ok` the instants are the provider's: login, and reading with the PIN.
    ///
    /// # Errors
    /// [`Refusal::Method`] or [`Refusal::LoginDiffers`].
    pub fn shows(
        &self,
        method: Method,
        instant: Instant,
        initial: Option<Instant>,
    ) -> Result<(Instant, Option<Instant>), Refusal> {
        let tolerance = i64::try_from(self.tolerance_ms).unwrap_or(i64::MAX);
        let agree = |told: Instant, shown: Instant| told.ms_since(shown).abs() <= tolerance;
        let (_, shown) = self.methods.iter().find(|(known, _)| *known == method).ok_or(Refusal::Method)?;
        let initial_agrees = match (initial, shown) {
            (Some(told), Some(shown)) => agree(told, *shown),
            (None, None) => true,
            _ => false,
        };
        if agree(instant, self.login) && initial_agrees {
            Ok((self.login, *shown))
        } else {
            Err(Refusal::LoginDiffers)
        }
    }
}
