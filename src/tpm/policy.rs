//! Policies by arithmetic: what the TPM would compute, without one (TPM 2.0 Part 3 §23).

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

/// What systemd-stub measures the image into (UAPI Linux TPM PCR Registry).
const IMAGE_PCR: u8 = 11;
/// What it measures into that is added to the image: command line, credentials, extensions.
const ADDITIONS_PCR: u8 = 12;
/// A PCR at power-on.
const ZEROS: Digest = Digest::new([0x00; Digest::LEN]);
/// A PCR that only a dynamic launch resets.
const ONES: Digest = Digest::new([0xff; Digest::LEN]);

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

/// The first PCR that says nothing of the machine: zeros as at power-on, or ones as on a machine without measurements.
///
/// Zeros of PCR 12 are told beside a PCR 11 that is measured: who measured the image there (systemd-stub) would have measured into
/// PCR 12 what was added to it, so that they say that nothing was.
#[must_use]
pub fn unmeasured(values: &[Value]) -> Option<u8> {
    let says_nothing = |value: &Digest| [ZEROS, ONES].contains(value);
    let is_image_measured = values.iter().any(|(pcr, value)| *pcr == IMAGE_PCR && !says_nothing(value));
    let empty = |pcr: u8, value: &Digest| pcr == ADDITIONS_PCR && *value == ZEROS && is_image_measured;
    values.iter().find(|(pcr, value)| says_nothing(value) && !empty(*pcr, value)).map(|(pcr, _)| *pcr)
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
        let digest = |byte: u8| Digest::new([byte; 32]);
        let mut almost = [0; 32];
        almost[31] = 1;
        assert_eq!(unmeasured(&[(7, digest(1)), (4, digest(0))]), Some(4));
        assert_eq!(unmeasured(&[(7, digest(0xff))]), Some(7));
        assert_eq!(unmeasured(&[(7, Digest::new(almost))]), None);
        // Nothing was added to an image that was measured; without one zeros are only zeros.
        assert_eq!(unmeasured(&[(7, digest(1)), (11, digest(2)), (12, digest(0))]), None);
        assert_eq!(unmeasured(&[(7, digest(1)), (12, digest(0))]), Some(12));
        assert_eq!(unmeasured(&[(11, digest(0)), (12, digest(0))]), Some(11));
        assert_eq!(unmeasured(&[(12, digest(0)), (11, digest(0xff))]), Some(12));
        assert_eq!(unmeasured(&[(11, digest(1)), (12, digest(0xff))]), Some(12));
    }
}
