// Moves the clock of the day of the one program it is loaded into (LD_PRELOAD): CLOCK_REALTIME is off by the milliseconds that
// the file $CLOCK_SHIM holds. $CLOCK_SHIM_BOOTED, if it is there, are the seconds that the machine had been on when the test began:
// CLOCK_BOOTTIME is without them. CLOCK_MONOTONIC is off by the milliseconds of the file $CLOCK_SHIM_STEADY, where there is one. Every
// other clock is the machine's own.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long long off_ms(const char *name) {
    char text[32] = {0};
    const char *path = getenv(name);
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    ssize_t len = read(file, text, sizeof text - 1);
    close(file);
    return len > 0 ? atoll(text) : 0;
}

int clock_gettime(clockid_t id, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int rv = real(id, at);
    if (rv == 0 && (id == CLOCK_REALTIME || id == CLOCK_MONOTONIC)) {
        long long off = off_ms(id == CLOCK_REALTIME ? "CLOCK_SHIM" : "CLOCK_SHIM_STEADY");
        long long ms = (long long)at->tv_sec * 1000 + at->tv_nsec / 1000000 + off;
        at->tv_nsec = at->tv_nsec % 1000000 + (ms % 1000) * 1000000;
        at->tv_sec = ms / 1000;
    }
    const char *booted = getenv("CLOCK_SHIM_BOOTED");
    if (rv == 0 && id == CLOCK_BOOTTIME && booted) at->tv_sec -= atoll(booted);
    return rv;
}

// Rust's threads wait by a futex until a moment of CLOCK_MONOTONIC that they read above: the kernel is told it in its own time, or
// a wait of a millisecond would last as long as the clock is off.
long syscall(long number, ...) {
    static long (*real)(long, ...);
    if (!real) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    long with[6];
    va_list given;
    va_start(given, number);
    for (int i = 0; i < 6; i++) with[i] = va_arg(given, long);
    va_end(given);
    struct timespec until;
    int op = (int)with[1];
    if (number == SYS_futex && (op & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET && !(op & FUTEX_CLOCK_REALTIME) && with[3]) {
        until = *(const struct timespec *)with[3];
        long long ms = (long long)until.tv_sec * 1000 + until.tv_nsec / 1000000 - off_ms("CLOCK_SHIM_STEADY");
        until.tv_sec = ms > 0 ? ms / 1000 : 0;
        until.tv_nsec = ms > 0 ? until.tv_nsec % 1000000 + (ms % 1000) * 1000000 : 0;
        with[3] = (long)&until;
    }
    return real(number, with[0], with[1], with[2], with[3], with[4], with[5]);
}
