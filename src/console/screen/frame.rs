//! Facts and menu as lines of a terminal: 80 columns, 24 lines, nothing of what came from outside moves the cursor.

use super::super::report::plain;
use super::facts::Facts;

/// Columns of the smallest terminal that is served.
pub(super) const COLUMNS: usize = 80;
/// Its lines; the last one is where the answer is typed.
pub(super) const ROWS: usize = 24;
/// Most alarms of the first page.
const ALARMS: usize = 5;

/// One thing that may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// A visit with the stick.
    Stick,
    /// All alarms.
    Alarms,
    /// Fingerprints of the certificates.
    Fingerprints,
    /// The recovery key.
    Recovery,
    /// A provisioning is typed.
    Provision,
    /// An update from the stick.
    Update,
    /// Work on the disk.
    Disk,
    /// Requests of new certificates, and orders of new keys, to the stick.
    Renew,
    Restart,
    PowerOff,
}

impl Choice {
    const ALL: [Self; 10] = [
        Self::Stick,
        Self::Alarms,
        Self::Fingerprints,
        Self::Recovery,
        Self::Provision,
        Self::Update,
        Self::Disk,
        Self::Restart,
        Self::PowerOff,
        Self::Renew,
    ];

    fn digit(self) -> char {
        match self {
            Self::Stick => '1',
            Self::Alarms => '2',
            Self::Fingerprints => '3',
            Self::Recovery => '4',
            Self::Provision => '5',
            Self::Update => '6',
            Self::Disk => '7',
            Self::Restart => '8',
            Self::PowerOff => '9',
            Self::Renew => '0',
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Stick => "Clé USB",
            Self::Alarms => "Alarmes",
            Self::Fingerprints => "Empreintes",
            Self::Recovery => "Clé de secours",
            Self::Provision => "Provisionner",
            Self::Update => "Mise à jour",
            Self::Disk => "Disque",
            Self::Restart => "Redémarrer",
            Self::PowerOff => "Éteindre",
            Self::Renew => "Renouveler",
        }
    }

    /// Whether it is offered now.
    fn is_offered(self, facts: &Facts) -> bool {
        match self {
            Self::Provision => facts.is_blank,
            Self::Recovery => facts.recovery_pending,
            Self::Alarms => !facts.alarms.is_empty(),
            Self::Fingerprints | Self::Renew => !facts.certificates.is_empty(),
            Self::Stick | Self::Update | Self::Disk | Self::Restart | Self::PowerOff => true,
        }
    }

    /// What that line asks for, if it is offered.
    pub(super) fn parse(line: &str, facts: &Facts) -> Option<Self> {
        let mut digits = line.chars();
        let (digit, None) = (digits.next()?, digits.next()) else { return None };
        Self::ALL.into_iter().find(|choice| choice.digit() == digit && choice.is_offered(facts))
    }
}

/// The first page.
pub(super) fn page(facts: &Facts) -> Vec<String> {
    let name = if facts.name.is_empty() { "appliance vierge" } else { &facts.name };
    let image = if facts.image.is_empty() { String::new() } else { format!(", image {}", facts.image) };
    let mut lines = vec![
        format!("SCEAU {}{image}    {name}", facts.version),
        "=".repeat(COLUMNS),
        format!("Heure (UTC)   {}", facts.now),
        format!("Machine       {}", facts.machine),
        format!("Appliance     {}", facts.provisioned),
    ];
    if !facts.is_blank {
        lines.push(format!("Service       {}", facts.service));
        if let Some(entries) = facts.entries {
            lines.push(format!("Journal       {entries} entrées"));
        }
        let seals: Vec<_> = facts
            .seals
            .iter()
            .map(|(key, ready)| format!("{key} {}", if *ready { "prête" } else { "PAS PRÊTE" }))
            .collect();
        if !seals.is_empty() {
            lines.push(format!("Clés          {}", seals.join(", ")));
        }
        for shown in &facts.certificates {
            let first = shown.fingerprint.get(..23).unwrap_or(&shown.fingerprint);
            lines.push(format!("Certificat    {} : {first}…, jusqu'au {}", shown.key, shown.not_after));
        }
        let last = if facts.last_attestation.is_empty() {
            "jamais, depuis cette console"
        } else {
            &facts.last_attestation
        };
        lines.push(format!("Attestation   {last}"));
    }
    let to_bring: Vec<_> = facts.awaited.iter().chain(&facts.prepared).map(String::as_str).collect();
    if !to_bring.is_empty() {
        lines.push(format!("À rapporter   certificats de : {}", to_bring.join(", ")));
    }
    if !facts.ending.is_empty() {
        let ending: Vec<_> = facts.ending.iter().map(|(key, days)| format!("{key} ({days} jours)")).collect();
        lines.push(format!("À FAIRE       renouveler, menu 0 : {}", ending.join(", ")));
    }
    if facts.recovery_pending {
        lines.push("À FAIRE       la clé de secours du disque n'a pas été prise".to_owned());
    }
    lines.push(String::new());
    match facts.alarms.len() {
        0 if facts.is_blank => lines.push("Branchez la clé USB préparée, ou provisionnez au clavier.".to_owned()),
        0 => lines.push("Aucune alarme.".to_owned()),
        count => {
            lines.push(format!("ALARMES ({count})"));
            lines.extend(facts.alarms.iter().take(ALARMS).map(|(cause, _)| format!("  ! {cause}")));
        }
    }
    lines.truncate(ROWS - 4);
    lines
}

