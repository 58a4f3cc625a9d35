/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blobs, several at a time, each into HEX.partial, which is kept when the connection breaks and
 * gone on with; renamed to HEX once its digest is right. */
#include "fetch.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PARALLEL = 6,
    PROGRESS_MS = 100,
    POLL_MS = 100,
    HASH_BUFFER = 256 << 10,
    RETRY_MS = 250,
    FROM_SCRATCH_MAX = 2
};

enum blob_state {
    BLOB_WAITING,
    BLOB_RUNNING,
    BLOB_DONE
};

struct blob {
    struct fetch *f;
    const char *digest; /* sha256:HEX */
    char *partial;
    int64_t size; /* -1: unknown */
    enum blob_state state;
    int fd; /* HEX.partial, locked */
    int64_t have;
    EVP_MD_CTX *md;
    size_t endpoint;
    int tries;
    int auth_tries;
    int scratches; /* times begun again from nothing */
    int64_t not_before_ms;
    CURL *easy;
    struct curl_slist *headers;
    struct call answer; /* its headers */
    char words[CURL_ERROR_SIZE];
    int is_checked; /* the answer's status was looked at */
    int is_too_long;
    int write_errno; /* of the disk, which no other try mends; 0: none */
};

static const char *hex_of(const struct blob *b)
{
    return strchr(b->digest, ':') + 1;
}

/* ---- the file */

static int begin_digest(struct blob *b, struct err *e)
{
    EVP_MD_CTX_free(b->md);
    b->md = EVP_MD_CTX_new();
    if (b->md == NULL || EVP_DigestInit_ex(b->md, EVP_sha256(), NULL) != 1) {
        return err_new(e, ENOMEM, "cannot compute a digest");
    }
    return 0;
}

static int truncate_partial(struct blob *b, struct err *e)
{
    if (ftruncate(b->fd, 0) < 0 || lseek(b->fd, 0, SEEK_SET) < 0) {
        return err_set(e, errno, "cannot empty '%s'", b->partial);
    }
    b->have = 0;
    return begin_digest(b, e);
}

/* What an earlier try left is part of the digest. */
static int hash_partial(struct blob *b, struct err *e)
{
    autofree char *data = xcalloc(1, HASH_BUFFER);
    ssize_t n = 0;

    if (begin_digest(b, e) < 0) {
        return -e->errnum;
    }
    while ((n = read(b->fd, data, HASH_BUFFER)) > 0) {
        (void)EVP_DigestUpdate(b->md, data, (size_t)n);
        b->have += n;
    }
    if (n < 0) {
        return err_set(e, errno, "cannot read '%s'", b->partial);
    }
    return b->size >= 0 && b->have > b->size ? truncate_partial(b, e) : 0;
}

/* The lock is held for as long as the download lasts: another process that wants the same blob
 * waits, and finds it done. */
static int open_partial(struct blob *b, struct err *e)
{
    struct stat ours;
    struct stat named;

    for (;;) {
        b->fd = open(b->partial, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (b->fd < 0 || flock(b->fd, LOCK_EX) < 0 || fstat(b->fd, &ours) < 0) {
            return err_set(e, errno, "cannot open '%s'", b->partial);
        }
        if (stat(b->partial, &named) == 0 && named.st_ino == ours.st_ino) {
            return hash_partial(b, e);
        }
        close_fd(&b->fd);
        if (access(hex_of(b), F_OK) == 0) {
            b->state = BLOB_DONE;
            return 0;
        }
    }
}

static int finish_file(struct blob *b, struct err *e)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    char hex[2 * sizeof(md) + 1] = "";
    unsigned int len = 0;

    (void)EVP_DigestFinal_ex(b->md, md, &len);
    hex_text(md, len, hex);
    if (strcmp(hex, hex_of(b)) != 0) {
        (void)truncate_partial(b, e);
        return err_new(e, FETCH_REFUSED, "blob %.19s comes with the content of sha256:%.12s",
                       b->digest, hex);
    }
    /* Whoever finds the name takes it for whole, after a power loss, too. */
    if (fsync(b->fd) < 0 || rename(b->partial, hex_of(b)) < 0) {
        return err_set(e, errno, "cannot keep blob %.19s", b->digest);
    }
    return 0;
}

