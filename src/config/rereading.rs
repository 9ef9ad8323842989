//! Files that are read again as they change: what is in force, and what was last said of files that cannot serve.

use super::Fault;
use crate::traces::digest::Digest;

/// The memory of files that are read again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rereading {
    in_force: Digest,
    fault: Option<Fault>,
}

/// What is to be done about files that were read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reread<T> {
    /// Nothing: they are what is in force, or as bad as was said.
    Same,
    /// They could not serve, and are what is in force again.
    Mended,
    /// They have changed and can serve: to be taken, and in force from now on.
    Changed(T),
    /// They cannot serve, which was not said yet; what is in force stays.
    Refused(Fault),
}

impl Rereading {
    /// What was taken at the start; `digest` is of its bytes.
    #[must_use]
    pub fn of(digest: Digest) -> Self {
        Self { in_force: digest, fault: None }
    }

    /// Judges what was read now, with the digest of its bytes, or why it cannot serve.
    #[must_use]
    pub fn judge<T>(&mut self, read: Result<(T, Digest), Fault>) -> Reread<T> {
        match read {
            Ok((found, digest)) if digest != self.in_force => {
                *self = Self::of(digest);
                Reread::Changed(found)
            }
            Ok(_) if self.fault.take().is_some() => Reread::Mended,
            Err(fault) if self.fault.as_ref() != Some(&fault) => {
                self.fault = Some(fault.clone());
                Reread::Refused(fault)
            }
            Ok(_) | Err(_) => Reread::Same,
        }
    }

    /// Why the files, as they were read last, cannot serve; none: they are in force.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn each_change_is_told_once_and_a_bad_file_leaves_what_is_in_force() {
        let (old, new) = (Digest::of(&[b"old"]), Digest::of(&[b"new"]));
        let bad = |cause: &str| Err::<(u8, Digest), _>(Fault::of("jwks-unusable", Path::new("keys.json"), cause));
        let mut files = Rereading::of(old);
        assert_eq!(files.judge(Ok((1, old))), Reread::Same);
        assert!(matches!(files.judge(bad("empty")), Reread::Refused(_)));
        assert_eq!((files.judge(bad("empty")), files.fault().is_some()), (Reread::Same, true));
        assert!(matches!(files.judge(bad("weak")), Reread::Refused(_)), "another cause is told");
        assert_eq!((files.judge(Ok((1, old))), files.fault()), (Reread::Mended, None));
        assert_eq!(files.judge(Ok((2, new))), Reread::Changed(2));
        assert!(matches!(files.judge(bad("empty")), Reread::Refused(_)));
        // The way out of a fault is a change too.
        assert_eq!((files.judge(Ok((1, old))), files.fault()), (Reread::Changed(1), None));
        assert_eq!(files.judge(Ok((1, old))), Reread::Same);
    }
}
