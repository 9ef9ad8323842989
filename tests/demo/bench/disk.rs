//! The bare disk: what one durable block costs in the ledger's own folder.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often the disk is asked beside a load: seldom enough to be no load itself.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// A page of the database.
const BLOCK: [u8; 4096] = [7; 4096];
/// Blocks of the file, written again and again: no growth is measured.
const BLOCKS: usize = 1024;

/// Writes blocks and waits for each (fdatasync) during `time`; gives the latency under which that share of them lies, in ms.
pub(super) fn fdatasync_ms(folder: &Path, time: Duration, share: f64) -> f64 {
    let began = Instant::now();
    sync_while(folder, share, Duration::ZERO, || began.elapsed() < time)
}

/// Runs `load`, and one block now and then beside it; gives that latency too: what of the load's own is the disk's.
pub(crate) fn beside<T>(folder: &Path, share: f64, load: impl FnOnce() -> T) -> (T, f64) {
    let goes_on = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let disk = scope.spawn(|| sync_while(folder, share, ASK_EVERY, || goes_on.load(Ordering::Acquire)));
        let loaded = load();
        goes_on.store(false, Ordering::Release);
        (loaded, disk.join().unwrap())
    })
}

fn sync_while(folder: &Path, share: f64, every: Duration, goes_on: impl Fn() -> bool) -> f64 {
    let path = folder.join("bench.block");
    let mut file = File::create(&path).unwrap();
    (0..BLOCKS).for_each(|_| file.write_all(&BLOCK).unwrap());
    file.sync_all().unwrap();
    let mut latencies = Vec::new();
    while goes_on() {
        let at = latencies.len() % BLOCKS * BLOCK.len();
        file.seek(SeekFrom::Start(at as u64)).unwrap();
        let asked = Instant::now();
        file.write_all(&BLOCK).unwrap();
        file.sync_data().unwrap();
        latencies.push(asked.elapsed().as_secs_f64() * 1000.0);
        // The pace of the question, not a wait for something.
        std::thread::sleep(every);
    }
    std::fs::remove_file(path).unwrap();
    latencies.sort_by(f64::total_cmp);
    let at = (share * latencies.len() as f64) as usize;
    latencies.get(at.min(latencies.len().saturating_sub(1))).copied().unwrap_or_default()
}
