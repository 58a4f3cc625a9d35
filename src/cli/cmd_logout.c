/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "image/auth_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct logout_options {
    char *authfile;
    int all;
};

#define FIELD(name) offsetof(struct logout_options, name)

static const struct opt OPTIONS[] = {
    {"authfile", 0, "FILE", OPT_STRING, FIELD(authfile), "credentials, as rbox login keeps them",
     NULL},
    {"all", 'a', NULL, OPT_FLAG, FIELD(all), "forget all registries", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {{"compat-auth-file", 0, "--authfile"}, {0}};

static int logout(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_logout = {
    .names = {"logout"},
    .group = CMD_IMAGES,
    .summary = "forget the password for a registry",
    .usage = "[options] [REGISTRY]",
    .examples = "rbox logout registry.example.com\n"
                "rbox logout --all\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct logout_options),
    .max_args = 1,
    .run = logout,
};

static int logout(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct logout_options *o = options;
    const char *registry = argc > 0 ? argv[0] : "docker.io";
    const char *plain = str_after(registry, "https://");
    int r = 0;

    (void)ctx;
    if (o->all && argc > 0) {
        return err_new(e, EINVAL, "--all and a registry exclude each other");
    }
    registry = plain != NULL ? plain : registry;
    r = auth_forget(o->authfile, o->all ? NULL : registry, e);
    if (r < 0) {
        return r;
    }
    if (r == 0 && !o->all) {
        return err_new(e, ENOENT, "not logged in at %s", registry);
    }
    (void)printf("Removed login credentials for %s\n", o->all ? "all registries" : registry);
    return 0;
}
