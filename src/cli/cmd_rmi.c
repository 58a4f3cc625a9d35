/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/log.h"
#include "base/mem.h"
#include "box/events.h"
#include "cli/cmd.h"
#include "cli/image_use.h"
#include "image/image.h"
#include "image/image_ref.h"
#include "image/manifest.h"
#include "image/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rmi_options {
    int all;
    int force;
    int ignore;
    int no_prune;
};

#define FIELD(name) offsetof(struct rmi_options, name)

static const struct opt OPTIONS[] = {
    {"all", 'a', NULL, OPT_FLAG, FIELD(all), "all images that no container has", NULL},
    {"force", 'f', NULL, OPT_FLAG, FIELD(force),
     "also with several names, or with containers, which keep their files; pass over one that is "
     "not there",
     NULL},
    {"ignore", 'i', NULL, OPT_FLAG, FIELD(ignore), "no error for an image that does not exist",
     NULL},
    {"no-prune", 0, NULL, OPT_FLAG, FIELD(no_prune),
     "leave other images alone, which it always does", NULL},
    {0},
};

static int rmi(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_rmi = {
    .names = {"rmi", "image rm", "image remove"},
    .group = CMD_IMAGES,
    .summary = "remove images",
    .usage = "[options] [IMAGE…]",
    .description =
        "A name is taken away; with its last name an image goes, and what no other image needs of\n"
        "it. Goes on after one that cannot be removed. The exit status is 1 when there is no such\n"
        "image, 2 when a container has it.",
    .examples = "rbox rmi alpine\n"
                "rbox rmi -a\n",
    .options = OPTIONS,
    .options_size = sizeof(struct rmi_options),
    .max_args = CMD_ANY_ARGS,
    .run = rmi,
};

struct removal {
    const struct store *store;
    const struct rmi_options *options;
    struct strv used; /* ids of images that containers have */
    int quiet;
};

/* ---- one image */

static int refuse(const char *word, const char *why, const char *hint, struct err *e)
{
    (void)err_new(e, EBUSY, "cannot remove image '%s': %s", word, why);
    return err_hint(e, "%s", hint);
}

/* Was the image named by its id or digest, and not by a name? Names never begin as ids are asked
 * for unless they are one. */
static int is_by_id(const struct image *i, const char *word)
{
    const char *hex = str_after(word, "sha256:");

    return !record_is_dangling(i->name) &&
           (str_after(manifest_hex(i->id), hex != NULL ? hex : word) != NULL ||
            (strchr(word, '@') != NULL && strchr(i->name, '@') == NULL));
}

static int remove_record(const struct removal *rm, const char *name, struct err *e)
{
    struct image i = {.lock_fd = -1};
    int r = record_read(rm->store, name, &i, e);

    r = r < 0 ? r : record_remove(rm->store, &i, e);
    image_done(&i);
    if (r == 0 && !record_is_dangling(name)) {
        events_add(rm->store, "image", "untag", NULL, name);
        if (!rm->quiet) {
            (void)printf("Untagged: %s\n", name);
        }
    }
    return r;
}

static int remove_all_names(const struct removal *rm, const char *id, const struct strv *names,
                            struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < names->len; i++) {
        r = remove_record(rm, names->v[i], e);
    }
    if (r == 0) {
        events_add(rm->store, "image", "remove", id, NULL);
        if (!rm->quiet) {
            (void)printf("Deleted: %s\n", id);
        }
    }
    return r;
}

struct damaged {
    const char *word;
    struct strv names;
};

static int push_damaged(const struct image *i, void *arg)
{
    struct damaged *d = arg;

    if (i->id == NULL && image_ref_matches(d->word, i->name)) {
        strv_push(&d->names, i->name);
    }
    return 0;
}

/* What is not known of it is not needed to take its record away. */
static int remove_damaged(const struct removal *rm, const char *word, struct err *e)
{
    struct damaged d = {.word = word};
    int r = record_each(rm->store, push_damaged, &d, e);

    for (size_t k = 0; r == 0 && k < d.names.len; k++) {
        r = record_discard(rm->store, d.names.v[k], e);
        if (r == 0 && !rm->quiet) {
            (void)printf("Untagged: %s\n", d.names.v[k]);
        }
    }
    strv_done(&d.names);
    return r;
}

