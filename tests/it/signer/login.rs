//! A refused PIN is never tried again: not by another process, not after a restart.

use std::fs;
use std::time::{Duration, Instant};

use sceau::seal::wire::{Answer, Failure, Request};
use sceau::vihf::signature::SignatureAlgorithm;

use super::faults::calls;
use super::rig::{PIN, Rig, SPY, Setting, eventually};
use super::seal::text;

/// Not the token's; with letters, as the right one.
const WRONG_PIN: &str = "fausse-9999";
/// The shortest wait after an unclear login and what a loaded machine may add.
const PACED_MAX: Duration = Duration::from_secs(60);

#[test]
fn a_wrong_pin_is_tried_once_by_two_processes_and_three_restarts_and_a_new_one_heals() {
    let rig = Rig::new("EC:prime256v1");
    rig.configure(&Setting { module: SPY.as_ref(), ..Setting::default() });
    rig.set_pin(WRONG_PIN);
    let mut signers = vec![];
    for round in 0..4 {
        signers = ["seal-a-1", "seal-a-2"].map(|instance| rig.spawn(instance)).into();
        for signer in &mut signers {
            signer.wait_ready();
            let mut client = signer.connect();
            eventually("the refusal is known", || {
                (client.ask(&Request::Hello) == Answer::Failure(Failure::PinRefused)).then_some(())
            });
            let message = text(SignatureAlgorithm::EcdsaSha256);
            assert_eq!(client.sign(message.as_bytes()), Err(Failure::PinRefused));
        }
        assert_eq!(rig.calls("C_Login"), 1, "one try in all, by whichever process came first");
        if round < 3 {
            signers.clear();
        }
    }
    let memories = rig.memories("run");
    assert_eq!(memories.len(), 1);
    assert!(rig.log("seal-a-1").contains(memories[0].to_str().unwrap()), "the file to remove is named in full");
    let marker = fs::read(&memories[0]).unwrap();
    assert!(!marker.windows(WRONG_PIN.len()).any(|bytes| bytes == WRONG_PIN.as_bytes()));

    // The operator corrects the file: both processes, still the same, try the new PIN once each.
    rig.set_pin(PIN);
    for signer in &signers {
        let mut client = signer.connect();
        eventually("the new PIN", || match client.ask(&Request::Hello) {
            Answer::Key(key) => Some(key.pid == signer.child.id()).filter(|same| *same),
            _ => None,
        });
        assert!(client.sign(text(SignatureAlgorithm::EcdsaSha256).as_bytes()).is_ok());
    }
    assert_eq!(rig.calls("C_Login"), 3);
    assert_eq!(rig.memories("run"), memories, "the wrong one stays wrong");
    for instance in ["seal-a-1", "seal-a-2"] {
        let log = rig.log(instance);
        assert!(!log.contains(WRONG_PIN) && !log.contains(PIN), "a PIN in the log");
    }
    // SoftHSM raises CKF_USER_PIN_COUNT_LOW after a wrong PIN and lowers it at the next good login.
    let warned =
        ["seal-a-1", "seal-a-2"].map(|i| rig.log(i).matches("last login (CKF_USER_PIN_COUNT_LOW)").count());
    assert_eq!(warned.iter().sum::<usize>(), 1, "the process that logs in first is told of the wrong try");
}

#[test]
fn a_pin_file_that_others_may_read_or_that_is_missing_refuses_the_start() {
    use std::os::unix::fs::PermissionsExt;
    let rig = Rig::new("EC:prime256v1");
    let file = rig.path("secrets/seal-a.pin");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o440)).unwrap();
    let (code, message) = rig.refused("seal-a-1");
    assert!(code == Some(2) && message.contains("chmod 0400"), "{message}");
    fs::remove_file(&file).unwrap();
    let (code, message) = rig.refused("seal-a-1");
    assert!(code == Some(2) && message.contains("seal-a.pin"), "{message}");
}

