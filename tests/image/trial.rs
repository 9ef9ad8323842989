//! trial
use super::artefacts;
use super::machine::*;

#[test]
fn good() {
    let mut m = Machine::new(&artefacts::disk(artefacts::VERSION));
    let mut b = m.boot();
    let until = std::env::var("TRIAL_UNTIL").unwrap_or("SECONDS".into());
    let began = std::time::Instant::now();
    let said = b.says_or_ends(&[&until]);
    println!("{said:?} after {:?}", began.elapsed());
    println!("{}", b.said());
}
