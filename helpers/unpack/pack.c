/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unpack.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CHUNK_BYTES = 64 << 10
};

struct pack {
    const struct pack_options *options;
    struct archive *disk;
    struct archive *tar;
    struct archive_entry_linkresolver *links;
    char chunk[CHUNK_BYTES];
};

static int fail(struct archive *a, const char *name, struct err *e)
{
    int errnum = archive_errno(a);

    /* libarchive's own text repeats the name, and has no reason. */
    return err_set(e, errnum > 0 ? errnum : EIO, "cannot pack '%s'", name);
}

static int pack_data(struct pack *p, const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t n = 0;

    if (fd < 0) {
        return err_set(e, errno, "cannot open '%s'", path);
    }
    while ((n = read(fd, p->chunk, sizeof(p->chunk))) > 0) {
        if (archive_write_data(p->tar, p->chunk, (size_t)n) < 0) {
            (void)close(fd);
            return fail(p->tar, path, e);
        }
    }
    (void)close(fd);
    return n < 0 ? err_set(e, errno, "cannot read '%s'", path) : 0;
}

/* Of no one and of no time: the same files make the same archive. */
static void make_plain(struct archive_entry *entry)
{
    archive_entry_set_uid(entry, 0);
    archive_entry_set_gid(entry, 0);
    archive_entry_set_mtime(entry, 0, 0);
    archive_entry_xattr_clear(entry);
}

/* @entry, of the file @path, as @name. */
static int pack_entry(struct pack *p, struct archive_entry *entry, const char *path,
                      const char *name, struct err *e)
{
    struct archive_entry *spare = NULL;
    int r = 0;

    if (archive_entry_filetype(entry) == AE_IFSOCK || *name == '\0') {
        return 0; /* sockets have no place in a tar archive */
    }
    archive_entry_set_pathname(entry, name);
    /* The process's own times are nobody's business. */
    archive_entry_unset_atime(entry);
    archive_entry_unset_ctime(entry);
    archive_entry_unset_birthtime(entry);
    archive_entry_set_fflags(entry, 0, 0);
    if (p->options->plain) {
        make_plain(entry);
    }
    archive_entry_linkify(p->links, &entry, &spare);
    if (entry != NULL && archive_write_header(p->tar, entry) < ARCHIVE_WARN) {
        r = fail(p->tar, path, e);
    } else if (entry != NULL && archive_entry_filetype(entry) == AE_IFREG &&
               archive_entry_size(entry) > 0) {
        r = pack_data(p, path, e);
    }
    return r;
}

/* What @path, below @top, is called in the archive. The caller owns it. */
static char *entry_name(const char *path, const char *top, const char *name)
{
    const char *rest = path + strlen(top);

    rest += *rest == '/' ? 1 : 0;
    return name == NULL    ? xstrdup(rest)
           : *rest == '\0' ? xstrdup(name)
                           : xasprintf("%s/%s", name, rest);
}

static int pack_all(struct pack *p, const char *top, const char *name, struct err *e)
{
    struct archive_entry *entry = archive_entry_new();
    int status = 0;
    int r = 0;

    while (r == 0 && (status = archive_read_next_header2(p->disk, entry)) != ARCHIVE_EOF) {
        autofree char *path = NULL;
        autofree char *called = NULL;

        if (status < ARCHIVE_WARN) {
            r = fail(p->disk, top, e);
            break;
        }
        (void)archive_read_disk_descend(p->disk);
        path = xstrdup(archive_entry_pathname(entry));
        called = entry_name(path, top, name);
        r = pack_entry(p, entry, path, called, e);
    }
    archive_entry_free(entry);
    return r;
}

int pack_tree(struct pack *p, const char *path, const char *name, struct err *e)
{
    int r = archive_read_disk_open(p->disk, path) == ARCHIVE_OK ? pack_all(p, path, name, e)
                                                                : fail(p->disk, path, e);

    (void)archive_read_close(p->disk);
    return r;
}

int pack_path(struct pack *p, const char *path, struct err *e)
{
    struct archive_entry *entry = archive_entry_new();
    int r = 0;

    archive_entry_copy_sourcepath(entry, path);
    archive_entry_copy_pathname(entry, path);
    r = archive_read_disk_entry_from_file(p->disk, entry, -1, NULL) < ARCHIVE_WARN
            ? fail(p->disk, path, e)
            : pack_entry(p, entry, path, path, e);
    archive_entry_free(entry);
    return r;
}

int pack_whiteout(struct pack *p, const char *name, struct err *e)
{
    struct archive_entry *entry = archive_entry_new();
    int r = 0;

    archive_entry_copy_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0600);
    archive_entry_set_size(entry, 0);
    r = archive_write_header(p->tar, entry) < ARCHIVE_WARN ? fail(p->tar, name, e) : 0;
    archive_entry_free(entry);
    return r;
}

int pack_begin(const struct pack_options *o, struct pack **ret, struct err *e)
{
    struct pack *p = xcalloc(1, sizeof(*p));

    *ret = p;
    p->options = o;
    p->disk = archive_read_disk_new();
    p->tar = archive_write_new();
    p->links = archive_entry_linkresolver_new();
    if (p->disk == NULL || p->tar == NULL || p->links == NULL) {
        return err_new(e, ENOMEM, "out of memory");
    }
    (void)archive_read_disk_set_symlink_physical(p->disk);
    (void)archive_read_disk_set_behavior(p->disk,
                                         o->cross_mounts ? 0 : ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS);
    (void)archive_write_set_format_pax_restricted(p->tar);
    (void)archive_write_set_bytes_per_block(p->tar, 0);
    archive_entry_linkresolver_set_strategy(p->links, archive_format(p->tar));
    return archive_write_open_fd(p->tar, STDOUT_FILENO) == ARCHIVE_OK ? 0 : fail(p->tar, ".", e);
}

int pack_end(struct pack *p, int r, struct err *e)
{
    if (r == 0 && archive_write_close(p->tar) != ARCHIVE_OK) {
        r = fail(p->tar, ".", e);
    }
    archive_entry_linkresolver_free(p->links);
    (void)archive_read_free(p->disk);
    (void)archive_write_free(p->tar);
    free(p);
    return r;
}

int pack_run(const struct pack_options *o, struct err *e)
{
    struct pack *p = NULL;
    int r = pack_begin(o, &p, e);

    r = r < 0 ? r : pack_tree(p, ".", NULL, e);
    return pack_end(p, r, e);
}
