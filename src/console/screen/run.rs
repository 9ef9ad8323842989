//! The loop of the screen: shown, typed, done; nothing is done that was not asked for twice where it cannot be undone.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::super::apply::{systemctl, systemctl_within};
use super::super::brought::serial;
use super::super::disk::Work;
use super::super::error::ConsoleError;
use super::super::place::Place;
use super::super::plugged::Lookout;
use super::super::stick::{RENEW, Stick};
use super::super::{rebind, recovery, update};
use super::dialogue;
use super::facts::{Facts, Watch};
use super::frame::{Choice, ROWS, alarms, fingerprints, menu, page, sent, wrapped};
use super::keyboard::{Keyboard, Typed};
use crate::sys::terminal::Hidden;

/// How often the page is drawn anew while nobody types.
const REDRAW_EVERY: Duration = Duration::from_secs(15);
/// Longest wait for a visit: that of its unit, and some.
const VISIT_WAIT: Duration = Duration::from_secs(1900);
/// Clears a terminal and puts the cursor home (ECMA-48 ED, CUP): what every terminal since the VT100 does.
const CLEAR: &str = "\x1b[2J\x1b[H";
/// Where the stick is mounted.
const MOUNT: &str = "/run/stick";

/// A terminal with a person in front of it.
pub(super) struct Desk<R, W> {
    pub(super) place: Place,
    keyboard: Keyboard<R>,
    out: W,
}

/// The terminal is gone.
#[derive(Debug)]
pub(super) struct Gone;

/// Shows and obeys until the terminal is gone.
pub(in super::super) fn run(place: Place) -> Result<(), ConsoleError> {
    // Without the library's buffer: what it holds back would be waited for.
    let keyboard = io::stdin().as_fd().try_clone_to_owned().map_err(ConsoleError::System)?;
    let desk = Desk { place, keyboard: Keyboard::new(File::from(keyboard)), out: io::stdout() };
    desk.serve();
    Ok(())
}

