/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/events.h"
#include "box/look.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "cli/output.h"
#include "image/unpack.h"

struct export_options {
    char *output;
};

static const struct opt OPTIONS[] = {
    {"output", 'o', "FILE", OPT_STRING, offsetof(struct export_options, output),
     "where to write (default: standard output)", NULL},
    {0},
};

static int export(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_export = {
    .names = {"export", "container export"},
    .group = CMD_CONTAINERS,
    .summary = "write a container's files as a tar archive",
    .usage = "[options] CONTAINER",
    .description =
        "Of what is mounted in the container (volumes, /proc, /dev) there is the place only.\n"
        "Owners are those inside. rbox import makes an image of it.",
    .examples = "rbox export -o root.tar web\n"
                "rbox export web | rbox import - flat\n",
    .options = OPTIONS,
    .options_size = sizeof(struct export_options),
    .min_args = 1,
    .max_args = 1,
    .run = export,
};

static int export_files(const struct store *store, const struct found *f, const struct spec *s,
                        const char *path, struct err *e)
{
    autolook struct look look = {.root_fd = -1, .lock_fd = -1};
    struct output out = {0};
    struct unpack u = {.uid_map = &s->linux_.uid_mappings, .gid_map = &s->linux_.gid_mappings};
    int r = output_begin(path, "rbox export", &out, e);

    if (r < 0) {
        return r;
    }
    r = look_open(store, f, s, LOOK_ROOT, &look, e);
    u.folder_fd = look.root_fd;
    u.pidfd = look.pidfd;
    u.out_fd = out.fd;
    r = r < 0 ? r : unpack_run(&u, (const char *const[]){"pack", NULL}, NULL, e);
    return output_end(&out, r, e);
}

static int export(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct export_options *o = options;
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    struct store *store = NULL;
    struct container c;
    int r = container_find(ctx, argv[0], &store, &f, &c, e);

    (void)argc;
    if (r == 0) {
        r = export_files(store, &f, &c.spec, o->output, e);
        container_done(&c);
    }
    if (r == 0) {
        events_add(store, "container", "export", f.id, f.name);
    }
    return r;
}