/// All alarms with their remedies.
pub(super) fn alarms(facts: &Facts) -> Vec<String> {
    facts
        .alarms
        .iter()
        .flat_map(|(cause, remedy)| [format!("! {cause}"), format!("  Remède : {remedy}")])
        .collect()
}

/// Whole fingerprints, in lines that fit.
pub(super) fn fingerprints(facts: &Facts) -> Vec<String> {
    let mut lines = vec!["Empreintes SHA-256, à comparer à celles de la convention (annexe 3) :".to_owned()];
    for shown in &facts.certificates {
        lines.push(format!("{}, jusqu'au {}", shown.key, shown.not_after));
        let (one, two) = shown.fingerprint.split_at_checked(48).unwrap_or((&shown.fingerprint, ""));
        lines.extend([format!("  {one}"), format!("  {two}")]);
    }
    lines
}

/// The menu's lines: what is looked at, then what changes something.
pub(super) fn menu(facts: &Facts) -> [String; 2] {
    let offered = |choices: &[Choice]| {
        let choices = choices.iter().filter(|choice| choice.is_offered(facts));
        choices.map(|choice| format!("{} {}", choice.digit(), choice.words())).collect::<Vec<_>>().join("  ")
    };
    let (looked_at, changing) = Choice::ALL.split_at(4);
    [offered(looked_at), offered(changing)]
}

/// Lines as they are sent: cut to the terminal's width, without anything that a terminal obeys.
pub(super) fn sent(lines: &[String]) -> String {
    let mut text = String::new();
    for line in lines {
        text.extend(plain(&line.replace('\n', " ")).chars().take(COLUMNS));
        text.push_str("\r\n");
    }
    text
}

/// Long texts as lines that fit.
pub(super) fn wrapped(lines: &[String]) -> Vec<String> {
    let mut fitting = Vec::new();
    for line in lines.iter().flat_map(|text| text.split('\n')) {
        let mut current = String::new();
        for word in line.split(' ') {
            let mut word = word;
            if !current.is_empty() && current.chars().count() + 1 + word.chars().count() > COLUMNS {
                fitting.push(std::mem::take(&mut current));
            } else if !current.is_empty() || line.starts_with(' ') && word.is_empty() {
                current.push(' ');
            }
            while word.chars().count() > COLUMNS {
                let (part, rest) =
                    word.split_at(word.char_indices().nth(COLUMNS).map_or(word.len(), |(at, _)| at));
                fitting.push(part.to_owned());
                word = rest;
            }
            current.push_str(word);
        }
        fitting.push(current);
    }
    fitting
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::facts::Shown;
    use super::*;

    fn facts(text: &str) -> Facts {
        Facts {
            name: text.to_owned(),
            machine: text.to_owned(),
            service: text.to_owned(),
            provisioned: "provisionnée",
            certificates: vec![
                Shown {
                    key: text.to_owned(),
                    fingerprint: "AB:".repeat(31) + "CD",
                    not_after: text.to_owned()
                };
                4
            ],
            alarms: vec![(text.to_owned(), text.to_owned()); 40],
            awaited: vec![text.to_owned(); 9],
            ending: vec![(text.to_owned(), -1); 9],
            prepared: vec![text.to_owned(); 9],
            recovery_pending: true,
            ..Facts::default()
        }
    }

    #[test]
    fn what_is_not_offered_is_not_taken() {
        let blank = Facts { is_blank: true, ..Facts::default() };
        assert_eq!(Choice::parse("5", &blank), Some(Choice::Provision));
        assert_eq!(Choice::parse("5", &facts("x")), None);
        assert_eq!((Choice::parse("4", &blank), Choice::parse("0", &blank)), (None, None));
        assert_eq!(Choice::parse("0", &facts("x")), Some(Choice::Renew));
        for line in ["", "11", "1 ", "é", "99"] {
            assert_eq!(Choice::parse(line, &facts("x")), None, "{line:?}");
        }
        for line in menu(&facts("x")).iter().chain(&menu(&blank)) {
            assert!(line.chars().count() <= COLUMNS, "{line}");
        }
        assert!(menu(&facts("x")).concat().contains("9 Éteindre"));
    }

    proptest::proptest! {
        #[test]
        fn every_page_fits_and_obeys_nobody(text in "\\PC*|.*|[\\x00-\\x1f\\x7f]*") {
            let facts = facts(&text);
            proptest::prop_assert!(page(&facts).len() <= ROWS - 4);
            for page in [page(&facts), wrapped(&alarms(&facts)), fingerprints(&facts)] {
                let sent = sent(&page);
                for line in sent.split_terminator("\r\n") {
                    proptest::prop_assert!(line.chars().count() <= COLUMNS);
                    proptest::prop_assert!(!line.chars().any(char::is_control), "{line:?}");
                }
                proptest::prop_assert_eq!(sent.split_terminator("\r\n").count(), page.len());
            }
        }
    }
}
