//! The daemon dies while a register is imported, at moments that nobody chose: the old one is there or the new one, and
//! the order is used up exactly if it is the new one.

use std::time::{Duration, Instant};

use super::scene::*;
use crate::doorstep::{brief, physician_login, says};
use crate::support::practitioners::PATIENTS;

/// Deaths of the daemon under imports.
const ROUNDS: usize = 12;
/// For an answer, however slow the machine is.
const PATIENCE: Duration = Duration::from_secs(60);
/// Lines of each file: some megabytes, so that death finds every stage of it.
const CROWD: usize = 8_000;

#[test]
fn order_and_register_are_one_whenever_the_daemon_dies() {
    let scene = Scene::open("register-crash");
    let session = scene.establishment.client().open_session(physician_login()).unwrap();
    let (mut taken, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        let name = format!("TOUR {round}");
        let table = format!("{HEAD}{}{}", anne("consultation", ""), crowd(CROWD + round, &name));
        let submission = scene.import_order(table.as_bytes());
        let before = (scene.ids().len(), scene.changes());
        // The pieces are there: what is left is the order itself.
        // Sooner and later; the last one dies behind its answer.
        let until = if round + 1 == ROUNDS { PATIENCE } else { Duration::from_millis((round * round) as u64 * 5) };
        let answered = std::thread::scope(|scope| {
            let mut client = scene.admin();
            let (send, sent) = std::sync::mpsc::channel();
            let caller = scope.spawn({
                let (submission, table) = (&submission, &table);
                move || {
                    use base64::Engine as _;
                    for piece in table.as_bytes().chunks(40_000) {
                        let chunk = base64::engine::general_purpose::STANDARD.encode(piece);
                        client.call("fr.sceau.Admin.Attach", serde_json::json!({ "chunk": chunk })).unwrap();
                    }
                    send.send(()).unwrap();
                    client.try_call("fr.sceau.Admin.Submit", submission.clone()).ok()
                }
            });
            sent.recv().unwrap();
            let began = Instant::now();
            while began.elapsed() < until && !caller.is_finished() {
                std::thread::yield_now();
            }
            let starts = scene.daemons.sceaud.starts();
            scene.daemons.sceaud.kill();
            let answered = caller.join().unwrap();
            scene.daemons.sceaud.wait_ready(starts + 1);
            answered
        });
        let is_done = scene.changes() > before.1;
        assert_eq!(scene.ids().len(), if is_done { 1 + CROWD + round } else { before.0 }, "round {round}");
        assert!(answered.is_none_or(|answer| answer.is_ok() == is_done), "round {round}");
        let again = submit(&mut scene.admin(), &submission, table.as_bytes());
        if is_done {
            taken += 1;
            assert_eq!(brief(again), says("Denied", "order-already-used"), "round {round}");
        } else {
            refused += 1;
            again.unwrap();
        }
        scene.establishment.client().consult(&session, PATIENTS[0]).unwrap();
    }
    assert!(taken > 0 && refused > 0, "{taken} {refused}");
    println!("{taken} imports were there after the death, {refused} were not");
}
