/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/generate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int generate(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_generate = {
    .names = {"__generate"},
    .group = CMD_HIDDEN,
    .summary = "write man pages into a folder, or a completion script to standard output",
    .usage = "man DIR | completion SHELL",
    .min_args = 2,
    .max_args = 2,
    .run = generate,
};

static int write_page(const char *dir, const struct cmd *c, struct err *e)
{
    autofree char *name = generate_man_name(c);
    autofree char *path = xasprintf("%s/%s", dir, name);
    FILE *out = fopen(path, "we");

    if (out == NULL) {
        return err_set(e, errno, "cannot write '%s'", path);
    }
    generate_man(out, c);
    return fclose(out) != 0 ? err_set(e, errno, "cannot write '%s'", path) : 0;
}

static int write_pages(const char *dir, struct err *e)
{
    const struct cmd *c = NULL;
    int r = write_page(dir, NULL, e);

    for (size_t i = 0; r == 0 && (c = cmd_at(i)) != NULL; i++) {
        if (c->group != CMD_HIDDEN) {
            r = write_page(dir, c, e);
        }
    }
    return r;
}

static int generate(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    (void)ctx;
    (void)options;
    (void)argc;
    if (strcmp(argv[0], "man") == 0) {
        return write_pages(argv[1], e);
    }
    if (strcmp(argv[0], "completion") == 0) {
        return generate_completion(stdout, argv[1], e);
    }
    return err_new(e, EINVAL, "'%s' is neither man nor completion", argv[0]);
}
