//! What a batch reports: how many documents it was given, how many it verified, which it refused.

use std::io::ErrorKind;
use std::process::{Command, Output};

use crate::collection::{Establishment, documents};

/// The result of one batch of one verifier.
#[derive(Default)]
pub(crate) struct Counts {
    /// Documents that the verifier itself says it was given.
    pub(crate) presented: usize,
    /// Documents that it found good.
    pub(crate) verified: usize,
    /// One line for each document that it refused: file and cause.
    pub(crate) refused: Vec<String>,
}

impl Counts {
    /// Reads what our batch programs write: the line `presented=N verified=M` on standard output, and on standard
    /// error one line `refused FILE: CAUSE` each.
    pub(crate) fn parse(output: &Output) -> Self {
        let (stdout, stderr) = texts(output);
        let counts = || {
            let (presented, verified) = stdout.trim().strip_prefix("presented=")?.split_once(" verified=")?;
            Some((presented.parse().ok()?, verified.parse().ok()?))
        };
        let (presented, verified) =
            counts().unwrap_or_else(|| panic!("the batch reported no counts\nstdout: {stdout}\nstderr: {stderr}"));
        let refused = stderr.lines().filter_map(|line| line.strip_prefix("refused ")).map(String::from).collect();
        Self { presented, verified, refused }
    }

    /// Asserts that every document of `establishments` was given and verified, and that there was one.
    pub(crate) fn assert_all_verified(&self, verifier: &str, establishments: &[Establishment]) {
        println!("{verifier}: presented={} verified={}", self.presented, self.verified);
        let expected = documents(establishments);
        assert!(expected > 0, "{verifier} was given nothing to verify");
        assert_eq!(self.presented, expected, "{verifier} did not take every document");
        assert_eq!(self.verified, expected, "{verifier} refused:\n{}", self.refused.join("\n"));
    }

    /// Asserts that of a twin's two documents, `good.xml` and `spoiled.xml`, exactly the spoiled one was refused.
    pub(crate) fn assert_only_spoiled_refused(&self) {
        assert_eq!((self.presented, self.verified), (2, 1), "refused:\n{}", self.refused.join("\n"));
        assert_eq!(self.refused.len(), 1, "{:?}", self.refused);
        assert!(self.refused[0].contains("spoiled.xml"), "{:?}", self.refused);
    }

    /// Asserts that neither of a twin's two documents was verified.
    pub(crate) fn assert_all_refused(&self) {
        assert_eq!((self.presented, self.verified), (2, 0), "refused:\n{}", self.refused.join("\n"));
        assert_eq!(self.refused.len(), 2, "{:?}", self.refused);
    }
}

/// Runs `command`; a tool that is not there fails the test with the Debian package that holds it.
pub(crate) fn run(command: &mut Command, package: &str) -> Output {
    command.stdin(std::process::Stdio::null()).output().unwrap_or_else(|error| {
        let program = command.get_program().display();
        match error.kind() {
            ErrorKind::NotFound => {
                panic!("{program} is not installed: apt-get install {package}")
            }
            _ => panic!("{program} cannot be started: {error}"),
        }
    })
}

/// Standard output and standard error as text.
pub(crate) fn texts(output: &Output) -> (String, String) {
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}
