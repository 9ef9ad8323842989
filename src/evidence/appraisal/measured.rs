//! What was started: logs against PCRs, Secure Boot, reference values, machine.

use super::quote::Quoted;
use super::{Check, Findings, Known, Status, shown};
use crate::evidence::document::{Evidence, PCRS};
use crate::evidence::event_log::EventLog;
use crate::evidence::event_log::replay::Pcrs;
use crate::evidence::event_log::secure_boot::{SecureBoot, secure_boot};
use crate::evidence::reference::{IMAGE_PCR, Match};
use crate::evidence::userspace_log;
use crate::traces::digest::Digest;

/// PCRs that userspace extends too: without its log the firmware's alone does not lead to them.
const USERSPACE_PCRS: [u8; 2] = [11, 15];
/// PCR of machine and volumes (systemd: machine-id, volume keys).
const MACHINE_PCR: u8 = 15;

pub(super) fn check(evidence: &Evidence, known: &Known<'_>, quoted: &Quoted, findings: &mut Findings) {
    if !quoted.pcrs {
        let all = [Check::EventLog, Check::SecureBoot, Check::ReferenceValues, Check::Machine];
        return findings.not_checked(&all, "les valeurs des PCR ne sont pas crues");
    }
    let value = |pcr: u8| evidence.pcrs.iter().find(|value| value.pcr == pcr).map(|value| value.sha256);
    logs(evidence, value, findings);
    reference(known, value, findings);
    machine(known, value(MACHINE_PCR), findings);
}

fn logs(evidence: &Evidence, value: impl Fn(u8) -> Option<Digest>, findings: &mut Findings) {
    let not_read = "le journal du démarrage n'est pas cru";
    let log = match EventLog::parse(&evidence.event_log.0) {
        Ok(log) => log,
        Err(fault) => {
            findings.add(Check::EventLog, Status::Failed, format!("le journal du micrologiciel : {fault}"));
            return findings.not_checked(&[Check::SecureBoot], not_read);
        }
    };
    let mut pcrs = Pcrs::default();
    pcrs.replay(&log);
    let records = evidence.userspace_log.as_ref().map(|log| userspace_log::parse(&log.0)).transpose();
    let records = match records {
        Ok(records) => records,
        Err(fault) => {
            findings.add(Check::EventLog, Status::Failed, format!("le journal de systemd : {fault}"));
            return findings.not_checked(&[Check::SecureBoot], not_read);
        }
    };
    if let Some(records) = &records {
        userspace_log::replay(records, &mut pcrs);
        // Of another PCR they would be words that no quote covers.
        let of_image = records.iter().filter(|record| record.pcr == usize::from(IMAGE_PCR));
        findings.shown.phases = of_image.filter_map(|record| record.phase.as_deref().map(shown)).collect();
    }
    let differs = |pcr: &u8| value(*pcr) != pcrs.get(usize::from(*pcr));
    let open = |pcr: &u8| records.is_none() && USERSPACE_PCRS.contains(pcr);
    let foreign: Vec<u8> = PCRS.into_iter().filter(|pcr| differs(pcr) && !open(pcr)).collect();
    findings.shown.events = log.events.len();
    if !foreign.is_empty() {
        let detail = format!("rejoué, il ne mène pas aux valeurs citées (PCR {})", listed(&foreign));
        findings.add(Check::EventLog, Status::Failed, detail);
        return findings.not_checked(&[Check::SecureBoot], not_read);
    }
    let beyond: Vec<u8> = PCRS.into_iter().filter(|pcr| differs(pcr)).collect();
    if !beyond.is_empty() {
        findings.notes.push(format!(
            "sans journal de systemd, les PCR {} ne sont pas rejoués ; le PCR 11 est tenu par ses valeurs de référence",
            listed(&beyond)
        ));
    }
    findings.add(
        Check::EventLog,
        Status::Passed,
        format!("{} événements, rejoués jusqu'aux valeurs citées", log.events.len()),
    );
    findings.decide(
        Check::SecureBoot,
        match secure_boot(&log) {
            SecureBoot::On => Ok("actif, mesuré par le micrologiciel".to_owned()),
            SecureBoot::Off => Err("inactif".to_owned()),
            SecureBoot::Debug => Err("le micrologiciel est en mode de mise au point (UEFI Debug Mode)".to_owned()),
            SecureBoot::NotMeasured => {
                Err("le micrologiciel n'a pas mesuré son état de façon vérifiable".to_owned())
            }
        },
    );
}

fn reference(known: &Known<'_>, value: impl Fn(u8) -> Option<Digest>, findings: &mut Findings) {
    let Some(reference) = known.reference else {
        let detail = "donnez les valeurs de référence de l'image par --reference";
        return findings.not_checked(&[Check::ReferenceValues], detail);
    };
    match reference.hold(value) {
        Match::Admitted { names, unlisted } => {
            if !unlisted.is_empty() {
                findings
                    .notes
                    .push(format!("aucune valeur de référence n'est donnée pour les PCR {}", listed(&unlisted)));
            }
            findings.add(Check::ReferenceValues, Status::Passed, names.join(", "));
            findings.shown.admitted = names;
        }
        Match::Foreign(pcrs) => {
            let detail = format!("aucune version admise n'a les valeurs citées (PCR {})", listed(&pcrs));
            findings.add(Check::ReferenceValues, Status::Failed, detail);
        }
        Match::Mixed(pcrs) => {
            let detail = format!("chaque valeur est admise, mais de versions différentes (PCR {})", listed(&pcrs));
            findings.add(Check::ReferenceValues, Status::Failed, detail);
        }
        Match::Options => {
            let detail = "le PCR 12 n'est pas vide et aucune valeur n'en est admise : options ou « credentials » ajoutés au démarrage";
            findings.add(Check::ReferenceValues, Status::Failed, detail);
        }
        Match::ImageAlone => {
            let detail = "le fichier de référence n'a aucune valeur des PCR 4 ou 7 : n'importe quel système peut mesurer dans le PCR 11 ce \
                          qu'une image y aurait mesuré";
            findings.add(Check::ReferenceValues, Status::Failed, detail);
        }
        Match::NoImage => {
            let detail =
                "le fichier de référence n'a aucune valeur du PCR 11 : il admettrait n'importe quelle image";
            findings.add(Check::ReferenceValues, Status::Failed, detail);
        }
    }
}

fn listed(pcrs: &[u8]) -> String {
    pcrs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn machine(known: &Known<'_>, now: Option<Digest>, findings: &mut Findings) {
    let before = known.baseline.pcrs.iter().find(|value| value.pcr == MACHINE_PCR).map(|value| value.sha256);
    if now == Some(Digest::default())
        && (known.new_baseline || before.is_none_or(|before| before == Digest::default()))
    {
        let detail = "le PCR 15 est à zéro : cette machine n'y mesure ni identité ni volume, un disque remplacé ne s'y verrait pas";
        findings.add(Check::Machine, Status::NotApplicable, detail);
        return;
    }
    findings.decide(
        Check::Machine,
        match before {
            None => Ok("première preuve : la valeur du PCR 15 sera retenue".to_owned()),
            before if before == now => Ok("PCR 15 inchangé depuis le dernier verdict bon".to_owned()),
            Some(_) if known.new_baseline => Ok("PCR 15 changé, admis comme nouvelle base".to_owned()),
            Some(_) => Err("le PCR 15 n'est plus celui du dernier verdict bon".to_owned()),
        },
    );
}
