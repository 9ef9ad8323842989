//! Reference values (RFC 9334 §8.3): what PCRs hold on a machine that runs an image as its makers published it.

use serde::{Deserialize, Serialize};

use super::document::{Document, PCRS, PcrValue};
use crate::traces::digest::Digest;

/// PCR of the image: every section of its unified kernel image, then the phases of its boot.
pub const IMAGE_PCR: u8 = 11;
/// PCR of what a boot was given beside its image: another command line, credentials, additions to it (extensions of the system are
/// PCR 13, which is not quoted: systemd admits none in the initrd that nobody signed). Nothing of that is zero.
pub const OPTIONS_PCR: u8 = 12;
/// PCRs that the firmware alone extends before anything foreign runs, and that tell what it started: the loader or unified kernel image
/// itself, or by whose keys it was signed.
///
/// [`IMAGE_PCR`] is extended by what was started: another system leaves it at zero, and can measure into it what an image would have.
pub const STARTED_PCRS: [u8; 2] = [4, 7];
/// PCRs that reference values usually have: boot loader and kernel, Secure Boot policy, image.
pub const USUAL_PCRS: [u8; 3] = [4, 7, IMAGE_PCR];

/// Reference values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// [`Reference::FORMAT`].
    pub format: String,
    /// What is admitted.
    pub admitted: Vec<Admitted>,
}

/// One thing that may have been measured, by name: a version of the image, the Secure Boot keys of an establishment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admitted {
    /// What it is.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its values: for each PCR that is named, one of them; so a version of the image may name several phases of its boot.
    pub pcrs: Vec<PcrValue>,
}

impl Document for Reference {
    const FORMAT: &'static str = "fr.sceau.reference/1";
}

/// What the reference values say of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// Everything that is listed is admitted: names and versions; PCRs among [`USUAL_PCRS`] of which nothing is listed.
    Admitted {
        /// `name version` of what matches.
        names: Vec<String>,
        /// Not listed, so not compared.
        unlisted: Vec<u8>,
    },
    /// These PCRs hold values that are listed nowhere.
    Foreign(Vec<u8>),
    /// Every value is listed, but those of these PCRs not for one and the same thing.
    Mixed(Vec<u8>),
    /// [`OPTIONS_PCR`] is not listed, and something was measured into it.
    Options,
    /// The file says nothing of [`IMAGE_PCR`]: it admits any image.
    NoImage,
    /// The file says nothing of [`STARTED_PCRS`]: any system could have measured what it lists.
    ImageAlone,
}