/* ---- the transfer */

static size_t take_data(char *data, size_t size, size_t count, void *arg)
{
    struct blob *b = arg;
    size_t len = size * count;
    struct err ignored = {0};

    if (!b->is_checked) {
        (void)curl_easy_getinfo(b->easy, CURLINFO_RESPONSE_CODE, &b->answer.status);
        b->is_checked = 1;
        if (b->answer.status == 200 && b->have > 0 && truncate_partial(b, &ignored) < 0) {
            return 0;
        }
    }
    if (b->answer.status != 200 && b->answer.status != 206) {
        if (b->answer.reply.len + len <= FETCH_BODY_MAX) {
            buf_add(&b->answer.reply, data, len);
        }
        return len;
    }
    if (b->size >= 0 && b->have + (int64_t)len > b->size) {
        b->is_too_long = 1;
        return 0;
    }
    for (size_t at = 0; at < len;) {
        ssize_t n = write(b->fd, data + at, len - at);

        if (n < 0 && errno != EINTR) {
            b->write_errno = errno;
            return 0;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    (void)EVP_DigestUpdate(b->md, data, len);
    b->have += (int64_t)len;
    return len;
}

static int start(CURLM *multi, struct blob *b, struct err *e)
{
    struct endpoint *ep = &b->f->endpoints[b->endpoint];
    int r = http_settle(b->f, ep, e);
    autofree char *rest = xasprintf("blobs/%s", b->digest);
    autofree char *path = http_path(ep, rest);
    autofree char *url = xasprintf("%s%s", ep->url, path);

    if (r < 0) {
        return r;
    }
    call_done(&b->answer);
    b->is_checked = 0;
    b->is_too_long = 0;
    b->words[0] = '\0';
    if (b->fd < 0 && open_partial(b, e) < 0) {
        return -e->errnum;
    }
    if (b->state == BLOB_DONE) {
        return 0;
    }
    if (b->size >= 0 && b->have == b->size) {
        /* All of it came before; only the digest was not looked at. */
        b->answer.status = 206;
        b->state = BLOB_RUNNING;
        b->easy = NULL;
        return 0;
    }
    b->easy = curl_easy_init();
    if (b->easy == NULL) {
        return err_new(e, ENOMEM, "out of memory");
    }
    http_prepare(b->f, ep, b->easy, url, &b->headers);
    if (b->have > 0) {
        autofree char *range = xasprintf("%lld-", (long long)b->have);

        (void)curl_easy_setopt(b->easy, CURLOPT_RANGE, range);
    }
    (void)curl_easy_setopt(b->easy, CURLOPT_HTTPHEADER, b->headers);
    (void)curl_easy_setopt(b->easy, CURLOPT_ERRORBUFFER, b->words);
    (void)curl_easy_setopt(b->easy, CURLOPT_WRITEFUNCTION, take_data);
    (void)curl_easy_setopt(b->easy, CURLOPT_WRITEDATA, b);
    (void)curl_easy_setopt(b->easy, CURLOPT_HEADERFUNCTION, http_keep_header);
    (void)curl_easy_setopt(b->easy, CURLOPT_HEADERDATA, &b->answer);
    b->state = BLOB_RUNNING;
    return curl_multi_add_handle(multi, b->easy) == CURLM_OK ? 0
                                                             : err_new(e, ENOMEM, "out of memory");
}

static void stop(CURLM *multi, struct blob *b)
{
    if (b->easy != NULL) {
        (void)curl_multi_remove_handle(multi, b->easy);
        http_finish(b->easy);
        b->easy = NULL;
    }
    curl_slist_free_all(b->headers);
    b->headers = NULL;
}

static void say_progress(const struct blob *b)
{
    say(json_pack("{s:s, s:I, s:I}", "progress", b->digest, "bytes", (json_int_t)b->have, "total",
                  (json_int_t)b->size));
}

static void again_ms(struct blob *b, int64_t wait_ms)
{
    b->state = BLOB_WAITING;
    b->not_before_ms = clock_monotonic_ms() + wait_ms;
}

/* Another endpoint may have what this one has not. */
static int next_endpoint(struct blob *b)
{
    if (b->endpoint + 1 >= b->f->count) {
        return 0;
    }
    b->endpoint++;
    b->tries = 0;
    b->auth_tries = 0;
    again_ms(b, 0);
    return 1;
}

static int failed(struct blob *b, CURLcode code, struct err *e)
{
    struct endpoint *ep = &b->f->endpoints[b->endpoint];
    autofree char *what = xasprintf("blob %.19s of %s", b->digest, ep->repository);

    if (b->write_errno != 0) {
        return err_set(e, b->write_errno, "cannot write '%s'", b->partial);
    }
    if (code == CURLE_OK && b->answer.status == 401 && b->answer.authenticate != NULL &&
        b->auth_tries++ < 2) {
        int r = http_authenticate(b->f, ep, b->answer.authenticate, e);

        if (r == 0) {
            again_ms(b, 0);
        }
        return r;
    }
    /* What there is already may be another's: begin again. */
    if (code == CURLE_OK && b->answer.status == 416 && b->scratches++ < FROM_SCRATCH_MAX) {
        again_ms(b, 0);
        return truncate_partial(b, e);
    }
    if (http_is_transient(code, b->answer.status) && ++b->tries < FETCH_TRIES) {
        again_ms(b, (int64_t)RETRY_MS << b->tries);
        return 0;
    }
    if (next_endpoint(b)) {
        return 0;
    }
    if (b->is_too_long) {
        (void)truncate_partial(b, e);
        return err_new(e, FETCH_REFUSED, "%s is longer than its manifest says", what);
    }
    if (code != CURLE_OK) {
        return err_new(e, http_is_transient(code, 0) ? FETCH_NETWORK : FETCH_REFUSED, "%s: %s",
                       what, b->words[0] != '\0' ? b->words : curl_easy_strerror(code));
    }
    return http_refused(b->answer.status, &b->answer.reply, what, e);
}

static int ended(CURLM *multi, struct blob *b, CURLcode code, struct err *e)
{
    int r = 0;

    if (b->easy != NULL) {
        (void)curl_easy_getinfo(b->easy, CURLINFO_RESPONSE_CODE, &b->answer.status);
    }
    stop(multi, b);
    if (code != CURLE_OK || (b->answer.status != 200 && b->answer.status != 206)) {
        return failed(b, code, e);
    }
    if (b->size >= 0 && b->have < b->size) {
        return failed(b, CURLE_PARTIAL_FILE, e);
    }
    say_progress(b);
    r = finish_file(b, e);
    if (r == -FETCH_REFUSED && b->scratches++ == 0) {
        /* What was kept of an earlier try may be to blame. */
        err_clear(e);
        again_ms(b, 0);
        return 0;
    }
    if (r == -FETCH_REFUSED && next_endpoint(b)) {
        err_clear(e);
        return 0;
    }
    if (r == 0) {
        b->state = BLOB_DONE;
        say(json_pack("{s:s, s:I}", "blob", b->digest, "bytes", (json_int_t)b->have));
        close_fd(&b->fd);
    }
    return r;
}

/* ---- all of them */

static int start_some(CURLM *multi, struct blob *blobs, size_t count, size_t *ret_left,
                      struct err *e)
{
    size_t running = 0;

    *ret_left = 0;
    for (size_t i = 0; i < count; i++) {
        running += blobs[i].state == BLOB_RUNNING;
    }
    for (size_t i = 0; i < count; i++) {
        struct blob *b = &blobs[i];

        if (b->state == BLOB_WAITING && running < PARALLEL &&
            b->not_before_ms <= clock_monotonic_ms()) {
            if (start(multi, b, e) < 0) {
                return -e->errnum;
            }
            if (b->state == BLOB_DONE) {
                say(json_pack("{s:s, s:I}", "blob", b->digest, "bytes", (json_int_t)b->size));
            } else if (b->easy != NULL) {
                running++;
            } else if (ended(multi, b, CURLE_OK, e) < 0) {
                return -e->errnum;
            }
        }
        *ret_left += b->state != BLOB_DONE;
    }
    return 0;
}

static int take_ended(CURLM *multi, struct blob *blobs, size_t count, struct err *e)
{
    CURLMsg *m = NULL;
    int left = 0;

    while ((m = curl_multi_info_read(multi, &left)) != NULL) {
        CURL *easy = m->easy_handle;
        CURLcode code = m->data.result;

        for (size_t i = 0; m->msg == CURLMSG_DONE && i < count; i++) {
            if (blobs[i].easy == easy && ended(multi, &blobs[i], code, e) < 0) {
                return -e->errnum;
            }
        }
    }
    return 0;
}

static int download_all(struct blob *blobs, size_t count, struct err *e)
{
    CURLM *multi = curl_multi_init();
    int64_t last_ms = 0;
    size_t left = count;
    int running = 0;
    int r = 0;

    if (multi == NULL) {
        return err_new(e, ENOMEM, "out of memory");
    }
    while (r == 0 && left > 0) {
        r = start_some(multi, blobs, count, &left, e);
        (void)curl_multi_perform(multi, &running);
        r = r < 0 ? r : take_ended(multi, blobs, count, e);
        if (r == 0 && left > 0) {
            (void)curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
        }
        if (clock_monotonic_ms() - last_ms >= PROGRESS_MS) {
            for (size_t i = 0; i < count; i++) {
                if (blobs[i].state == BLOB_RUNNING) {
                    say_progress(&blobs[i]);
                }
            }
            last_ms = clock_monotonic_ms();
        }
    }
    for (size_t i = 0; i < count; i++) {
        stop(multi, &blobs[i]);
        close_fd(&blobs[i].fd);
        EVP_MD_CTX_free(blobs[i].md);
        call_done(&blobs[i].answer);
        free(blobs[i].partial);
    }
    (void)curl_multi_cleanup(multi);
    return r;
}

/* Locks are taken in the order of the digests, so that two processes never wait for each other. */
static int by_digest(const void *a, const void *b)
{
    const struct blob *x = a;
    const struct blob *y = b;

    return strcmp(x->digest, y->digest);
}

int blobs_download(struct fetch *f, const json_t *list, struct err *e)
{
    size_t count = json_array_size(list);
    autofree struct blob *blobs = xcalloc(count + 1, sizeof(*blobs));
    const json_t *o = NULL;
    size_t i = 0;

    json_array_foreach(list, i, o)
    {
        const char *digest = NULL;

        blobs[i] = (struct blob){.f = f, .fd = -1, .endpoint = f->current, .size = -1};
        if (json_get_string(o, "digest", "request", &digest, e) < 0 ||
            json_get_int(o, "size", "request", &blobs[i].size, e) < 0) {
            return -e->errnum;
        }
        if (digest == NULL || strlen(digest) != 71 || strchr(digest, '/') != NULL) {
            return err_new(e, EINVAL, "a blob needs its digest");
        }
        blobs[i].digest = digest;
    }
    for (i = 0; i < count; i++) {
        blobs[i].partial = xasprintf("%s.partial", hex_of(&blobs[i]));
    }
    qsort(blobs, count, sizeof(*blobs), by_digest);
    return download_all(blobs, count, e);
}
