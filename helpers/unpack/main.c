/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unpack.h"

#include "base/exitcode.h"
#include "sys/fd.h"
#include "sys/harden.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    KNOWN_BYTES_MAX = 64 << 20
};

/* Everything that glibc and libarchive load on demand (character sets, codecs) must be loaded
 * before the chroot. Names are bytes to us; the locale only keeps libarchive from complaining about
 * PAX names that are not ASCII. */
static void load_locale(void)
{
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) {
        (void)setlocale(LC_CTYPE, "C");
    }
}

/* Nothing that this program opens from now on lies outside of the folder it fills. */
static int enter_folder(const char *path, struct err *e)
{
    if (chroot(path) < 0 || chdir("/") < 0) {
        return err_set(e, errno, "cannot enter the folder to unpack into");
    }
    return 0;
}

/* ---- modes */

struct call {
    char **argv; /* what follows the mode's name, with a NULL at its end */
    struct layer_options layer;
    struct worker worker;
    struct amount max; /* to come out, or to be taken of the disk */
    char *known;       /* of spool */
};

static int has_flag(char **argv, const char *flag)
{
    return argv[0] != NULL && strcmp(argv[0], flag) == 0;
}

static int spool_mode(struct call *c, struct err *e)
{
    return spool_run(&c->worker, c->known, &c->max, e);
}

static int layer_mode(struct call *c, struct err *e)
{
    return layer_run(&c->worker, &c->max, e);
}

static int blob_mode(struct call *c, struct err *e)
{
    return blob_run(&c->max, e);
}

static int digest_mode(struct call *c, struct err *e)
{
    return digest_run(&c->max, e);
}

static int sum_mode(struct call *c, struct err *e)
{
    (void)c;
    return sum_run(e);
}

static int pack_mode(struct call *c, struct err *e)
{
    (void)c;
    return pack_run(e);
}

static int pack_list_mode(struct call *c, struct err *e)
{
    (void)c;
    return pack_list_run(e);
}

static int stat_mode(struct call *c, struct err *e)
{
    return stat_run(c->argv[0], e);
}

static int take_mode(struct call *c, struct err *e)
{
    return take_run(c->argv[0], c->argv[1], e);
}

static int put_mode(struct call *c, struct err *e)
{
    struct layer_options o = {
        .max = AMOUNT_ANY, .folder = c->argv[0], .overwrite = has_flag(c->argv + 2, "--overwrite")};

    if (strcmp(c->argv[1], "keep") == 0) {
        o.uid = -1;
    } else if (sscanf(c->argv[1], "%" SCNd64 ":%" SCNd64, &o.uid, &o.gid) != 2) {
        return err_new(e, EINVAL, "'%s' is no owner", c->argv[1]);
    }
    return put_run(&o, e);
}

static int changes_mode(struct call *c, struct err *e)
{
    (void)c;
    return changes_run(e);
}

static int pack_changes_mode(struct call *c, struct err *e)
{
    (void)c;
    return pack_changes_run(e);
}

static const struct mode {
    const char *name;
    const char *folder; /* the root it works in; NULL: it opens nothing */
    int min_args;
    int (*run)(struct call *c, struct err *e);
    int unpacks;      /* layers, by a worker */
    const char *base; /* of the worker's folders */
} MODES[] = {
    {.name = "spool", .folder = "files", .run = spool_mode, .unpacks = 1, .base = "layers"},
    {.name = "layer", .folder = ".", .run = layer_mode, .unpacks = 1},
    {.name = "blob", .run = blob_mode},
    {.name = "digest", .run = digest_mode},
    {.name = "sum", .run = sum_mode},
    {.name = "pack", .folder = ".", .run = pack_mode},
    {.name = "pack-list", .folder = ".", .run = pack_list_mode},
    {.name = "stat", .folder = ".", .min_args = 1, .run = stat_mode},
    {.name = "take", .folder = ".", .min_args = 1, .run = take_mode},
    {.name = "put", .folder = ".", .min_args = 2, .run = put_mode},
    {.name = "changes", .folder = ".", .run = changes_mode},
    {.name = "pack-changes", .folder = ".", .run = pack_changes_mode},
};

/* What has to be done outside of the wall. */
static int prepare(const struct mode *m, struct call *c, struct err *e)
{
    if (has_flag(c->argv, "--max") && c->argv[1] != NULL && c->argv[2] != NULL) {
        c->max.bytes = strtoull(c->argv[1], NULL, 10);
        c->max.files = strtoull(c->argv[2], NULL, 10);
        c->argv += 3;
    }
    if (has_flag(c->argv, "--squash")) {
        c->layer.squash = 1;
        c->argv++;
    }
    if (!m->unpacks) {
        return 0;
    }
    if (c->argv[0] != NULL &&
        file_read(AT_FDCWD, c->argv[0], KNOWN_BYTES_MAX, &c->known, NULL, e) < 0) {
        return -e->errnum;
    }
    return worker_start(&c->worker, &c->layer, m->base, e);
}

static int run(int argc, char **argv, struct err *e)
{
    struct call c = {.argv = argv + 2, .max = AMOUNT_ANY};

    for (size_t i = 0; argc > 1 && i < sizeof(MODES) / sizeof(MODES[0]); i++) {
        const struct mode *m = &MODES[i];

        if (strcmp(argv[1], m->name) != 0 || argc - 2 < m->min_args) {
            continue;
        }
        if (prepare(m, &c, e) < 0) {
            return -e->errnum;
        }
        if (m->folder != NULL && m->folder[0] != '.' && mkdir(m->folder, 0755) < 0) {
            return err_set(e, errno, "cannot create the folder for files");
        }
        if (m->folder != NULL && enter_folder(m->folder, e) < 0) {
            return -e->errnum;
        }
        return harden_calls(HARDEN_NO_SOCKETS | HARDEN_NO_FORK, e) < 0 ? -e->errnum : m->run(&c, e);
    }
    return err_new(e, EINVAL, "usage: see helpers/unpack/unpack.h");
}

int main(int argc, char **argv)
{
    const struct rlimit no_core = {0, 0};
    char prefix[16];
    struct err e = {0};

    load_locale();
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)umask(0);
    if (run(argc, argv, &e) < 0) {
        (void)snprintf(prefix, sizeof(prefix), "%d ", e.errnum);
        err_print_line(prefix, e.msg); /* the launcher takes the last line for it */
        return EXITCODE_NO_SUCH;
    }
    return 0;
}
