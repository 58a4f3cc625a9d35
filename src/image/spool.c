/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/spool.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "image/layers.h"
#include "image/manifest.h"
#include "image/record.h"
#include "image/unpack.h"
#include "sys/fd.h"
#include "sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char KNOWN[] = "known"; /* beside the folders for files and layers */

enum {
    FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
};

void spool_done(struct spool *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->files[i].name);
        free(s->files[i].digest);
        free(s->files[i].target);
        free(s->files[i].diff_id);
    }
    free(s->files);
    close_fd(&s->dir_fd);
    close_fd(&s->layers_fd);
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

/* ---- what rbox-unpack says. It read foreign bytes: what it says is as foreign as they are. */

static int not_said(struct err *e)
{
    return err_new(e, EPROTO, "rbox-unpack said something else than what the archive has");
}

/* "NUMBER DIFFID DEVICES", of the file before. */
static int parse_unpacked(struct spool *s, const char *text, struct err *e)
{
    struct spooled *f = s->count > 0 ? &s->files[s->count - 1] : NULL;
    autofree char *diff_id = NULL;
    char hex[65] = "";
    long long devices = 0;
    int number = 0;

    if (f == NULL || f->diff_id != NULL ||
        sscanf(text, "%d %64[0-9a-f] %lld", &number, hex, &devices) != 3) {
        return not_said(e);
    }
    diff_id = xasprintf("sha256:%s", hex);
    if (!manifest_is_digest(diff_id)) {
        return not_said(e);
    }
    f->diff_id = steal_ptr(&diff_id);
    f->number = number;
    f->devices = devices;
    return 0;
}

/* "HEX BYTES NAME". */
static int parse_file(struct spool *s, const char *line, struct err *e)
{
    const char *space = strchr(line, ' ');
    struct spooled f = {0};
    char *end = NULL;

    if (space == NULL) {
        return not_said(e);
    }
    f.bytes = strtoll(space + 1, &end, 10);
    f.name = xstrdup(*end == ' ' ? end + 1 : "");
    f.digest = xasprintf("sha256:%.*s", (int)(space - line), line);
    add_spooled(s, f);
    return manifest_is_digest(f.digest) ? 0 : not_said(e);
}

/* A file, a layer, or "link NAME" with the target on the next line: returns 1. */
static int parse_spool_line(struct spool *s, const char *line, const char *next, struct err *e)
{
    const char *linked = str_after(line, "link ");
    const char *unpacked = str_after(line, "unpacked ");

    if (linked != NULL) {
        add_spooled(s, (struct spooled){.name = xstrdup(linked), .target = xstrdup(next)});
        return 1;
    }
    return unpacked != NULL ? parse_unpacked(s, unpacked, e) : parse_file(s, line, e);
}

static int parse_all(struct spool *s, const char *out, struct err *e)
{
    autostrv struct strv lines = {0};

    strv_split(&lines, out, '\n');
    for (size_t i = 0; i < lines.len; i++) {
        const char *next = i + 1 < lines.len ? lines.v[i + 1] : "";
        int used = *lines.v[i] != '\0' ? parse_spool_line(s, lines.v[i], next, e) : 0;

        if (used < 0) {
            return used;
        }
        i += (size_t)used;
    }
    return 0;
}

static int add_known(const struct image *i, void *arg)
{
    struct buf *b = arg;
    const struct strv *const lists[] = {&i->diff_ids, &i->blobs};

    for (size_t l = 0; l < 2; l++) {
        for (size_t k = 0; k < lists[l]->len; k++) {
            buf_printf(b, "%s\n", manifest_hex(lists[l]->v[k]));
        }
    }
    return 0;
}

/* Layers that images of the store have need not be unpacked once more. */
static int write_known(const struct spool *s, int temp_fd, struct err *e)
{
    autobuf struct buf b = {0};
    int r = record_each(s->in->store, add_known, &b, e);

    buf_puts(&b, "");
    return r < 0 ? r : file_write(temp_fd, KNOWN, b.data, b.len, 0, e);
}

