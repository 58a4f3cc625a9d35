/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "image/save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct save_options {
    char *output;
    enum save_format format;
    int quiet;
    int multi;
};

static int parse_format(const char *value, void *field, struct err *e);

#define FIELD(name) offsetof(struct save_options, name)

static const struct opt OPTIONS[] = {
    {"output", 'o', "FILE", OPT_STRING, FIELD(output),
     "where to write (default: standard output), for folders needed", NULL},
    {"format", 0, "FORMAT", OPT_PARSE, FIELD(format),
     "docker-archive (the default), oci-archive, or folders: oci-dir, docker-dir", parse_format},
    {"quiet", 'q', NULL, OPT_FLAG, FIELD(quiet), "say nothing, as it does anyway", NULL},
    {"multi-image-archive", 'm', NULL, OPT_FLAG, FIELD(multi),
     "several images, which is always understood", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {{"compress", 0, "rbox save … | gzip"},
                                             {"uncompressed", 0, NULL},
                                             {"signature-policy", 0, NULL},
                                             {0}};

static int save(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_save = {
    .names = {"save", "image save"},
    .group = CMD_IMAGES,
    .summary = "write images to an archive or a folder",
    .usage = "[options] IMAGE [IMAGE…]",
    .description = "The bytes, and so the digests, are those that came in.",
    .examples = "rbox save -o box.tar busybox\n"
                "rbox save --format oci-dir -o layout busybox alpine\n"
                "rbox save busybox | docker load\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct save_options),
    .min_args = 1,
    .max_args = CMD_ANY_ARGS,
    .run = save,
};

static int parse_format(const char *value, void *field, struct err *e)
{
    static const char *const NAMES[] = {[SAVE_DOCKER_ARCHIVE] = "docker-archive",
                                        [SAVE_OCI_ARCHIVE] = "oci-archive",
                                        [SAVE_OCI_DIR] = "oci-dir",
                                        [SAVE_DOCKER_DIR] = "docker-dir"};

    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (strcmp(value, NAMES[i]) == 0) {
            *(enum save_format *)field = (enum save_format)i;
            return 0;
        }
    }
    return err_new(e, EINVAL, "'%s' is not docker-archive, oci-archive, oci-dir or docker-dir",
                   value);
}

/* A file appears under its name when it is whole. */
static int save_file(const struct store *store, struct save_request *q, struct err *e)
{
    autofree char *part = xasprintf("%s.%d.part", q->path, (int)getpid());
    autoclose int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    int r = fd < 0 ? err_set(e, errno, "cannot create '%s'", part) : 0;

    if (r < 0) {
        return r;
    }
    q->out_fd = fd;
    r = save_images(store, q, e);
    if (r == 0 && rename(part, q->path) < 0) {
        r = err_set(e, errno, "cannot create '%s'", q->path);
    }
    if (r < 0) {
        (void)unlink(part);
    }
    return r;
}

/* Something like /dev/stdout or a FIFO is written to as it is. */
static int is_special(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static int save_special(const struct store *store, struct save_request *q, struct err *e)
{
    autoclose int fd = open(q->path, O_WRONLY | O_CLOEXEC);

    if (fd < 0) {
        return err_set(e, errno, "cannot open '%s'", q->path);
    }
    q->out_fd = fd;
    return save_images(store, q, e);
}

static int save(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct save_options *o = options;
    struct save_request q = {.format = o->format,
                             .names = argv,
                             .count = (size_t)argc,
                             .out_fd = STDOUT_FILENO,
                             .path = o->output};
    int is_dir = o->format == SAVE_OCI_DIR || o->format == SAVE_DOCKER_DIR;
    struct store *store = NULL;

    if (is_dir && o->output == NULL) {
        return err_new(e, EINVAL, "a folder needs a name: --output");
    }
    if (o->format == SAVE_DOCKER_DIR && argc > 1) {
        return err_new(e, EINVAL, "docker-dir takes one image");
    }
    if (o->output == NULL && isatty(STDOUT_FILENO)) {
        (void)err_new(e, EINVAL, "standard output is a terminal");
        return err_hint(e, "rbox save -o FILE");
    }
    if (ctx_store(ctx, &store, e) < 0) {
        return -e->errnum;
    }
    if (is_dir || o->output == NULL || strcmp(o->output, "-") == 0) {
        return save_images(store, &q, e);
    }
    return is_special(o->output) ? save_special(store, &q, e) : save_file(store, &q, e);
}
