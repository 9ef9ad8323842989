//! Files that are none: told, without a crash and without waiting.

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use super::{check, plan, run};

/// A person waits that long at most, on a busy machine.
const WITHIN: Duration = Duration::from_secs(20);

#[test]
fn hostile_files_are_told_and_harm_nothing() {
    let establishment = plan().build();
    let unusable = |make: &dyn Fn(&std::path::Path)| {
        for file in ["sceau.toml", "applications.toml", "practitioners.toml", "pki/seal-a.pem", "pki/ca.pem"] {
            let path = establishment.folder.join(file);
            let kept = establishment.folder.join("kept");
            std::fs::rename(&path, &kept).unwrap();
            make(&path);
            let began = Instant::now();
            let checked = check(&establishment, &["--json"]);
            assert!(began.elapsed() < WITHIN, "{file}: {:?}", began.elapsed());
            assert_eq!(checked.code, Some(2), "{}", checked.out);
            let name = path.file_name().unwrap().to_str().unwrap();
            let seen = checked.seen();
            let of_file = seen.iter().filter(|(_, file, ..)| file == name).count();
            assert!(of_file >= 1 && of_file == seen.len(), "{file}: {}", checked.out);
            if path.is_dir() {
                std::fs::remove_dir(&path).unwrap();
            } else {
                std::fs::remove_file(&path).unwrap();
            }
            std::fs::rename(&kept, &path).unwrap();
        }
    };
    unusable(&|path| symlink(path, path).unwrap());
    unusable(&|path| std::fs::create_dir(path).unwrap());
    unusable(&|path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::from_bits_truncate(0o644)).unwrap());
    unusable(&|path| symlink("/dev/zero", path).unwrap());
    unusable(&|path| std::fs::write(path, [0xff, 0xfe, 0, 1].repeat(2_500_000)).unwrap());
    unusable(&|path| std::fs::write(path, "a\0b = 1\n").unwrap());
    unusable(&|path| std::fs::write(path, format!("a = {}", "[".repeat(200_000))).unwrap());
    unusable(&|path| std::fs::write(path, format!("a = {}", "{ b = ".repeat(50_000))).unwrap());
    unusable(&|path| std::fs::write(path, "= x\n".repeat(2_500_000)).unwrap());
    unusable(&|path| std::fs::write(path, "x = [1, 2\n".repeat(1_000)).unwrap());
}

#[test]
fn ten_megabytes_of_unknown_keys_are_told_up_to_a_limit() {
    use std::fmt::Write;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sceau.toml");
    let mut text = String::new();
    for number in 0..500_000 {
        writeln!(text, "k{number} = \"abcdefgh\"").unwrap();
    }
    std::fs::write(&path, text).unwrap();
    let began = Instant::now();
    let checked = run(&path, &["--json"], "yes");
    assert!(began.elapsed() < WITHIN, "{:?}", began.elapsed());
    let unknown = checked.seen().iter().filter(|(rule, ..)| rule == "unknown-key").count();
    assert_eq!((unknown, checked.code), (100, Some(2)));
}
