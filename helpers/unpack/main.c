/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unpack.h"

#include "base/exitcode.h"
#include "sys/harden.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

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
    const struct rlimit no_core = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)umask(0);
    if (chroot(path) < 0 || chdir("/") < 0) {
        return err_set(e, errno, "cannot enter the folder to unpack into");
    }
    return 0;
}

/* ---- modes; @argv: what follows the name, with a NULL at its end */

static int has_flag(char **argv, const char *flag)
{
    return argv[0] != NULL && strcmp(argv[0], flag) == 0;
}

static int spool_mode(char **argv, struct err *e)
{
    (void)argv;
    return spool_run(e);
}

static int layer_mode(char **argv, struct err *e)
{
    const struct layer_options o = {.squash = has_flag(argv, "--squash")};

    return layer_run(&o, e);
}

static int blob_mode(char **argv, struct err *e)
{
    (void)argv;
    return blob_run(e);
}

static int digest_mode(char **argv, struct err *e)
{
    (void)argv;
    return digest_run(e);
}

static int sum_mode(char **argv, struct err *e)
{
    (void)argv;
    return sum_run(e);
}

static int pack_mode(char **argv, struct err *e)
{
    const struct pack_options o = {.plain = has_flag(argv, "--plain")};

    return pack_run(&o, e);
}

static int stat_mode(char **argv, struct err *e)
{
    return stat_run(argv[0], e);
}

static int take_mode(char **argv, struct err *e)
{
    return take_run(argv[0], argv[1], e);
}

static int put_mode(char **argv, struct err *e)
{
    struct layer_options o = {.folder = argv[0], .overwrite = has_flag(argv + 2, "--overwrite")};

    if (strcmp(argv[1], "keep") == 0) {
        o.uid = -1;
    } else if (sscanf(argv[1], "%" SCNd64 ":%" SCNd64, &o.uid, &o.gid) != 2) {
        return err_new(e, EINVAL, "'%s' is no owner", argv[1]);
    }
    return layer_run(&o, e);
}

static int changes_mode(char **argv, struct err *e)
{
    (void)argv;
    return changes_run(e);
}

static int pack_changes_mode(char **argv, struct err *e)
{
    (void)argv;
    return pack_changes_run(e);
}

static const struct mode {
    const char *name;
    const char *folder; /* the root it works in; NULL: it opens nothing */
    int min_args;
    int (*run)(char **argv, struct err *e);
} MODES[] = {
    {"spool", ".", 0, spool_mode},
    {"layer", "d", 0, layer_mode}, /* made here by root of the namespace, whose it must be */
    {"blob", NULL, 0, blob_mode},
    {"digest", NULL, 0, digest_mode},
    {"sum", NULL, 0, sum_mode},
    {"pack", ".", 0, pack_mode},
    {"stat", ".", 1, stat_mode},
    {"take", ".", 1, take_mode},
    {"put", ".", 2, put_mode},
    {"changes", ".", 0, changes_mode},
    {"pack-changes", ".", 0, pack_changes_mode},
};

static int run(int argc, char **argv, struct err *e)
{
    for (size_t i = 0; argc > 1 && i < sizeof(MODES) / sizeof(MODES[0]); i++) {
        const struct mode *m = &MODES[i];

        if (strcmp(argv[1], m->name) != 0 || argc - 2 < m->min_args) {
            continue;
        }
        if (m->folder != NULL && m->folder[0] != '.' && mkdir(m->folder, 0755) < 0) {
            return err_set(e, errno, "cannot create the layer's folder");
        }
        if (m->folder != NULL && enter_folder(m->folder, e) < 0) {
            return -e->errnum;
        }
        return harden_calls(/* no_sockets= */ 1, e) < 0 ? -e->errnum : m->run(argv + 2, e);
    }
    return err_new(e, EINVAL, "usage: see helpers/unpack/unpack.h");
}

int main(int argc, char **argv)
{
    struct err e = {0};

    load_locale();
    if (run(argc, argv, &e) < 0) {
        (void)fprintf(stderr, "%d %s\n", e.errnum, e.msg);
        return EXITCODE_NO_SUCH;
    }
    return 0;
}
