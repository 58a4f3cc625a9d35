/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cp_end.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "box/user.h"
#include "sys/fd.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void cp_end_parse(const char *word, struct cp_end *ret)
{
    const char *colon = word[0] == '/' || word[0] == '.' ? NULL : strchr(word, ':');

    *ret = (struct cp_end){.found = {.dir_fd = -1, .run_fd = -1},
                           .look = {.root_fd = -1, .lock_fd = -1}};
    if (colon != NULL) {
        ret->container = xstrndup(word, (size_t)(colon - word));
        ret->path = xasprintf("%s%s", colon[1] == '/' ? "" : "/", colon + 1);
    } else if (strcmp(word, "-") != 0) {
        autofree char *cwd = word[0] != '/' ? getcwd(NULL, 0) : NULL;

        ret->path = xasprintf("%s/%s", cwd != NULL ? cwd : "", word);
    }
}

void cp_end_done(struct cp_end *d)
{
    look_done(&d->look);
    if (d->is_read) {
        container_done(&d->read);
    }
    found_done(&d->found);
    free(d->container);
    free(d->path);
    free(d->uid_map.rows);
    free(d->gid_map.rows);
    free(d->real);
}

/* What the caller may touch: a user's own. */
static int open_host(struct cp_end *d, struct err *e)
{
    int r = 0;

    if (geteuid() == 0) { /* every id there is, which in a container is a part */
        r = userns_read_identities("/proc/self/uid_map", &d->uid_map, e);
        r = r < 0 ? r : userns_read_identities("/proc/self/gid_map", &d->gid_map, e);
    } else {
        spec_idmap_add(&d->uid_map, 0, geteuid(), 1);
        spec_idmap_add(&d->gid_map, 0, getegid(), 1);
    }
    d->unpack.uid_map = &d->uid_map;
    d->unpack.gid_map = &d->gid_map;
    d->look.root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return d->look.root_fd < 0 && r == 0 ? err_set(e, errno, "cannot open '/'") : r;
}

static int open_container(const struct store *store, struct cp_end *d, struct err *e)
{
    int r = find_container(store, d->container, &d->found, e);

    r = r < 0 ? r : container_read(&d->found, &d->read, e);
    if (r < 0) {
        return r;
    }
    d->is_read = 1;
    d->unpack.uid_map = &d->read.spec.linux_.uid_mappings;
    d->unpack.gid_map = &d->read.spec.linux_.gid_mappings;
    return look_open(store, &d->found, &d->read.spec, LOOK_INSIDE, &d->look, e);
}

int cp_end_look(const struct cp_end *d, const char *path, enum cp_kind *ret, char **ret_real,
                struct err *e)
{
    autofree char *out = NULL;
    char *rest = NULL;
    int r = unpack_run(&d->unpack, (const char *const[]){"stat", path, NULL}, &out, e);

    if (r < 0) {
        return r;
    }
    rest = strchr(out, '\n');
    if (rest == NULL) {
        return err_new(e, EIO, "rbox-unpack gave no answer");
    }
    *rest++ = '\0';
    *ret = strcmp(out, "none") == 0        ? CP_NONE
           : strcmp(out, "directory") == 0 ? CP_DIRECTORY
                                           : CP_FILE_OR_OTHER;
    *ret_real = *ret != CP_NONE ? xstrdup(rest) : NULL;
    return 0;
}

int cp_end_open(const struct store *store, struct cp_end *d, struct err *e)
{
    int r = 0;

    if (d->path == NULL) {
        return 0;
    }
    r = d->container != NULL ? open_container(store, d, e) : open_host(d, e);
    d->unpack.folder_fd = d->look.root_fd;
    d->unpack.pidfd = d->look.pidfd;
    return r < 0 ? r : cp_end_look(d, d->path, &d->kind, &d->real, e);
}

/* ---- the owner: the container's files say who its user is, and only inside they can be read */

struct owner_job {
    const struct cp_end *end;
    int out_fd;
};

static int find_owner(void *arg, struct err *e)
{
    const struct owner_job *job = arg;
    struct user user = {0};
    int r = user_resolve(job->end->look.root_fd, &job->end->read.spec.process, &user, e);

    if (r == 0) {
        const uint32_t ids[2] = {user.uid, user.gid};

        r = fd_write_all(job->out_fd, ids, sizeof(ids));
        r = r < 0 ? err_set(e, -r, "cannot tell the owner") : 0;
    }
    user_done(&user);
    return r;
}

int cp_end_owner(struct cp_end *d, struct err *e)
{
    autoclose int read_fd = -1;
    autoclose int write_fd = -1;
    uint32_t ids[2] = {0};
    struct owner_job job = {.end = d};
    const struct unpack *u = &d->unpack;
    int r = fd_pipe(&read_fd, &write_fd, e);

    if (r < 0) {
        return r;
    }
    job.out_fd = write_fd;
    r = u->pidfd > 0 ? userns_run_in(u->pidfd, u->uid_map, u->gid_map, find_owner, &job, e)
                     : userns_run(u->uid_map, u->gid_map, find_owner, &job, e);
    if (r < 0) {
        return r;
    }
    if (read(read_fd, ids, sizeof(ids)) != (ssize_t)sizeof(ids)) {
        return err_new(e, EIO, "the owner is not known");
    }
    d->uid = ids[0];
    d->gid = ids[1];
    return 0;
}
