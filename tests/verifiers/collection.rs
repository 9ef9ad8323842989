//! The collection: the assertions that the other tests made, by establishment.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Environment variable that names another collection than the workspace's own.
const COLLECTION_VARIABLE: &str = "SCEAU_ASSERTIONS";

/// Most documents given to one process: their paths stay far below the 2 MiB that Linux allows for arguments.
pub(crate) const DOCUMENTS_PER_PROCESS_MAX: usize = 500;

/// What the test that made an assertion says of it; `coverage` and the signxml batch hold it to its word.
#[derive(Deserialize)]
pub(crate) struct Facts {
    pub(crate) profile: String,
    pub(crate) key: String,
    /// None where the profile writes no `AuthnContextDecl`.
    pub(crate) method: Option<String>,
    pub(crate) id: String,
}

/// One assertion: the file that the verifiers read, and the facts beside it.
pub(crate) struct Document {
    pub(crate) path: PathBuf,
    pub(crate) facts: Facts,
}

/// One folder of the collection: one root, one intermediate, and what was sealed under them.
pub(crate) struct Establishment {
    pub(crate) folder: PathBuf,
    pub(crate) documents: Vec<Document>,
}

impl Establishment {
    /// Reads `folder`, which must hold `ca.pem`, `intermediate.pem` and pairs of `.xml` and `.json`.
    pub(crate) fn open(folder: &Path) -> Self {
        for certificate in ["ca.pem", "intermediate.pem"] {
            let file = folder.join(certificate);
            assert!(file.is_file(), "{} is missing", file.display());
        }
        let (mut assertions, mut facts) = (BTreeSet::new(), BTreeSet::new());
        for path in entries(folder) {
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("xml") => assertions.insert(path.with_extension("")),
                Some("json") => facts.insert(path.with_extension("")),
                _ => continue,
            };
        }
        // A lone file is an assertion that would escape a verifier or a coverage claim without an assertion.
        assert_eq!(
            assertions,
            facts,
            "every .xml of {} needs its .json and every .json its .xml",
            folder.display()
        );
        let documents = assertions.iter().map(|stem| Document::open(stem)).collect();
        Self { folder: folder.to_path_buf(), documents }
    }

    /// The root alone.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The certificate between the root and the seal.
    pub(crate) fn intermediate(&self) -> PathBuf {
        self.folder.join("intermediate.pem")
    }
}

impl Document {
    fn open(stem: &Path) -> Self {
        // Stems may hold dots (`a.b.xml`): append, do not replace.
        let with = |extension: &str| PathBuf::from(format!("{}.{extension}", stem.display()));
        let text = fs::read(with("json")).unwrap();
        let facts = serde_json::from_slice(&text).unwrap_or_else(|error| {
            panic!("{} is not the facts of an assertion: {error}", with("json").display())
        });
        Self { path: with("xml"), facts }
    }

    /// The assertion's text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(fs::read(&self.path).unwrap()).expect("an assertion is UTF-8")
    }
}

/// All establishments of the collection; an empty collection fails the test, for nothing would then be verified.
pub(crate) fn collection() -> Vec<Establishment> {
    let folder = std::env::var_os(COLLECTION_VARIABLE)
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/assertions"), PathBuf::from);
    let folders = if folder.is_dir() { entries(&folder) } else { Vec::new() };
    let establishments: Vec<_> =
        folders.iter().filter(|path| path.is_dir()).map(|path| Establishment::open(path)).collect();
    assert!(
        documents(&establishments) > 0,
        "no assertion in {}: run `make test`, whose other tests fill it before the verifiers run",
        folder.display()
    );
    establishments
}

/// How many assertions `establishments` hold.
pub(crate) fn documents(establishments: &[Establishment]) -> usize {
    establishments.iter().map(|establishment| establishment.documents.len()).sum()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
