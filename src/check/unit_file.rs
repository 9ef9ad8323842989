//! Unit files as systemd reads them: the fragment and its drop-ins in order (systemd.unit(5)), each assignment with its place.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Where units stand, the first wins (systemd.unit(5), "Unit File Load Path").
const LOAD_PATH: [&str; 7] = [
    "etc/systemd/system.control",
    "run/systemd/system.control",
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];
/// Largest unit file that is read, in bytes: ours have 5 kB.
const UNIT_LEN_MAX: u64 = 256 * 1024;

/// One `Key=value` and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) section: String,
    pub(super) key: String,
    pub(super) value: String,
    pub(super) file: PathBuf,
    pub(super) line: usize,
}

/// A unit as found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No fragment anywhere.
    Missing,
    /// The fragment is empty or leads to /dev/null.
    Masked(PathBuf),
    /// The fragment, every assignment in order, and files that could not be read.
    Unit(PathBuf, Vec<Assignment>, Vec<PathBuf>),
}

/// The unit of that name below `root`; `sceau-signer@seal-1.service` takes its template's fragment and drop-ins too.
pub(super) fn find(root: &Path, name: &str) -> Found {
    let names = names(name);
    let fragment = names.iter().find_map(|name| {
        LOAD_PATH.iter().map(|folder| root.join(folder).join(name)).find(|path| path.symlink_metadata().is_ok())
    });
    let Some(fragment) = fragment else { return Found::Missing };
    if fragment.read_link().is_ok_and(|to| to == Path::new("/dev/null")) {
        return Found::Masked(fragment);
    }
    let mut assignments = Vec::new();
    let mut unread = Vec::new();
    match read(&fragment) {
        Some(text) if text.trim().is_empty() => return Found::Masked(fragment),
        Some(text) => assignments.extend(parse(&text, &fragment)),
        None => unread.push(fragment.clone()),
    }
    for file in drop_ins(root, &names, name) {
        match read(&file) {
            Some(text) => assignments.extend(parse(&text, &file)),
            None => unread.push(file),
        }
    }
    Found::Unit(fragment, assignments, unread)
}

/// The names under which a fragment may stand: the unit's own, then its template's.
fn names(name: &str) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    if let Some((stem, rest)) = name.split_once('@')
        && let Some((instance, ending)) = rest.rsplit_once('.')
        && !instance.is_empty()
    {
        names.push(format!("{stem}@.{ending}"));
    }
    names
}

/// Drop-ins of the unit, its template, its prefixes and its type, in the order in which they are applied: by file name.
fn drop_ins(root: &Path, names: &[String], name: &str) -> Vec<PathBuf> {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let mut folders: Vec<String> = names.iter().map(|name| format!("{name}.d")).collect();
    for (at, _) in name.match_indices('-').collect::<Vec<_>>().into_iter().rev() {
        if let Some(prefix) = name.get(..=at) {
            folders.push(format!("{prefix}.{ending}.d"));
        }
    }
    folders.push(format!("{ending}.d"));
    let mut chosen: BTreeMap<String, PathBuf> = BTreeMap::new();
    // A file hides those of its name that come later: more special folders first, then the load path.
    for folder in folders {
        for base in LOAD_PATH {
            let Ok(entries) = fs::read_dir(root.join(base).join(&folder)) else { continue };
            for entry in entries.flatten() {
                let file = entry.file_name().to_string_lossy().into_owned();
                if file.ends_with(".conf") {
                    chosen.entry(file).or_insert_with(|| entry.path());
                }
            }
        }
    }
    chosen.into_values().filter(|path| path.read_link().map_or(true, |to| to != Path::new("/dev/null"))).collect()
}

fn read(path: &Path) -> Option<String> {
    // Asked before opening: opening a FIFO would wait for its writer.
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(UNIT_LEN_MAX).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The assignments of a text; a line that ends in a backslash goes on (systemd.syntax(7)).
pub(super) fn parse(text: &str, file: &Path) -> Vec<Assignment> {
    let mut assignments = Vec::new();
    let mut section = String::new();
    let mut pending: Option<(usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with(['#', ';']) || (line.is_empty() && pending.is_none()) {
            continue;
        }
        let (started, so_far) = pending.take().unwrap_or((number + 1, String::new()));
        if let Some(part) = line.strip_suffix('\\') {
            pending = Some((started, format!("{so_far}{part} ")));
            continue;
        }
        let whole = format!("{so_far}{line}");
        if let Some(name) = whole.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
        } else if let Some((key, value)) = whole.split_once('=') {
            assignments.push(Assignment {
                section: section.clone(),
                key: key.trim().to_owned(),
                value: value.trim().to_owned(),
                file: file.to_owned(),
                line: started,
            });
        }
    }
    assignments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continued_lines_and_comments_are_read_as_systemd_does() {
        let text = "# a\n[Service]\nUser = x\nExecPaths=/a \\\n# within\n /b\n;b\nNoExecPaths=\n";
        let read = parse(text, Path::new("u"));
        let seen: Vec<_> = read.iter().map(|a| (a.key.as_str(), a.value.as_str(), a.line)).collect();
        assert_eq!(seen, [("User", "x", 3), ("ExecPaths", "/a  /b", 4), ("NoExecPaths", "", 8)]);
        assert!(read.iter().all(|a| a.section == "Service"));
    }

    #[test]
    fn an_instance_has_its_templates_name() {
        assert_eq!(names("sceau-signer@seal-1.service"), ["sceau-signer@seal-1.service", "sceau-signer@.service"]);
        assert_eq!(names("sceau-signer@.service"), ["sceau-signer@.service"]);
        assert_eq!(names("sceaud.service"), ["sceaud.service"]);
    }
}
