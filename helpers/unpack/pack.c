/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unpack.h"

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
    const char *why = archive_error_string(a);

    return err_new(e, EIO, "cannot pack '%s': %s", name, why != NULL ? why : "unknown error");
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

static int pack_entry(struct pack *p, struct archive_entry *entry, struct err *e)
{
    struct archive_entry *spare = NULL;
    const char *path = archive_entry_pathname(entry);
    const char *name = strncmp(path, "./", 2) == 0 ? path + 2 : path;
    char *copy = strdup(name);
    int r = 0;

    if (copy == NULL || archive_entry_filetype(entry) == AE_IFSOCK || strcmp(copy, ".") == 0) {
        free(copy);
        return 0; /* sockets have no place in a tar archive, and "." is where it is unpacked */
    }
    archive_entry_set_pathname(entry, copy);
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
        r = fail(p->tar, copy, e);
    } else if (entry != NULL && archive_entry_filetype(entry) == AE_IFREG &&
               archive_entry_size(entry) > 0) {
        r = pack_data(p, copy, e);
    }
    free(copy);
    return r;
}

static int pack_tree(struct pack *p, struct err *e)
{
    struct archive_entry *entry = archive_entry_new();
    int status = 0;
    int r = 0;

    while (r == 0 && (status = archive_read_next_header2(p->disk, entry)) != ARCHIVE_EOF) {
        if (status < ARCHIVE_WARN) {
            r = fail(p->disk, archive_entry_pathname(entry), e);
            break;
        }
        (void)archive_read_disk_descend(p->disk);
        r = pack_entry(p, entry, e);
    }
    archive_entry_free(entry);
    return r;
}

int pack_run(const struct pack_options *o, struct err *e)
{
    static struct pack p;
    int r = 0;

    p.options = o;
    p.disk = archive_read_disk_new();
    p.tar = archive_write_new();
    p.links = archive_entry_linkresolver_new();
    if (p.disk == NULL || p.tar == NULL || p.links == NULL) {
        return err_new(e, ENOMEM, "out of memory");
    }
    (void)archive_read_disk_set_symlink_physical(p.disk);
    (void)archive_read_disk_set_behavior(p.disk, ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS);
    (void)archive_write_set_format_pax_restricted(p.tar);
    (void)archive_write_set_bytes_per_block(p.tar, 0);
    archive_entry_linkresolver_set_strategy(p.links, archive_format(p.tar));
    if (archive_write_open_fd(p.tar, STDOUT_FILENO) != ARCHIVE_OK) {
        r = fail(p.tar, ".", e);
    } else if (archive_read_disk_open(p.disk, ".") != ARCHIVE_OK) {
        r = fail(p.disk, ".", e);
    }
    r = r < 0 ? r : pack_tree(&p, e);
    if (r == 0 && archive_write_close(p.tar) != ARCHIVE_OK) {
        r = fail(p.tar, ".", e);
    }
    archive_entry_linkresolver_free(p.links);
    (void)archive_read_free(p.disk);
    (void)archive_write_free(p.tar);
    return r;
}
