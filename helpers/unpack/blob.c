/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files by their digest: `spool` for all files of an image archive, `blob` for one stream. */
#include "unpack.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/fd.h"
#include "sys/path.h"

#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An image archive has a few hundred files; one with more than this is something else. */
enum {
    SPOOL_FILES_MAX = 20000,
    NAME_BYTES_MAX = 4096
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

static int write_entry(struct archive *a, int out_fd, EVP_MD_CTX *digest, uint64_t *ret_size,
                       struct err *e)
{
    static char chunk[256 << 10];
    la_ssize_t n = 0;
    uint64_t size = 0;

    while ((n = archive_read_data(a, chunk, sizeof(chunk))) > 0) {
        int r = fd_write_all(out_fd, chunk, (size_t)n);

        if (r < 0) {
            return err_set(e, -r, "cannot write");
        }
        (void)EVP_DigestUpdate(digest, chunk, (size_t)n);
        size += (uint64_t)n;
    }
    if (n < 0) {
        return source_error(a, e, "cannot read the archive");
    }
    *ret_size = size;
    return 0;
}

static int make_file(const char *name, int *ret_fd, struct err *e)
{
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
        r = path_make_dir_in_root(root_fd, folder, &dir_fd, e);
        if (r < 0) {
            return r;
        }
    }
    *ret_fd = openat(dir_fd >= 0 ? dir_fd : root_fd, base,
                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    return *ret_fd < 0 ? err_set(e, errno, "cannot create '%s'", name) : 0;
}

static int spool_file(struct archive *a, const char *name, struct err *e)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    autoclose int fd = -1;
    char hex[65] = "";
    uint64_t size = 0;
    int r = make_file(name, &fd, e);

    if (r == 0 && (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1)) {
        r = err_new(e, ENOMEM, "cannot set up a digest");
    }
    if (r == 0) {
        r = write_entry(a, fd, digest, &size, e);
    }
    if (r == 0) {
        digest_hex(digest, hex);
        (void)printf("%s %llu %s\n", hex, (unsigned long long)size, name);
    }
    EVP_MD_CTX_free(digest);
    return r < 0 ? err_wrap(e, "'%s'", name) : 0;
}

/* Old docker archives share layers by symlinks ("../OTHER/layer.tar"): told to the caller, made by
 * nobody. */
static void spool_link(const char *name, const char *target)
{
    if (target != NULL && strchr(target, '\n') == NULL) {
        (void)printf("link %s\n%s\n", name, target);
    }
}

static int spool_entry(struct archive *a, struct archive_entry *entry, struct err *e)
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
        spool_link(name,
                   type == AE_IFLNK ? archive_entry_symlink(entry) : archive_entry_hardlink(entry));
        return 0;
    }
    if (type != AE_IFREG) {
        return err_new(e, EINVAL, "'%s' in the archive is not a regular file", name);
    }
    return spool_file(a, name, e);
}

int spool_run(struct err *e)
{
    struct source *s = xcalloc(1, sizeof(*s));
    struct archive_entry *entry = NULL;
    int count = 0;
    int r = 0;

    s->is_undigested = 1; /* each file is, on its own */
    r = source_open(s, STDIN_FILENO, e);
    while (r == 0) {
        int ar = archive_read_next_header(s->tar, &entry);

        if (ar == ARCHIVE_EOF) {
            break;
        }
        if (ar < ARCHIVE_WARN) {
            r = source_error(s->tar, e, "not an image archive");
        } else if (++count > SPOOL_FILES_MAX) {
            r = err_new(e, E2BIG, "the archive has more than %d files: not an image archive",
                        SPOOL_FILES_MAX);
        } else {
            r = spool_entry(s->tar, entry, e);
        }
    }
    source_done(s);
    free(s);
    return r;
}

/* Read standard input to its end, copy it to @out_fd unless that is -1, and give its sha256. */
static int digest_input(int out_fd, char ret_hex[65], struct err *e)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    char *chunk = xmalloc(1 << 18);
    ssize_t n = 0;
    int r = 0;

    if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1) {
        r = err_new(e, ENOMEM, "cannot set up a digest");
    }
    while (r == 0 && (n = read(STDIN_FILENO, chunk, 1 << 18)) != 0) {
        r = n < 0 ? -errno : out_fd >= 0 ? fd_write_all(out_fd, chunk, (size_t)n) : 0;
        if (r < 0) {
            (void)err_set(e, -r, "cannot %s a blob", out_fd >= 0 ? "copy" : "read");
        } else {
            (void)EVP_DigestUpdate(digest, chunk, (size_t)n);
        }
    }
    if (r == 0) {
        digest_hex(digest, ret_hex);
    }
    EVP_MD_CTX_free(digest);
    free(chunk);
    return r;
}

int blob_run(struct err *e)
{
    autofree char *temp = xasprintf(".blob.%d", (int)getpid());
    autoclose int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    char hex[65] = "";
    int r = fd < 0 ? err_set(e, errno, "cannot create a blob") : digest_input(fd, hex, e);

    if (r == 0) {
        r = fsync(fd) < 0 || rename(temp, hex) < 0 ? err_set(e, errno, "cannot store a blob") : 0;
    }
    if (r == 0) {
        (void)printf("%s\n", hex);
    } else {
        (void)unlink(temp);
    }
    return r;
}

int sum_run(struct err *e)
{
    char hex[65] = "";
    int r = digest_input(-1, hex, e);

    if (r == 0) {
        (void)printf("%s\n", hex);
    }
    return r;
}

int digest_run(struct err *e)
{
    struct source *s = xcalloc(1, sizeof(*s));
    char hex[65] = "";
    int r = source_open(s, STDIN_FILENO, e);

    if (r == 0) {
        r = source_finish(s, hex, e);
    }
    if (r == 0) {
        (void)printf("{\"diffID\":\"sha256:%s\"}\n", hex);
    }
    source_done(s);
    free(s);
    return r;
}
