/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gzip by ISA-L: of Debian's decoders that stream it takes the least time (docs/BENCHMARKS.md). */
#include "unpack.h"

#include "base/mem.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>

enum {
    OUT_BYTES = 256 << 10,
    MAGIC = 0x1f,
    LEVEL = 1
};

/* ---- out of it */

struct gunzip {
    feed *from;
    void *arg;
    struct inflate_state state;
    int is_between; /* no member has begun */
    int is_ended;
    uint8_t out[OUT_BYTES];
};

struct gunzip *gunzip_new(feed *from, void *arg)
{
    struct gunzip *g = xcalloc(1, sizeof(*g));

    g->from = from;
    g->arg = arg;
    g->is_between = 1;
    isal_inflate_init(&g->state);
    return g;
}

void gunzip_free(struct gunzip *g)
{
    free(g);
}

/* The next bytes of the file. Returns whether there are any. */
static int fill(struct gunzip *g, struct err *e)
{
    const void *block = NULL;
    ssize_t n = g->state.avail_in > 0 ? (ssize_t)g->state.avail_in : g->from(g->arg, &block, e);

    if (block != NULL && n > 0) {
        union {
            const void *borrowed;
            uint8_t *given;
        } in = {.borrowed = block}; /* the library only reads it */

        g->state.next_in = in.given;
        g->state.avail_in = (uint32_t)n;
    }
    return n < 0 ? (int)n : n > 0;
}

/* A file may have several members, one behind the other; something else behind them is not looked
 * at, as gzip does it. */
static int begin_member(struct gunzip *g, struct err *e)
{
    int r = fill(g, e);

    if (r <= 0 || g->state.next_in[0] != MAGIC) {
        g->is_ended = 1;
        return r < 0 ? r : 0;
    }
    isal_inflate_reset(&g->state);
    g->state.crc_flag = ISAL_GZIP;
    g->is_between = 0;
    return 0;
}

/* Decompress into what is left of @out. */
static int inflate_some(struct gunzip *g, struct err *e)
{
    int r = 0;

    if (g->is_between) {
        return begin_member(g, e);
    }
    /* What is in the library's own window comes out without more input. */
    r = isal_inflate(&g->state);
    if (r < 0) {
        return err_new(e, EBADMSG, "cannot read the archive: gzip decompression failed");
    }
    if (g->state.block_state == ISAL_BLOCK_FINISH) {
        g->is_between = 1;
        return 0;
    }
    if (g->state.avail_in == 0 && g->state.avail_out > 0) {
        r = fill(g, e);
        return r == 0 ? err_new(e, EBADMSG, "cannot read the archive: truncated gzip input") : r;
    }
    return 0;
}

ssize_t gunzip_read(void *arg, const void **ret, struct err *e)
{
    struct gunzip *g = arg;

    g->state.next_out = g->out;
    g->state.avail_out = sizeof(g->out);
    while (!g->is_ended && g->state.avail_out > 0) {
        int r = inflate_some(g, e);

        if (r < 0) {
            return r;
        }
    }
    *ret = g->out;
    return (ssize_t)(sizeof(g->out) - g->state.avail_out);
}

/* ---- into it */

/* The same bytes give the same file, however they come: the library gets them in pieces of one
 * size. */
struct gzip {
    gzip_out *to;
    void *arg;
    struct isal_zstream stream;
    size_t held;
    uint8_t in[OUT_BYTES];
    uint8_t out[OUT_BYTES];
    uint8_t level[ISAL_DEF_LVL1_DEFAULT];
};

struct gzip *gzip_new(gzip_out *to, void *arg)
{
    struct gzip *g = xcalloc(1, sizeof(*g));

    g->to = to;
    g->arg = arg;
    isal_deflate_init(&g->stream);
    g->stream.gzip_flag = IGZIP_GZIP;
    g->stream.level = LEVEL;
    g->stream.level_buf = g->level;
    g->stream.level_buf_size = sizeof(g->level);
    return g;
}

void gzip_free(struct gzip *g)
{
    free(g);
}

static int deflate_held(struct gzip *g, int is_last, struct err *e)
{
    int r = 0;

    g->stream.next_in = g->in;
    g->stream.avail_in = (uint32_t)g->held;
    g->stream.end_of_stream = is_last != 0;
    g->held = 0;
    do {
        g->stream.next_out = g->out;
        g->stream.avail_out = sizeof(g->out);
        if (isal_deflate(&g->stream) != COMP_OK) {
            return err_new(e, EIO, "gzip compression failed");
        }
        r = g->to(g->arg, g->out, sizeof(g->out) - g->stream.avail_out, e);
    } while (r == 0 && g->stream.avail_out == 0);
    return r;
}

int gzip_write(struct gzip *g, const void *data, size_t len, struct err *e)
{
    const uint8_t *from = data;
    int r = 0;

    while (r == 0 && len > 0) {
        size_t room = sizeof(g->in) - g->held;
        size_t n = len < room ? len : room;

        memcpy(g->in + g->held, from, n);
        g->held += n;
        from += n;
        len -= n;
        r = g->held == sizeof(g->in) ? deflate_held(g, 0, e) : 0;
    }
    return r;
}

int gzip_finish(struct gzip *g, struct err *e)
{
    return deflate_held(g, 1, e);
}