impl Reference {
    /// Holds values against it.
    ///
    /// Something admitted matches as a whole or not at all: PCR 4 of one version and PCR 11 of another are foreign.
    #[must_use]
    pub fn hold(&self, value: impl Fn(u8) -> Option<Digest>) -> Match {
        let lists = |admitted: &Admitted, pcr: u8| admitted.pcrs.iter().any(|listed| listed.pcr == pcr);
        if !self.admitted.iter().any(|admitted| lists(admitted, IMAGE_PCR)) {
            return Match::NoImage;
        }
        let listed = |pcr: &u8| self.admitted.iter().any(|admitted| lists(admitted, *pcr));
        if !STARTED_PCRS.iter().any(listed) {
            return Match::ImageAlone;
        }
        let holds = |admitted: &Admitted| {
            let mut named = PCRS.iter().filter(|pcr| lists(admitted, **pcr));
            let here = |pcr: u8| {
                admitted.pcrs.iter().any(|listed| listed.pcr == pcr && value(pcr) == Some(listed.sha256))
            };
            !admitted.pcrs.is_empty() && named.all(|pcr| here(*pcr))
        };
        let matching: Vec<&Admitted> = self.admitted.iter().filter(|admitted| holds(admitted)).collect();
        let covered = |pcr: &u8| matching.iter().any(|admitted| lists(admitted, *pcr));
        if !listed(&OPTIONS_PCR) && value(OPTIONS_PCR).is_some_and(|value| value != Digest::default()) {
            return Match::Options;
        }
        let not_covered: Vec<u8> = PCRS.into_iter().filter(|pcr| listed(pcr) && !covered(pcr)).collect();
        if not_covered.is_empty() {
            let names =
                matching.iter().map(|admitted| format!("{} {}", admitted.name, admitted.version)).collect();
            Match::Admitted { names, unlisted: USUAL_PCRS.into_iter().filter(|pcr| !listed(pcr)).collect() }
        } else {
            let all = || self.admitted.iter().flat_map(|admitted| &admitted.pcrs);
            let known = |pcr: &u8| all().any(|listed| listed.pcr == *pcr && value(*pcr) == Some(listed.sha256));
            let foreign: Vec<u8> = not_covered.iter().copied().filter(|pcr| !known(pcr)).collect();
            if foreign.is_empty() { Match::Mixed(not_covered) } else { Match::Foreign(foreign) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(version: &str, pcrs: &[(u8, u8)]) -> Admitted {
        let value = |(pcr, byte): &(u8, u8)| PcrValue { pcr: *pcr, sha256: Digest::new([*byte; 32]) };
        Admitted { name: "image".to_owned(), version: version.to_owned(), pcrs: pcrs.iter().map(value).collect() }
    }

    fn held(all: &[Admitted], machine: &[(u8, u8)]) -> Match {
        let reference = Reference { format: Reference::FORMAT.to_owned(), admitted: all.to_vec() };
        reference
            .hold(|pcr| machine.iter().find(|(known, _)| *known == pcr).map(|(_, byte)| Digest::new([*byte; 32])))
    }

    #[test]
    fn a_version_matches_as_a_whole_or_not_at_all() {
        let all = [admitted("1", &[(4, 1), (11, 11), (11, 12)]), admitted("2", &[(4, 2), (11, 21)])];
        let good = |version: &str| Match::Admitted { names: vec![format!("image {version}")], unlisted: vec![7] };
        assert_eq!(held(&all, &[(4, 1), (11, 11)]), good("1"));
        assert_eq!(held(&all, &[(4, 1), (11, 12)]), good("1"));
        assert_eq!(held(&all, &[(4, 2), (11, 21)]), good("2"));
        assert_eq!(held(&all, &[(4, 1), (11, 21)]), Match::Mixed(vec![4, 11]));
        assert_eq!(held(&all, &[(4, 1), (11, 9)]), Match::Foreign(vec![11]));
        assert_eq!(held(&all, &[(4, 1)]), Match::Foreign(vec![11]));
    }

    #[test]
    fn other_things_are_admitted_beside_the_image() {
        let all = [admitted("1", &[(4, 1), (11, 11)]), admitted("keys", &[(7, 7)])];
        assert_eq!(
            held(&all, &[(4, 1), (7, 7), (11, 11)]),
            Match::Admitted { names: vec!["image 1".to_owned(), "image keys".to_owned()], unlisted: vec![] }
        );
        assert_eq!(held(&all, &[(4, 1), (7, 8), (11, 11)]), Match::Foreign(vec![7]));
    }

    #[test]
    fn what_a_boot_was_given_beside_its_image_is_admitted_by_name_only() {
        let image = [admitted("1", &[(7, 7), (11, 11)])];
        assert_eq!(held(&image, &[(7, 7), (11, 11), (12, 5)]), Match::Options);
        let good = Match::Admitted { names: vec!["image 1".to_owned()], unlisted: vec![4] };
        assert_eq!(held(&image, &[(7, 7), (11, 11), (12, 0)]), good);
        assert_eq!(held(&[admitted("1", &[(7, 7), (11, 11), (12, 5)])], &[(7, 7), (11, 11), (12, 5)]), good);
    }

    #[test]
    fn what_any_system_could_have_measured_admits_nothing() {
        assert_eq!(held(&[admitted("1", &[(11, 11)])], &[(4, 9), (7, 9), (11, 11)]), Match::ImageAlone);
        assert_eq!(held(&[admitted("1", &[(4, 4), (11, 11)])], &[(4, 9), (11, 11)]), Match::Foreign(vec![4]));
    }

    #[test]
    fn a_file_without_the_image_admits_nothing() {
        assert_eq!(held(&[], &[(11, 1)]), Match::NoImage);
        assert_eq!(held(&[admitted("keys", &[(7, 7)])], &[(7, 7)]), Match::NoImage);
        let empty = [admitted("0", &[]), admitted("1", &[(4, 1), (11, 1)])];
        assert_eq!(held(&empty, &[(4, 1), (11, 2)]), Match::Foreign(vec![11]));
    }
}
