/* SPDX-License-Identifier: GPL-2.0-or-later */
/* system check: is what the store holds what it should be? Blobs by their digests, unpacked layers
 * by what their blobs unpack to. */
#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/log.h"
#include "base/mem.h"
#include "box/find.h"
#include "box/network_config.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "image/image.h"
#include "image/ingest.h"
#include "image/layers.h"
#include "image/manifest.h"
#include "image/record.h"
#include "sys/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct check_options {
    int repair;
    int quick;
};

#define FIELD(name) offsetof(struct check_options, name)

static const struct opt OPTIONS[] = {
    {"repair", 'r', NULL, OPT_FLAG, FIELD(repair),
     "unpack damaged layers anew, and remove damaged blobs, so that the next pull fetches them",
     NULL},
    {"quick", 'q', NULL, OPT_FLAG, FIELD(quick), "blobs only, not what is unpacked", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {
    {"force", 'f', NULL}, {"max", 'm', NULL}, {"repair-lossy", 0, "--repair"}, {0}};

static int check(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_system_check = {
    .names = {"system check"},
    .group = CMD_SYSTEM,
    .summary = "check all that the store holds, and mend it",
    .usage = "[options]",
    .description =
        "Every blob is read and its digest computed; every layer is unpacked once more and "
        "compared\n"
        "with the one that containers use. Ends with 1 when something is damaged and stays so.",
    .examples = "rbox system check\n"
                "rbox system check --repair\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct check_options),
    .run = check,
};

struct checking {
    struct store *store;
    const struct check_options *o;
    struct ingest in;
    struct strv bad_blobs; /* digests */
    struct strv in_use;    /* layers of running containers: "SHORT/d" */
    struct strv seen;      /* diffIDs */
    size_t blobs;
    size_t layers;
    size_t problems; /* that stay */
    struct err *e;
};

/* ---- blobs */

static int bad_blob(struct checking *c, const char *name, const char *sum, struct err *e)
{
    (void)printf("blob sha256:%s is damaged: its content is sha256:%s\n", name, sum);
    strv_pushf(&c->bad_blobs, "sha256:%s", name);
    if (!c->o->repair) {
        c->problems++;
        return 0;
    }
    if (unlinkat(c->in.blobs_fd, name, 0) < 0) {
        return err_set(e, errno, "cannot remove the damaged blob");
    }
    (void)printf("  removed\n");
    return 0;
}

static int check_blob(struct checking *c, const char *name, struct err *e)
{
    autofree char *sum = NULL;
    int r = ingest_sum(&c->in, name, &sum, e);

    if (r < 0) {
        return r;
    }
    c->blobs++;
    return strcmp(sum, name) == 0 ? 0 : bad_blob(c, name, sum, e);
}

static int check_blobs(struct checking *c, struct err *e)
{
    autoclosedir DIR *d = dir_open(c->in.blobs_fd, ".");
    const struct dirent *entry = NULL;
    int more = d != NULL ? 0 : -errno;
    int r = 0;

    while (r == 0 && d != NULL && (more = dir_next(d, &entry)) > 0) {
        r = entry->d_name[0] != '.' ? check_blob(c, entry->d_name, e) : 0;
    }
    return r == 0 && more < 0 ? err_set(e, -more, "cannot read the blobs") : r;
}

/* ---- layers */

static int is_in_use(const struct checking *c, const struct layer_key *k)
{
    autofree char *path = layer_path(k);

    return strv_has(&c->in_use, path);
}

static int check_layer(struct checking *c, const struct image *i, size_t n, struct err *e)
{
    const struct layer_key k = ingest_key(&c->in, i->diff_ids.v[n]);
    autoclose int fd = openat(c->in.blobs_fd, manifest_hex(i->blobs.v[n]),
                              O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    autofree char *difference = NULL;
    int busy = is_in_use(c, &k);
    int r = 0;

    if (!layer_exists(c->store, &k) || fd < 0 || strv_has(&c->bad_blobs, i->blobs.v[n])) {
        return 0; /* unpacked when it is needed; the blob was told of */
    }
    c->layers++;
    r = layer_verify(c->store, &k, fd, c->o->repair && !busy, &difference, e);
    if (r < 0 || difference == NULL) {
        return r;
    }
    (void)printf("layer %s of %s is damaged: %s\n", k.diff_id, i->name, difference);
    if (c->o->repair && !busy) {
        (void)printf("  unpacked anew\n");
        return 0;
    }
    if (busy) {
        (void)printf("  a running container has it: rbox stop first\n");
    }
    c->problems++;
    return 0;
}

static void check_has_blob(struct checking *c, const struct image *i, const char *digest)
{
    if (!ingest_has(&c->in, digest)) {
        (void)printf("%s lacks blob %s: rbox pull %s\n", i->name, digest, i->name);
        c->problems++;
    }
}

static int check_image(const struct image *i, void *arg)
{
    struct checking *c = arg;
    int r = 0;

    if (i->id == NULL) {
        (void)printf("the record of %s is damaged: load or pull it again\n", i->name);
        c->problems++;
        return 0;
    }
    check_has_blob(c, i, i->digest);
    check_has_blob(c, i, i->id);
    for (size_t n = 0; r == 0 && n < i->blobs.len && n < i->diff_ids.len; n++) {
        check_has_blob(c, i, i->blobs.v[n]);
        if (!c->o->quick && !strv_has(&c->seen, i->diff_ids.v[n])) {
            strv_push(&c->seen, i->diff_ids.v[n]);
            r = check_layer(c, i, n, c->e);
        }
    }
    return r;
}

/* ---- containers and networks */

static int check_containers(struct checking *c, struct err *e)
{
    autofound_list struct found_list all = {0};
    int r = find_all(c->store, &all, e);

    for (size_t i = 0; r == 0 && i < all.count; i++) {
        struct container box;

        r = container_read(&all.rows[i], &box, e);
        if (r == -ENOENT) {
            err_clear(e);
            r = 0;
        } else if (r < 0) {
            (void)printf("container %s is damaged: %s\n", all.rows[i].name, e->msg);
            c->problems++;
            err_clear(e);
            r = 0;
        } else {
            if (box.is_running) {
                strv_append(&c->in_use, &box.spec.box.layers);
            }
            container_done(&box);
        }
    }
    return r;
}

static int check_networks(struct checking *c, struct err *e)
{
    autostrv struct strv damaged = {0};
    struct network_configs all = {0};
    int r = network_config_list(c->store, &all, &damaged, e);

    for (size_t i = 0; i < damaged.len; i++) {
        (void)printf("%s: rbox network rm, and create it anew\n", damaged.v[i]);
        c->problems++;
    }
    network_configs_done(&all);
    return r;
}

static int check(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct checking c = {.o = options, .in = {.blobs_fd = -1, .lock_fd = -1}, .e = e};
    int r = ctx_store(ctx, &c.store, e);

    (void)argc;
    (void)argv;
    r = r < 0 ? r : ingest_open(c.store, &c.in, e);
    r = r < 0 ? r : check_containers(&c, e);
    r = r < 0 ? r : check_networks(&c, e);
    r = r < 0 ? r : check_blobs(&c, e);
    r = r < 0 ? r : record_each(c.store, check_image, &c, e);
    if (r == 0) {
        (void)printf("%zu blobs and %zu layers checked, %zu problems\n", c.blobs, c.layers,
                     c.problems);
    }
    ingest_done(&c.in);
    strv_done(&c.bad_blobs);
    strv_done(&c.in_use);
    strv_done(&c.seen);
    return r < 0 ? r : c.problems > 0 ? EXITCODE_NO_SUCH : 0;
}
