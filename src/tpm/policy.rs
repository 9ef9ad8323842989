//! Policies by arithmetic: what the TPM would compute, without one (TPM 2.0 Part 3 §23).

use crate::evidence::reference::{IMAGE_PCR, OPTIONS_PCR};
use crate::traces::digest::Digest;

/// TPM_CC_PolicyPCR.
const POLICY_PCR: u32 = 0x0000_017f;
/// TPM_CC_PolicyAuthorize.
const POLICY_AUTHORIZE: u32 = 0x0000_016a;
/// TPM_CC_PolicyAuthValue.
const POLICY_AUTH_VALUE: u32 = 0x0000_016b;
/// TPM_ALG_SHA256.
const SHA256: u16 = 0x000b;
/// Bytes of a PCR selection: 24 PCRs.
const SELECT_LEN: u8 = 3;
/// PCRs of a PC (TCG PC Client Platform TPM Profile §4.6).
pub const PCR_MAX: u8 = 23;

/// Says what a reference is for.
const REFERENCE: &[u8] = b"fr.sceau.approval/1";

/// A PCR of the SHA-256 bank and a value of it.
pub type Value = (u8, Digest);

/// PolicyPCR of these values, whatever their order: what an approver signs, and `pol` of systemd-measure.
#[must_use]
pub fn of_pcrs(values: &[Value]) -> Digest {
    let mut values = values.to_vec();
    values.sort_unstable_by_key(|(pcr, _)| *pcr);
    let select = select(values.iter().map(|(pcr, _)| *pcr));
    let all: Vec<&[u8]> = values.iter().map(|(_, value)| value.as_bytes().as_slice()).collect();
    // TPML_PCR_SELECTION of one bank.
    let selection = [&1_u32.to_be_bytes()[..], &SHA256.to_be_bytes(), &[SELECT_LEN], &select].concat();
    Digest::of(&[&[0; Digest::LEN], &POLICY_PCR.to_be_bytes(), &selection, Digest::of(&all).as_bytes()])
}

/// TPMS_PCR_SELECTION's bits.
fn select(pcrs: impl Iterator<Item = u8>) -> [u8; SELECT_LEN as usize] {
    let mut select = [0_u8; SELECT_LEN as usize];
    for pcr in pcrs {
        if let Some(byte) = select.get_mut(usize::from(pcr / 8)) {
            *byte |= 1 << (pcr % 8);
        }
    }
    select
}

/// What a signature names beside the policy (policyRef): for which choice of PCRs it stands.
///
/// PolicyAuthorize admits whatever policy the key has signed. A key that signs images signs PCR 11 alone, for disks and
/// credentials: without a reference the TPM would take that for a seal's PCRs 7, 11 and 12. Empty for PCR 11 alone, as
/// systemd-measure signs.
#[must_use]
pub fn reference(pcrs: &[u8]) -> Vec<u8> {
    if pcrs == [IMAGE_PCR] {
        return Vec::new();
    }
    Digest::of(&[REFERENCE, &select(pcrs.iter().copied())]).as_bytes().to_vec()
}

/// The bytes that an approver signs for a policy over this choice of PCRs: the policy, then its reference.
#[must_use]
pub fn to_sign(policy: &Digest, pcrs: &[u8]) -> Vec<u8> {
    [policy.as_bytes().as_slice(), &reference(pcrs)].concat()
}

/// PolicyAuthorize for the key of that name: whatever policy the key has signed for this choice of PCRs.
#[must_use]
pub fn of_authorize(key_name: &[u8], pcrs: &[u8]) -> Digest {
    let authorized = Digest::of(&[&[0; Digest::LEN], &POLICY_AUTHORIZE.to_be_bytes(), key_name]);
    Digest::of(&[authorized.as_bytes(), &reference(pcrs)])
}

/// The same, and then the object's own secret.
#[must_use]
pub fn of_sealed(key_name: &[u8], pcrs: &[u8]) -> Digest {
    Digest::of(&[of_authorize(key_name, pcrs).as_bytes(), &POLICY_AUTH_VALUE.to_be_bytes()])
}

/// The first of these PCRs that says nothing: zeros as at power-on, or ones as on a machine without measurements.
///
/// [`OPTIONS_PCR`] at zero does say something where [`IMAGE_PCR`] is beside it: that nothing was added to that image.
#[must_use]
pub fn unmeasured(values: &[Value]) -> Option<u8> {
    let is = |value: &Digest, byte: u8| value.as_bytes().iter().all(|found| *found == byte);
    let image = values.iter().any(|(pcr, _)| *pcr == IMAGE_PCR);
    let says_nothing =
        |(pcr, value): &&Value| is(value, 0xff) || (is(value, 0x00) && !(*pcr == OPTIONS_PCR && image));
    values.iter().find(says_nothing).map(|(pcr, _)| *pcr)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// As `tpm2_policypcr` and `tpm2_policyauthorize` print them; the integration tests ask a TPM.
    #[test]
    fn order_does_not_matter_and_every_value_does() {
        let value = |byte: u8| Digest::new([byte; 32]);
        let policy = of_pcrs(&[(7, value(1)), (11, value(2))]);
        assert_eq!(policy, of_pcrs(&[(11, value(2)), (7, value(1))]));
        for other in
            [vec![(7, value(1))], vec![(7, value(2)), (11, value(1))], vec![(7, value(1)), (12, value(2))]]
        {
            assert_ne!(policy, of_pcrs(&other));
        }
        let pcrs = [7, 11];
        assert_ne!(of_authorize(b"one", &pcrs), of_authorize(b"two", &pcrs));
        assert_ne!(of_authorize(b"one", &pcrs), of_sealed(b"one", &pcrs));
    }

    #[test]
    fn a_signature_is_for_one_choice_of_pcrs() {
        let policy = Digest::new([1; 32]);
        assert_eq!(to_sign(&policy, &[11]), policy.as_bytes(), "as systemd-measure signs");
        assert_eq!(to_sign(&policy, &[7, 11]).len(), 2 * Digest::LEN);
        let choices: [&[u8]; 5] = [&[11], &[7, 11], &[7, 11, 12], &[7], &[4, 7]];
        let different: std::collections::HashSet<_> =
            choices.iter().map(|pcrs| (of_sealed(b"one", pcrs), to_sign(&policy, pcrs))).collect();
        assert_eq!(different.len(), choices.len());
    }

    #[test]
    fn what_was_never_measured_is_known() {
        let (zeros, ones, some) = (Digest::new([0; 32]), Digest::new([0xff; 32]), Digest::new([1; 32]));
        let mut almost = [0; 32];
        almost[31] = 1;
        assert_eq!(unmeasured(&[(7, some), (11, Digest::new(almost))]), None);
        assert_eq!(unmeasured(&[(7, some), (11, zeros)]), Some(11));
        assert_eq!(unmeasured(&[(7, ones), (11, some)]), Some(7));
        // Nothing was added to the image, which is measured; without one it is as any other.
        assert_eq!(unmeasured(&[(7, some), (11, some), (12, zeros)]), None);
        assert_eq!(unmeasured(&[(11, zeros), (12, zeros)]), Some(11));
        assert_eq!(unmeasured(&[(7, some), (12, zeros)]), Some(12));
        assert_eq!(unmeasured(&[(11, some), (12, ones)]), Some(12));
    }
}
