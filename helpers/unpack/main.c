/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unpack.h"

#include "base/exitcode.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
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
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)umask(0);
    if (chroot(path) < 0 || chdir("/") < 0) {
        return err_set(e, errno, "cannot enter the folder to unpack into");
    }
    return 0;
}

static int run(int argc, char **argv, struct err *e)
{
    const char *mode = argc > 1 ? argv[1] : "";

    if (strcmp(mode, "blob") == 0) {
        return blob_run(e);
    }
    if (strcmp(mode, "digest") == 0) {
        return digest_run(e);
    }
    if (strcmp(mode, "pack") == 0) {
        const struct pack_options options = {.plain = argc > 2 && strcmp(argv[2], "--plain") == 0};

        return enter_folder(".", e) < 0 ? -e->errnum : pack_run(&options, e);
    }
    if (strcmp(mode, "spool") != 0 && strcmp(mode, "layer") != 0) {
        return err_new(
            e, EINVAL,
            "usage: rbox-unpack spool | layer [--squash] | blob | digest | pack [--plain]");
    }
    if (strcmp(mode, "spool") == 0) {
        return enter_folder(".", e) < 0 ? -e->errnum : spool_run(e);
    }
    /* Made by root of the namespace, whose it must be; the folder around it is the caller's. */
    if (mkdir("d", 0755) < 0) {
        return err_set(e, errno, "cannot create the layer's folder");
    }
    if (enter_folder("d", e) < 0) {
        return -e->errnum;
    }
    return layer_run(
        &(struct layer_options){.squash = argc > 2 && strcmp(argv[2], "--squash") == 0}, e);
}

int main(int argc, char **argv)
{
    struct err e = {0};

    load_locale();
    if (run(argc, argv, &e) < 0) {
        (void)fprintf(stderr, "%s\n", e.msg);
        return EXITCODE_NO_SUCH;
    }
    return 0;
}