static int remove_image(const struct removal *rm, const char *word, struct err *e)
{
    struct image i = {.lock_fd = -1};
    autostrv struct strv names = {0};
    int by_id = 0;
    int r = image_find(rm->store, word, &i, e);

    if (r == -ENOENT) {
        (void)err_hint(e, "rbox images");
        return err_exit(e, EXITCODE_NO_SUCH);
    }
    if (r == -EBADMSG) {
        err_clear(e);
        return remove_damaged(rm, word, e);
    }
    if (r < 0) {
        return r;
    }
    by_id = is_by_id(&i, word);
    close_fd(&i.lock_fd); /* our own lock would keep record_remove() waiting */
    r = record_names(rm->store, i.id, &names, e);
    if (r == 0 && by_id && names.len > 1 && !rm->options->force) {
        r = refuse(word, "it has several names", "rbox rmi NAME, or rbox rmi -f for all", e);
    } else if (r == 0 && names.len > 1 && !by_id) {
        r = remove_record(rm, i.name, e);
    } else if (r == 0 && strv_has(&rm->used, i.id) && !rm->options->force) {
        (void)refuse(word, "a container has it", "rbox ps -a   (then rbox rm CONTAINER)", e);
        r = err_exit(e, EXITCODE_IN_USE);
    } else if (r == 0) {
        r = remove_all_names(rm, i.id, &names, e);
    }
    image_done(&i);
    return r;
}

/* ---- */

struct unused {
    const struct strv *used;
    struct strv ids;
};

static int push_unused(const struct image *i, void *arg)
{
    struct unused *u = arg;

    if (i->id != NULL && !strv_has(u->used, i->id) && !strv_has(&u->ids, i->id)) {
        strv_push(&u->ids, i->id);
    }
    return 0;
}

static int remove_unused(const struct removal *rm, struct err *e)
{
    struct unused u = {.used = &rm->used};
    int r = record_each(rm->store, push_unused, &u, e);

    for (size_t i = 0; r == 0 && i < u.ids.len; i++) {
        autostrv struct strv names = {0};

        r = record_names(rm->store, u.ids.v[i], &names, e);
        r = r < 0 ? r : remove_all_names(rm, u.ids.v[i], &names, e);
    }
    strv_done(&u.ids);
    return r;
}

/* All of them; the first error is the one that is told at the end, and gives the exit status. */
static int remove_named(const struct removal *rm, int argc, char **argv, struct err *e)
{
    int r = 0;

    for (int i = 0; i < argc; i++) {
        struct err one = {0};
        int removed = remove_image(rm, argv[i], &one);

        if (removed == -ENOENT && (rm->options->ignore || rm->options->force)) {
            continue;
        }
        if (removed < 0 && r < 0) {
            notice("%s", one.msg);
        } else if (removed < 0) {
            *e = one;
            r = removed;
        }
    }
    return r;
}

static int remove_and_sweep(struct removal *rm, int argc, char **argv, struct err *e)
{
    struct err sweep = {0};
    int r = image_use_ids(rm->store, &rm->used, e);

    if (r == 0) {
        r = rm->options->all ? remove_unused(rm, e) : remove_named(rm, argc, argv, e);
        /* Also after an error: images before it are gone. */
        if (image_use_sweep(rm->store, STORE_TRY, NULL, &sweep) < 0 && r == 0) {
            *e = sweep;
            r = -sweep.errnum;
        }
    }
    strv_done(&rm->used);
    return r;
}

static int rmi(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct removal rm = {.options = options};
    struct store *store = NULL;
    int r = 0;

    if ((argc > 0) == rm.options->all) {
        return err_new(e, EINVAL, "rbox rmi takes either images or --all");
    }
    r = ctx_store(ctx, &store, e);
    rm.store = store;
    return r < 0 ? r : remove_and_sweep(&rm, argc, argv, e);
}

int image_use_rmi(const struct store *store, char *name, struct err *e)
{
    static const struct rmi_options PLAIN = {0};
    struct removal rm = {.store = store, .options = &PLAIN, .quiet = 1};

    return remove_and_sweep(&rm, 1, &name, e);
}
