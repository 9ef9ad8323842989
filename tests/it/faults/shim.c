// A disk with faults, for the files below $FAULT_FOLDER of the one program it is loaded into (LD_PRELOAD). The file $FAULT_PLAN
// says which: "<operation> <n> <errno> <kind>": the n-th call of that operation (write, sync, truncate, rename) since the plan
// was written fails. Kinds: "lost" tells the error and does nothing, "kept" does it and tells the error, "torn" writes half and
// tells the error, "short" writes half and says so, "full" is "lost" from the n-th call on, "cut" and "cut-behind" end the program
// before and behind the call, as a power cut would. "copy" are the writes to the database itself, into which its log is copied.
// A line in $FAULT_PLAN.fired for each.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { NONE, LOST, KEPT, TORN, SHORT, CUT, CUT_BEHIND };

// Exit code of a program that was cut off.
enum { CUT_CODE = 99 };

static struct timespec planned;
static ino_t planned_file;
static long calls;

static int below(const char *path) {
    const char *folder = getenv("FAULT_FOLDER");
    size_t len = folder ? strlen(folder) : 0;
    return len && strncmp(path, folder, len) == 0 && path[len] == '/';
}

static int has_path(int file, char path[4096]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t len = readlink(link, path, 4095);
    if (len <= 0) return 0;
    path[len] = 0;
    return 1;
}

static int is_ours(int file) {
    char path[4096];
    return has_path(file, path) && below(path);
}

static int is_database(int file) {
    char path[4096];
    if (!has_path(file, path)) return 0;
    const char *end = strrchr(path, '.');
    return end && !strcmp(end, ".sqlite");
}

static enum kind fault(const char *operation, int target) {
    const char *plan = getenv("FAULT_PLAN");
    int file = plan ? open(plan, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return NONE;
    char text[128] = {0}, wanted[16], word[16], fired[4096];
    struct stat st;
    long n, number;
    fstat(file, &st);
    ssize_t len = read(file, text, sizeof text - 1);
    close(file);
    if (len <= 0 || sscanf(text, "%15s %ld %ld %15s", wanted, &n, &number, word) != 4) return NONE;
    if (st.st_ino != planned_file || memcmp(&st.st_mtim, &planned, sizeof planned)) {
        planned = st.st_mtim, planned_file = st.st_ino, calls = 0;
    }
    int is_copy = !strcmp(wanted, "copy") && !strcmp(operation, "write") && is_database(target);
    if (strcmp(wanted, operation) && !is_copy) return NONE;
    calls += 1;
    if (!strcmp(word, "full") ? calls < n : calls != n) return NONE;
    snprintf(fired, sizeof fired, "%s.fired", plan);
    int out = open(fired, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    syscall(SYS_write, out, "x\n", 2L);
    close(out);
    errno = (int)number;
    if (!strcmp(word, "kept")) return KEPT;
    if (!strcmp(word, "torn")) return TORN;
    if (!strcmp(word, "cut")) return CUT;
    if (!strcmp(word, "cut-behind")) return CUT_BEHIND;
    return strcmp(word, "short") ? LOST : SHORT;
}

// What a call gives back, with the errno of the fault after it was performed.
#define FAULTY(operation, file, perform, half)        \
    do {                                              \
        enum kind kind = fault(operation, file);      \
        int number = errno;                           \
        if (kind == NONE) return perform;             \
        if (kind == SHORT) return half;               \
        if (kind == CUT) _exit(CUT_CODE);             \
        if (kind == KEPT || kind == CUT_BEHIND) (void)(perform); \
        if (kind == CUT_BEHIND) _exit(CUT_CODE);      \
        if (kind == TORN) (void)(half);               \
        errno = number;                               \
        return -1;                                    \
    } while (0)

ssize_t write(int file, const void *bytes, size_t len) {
    if (!is_ours(file)) return syscall(SYS_write, file, bytes, len);
    FAULTY("write", file, syscall(SYS_write, file, bytes, len), syscall(SYS_write, file, bytes, len / 2));
}

ssize_t pwrite64(int file, const void *bytes, size_t len, off64_t at) {
    if (!is_ours(file)) return syscall(SYS_pwrite64, file, bytes, len, at);
    FAULTY("write", file, syscall(SYS_pwrite64, file, bytes, len, at), syscall(SYS_pwrite64, file, bytes, len / 2, at));
}

ssize_t pwrite(int file, const void *bytes, size_t len, off_t at) {
    return pwrite64(file, bytes, len, at);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    if (!is_ours(file)) return syscall(SYS_writev, file, parts, count);
    FAULTY("write", file, syscall(SYS_writev, file, parts, count), syscall(SYS_writev, file, parts, 1));
}

int fdatasync(int file) {
    if (!is_ours(file)) return (int)syscall(SYS_fdatasync, file);
    FAULTY("sync", file, (int)syscall(SYS_fdatasync, file), 0);
}

int fsync(int file) {
    if (!is_ours(file)) return (int)syscall(SYS_fsync, file);
    FAULTY("sync", file, (int)syscall(SYS_fsync, file), 0);
}

int ftruncate64(int file, off64_t len) {
    if (!is_ours(file)) return (int)syscall(SYS_ftruncate, file, len);
    FAULTY("truncate", file, (int)syscall(SYS_ftruncate, file, len), 0);
}

int ftruncate(int file, off_t len) {
    return ftruncate64(file, len);
}

int rename(const char *from, const char *to) {
    if (!below(to)) return (int)syscall(SYS_rename, from, to);
    FAULTY("rename", -1, (int)syscall(SYS_rename, from, to), 0);
}