impl<R: Read + AsFd, W: Write> Desk<R, W> {
    fn serve(mut self) {
        let (mut watch, mut lookout) = (Watch::default(), Lookout::default());
        loop {
            if lookout.overlooked(&self.place, Instant::now(), REDRAW_EVERY) && !self.place.is_staged() {
                // Not waited for, and what it says is on the stick; a visit under way is the one.
                let _ = systemctl(&["--no-block", "start", "sceau-stick.service"]);
            }
            let facts = watch.look(&self.place);
            let choice = match self.page(&facts) {
                Err(Gone) => return,
                Ok(choice) => choice,
            };
            let Some(choice) = choice else { continue };
            watch.doubt();
            match self.obey(choice, &facts) {
                Err(Gone) => return,
                Ok(lines) if lines.is_empty() => {}
                Ok(lines) => {
                    if self.read(&lines).is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Draws the first page and waits for a choice.
    fn page(&mut self, facts: &Facts) -> Result<Option<Choice>, Gone> {
        let mut lines = page(facts);
        lines.push(String::new());
        lines.extend(menu(facts));
        self.show(&format!("{CLEAR}{}Choix, puis Entrée : ", sent(&lines)))?;
        match self.keyboard.line(Some(Instant::now() + REDRAW_EVERY)) {
            Ok(Typed::Line(line)) => Ok(Choice::parse(&line, facts)),
            Ok(Typed::Nothing) => Ok(None),
            Ok(Typed::Gone) | Err(_) => Err(Gone),
        }
    }

    /// What is to be read afterwards.
    fn obey(&mut self, choice: Choice, facts: &Facts) -> Result<Vec<String>, Gone> {
        match choice {
            Choice::Alarms => Ok(alarms(facts)),
            Choice::Fingerprints => Ok(fingerprints(facts)),
            Choice::Stick => self.visit(),
            Choice::Recovery => self.recovery(),
            Choice::Provision => self.provision(),
            Choice::Update => self.update(),
            Choice::Disk => self.disk(),
            Choice::Renew => self.renew(),
            Choice::Restart => self.power("redémarrer", "reboot"),
            Choice::PowerOff => self.power("éteindre", "poweroff"),
        }
    }

    /// Has the stick visited; its own result is what is shown.
    fn visit(&mut self) -> Result<Vec<String>, Gone> {
        self.show(&format!("{CLEAR}Clé USB en cours de lecture ; ne la retirez pas…\r\n"))?;
        if self.place.is_staged() {
            return Ok(vec!["Racine préparée : rien n'est démarré.".to_owned()]);
        }
        if !self.place.stick_device().exists() {
            return Ok(vec![
                "Aucune clé USB n'est là : il en faut une, en vfat, de nom de volume SCEAU, avec un dossier sceau.".to_owned(),
                "Branchez-la, attendez quelques secondes, puis recommencez.".to_owned(),
            ]);
        }
        let kept = self.place.last_visit();
        let _ = fs::remove_file(&kept);
        // Its own result says what was refused; its exit code says no more.
        let visited = systemctl_within(&["start", "sceau-stick.service"], VISIT_WAIT);
        let text = fs::read_to_string(&kept).ok();
        Ok(match (text, visited) {
            (Some(text), _) => {
                text.lines().map(str::to_owned).chain(["Vous pouvez retirer la clé USB.".to_owned()]).collect()
            }
            (None, Err(error)) => vec!["La clé USB n'a pas pu être lue.".to_owned(), error.to_string()],
            (None, Ok(())) => {
                vec![
                    "La clé USB n'a pas de dossier sceau : rien n'est fait ; créez-le, puis recommencez."
                        .to_owned(),
                ]
            }
        })
    }

    /// With the stick mounted; it is unmounted afterwards.
    pub(super) fn on_stick<T>(&self, act: impl FnOnce(&Stick) -> T) -> Result<T, ConsoleError> {
        let mount = self.place.at(MOUNT);
        if !self.place.is_staged() {
            systemctl(&["start", "run-stick.mount"])?;
        }
        let done = act(&Stick::at(Path::new(&mount)));
        if !self.place.is_staged() {
            systemctl(&["stop", "run-stick.mount"])?;
        }
        Ok(done)
    }

    /// Shows the recovery key, once.
    fn recovery(&mut self) -> Result<Vec<String>, Gone> {
        let key = match recovery::pending(&self.place) {
            Ok(Some(key)) => key,
            Ok(None) => {
                return Ok(vec![
                    "La clé de secours a déjà été prise ; elle n'est plus sur l'appliance.".to_owned(),
                ]);
            }
            Err(error) => return Ok(vec![error.to_string()]),
        };
        let key = Zeroizing::new(String::from_utf8_lossy(&key).trim().to_owned());
        self.show(&format!(
            "{CLEAR}Clé de secours du disque : elle l'ouvre sans le TPM. Notez-la sur papier, au coffre.\r\n"
        ))?;
        self.show("Elle n'est montrée qu'ici et ne le sera plus.\r\n\r\n  ")?;
        self.show(&key)?;
        let last = key.rsplit('-').next().unwrap_or_default().to_owned();
        let typed = self.ask("\r\n\r\nPour finir, tapez le dernier groupe de la clé (rien : plus tard) : ")?;
        self.show(CLEAR)?;
        if last.is_empty() || *typed != *last {
            return Ok(vec!["La clé n'est pas confirmée : elle vous sera proposée de nouveau.".to_owned()]);
        }
        Ok(match recovery::taken(&self.place) {
            Ok(()) => vec!["La clé de secours est prise ; elle n'est plus sur l'appliance.".to_owned()],
            Err(error) => vec![error.to_string()],
        })
    }

    /// Asks everything, judges it as a signed file is judged, and has it applied by a visit of the stick.
    fn provision(&mut self) -> Result<Vec<String>, Gone> {
        let on_stick = match self.on_stick(dialogue::Material::of) {
            Ok(material) => material,
            Err(error) => {
                return Ok(vec![
                    error.to_string(),
                    "Branchez d'abord la clé USB qui apporte les certificats d'autorité.".to_owned(),
                ]);
            }
        };
        let Some(typed) = dialogue::ask(self, &on_stick)? else {
            return Ok(vec!["Provisionnement abandonné, rien n'est changé.".to_owned()]);
        };
        match typed.leave(&self.place) {
            Ok(()) => self.visit(),
            Err(error) => Ok(vec![error.to_string()]),
        }
    }

    fn update(&mut self) -> Result<Vec<String>, Gone> {
        if *self.ask("Appliquer la mise à jour de la clé USB, puis redémarrer ? Tapez OUI : ")? != "OUI" {
            return Ok(vec!["Mise à jour abandonnée, rien n'est changé.".to_owned()]);
        }
        Ok(match update::update(&self.place) {
            Ok(()) => vec!["La mise à jour est en place : l'appliance redémarre.".to_owned()],
            Err(error) => vec![error.to_string()],
        })
    }

    /// Has the stick take away what a renewal begins with; nothing of the appliance changes by it.
    fn renew(&mut self) -> Result<Vec<String>, Gone> {
        self.show(&format!(
            "{CLEAR}La clé USB emportera les demandes de certificat des clés d'aujourd'hui et, pour\r\n"
        ))?;
        self.show("chacune, l'ordre d'une clé neuve, qu'un administrateur signe. Rien ne change ici.\r\n\r\n")?;
        if *self.ask("Tapez OUI : ")? != "OUI" {
            return Ok(Vec::new());
        }
        let asked = self.on_stick(Stick::ask_renewal);
        match asked.and_then(|asked| asked.map_err(ConsoleError::file(Path::new(RENEW)))) {
            Ok(()) => self.visit(),
            Err(error) => Ok(vec![
                error.to_string(),
                "Branchez la clé USB, avec un dossier sceau, puis recommencez.".to_owned(),
            ]),
        }
    }

    /// What is done to the disk itself, which is rare.
    fn disk(&mut self) -> Result<Vec<String>, Gone> {
        self.show(&format!(
            "{CLEAR}1  Lier le disque à cette machine telle qu'elle est (après un changement de clés\r\n   du microprogramme), par la clé de secours.\r\n"
        ))?;
        self.show("2  Réinitialisation d'usine : efface clés, journal et réglages, pour toujours.\r\n\r\n")?;
        match self.ask("Choix (rien : revenir) : ")?.as_str() {
            "1" => self.rebind(),
            "2" => self.reset(),
            _ => Ok(Vec::new()),
        }
    }

    /// The recovery key is typed, handed on in memory and forgotten.
    fn rebind(&mut self) -> Result<Vec<String>, Gone> {
        let typed = self.ask_hidden("Clé de secours, huit groupes de huit lettres (elle n'est pas montrée) : ")?;
        if typed.is_empty() {
            return Ok(Vec::new());
        }
        let done = rebind::leave(&self.place, &typed).and_then(|()| Work::Rebind.asked(&self.place));
        Ok(vec![done.unwrap_or_else(|error| error.to_string())])
    }

    /// Asked for twice, in two ways: who ends an establishment's ledger says which machine's.
    fn reset(&mut self) -> Result<Vec<String>, Gone> {
        let given_up = || Ok(vec!["Réinitialisation abandonnée, rien n'est changé.".to_owned()]);
        let machine = serial(&self.place);
        self.show(&format!(
            "{CLEAR}Les clés de cachet, le journal et les réglages de cette appliance seront perdus.\r\n"
        ))?;
        self.show("Exportez et sauvegardez d'abord les traces : la loi veut qu'elles soient gardées.\r\n\r\n")?;
        if *self.ask(&format!("Machine {machine} : retapez son numéro pour continuer : "))? != *machine {
            return given_up();
        }
        if *self.ask("Effacer pour toujours ? Tapez EFFACER : ")? != "EFFACER" {
            return given_up();
        }
        let done = match Work::Reset.asked(&self.place) {
            Ok(words) => words,
            Err(error) => return Ok(vec![error.to_string()]),
        };
        if !self.place.is_staged() {
            // Whatever came of it: the firmware was told first.
            let _ = systemctl(&["--no-block", "reboot"]);
        }
        Ok(vec![done])
    }

    fn power(&mut self, what: &str, verb: &str) -> Result<Vec<String>, Gone> {
        if *self.ask(&format!("Vraiment {what} ? Plus rien n'est délivré pendant ce temps. Tapez OUI : "))?
            != "OUI"
        {
            return Ok(Vec::new());
        }
        if self.place.is_staged() {
            return Ok(vec![format!("Racine préparée : rien à {what}.")]);
        }
        Ok(systemctl(&["--no-block", verb]).err().map(|error| error.to_string()).into_iter().collect())
    }

    /// Asks one question; the answer is a line.
    pub(super) fn ask(&mut self, question: &str) -> Result<Zeroizing<String>, Gone> {
        self.show(question)?;
        match self.keyboard.line(None) {
            Ok(Typed::Line(line)) => Ok(line),
            _ => Err(Gone),
        }
    }

    /// The same for a secret, which is not shown.
    pub(super) fn ask_hidden(&mut self, question: &str) -> Result<Zeroizing<String>, Gone> {
        let _hidden = Hidden::on(self.keyboard.terminal());
        let answer = self.ask(question)?;
        self.show("\r\n")?;
        Ok(answer)
    }

    /// Shows a text page by page.
    pub(super) fn read(&mut self, lines: &[String]) -> Result<(), Gone> {
        for page in wrapped(lines).chunks(ROWS - 2) {
            self.show(&format!("{CLEAR}{}", sent(page)))?;
            self.ask("\r\nEntrée pour continuer : ")?;
        }
        Ok(())
    }

    pub(super) fn show(&mut self, text: &str) -> Result<(), Gone> {
        self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()).map_err(|_| Gone)
    }
}
