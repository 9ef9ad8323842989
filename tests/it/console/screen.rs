//! The screen under a real pseudo-terminal: what is drawn, what is typed, and what nobody should send.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::Child;
use std::sync::{Arc, Mutex};

use nix::pty::openpty;

use super::certificates::spki;
use super::rig::Rig;
use crate::support::certificate::SealCertificate;
use crate::support::plan::STRUCTURES;
use crate::support::wait::{eventually, until};

/// Somebody at the keyboard.
struct Person {
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
    /// How much of the screen was read.
    seen: usize,
    console: Child,
}

impl Person {
    /// Sits down in front of a terminal on which the console has just been started.
    fn before(rig: &Rig) -> Person {
        let terminal = openpty(None, None).unwrap();
        let ours = || terminal.slave.try_clone().unwrap();
        let console = rig.console(&["screen"]).stdin(ours()).stdout(ours()).stderr(ours()).spawn().unwrap();
        let (mut reader, screen) =
            (File::from(terminal.master.try_clone().unwrap()), Arc::new(Mutex::new(Vec::new())));
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(read) = reader.read(&mut chunk) {
                shown.lock().unwrap().extend_from_slice(&chunk[..read]);
            }
        });
        Person { keyboard: File::from(terminal.master), screen, seen: 0, console }
    }

    /// Where the first of these words ends on what was not read yet.
    fn end_of(&self, words: &[&str]) -> Option<usize> {
        let screen = self.screen.lock().unwrap();
        let fresh = &screen[self.seen..];
        let end = |word: &&str| Some(memchr::memmem::find(fresh, word.as_bytes())? + word.len());
        words.iter().filter_map(end).min().map(|end| self.seen + end)
    }

    /// Waits for one of these words; what was shown until its end.
    fn sees(&mut self, words: &[&str]) -> String {
        let end = eventually(&format!("{words:?} on the screen"), || self.end_of(words));
        let shown = String::from_utf8_lossy(&self.screen.lock().unwrap()[self.seen..end]).into_owned();
        self.seen = end;
        shown
    }

    fn types(&mut self, line: &str) {
        self.keyboard.write_all(format!("{line}\r").as_bytes()).unwrap();
    }

    /// Waits for the first page and chooses.
    fn chooses(&mut self, digit: &str) -> String {
        let page = self.sees(&["Choix, puis Entrée"]);
        self.types(digit);
        page
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.console.kill();
        let _ = self.console.wait();
    }
}

