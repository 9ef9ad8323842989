//! What this run could not do: named, with its reason, so that the closing line of `make test` can count it.

use std::io::Write;

/// Records that `what` was not done because of `why`. The caller returns right after.
pub fn skip(what: &str, why: &str) {
    eprintln!("SKIPPED {what}: {why}");
    let path = super::collection::target_folder().join("skipped.txt");
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    // One write of one line: appends of parallel tests do not mix.
    file.unwrap().write_all(format!("{what}: {why}\n").as_bytes()).unwrap();
}
