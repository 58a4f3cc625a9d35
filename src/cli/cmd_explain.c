/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/hints.h"
#include "cli/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static int explain(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_explain = {
    .names = {"explain"},
    .group = CMD_SYSTEM,
    .summary = "say at length what an error's id means",
    .usage = "[RBX-NUMBER]",
    .description = "Without an id: all of them, a line each. Needs no network.",
    .examples = "rbox explain RBX-105\n",
    .max_args = 1,
    .run = explain,
};

static void print_list(void)
{
    const struct hint *h = NULL;

    for (size_t i = 0; (h = hint_at(i)) != NULL; i++) {
        (void)printf("RBX-%d  %s\n", (int)h->id, h->title);
    }
}

static int explain(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct hint *h = NULL;
    const char *number = NULL;
    autofree char *fix = NULL;

    (void)ctx;
    (void)options;
    if (argc == 0) {
        print_list();
        return 0;
    }
    number = strncasecmp(argv[0], "RBX-", 4) == 0 ? argv[0] + 4 : argv[0];
    h = hint_find((enum hint_id)strtol(number, NULL, 10));
    if (h == NULL) {
        (void)err_new(e, ENOENT, "there is no '%s'", argv[0]);
        return err_hint(e, "rbox explain   (lists them all)");
    }
    fix = hint_fix(h->id, NULL, NULL);
    (void)printf("RBX-%d: %s\n\n%s\n\nFix (%s): %s\n", (int)h->id, h->title, h->explain,
                 h->who == HINT_WHO_ROOT ? "by an administrator" : "by you", fix);
    return 0;
}
