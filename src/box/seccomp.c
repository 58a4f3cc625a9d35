/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/seccomp.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "box/explain.h"
#include "box/sync.h"
#include "sys/bpf.h"
#include "sys/fd.h"
#include "sys/proc.h"
#include "userns/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Made by rbox-seccomp at build time, for the default capabilities (see the Makefile). */
#include "seccomp_programs.h"

enum {
    PROFILE_BYTES_MAX = 4 << 20,
    PROGRAM_BYTES_MAX = BPF_MAXINSNS * sizeof(struct sock_filter),
    COMPILE_TIMEOUT_MS = 20000
};

static void add_static(struct seccomp_filter *f, const void *code, size_t bytes)
{
    f->programs[f->count++] = (struct seccomp_program){.code = code, .bytes = bytes};
}

/* ---- compiling, and the cache: a folder of the user's, files named by what they were made from */

static uint64_t hash(uint64_t h, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        h = (h ^ (unsigned char)data[i]) * 0x100000001b3ULL;
    }
    return h;
}

/* $XDG_CACHE_HOME/rbox/seccomp, -1 where there is no such place: then nothing is cached. */
static int open_cache(void)
{
    const char *base = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    autofree char *path = NULL;
    struct err ignored = {0};

    if (base != NULL && *base == '/') {
        path = xasprintf("%s/rbox/seccomp", base);
    } else if (home != NULL && *home == '/') {
        path = xasprintf("%s/.cache/rbox/seccomp", home);
    }
    if (path == NULL || dir_make_all(path, &ignored) < 0) {
        return -1;
    }
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int run_helper(const char *const *arguments, int in_fd, char **ret, size_t *ret_len,
                      struct err *e)
{
    autofree char *path = NULL;
    autostrv struct strv argv = {0};
    autoclose int out_fd = memfd_create("rbox filter", MFD_CLOEXEC);
    autokill int pidfd = -1;
    struct proc_options o = {.in_fd = in_fd, .out_fd = out_fd, .die_with_parent = 1};
    int status = 0;
    int r = proc_find_helper("rbox-seccomp", &path, e);

    if (r < 0) {
        return r;
    }
    strv_push(&argv, path);
    for (; *arguments != NULL; arguments++) {
        strv_push(&argv, *arguments);
    }
    o.argv = (const char *const *)argv.v;
    r = proc_start(&o, &pidfd, e);
    r = r < 0 ? r : proc_wait(pidfd, COMPILE_TIMEOUT_MS, &status, e);
    if (r == 0) {
        close_fd(&pidfd);
    }
    if (r == 0 && status != 0) {
        r = err_new(e, EINVAL, "cannot compile the seccomp profile (its reason is above)");
    }
    if (r == 0 && lseek(out_fd, 0, SEEK_SET) < 0) {
        r = err_set(e, errno, "cannot read the compiled filter");
    }
    return r < 0 ? r : fd_read_all(out_fd, PROGRAM_BYTES_MAX, ret, ret_len, e);
}

/* One program, from the cache or from rbox-seccomp. @profile: the JSON text, or NULL. */
static int add_compiled(struct seccomp_filter *f, const char *const *arguments, const char *profile,
                        struct err *e)
{
    autofree char *name = NULL;
    autofree char *code = NULL;
    autoclose int cache_fd = open_cache();
    autoclose int in_fd = -1;
    struct err ignored = {0};
    uint64_t h = hash(0xcbf29ce484222325ULL, SECCOMP_BUILD, sizeof(SECCOMP_BUILD));
    size_t len = 0;
    int r = 0;

    for (const char *const *a = arguments; *a != NULL; a++) {
        h = hash(h, *a, strlen(*a) + 1);
    }
    h = profile != NULL ? hash(h, profile, strlen(profile)) : h;
    name =
        xasprintf("%016llx-%zu.bpf", (unsigned long long)h, profile != NULL ? strlen(profile) : 0);
    if (cache_fd < 0 || file_read(cache_fd, name, PROGRAM_BYTES_MAX, &code, &len, &ignored) < 0) {
        if (profile != NULL) {
            r = fd_memfd("seccomp profile", profile, strlen(profile), &in_fd, e);
        }
        r = r < 0 ? r : run_helper(arguments, in_fd, &code, &len, e);
        if (r == 0 && cache_fd >= 0) {
            (void)file_write(cache_fd, name, code, len, FILE_PRIVATE, &ignored);
        }
    }
    if (r < 0) {
        return r;
    }
    if (len == 0 || len % sizeof(struct sock_filter) != 0) {
        return err_new(e, EINVAL, "the compiled seccomp filter is damaged");
    }
    f->programs[f->count++] =
        (struct seccomp_program){.code = steal_ptr(&code), .bytes = len, .is_owned = 1};
    return 0;
}

/* ---- choosing */

static int add_default(struct seccomp_filter *f, const struct spec *s, struct err *e)
{
    int nested = s->box.nested || s->linux_.seccomp.mode == SPEC_SECCOMP_NESTED;
    autofree char *caps = xasprintf("%llx", (unsigned long long)s->process.capabilities.bounding);
    const char *option = nested ? "--nested" : NULL;
    int r = 0;

    if (!nested && s->process.capabilities.bounding == SECCOMP_DEFAULT_CAPS) {
        add_static(f, SECCOMP_ALLOW, sizeof(SECCOMP_ALLOW));
        add_static(f, SECCOMP_DENY, sizeof(SECCOMP_DENY));
        return 0;
    }
    r = add_compiled(f, (const char *const[]){"allow", caps, option, NULL}, NULL, e);
    return r < 0 ? r : add_compiled(f, (const char *const[]){"deny", caps, option, NULL}, NULL, e);
}

static int add_profile(struct seccomp_filter *f, const struct spec *s, struct err *e)
{
    autofree char *caps = xasprintf("%llx", (unsigned long long)s->process.capabilities.bounding);
    autoclose int fd =
        open(s->linux_.seccomp.profile, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    autofree char *text = NULL;

    if (fd < 0) {
        return err_set(e, errno, "cannot open seccomp profile '%s'", s->linux_.seccomp.profile);
    }
    if (fd_read_all(fd, PROFILE_BYTES_MAX, &text, NULL, e) < 0 ||
        add_compiled(f, (const char *const[]){"profile", caps, NULL}, text, e) < 0) {
        return err_wrap(e, "seccomp profile '%s'", s->linux_.seccomp.profile);
    }
    return 0;
}

int seccomp_prepare(const struct spec *s, struct seccomp_filter *ret, struct err *e)
{
    struct seccomp_filter f = {0};
    int r = 0;

    switch (s->linux_.seccomp.mode) {
    case SPEC_SECCOMP_DEFAULT:
    case SPEC_SECCOMP_NESTED:
        r = add_default(&f, s, e);
        break;
    case SPEC_SECCOMP_FILE:
        r = add_profile(&f, s, e);
        break;
    case SPEC_SECCOMP_UNCONFINED:
        break;
    }
    f.profile_count = f.count;
    if (r == 0 && s->box.explain) {
        r = explain_filter(&f, e);
    }
    /* Programs of one's own ids only: package managers chown and drop to users that are not there.
     * Not a wall, but a help, so it is there whatever the profile. */
    if (r == 0 && idmap_is_single(&s->linux_.uid_mappings)) {
        add_static(&f, SECCOMP_SINGLE_ID, sizeof(SECCOMP_SINGLE_ID));
    }
    if (r < 0) {
        seccomp_done(&f);
        return r;
    }
    *ret = f;
    return 0;
}

static void program_done(struct seccomp_program *p)
{
    if (p->is_owned) {
        free((void *)(uintptr_t)p->code);
    }
}

void seccomp_done(struct seccomp_filter *f)
{
    for (size_t i = 0; i < f->count; i++) {
        program_done(&f->programs[i]);
    }
    program_done(&f->explain);
    memset(f, 0, sizeof(*f));
}

/* ---- loading */

/* Returns what the kernel does: a listener's descriptor, or 0; or a negative errno. */
static int load_program(const struct seccomp_program *p, unsigned int flags, struct err *e)
{
    struct sock_fprog program = {.len = (unsigned short)(p->bytes / sizeof(struct sock_filter)),
                                 .filter = (struct sock_filter *)(uintptr_t)p->code};
    long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);

    if (r < 0 && flags != 0 && errno == EBUSY) {
        return err_new(e, EBUSY, "rbox runs under --explain itself, and there can be only one");
    }
    return r < 0 ? err_set(e, errno, "cannot load the system call filter") : (int)r;
}

/* From here to its end the child's calls may be the supervisor's to answer: it listens as soon as
 * it has the descriptor, which the send below gives it. */
static int load_explain(const struct seccomp_filter *f, int sync_fd, struct err *e)
{
    autoclose int listener_fd = load_program(&f->explain, SECCOMP_FILTER_FLAG_NEW_LISTENER, e);

    return listener_fd < 0 ? listener_fd : sync_send(sync_fd, SYNC_LISTENER, listener_fd, e);
}

int seccomp_load(const struct seccomp_filter *f, int sync_fd, struct err *e)
{
    int is_explained = f->explain.code != NULL;
    int r = 0;

    /* The explained one last: a load after it would be a call that it watches. */
    for (size_t i = is_explained ? f->profile_count : 0; r == 0 && i < f->count; i++) {
        r = load_program(&f->programs[i], 0, e);
    }
    return r < 0 || !is_explained ? r : load_explain(f, sync_fd, e);
}

uint32_t seccomp_answer(const struct seccomp_filter *f, const struct seccomp_data *data)
{
    uint32_t answer = SECCOMP_RET_ALLOW;

    for (size_t i = 0; i < f->profile_count; i++) {
        const struct seccomp_program *p = &f->programs[i];
        uint32_t one = SECCOMP_RET_KILL_PROCESS;

        (void)bpf_run(p->code, p->bytes / sizeof(struct sock_filter), data, &one);
        answer = bpf_stricter(answer, one);
    }
    return answer;
}
