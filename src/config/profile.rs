//! Reading one profile's file.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::ConfigError;
use crate::vihf::profile::{Profile, ProfileError, Profiles};

impl ConfigError {
    /// A profile of `path` that was not taken.
    pub(super) fn profile(path: &Path, error: ProfileError) -> Self {
        let path = path.to_owned();
        match error {
            ProfileError::Shape(cause) => Self::Shape { path, cause },
            ProfileError::Rule(cause) => Self::Rule { path, cause },
        }
    }
}

/// Reads the profile of a TOML file and adds it to `profiles`, where its `extends` is looked up ([`Profiles::take`]).
///
/// # Errors
/// [`ConfigError`]; nothing was taken.
pub fn take_profile(profiles: &mut Profiles, path: &Path) -> Result<Arc<Profile>, ConfigError> {
    let text = fs::read_to_string(path).map_err(|cause| ConfigError::Read { path: path.to_owned(), cause })?;
    profiles.take(&text).map_err(|error| ConfigError::profile(path, error))
}
