/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An image archive taken apart: its files are put down by their digest, and those that are layers
 * unpacked while they come. Only afterwards is known which of them an image needs. */
#include "unpack.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/fd.h"
#include "sys/path.h"

#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An image archive has a few hundred files; one with more than this is something else. */
enum {
    SPOOL_FILES_MAX = 20000,
    NAME_BYTES_MAX = 4096,
    WRITE_BEHIND = 4 << 20 /* so much is on its way to the disk before more is written */
};

struct spool {
    struct worker *worker;
    const char *known; /* digests in hex, one a line; or NULL */
    struct archive *tar;
    struct room out;  /* what comes out of everything, as a stream or on the disk */
    struct room kept; /* as it came: compressed, it may be more than what comes out of it */
};

/* A name that stays below the current folder: relative, no "..". Returns it without leading "./",
 * or NULL. */
static const char *plain_name(const char *name)
{
    autostrv struct strv parts = {0};

    while (name[0] == '.' && name[1] == '/') {
        name += 2;
    }
    if (name[0] == '/' || name[0] == '\0' || strlen(name) > NAME_BYTES_MAX ||
        strchr(name, '\n') != NULL) {
        return NULL;
    }
    strv_split(&parts, name, '/');
    return strv_has(&parts, "..") ? NULL : name;
}

