//! The demonstration in the foreground until it is told to stop.

use tokio::signal::unix::{SignalKind, signal};

use crate::Failure;
use crate::stage::{FOLDER, Stage};

/// Returns after SIGTERM or SIGINT, with everything stopped.
pub(crate) fn serve() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Heard from before the first daemon starts: an early Ctrl-C must stop them too.
    let (mut terminate, mut interrupt) = runtime
        .block_on(async { (signal(SignalKind::terminate()).unwrap(), signal(SignalKind::interrupt()).unwrap()) });
    let stage = Stage::set()?;
    println!("En service. Socket : {FOLDER}/run/token.sock ; configuration : {FOLDER}/sceau.toml");
    println!("Ce que la démonstration connaît : {FOLDER}/demo.json. Arrêt par Ctrl-C ou SIGTERM.");
    runtime.block_on(async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    });
    println!("Arrêt.");
    drop(stage);
    Ok(())
}
