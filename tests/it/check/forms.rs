//! The forms of the report: text for people, one JSON document, one line for Nagios; the guide's table of rules.

use sceau::check::RULES;

use super::{check, plan, run};
use crate::support::certificate::SealCertificate;
use crate::support::key_kind::KeyType;
use crate::support::plan::STRUCTURES;
use crate::support::seal::SealPlan;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn text(file: &str) -> String {
    std::fs::read_to_string(std::path::Path::new(ROOT).join(file)).unwrap()
}

#[test]
fn the_text_ends_with_the_verdict() {
    let establishment = plan().build();
    let good = check(&establishment, &[]);
    assert_eq!(good.out.lines().last(), Some("Verdict : bon, 0 erreur(s), 1 avertissement(s)."), "{}", good.out);
    establishment.edit_file("sceau.toml", |config| drop(config.insert("modus".into(), 1.into())));
    let bad = check(&establishment, &[]);
    let place = format!("  {}, ligne ", establishment.config().display());
    assert!(bad.out.starts_with("Erreurs\n") && bad.out.contains(&place), "{}", bad.out);
    for part in
        ["[unknown-key]", "    Remède : ", "Avertissements\n", "Vérifié : configuration, ", "Non vérifié : "]
    {
        assert!(bad.out.contains(part), "{part:?} is not in\n{}", bad.out);
    }
    let verdict = "Verdict : configuration à corriger, 1 erreur(s), 1 avertissement(s).";
    assert_eq!((bad.out.lines().last(), bad.code), (Some(verdict), Some(2)));
}

#[test]
fn json_is_one_document_of_the_known_members() {
    let establishment = plan().build();
    establishment.edit_file("sceau.toml", |config| drop(config.insert("modus".into(), 1.into())));
    let checked = check(&establishment, &["--json"]);
    assert_eq!(checked.out.lines().count(), 1);
    let report = checked.json();
    let members = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&report), ["checked", "findings", "not_checked", "revocation_lists", "verdict"]);
    assert_eq!(report["verdict"], "misconfigured");
    let finding = &report["findings"][0];
    assert_eq!(members(finding), ["message", "place", "remedy", "rule", "severity"]);
    assert_eq!(members(&finding["place"]), ["column", "file", "line"]);
    assert_eq!((&finding["rule"], &finding["severity"]), (&"unknown-key".into(), &"error".into()));
    assert_eq!(finding["place"]["file"], establishment.config().display().to_string());
    for entry in report["not_checked"].as_array().unwrap() {
        assert_eq!(members(entry), ["reason", "subject"]);
    }
}

#[test]
fn nagios_gets_one_line_with_days_left_and_its_own_codes() {
    let days_left = |days| {
        let certificate =
            SealCertificate::of(STRUCTURES[0]).expires_in(time::Duration::days(days) + time::Duration::hours(12));
        plan().seal(SealPlan { certificate, ..SealPlan::of(STRUCTURES[0], "seal-a", KeyType::P256) }).build()
    };
    for (days, state, code) in [(700, "OK", 0), (40, "WARNING", 1), (5, "CRITICAL", 2)] {
        let establishment = days_left(days);
        let _daemons = crate::support::daemons::Daemons::start(&establishment);
        let checked = check(&establishment, &["--nagios"]);
        assert_eq!(checked.code, Some(code), "{}", checked.out);
        assert_eq!(checked.out.lines().count(), 1, "{}", checked.out);
        assert!(checked.out.starts_with(&format!("{state} - ")), "{}", checked.out);
        assert!(checked.out.ends_with(&format!("|'seal-a_days'={days};60:;7:\n")), "{}", checked.out);
        assert_eq!(checked.out.matches('|').count(), 1);
    }
    let stopped = check(&plan().build(), &["--nagios"]);
    assert_eq!(stopped.code, Some(2), "{}", stopped.out);
    assert!(stopped.out.contains("[service-stopped]"), "{}", stopped.out);
    let nothing = run(std::path::Path::new("/nonexistent/sceau.toml"), &["--nagios"], "yes");
    assert_eq!(nothing.code, Some(3), "{}", nothing.out);
    assert!(nothing.out.starts_with("UNKNOWN - ") && !nothing.out.contains('|'), "{}", nothing.out);
}

#[test]
fn the_guides_table_of_rules_is_the_codes() {
    let guide = text("docs/exploitant.md");
    let rows: Vec<&str> = guide.lines().skip_while(|line| !line.starts_with("| règle |")).skip(2).collect();
    let rows: Vec<&str> = rows.into_iter().take_while(|line| line.starts_with('|')).collect();
    let expected: Vec<String> = RULES
        .iter()
        .map(|rule| format!("| `{}` | {} | {} | {} |", rule.name, rule.severity.word(), rule.meaning, rule.remedy))
        .collect();
    assert_eq!(rows, expected);
    let mut names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), RULES.len(), "a name is given twice");
}