static int make_file(struct spool *p, const char *name, int *ret_fd, struct err *e)
{
    size_t made = 0;
    autofree char *folder = xstrdup(name);
    char *slash = strrchr(folder, '/');
    autoclose int dir_fd = -1;
    autoclose int root_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *base = slash != NULL ? name + (slash - folder) + 1 : name;
    int r = 0;

    if (root_fd < 0) {
        return err_set(e, errno, "cannot open the current folder");
    }
    if (slash != NULL) {
        *slash = '\0';
        r = path_make_dirs_in_root(root_fd, folder, &made, &dir_fd, e);
    }
    /* Each folder has a block, and so has the file, more or less. */
    r = r < 0 ? r : room_take_files(&p->kept, made + 1, e);
    r = r < 0 ? r : room_take(&p->kept, (made + 1) * p->kept.block_bytes, e);
    if (r < 0) {
        return r;
    }
    *ret_fd = openat(dir_fd >= 0 ? dir_fd : root_fd, base,
                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    return *ret_fd < 0 ? err_set(e, errno, "cannot create '%s'", name) : 0;
}

/* ---- the file */

struct out {
    int fd;
    off_t bytes;
    off_t sent;         /* so many of them the disk is already told of */
    EVP_MD_CTX *digest; /* NULL: somebody else digests the same bytes */
};

static int out_write(void *arg, const void *data, size_t len, struct err *e)
{
    struct out *o = arg;
    int r = fd_write_all(o->fd, data, len);

    if (r < 0) {
        return err_set(e, -r, "cannot write");
    }
    if (o->digest != NULL) {
        (void)EVP_DigestUpdate(o->digest, data, len);
    }
    o->bytes += (off_t)len;
    if (o->bytes - o->sent >= WRITE_BEHIND) { /* the sync at the end will find less to do */
        (void)sync_file_range(o->fd, o->sent, o->bytes - o->sent, SYNC_FILE_RANGE_WRITE);
        o->sent = o->bytes;
    }
    return 0;
}

/* ---- an entry on its way: read, put down, decompressed, digested, unpacked */

struct item {
    struct spool *spool;
    struct out out;
    int is_kept;           /* what is read is put down as it is */
    struct gzip *gzip;     /* or compressed */
    struct worker *worker; /* NULL: it is not unpacked */
    int number;            /* of its folder */
    struct err why;        /* the archive, or the disk, and not what is in the entry */
    char chunk[256 << 10];
};

static int keep(struct item *i, const void *data, size_t len, struct err *e)
{
    int r = room_take(&i->spool->kept, len, e);

    return r < 0 ? r : out_write(&i->out, data, len, e);
}

/* A feed: the entry's bytes. */
static ssize_t item_read(void *arg, const void **ret, struct err *e)
{
    struct item *i = arg;
    la_ssize_t n = archive_read_data(i->spool->tar, i->chunk, sizeof(i->chunk));
    int r = n < 0 ? source_error(i->spool->tar, &i->why, "cannot read the archive") : 0;

    *ret = i->chunk;
    if (n > 0 && i->is_kept) {
        r = keep(i, i->chunk, (size_t)n, &i->why);
    }
    if (r < 0) {
        *e = i->why;
    }
    return r < 0 ? r : n;
}

/* A blob of an OCI layout has a digest that somebody may know it by: it is kept as it came. */
static int is_blob(const char *name)
{
    return str_after(name, "blobs/sha256/") != NULL;
}

/* Is @name called by a digest that is known? "HEX.tar", "blobs/sha256/HEX". */
static int is_known(const struct spool *s, const char *name)
{
    const char *base = strrchr(name, '/') != NULL ? strrchr(name, '/') + 1 : name;
    autofree char *hex = xstrndup(base, strspn(base, "0123456789abcdef"));

    return s->known != NULL && strlen(hex) == 64 && strstr(s->known, hex) != NULL;
}

/* What shall become of the entry, of which the first bytes are in @s. */
static int decide(struct spool *p, struct item *i, const struct source *s, const char *name,
                  struct err *e)
{
    const struct amount left = room_left(&p->out);
    int r = 0;

    if (s->kind != SOURCE_OTHER && !is_known(p, name)) {
        i->number = worker_begin(p->worker, &left);
        i->worker = i->number > 0 ? p->worker : NULL;
    }
    if (s->kind == SOURCE_TAR && !is_blob(name)) {
        i->gzip = gzip_new(out_write, &i->out);
    }
    i->is_kept = i->gzip == NULL;
    /* What is kept of a plain archive has the digest that the source computes. */
    if (s->kind != SOURCE_TAR || i->gzip != NULL) {
        r = digest_begin(&i->out.digest, e);
    }
    r = r < 0 || !i->is_kept ? r : keep(i, s->head, s->head_len, e);
    return r < 0 || !i->is_kept ? r : keep(i, s->rest, s->rest_len, e);
}

/* Decompress to the end. A failure of the stream's own is no error: perhaps nobody needs it. */
static int run_source(struct item *i, struct source *s, int *ret_is_whole, struct err *e)
{
    struct err ignored = {0};
    const void *data = NULL;
    ssize_t n = source_start(s, &ignored);
    int r = 0;

    while (n == 0 && r == 0 && (n = source_read(s, &data, &ignored)) > 0) {
        if (i->worker != NULL) {
            worker_feed(i->worker, data, (size_t)n);
        }
        r = room_take(&i->spool->out, (size_t)n, e);
        r = r < 0 || i->gzip == NULL ? r : gzip_write(i->gzip, data, (size_t)n, e);
        n = 0;
    }
    *ret_is_whole = n == 0 && r == 0;
    return r < 0 || i->gzip == NULL || n < 0 ? r : gzip_finish(i->gzip, e);
}

static int run_item(struct item *i, struct source *s, int *ret_is_whole, struct err *e)
{
    const void *data = NULL;
    ssize_t n = 0;
    int r = s->kind != SOURCE_OTHER ? run_source(i, s, ret_is_whole, e) : 0;

    /* What is behind the compressed stream's end, or its fault, is put down, too. */
    while (r == 0 && i->why.errnum == 0 && (n = item_read(i, &data, e)) > 0) {
        r = room_take(&i->spool->out, (size_t)n, e);
    }
    if (i->why.errnum != 0) {
        *e = i->why;
        r = -e->errnum;
    }
    return r;
}

static void say(const struct item *i, const struct source *s, const char *name, int is_unpacked,
                uint64_t devices)
{
    char digest[65] = "";
    char diff_id[65] = "";

    digest_hex(s->digest, diff_id);
    if (i->out.digest != NULL) {
        digest_hex(i->out.digest, digest);
    }
    (void)printf("%s %lld %s\n", i->out.digest != NULL ? digest : diff_id, (long long)i->out.bytes,
                 name);
    if (is_unpacked) {
        (void)printf("unpacked %d %s %" PRIu64 "\n", i->number, diff_id, devices);
    }
}

/* The layer has been unpacked, or was not: who needs it then unpacks it from the file, and is told
 * what is wrong. Only for what it takes of the disk all is refused. */
static int end_layer(struct item *i, const struct source *s, int is_whole, struct layer_result *ret,
                     struct err *e)
{
    struct err ignored = {0};
    struct room *out = &i->spool->out;
    int r = worker_end(i->worker, is_whole, ret, &ignored);

    if (r == -EOVERFLOW) {
        return room_too_small(&out->max, e);
    }
    if (r < 0) {
        i->worker = NULL;
        return 0;
    }
    out->taken.files += ret->taken.files;
    /* The stream has been counted. */
    return room_take(out, ret->taken.bytes > s->bytes ? ret->taken.bytes - s->bytes : 0, e);
}

static int spool_file(struct spool *p, const char *name, struct err *e)
{
    struct item *i = xcalloc(1, sizeof(*i));
    struct source *s = xcalloc(1, sizeof(*s));
    struct layer_result made = {0};
    struct err later = {0};
    int is_whole = 0;
    int r = make_file(p, name, &i->out.fd, e);

    i->spool = p;
    r = r < 0 ? r : source_peek(s, item_read, i, e);
    r = r < 0 ? r : decide(p, i, s, name, e);
    r = r < 0 ? r : run_item(i, s, &is_whole, e);
    if (i->worker != NULL) {
        int ended = end_layer(i, s, is_whole && r == 0, &made, r < 0 ? &later : e);

        r = r < 0 ? r : ended;
    }
    if (r == 0) {
        say(i, s, name, i->worker != NULL && is_whole, made.devices);
    }
    close_fd(&i->out.fd);
    EVP_MD_CTX_free(i->out.digest);
    gzip_free(i->gzip);
    source_done(s);
    free(s);
    free(i);
    return r < 0 ? err_wrap(e, "'%s'", name) : 0;
}

/* ---- the archive */

/* Old docker archives share layers by symlinks ("../OTHER/layer.tar"): told to the caller, made by
 * nobody. */
static int spool_link(const char *name, const char *target, struct err *e)
{
    if (target != NULL && strlen(target) > NAME_BYTES_MAX) {
        return err_new(e, EINVAL, "the link '%s' in the archive has a target of %zu bytes", name,
                       strlen(target));
    }
    if (target != NULL && strchr(target, '\n') == NULL) {
        (void)printf("link %s\n%s\n", name, target);
    }
    return 0;
}

static int spool_entry(struct spool *p, struct archive_entry *entry, struct err *e)
{
    const char *given = archive_entry_pathname(entry);
    const char *name = given != NULL ? plain_name(given) : NULL;
    mode_t type = archive_entry_filetype(entry);

    if (type == AE_IFDIR) {
        return 0;
    }
    if (name == NULL) {
        return err_new(e, EINVAL, "the archive has a file of the name '%s'",
                       given != NULL ? given : "");
    }
    if (type == AE_IFLNK || archive_entry_hardlink(entry) != NULL) {
        return spool_link(
            name, type == AE_IFLNK ? archive_entry_symlink(entry) : archive_entry_hardlink(entry),
            e);
    }
    if (type != AE_IFREG) {
        return err_new(e, ENOEXEC, "'%s' in the archive is not a regular file: not an image", name);
    }
    return spool_file(p, name, e);
}

static int spool_all(struct spool *p, struct err *e)
{
    struct archive_entry *entry = NULL;
    int count = 0;
    int r = 0;

    while (r == 0) {
        int ar = archive_read_next_header(p->tar, &entry);

        if (ar == ARCHIVE_EOF) {
            return 0;
        }
        if (ar < ARCHIVE_WARN) {
            r = source_error(p->tar, e, "cannot read the archive");
        } else if (++count > SPOOL_FILES_MAX) {
            r = err_new(e, ENOEXEC, "the archive has more than %d files: not an image",
                        SPOOL_FILES_MAX);
        } else {
            r = spool_entry(p, entry, e);
        }
    }
    return r;
}

int spool_run(struct worker *w, const char *known, const struct amount *max, struct err *e)
{
    struct spool p = {.worker = w, .known = known};
    struct source *s = xcalloc(1, sizeof(*s));
    autoclose int dir_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = 0;

    room_open(&p.out, max, dir_fd);
    room_open(&p.kept, max, dir_fd);
    s->is_undigested = 1; /* each file is, on its own */
    r = source_open(s, e);
    r = r < 0 ? r : tar_open(source_read, s, &p.tar, e);
    if (r == -EMEDIUMTYPE) {
        r = source_no_archive(s, e);
    }
    if (r == 0) {
        r = spool_all(&p, e);
        (void)archive_read_free(p.tar);
    }
    worker_stop(w);
    source_done(s);
    free(s);
    return r;
}
