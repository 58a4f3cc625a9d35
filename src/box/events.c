/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/events.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static const char NAME[] = "events";
static const char OLD_NAME[] = "events.1";

enum {
    EVENTS_BYTES_MAX = 4 << 20,
    LOOK_AGAIN_MS = 500
};

/* ---- writing */

/* One of those who find it too long moves it away. */
static void rotate(const struct store *store, int fd)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && st.st_size > EVENTS_BYTES_MAX && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
        file_is_named(fd, store->dir_fd, NAME)) {
        (void)renameat(store->dir_fd, NAME, store->dir_fd, OLD_NAME);
    }
}

static void append(const struct store *store, json_t *event)
{
    autofree char *text = json_text(event);
    autofree char *line = xasprintf("%s\n", text);
    autoclose int fd =
        openat(store->dir_fd, NAME, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    json_decref(event);
    if (fd >= 0 && write(fd, line, strlen(line)) > 0) {
        rotate(store, fd);
    }
}

static json_t *new_event(const char *type, const char *status, const char *id, const char *name)
{
    return json_pack("{s:I, s:s, s:s, s:o, s:o}", "timeNano", (json_int_t)clock_realtime_ns(),
                     "Type", type, "Status", status, "ID", json_str(id != NULL ? id : ""), "Name",
                     json_str(name != NULL ? name : ""));
}

void events_add(const struct store *store, const char *type, const char *status, const char *id,
                const char *name)
{
    append(store, new_event(type, status, id, name));
}

void events_add_container(const struct store *store, const struct spec *s, const char *status,
                          json_t *attributes)
{
    json_t *event = new_event("container", status, s->box.id, s->box.name);
    json_t *all = json_from_pairs(&s->box.labels);

    if (attributes != NULL) {
        (void)json_object_update_new(all, attributes);
    }
    (void)json_object_set_new(event, "Image",
                              json_str(s->box.image_name != NULL ? s->box.image_name : ""));
    (void)json_object_set_new(event, "Attributes", all);
    append(store, event);
}

/* ---- reading */

struct reading {
    const struct store *store;
    const struct events_query *q;
    events_fn *fn;
    void *arg;
    struct buf rest; /* the beginning of a line whose end has not come */
};

/* Lines that are no events (a full disk cut them) are passed over. */
static int take_line(struct reading *r, const char *line, size_t len)
{
    json_auto_t *event = NULL;
    struct err ignored = {0};
    int64_t time_ns = 0;

    if (json_parse(line, len, NAME, &event, &ignored) < 0 ||
        json_get_int(event, "timeNano", NAME, &time_ns, &ignored) < 0 || time_ns < r->q->since_ns ||
        (r->q->until_ns > 0 && time_ns > r->q->until_ns)) {
        return 0;
    }
    return r->fn(event, r->arg);
}

static int take_lines(struct reading *r)
{
    char *start = r->rest.data;
    char *end = NULL;
    int result = 0;

    while (result == 0 && start != NULL &&
           (end = memchr(start, '\n', r->rest.len - (size_t)(start - r->rest.data))) != NULL) {
        result = take_line(r, start, (size_t)(end - start));
        start = end + 1;
    }
    if (start != NULL) {
        r->rest.len -= (size_t)(start - r->rest.data);
        memmove(r->rest.data, start, r->rest.len + 1);
    }
    return result;
}

static int read_on(struct reading *r, int fd)
{
    char chunk[8192];
    ssize_t n = 0;
    int result = 0;

    while (result == 0 && (n = read(fd, chunk, sizeof(chunk))) > 0) {
        buf_add(&r->rest, chunk, (size_t)n);
        result = take_lines(r);
    }
    return result;
}

static int open_events(const struct store *store, const char *name)
{
    return openat(store->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

static int is_past(const struct events_query *q)
{
    return q->until_ns > 0 && clock_realtime_ns() > q->until_ns;
}

/* Wait for a change, or for the end. A file that was moved away is read to its end first. */
static int follow(struct reading *r, int *fd)
{
    autoclose int watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    char path[64];
    int result = 0;

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", r->store->dir_fd);
    (void)inotify_add_watch(watch_fd, path, IN_CREATE | IN_MODIFY | IN_MOVED_FROM);
    while (result == 0 && !is_past(r->q)) {
        struct pollfd p = {.fd = watch_fd, .events = POLLIN};
        char ignored[4096];

        result = *fd >= 0 ? read_on(r, *fd) : 0;
        if (result == 0 && (*fd < 0 || !file_is_named(*fd, r->store->dir_fd, NAME))) {
            int next_fd = open_events(r->store, NAME);

            if (next_fd >= 0) {
                result = *fd >= 0 ? read_on(r, *fd) : 0; /* the last that went there */
                close_fd(fd);
                *fd = next_fd;
                continue;
            }
        }
        (void)poll(&p, 1, LOOK_AGAIN_MS);
        while (read(watch_fd, ignored, sizeof(ignored)) > 0) {
        }
    }
    return result;
}

int events_read(const struct store *store, const struct events_query *q, events_fn *fn, void *arg,
                struct err *e)
{
    struct reading r = {.store = store, .q = q, .fn = fn, .arg = arg};
    autoclose int old_fd = open_events(store, OLD_NAME);
    autoclose int fd = open_events(store, NAME);
    int result = 0;

    if (fd < 0 && errno != ENOENT) {
        return err_set(e, errno, "cannot read the events");
    }
    result = old_fd >= 0 ? read_on(&r, old_fd) : 0;
    result = result == 0 && fd >= 0 ? read_on(&r, fd) : result;
    if (result == 0 && q->follow) {
        result = follow(&r, &fd);
    }
    buf_done(&r.rest);
    return result;
}
