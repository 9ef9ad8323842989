//! The bare disk: what one durable block costs in the ledger's own folder.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// A page of the database.
const BLOCK: [u8; 4096] = [7; 4096];
/// Blocks of the file, written again and again: no growth is measured.
const BLOCKS: usize = 1024;

/// Writes blocks and waits for each (fdatasync) during `time`; gives the latency under which that share of them lies, in ms.
pub(super) fn fdatasync_ms(folder: &Path, time: Duration, share: f64) -> f64 {
    let path = folder.join("bench.block");
    let mut file = File::create(&path).unwrap();
    (0..BLOCKS).for_each(|_| file.write_all(&BLOCK).unwrap());
    file.sync_all().unwrap();
    let (began, mut latencies) = (Instant::now(), Vec::new());
    while began.elapsed() < time {
        let at = latencies.len() % BLOCKS * BLOCK.len();
        file.seek(SeekFrom::Start(at as u64)).unwrap();
        let asked = Instant::now();
        file.write_all(&BLOCK).unwrap();
        file.sync_data().unwrap();
        latencies.push(asked.elapsed().as_secs_f64() * 1000.0);
    }
    std::fs::remove_file(path).unwrap();
    latencies.sort_by(f64::total_cmp);
    let at = (share * latencies.len() as f64) as usize;
    latencies.get(at.min(latencies.len().saturating_sub(1))).copied().unwrap_or_default()
}
