//! What a unit's settings amount to, and where they protect less than those we ship.

use super::unit_file::Assignment;

/// Settings that are an operator's to choose: they bound or time the program and open nothing.
const FREE: [&str; 17] = [
    "Type",
    "NotifyAccess",
    "TimeoutStartSec",
    "TimeoutStopSec",
    "WatchdogSec",
    "Restart",
    "RestartSec",
    "RestartPreventExitStatus",
    "LimitNOFILE",
    "LimitMEMLOCK",
    "MemoryMax",
    "MemorySwapMax",
    "TasksMax",
    "StateDirectory",
    "StateDirectoryMode",
    "SystemCallErrorNumber",
    "Backlog",
];
/// Lists that take something away: more of them protects more.
const DENYING: [&str; 5] =
    ["ReadOnlyPaths", "InaccessiblePaths", "NoExecPaths", "IPAddressDeny", "SocketBindDeny"];
/// Lists that give something: fewer of them protects more.
const GIVING: [&str; 5] = ["ReadWritePaths", "ExecPaths", "IPAddressAllow", "DeviceAllow", "SocketBindAllow"];
/// Lists that must be exactly ours: their empty value, or a value with `~`, turns their sense around.
const EXACT: [&str; 6] = [
    "CapabilityBoundingSet",
    "AmbientCapabilities",
    "RestrictAddressFamilies",
    "SystemCallArchitectures",
    "SystemCallFilter",
    "ExecReload",
];
/// What we leave unset and must stay so: each would blur who calls, or run foreign code beside ours.
const FORBIDDEN: [(&str, &str); 9] = [
    ("PrivateUsers", "no"),
    ("DynamicUser", "no"),
    ("PermissionsStartOnly", "no"),
    ("ExecStartPre", ""),
    ("ExecStartPost", ""),
    ("ExecReload", ""),
    ("SupplementaryGroups", ""),
    ("BindPaths", ""),
    ("RootDirectory", ""),
];

/// A setting that protects less than ours.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Weakness {
    pub(super) key: String,
    /// What we ship.
    pub(super) expected: String,
    /// What is in force.
    pub(super) found: String,
    /// The assignment that decides; none: it is missing.
    pub(super) decided_by: Option<Assignment>,
}

/// Where `installed` protects less than `shipped`, in the section of that name.
pub(super) fn weaknesses(section: &str, shipped: &[Assignment], installed: &[Assignment]) -> Vec<Weakness> {
    let in_section =
        |all: &[Assignment]| -> Vec<Assignment> { all.iter().filter(|a| a.section == section).cloned().collect() };
    let (shipped, installed) = (in_section(shipped), in_section(installed));
    let mut keys: Vec<&str> = Vec::new();
    for assignment in &shipped {
        if !keys.contains(&assignment.key.as_str()) && !FREE.contains(&assignment.key.as_str()) {
            keys.push(&assignment.key);
        }
    }
    keys.extend(GIVING.iter().filter(|key| !shipped.iter().any(|a| a.key == **key)));
    let mut weak: Vec<Weakness> = keys
        .iter()
        .filter_map(|key| weakness(key, &effective(key, &shipped), &effective(key, &installed), &installed))
        .collect();
    for (key, harmless) in FORBIDDEN.into_iter().filter(|(key, _)| !shipped.iter().any(|a| a.key == *key)) {
        let found = effective(key, &installed).join(" ");
        if !found.is_empty() && plain(&found) != harmless {
            let expected = if harmless.is_empty() { "(non défini)" } else { harmless };
            weak.push(Weakness {
                key: key.to_owned(),
                expected: expected.to_owned(),
                found,
                decided_by: installed.iter().rfind(|a| a.key == key).cloned(),
            });
        }
    }
    weak
}

fn weakness(key: &str, expected: &[String], found: &[String], installed: &[Assignment]) -> Option<Weakness> {
    let set = installed.iter().any(|a| a.key == key);
    let weaker = if EXACT.contains(&key) {
        // An empty value is a value of its own: no capability at all.
        !set || sorted(key, expected) != sorted(key, found)
    } else if DENYING.contains(&key) {
        !expected.iter().all(|word| found.contains(word))
    } else if GIVING.contains(&key) {
        !found.iter().all(|word| expected.contains(word))
    } else {
        plain(&expected.join(" ")) != plain(&found.join(" "))
    };
    let shown = |words: &[String]| if words.is_empty() { "(vide)".to_owned() } else { words.join(" ") };
    weaker.then(|| Weakness {
        key: key.to_owned(),
        expected: shown(expected),
        found: if set { shown(found) } else { "(non défini)".to_owned() },
        decided_by: decisive(key, expected, installed),
    })
}

/// The assignment that makes the difference: the last one, or for a list that takes away the last that empties it.
fn decisive(key: &str, expected: &[String], installed: &[Assignment]) -> Option<Assignment> {
    let mine: Vec<&Assignment> = installed.iter().filter(|a| a.key == key).collect();
    if GIVING.contains(&key) {
        let stranger =
            |a: &&&Assignment| a.value.split_whitespace().any(|word| !expected.contains(&word.to_owned()));
        return mine.iter().find(stranger).map(|a| (*a).clone());
    }
    if DENYING.contains(&key)
        && let Some(reset) = mine.iter().rfind(|a| a.value.is_empty())
    {
        return Some((*reset).clone());
    }
    mine.last().map(|a| (*a).clone())
}

/// What a setting amounts to: lists add up and an empty value empties them; of everything else the last value counts.
fn effective(key: &str, assignments: &[Assignment]) -> Vec<String> {
    let is_list = DENYING.contains(&key) || GIVING.contains(&key) || EXACT.contains(&key);
    let mut words: Vec<String> = Vec::new();
    for assignment in assignments.iter().filter(|a| a.key == key) {
        if !is_list || assignment.value.is_empty() {
            words.clear();
        }
        if key == "SystemCallFilter" && !assignment.value.is_empty() {
            words.push(assignment.value.split_whitespace().collect::<Vec<_>>().join(" "));
        } else {
            words.extend(assignment.value.split_whitespace().map(str::to_owned));
        }
    }
    words
}

fn sorted(key: &str, words: &[String]) -> Vec<String> {
    let mut words = words.to_vec();
    // What a filter takes away depends on what it gave before.
    if key != "SystemCallFilter" {
        words.sort();
        words.dedup();
    }
    words
}

/// Booleans in one spelling (systemd.syntax(7)).
fn plain(value: &str) -> String {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "y" | "true" | "t" | "on" | "1" => "yes".to_owned(),
        "no" | "n" | "false" | "f" | "off" | "0" => "no".to_owned(),
        _ => value.to_owned(),
    }
}
