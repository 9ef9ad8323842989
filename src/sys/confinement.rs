//! A process that holds a private key in its own memory gives up, for good, all that signing does not need.

use std::collections::BTreeMap;
use std::io;

use nix::libc;
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::peer;

/// What serving a socket and signing take (syscalls(2)); everything else is refused with EPERM: files, programs, other
/// processes' memory, devices, namespaces, modules.
const NEEDED: &[libc::c_long] = &[
    // What is open already, and the end of the door.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_lseek,
    libc::SYS_unlinkat,
    libc::SYS_ppoll,
    // Connections that are accepted; who may make sockets of which kind stands below.
    libc::SYS_accept4,
    libc::SYS_connect,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_shutdown,
    // A long line of the log goes to journald in a file without a name.
    libc::SYS_memfd_create,
    libc::SYS_ftruncate,
    // Threads and their memory.
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_membarrier,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_prctl,
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_mlock,
    libc::SYS_munlock,
    // Signals, clocks, random bytes, who we are.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_tgkill,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getrusage,
    libc::SYS_uname,
];
/// The same of older machines, for which newer ones have the calls above alone.
#[cfg(target_arch = "x86_64")]
const OLDER: &[libc::c_long] = &[libc::SYS_poll, libc::SYS_unlink, libc::SYS_time, libc::SYS_arch_prctl];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[libc::c_long] = &[];

/// Keeps every page of the process, now and later, out of swap (mlockall(2)): call it before a secret is read.
///
/// # Errors
/// What the kernel said, or that the limit (`LimitMEMLOCK=`) is none that threads could live under.
pub fn lock_memory() -> io::Result<()> {
    let (limit, _) = getrlimit(Resource::RLIMIT_MEMLOCK)?;
    // Reserved addresses count: under any finite limit some later thread would not start.
    if limit != RLIM_INFINITY && peer::own_uid() != 0 {
        return Err(io::Error::other("LimitMEMLOCK= is not infinity"));
    }
    Ok(mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE)?)
}

/// Leaves every thread of the process what `NEEDED` lists and sockets of this machine (seccomp(2)).
///
/// After `Ok` no thread opens a file, reaches a network, starts a program or looks into another process, and none ever will.
///
/// # Errors
/// The kernel or its policy refuses filters; nothing was given up.
pub fn give_up_all_but_signing() -> io::Result<()> {
    seccompiler::apply_filter_all_threads(&program().map_err(io::Error::other)?).map_err(io::Error::other)
}

fn program() -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        NEEDED.iter().chain(OLDER).map(|call| (*call, Vec::new())).collect();
    // The service manager and the journal are told through sockets made for each word.
    let unix = u64::from(libc::AF_UNIX.unsigned_abs());
    let family = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, unix)?;
    rules.insert(libc::SYS_socket, vec![SeccompRule::new(vec![family])?]);
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let arch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, refused, SeccompAction::Allow, arch)?.try_into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// In a thread of its own: the filter is that thread's alone.
    #[test]
    fn what_signing_does_not_need_is_refused_for_good() {
        let confined = std::thread::spawn(|| {
            seccompiler::apply_filter(&program().unwrap()).unwrap();
            let file = std::fs::read("/etc/hostname").map(drop);
            let network = std::net::TcpListener::bind("127.0.0.1:0").map(drop);
            let program = std::process::Command::new("/bin/true").status().map(drop);
            let tracing = nix::sys::stat::stat("/").map(drop).map_err(io::Error::from);
            let socket = std::os::unix::net::UnixDatagram::unbound().map(drop);
            let thread = std::thread::spawn(|| 7).join();
            ([file, network, program, tracing].map(|done| done.map_err(|cause| cause.kind())), socket, thread)
        });
        let (refused, socket, thread) = confined.join().unwrap();
        assert_eq!(refused, [Err(io::ErrorKind::PermissionDenied); 4]);
        assert!(socket.is_ok() && thread.is_ok_and(|number| number == 7));
        // The others are as free as before.
        assert!(std::fs::read("/etc/passwd").is_ok());
    }
}
