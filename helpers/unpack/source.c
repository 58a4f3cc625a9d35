/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unpack.h"

#include "base/hex.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int source_error(struct archive *a, struct err *e, const char *what)
{
    const char *text = archive_error_string(a);
    int errnum = archive_errno(a);

    return err_new(e, errnum > 0 ? errnum : EINVAL, "%s: %s", what,
                   text != NULL ? text : "damaged");
}

void digest_hex(EVP_MD_CTX *ctx, char ret_hex[65])
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned int len = 0;

    ret_hex[0] = '\0';
    if (EVP_DigestFinal_ex(ctx, md, &len) != 1 || len != 32) {
        return;
    }
    hex_text(md, len, ret_hex);
}

/* One piece of the decompressed stream for the tar reader, counted and digested on the way. */
static la_ssize_t read_raw(struct archive *tar, void *arg, const void **ret)
{
    struct source *s = arg;
    la_ssize_t n = archive_read_data(s->raw, s->chunk, sizeof(s->chunk));

    if (n < 0) {
        archive_set_error(tar, archive_errno(s->raw), "%s", archive_error_string(s->raw));
        return -1;
    }
    if (s->digest != NULL) {
        (void)EVP_DigestUpdate(s->digest, s->chunk, (size_t)n);
    }
    s->bytes += (uint64_t)n;
    *ret = s->chunk;
    return n;
}

int source_open(struct source *s, int fd, struct err *e)
{
    struct archive_entry *entry = NULL;
    int r = 0;

    s->fd = fd;
    s->bytes = 0;
    s->raw = archive_read_new();
    s->tar = archive_read_new();
    s->digest = s->is_undigested ? NULL : EVP_MD_CTX_new();
    if (s->raw == NULL || s->tar == NULL || (s->digest == NULL && !s->is_undigested) ||
        (s->digest != NULL && EVP_DigestInit_ex(s->digest, EVP_sha256(), NULL) != 1)) {
        return err_new(e, ENOMEM, "cannot set up the archive reader");
    }
    (void)archive_read_support_filter_all(s->raw);
    (void)archive_read_support_format_raw(s->raw);
    (void)archive_read_support_format_empty(s->raw);
    (void)archive_read_support_format_tar(s->tar);
    (void)archive_read_support_format_empty(s->tar);
    /* Names come out as the bytes they are. */
    (void)archive_read_set_format_option(s->tar, "tar", "hdrcharset", "BINARY");
    if (archive_read_open_fd(s->raw, fd, 65536) != ARCHIVE_OK) {
        return source_error(s->raw, e, "cannot read the archive");
    }
    r = archive_read_next_header(s->raw, &entry);
    if (r == ARCHIVE_EOF) {
        return err_new(e, EINVAL, "the archive is empty");
    }
    if (r != ARCHIVE_OK && archive_errno(s->raw) != 0) {
        return source_error(s->raw, e, "cannot read the archive");
    }
    if (archive_read_open(s->tar, s, NULL, read_raw, NULL) != ARCHIVE_OK) {
        return source_error(s->tar, e, "cannot read the archive");
    }
    return 0;
}

int source_finish(struct source *s, char ret_hex[65], struct err *e)
{
    la_ssize_t n = 0;

    while ((n = archive_read_data(s->raw, s->chunk, sizeof(s->chunk))) > 0) {
        (void)EVP_DigestUpdate(s->digest, s->chunk, (size_t)n);
        s->bytes += (uint64_t)n;
    }
    if (n < 0) {
        return source_error(s->raw, e, "cannot read the archive to its end");
    }
    digest_hex(s->digest, ret_hex);
    return 0;
}

void source_done(struct source *s)
{
    if (s->tar != NULL) {
        (void)archive_read_free(s->tar);
    }
    if (s->raw != NULL) {
        (void)archive_read_free(s->raw);
    }
    EVP_MD_CTX_free(s->digest);
    memset(s, 0, sizeof(*s));
}
