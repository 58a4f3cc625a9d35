/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rbox volume export and import: a volume's files as a tar archive, with their owners. */
#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/output.h"
#include "image/unpack.h"
#include "image/volume.h"
#include "spec/spec.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int volume_export(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
static int volume_import(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

struct export_options {
    char *output;
};

static const struct opt EXPORT_OPTIONS[] = {
    {"output", 'o', "FILE", OPT_STRING, offsetof(struct export_options, output),
     "where to write (default: standard output)", NULL},
    {0},
};

const struct cmd cmd_volume_export = {
    .names = {"volume export"},
    .group = CMD_VOLUMES,
    .summary = "write a volume's files as a tar archive",
    .usage = "[options] NAME",
    .examples = "rbox volume export -o data.tar data\n",
    .options = EXPORT_OPTIONS,
    .options_size = sizeof(struct export_options),
    .min_args = 1,
    .max_args = 1,
    .run = volume_export,
};

const struct cmd cmd_volume_import = {
    .names = {"volume import"},
    .group = CMD_VOLUMES,
    .summary = "put the files of a tar archive into a volume",
    .usage = "NAME [FILE|-]",
    .description = "What the volume has by other names stays.",
    .examples = "rbox volume import data data.tar\n",
    .min_args = 1,
    .max_args = 2,
    .run = volume_import,
};

/* Run rbox-unpack with @arguments in the volume. */
static int run_in_volume(const struct store *store, const char *name, const struct unpack *ends,
                         const char *const *arguments, struct err *e)
{
    struct unpack u = *ends;
    autofree char *path = xasprintf("volumes/%s/_data", name);
    autofree char *ignored = NULL;
    autoclose int fd = -1;
    struct spec s = {0};
    int r = 0;

    if (strchr(name, '/') != NULL || !volume_exists(store, name)) {
        (void)volume_missing(name, e);
        return err_exit(e, EXITCODE_NO_SUCH);
    }
    fd = openat(store->dir_fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    r = fd < 0 ? err_set(e, errno, "cannot open volume '%s'", name) : userns_own_maps(&s, e);
    u.uid_map = &s.linux_.uid_mappings;
    u.gid_map = &s.linux_.gid_mappings;
    u.folder_fd = fd;
    r = r < 0 ? r : unpack_run(&u, arguments, &ignored, e);
    spec_done(&s);
    return r;
}

static int volume_export(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct export_options *o = options;
    struct output out = {0};
    struct unpack u = {0};
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    r = r < 0 ? r : output_begin(o->output, "rbox volume export", &out, e);
    if (r < 0) {
        return r;
    }
    u.out_fd = out.fd;
    r = run_in_volume(store, argv[0], &u, (const char *const[]){"pack", NULL}, e);
    return output_end(&out, r, e);
}

static int volume_import(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    int is_stdin = argc < 2 || strcmp(argv[1], "-") == 0;
    autoclose int fd = is_stdin ? dup(STDIN_FILENO) : open(argv[1], O_RDONLY | O_CLOEXEC);
    struct unpack u = {.in_fd = fd};
    struct store *store = NULL;
    int r =
        fd < 0 ? err_set(e, errno, "cannot open '%s'", argv[argc - 1]) : ctx_store(ctx, &store, e);

    (void)options;
    return r < 0 ? r
                 : run_in_volume(store, argv[0], &u,
                                 (const char *const[]){"put", "/", "keep", NULL}, e);
}
