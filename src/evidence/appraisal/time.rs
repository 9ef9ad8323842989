//! The TPM's clock against the last one that was believed (TPM 2.0 part 1, §36 "Timing Components").

use super::quote::Quoted;
use super::{Check, Findings, Known, NonceStanding};
use crate::evidence::attest::ClockInfo;
use crate::evidence::baseline::ClockSeen;

/// How far the clock may fall back when power is lost, in milliseconds: a TPM stores it at least every 2^22 ms (part 1, §36.3.2).
const POWER_LOSS_MS: u64 = 1 << 22;
/// How much faster than time the clock may run, in hundredths: TPM2_ClockRateAdjust allows 32.5 %.
const RATE_MAX_PERCENT: u64 = 133;
/// How much the verifier's own clock may have been corrected meanwhile, in milliseconds.
const VERIFIER_ERROR_MS: u64 = 10 * 60_000;

pub(super) fn check(known: &Known<'_>, quoted: &Quoted, findings: &mut Findings) {
    let (Some(clock), NonceStanding::Fresh(drawn) | NonceStanding::Again(drawn)) = (quoted.clock, known.nonce)
    else {
        return findings.not_checked(&[Check::Clock], "aucune citation fraîche n'est crue");
    };
    findings.shown.clock = Some(clock);
    let passed = findings.decide(
        Check::Clock,
        match &known.baseline.clock {
            None => Ok("première preuve : horloge et redémarrages seront retenus".to_owned()),
            Some(_) if known.new_baseline => Ok("admise comme nouvelle base".to_owned()),
            Some(before) => held(before, clock, known),
        },
    );
    // Judged again, an older document does not move the clock back: only `held` lets it forward.
    if passed {
        findings.baseline.clock = Some(ClockSeen { after: drawn, clock });
    }
}

fn held(before: &ClockSeen, clock: ClockInfo, known: &Known<'_>) -> Result<String, String> {
    let was = before.clock;
    if clock.reset_count < was.reset_count {
        return Err(format!(
            "{} redémarrages, {} au dernier verdict : le compte a reculé",
            clock.reset_count, was.reset_count
        ));
    }
    let resets = clock.reset_count - was.reset_count;
    if resets == 0 && clock.restart_count < was.restart_count {
        return Err("le compte des reprises après veille a reculé".to_owned());
    }
    let again = matches!(known.nonce, NonceStanding::Again(_));
    let stands = clock.clock_ms == was.clock_ms && !again;
    let least = if resets == 0 { was.clock_ms } else { was.clock_ms.saturating_sub(POWER_LOSS_MS) };
    if clock.clock_ms < least || (resets == 0 && stands) {
        return Err("l'horloge du TPM n'a pas avancé depuis le dernier verdict".to_owned());
    }
    let passed = u64::try_from(known.now.ms_since(before.after)).unwrap_or_default();
    let most = (passed / 100).saturating_mul(RATE_MAX_PERCENT).saturating_add(VERIFIER_ERROR_MS);
    if clock.clock_ms.saturating_sub(was.clock_ms) > most {
        return Err(
            "l'horloge du TPM a avancé plus que le temps écoulé (vérifiez d'abord l'heure de ce poste)".to_owned()
        );
    }
    Ok(match resets {
        0 => "elle avance, sans redémarrage depuis le dernier verdict".to_owned(),
        1 => "elle avance, un redémarrage depuis le dernier verdict".to_owned(),
        more => format!("elle avance, {more} redémarrages depuis le dernier verdict"),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::evidence::baseline::{Baseline, Enrolled};
    use crate::vihf::instant::Instant;

    const HOUR: u64 = 3_600_000;

    fn clock(clock_ms: u64, reset_count: u32, restart_count: u32) -> ClockInfo {
        ClockInfo { clock_ms, reset_count, restart_count, safe: true }
    }

    /// What is said of a clock that stood at ten hours, two resets and three restarts, so many milliseconds later.
    fn said(now: ClockInfo, later_ms: i64, again: bool) -> String {
        let drawn = Instant::parse("2026-01-01T00:00:00.000Z").unwrap();
        let enrolled = Enrolled {
            ek_certificate: Default::default(),
            attestation_key: Default::default(),
            audit_key: None,
            audit_key_vouched: false,
        };
        let known = Known {
            enrolled: &enrolled,
            baseline: &Baseline::default(),
            nonce: if again { NonceStanding::Again(drawn) } else { NonceStanding::Fresh(drawn) },
            roots: None,
            reference: None,
            new_baseline: false,
            audit_key_given: false,
            now: drawn.plus_ms(u64::try_from(later_ms).unwrap()),
        };
        let before = ClockSeen { after: drawn, clock: clock(10 * HOUR, 2, 3) };
        held(&before, now, &known).unwrap_or_else(|cause| cause)
    }

    #[test]
    fn clock_and_counts_go_forward_as_a_tpms_do() {
        let at = |clock_ms: u64, resets: u32, restarts: u32| {
            said(clock(clock_ms, resets, restarts), 2 * 3_600_000, false)
        };
        assert!(at(12 * HOUR, 2, 3).contains("sans redémarrage"));
        assert!(at(12 * HOUR, 2, 4).contains("sans redémarrage"), "it was suspended");
        assert!(at(11 * HOUR, 3, 0).contains("un redémarrage"), "restarts are counted anew");
        assert!(at(11 * HOUR, 7, 0).contains("5 redémarrages"));
        assert!(at(12 * HOUR, 1, 3).contains("le compte a reculé"));
        assert!(at(12 * HOUR, 2, 2).contains("reprises"));
        assert!(at(10 * HOUR - 1, 2, 3).contains("n'a pas avancé"));
        assert!(at(10 * HOUR, 2, 3).contains("n'a pas avancé"), "another document of the same moment");
        // A power cut may cost what was not stored yet, and no more.
        assert!(at(10 * HOUR - POWER_LOSS_MS, 3, 0).contains("un redémarrage"));
        assert!(at(10 * HOUR - POWER_LOSS_MS - 1, 3, 0).contains("n'a pas avancé"));
        // Two hours have passed: a third more, and ten minutes, are the most.
        let most = 10 * HOUR + 2 * HOUR / 100 * RATE_MAX_PERCENT + VERIFIER_ERROR_MS;
        assert!(at(most, 2, 3).contains("sans redémarrage"));
        assert!(at(most + 1, 2, 3).contains("plus que le temps écoulé"));
        // The very document is judged again.
        assert!(said(clock(10 * HOUR, 2, 3), 0, true).contains("sans redémarrage"));
    }
}
