//! Forging: for any facts the bytes are their own canonical form, others verify them, and every value reads back as it was.

mod expected;
mod golden;
mod identifiers;
mod issuer;
mod profiles;
pub(crate) mod readers;
mod registers;
mod sample;
mod sealer;
mod texts;

use std::path::{Path, PathBuf};

use sceau::vihf::text::Text;

use self::expected::{Element, elements};
use self::readers::{assert_canonical, assert_verified, read_back};
use self::sample::{Sample, Seed};
use self::sealer::Sealer;
use self::texts::MARKUP;

/// Generated assertions of one run; xmllint costs one process for each.
const SAMPLES: usize = 330;

/// Assertions in a folder, each with the elements that it must hold.
struct Batch {
    folder: tempfile::TempDir,
    sealers: Vec<Sealer>,
    /// File, index of its sealer, its elements.
    written: Vec<(PathBuf, usize, Vec<Element>)>,
}

impl Batch {
    /// One sealer of each algorithm; their names are hostile as well.
    fn new() -> Batch {
        let folder = tempfile::tempdir().unwrap();
        let sealers = sealer::one_of_each_algorithm();
        sealers.iter().enumerate().for_each(|(at, sealer)| {
            std::fs::create_dir(folder.path().join(at.to_string())).unwrap();
            sealer.write_trust(&folder.path().join(at.to_string()));
        });
        Batch { folder, sealers, written: Vec::new() }
    }

    fn folder_of(&self, sealer: usize) -> PathBuf {
        self.folder.path().join(sealer.to_string())
    }

    /// Forges and seals; the sealers take turns.
    fn add(&mut self, sample: &Sample) {
        let number = self.written.len();
        let at = number % self.sealers.len();
        let sealer = &self.sealers[at];
        let assertion = sealer.seal(sample);
        let file = self.folder_of(at).join(format!("{number:04}.xml"));
        std::fs::write(&file, assertion).unwrap();
        self.written.push((file, at, elements(sample, sealer)));
    }

    /// Canonical for libxml2, verified by xmlsec1, and read by another parser as exactly the facts.
    fn check(&self) {
        let files: Vec<&Path> = self.written.iter().map(|(file, ..)| file.as_path()).collect();
        let folders: Vec<PathBuf> = (0..self.sealers.len()).map(|at| self.folder_of(at)).collect();
        assert_canonical(&folders, &files);
        for (at, folder) in folders.iter().enumerate() {
            let of_sealer = self.written.iter().filter(|(_, sealer, _)| *sealer == at);
            assert_verified(folder, &of_sealer.map(|(file, ..)| file.as_path()).collect::<Vec<_>>());
        }
        let read = read_back(&files);
        assert_eq!(read.len(), self.written.len());
        for (read, (file, _, expected)) in read.iter().zip(&self.written) {
            let text = || std::fs::read_to_string(file).unwrap();
            assert_eq!(read, expected, "{}", text());
        }
    }
}

#[test]
fn any_facts_give_their_own_canonical_form() {
    let seed = Seed::from_environment();
    println!("{seed}");
    let mut batch = Batch::new();
    let samples = sample::generate(&seed, SAMPLES);
    // The generator's own coverage: a property of nothing but plain words would prove little.
    let names: Vec<&str> = samples.iter().map(|sample| sample.display_name.as_str()).collect();
    let some = |what: &str, is: fn(char) -> bool| assert!(names.iter().any(|name| name.contains(is)), "no {what}");
    some("markup", |c| c == '<');
    some("astral character", |c| c > '\u{FFFF}');
    some("combining mark", |c| matches!(c, '\u{300}'..='\u{36F}'));
    for sample in &samples {
        sceau::vihf::conformity::check(&sample.facts("CN=x", sample::ID)).unwrap();
        batch.add(sample);
    }
    batch.check();
}

/// Each free text in turn, every payload: the elements and attributes stay those of a plain name.
#[test]
fn markup_in_any_field_stays_text() {
    let mut batch = Batch::new();
    let plain = sample::generate(&Seed::fixed(), 1).remove(0);
    type Field = fn(&mut Sample) -> &mut Text;
    let fields: [Field; 5] = [
        |sample| &mut sample.display_name,
        |sample| &mut sample.lps.name,
        |sample| &mut sample.lps.version,
        |sample| sample.lps.id.insert(Text::parse("INST").unwrap()),
        |sample| &mut sample.lps.homologation,
    ];
    for payload in MARKUP {
        for field in fields {
            let mut sample = plain.clone();
            *field(&mut sample) = Text::parse(payload).unwrap();
            batch.add(&sample);
        }
    }
    batch.check();
    // Two shapes only: with LPS_ID and without.
    let mut shapes: Vec<Vec<(&str, Vec<&str>)>> = Vec::new();
    for (_, _, elements) in &batch.written {
        let shape = elements.iter().map(Element::shape).collect();
        if !shapes.contains(&shape) {
            shapes.push(shape);
        }
    }
    assert!(shapes.len() <= 2, "{} shapes", shapes.len());
}
