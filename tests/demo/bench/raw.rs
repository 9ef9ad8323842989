//! The module's raw rate for the same key: the product's own `Device` in processes of its own, nothing around it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sceau::config::{Config, SignerKey};
use sceau::seal::wire::self_test_message;
use sceau::token::{Device, Meter, PinGuard};

use crate::Failure;
use crate::support::establishment::Establishment;

/// A rate and the CPU of each signature.
pub(super) struct Raw {
    pub(super) per_second: f64,
    pub(super) cpu_us: f64,
}

/// Which key of the configuration.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key {
    Seal,
    Authentication,
}

/// Signs for `time` in so many processes of one session each.
pub(super) fn measure(establishment: &Establishment, key: Key, processes: usize, time: Duration) -> Raw {
    measure_with(establishment, key, (processes, 1), time, &[])
}

/// The same in so many processes of so many sessions each, with further environment.
pub(super) fn measure_with(
    establishment: &Establishment,
    key: Key,
    (processes, sessions): (usize, u16),
    time: Duration,
    env: &[(&str, &str)],
) -> Raw {
    let children: Vec<_> = (0..processes)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["bench-raw", &establishment.config().display().to_string(), &format!("{key:?}")])
                .args([time.as_millis().to_string(), sessions.to_string()])
                .env("SOFTHSM2_CONF", establishment.store.conf())
                .envs(env.iter().copied())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut raw = Raw { per_second: 0.0, cpu_us: 0.0 };
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "the raw bench failed");
        let text = String::from_utf8(output.stdout).unwrap();
        let figures: Vec<f64> = text.split_whitespace().map(|figure| figure.parse().unwrap()).collect();
        raw.per_second += figures[0];
        raw.cpu_us += figures[1] / processes as f64;
    }
    raw
}

/// The child: opens the first key of that use and prints signatures per second and CPU microseconds per signature.
pub(crate) fn child(config: &str, key: &str, milliseconds: &str, sessions: &str) -> Result<(), Failure> {
    let config = Config::load(Path::new(config)).map_err(|e| Failure::usage(e.to_string()))?;
    let time = Duration::from_millis(milliseconds.parse().map_err(|_| Failure::usage("durée"))?);
    let sessions: u16 = sessions.parse().map_err(|_| Failure::usage("sessions"))?;
    let keys = if key == "Seal" { &config.seals } else { &config.authentications };
    let key = &keys[0];
    let folder = config.signers_of(&key.purpose);
    let meter = Arc::new(Meter::new(sessions));
    let guard = PinGuard::new(folder);
    let signer = SignerKey { sessions, ..key.signer() };
    let device =
        Device::open(&signer, &guard, Arc::clone(&meter)).map_err(|e| Failure::negative(e.to_string()))?;
    let (began, before, cpu_before) = (Instant::now(), meter.signatures(), meter.sign_cpu_ns());
    std::thread::scope(|scope| {
        for _ in 0..sessions {
            scope.spawn(|| {
                while began.elapsed() < time {
                    device.sign(&self_test_message(&[7; 32])).unwrap();
                }
            });
        }
    });
    let signatures = (meter.signatures() - before) as f64;
    let cpu_us = (meter.sign_cpu_ns() - cpu_before) as f64 / 1000.0 / signatures;
    writeln!(std::io::stdout(), "{} {cpu_us}", signatures / began.elapsed().as_secs_f64())
        .map_err(|e| Failure::negative(e.to_string()))
}
