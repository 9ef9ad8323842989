//! CPU time of processes, as the scheduler accounts it.

use nix::unistd::Pid;

/// CPU that the processes have used since they began, in microseconds: the sum over their threads.
///
/// `schedstat` counts nanoseconds, where `stat` counts ticks of ten milliseconds.
pub(super) fn microseconds(processes: &[Pid]) -> f64 {
    processes.iter().map(|pid| threads(*pid)).sum()
}

fn threads(pid: Pid) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or_default()
    };
    tasks.map(|task| of(task.unwrap().path())).sum::<f64>() / 1000.0
}
