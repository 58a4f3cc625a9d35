/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pushing one blob: not at all when it is there, by mounting it from another repository of the same
 * registry, or whole in one request (distribution spec, "Pushing blobs"). */
#include "fetch.h"

#include "base/cleanup.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int exists(struct fetch *f, struct endpoint *ep, const char *digest, struct err *e)
{
    autofree char *rest = xasprintf("blobs/%s", digest);
    autofree char *path = http_path(ep, rest);
    struct call c = {.method = "HEAD", .url = path};
    int r = http_call(f, ep, &c, e);
    long status = c.status;

    call_done(&c);
    return r < 0 ? r : status == 200;
}

/* Begin an upload; with @from, the registry may take the blob from there, and it is done. Returns 1
 * for that; else *ret_location is where to send it, the caller's. */
static int begin(struct fetch *f, struct endpoint *ep, const char *digest, const char *from,
                 char **ret_location, struct err *e)
{
    autofree char *rest = from != NULL ? xasprintf("blobs/uploads/?mount=%s&from=%s", digest, from)
                                       : xstrdup("blobs/uploads/");
    autofree char *path = http_path(ep, rest);
    struct call c = {.method = "POST", .url = path, .body = ""};
    int r = http_call(f, ep, &c, e);

    if (r == 0 && c.status == 201) {
        r = 1;
    } else if (r == 0 && c.status == 202 && c.location != NULL) {
        *ret_location =
            *c.location == '/' ? xasprintf("%s%s", ep->url, c.location) : xstrdup(c.location);
    } else if (r == 0) {
        r = http_refused(c.status, &c.reply, ep->repository, e);
    }
    call_done(&c);
    return r;
}

static int transmit(struct fetch *f, struct endpoint *ep, const char *url, int fd, int64_t size,
                    struct err *e)
{
    struct call c = {.method = "PUT",
                     .url = url,
                     .content_type = "application/octet-stream",
                     .upload_fd = fd,
                     .upload_bytes = size};
    int r = http_call(f, ep, &c, e);

    if (r == 0 && c.status != 201) {
        r = http_refused(c.status, &c.reply, ep->repository, e);
    }
    call_done(&c);
    return r;
}

int upload_blob(struct fetch *f, const json_t *request, json_t *ret, struct err *e)
{
    struct endpoint *ep = &f->endpoints[f->current];
    const char *digest = NULL;
    const char *from = NULL;
    autofree char *location = NULL;
    autofree char *url = NULL;
    autoclose int fd = -1;
    int64_t size = -1;
    int r = json_get_string(request, "digest", "request", &digest, e);

    r = r < 0 ? r : json_get_string(request, "from", "request", &from, e);
    r = r < 0 ? r : json_get_int(request, "size", "request", &size, e);
    if (r < 0) {
        return r;
    }
    if (digest == NULL || strchr(digest, ':') == NULL || strchr(digest, '/') != NULL) {
        return err_new(e, EINVAL, "a blob needs its digest");
    }
    r = exists(f, ep, digest, e);
    if (r != 0) {
        (void)json_object_set_new(ret, "how", json_string("exists"));
        return r < 0 ? r : 0;
    }
    r = begin(f, ep, digest, from, &location, e);
    if (r != 0) {
        (void)json_object_set_new(ret, "how", json_string("mounted"));
        return r < 0 ? r : 0;
    }
    fd = openat(f->blobs_fd, strchr(digest, ':') + 1,
                O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return err_set(e, errno, "cannot open blob %.19s", digest);
    }
    (void)json_object_set_new(ret, "how", json_string("sent"));
    url = xasprintf("%s%sdigest=%s", location, strchr(location, '?') != NULL ? "&" : "?", digest);
    return transmit(f, ep, url, fd, size, e);
}
