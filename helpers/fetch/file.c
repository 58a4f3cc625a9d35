/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One file by its URL, into a descriptor that came along. Nothing says what its digest should be,
 * so a try that broke off is no part of the next: it may have been another file. */
#include "fetch.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "sys/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    PROGRESS_MS = 100,
    RETRY_MS = 250
};

struct download {
    struct fetch *f;
    CURL *easy;
    struct call answer; /* its headers, and the body of an answer that is no file */
    char words[CURL_ERROR_SIZE];
    int64_t have;
    int64_t room; /* in the file system */
    int64_t said_ms;
    int write_errno;
    int is_too_long;
};

static int64_t length_of(const struct download *d)
{
    curl_off_t length = -1;

    (void)curl_easy_getinfo(d->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    return (int64_t)length;
}

static void say_progress(struct download *d)
{
    if (clock_monotonic_ms() - d->said_ms >= PROGRESS_MS) {
        d->said_ms = clock_monotonic_ms();
        say(json_pack("{s:s, s:I, s:I}", "progress", "file", "bytes", (json_int_t)d->have, "total",
                      (json_int_t)length_of(d)));
    }
}

static size_t take_data(char *data, size_t size, size_t count, void *arg)
{
    struct download *d = arg;
    size_t len = size * count;

    (void)curl_easy_getinfo(d->easy, CURLINFO_RESPONSE_CODE, &d->answer.status);
    if (d->answer.status != 200) {
        if (d->answer.reply.len + len <= FETCH_BODY_MAX) {
            buf_add(&d->answer.reply, data, len);
        }
        return len;
    }
    if (length_of(d) > d->room || d->have + (int64_t)len > d->room) {
        d->is_too_long = 1;
        return 0;
    }
    d->write_errno = -fd_write_all(d->f->out_fd, data, len);
    if (d->write_errno != 0) {
        return 0;
    }
    d->have += (int64_t)len;
    say_progress(d);
    return len;
}

static CURLcode perform(struct download *d, struct endpoint *ep, const char *url)
{
    struct curl_slist *headers = NULL;
    CURLcode code = CURLE_OUT_OF_MEMORY;

    d->have = 0;
    d->words[0] = '\0';
    call_done(&d->answer);
    d->easy = curl_easy_init();
    if (d->easy == NULL || ftruncate(d->f->out_fd, 0) < 0 || lseek(d->f->out_fd, 0, SEEK_SET) < 0) {
        d->write_errno = errno;
        return code;
    }
    http_prepare(d->f, ep, d->easy, url, &headers);
    (void)curl_easy_setopt(d->easy, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(d->easy, CURLOPT_ERRORBUFFER, d->words);
    (void)curl_easy_setopt(d->easy, CURLOPT_WRITEFUNCTION, take_data);
    (void)curl_easy_setopt(d->easy, CURLOPT_WRITEDATA, d);
    (void)curl_easy_setopt(d->easy, CURLOPT_HEADERFUNCTION, http_keep_header);
    (void)curl_easy_setopt(d->easy, CURLOPT_HEADERDATA, &d->answer);
    code = curl_easy_perform(d->easy);
    (void)curl_easy_getinfo(d->easy, CURLINFO_RESPONSE_CODE, &d->answer.status);
    http_finish(d->easy);
    curl_slist_free_all(headers);
    return code;
}

static int judge(const struct download *d, const struct endpoint *ep, CURLcode code,
                 const char *url, struct err *e)
{
    if (d->write_errno != 0) {
        return err_set(e, d->write_errno, "cannot write what %s sends", ep->url);
    }
    if (d->is_too_long) {
        return err_new(e, ENOSPC, "%s is larger than the space that is left here (%lld MB)", url,
                       (long long)(d->room >> 20));
    }
    if (code != CURLE_OK) {
        return http_failed(ep, code, d->words, e);
    }
    return d->answer.status == 200 ? 0 : http_refused(d->answer.status, &d->answer.reply, url, e);
}

int file_download(struct fetch *f, const char *path, json_t *ret, struct err *e)
{
    struct endpoint *ep = &f->endpoints[0];
    struct download d = {.f = f};
    struct statvfs st;
    autofree char *url = xasprintf("%s%s", ep->url, path);
    int r = 0;

    if (f->out_fd < 0 || fstatvfs(f->out_fd, &st) < 0) {
        return err_new(e, EINVAL, "there is no file to download to");
    }
    d.room = (int64_t)st.f_bavail * (int64_t)st.f_frsize;
    for (int tries = 1;; tries++) {
        CURLcode code = perform(&d, ep, url);

        r = judge(&d, ep, code, url, e);
        if (r == 0 || d.write_errno != 0 || d.is_too_long || tries >= FETCH_TRIES ||
            !http_is_transient(code, d.answer.status)) {
            break;
        }
        err_clear(e);
        http_sleep_ms((long)RETRY_MS << tries);
    }
    if (r == 0) {
        (void)json_object_set_new(ret, "bytes", json_integer(d.have));
    }
    call_done(&d.answer);
    return r;
}
