/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "spec/spec.h"
#include "sys/dir.h"
#include "userns/userns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct reset_options {
    int force;
};

static const struct opt OPTIONS[] = {
    {"force", 'f', NULL, OPT_FLAG, offsetof(struct reset_options, force), "do not ask", NULL},
    {0},
};

static int reset(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_system_reset = {
    .names = {"system reset"},
    .group = CMD_SYSTEM,
    .summary = "end and remove all containers, images, volumes and networks",
    .usage = "[options]",
    .description = "The store is as empty as before the first run. Configuration stays.",
    .examples = "rbox system reset\n",
    .options = OPTIONS,
    .options_size = sizeof(struct reset_options),
    .run = reset,
};

/* Everything but the store's own folder, which may be a mount point or somebody's choice. */
static int empty_store(const struct store *store, struct err *e)
{
    autoclosedir DIR *d = dir_open(store->dir_fd, ".");
    const struct dirent *entry = NULL;
    struct spec s = {0};
    int r = d == NULL ? err_set(e, errno, "cannot read the store") : userns_own_maps(&s, e);

    while (r == 0 && dir_next(d, &entry) > 0) {
        r = userns_remove_tree(&s.linux_.uid_mappings, &s.linux_.gid_mappings, store->dir_fd,
                               entry->d_name, e);
    }
    spec_done(&s);
    return r;
}

static int reset(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct reset_options *o = options;
    autoclose int lock_fd = -1;
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    (void)argv;
    if (r < 0) {
        return r;
    }
    (void)printf("all containers, images, volumes and networks in %s\n", store->path);
    if (!o->force && !cmd_confirm("Remove them?")) {
        return 0;
    }
    r = container_remove_all(ctx, e);
    r = r < 0 ? r : store_lock(store, STORE_EXCLUSIVE, &lock_fd, e);
    return r < 0 ? r : empty_store(store, e);
}
