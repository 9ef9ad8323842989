//! `sceau-verify evidence history`: appliances that this verifier knows, and what it judged.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;

use super::officer::{Appliance, Kept};
use super::{State, print};
use crate::verifier::NotJudged;

/// Montre les appliances enrôlées et les verdicts rendus.
#[derive(Debug, Args)]
pub(super) struct History {
    #[command(flatten)]
    state: State,
    /// Imprime un document JSON.
    #[arg(long)]
    json: bool,
}

impl History {
    /// Shows it.
    ///
    /// # Errors
    /// [`NotJudged`].
    pub(super) fn run(self) -> Result<u8, NotJudged> {
        let kept = Kept::open(&self.state.path, false)?;
        let appliances = &kept.officer.appliances;
        if self.json {
            let shown = |known: &Appliance| {
                json!({
                    "appliance": known.name,
                    "enrolled_at": known.enrolled_at,
                    "audit_key": known.enrolled.audit_key,
                    "verdicts": known.verdicts,
                })
            };
            let document = json!({ "appliances": appliances.iter().map(shown).collect::<Vec<_>>() });
            print(&format!("{document:#}\n"))?;
            return Ok(0);
        }
        let mut out = String::new();
        // Writing to a String cannot fail.
        for known in appliances {
            let _ = writeln!(out, "{} : enrôlée le {}", known.name, known.enrolled_at);
            for judged in &known.verdicts {
                let not_passed = judged.not_passed.join(", ");
                let reason = judged.new_baseline.as_deref().map(|reason| format!(" ; nouvelle base : {reason}"));
                let _ = writeln!(
                    out,
                    "    {} {:<10} {not_passed}{}",
                    judged.at,
                    judged.verdict,
                    reason.unwrap_or_default()
                );
            }
        }
        for pending in &kept.officer.pending {
            let _ = writeln!(
                out,
                "{} : enrôlement commencé, réponse attendue avant le {}",
                pending.name, pending.expires_at
            );
        }
        print(&out)?;
        Ok(0)
    }
}
