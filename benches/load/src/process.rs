//! What a server costs, from `/proc`.

use std::fs;

/// CPU seconds of a process so far, all threads.
pub fn cpu_seconds(pid: u32) -> f64 {
    let mut clock = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both calls write to what is passed, and to nothing else.
    let failed = unsafe {
        libc::clock_getcpuclockid(pid.cast_signed(), &raw mut clock) != 0
            || libc::clock_gettime(clock, &raw mut time) != 0
    };
    assert!(!failed, "process {pid} does not run");
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Resident memory in KiB, now.
pub fn rss_kib(pid: u32) -> u64 {
    status(pid, "VmRSS:")
}

/// The most resident memory in KiB since [`reset_peak`].
pub fn peak_kib(pid: u32) -> u64 {
    status(pid, "VmHWM:")
}

/// Forgets the peak so far.
pub fn reset_peak(pid: u32) {
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

fn status(pid: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the server runs");
    let line = status.lines().find(|line| line.starts_with(field)).expect("a known field");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

/// Lets this process have as many sockets as the system allows.
pub fn raise_file_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls read or write the struct that is passed, and nothing else.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
    }
    limit.rlim_cur
}
