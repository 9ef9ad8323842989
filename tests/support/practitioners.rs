//! Professionals and patients that the test registers know.

use super::configuration::SERVICES;

/// One entry of `practitioners.toml`, enrolled and trained unless spoilt through the establishment's hooks.
#[derive(Clone, Debug)]
pub struct Practitioner {
    /// PS_IdNat.
    pub id: String,
    /// Display name: any text.
    pub name: String,
    /// Profession (table of `vihf.md` §3).
    pub profession: String,
    /// Specialty, of a physician.
    pub specialty: Option<String>,
    /// Section, of a pharmacist.
    pub section: Option<String>,
    /// Services where the practitioner works; both without a change.
    pub services: Vec<String>,
}

impl Practitioner {
    fn new(id: &str, name: &str, profession: &str) -> Practitioner {
        Practitioner {
            id: id.into(),
            name: name.into(),
            profession: profession.into(),
            specialty: None,
            section: None,
            services: SERVICES.map(Into::into).to_vec(),
        }
    }

    /// A general physician.
    pub fn physician() -> Practitioner {
        Practitioner { specialty: Some("SM26".into()), ..Practitioner::new("899900063480", "ANNE DUPONT", "10") }
    }

    /// A hospital pharmacist.
    pub fn pharmacist() -> Practitioner {
        Practitioner { section: Some("H".into()), ..Practitioner::new("899900077985", "ÉLOÏSE D'ARC", "21") }
    }

    /// A nurse.
    pub fn nurse() -> Practitioner {
        Practitioner::new("899700735741", "JEAN-NOËL NGUYỄN", "60")
    }

    /// A midwife.
    pub fn midwife() -> Practitioner {
        Practitioner::new("899900012347", "MARIE LE GOFF", "50")
    }

    /// A physiotherapist who is still in the ADELI directory.
    pub fn adeli() -> Practitioner {
        Practitioner::new("0699300017", "PAUL MARTIN", "70")
    }

    /// An emergency physician.
    pub fn emergency_physician() -> Practitioner {
        Practitioner { specialty: Some("SM02".into()), ..Practitioner::new("899900023450", "LUCAS MOREL", "10") }
    }

    /// A general physician of that display name; `number` (0..=3) makes another RPPS each time.
    pub fn named(number: usize, name: &str) -> Practitioner {
        const RPPS: [&str; 4] = ["899900034564", "899900045677", "899900056781", "899900067895"];
        Practitioner { id: RPPS[number].into(), name: name.into(), ..Practitioner::physician() }
    }

    /// One of each kind.
    pub fn all() -> Vec<Practitioner> {
        vec![
            Practitioner::physician(),
            Practitioner::pharmacist(),
            Practitioner::nurse(),
            Practitioner::midwife(),
            Practitioner::adeli(),
            Practitioner::emergency_physician(),
        ]
    }

    /// The register's entry.
    pub fn to_toml(&self, structures: &[String]) -> toml::Table {
        let mut entry = toml::Table::new();
        entry.insert("id".into(), self.id.clone().into());
        entry.insert("name".into(), self.name.clone().into());
        entry.insert("profession".into(), self.profession.clone().into());
        for (key, value) in [("specialty", &self.specialty), ("section", &self.section)] {
            entry.extend(value.clone().map(|value| (key.into(), value.into())));
        }
        entry.insert("structures".into(), structures.to_vec().into());
        entry.insert("services".into(), self.services.clone().into());
        entry.insert("enrolled".into(), true.into());
        entry.insert("trained_on".into(), "2026-01-15".into());
        entry
    }
}

/// Display names that try to break out of the XML, or that careless code miscounts: markup, a character beyond the
/// basic plane, combining marks, references that are none.
pub const HOSTILE_NAMES: [&str; 4] = [
    r#"<saml:Attribute Name="x"/> & "D'ANGELO" ]]> <!--"#,
    "𝔄𝔫𝔫𝔢 𠮷野 \u{1F9D1}\u{200D}\u{2695}\u{FE0F}",
    "JOSE\u{301} NGUYE\u{302}\u{303}N",
    "&amp; &#0; &lt;script&gt; %00 \\u0000",
];

/// INS of test patients: right keys, Corsica included.
pub const PATIENTS: [&str; 8] = [
    "207058575627097",
    "277076322082910",
    "180032B02040123",
    "160012B02077713",
    "209076322083439",
    "188102B17295165",
    "109016322000249",
    "270046322001354",
];
