//! How much was refused, and why: a flood is one line a minute.

use std::sync::atomic::{AtomicU64, Ordering};

/// Refusals since the last line.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// By address: nothing was read.
    pub(super) source: AtomicU64,
    /// Too many that have shown no certificate.
    pub(super) pending: AtomicU64,
    /// Handshakes that failed, certificates that are nobody's included.
    pub(super) handshake: AtomicU64,
    /// A client has too many connections.
    pub(super) client: AtomicU64,
    /// Proposals that were not taken.
    pub(super) proposal: AtomicU64,
}

/// Counts one.
pub(super) fn count(of: &AtomicU64) {
    of.fetch_add(1, Ordering::Relaxed);
}

impl Counts {
    /// Tells what was counted, and begins anew.
    pub(super) fn tell(&self) {
        let [source, pending, handshake, client, proposal] =
            [&self.source, &self.pending, &self.handshake, &self.client, &self.proposal]
                .map(|of| of.swap(0, Ordering::Relaxed));
        if source + pending + handshake + client + proposal > 0 {
            tracing::info!(
                source,
                pending,
                handshake,
                client,
                proposal,
                "connections refused since the last line"
            );
        }
    }
}
