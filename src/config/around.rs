//! What a register is judged beside, out of the configuration.

use super::Config;
use crate::policy::register::Around;
use crate::vihf::profile::Profiles;

impl Config {
    /// Structures, services, providers, profiles, and the specialties of the default profile.
    #[must_use]
    pub fn around(&self, profiles: &Profiles) -> Around {
        Around {
            physician_specialties: self.physician_specialties(profiles).to_vec(),
            structures: self.structures.iter().map(|structure| structure.id.as_str().to_owned()).collect(),
            services: self.services.iter().map(|service| service.name.clone()).collect(),
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
