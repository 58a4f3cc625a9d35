/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unpack.h"

#include "base/hex.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int source_error(struct archive *a, struct err *e, const char *what)
{
    const char *text = archive_error_string(a);
    int errnum = archive_errno(a);

    return err_new(e, errnum > 0 ? errnum : EINVAL, "%s: %s", what,
                   text != NULL ? text : "damaged");
}

/* ---- digests */

int digest_begin(EVP_MD_CTX **ret, struct err *e)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(ctx);
        return err_new(e, ENOMEM, "cannot set up a digest");
    }
    *ret = ctx;
    return 0;
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

/* ---- feeds */

ssize_t input_read(void *arg, const void **ret, struct err *e)
{
    ssize_t n = 0;

    do {
        n = read(STDIN_FILENO, arg, INPUT_BYTES);
    } while (n < 0 && errno == EINTR);
    *ret = arg;
    return n < 0 ? err_set(e, errno, "cannot read the archive") : n;
}

/* A feed for libarchive, which wants errors its own way. */
struct bridge {
    feed *from;
    void *arg;
};

static la_ssize_t bridge_read(struct archive *a, void *arg, const void **ret)
{
    const struct bridge *b = arg;
    struct err e = {0};
    ssize_t n = b->from(b->arg, ret, &e);

    if (n < 0) {
        archive_set_error(a, e.errnum, "%s", e.msg);
        return -1;
    }
    return n;
}

static int bridge_close(struct archive *a, void *arg)
{
    (void)a;
    free(arg);
    return ARCHIVE_OK;
}

/* @a reads what @from gives, and is freed where it can't. */
static int open_archive(struct archive *a, feed *from, void *arg, struct archive **ret,
                        struct err *e)
{
    struct bridge *b = xcalloc(1, sizeof(*b));
    int r = 0;

    *b = (struct bridge){.from = from, .arg = arg};
    if (archive_read_open(a, b, NULL, bridge_read, bridge_close) != ARCHIVE_OK) {
        r = source_error(a, e, "cannot read the archive");
        (void)archive_read_free(a);
        return r;
    }
    *ret = a;
    return 0;
}

int tar_open(feed *from, void *arg, struct archive **ret, struct err *e)
{
    struct archive *a = archive_read_new();

    if (a == NULL) {
        return err_new(e, ENOMEM, "cannot set up the archive reader");
    }
    (void)archive_read_support_format_tar(a);
    (void)archive_read_support_format_empty(a);
    /* Names come out as the bytes they are. */
    (void)archive_read_set_format_option(a, "tar", "hdrcharset", "BINARY");
    return open_archive(a, from, arg, ret, e);
}

/* ---- what a stream is, by its first bytes */

enum {
    USTAR_AT = 257
};

static enum source_kind kind_of(const char *head, size_t len)
{
    static const struct {
        const char *magic;
        size_t len;
    } COMPRESSED[] = {{"\x28\xb5\x2f\xfd", 4}, {"\xfd\x37\x7a\x58\x5a", 5}, {"BZh", 3}};

    if (len >= 2 && memcmp(head, "\x1f\x8b", 2) == 0) {
        return SOURCE_GZIP;
    }
    for (size_t i = 0; i < sizeof(COMPRESSED) / sizeof(COMPRESSED[0]); i++) {
        if (len >= COMPRESSED[i].len && memcmp(head, COMPRESSED[i].magic, COMPRESSED[i].len) == 0) {
            return SOURCE_COMPRESSED;
        }
    }
    return len >= USTAR_AT + 5 && memcmp(head + USTAR_AT, "ustar", 5) == 0 ? SOURCE_TAR
                                                                           : SOURCE_OTHER;
}

/* Gather the first bytes, which may come in small pieces. */
static int read_head(struct source *s, struct err *e)
{
    while (s->head_len < sizeof(s->head)) {
        const void *block = NULL;
        ssize_t n = s->from(s->arg, &block, e);
        size_t room = sizeof(s->head) - s->head_len;
        size_t take = n > 0 && (size_t)n < room ? (size_t)n : room;

        if (n <= 0) {
            return (int)n;
        }
        memcpy(s->head + s->head_len, block, take);
        s->head_len += take;
        s->rest = (const char *)block + take;
        s->rest_len = (size_t)n - take;
    }
    return 0;
}

