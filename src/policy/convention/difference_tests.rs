//! Every member that changes is told, and told as wider exactly when more is permitted.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::policy::convention::{StructureTable, Tables, TitleTable};
use crate::vihf::identity::Form;

const OLD: &str = r#"
[convention]
methods = ["CPS"]
rights = "consultation"
contactless_delay_ms = 1000
sealed_keys = false
[title]
format = 1
number = 1
establishment = "CH"
from = "2026-01-01"
until = "2026-12-31"
[[structure]]
id = "1690781810"
sector = "SA01"
certificates = ["0000000000000000000000000000000000000000000000000000000000000000"]
[[service]]
name = "a"
lifetime_ms = 10000
login_age_max_ms = 3600000
emergency = false
purposes = ["normal"]
[declaration]
login_age_max_ms = 1000
sessions_per_hour_max = 10
[[exception]]
application = "dpi"
reason = "r"
until = "2026-06-30"
[guard]
emergency_factor = 2
[guard.practitioner]
tokens = { window_ms = 3600000, alarm = 1, freeze = 2 }
patients = { window_ms = 3600000, alarm = 1, freeze = 2 }
"#;

#[derive(serde::Deserialize)]
struct All {
    convention: crate::policy::convention::Declared,
    title: TitleTable,
    structure: Vec<StructureTable>,
    service: Vec<Service>,
    declaration: Declaration,
    exception: Vec<crate::policy::declaration::ExceptionTable>,
    guard: Budgets,
}

fn convention(text: &str) -> Convention {
    let all: All = toml::from_str(text).unwrap();
    let tables = Tables {
        title: Some(all.title),
        declared: all.convention,
        structures: all.structure,
        services: all.service,
        declaration: all.declaration,
        exceptions: all.exception,
        guard: all.guard,
    };
    let (convention, breaches) = tables.check(Form::Test, true);
    assert_eq!(breaches, []);
    convention
}

#[test]
fn each_change_is_told_and_widens_one_way_alone() {
    // From, to, whether that way is the wider one; none: neither is.
    for (from, to, forth, back) in [
        ("number = 1", "number = 2", false, false),
        ("\"CH\"", "\"CHU\"", true, true),
        ("from = \"2026-01-01\"", "from = \"2025-01-01\"", true, false),
        ("until = \"2026-12-31\"", "until = \"2027-12-31\"", true, false),
        ("[\"CPS\"]", "[\"CPS\", \"OTP_SMS\"]", true, false),
        ("\"consultation\"", "\"table-2025\"", true, false),
        ("contactless_delay_ms = 1000", "contactless_delay_ms = 2000", true, false),
        ("sealed_keys = false", "sealed_keys = true", true, false),
        ("SA01", "SA02", true, true),
        ("lifetime_ms = 10000", "lifetime_ms = 15000", true, false),
        ("login_age_max_ms = 3600000", "login_age_max_ms = 7200000", true, false),
        ("emergency = false", "emergency = true", true, false),
        ("[\"normal\"]", "[\"normal\", \"bris_de_glace\"]", true, false),
        ("login_age_max_ms = 1000\n", "login_age_max_ms = 2000\n", true, false),
        ("hour_max = 10", "hour_max = 11", true, false),
        ("until = \"2026-06-30\"", "until = \"2026-07-31\"", true, false),
        ("reason = \"r\"", "reason = \"s\"", false, false),
        ("emergency_factor = 2", "emergency_factor = 3", true, false),
        ("alarm = 1, freeze = 2", "alarm = 2, freeze = 2", true, false),
        ("alarm = 1, freeze = 2", "alarm = 1, freeze = 3", true, false),
        ("window_ms = 3600000, alarm", "window_ms = 1800000, alarm", true, false),
    ] {
        assert!(OLD.contains(from), "{from}");
        let (old, new) = (convention(OLD), convention(&OLD.replacen(from, to, 1)));
        let widths = |a, b| difference(a, b).iter().map(|change| change.widens).collect::<Vec<_>>();
        assert_eq!((widths(&old, &new), widths(&new, &old)), (vec![forth], vec![back]), "{from} → {to}");
    }
    assert_eq!(difference(&convention(OLD), &convention(OLD)), []);
}

#[test]
fn what_is_new_widens_and_what_is_gone_does_not() {
    let more = OLD.replace(
        "[declaration]",
        "[[service]]\nname = \"b\"\nlifetime_ms = 1000\nlogin_age_max_ms = 1000\n\n[[exception]]\napplication = \
         \"x\"\nreason = \"r\"\nuntil = \"2026-06-30\"\n\n[[structure]]\nid = \"1750712184\"\nsector = \
         \"SA01\"\n\n[declaration]",
    );
    let more =
        more.replace("00\"]", "00\", \"1111111111111111111111111111111111111111111111111111111111111111\"]");
    let (old, new) = (convention(OLD), convention(&more));
    let forth = difference(&old, &new);
    assert!(forth.len() == 4 && forth.iter().all(|change| change.widens), "{forth:?}");
    let back = difference(&new, &old);
    assert!(back.len() == 4 && back.iter().all(|change| !change.widens), "{back:?}");
}

#[test]
fn times_are_said_as_people_say_them() {
    for (ms, words) in [(0, "0 s"), (250, "250 ms"), (30_000, "30 s"), (90_000, "1 min 30 s"), (14_400_000, "4 h")]
    {
        assert_eq!(words_of_ms(ms), words);
    }
}