/// Every rule's name in the sources is one of the list: a finding under a name that is none would be told as another.
#[test]
fn every_rule_that_is_used_is_known() {
    let known: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
    let mut used = 0;
    let sources = [
        "src/tables/walk.rs",
        "src/tables/document.rs",
        "src/config/load.rs",
        "src/config/certificates.rs",
        "src/config/named.rs",
        "src/config/loaded.rs",
        "src/tables/fault.rs",
        "src/config/limits.rs",
        "src/config/seal.rs",
        "src/config/audit.rs",
        "src/config/relay.rs",
        "src/config/destination.rs",
        "src/config/web_ps.rs",
        "src/check/lists.rs",
        "src/relay/identity.rs",
        "src/config/signer_key.rs",
        "src/config/identity_provider.rs",
        "src/policy/application/record.rs",
        "src/policy/application/register.rs",
        "src/policy/practitioner/record.rs",
        "src/policy/practitioner/register.rs",
        "src/policy/convention/structure.rs",
        "src/policy/convention/tables.rs",
        "src/policy/convention/title.rs",
        "src/policy/convention/service.rs",
        "src/check/convention.rs",
        "src/config/convention.rs",
        "src/config/keys.rs",
        "src/policy/declaration.rs",
        "src/policy/review.rs",
        "src/certificate/appraisal.rs",
        "src/check/keys.rs",
        "src/check/signers.rs",
        "src/check/certificates.rs",
        "src/check/clock.rs",
        "src/check/permissions.rs",
        "src/check/service.rs",
        "src/check/tpm.rs",
        "src/check/units.rs",
    ];
    let mut unused = known.clone();
    for source in sources {
        let text = text(source);
        for word in text.split('"').skip(1).step_by(2) {
            let is_name =
                word.len() > 7 && word.contains('-') && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
            // What the ceremony alone can find: sceau check has no certificate of that use.
            let ceremony = ["certificate-not-authentication", "certificate-other-subject"].contains(&word);
            let evidence = sceau::policy::practitioner::EVIDENCE.contains(&word);
            if is_name
                && !ceremony
                && !evidence
                && ![
                    "dmp-air",
                    "form-post-stand-in",
                    "sceau-signer",
                    "sceau-authentication",
                    "kebab-case",
                    "table-2025",
                    // What the ledger calls these registers.
                    "applications-file",
                    "practitioners-file",
                ]
                .contains(&word)
                && !word.ends_with('-')
            {
                assert!(known.contains(&word), "{source}: {word}");
                used += 1;
            }
        }
        unused.retain(|name| !text.contains(&format!("\"{name}\"")));
    }
    assert!(used >= RULES.len(), "{used}");
    assert_eq!(unused, ["x"; 0], "rules that nothing finds");
}

/// The commented examples have no fault of their own: what is found is what an example cannot bring with it.
#[test]
fn the_examples_of_the_guide_check_clean() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["sceau.toml", "convention.toml", "applications.toml", "practitioners.toml"] {
        let user = crate::support::establishment::user_name();
        let mode = if file == "practitioners.toml" { 0o640 } else { 0o644 };
        let example = text(&format!("docs/{file}")).replace("user = \"dpi\"", &format!("user = \"{user}\""));
        crate::support::establishment::write(&folder.path().join(file), &example, mode);
    }
    let checked = run(&folder.path().join("sceau.toml"), &["--json"], "yes");
    for (rule, ..) in checked.seen() {
        let brought =
            ["convention-unsigned", "file-missing", "module-missing", "policy-unchecked", "service-unreachable"];
        assert!(brought.contains(&rule.as_str()), "{}", checked.out);
    }
}

#[test]
fn the_demonstrations_configuration_checks_clean() {
    use crate::support::configuration::{METHODS, SIMPLIFIED_METHOD};
    let methods: Vec<&str> = METHODS.into_iter().chain([SIMPLIFIED_METHOD]).collect();
    let demo = crate::support::plan::Plan::new("check").methods(&methods).processes(2);
    let demo = demo.key_type(KeyType::P256).policy(crate::support::certificate::TEST_POLICY).build();
    super::assert_seen(&demo, 0, &[]);
}

/// A plugin that is not root sees less, and says so.
#[test]
fn what_was_not_checked_is_never_called_good() {
    // In production nothing says yet that the ledger is the newest: no counter is admitted there.
    let said = check(&plan().build(), &[]).out;
    assert!(said.contains("aucun compteur monotone"), "{said}");
    let plan = crate::support::plan::Plan::new("check").key_type(KeyType::P256);
    let establishment = plan.policy(crate::support::certificate::TEST_POLICY).build();
    let _daemons = crate::support::daemons::Daemons::start(&establishment);
    let whole = super::units::stage(&establishment);
    let whole = ["--units", whole.to_str().unwrap()];
    let said = check(&establishment, &whole).out;
    assert_eq!(said.lines().last(), Some("Verdict : bon, rien à corriger."), "{said}");
    let said = check(&establishment, &[whole[0], whole[1], "--nagios"]).out;
    assert!(said.starts_with("OK - rien à corriger|"), "{said}");
    // Nobody says whether the clock is right.
    let said = run(&establishment.config(), &whole, "").out;
    assert_eq!(said.lines().last(), Some("Verdict : bon pour ce qui est vérifié, rien à y corriger."), "{said}");
    let said = run(&establishment.config(), &[whole[0], whole[1], "--nagios"], "").out;
    let partly = "OK - rien à corriger dans ce qui est vérifié ; non vérifié, en tout ou partie : horloge|";
    assert!(said.starts_with(partly), "{said}");
    // A mistyped root is not a root without weaknesses.
    let said = check(&establishment, &["--units", "/nonexistent", "--nagios"]);
    assert!(said.code == Some(3) && said.out.starts_with("UNKNOWN - --units"), "{}", said.out);
}
