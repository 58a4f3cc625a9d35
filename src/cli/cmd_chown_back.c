/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "cli/cmd.h"
#include "sys/fd.h"
#include "sys/tree.h"
#include "userns/idmap.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int chown_back(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_chown_back = {
    .names = {"chown-back"},
    .group = CMD_SYSTEM,
    .summary = "make files of subordinate ids your own",
    .usage = "PATH [PATH…]",
    .description =
        "What users of a container other than its root made in a folder of yours belongs to your\n"
        "subordinate ids. With this, all of it below PATH is yours. Nobody else's files are\n"
        "changed; links are not followed, other file systems not entered.",
    .examples = "rbox chown-back ~/src\n",
    .min_args = 1,
    .max_args = CMD_ANY_ARGS,
    .run = chown_back,
};

/* Ids as the kernel tells them: the host's for root, who may do it himself; for others the
 * namespace's, whose 0 is the caller. */
struct giving {
    const struct spec_idmap *uids;
    const struct spec_idmap *gids;
    int inside;
    int fd;
    const char *path;
    unsigned long count;
};

static int is_subordinate(const struct giving *g, const struct spec_idmap *map, uint32_t id)
{
    return g->inside ? id != 0 && idmap_to_host(map, id) >= 0
                     : id != 0 && idmap_to_container(map, id) >= 0;
}

static int give_entry(int dir_fd, const char *name, const struct stat *st, void *arg, struct err *e)
{
    struct giving *g = arg;
    uid_t uid = is_subordinate(g, g->uids, st->st_uid) ? 0 : (uid_t)-1;
    gid_t gid = is_subordinate(g, g->gids, st->st_gid) ? 0 : (gid_t)-1;

    if (uid != 0 && gid != 0) {
        return 0;
    }
    if (fchownat(dir_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0) {
        /* An id that looks unmapped may be the mapped one of that number. */
        return errno == ENOENT || (errno == EPERM && st->st_uid == IDMAP_OVERFLOW_ID)
                   ? 0
                   : err_set(e, errno, "cannot give '%s' back", *name != '\0' ? name : g->path);
    }
    g->count++;
    return 0;
}

static int give_tree(void *arg, struct err *e)
{
    struct giving *g = arg;
    const struct tree_walk walk = {.visit = give_entry, .arg = g, .skip_unreadable = 1};
    int r = tree_walk(g->fd, &walk, e);

    /* Not printf(): a job leaves by _exit(2). */
    if (r == 0 && dprintf(STDOUT_FILENO, "%s: %lu given back\n", g->path, g->count) < 0) {
        r = err_set(e, errno, "cannot write to standard output");
    }
    return r;
}

static int give_path(const struct spec *s, const char *path, struct err *e)
{
    autoclose int fd = open(path, O_PATH | O_CLOEXEC);
    struct giving g = {.uids = &s->linux_.uid_mappings,
                       .gids = &s->linux_.gid_mappings,
                       .inside = geteuid() != 0,
                       .fd = fd,
                       .path = path};

    if (fd < 0) {
        return err_set(e, errno, "cannot open '%s'", path);
    }
    return g.inside ? userns_run(g.uids, g.gids, give_tree, &g, e) : give_tree(&g, e);
}

static int chown_back(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct spec s = {0};
    int r = userns_own_maps(&s, e);

    (void)ctx;
    (void)options;
    for (int i = 0; r == 0 && i < argc; i++) {
        r = give_path(&s, argv[i], e);
    }
    spec_done(&s);
    return r;
}
