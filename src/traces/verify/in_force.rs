//! Whether everything was done under a configuration that the ledger tells of.

use std::collections::BTreeSet;

use super::Verdict;
use super::finding::Finding;
use crate::traces::digest::Digest;
use crate::traces::entry::Entry;
use crate::traces::entry::event::Event;

/// Most changes of one life that are remembered: some a day. Beyond, nothing is concluded: memory is not the ledger's to fill.
const TOLD_MAX: usize = 4096;

/// Configurations and conventions that were told since the newest start: requests end under those that they began with.
#[derive(Debug, Default)]
pub(super) struct InForce(BTreeSet<(Digest, Digest)>);

impl InForce {
    /// Takes the next entry.
    pub(super) fn take(&mut self, entry: &Entry, verdict: &mut Verdict) {
        let used = match &entry.event {
            Event::Start(start) => {
                self.0.clear();
                self.0.insert((start.configuration, start.convention));
                return;
            }
            Event::Configuration(told) => {
                if self.0.len() < TOLD_MAX {
                    self.0.insert((told.configuration, told.convention));
                }
                return;
            }
            Event::Issued(issued) => (issued.setting.configuration, issued.setting.convention),
            Event::SessionOpened(opened) => (opened.setting.configuration, opened.setting.convention),
            Event::Refused(refused) => (refused.configuration, refused.convention),
            _ => return,
        };
        // An entry before any start is told already, as spliced.
        if !self.0.is_empty() && self.0.len() < TOLD_MAX && !self.0.contains(&used) {
            verdict.add(Finding::ConfigurationUntold { at: entry.index });
        }
    }
}
