//! One of the integrator's clients, made ready to run from its source in `docs/clients`.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::skip::skip;
use crate::support::softhsm::run;

/// A client that can be run.
pub(crate) struct Program {
    /// The command and its first arguments.
    words: Vec<OsString>,
    /// What was compiled.
    _folder: TempDir,
}

/// How one run ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

impl Program {
    pub(crate) fn python() -> Program {
        Program::new(|_| vec!["python3".into(), "-I".into(), source("docs/clients/vihf.py").into()])
    }

    /// Compiled with every warning an error.
    pub(crate) fn java() -> Program {
        Program::new(|folder| {
            let mut javac = Command::new("javac");
            run(javac.args(["-Xlint:all", "-Werror", "-d"]).arg(folder).arg(source("docs/clients/Vihf.java")));
            vec!["java".into(), "-XX:TieredStopAtLevel=1".into(), "-cp".into(), folder.into(), "Vihf".into()]
        })
    }

    /// None, counted as skipped, where no .NET is to be had.
    pub(crate) fn csharp() -> Option<Program> {
        if !cfg!(target_arch = "x86_64") {
            skip("the C# client", "the .NET runtime of tests/verifiers is for x86-64");
            return None;
        }
        Some(Program::new(|folder| {
            let python = run(Command::new("sh").arg(source("tests/verifiers/venv.sh")));
            let place = "import dotnetcore2, os; print(os.path.dirname(dotnetcore2.__file__))";
            let root =
                PathBuf::from(run(Command::new(python.trim()).args(["-I", "-c", place])).trim()).join("bin");
            let version = "3.1.23";
            let framework = root.join("shared/Microsoft.NETCore.App").join(version);
            let dll = folder.join("Vihf.dll");
            let mut mcs = Command::new("mcs");
            // The compiler's own library is another .NET's; it calls a duplicate what the framework merely forwards.
            mcs.args(["-nologo", "-nostdlib", "-noconfig", "-langversion:7", "-nowarn:1701,1702", "-warnaserror"]);
            for entry in framework.read_dir().unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                if name.ends_with(".dll")
                    && (name.starts_with("System.") || name == "Microsoft.Win32.Primitives.dll")
                {
                    mcs.arg(format!("-r:{}", framework.join(name).display()));
                }
            }
            run(mcs.arg(format!("-out:{}", dll.display())).arg(source("docs/clients/Vihf.cs")));
            let runtime = serde_json::json!({ "runtimeOptions": {
                "framework": { "name": "Microsoft.NETCore.App", "version": version },
                // No ICU is needed where nothing is sorted by a language's rules.
                "configProperties": { "System.Globalization.Invariant": true },
            } });
            std::fs::write(dll.with_extension("runtimeconfig.json"), runtime.to_string()).unwrap();
            vec![root.join("dotnet").into(), dll.into()]
        }))
    }

    fn new(words: impl FnOnce(&Path) -> Vec<OsString>) -> Program {
        let folder = tempfile::tempdir().unwrap();
        Program { words: words(folder.path()), _folder: folder }
    }

    /// Runs it with that INS on its standard input.
    pub(crate) fn run(&self, arguments: &[&str], ins: &str) -> Said {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{:?}: {e}; run `make setup`", self.words[0]));
        // One that ends before it has read says why itself.
        let _ = child.stdin.take().unwrap().write_all(ins.as_bytes());
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        Said { code: output.status.code(), out: output.stdout, err }
    }
}
