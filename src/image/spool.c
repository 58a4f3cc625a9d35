/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/spool.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "image/layers.h"
#include "image/manifest.h"
#include "image/unpack.h"
#include "sys/fd.h"
#include "sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void spool_done(struct spool *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->files[i].name);
        free(s->files[i].digest);
        free(s->files[i].target);
    }
    free(s->files);
    close_fd(&s->dir_fd);
    if (s->temp != NULL) {
        store_temp_remove(s->in->store, s->temp, &s->in->maps.linux_.uid_mappings,
                          &s->in->maps.linux_.gid_mappings);
    }
    free(s->temp);
}

static void add_spooled(struct spool *s, struct spooled f)
{
    s->files = xrealloc(s->files, s->count + 1, sizeof(*s->files));
    s->files[s->count++] = f;
}

/* "HEX BYTES NAME", or "link NAME" with the target on the next line. */
static int parse_spool_line(struct spool *s, char *line, char *next)
{
    const char *linked = str_after(line, "link ");
    char *space = strchr(line, ' ');
    char *end = NULL;

    if (linked != NULL) {
        add_spooled(s, (struct spooled){.name = xstrdup(linked), .target = xstrdup(next)});
        return 1;
    }
    if (space == NULL) {
        return 0;
    }
    *space = '\0';
    {
        int64_t bytes = strtoll(space + 1, &end, 10);

        add_spooled(s, (struct spooled){.name = xstrdup(*end == ' ' ? end + 1 : ""),
                                        .digest = xasprintf("sha256:%s", line),
                                        .bytes = bytes});
    }
    return 0;
}

int spool_open(struct ingest *in, int fd, struct spool *ret, struct err *e)
{
    struct spool s = {.in = in, .dir_fd = -1};
    autofree char *out = NULL;
    autostrv struct strv lines = {0};
    struct unpack u = {.uid_map = &in->maps.linux_.uid_mappings,
                       .gid_map = &in->maps.linux_.gid_mappings,
                       .in_fd = fd};
    int r = store_temp(in->store, "load", &s.temp, &s.dir_fd, e);

    if (r == 0) {
        u.folder_fd = s.dir_fd;
        r = unpack_run(&u, (const char *const[]){"spool", NULL}, &out, e);
    }
    if (r < 0) {
        spool_done(&s);
        return r;
    }
    strv_split(&lines, out, '\n');
    for (size_t i = 0; i < lines.len; i++) {
        char *next = i + 1 < lines.len ? lines.v[i + 1] : lines.v[i];

        i += (size_t)parse_spool_line(&s, lines.v[i], next);
    }
    *ret = s;
    return 0;
}

enum {
    LINKS_MAX = 8
};

const struct spooled *spool_find(const struct spool *s, const char *name)
{
    for (int links = 0; links < LINKS_MAX; links++) {
        const struct spooled *found = NULL;

        for (size_t i = 0; i < s->count && found == NULL; i++) {
            found = strcmp(s->files[i].name, name) == 0 ? &s->files[i] : NULL;
        }
        if (found == NULL || found->digest != NULL) {
            return found;
        }
        name = str_after(found->target, "../") != NULL ? found->target + 3 : found->target;
    }
    return NULL;
}

int spool_read(const struct spool *s, const char *name, char **ret, size_t *ret_len, struct err *e)
{
    autoclose int fd = -1;
    int r = path_open_no_symlinks(s->dir_fd, name, O_RDONLY | O_NONBLOCK, &fd, e);

    return r < 0 ? r : fd_read_all(fd, MANIFEST_BYTES_MAX, ret, ret_len, e);
}

int spool_ingest(struct spool *s, const char *name, const struct spooled **ret, struct err *e)
{
    const struct spooled *f = spool_find(s, name);
    autoclose int fd = -1;

    if (f == NULL) {
        return err_new(e, ENOENT, "the archive has no file '%s'", name);
    }
    *ret = f;
    if (ingest_has(s->in, f->digest)) {
        return 0;
    }
    fd = openat(s->dir_fd, f->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0) {
        return err_set(e, errno, "cannot write '%s' to disk", name);
    }
    return ingest_file(s->in, s->dir_fd, f->name, f->digest, e);
}
