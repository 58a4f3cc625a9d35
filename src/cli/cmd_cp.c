/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cp: one rbox-unpack takes the files out of one root, another puts them into the other. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "box/sync.h"
#include "cli/cmd.h"
#include "cli/cp_end.h"
#include "sys/fd.h"
#include "sys/ns.h"
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct cp_options {
    int archive;
    int overwrite;
    int follow;
    int quiet;
};

#define FIELD(name) offsetof(struct cp_options, name)

static const struct opt OPTIONS[] = {
    {"archive", 'a', NULL, OPT_FLAG, FIELD(archive),
     "what comes into a container is its user's (default: true), else root's", NULL},
    {"overwrite", 0, NULL, OPT_FLAG, FIELD(overwrite),
     "let a folder take the place of a file, and a file that of a folder", NULL},
    {"follow-link", 'L', NULL, OPT_FLAG, FIELD(follow),
     "follow a link named as SOURCE, as is always done", NULL},
    {"quiet", 'q', NULL, OPT_FLAG, FIELD(quiet), "say nothing, as it does anyway", NULL},
    {0},
};

static void cp_init(void *options);
static int cp(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_cp = {
    .names = {"cp", "container cp"},
    .group = CMD_CONTAINERS,
    .summary = "copy files between containers and the host",
    .usage = "[options] [CONTAINER:]SOURCE [CONTAINER:]DESTINATION",
    .description =
        "A file is copied to the name DESTINATION, or into the folder of that name. A folder is\n"
        "copied into the folder DESTINATION, or as it if there is none; SOURCE/. is what is in "
        "it.\n"
        "- is a tar archive on standard input or output. Paths in a container begin at its root;\n"
        "no link leads out of it. The container may be running or not.",
    .examples = "rbox cp web:/etc/nginx/nginx.conf .\n"
                "rbox cp site/. web:/usr/share/nginx/html\n"
                "rbox cp web:/var/log - | tar -t\n",
    .options = OPTIONS,
    .options_size = sizeof(struct cp_options),
    .min_args = 2,
    .max_args = 2,
    .init = cp_init,
    .run = cp,
};

static void cp_init(void *options)
{
    ((struct cp_options *)options)->archive = 1;
}

/* ---- names */

static int ends_with(const char *path, const char *end)
{
    size_t n = strlen(path);
    size_t m = strlen(end);

    return n >= m && strcmp(path + n - m, end) == 0;
}

/* "/a/b/" → "/a", "b". Both are the caller's. */
static void split_path(const char *path, char **ret_folder, char **ret_name)
{
    size_t len = strlen(path);
    size_t start = 0;

    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    for (start = len; start > 0 && path[start - 1] != '/'; start--) {
    }
    *ret_name = xstrndup(path + start, len - start);
    *ret_folder = start > 1 ? xstrndup(path, start - 1) : xstrdup("/");
}

/* What the copy of @from in a folder is called: as it was asked for, but "..", "." and "/" are no
 * names. NULL: the contents only. The caller owns it. */
static char *copy_name(const struct cp_end *from)
{
    autofree char *folder = NULL;
    char *name = NULL;

    if (ends_with(from->path, "/.") || strcmp(from->real, "/") == 0) {
        return NULL;
    }
    split_path(from->path, &folder, &name);
    if (strcmp(name, "..") == 0) {
        free(name);
        free(folder);
        split_path(from->real, &folder, &name);
    }
    return name;
}

/* ---- what goes where */

struct copy {
    const struct cp_options *options;
    struct cp_end from;
    struct cp_end to;
    char *folder; /* of @to, where it goes */
    char *name;   /* the first name in the archive; NULL: contents only */
};

static int no_such(const struct cp_end *d, struct err *e)
{
    return err_new(e, ENOENT, "there is no '%s' %s%s", d->path,
                   d->container != NULL ? "in container " : "on the host",
                   d->container != NULL ? d->container : "");
}

static int check_source(const struct cp_end *from, struct err *e)
{
    if (from->path == NULL) {
        return 0;
    }
    if (from->kind == CP_NONE) {
        return no_such(from, e);
    }
    if (from->kind != CP_DIRECTORY && (ends_with(from->path, "/") || ends_with(from->path, "/."))) {
        return err_new(e, ENOTDIR, "'%s' is not a folder", from->path);
    }
    return 0;
}

static int into_new(struct copy *c, struct err *e)
{
    autofree char *folder = NULL;
    autofree char *name = NULL;
    enum cp_kind kind = CP_NONE;
    int r = 0;

    split_path(c->to.path, &folder, &name);
    if (ends_with(c->to.path, "/") && c->from.kind != CP_DIRECTORY) {
        return no_such(&c->to, e);
    }
    r = cp_end_look(&c->to, folder, &kind, &c->folder, e);
    if (r == 0 && kind != CP_DIRECTORY) {
        return err_new(e, ENOENT, "there is no folder '%s' %s%s", folder,
                       c->to.container != NULL ? "in container " : "on the host",
                       c->to.container != NULL ? c->to.container : "");
    }
    c->name = steal_ptr(&name);
    return r;
}

static int choose_names(struct copy *c, struct err *e)
{
    if (c->to.path == NULL) { /* an archive of it */
        c->name = copy_name(&c->from);
        return 0;
    }
    if (c->from.path == NULL && c->to.kind != CP_DIRECTORY) {
        return err_new(e, ENOTDIR, "'%s' is not a folder: an archive goes into one", c->to.path);
    }
    if (c->to.kind == CP_NONE) {
        return into_new(c, e);
    }
    if (c->to.kind == CP_DIRECTORY) {
        c->folder = xstrdup(c->to.real);
        c->name = c->from.path != NULL ? copy_name(&c->from) : NULL;
        return 0;
    }
    if (c->from.kind == CP_DIRECTORY && !c->options->overwrite) {
        return err_new(e, ENOTDIR, "'%s' is not a folder, and '%s' is one", c->to.path,
                       c->from.path);
    }
    split_path(c->to.real, &c->folder, &c->name);
    return 0;
}

/* One that runs has a root that says so itself. */
static int check_writable(const struct cp_end *to, struct err *e)
{
    return to->is_read && to->found.run_fd < 0 && to->read.spec.root_readonly
               ? err_set(e, EROFS, "cannot copy to container '%s'", to->container)
               : 0;
}

static int choose_owner(struct copy *c, struct err *e)
{
    return c->to.container == NULL || !c->options->archive ? 0 : cp_end_owner(&c->to, e);
}

/* ---- the copying */

static int take(const struct copy *c, int out_fd, struct err *e)
{
    struct unpack u = c->from.unpack;

    u.out_fd = out_fd;
    return unpack_run(&u, (const char *const[]){"take", c->from.real, c->name, NULL}, NULL, e);
}

static int put(const struct copy *c, int in_fd, struct err *e)
{
    autofree char *owner = xasprintf("%u:%u", (unsigned int)c->to.uid, (unsigned int)c->to.gid);
    autofree char *out = NULL;
    struct unpack u = c->to.unpack;
    json_auto_t *said = NULL;
    int64_t devices = 0;
    int r = 0;

    u.in_fd = in_fd;
    r = unpack_run(&u,
                   (const char *const[]){"put", c->folder, owner,
                                         c->options->overwrite ? "--overwrite" : NULL, NULL},
                   &out, e);
    r = r < 0 ? r : json_parse(out, strlen(out), "what rbox-unpack said", &said, e);
    r = r < 0 ? r : json_get_int(said, "devices", "rbox-unpack", &devices, e);
    if (devices > 0) {
        notice("%d device nodes and sockets were left out", (int)devices);
    }
    return r;
}

/* In a process of its own: what it takes goes into @pipe_fd. When the reader is gone, it is the
 * reader who knows why. */
static _Noreturn void sender(const struct copy *c, int pipe_fd, int err_fd)
{
    struct err e = {0};
    int r = take(c, pipe_fd, &e);
    struct pollfd reader = {.fd = pipe_fd};

    if (r < 0 && (poll(&reader, 1, 0) <= 0 || (reader.revents & POLLERR) == 0)) {
        (void)fd_send(err_fd, &e, sizeof(e), NULL, 0);
    }
    _exit(0);
}

static int transfer(const struct copy *c, struct err *e)
{
    struct err sent = {0};
    autoclose int read_fd = -1;
    autoclose int write_fd = -1;
    autokill int pidfd = -1;
    int pair[2] = {-1, -1};
    pid_t pid = -1;
    size_t count = 0;
    int r = fd_pipe(&read_fd, &write_fd, e);

    r = r < 0 ? r : sync_pair(pair, e);
    if (r < 0) {
        return r;
    }
    pid = ns_clone(0, -1, &pidfd, e);
    if (pid == 0) {
        close_fd(&read_fd);
        sender(c, write_fd, pair[1]);
    }
    (void)close(pair[1]);
    close_fd(&write_fd);
    r = pid < 0 ? (int)pid : put(c, read_fd, e);
    close_fd(&read_fd);
    if (pid > 0 && fd_recv(pair[0], &sent, sizeof(sent), NULL, 0, &count) == sizeof(sent)) {
        *e = sent;
        r = -sent.errnum;
    }
    (void)close(pair[0]);
    return r;
}

static int run_copy(const struct store *store, struct copy *c, struct err *e)
{
    int r = cp_end_open(store, &c->from, e);

    r = r < 0 ? r : check_source(&c->from, e);
    r = r < 0 ? r : cp_end_open(store, &c->to, e);
    r = r < 0 ? r : check_writable(&c->to, e);
    r = r < 0 ? r : choose_names(c, e);
    r = r < 0 ? r : choose_owner(c, e);
    if (r < 0) {
        return r;
    }
    return c->to.path == NULL     ? take(c, STDOUT_FILENO, e)
           : c->from.path == NULL ? put(c, STDIN_FILENO, e)
                                  : transfer(c, e);
}

static int check_ends(const struct copy *c, struct err *e)
{
    if (c->from.container == NULL && c->to.container == NULL) {
        (void)err_new(e, EINVAL, "neither SOURCE nor DESTINATION is in a container");
        return err_hint(e, "rbox cp CONTAINER:PATH PATH");
    }
    if (c->to.path == NULL && isatty(STDOUT_FILENO)) {
        return err_new(e, EINVAL, "standard output is a terminal: no place for an archive");
    }
    if (c->from.container != NULL && c->to.container != NULL &&
        strcmp(c->from.container, c->to.container) == 0) {
        (void)err_new(e, EINVAL, "both ends are in container '%s'", c->to.container);
        return err_hint(e, "rbox exec %s cp …", c->to.container);
    }
    return 0;
}

static int cp(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct copy c = {.options = options};
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    cp_end_parse(argv[0], &c.from);
    cp_end_parse(argv[1], &c.to);
    r = r < 0 ? r : check_ends(&c, e);
    r = r < 0 ? r : run_copy(store, &c, e);
    cp_end_done(&c.from);
    cp_end_done(&c.to);
    free(c.folder);
    free(c.name);
    return r;
}