/// Starts the instances, waits until each says that the PIN is refused, and ends them.
fn refused_round(rig: &Rig, instances: &[&str], environment: &[(&str, &str)]) {
    let mut signers: Vec<_> = instances.iter().map(|i| rig.spawn_with(i, environment)).collect();
    for signer in &mut signers {
        signer.wait_ready();
        let mut client = signer.connect();
        eventually("the refusal is known", || {
            (client.ask(&Request::Hello) == Answer::Failure(Failure::PinRefused)).then_some(())
        });
    }
}

#[test]
fn two_keys_of_one_token_share_the_memory_of_a_wrong_pin() {
    let rig = Rig::new("EC:prime256v1");
    rig.add_twin(SPY.as_ref());
    rig.set_pin(WRONG_PIN);
    for _ in 0..3 {
        refused_round(&rig, &["seal-a-1", "seal-b-1"], &[]);
        assert_eq!(rig.calls("C_Login"), 1, "one try for the token");
    }
    rig.set_pin(PIN);
    for instance in ["seal-a-1", "seal-b-1"] {
        assert_eq!(rig.start(instance).connect().hello().key, instance[..6]);
    }
}

#[test]
fn the_memory_outlives_a_restart_of_the_machine() {
    let rig = Rig::new("EC:prime256v1");
    rig.configure(&Setting { module: SPY.as_ref(), ..Setting::default() });
    rig.set_pin(WRONG_PIN);
    fs::create_dir(rig.path("state")).unwrap();
    let state = rig.path("state").into_os_string().into_string().unwrap();
    for _ in 0..3 {
        refused_round(&rig, &["seal-a-1", "seal-a-2"], &[("STATE_DIRECTORY", &state)]);
        assert_eq!((rig.calls("C_Login"), rig.memories("state").len(), rig.memories("run").len()), (1, 1, 0));
        // As a tmpfs is after the machine's start.
        fs::remove_dir_all(rig.path("run")).unwrap();
        fs::create_dir(rig.path("run")).unwrap();
    }
}

fn logins(rig: &Rig) -> usize {
    calls(rig).matches('L').count()
}

