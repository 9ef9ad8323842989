//! The crate samael as a peer: what it is given and prints, `../README.md` says.

use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs};

use samael::crypto::{Crypto, CryptoProvider as _};

/// CPU time of this process in nanoseconds (proc_pid_schedstat, first figure).
fn cpu_ns() -> u64 {
    let told = fs::read_to_string("/proc/self/schedstat").expect("schedstat");
    told.split(' ').next().and_then(|figure| figure.parse().ok()).expect("a figure")
}

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let [template, key, _certificate, seconds, out] = &words[..] else {
        panic!("usage: peer-samael TEMPLATE KEY.der CERTIFICATE SECONDS FOLDER");
    };
    let (template, key) = (fs::read(template).expect("template"), fs::read(key).expect("key"));
    let time = Duration::from_secs(seconds.parse().expect("seconds"));
    let signed = || Crypto::sign_xml(&template, &key).expect("it signs");
    let first = signed();
    let (began, cpu) = (Instant::now(), cpu_ns());
    let (mut count, mut last) = (0_u64, String::new());
    while began.elapsed() < time {
        last = signed();
        count += 1;
    }
    let cpu_us = (cpu_ns() - cpu) / 1_000;
    for (name, document) in [("first.xml", first), ("last.xml", last)] {
        fs::write(Path::new(out).join(name), document).expect("written");
    }
    println!("{count} {cpu_us}");
}