/* Mark the folder that came out of @f as the layer that it is. */
static int seal(const struct spool *s, const struct spooled *f, struct err *e)
{
    const struct layer_key key = ingest_key(s->in, f->diff_id);
    autofree char *name = xasprintf("%d", f->number);
    autoclose int fd = openat(s->layers_fd, name, FOLDER);

    return fd < 0 ? err_set(e, errno, "cannot open a layer that was unpacked")
                  : layer_seal(&key, fd, e);
}

/* Everything shall be on the disk before any of it appears in the store: one sync for all. */
static int settle(const struct spool *s, struct err *e)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->files[i].diff_id != NULL && seal(s, &s->files[i], e) < 0) {
            return -e->errnum;
        }
    }
    return syncfs(s->dir_fd) < 0 ? err_set(e, errno, "cannot write the archive's files to disk")
                                 : 0;
}

/* Let rbox-unpack at the archive @fd; *ret_out is what it says. */
static int take_apart(struct spool *s, int fd, char **ret_out, struct err *e)
{
    autoclose int temp_fd = -1;
    struct unpack u = {.uid_map = &s->in->maps.linux_.uid_mappings,
                       .gid_map = &s->in->maps.linux_.gid_mappings,
                       .in_fd = fd};
    int r = store_temp(s->in->store, "load", &s->temp, &temp_fd, e);

    r = r < 0 ? r : write_known(s, temp_fd, e);
    u.folder_fd = temp_fd;
    r = r < 0 ? r
              : layer_unpack_run(s->in->store, &u, (const char *const[2]){"spool", KNOWN},
                                 &s->in->left, ret_out, e);
    if (r == 0) {
        s->dir_fd = openat(temp_fd, "files", FOLDER);
        s->layers_fd = openat(temp_fd, "layers", FOLDER);
        r = s->dir_fd < 0 ? err_set(e, errno, "cannot open the archive's files") : 0;
    }
    return r;
}

int spool_open(struct ingest *in, int fd, struct spool *ret, struct err *e)
{
    struct spool s = SPOOL_CLOSED;
    autofree char *out = NULL;
    int r = 0;

    s.in = in;
    r = take_apart(&s, fd, &out, e);
    r = r < 0 ? r : parse_all(&s, out, e);
    r = r < 0 ? r : settle(&s, e);
    if (r < 0) {
        spool_done(&s);
        return r;
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

/* The layer that came out of @f, under its name. */
static int adopt(const struct spool *s, const struct spooled *f, struct err *e)
{
    const struct layer_key key = ingest_key(s->in, f->diff_id);
    autofree char *name = xasprintf("%d", f->number);

    if (key.diff_id == NULL || layer_exists(s->in->store, &key)) {
        return 0;
    }
    layer_say_devices(f->devices);
    return layer_adopt(s->in->store, &key, s->layers_fd, name, e);
}

/* Move it by its own name out of its folder: a name with folders in it might lead elsewhere. */
static int ingest_spooled(struct spool *s, const struct spooled *f, struct err *e)
{
    const char *slash = strrchr(f->name, '/');
    const char *base = slash != NULL ? slash + 1 : f->name;
    autofree char *folder =
        slash != NULL ? xstrndup(f->name, (size_t)(slash - f->name)) : xstrdup(".");
    autoclose int folder_fd = -1;
    int r = *base == '\0' || strcmp(base, ".") == 0 || strcmp(base, "..") == 0
                ? not_said(e)
                : path_open_no_symlinks(s->dir_fd, folder, O_PATH | O_DIRECTORY, &folder_fd, e);

    return r < 0 ? r : ingest_file(s->in, folder_fd, base, f->digest, e);
}

int spool_ingest(struct spool *s, const char *name, const struct spooled **ret, struct err *e)
{
    const struct spooled *f = spool_find(s, name);
    int r = 0;

    if (f == NULL) {
        return err_new(e, ENOENT, "the archive has no file '%s'", name);
    }
    *ret = f;
    r = ingest_spooled(s, f, e);
    return r < 0 ? r : adopt(s, f, e);
}
