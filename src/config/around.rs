//! What a register is judged beside, out of the configuration and the convention.

use super::{Config, Named};
use crate::policy::convention::Convention;
use crate::policy::register::Around;
use crate::vihf::profile::Profiles;

impl Config {
    /// Structures, services, providers, profiles, and the specialties of the default profile.
    #[must_use]
    pub fn around(&self, convention: &Convention, profiles: &Profiles) -> Around {
        Around {
            physician_specialties: self.physician_specialties(profiles).to_vec(),
            structures: convention.structures.iter().map(|structure| structure.id.as_str().to_owned()).collect(),
            services: convention.services.iter().map(|service| service.name.clone()).collect(),
            providers: self.identity_providers.iter().map(|provider| provider.terms.name.clone()).collect(),
            profiles: profiles.names().map(str::to_owned).collect(),
        }
    }

    /// Families of physicians' specialties of the default profile; none if there is no such profile.
    #[must_use]
    pub fn physician_specialties<'p>(&self, profiles: &'p Profiles) -> &'p [String] {
        profiles.get(&self.profiles.default).map_or(&[], |profile| profile.physician_specialties.as_slice())
    }
}

impl Named {
    /// The same with what was read; a convention that could not be read has neither structures nor services.
    #[must_use]
    pub fn around(&self, config: &Config) -> Around {
        let none = Convention::default();
        let convention = self.convention.as_ref().map_or(&none, |presented| &presented.convention);
        config.around(convention, &self.profiles)
    }
}