/* The bytes as they come: the head first, then the rest of the block that its end was in. */
static ssize_t read_packed(void *arg, const void **ret, struct err *e)
{
    struct source *s = arg;
    size_t n = 0;

    if (!s->is_head_read) {
        s->is_head_read = 1;
        *ret = s->head;
        return (ssize_t)s->head_len;
    }
    if (s->rest_len > 0) {
        n = s->rest_len;
        s->rest_len = 0;
        *ret = s->rest;
        return (ssize_t)n;
    }
    return s->from(s->arg, ret, e);
}

/* ---- the stream */

enum {
    CHUNK_BYTES = 65536
};

/* What is not gzip is libarchive's to decompress, if it is compressed at all. */
static int open_raw(struct source *s, struct err *e)
{
    struct archive_entry *entry = NULL;
    struct archive *a = archive_read_new();
    int r = 0;

    if (a == NULL) {
        return err_new(e, ENOMEM, "cannot set up the archive reader");
    }
    (void)archive_read_support_filter_all(a);
    (void)archive_read_support_format_raw(a);
    (void)archive_read_support_format_empty(a);
    s->chunk = xmalloc(CHUNK_BYTES);
    r = open_archive(a, read_packed, s, &s->raw, e);
    if (r < 0) {
        return r;
    }
    r = archive_read_next_header(s->raw, &entry);
    return r != ARCHIVE_OK && r != ARCHIVE_EOF && archive_errno(s->raw) != 0
               ? source_error(s->raw, e, "cannot read the archive")
               : 0;
}

int source_peek(struct source *s, feed *from, void *arg, struct err *e)
{
    int r = 0;

    *s =
        (struct source){.from = from, .arg = arg, .is_undigested = s->is_undigested, .max = s->max};
    r = s->is_undigested ? 0 : digest_begin(&s->digest, e);
    r = r < 0 ? r : read_head(s, e);
    s->kind = kind_of(s->head, s->head_len);
    return r;
}

int source_start(struct source *s, struct err *e)
{
    if (s->kind == SOURCE_GZIP) {
        s->gunzip = gunzip_new(read_packed, s);
    }
    /* Other files may be of a kind that only libarchive knows. */
    return s->kind == SOURCE_COMPRESSED || s->kind == SOURCE_OTHER ? open_raw(s, e) : 0;
}

int source_open(struct source *s, struct err *e)
{
    void *input = xmalloc(INPUT_BYTES);
    int r = source_peek(s, input_read, input, e);

    s->input = input;
    if (r == 0 && s->head_len == 0) {
        return err_new(e, EINVAL, "the archive is empty");
    }
    return r < 0 ? r : source_start(s, e);
}

static ssize_t read_raw(struct source *s, const void **ret, struct err *e)
{
    ssize_t n = archive_read_data(s->raw, s->chunk, CHUNK_BYTES);

    *ret = s->chunk;
    return n < 0 ? source_error(s->raw, e, "cannot read the archive") : n;
}

ssize_t source_read(void *arg, const void **ret, struct err *e)
{
    struct source *s = arg;
    ssize_t n = s->gunzip != NULL ? gunzip_read(s->gunzip, ret, e)
                : s->raw != NULL  ? read_raw(s, ret, e)
                                  : read_packed(s, ret, e);

    if (n > 0 && s->digest != NULL) {
        (void)EVP_DigestUpdate(s->digest, *ret, (size_t)n);
    }
    s->bytes += n > 0 ? (uint64_t)n : 0;
    return s->max != NULL && s->bytes > s->max->bytes ? room_too_small(s->max, e) : n;
}

void source_done(struct source *s)
{
    if (s->raw != NULL) {
        (void)archive_read_free(s->raw);
    }
    gunzip_free(s->gunzip);
    EVP_MD_CTX_free(s->digest);
    free(s->input);
    free(s->chunk);
    memset(s, 0, sizeof(*s));
}
