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

    text = text != NULL ? text : "damaged";
    /* One of ours, which came through libarchive, has that in front. */
    return str_after(text, what) != NULL
               ? err_new(e, errnum > 0 ? errnum : EINVAL, "%s", text)
               : err_new(e, errnum > 0 ? errnum : EINVAL, "%s: %s", what, text);
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
    int r = 0;

    if (a == NULL) {
        return err_new(e, ENOMEM, "cannot set up the archive reader");
    }
    (void)archive_read_support_format_tar(a);
    (void)archive_read_support_format_empty(a);
    /* Names come out as the bytes they are. */
    (void)archive_read_set_format_option(a, "tar", "hdrcharset", "BINARY");
    r = open_archive(a, from, arg, ret, e);
    /* What libarchive says of a format that it does not know. */
    return r == -EILSEQ ? err_new(e, EMEDIUMTYPE, "not a tar archive") : r;
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

int source_no_archive(const struct source *s, struct err *e)
{
    static const struct {
        const char *magic;
        size_t len;
        const char *what;
    } KINDS[] = {{"PK\3\4", 4, "a zip archive"},
                 {"7z\xbc\xaf", 4, "a 7z archive"},
                 {"Rar!", 4, "a rar archive"},
                 {"!<arch>", 7, "a Debian package, or an ar archive"},
                 {"\xed\xab\xee\xdb", 4, "an RPM package"},
                 {"0707", 4, "a cpio archive"},
                 {"hsqs", 4, "a squashfs file system"},
                 {"QFI\xfb", 4, "a disk of a virtual machine"},
                 {"KDMV", 4, "a disk of a virtual machine"},
                 {"\x7f"
                  "ELF",
                  4, "a program"},
                 {"#!", 2, "a script"},
                 {"<!", 2, "a web page"},
                 {"<html", 5, "a web page"},
                 {"{", 1, "a JSON document"},
                 {"[", 1, "a JSON document"},
                 {"\x1f\x8b", 2, "something that is compressed twice"},
                 {"\xfd"
                  "7zXZ",
                  5, "something that is compressed twice"},
                 {"\x28\xb5\x2f\xfd", 4, "something that is compressed twice"},
                 {"BZh", 3, "something that is compressed twice"}};

    if (s->first_len == 0) {
        return err_new(e, EMEDIUMTYPE, "the archive is empty");
    }
    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        if (s->first_len >= KINDS[i].len && memcmp(s->first, KINDS[i].magic, KINDS[i].len) == 0) {
            return err_new(e, EMEDIUMTYPE, "not a tar archive, but %s", KINDS[i].what);
        }
    }
    return s->kind == SOURCE_TAR
               ? err_new(e, EMEDIUMTYPE, "the archive ends in its first header")
               : err_new(e, EMEDIUMTYPE, "not a tar archive%s",
                         s->kind == SOURCE_OTHER ? "" : ", but something else, compressed");
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
        return source_no_archive(s, e);
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
    if (n > 0 && s->first_len < sizeof(s->first)) {
        size_t room = sizeof(s->first) - s->first_len;
        size_t take = (size_t)n < room ? (size_t)n : room;

        memcpy(s->first + s->first_len, *ret, take);
        s->first_len += take;
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
