// Moves the clock of the day of the one program it is loaded into (LD_PRELOAD): CLOCK_REALTIME is off by the milliseconds that
// the file $CLOCK_SHIM holds. $CLOCK_SHIM_BOOTED, if it is there, are the seconds that the machine had been on when the test began:
// CLOCK_BOOTTIME is without them. CLOCK_MONOTONIC is off by the milliseconds of the file $CLOCK_SHIM_STEADY, where there is one. Every
// other clock is the machine's own.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
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
