// A PKCS#11 module that forwards to SoftHSM, with faults that no soft token has: while the file is in $SHIM_FOLDER,
// "hang" keeps every C_Sign, "final-try" and "locked" add the token's flag, "lost" fails
// every C_SignInit, "no-mechanism" fails it with CKR_MECHANISM_INVALID, "wrong-signature" spoils every signature,
// "dropped" fails every C_SignInit with CKR_SESSION_HANDLE_INVALID until the next C_Initialize,
// "unclear-login" fails C_Login with CKR_GENERAL_ERROR without asking SoftHSM, "crash-login" ends the process in it,
// "slow" keeps every C_Sign for as many microseconds as it says, of all sessions at once; "one-at-a-time" beside it, of one
// session after the other, as a device with one queue;
// "absent-login" fails it with CKR_DEVICE_REMOVED, "then-final-try", "then-locked" and "then-unsaid" change the flags once a
// login has failed; the file "calls" tells what happened: Initialize, Finalize, Login, Sign, h when a C_Sign hangs.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef unsigned long CK_ULONG;
// CK_FUNCTION_LIST of PKCS#11 2.40: a version, then 68 pointers in the order of the standard's header.
enum { INITIALIZE = 0, FINALIZE = 1, GET_TOKEN_INFO = 6, LOGIN = 18, SIGN_INIT = 42, SIGN = 43, FUNCTIONS = 68, FLAGS_OFFSET = 96 };
struct list { unsigned char major, minor; void *function[FUNCTIONS]; };

static struct list shim;
static struct list *real;
static int failed, begun_after_drop;

static int wanted(const char *fault) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", getenv("SHIM_FOLDER"), fault);
    return access(path, F_OK) == 0;
}

static CK_ULONG get_token_info(CK_ULONG slot, unsigned char *info) {
    CK_ULONG rv = ((CK_ULONG(*)(CK_ULONG, void *))real->function[GET_TOKEN_INFO])(slot, info), flags;
    memcpy(&flags, info + FLAGS_OFFSET, sizeof flags);
    flags |= wanted("final-try") ? 0x20000UL : 0;
    flags |= wanted("locked") ? 0x40000UL : 0;
    if (failed && wanted("then-unsaid")) flags &= ~0x70000UL;
    flags |= failed && wanted("then-final-try") ? 0x20000UL : 0;
    flags |= failed && wanted("then-locked") ? 0x40000UL : 0;
    memcpy(info + FLAGS_OFFSET, &flags, sizeof flags);
    return rv;
}

static void note(char call) {
    char path[4096];
    snprintf(path, sizeof path, "%s/calls", getenv("SHIM_FOLDER"));
    FILE *file = fopen(path, "a");
    if (file) { fputc(call, file); fclose(file); }
}

static CK_ULONG initialize(void *arguments) {
    note('I');
    begun_after_drop = wanted("dropped");
    return ((CK_ULONG(*)(void *))real->function[INITIALIZE])(arguments);
}

static CK_ULONG finalize(void *reserved) {
    note('F');
    return ((CK_ULONG(*)(void *))real->function[FINALIZE])(reserved);
}

static CK_ULONG login(CK_ULONG session, CK_ULONG user, void *pin, CK_ULONG len) {
    note('L');
    if (wanted("crash-login")) _exit(86);
    if (wanted("unclear-login")) return 5;
    if (wanted("absent-login")) return 0x32;
    CK_ULONG rv = ((CK_ULONG(*)(CK_ULONG, CK_ULONG, void *, CK_ULONG))real->function[LOGIN])(session, user, pin, len);
    failed = rv != 0;
    return rv;
}

static CK_ULONG sign_init(CK_ULONG session, void *mechanism, CK_ULONG key) {
    // A firewall that forgot the connection: until the library is begun anew, every call of a session fails.
    if (wanted("dropped") && !begun_after_drop) return 0xB3;
    if (wanted("lost")) return 5;
    if (wanted("no-mechanism")) return 0x70;
    return ((CK_ULONG(*)(CK_ULONG, void *, CK_ULONG))real->function[SIGN_INIT])(session, mechanism, key);
}

static void work(void) {
    static pthread_mutex_t queue = PTHREAD_MUTEX_INITIALIZER;
    char path[4096];
    long us = 0;
    snprintf(path, sizeof path, "%s/slow", getenv("SHIM_FOLDER"));
    FILE *file = fopen(path, "r");
    if (!file) return;
    if (fscanf(file, "%ld", &us) != 1) us = 0;
    fclose(file);
    struct timespec left = { us / 1000000, us % 1000000 * 1000 };
    int queued = wanted("one-at-a-time");
    if (queued) pthread_mutex_lock(&queue);
    while (nanosleep(&left, &left) != 0) {}
    if (queued) pthread_mutex_unlock(&queue);
}

static CK_ULONG sign(CK_ULONG session, void *data, CK_ULONG len, void *out, CK_ULONG *out_len) {
    if (wanted("hang")) note('h');
    while (wanted("hang")) usleep(1000);
    if (out) work();
    CK_ULONG rv = ((CK_ULONG(*)(CK_ULONG, void *, CK_ULONG, void *, CK_ULONG *))real->function[SIGN])(session, data, len, out, out_len);
    if (out && rv == 0 && wanted("wrong-signature")) ((unsigned char *)out)[*out_len - 1] ^= 1;
    if (out) note('S');
    return rv;
}

CK_ULONG C_GetFunctionList(struct list **out) {
    void *library = dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW | RTLD_LOCAL);
    CK_ULONG (*get)(struct list **) = library ? (CK_ULONG(*)(struct list **))dlsym(library, "C_GetFunctionList") : NULL;
    CK_ULONG rv = get ? get(&real) : 5;
    if (rv == 0) {
        shim = *real;
        shim.function[INITIALIZE] = initialize;
        shim.function[FINALIZE] = finalize;
        shim.function[SIGN_INIT] = sign_init;
        shim.function[GET_TOKEN_INFO] = get_token_info;
        shim.function[LOGIN] = login;
        shim.function[SIGN] = sign;
        *out = &shim;
    }
    return rv;
}
