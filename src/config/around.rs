//! What a register is judged beside, out of the configuration and the convention.

use super::Config;
use crate::policy::convention::Convention;
use crate::policy::practitioner::Around;
use crate::vihf::profile::Profiles;

impl Config {
    /// Structures, services, providers, and the specialties of the default profile.
    #[must_use]
    pub fn around(&self, convention: &Convention, profiles: &Profiles) -> Around {
        Around {
            physician_specialties: self.physician_specialties(profiles).to_vec(),
            structures: convention.structures.iter().map(|structure| structure.id.as_str().to_owned()).collect(),
            services: convention.services.iter().map(|service| service.name.clone()).collect(),
            providers: self.identity_providers.iter().map(|provider| provider.terms.name.clone()).collect(),
        }
    }

    /// Families of physicians' specialties of the default profile; none if there is no such profile.
    #[must_use]
    pub fn physician_specialties<'p>(&self, profiles: &'p Profiles) -> &'p [String] {
        profiles.get(&self.profiles.default).map_or(&[], |profile| profile.physician_specialties.as_slice())
    }
}
