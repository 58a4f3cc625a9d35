/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/caps.h"
#include "box/enter.h"
#include "box/events.h"
#include "box/secrets.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "cli/run_options.h"
#include "cli/select.h"
#include "spec/spec_parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <unistd.h>

struct exec_options {
    int latest;
    int interactive;
    int tty;
    int detach;
    int privileged;
    struct strv env;
    struct strv env_file;
    char *workdir;
    char *user;
    struct spec spec; /* for --preserve-fds, whose parser takes one */
    struct detach_keys detach_keys;
};

#define FIELD(name) offsetof(struct exec_options, name)

static const struct opt OPTIONS[] = {
    {"interactive", 'i', NULL, OPT_FLAG, FIELD(interactive),
     "pass standard input on (else it is /dev/null)", NULL},
    {"tty", 't', NULL, OPT_FLAG, FIELD(tty), "give it a terminal", NULL},
    {"detach", 'd', NULL, OPT_FLAG, FIELD(detach), "return as soon as the command runs", NULL},
    {"env", 'e', "NAME=VALUE", OPT_PARSE, FIELD(env), "a variable; NAME copies the host's",
     run_option_env},
    {"env-file", 0, "FILE", OPT_PARSE, FIELD(env_file), "variables, one a line", run_option_lines},
    {"workdir", 'w', "DIR", OPT_PARSE, FIELD(workdir),
     "where the command starts (default: the container's)", spec_parse_workdir},
    {"user", 'u', "USER[:GROUP]", OPT_PARSE, FIELD(user),
     "names of the image or numbers (default: the container's)", spec_parse_user},
    {"privileged", 0, NULL, OPT_FLAG, FIELD(privileged), "all capabilities, of the box only", NULL},
    {"preserve-fds", 0, "N", OPT_PARSE, FIELD(spec), "pass descriptors 3 to 2+N on",
     spec_parse_preserve_fds},
    CONTAINER_DETACH_KEYS(FIELD(detach_keys)),
    SELECT_LATEST_ROW(FIELD(latest)),
    {0},
};

static const struct opt_refused REFUSED[] = {{"cidfile", 0, "rbox exec $(cat FILE) COMMAND"}, {0}};

static int exec(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_exec = {
    .names = {"exec", "container exec"},
    .group = CMD_CONTAINERS,
    .summary = "run one more command in a running container",
    .usage = "[options] CONTAINER COMMAND [ARG…]",
    .description =
        "With the container's namespaces, limits, capabilities and filter. Gives back the\n"
        "command's exit status; 125 when rbox itself failed, 126 and 127 when the command could\n"
        "not be executed or was not found.",
    .examples = "rbox exec -it web sh\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct exec_options),
    .min_args = 1,
    .max_args = CMD_ANY_ARGS,
    .stop_at_operand = 1,
    .run = exec,
};

static void set_variables(const struct strv *list, struct strv *env)
{
    for (size_t i = 0; i < list->len; i++) {
        autofree char *name = xstrndup(list->v[i], strcspn(list->v[i], "="));
        const char *value =
            list->v[i][strlen(name)] == '=' ? list->v[i] + strlen(name) + 1 : getenv(name);

        if (value != NULL) {
            spec_env_set(env, name, value);
        }
    }
}

/* The allowlist of the network is held by the want of these capabilities (net.c). */
static int add_privileges(struct spec *s, struct err *e)
{
    uint64_t all = 0;

    if (s->box.network.allow_net_set) {
        return err_new(e, EPERM, "--privileged would open the network that --allow-net shut");
    }
    if (caps_parse("ALL", &all, e) < 0) {
        return -e->errnum;
    }
    s->process.capabilities =
        (struct spec_caps){.bounding = all, .effective = all, .permitted = all, .ambient = all};
    return 0;
}

/* The container's process, with what the options change. */
static int change_process(struct spec *s, const struct exec_options *o, char **argv, struct err *e)
{
    struct spec_process *p = &s->process;

    p->terminal = o->tty;
    s->box.interactive = o->interactive || o->detach; /* descriptors are set before the fork */
    s->box.preserve_fds = o->spec.box.preserve_fds;
    strv_done(&p->args);
    for (; *argv != NULL; argv++) {
        strv_push(&p->args, *argv);
    }
    if (o->tty && spec_env_get(&p->env, "TERM") == NULL) {
        spec_env_set(&p->env, "TERM", "xterm");
    }
    set_variables(&o->env_file, &p->env);
    set_variables(&o->env, &p->env);
    xreplace(&p->cwd, o->workdir);
    xreplace(&p->user, o->user);
    return o->privileged ? add_privileges(s, e) : 0;
}

static int exec(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct exec_options *o = options;
    const struct enter_options enter = {.detach = o->detach, .detach_keys = &o->detach_keys};
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    struct store *store = NULL;
    struct container c;
    int r = select_one(ctx, o->latest, &argv, &store, &f, e);

    (void)argc;
    if (r == 0 && *argv == NULL) {
        r = err_new(e, EINVAL, "no command is given");
    }
    r = r < 0 ? r : container_read(&f, &c, e);
    if (r < 0) {
        return r;
    }
    r = secrets_set_env(store->dir_fd, &c.spec, e);
    r = r < 0 ? r : change_process(&c.spec, o, argv, e);
    if (r == 0) {
        events_add_container(store, &c.spec, "exec", NULL);
        r = enter_run(&f, &c.spec, &enter, e);
    }
    container_done(&c);
    return r;
}
