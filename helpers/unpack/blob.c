/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Streams by their digest. */
#include "unpack.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Read standard input to its end, copy it to @out_fd unless that is -1, and give its sha256. */
static int digest_input(int out_fd, const struct amount *max, char ret_hex[65], struct err *e)
{
    uint64_t bytes = 0;
    EVP_MD_CTX *digest = NULL;
    autofree char *room = xmalloc(INPUT_BYTES);
    const void *data = NULL;
    ssize_t n = 0;
    int r = digest_begin(&digest, e);

    while (r == 0 && (n = input_read(room, &data, e)) != 0) {
        r = n < 0 ? (int)n : out_fd >= 0 ? fd_write_all(out_fd, data, (size_t)n) : 0;
        if (r < 0) {
            (void)err_set(e, -r, "cannot %s a blob", out_fd >= 0 ? "copy" : "read");
        } else {
            (void)EVP_DigestUpdate(digest, data, (size_t)n);
            bytes += (uint64_t)n;
            r = bytes > max->bytes ? room_too_small(max, e) : 0;
        }
    }
    if (r == 0) {
        digest_hex(digest, ret_hex);
    }
    EVP_MD_CTX_free(digest);
    return r;
}

int blob_run(const struct amount *max, struct err *e)
{
    autofree char *temp = xasprintf(".blob.%d", (int)getpid());
    autoclose int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    char hex[65] = "";
    int r = fd < 0 ? err_set(e, errno, "cannot create a blob") : digest_input(fd, max, hex, e);

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
    int r = digest_input(-1, &AMOUNT_ANY, hex, e);

    if (r == 0) {
        (void)printf("%s\n", hex);
    }
    return r;
}

int digest_run(const struct amount *max, struct err *e)
{
    struct source *s = xcalloc(1, sizeof(*s));
    const void *data = NULL;
    char hex[65] = "";
    ssize_t n = 0;
    int r = 0;

    s->max = max;
    r = source_open(s, e);
    while (r == 0 && (n = source_read(s, &data, e)) > 0) {
    }
    r = n < 0 ? (int)n : r;
    if (r == 0) {
        digest_hex(s->digest, hex);
        (void)printf("{\"diffID\":\"sha256:%s\"}\n", hex);
    }
    source_done(s);
    free(s);
    return r;
}
