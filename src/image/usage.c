/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/usage.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "spec/spec.h"
#include "sys/dir.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Run @job as root of the caller's usual map. Root needs none, and is in none. */
static int run_mapped(userns_job *job, void *arg, struct err *e)
{
    struct spec s = {0};
    int r = 0;

    if (geteuid() == 0) {
        return job(arg, e);
    }
    r = userns_own_maps(&s, e);
    r = r < 0 ? r : userns_run(&s.linux_.uid_mappings, &s.linux_.gid_mappings, job, arg, e);
    spec_done(&s);
    return r;
}

/* ---- counting */

enum {
    DEPTH_MAX = 512 /* one descriptor each; what lies deeper is not counted */
};

struct link {
    dev_t dev;
    ino_t ino;
};

struct count {
    int dir_fd;
    const char *const *names;
    size_t name_count;
    int64_t *bytes; /* shared with the parent */
    void *links;    /* tree of struct link: files with several names that were seen */
};

static int compare_links(const void *a, const void *b)
{
    const struct link *x = a;
    const struct link *y = b;

    if (x->dev != y->dev) {
        return x->dev < y->dev ? -1 : 1;
    }
    return x->ino == y->ino ? 0 : (x->ino < y->ino ? -1 : 1);
}

/* Is this the first of the file's names? */
static int is_new(struct count *c, const struct stat *st)
{
    const struct link key = {.dev = st->st_dev, .ino = st->st_ino};
    struct link *mine = NULL;
    struct link **found = NULL;

    if (S_ISDIR(st->st_mode) || st->st_nlink < 2) {
        return 1;
    }
    mine = xmemdup(&key, sizeof(key));
    found = tsearch(mine, &c->links, compare_links);
    if (found == NULL || *found == mine) {
        return 1;
    }
    free(mine);
    return 0;
}

static int64_t count_tree(struct count *c, int dir_fd, const char *name, int depth)
{
    struct stat st;
    int64_t bytes = 0;
    autoclosedir DIR *d = NULL;
    const struct dirent *entry = NULL;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return 0;
    }
    bytes = is_new(c, &st) ? (int64_t)st.st_blocks * 512 : 0;
    if (!S_ISDIR(st.st_mode) || depth > DEPTH_MAX) {
        return bytes;
    }
    d = dir_open(dir_fd, name);
    while (d != NULL && dir_next(d, &entry) > 0) {
        bytes += count_tree(c, dirfd(d), entry->d_name, depth + 1);
    }
    return bytes;
}

static int count_job(void *arg, struct err *e)
{
    struct count *c = arg;

    (void)e;
    for (size_t i = 0; i < c->name_count; i++) {
        c->bytes[i] = count_tree(c, c->dir_fd, c->names[i], 0);
    }
    tdestroy(c->links, free);
    c->links = NULL;
    return 0;
}

int usage_of(int dir_fd, const char *const *names, size_t count, int64_t *ret, struct err *e)
{
    struct count c = {.dir_fd = dir_fd, .names = names, .name_count = count};
    size_t size = (count + 1) * sizeof(int64_t);
    void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int r = 0;

    if (shared == MAP_FAILED) {
        return err_set(e, errno, "cannot share memory");
    }
    c.bytes = shared;
    r = run_mapped(count_job, &c, e);
    if (r == 0) {
        memcpy(ret, c.bytes, count * sizeof(*ret));
    }
    (void)munmap(shared, size);
    return r;
}

int usage_total(int dir_fd, const char *const *names, size_t count, int64_t *ret, struct err *e)
{
    autofree int64_t *bytes = xcalloc(count + 1, sizeof(*bytes));
    int r = count > 0 ? usage_of(dir_fd, names, count, bytes, e) : 0;

    *ret = 0;
    for (size_t i = 0; i < count; i++) {
        *ret += bytes[i];
    }
    return r;
}
