//! Big ledgers, written by the product's own code without a signature: how a start, memory and a reader bear their size.

use std::path::Path;
use std::rc::Rc;
use std::time::Instant as Moment;

use aws_lc_rs::rand;
use sceau::ledger::{Ledger, Line, Reader};
use sceau::sys::clock;
use sceau::traces::digest::Digest;
use sceau::traces::entry::event::{Event, Issued, SessionOpened, Setting, Start};
use sceau::traces::entry::evidence::Evidence;
use sceau::traces::entry::outcome::Outcome;
use sceau::traces::entry::word::Word;
use sceau::traces::map::tree::Tree;
use sceau::traces::merkle::{leaf_hash, prove, verify};
use sceau::vihf::assertion::Patient;
use sceau::vihf::identity::{Ins, InsOid, PsIdNat};

use crate::Failure;
use crate::bench::cpu;

const FOLDER: &str = "target/ledger";
/// Practitioners of a large hospital.
const PRACTITIONERS: u64 = 2000;
/// Patients: each is asked for some times.
const PATIENTS: u64 = 200_000;
/// Callers at once: fills every commit.
const CALLERS: u64 = 1024;
/// Nonces are remembered for a session's day.
const WINDOW_MS: u64 = 12 * 3_600_000;

/// Makes a ledger of that many entries under `target/ledger`, and measures it.
pub(crate) fn ledger(entries: &str, callers: Option<&str>) -> Result<(), Failure> {
    let number = |text: &str| text.replace('_', "").parse().map_err(|_| Failure::usage("nombre attendu"));
    let entries: u64 = number(entries)?;
    let callers = callers.map_or(Ok(CALLERS), number)?;
    let folder = std::env::current_dir().unwrap().join(FOLDER);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    fill(&folder, entries, callers);
    let bytes: u64 = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    println!("Taille : {:.0} octets par entrée", bytes as f64 / entries as f64);
    let began = Moment::now();
    let (ledger, restored) = open(&folder);
    println!(
        "Démarrage : {:.2} s ; {} nonces, {} assertions dont on peut rendre compte ; mémoire {:.0} Mo",
        began.elapsed().as_secs_f64(),
        restored.nonces.iter().map(|page| page.marks.len()).sum::<usize>(),
        restored.issued.len(),
        resident_mb()
    );
    drop(restored);
    read(&ledger.reader().unwrap());
    Ok(())
}

fn open(folder: &Path) -> (Ledger, sceau::ledger::Restored) {
    let start = Start { software: word("1"), configuration: digest(1), convention: digest(2) };
    Ledger::open(folder, Event::Start(start), WINDOW_MS, clock::now()).unwrap()
}

/// Callers that ask again as soon as they are answered, as the door does.
fn fill(folder: &Path, entries: u64, callers: u64) {
    let ledger = Rc::new(open(folder).0);
    let (began, before) = (Moment::now(), cpu::of_thread(nix::unistd::getpid(), "ledger"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        tokio::task::spawn_local(ledger.hand_answers());
        let callers: Vec<_> = (0..callers)
            .map(|caller| tokio::task::spawn_local(call(Rc::clone(&ledger), caller, callers, entries)))
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    let used = cpu::of_thread(nix::unistd::getpid(), "ledger") - before;
    let written = ledger.size() as f64;
    println!(
        "Écriture, {callers} appelants : {written:.0} entrées en {seconds:.1} s ({:.0}/s) ; fil du journal : {:.1} µs par assertion et son issue",
        written / seconds,
        used / written * 2.0
    );
}

async fn call(ledger: Rc<Ledger>, caller: u64, callers: u64, entries: u64) {
    let opened =
        SessionOpened { setting: setting(caller % PRACTITIONERS), expires: clock::now().plus_ms(WINDOW_MS) };
    let session = ledger.write(Line::plain(Event::SessionOpened(Box::new(opened)))).await.unwrap().index;
    let mut n = caller;
    while ledger.size() + callers < entries {
        n += callers;
        let written = ledger.write(Line::plain(issued(n, session))).await.unwrap();
        ledger.note(Line::outcome(written.index, Outcome::Released, written.chain.unwrap()));
    }
}

fn word(text: &str) -> Word {
    Word::parse(text).unwrap()
}

fn digest(n: u64) -> Digest {
    Digest::of(&[&n.to_be_bytes()])
}

fn practitioner(n: u64) -> PsIdNat {
    PsIdNat::parse(&format!("075{n:07}")).unwrap()
}

fn setting(n: u64) -> Setting<PsIdNat> {
    Setting {
        application: word("dpi"),
        practitioner: practitioner(n),
        service: word("consultation"),
        structure: word("1690781810"),
        channel: word("LPS"),
        profile: word("dmp-air"),
        method: Some(word("CPS")),
        evidence: Evidence::Declared,
        login: Some(clock::now()),
        initial_login: None,
        configuration: digest(1),
        convention: digest(2),
    }
}

fn issued(n: u64, session: u64) -> Event<PsIdNat, Patient> {
    let digits = 1_800_175_000_000 + n * 7919 % PATIENTS;
    let ins = Ins::parse(&format!("{digits:013}{:02}", 97 - digits % 97)).unwrap();
    let mut random = [0; 32];
    rand::fill(&mut random).unwrap();
    Event::Issued(Box::new(Issued {
        setting: setting(n % PRACTITIONERS),
        session,
        nonce: Digest::new(random),
        transaction: word("3.1"),
        purpose: word("normal"),
        patient: Some(Patient { ins, oid: InsOid::Nir }),
        invisible_to_guardians: false,
        assertion_id: word(&format!("_1b4e28ba-2fa1-41d2-883f-{n:012x}")),
        assertion: digest(n),
        certificate: digest(3),
        keyring: None,
        expires: clock::now().plus_ms(30_000),
    }))
}

/// One practitioner's month: a twelfth of a year's entries, with their proofs.
fn read(reader: &Reader) {
    let began = Moment::now();
    let size = reader.edge().frontier.size();
    let lookup = reader.lookup_key().practitioner(&practitioner(7));
    let count = reader.head(&lookup).unwrap().unwrap().count;
    let (root, tree) = (reader.edge().frontier.root(), reader.tree());
    let month = usize::try_from(count / 12).unwrap();
    for entry in reader.of_practitioner(&lookup).unwrap().take(month) {
        let (entry, leaf) = entry.unwrap();
        let proof = prove::inclusion(&tree, entry.index, size).unwrap();
        assert!(verify::inclusion(&leaf_hash(&leaf), entry.index, size, &proof, &root));
    }
    println!("Mois d'un professionnel : {month} entrées avec preuves en {:.2} s", began.elapsed().as_secs_f64());
    let began = Moment::now();
    let mut map: Tree = reader.heads().unwrap().into_iter().collect();
    assert!(map.prove(&lookup).verify(&lookup, &map.root()).is_some());
    println!("Carte des {} professionnels et preuve : {:.2} s", map.len(), began.elapsed().as_secs_f64());
}

fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kb = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse::<f64>().ok());
    kb.unwrap_or_default() / 1024.0
}
