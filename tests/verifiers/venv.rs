//! The Python of the verifiers: a virtual environment under `target/venv` with pinned packages.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::collection::Establishment;
use crate::counts::{Counts, run, texts};

/// Runs `script`, which stands beside this file, on the folders of `establishments`: one process for all.
pub(crate) fn run_script(script: &str, establishments: &[Establishment]) -> Counts {
    let mut command = Command::new(python());
    command.arg(folder().join(script)).args(establishments.iter().map(|establishment| &establishment.folder));
    Counts::parse(&run(&mut command, "python3-venv"))
}

/// The environment's interpreter; the environment is made on first use.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let output = run(Command::new("sh").arg(folder().join("venv.sh")), "python3-venv");
        let (stdout, stderr) = texts(&output);
        assert!(output.status.success(), "venv.sh failed\n{stdout}\n{stderr}");
        PathBuf::from(stdout.trim())
    })
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifiers")
}
