/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/events.h"
#include "cli/change.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "image/commit.h"
#include "image/image.h"
#include "image/manifest.h"
#include "spec/spec_parse.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct commit_options {
    struct image_config changes;
    char *author;
    char *message;
    char *iidfile;
    char *format;
    int pause;
    int quiet;
};

#define FIELD(name) offsetof(struct commit_options, name)

static const struct opt OPTIONS[] = {
    {"author", 'a', "NAME", OPT_STRING, FIELD(author), "who made it", NULL},
    CHANGE_OPTION(FIELD(changes)),
    {"format", 'f', "FORMAT", OPT_STRING, FIELD(format), "oci, which it always is", NULL},
    {"iidfile", 0, "FILE", OPT_STRING, FIELD(iidfile), "write the image's id there, too", NULL},
    {"message", 'm', "TEXT", OPT_STRING, FIELD(message), "a comment, for the history", NULL},
    {"pause", 'p', NULL, OPT_FLAG, FIELD(pause), "pause the container meanwhile", NULL},
    {"quiet", 'q', NULL, OPT_FLAG, FIELD(quiet), "print the id only, as it does anyway", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {
    {"include-volumes", 0,
     "first copy them: rbox exec CONTAINER cp -a PLACE ELSEWHERE, or rbox cp"},
    {"squash", 's', "rbox export … | rbox import - NAME"},
    {0}};

static void commit_done(void *options);
static int commit(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_commit = {
    .names = {"commit", "container commit"},
    .group = CMD_CONTAINERS,
    .summary = "make an image of what a container has changed",
    .usage = "[options] CONTAINER [IMAGE]",
    .description =
        "The changes become a layer on the container's image; command, environment, user and\n"
        "working folder are the container's. What is mounted in it stays out. Prints the id.",
    .examples = "rbox commit web mine:v2\n"
                "rbox commit -c 'CMD [\"/bin/sh\"]' -m 'with curl' work tools\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct commit_options),
    .min_args = 1,
    .max_args = 2,
    .done = commit_done,
    .run = commit,
};

static void commit_done(void *options)
{
    image_config_done(&((struct commit_options *)options)->changes);
}

/* ---- the layer */

struct writer {
    const struct store *store;
    const struct found *found;
    const struct spec *spec;
};

static int write_layer(void *arg, int out_fd, struct err *e)
{
    const struct writer *w = arg;

    return container_changes(w->store, w->found, w->spec, "pack-changes", out_fd, e);
}

/* ---- its config */

/* rbox's own, which every container gets anew. */
static int is_own_variable(const char *assignment)
{
    static const char *const OWN[] = {"HOSTNAME=", "TERM=", "container="};

    for (size_t i = 0; i < sizeof(OWN) / sizeof(OWN[0]); i++) {
        if (str_after(assignment, OWN[i]) != NULL) {
            return 1;
        }
    }
    return 0;
}

/* The command begins with the image's entrypoint, unless the container has another one. */
static void split_command(const struct strv *args, const struct strv *entrypoint,
                          struct image_config *ret)
{
    size_t n = 0;

    while (n < entrypoint->len && n < args->len && strcmp(args->v[n], entrypoint->v[n]) == 0) {
        n++;
    }
    n = n == entrypoint->len ? n : 0;
    for (size_t i = 0; i < args->len; i++) {
        strv_push(i < n ? &ret->entrypoint : &ret->cmd, args->v[i]);
    }
}

static void container_config(const struct spec *s, const struct image *base,
                             struct image_config *ret)
{
    for (size_t i = 0; i < s->process.env.len; i++) {
        if (!is_own_variable(s->process.env.v[i])) {
            strv_push(&ret->env, s->process.env.v[i]);
        }
    }
    split_command(&s->process.args, &base->config.entrypoint, ret);
    strv_append(&ret->labels, &s->box.labels);
    ret->working_dir = xstrdup_null(s->process.cwd);
    ret->user = xstrdup_null(s->process.user);
}

/* ---- */

static int write_iidfile(const struct commit_options *o, const char *id, struct err *e)
{
    return o->iidfile == NULL ? 0 : file_write(AT_FDCWD, o->iidfile, id, strlen(id), 0, e);
}

static int commit_container(const struct store *store, const struct writer *w,
                            const struct commit_options *o, const char *name, struct err *e)
{
    struct image base = {.lock_fd = -1};
    struct image_config config = {0};
    autofree char *id = NULL;
    autofree char *created_by = NULL;
    struct commit c = {.image_id = w->spec->box.image_id,
                       .write = write_layer,
                       .arg = (void *)(uintptr_t)w,
                       .name = name,
                       .config = &config,
                       .changes = &o->changes,
                       .author = o->author,
                       .comment = o->message};
    int r = 0;

    if (c.image_id == NULL) {
        (void)err_new(e, ENOTSUP, "container '%s' was not made of an image", w->found->name);
        return err_hint(e, "rbox export %s | rbox import - NAME", w->found->name);
    }
    r = image_find(store, c.image_id, &base, e);
    close_fd(&base.lock_fd);
    if (r < 0) {
        (void)err_wrap(e, "the image of container '%s'", w->found->name);
        return err_hint(e, "rbox export %s | rbox import - NAME", w->found->name);
    }
    container_config(w->spec, &base, &config);
    created_by = container_command(w->spec);
    c.created_by = created_by;
    r = commit_image(store, &c, &id, e);
    r = r < 0 ? r : write_iidfile(o, id, e);
    if (r == 0) {
        events_add(store, "container", "commit", w->found->id, w->found->name);
        (void)printf("%s\n", str_after(id, "sha256:"));
    }
    image_config_done(&config);
    image_done(&base);
    return r;
}

/* With --pause: nothing changes while it is read. */
static int commit_paused(const struct store *store, const struct writer *w,
                         const struct commit_options *o, const char *name, struct err *e)
{
    struct err ignored = {0};
    int frozen = container_freeze(w->found, 1, e);
    int r = 0;

    if (frozen < 0 && frozen != -EALREADY) {
        return frozen;
    }
    err_clear(e);
    r = commit_container(store, w, o, name, e);
    if (frozen == 0) {
        (void)container_freeze(w->found, 0, &ignored);
    }
    return r;
}

static int commit(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct commit_options *o = options;
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    struct store *store = NULL;
    struct container c;
    int r = 0;

    (void)argc;
    if (o->format != NULL && strcmp(o->format, "oci") != 0) {
        return err_new(e, EINVAL, "--format can be oci only, not '%s'", o->format);
    }
    r = container_find(ctx, argv[0], &store, &f, &c, e);
    if (r == 0) {
        const struct writer w = {.store = store, .found = &f, .spec = &c.spec};

        r = (o->pause && f.run_fd >= 0 ? commit_paused : commit_container)(store, &w, o, argv[1],
                                                                           e);
        container_done(&c);
    }
    return r;
}
