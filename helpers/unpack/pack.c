/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unpack.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CHUNK_BYTES = 64 << 10
};

struct pack {
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

/* The labels of SELinux are this host's. */
static void drop_label(struct archive_entry *entry)
{
    struct archive_entry *all = NULL;
    const char *name = NULL;
    const void *value = NULL;
    size_t size = 0;

    if (archive_entry_xattr_count(entry) == 0) {
        return;
    }
    all = archive_entry_clone(entry);
    archive_entry_xattr_clear(entry);
    (void)archive_entry_xattr_reset(all);
    while (archive_entry_xattr_next(all, &name, &value, &size) == ARCHIVE_OK) {
        if (!attributes_is_label(name)) {
            archive_entry_xattr_add_entry(entry, name, value, size);
        }
    }
    archive_entry_free(all);
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
    drop_label(entry);
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

/* The header of a file or folder of root's and of no time: the same files make the same archive. */
static int pack_header(struct pack *p, const char *name, mode_t mode, int64_t bytes, struct err *e)
{
    struct archive_entry *entry = archive_entry_new();
    int r = 0;

    archive_entry_copy_pathname(entry, name);
    archive_entry_set_mode(entry, mode);
    archive_entry_set_size(entry, bytes);
    archive_entry_set_mtime(entry, 0, 0);
    r = archive_write_header(p->tar, entry) < ARCHIVE_WARN ? fail(p->tar, name, e) : 0;
    archive_entry_free(entry);
    return r;
}

int pack_whiteout(struct pack *p, const char *name, struct err *e)
{
    return pack_header(p, name, S_IFREG | 0600, 0, e);
}

int pack_begin(int cross_mounts, struct pack **ret, struct err *e)
{
    struct pack *p = xcalloc(1, sizeof(*p));

    *ret = p;
    p->disk = archive_read_disk_new();
    p->tar = archive_write_new();
    p->links = archive_entry_linkresolver_new();
    if (p->disk == NULL || p->tar == NULL || p->links == NULL) {
        return err_new(e, ENOMEM, "out of memory");
    }
    (void)archive_read_disk_set_symlink_physical(p->disk);
    (void)archive_read_disk_set_behavior(p->disk,
                                         cross_mounts ? 0 : ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS);
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

int pack_run(struct err *e)
{
    struct pack *p = NULL;
    int r = pack_begin(/* cross_mounts= */ 0, &p, e);

    r = r < 0 ? r : pack_tree(p, ".", NULL, e);
    return pack_end(p, r, e);
}

/* ---- a list */

static int pack_file(struct pack *p, const char *path, const char *name, struct err *e)
{
    struct stat st;
    int r = lstat(path, &st) < 0   ? err_set(e, errno, "cannot open '%s'", path)
            : !S_ISREG(st.st_mode) ? err_new(e, EINVAL, "'%s' is not a regular file", path)
                                   : pack_header(p, name, S_IFREG | 0644, st.st_size, e);

    return r < 0 ? r : pack_data(p, path, e);
}

static int pack_text(struct pack *p, const char *bytes, const char *name, struct err *e)
{
    size_t left = strtoull(bytes, NULL, 10);
    int r = pack_header(p, name, S_IFREG | 0644, (int64_t)left, e);

    while (r == 0 && left > 0) {
        size_t n = fread(p->chunk, 1, left < sizeof(p->chunk) ? left : sizeof(p->chunk), stdin);

        left -= n;
        r = n == 0 ? err_new(e, EINVAL, "the text of '%s' ends early", name)
            : archive_write_data(p->tar, p->chunk, n) < 0 ? fail(p->tar, name, e)
                                                          : 0;
    }
    return r;
}

static int pack_folder(struct pack *p, const char *mode, const char *name, struct err *e)
{
    return pack_header(p, name, S_IFDIR | ((mode_t)strtoul(mode, NULL, 8) & 0777), 0, e);
}

static int pack_line(struct pack *p, char *line, struct err *e)
{
    static const struct {
        const char *kind;
        int (*pack)(struct pack *p, const char *what, const char *name, struct err *e);
    } KINDS[] = {{"file", pack_file}, {"folder", pack_folder}, {"text", pack_text}};
    char *rest = NULL;
    const char *kind = strtok_r(line, " ", &rest);
    const char *what = strtok_r(NULL, " ", &rest);
    const char *name = strtok_r(NULL, "\n", &rest);

    for (size_t i = 0; name != NULL && i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        if (strcmp(kind, KINDS[i].kind) == 0) {
            return KINDS[i].pack(p, what, name, e);
        }
    }
    return err_new(e, EINVAL, "not a line of a list");
}

int pack_list_run(struct err *e)
{
    autofree char *line = NULL;
    struct pack *p = NULL;
    size_t room = 0;
    int r = pack_begin(/* cross_mounts= */ 0, &p, e);

    while (r == 0 && getline(&line, &room, stdin) > 0) {
        r = pack_line(p, line, e);
    }
    return pack_end(p, r, e);
}
