/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "box/events.h"
#include "cli/change.h"
#include "cli/cmd.h"
#include "cli/image_use.h"
#include "cli/registry_options.h"
#include "cli/unpacking_options.h"
#include "image/fetch_url.h"
#include "image/load.h"
#include "image/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct import_options {
    struct image_config config;
    char *message;
    int quiet;
    struct unpacking unpacking;
};

static const struct opt OPTIONS[] = {
    {"quiet", 'q', NULL, OPT_FLAG, offsetof(struct import_options, quiet),
     "say nothing of a download", NULL},
    {"message", 'm', "TEXT", OPT_STRING, offsetof(struct import_options, message),
     "a comment, for the history", NULL},
    CHANGE_OPTION(offsetof(struct import_options, config)),
    UNPACKING_ROWS(offsetof(struct import_options, unpacking)),
    {0},
};

static const struct opt_refused REFUSED[] = {
    {"platform", 0, NULL}, {"os", 0, NULL}, {"arch", 0, NULL}, {"variant", 0, NULL}, {0}};

static void import_done(void *options);
static int import(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_import = {
    .names = {"import", "image import"},
    .group = CMD_IMAGES,
    .summary = "make an image of a root file system tarball",
    .usage = "[options] FILE|URL NAME",
    .description = "FILE is a tarball of a root file system, compressed or not; - is standard "
                   "input. A URL of\n"
                   "http or https is downloaded first.\n"
                   "Prints the image's id.",
    .examples = "rbox import rootfs.tar.gz openwrt\n"
                "rbox import -m 'from the vendor, May' rootfs.tar.gz openwrt:24\n"
                "rbox import https://example.org/rootfs.tar.xz mine:1\n"
                "rbox import -c 'CMD [\"/bin/sh\"]' -c 'ENV A=b' - mine < rootfs.tar\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct import_options),
    .min_args = 2,
    .max_args = 2,
    .done = import_done,
    .run = import,
};

static void import_done(void *options)
{
    image_config_done(&((struct import_options *)options)->config);
}

static int open_source(const struct store *store, const char *name, int quiet, int *ret_fd,
                       struct err *e)
{
    struct registry_options registry = {.quiet = quiet};
    struct pull_options o = {0};
    struct progress progress = {0};
    struct stat st;
    int r = 0;

    if (fetch_is_url(name)) {
        r = registry_options_read(&registry, &progress, &o, e);
        r = r < 0 ? r : fetch_url(store, name, o.progress, ret_fd, e);
        progress_done(&progress);
        return r;
    }
    *ret_fd = strcmp(name, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                     : open(name, O_RDONLY | O_CLOEXEC);
    if (*ret_fd < 0) {
        return err_set(e, errno, "cannot open '%s'", name);
    }
    if (fstat(*ret_fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        (void)err_new(e, EISDIR, "'%s' is a folder", name);
        return err_hint(e, "tar -C %s -c . | rbox import - NAME", name);
    }
    return 0;
}

static int import(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct import_options *o = options;
    autostrv struct strv names = {0};
    autoclose int fd = -1;
    autofree char *id = NULL;
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    if (r == 0) {
        store->unpacking = o->unpacking;
    }
    r = r < 0 ? r : load_local_name(argv[1], &names, e); /* before anything is downloaded */
    r = r < 0 ? r : open_source(store, argv[0], o->quiet, &fd, e);
    if (r == 0) {
        const struct import i = {
            .fd = fd, .name = argv[1], .config = &o->config, .message = o->message};

        r = load_import(store, &i, &id, e);
        r = image_use_brought(store, r < 0 ? err_wrap(e, "'%s'", argv[0]) : 0);
    }
    if (r == 0) {
        events_add(store, "image", "import", id, argv[1]);
        (void)printf("%s\n", id);
    }
    return r;
}