#[test]
fn an_unclear_login_is_paced_for_all_processes_and_restarts() {
    let rig = Rig::new("EC:prime256v1");
    let module = rig.shim();
    rig.add_twin(&module);
    fs::write(rig.path("shim/unclear-login"), "").unwrap();
    let began = Instant::now();
    let mut signers = vec![];
    for _ in 0..3 {
        signers.clear();
        signers = ["seal-a-1", "seal-a-2", "seal-b-1"].map(|instance| rig.start(instance)).into();
        for signer in &signers {
            assert_eq!(signer.connect().ask(&Request::Hello), Answer::Failure(Failure::TokenUnreachable));
        }
        assert_eq!(logins(&rig), 1, "three processes, started anew, one try");
    }
    fs::remove_file(rig.path("shim/unclear-login")).unwrap();
    while logins(&rig) == 1 {
        assert!(began.elapsed() < PACED_MAX, "the PIN is not tried again");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(began.elapsed() >= Duration::from_secs(30), "tried again after {:?}", began.elapsed());
    println!("tried again after {:?}", began.elapsed());
    for signer in &signers {
        let mut client = signer.connect();
        eventually("each is open", || matches!(client.ask(&Request::Hello), Answer::Key(_)).then_some(()));
    }
    assert!(rig.memories("run").is_empty(), "a success clears it");
    let log = ["seal-a-1", "seal-a-2", "seal-b-1"].map(|i| rig.log(i)).concat();
    assert_eq!(log.matches("n'a pas dit pourquoi").count(), 1);
    assert!(log.matches("a échoué sans cause claire").count() <= 9, "said once by each process: {log}");
}

#[test]
fn a_crash_inside_the_login_counts_as_a_try_and_another_pin_or_the_operator_ends_the_wait() {
    let rig = Rig::new("EC:prime256v1");
    rig.configure(&Setting { module: &rig.shim(), ..Setting::default() });
    fs::write(rig.path("shim/crash-login"), "").unwrap();
    assert_eq!(rig.refused("seal-a-1").0, Some(86));
    let signer = rig.start("seal-a-1");
    assert_eq!(
        (signer.connect().ask(&Request::Hello), logins(&rig)),
        (Answer::Failure(Failure::TokenUnreachable), 1)
    );
    fs::remove_file(rig.path("shim/crash-login")).unwrap();
    rig.set_pin(WRONG_PIN);
    let mut client = signer.connect();
    eventually("another PIN is tried at once", || {
        (client.ask(&Request::Hello) == Answer::Failure(Failure::PinRefused)).then_some(())
    });
    rig.set_pin(PIN);
    let memories = rig.memories("run");
    assert_eq!((memories.len(), logins(&rig)), (1, 2), "the first one still waits");
    fs::remove_file(&memories[0]).unwrap();
    eventually("one more try", || matches!(client.ask(&Request::Hello), Answer::Key(_)).then_some(()));
    assert_eq!(logins(&rig), 3);
}

#[test]
fn a_token_that_goes_during_the_login_is_found_again_at_once() {
    let rig = Rig::new("EC:prime256v1");
    rig.configure(&Setting { module: &rig.shim(), ..Setting::default() });
    fs::write(rig.path("shim/absent-login"), "").unwrap();
    let signer = rig.start("seal-a-1");
    eventually("several tries", || (logins(&rig) > 3).then_some(()));
    fs::remove_file(rig.path("shim/absent-login")).unwrap();
    let (back, mut client) = (Instant::now(), signer.connect());
    eventually("the return", || matches!(client.ask(&Request::Hello), Answer::Key(_)).then_some(()));
    assert!(back.elapsed() < Duration::from_secs(2), "{:?}", back.elapsed());
}

/// What a PIN waits after a login without a clear end, unless the token has taken it since the machine's start.
const UNVOUCHED_WAIT: Duration = Duration::from_secs(30);

#[test]
fn a_login_cut_short_is_tried_again_soon_with_the_pin_that_the_token_took_last() {
    let rig = Rig::new("EC:prime256v1");
    rig.configure(&Setting { module: &rig.shim(), ..Setting::default() });
    let open = |signer: &super::rig::Signer| {
        let mut client = signer.connect();
        eventually("it is open", || matches!(client.ask(&Request::Hello), Answer::Key(_)).then_some(()));
    };
    let signer = rig.start("seal-a-1");
    open(&signer);
    drop(signer);
    fs::write(rig.path("shim/crash-login"), "").unwrap();
    assert_eq!(rig.refused("seal-a-1").0, Some(86));
    fs::remove_file(rig.path("shim/crash-login")).unwrap();
    let (cut, signer) = (Instant::now(), rig.start("seal-a-1"));
    open(&signer);
    assert!(cut.elapsed() < UNVOUCHED_WAIT, "{:?}", cut.elapsed());
    assert_eq!((logins(&rig), rig.memories("run")), (3, vec![]));
    drop(signer);
    // Who empties the folder, or the machine's start, takes the trust away; a PIN that was refused has none either.
    for file in fs::read_dir(rig.path("run")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|e| e == "pin-accepted") {
            let trace = fs::read(&path).unwrap();
            assert!(!trace.windows(PIN.len()).any(|bytes| bytes == PIN.as_bytes()));
            fs::remove_file(path).unwrap();
        }
    }
    fs::write(rig.path("shim/crash-login"), "").unwrap();
    assert_eq!(rig.refused("seal-a-1").0, Some(86));
    fs::remove_file(rig.path("shim/crash-login")).unwrap();
    let signer = rig.start("seal-a-1");
    assert_eq!(signer.connect().ask(&Request::Hello), Answer::Failure(Failure::TokenUnreachable), "it waits");
}