#[test]
fn a_blank_appliance_is_provisioned_at_the_keyboard() {
    let Some(rig) = Rig::new("console::a_blank_appliance_is_provisioned_at_the_keyboard") else { return };
    fs::create_dir_all(rig.root("run/stick")).unwrap();
    fs::rename(rig.path("stick/sceau"), rig.root("run/stick/sceau")).unwrap();
    let mut person = Person::before(&rig);
    let page = person.chooses("5");
    for words in ["appliance vierge", "SN-4711", "vierge", "5 Provisionner"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    for line in page.split("\r\n") {
        // The terminal itself puts a return before each line end (ONLCR).
        let plain = line.trim_end_matches('\r').replace("\u{1b}[2J\u{1b}[H", "");
        assert!(plain.chars().count() <= 80 && !plain.contains(char::is_control), "{line:?}");
    }
    let intro = person.sees(&["Entrée pour continuer"]);
    assert!(intro.contains("intermediaire.pem, racine.pem"), "{intro}");
    person.types("");
    // A wrong structure first: every fault is told, and everything is asked again with what was typed.
    for (word, answer) in [
        ("Nom de l'appliance", "sceau-7"),
        ("Mode", "test"),
        ("complément", ""),
        ("Interface", ""),
        ("DHCP", ""),
        ("Serveurs de noms", "192.0.2.53"),
        ("relais", ""),
        ("NTS", "ntp.exemple.fr"),
        ("Token", ""),
        ("fabricant, comme", ""),
        ("HSM", ""),
        ("Raison sociale", "CENTRE HOSPITALIER DE DEMONSTRATION"),
        ("Département", "Rhône (69)"),
        ("application", ""),
        ("journal", "ch-exemple.fr/sceau"),
        ("Structures", "1234"),
        ("authentification", "non"),
        ("racines", "racine.pem"),
        ("intermédiaires", "intermediaire.pem"),
        ("Politique", ""),
    ] {
        person.sees(&[word]);
        person.types(answer);
    }
    let faults = person.sees(&["Entrée pour continuer"]);
    assert!(faults.contains("ne convient pas"), "{faults}");
    person.types("");
    person.sees(&["Entrée pour continuer"]);
    person.types("");
    loop {
        let shown = person.sees(&["] : ", "Entrée pour continuer", "Tapez OUI"]);
        if shown.contains("Tapez OUI") {
            break person.types("OUI");
        }
        let answer = if shown.contains("Structures") { STRUCTURES[0] } else { "" };
        person.types(answer);
    }
    let end = person.sees(&["rien n'est démarré"]);
    assert!(!end.contains("ne convient pas"), "{end}");
    drop(person);
    // What was typed waits in memory for the visit, which takes it once.
    fs::rename(rig.root("run/stick/sceau"), rig.path("stick/sceau")).unwrap();
    let said = rig.visited();
    assert!(said.contains("sceau-7 provisionnée par ce qui a été saisi à la console"), "{said}");
    assert!(!rig.root("run/sceau-typed/provisioning.toml").exists());
}

#[test]
fn the_recovery_key_is_shown_once_and_confirmed() {
    let Some(rig) = Rig::new("console::the_recovery_key_is_shown_once_and_confirmed") else { return };
    fs::create_dir_all(rig.root("run/sceau-recovery")).unwrap();
    fs::write(rig.root("run/sceau-recovery/key"), "cbcdefgh-ijklnrtu-vbcdefgh-ijklnrtv\n").unwrap();
    let mark = rig.root("var/lib/sceau-appliance/recovery-key-taken");
    let mut person = Person::before(&rig);
    for (typed, taken) in [("", false), ("ijklnrtu", false), ("ijklnrtv", true)] {
        person.chooses("4");
        assert!(person.sees(&["dernier groupe"]).contains("cbcdefgh-ijklnrtu-vbcdefgh-ijklnrtv"));
        person.types(typed);
        person.sees(&["Entrée pour continuer"]);
        assert_eq!(mark.exists(), taken, "{typed:?}");
        person.types("");
    }
    assert!(!person.chooses("4").contains("4 Clé de secours"), "not offered any more");
    assert!(!person.sees(&["Choix, puis Entrée"]).contains("cbcdefgh"));
    assert!(!rig.root("run/sceau-recovery/key").exists());
}

/// A secret of the disk is not echoed; its end is asked for twice, by the machine's own name.
#[test]
fn the_disk_is_worked_on_by_whoever_says_which_one() {
    let Some(rig) = Rig::new("console::the_disk_is_worked_on_by_whoever_says_which_one") else { return };
    let mut person = Person::before(&rig);
    let mut chosen = |digits: [&str; 2], answers: &[(&str, &str)], ends: &str| {
        assert!(person.chooses(digits[0]).contains("7 Disque"));
        person.sees(&["Choix (rien"]);
        person.types(digits[1]);
        for (question, answer) in answers {
            person.sees(&[question]);
            person.types(answer);
        }
        let shown = person.sees(&["Entrée pour continuer"]);
        assert!(shown.contains(ends), "{ends}: {shown}");
        person.types("");
        shown
    };
    let right = ["cbdefghi-jklnrtuv"; 4].join("-");
    for (typed, ends) in [("abcd", "ce n'en est pas une"), (right.as_str(), "rien n'est démarré")] {
        let shown = chosen(["7", "1"], &[("pas montrée", typed)], ends);
        assert!(!shown.contains(typed), "{shown}");
    }
    assert_eq!(fs::read_to_string(rig.root("run/sceau-typed/recovery-key")).unwrap(), right);
    chosen(["7", "2"], &[("SN-4711", "SN-4712")], "abandonnée");
    chosen(["7", "2"], &[("SN-4711", "SN-4711"), ("EFFACER", "OUI")], "abandonnée");
    chosen(["7", "2"], &[("SN-4711", "SN-4711"), ("EFFACER", "EFFACER")], "rien n'est démarré");
}

/// What a renewal begins with leaves on the stick, once somebody has said so; nothing of the appliance changes.
#[test]
fn a_renewal_is_asked_for_at_the_screen() {
    let Some(rig) = Rig::new("console::a_renewal_is_asked_for_at_the_screen") else { return };
    rig.bring_signed(&rig.right().replace("authentication = true", "authentication = false"));
    rig.visited();
    let soon = SealCertificate::of(STRUCTURES[0]).expires_in(time::Duration::days(20) + time::Duration::hours(1));
    rig.bring_certificate("seal.pem", &rig.pki.issue(&soon, &spki(&rig.answer("seal.csr"))));
    rig.visited();
    fs::remove_file(rig.stick("answers/seal.csr")).unwrap();
    fs::create_dir_all(rig.root("run/stick")).unwrap();
    fs::rename(rig.path("stick/sceau"), rig.root("run/stick/sceau")).unwrap();
    let mut person = Person::before(&rig);
    let asked = rig.root("run/stick/sceau/renouveler.txt");
    for (answer, is_asked) in [("non", false), ("OUI", true)] {
        let page = person.chooses("0");
        assert!(page.contains("0 Renouveler") && page.contains("renouveler, menu 0 : seal (20 jours)"), "{page}");
        person.sees(&["Rien ne change ici", "Tapez OUI"]);
        person.types(answer);
        person.sees(&[if is_asked { "Entrée pour continuer" } else { "Heure (UTC)" }]);
        assert_eq!(asked.exists(), is_asked, "{answer}");
    }
    drop(person);
    fs::rename(rig.root("run/stick/sceau"), rig.path("stick/sceau")).unwrap();
    let before = rig.configured("sceau.toml");
    assert!(rig.visited().contains("faites certifier"), "the request leaves again");
    assert!(rig.stick("answers/seal.csr").exists() && rig.configured("sceau.toml") == before);
    // A key that an order has made waits for its certificate; which one, the screen says.
    fs::write(rig.root("var/lib/sceau-config/requests/seal-r2.wanted"), "").unwrap();
    rig.visited();
    let page = Person::before(&rig).sees(&["Choix, puis Entrée"]);
    assert!(page.contains("certificats de : seal-r2"), "{page}");
}

#[test]
fn nothing_that_is_sent_stops_the_screen_or_does_what_was_not_asked_twice() {
    let test = "console::nothing_that_is_sent_stops_the_screen_or_does_what_was_not_asked_twice";
    let Some(rig) = Rig::new(test) else { return };
    let mut person = Person::before(&rig);
    for line in ["", "0", "10", "99", "1; reboot", "\u{1b}[2J", "é", &"9".repeat(3000), "$(reboot)"] {
        person.chooses(line);
    }
    // What no keyboard sends: every byte but those that a terminal takes for itself.
    let noise: Vec<u8> = (0x80..=0xf4).chain(0x21..0x7f).cycle().take(3000).collect();
    person.keyboard.write_all(&noise).unwrap();
    person.types("");
    person.chooses("9");
    assert!(person.sees(&["Tapez OUI"]).contains("éteindre"));
    person.types("oui");
    // A control character that hangs a line up ends the program; the unit starts it again.
    person.sees(&["Choix, puis Entrée"]);
    person.keyboard.write_all(&[4]).unwrap();
    until("the console has ended", || person.console.try_wait().unwrap().is_some());
    assert!(person.console.wait().unwrap().success());
    assert!(rig.is_blank());
}
