//! CPU time of processes, as the scheduler accounts it.

use std::path::{Path, PathBuf};

use nix::unistd::Pid;

/// CPU that the processes have used since they began, in microseconds: the sum over their threads.
///
/// `schedstat` counts nanoseconds, where `stat` counts ticks of ten milliseconds.
pub(super) fn microseconds(processes: &[Pid]) -> f64 {
    processes.iter().map(|pid| threads(*pid)).sum()
}

/// CPU of the one thread of that name, in microseconds.
pub(crate) fn of_thread(process: Pid, name: &str) -> f64 {
    tasks(process).filter(|task| read(task, "comm").trim_end() == name).map(|task| used(&task)).sum()
}

fn threads(pid: Pid) -> f64 {
    tasks(pid).map(|task| used(&task)).sum()
}

fn tasks(pid: Pid) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().map(|task| task.unwrap().path())
}

fn read(task: &Path, file: &str) -> String {
    // A thread that is gone says nothing.
    std::fs::read_to_string(task.join(file)).unwrap_or_default()
}

fn used(task: &Path) -> f64 {
    let nanoseconds = read(task, "schedstat").split(' ').next().and_then(|ns| ns.parse::<f64>().ok());
    nanoseconds.unwrap_or_default() / 1000.0
}

/// CPU of the thread that asks, in microseconds.
pub(super) fn own_thread_us() -> f64 {
    sceau::sys::cpu::thread_ns() as f64 / 1000.0
}
