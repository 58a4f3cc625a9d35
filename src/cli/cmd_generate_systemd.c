/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/find.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct systemd_options {
    char *restart;
    int64_t time_ms; /* -1: the container's own */
    struct strv after;
    struct strv wants;
    struct strv requires;
    struct strv env;
    int files;
    int is_new;
    int name;
    int no_header;
};

#define FIELD(name) offsetof(struct systemd_options, name)

static const struct opt OPTIONS[] = {
    {"new", 0, NULL, OPT_FLAG, FIELD(is_new),
     "the unit makes a new container at each start, with the options this one was made with", NULL},
    {"files", 'f', NULL, OPT_FLAG, FIELD(files),
     "write container-NAME.service into the current folder, and print its path", NULL},
    {"name", 'n', NULL, OPT_FLAG, FIELD(name), "names and not ids, as it is anyway", NULL},
    {"restart-policy", 0, "POLICY", OPT_STRING, FIELD(restart),
     "systemd's Restart= (default: on-failure)", NULL},
    {"time", 't', "SECONDS", OPT_DURATION, FIELD(time_ms),
     "how long stop waits before KILL (default: the container's own)", NULL},
    {"after", 0, "UNIT", OPT_STRV, FIELD(after), "start after that unit", NULL},
    {"wants", 0, "UNIT", OPT_STRV, FIELD(wants), "start that unit, too", NULL},
    {"requires", 0, "UNIT", OPT_STRV, FIELD(requires), "fail when that unit does", NULL},
    {"env", 'e', "KEY=VALUE", OPT_STRV, FIELD(env), "a variable of the unit", NULL},
    {"no-header", 0, NULL, OPT_FLAG, FIELD(no_header), "without the comment at the top", NULL},
    {0},
};

static const struct opt_refused REFUSED[] = {
    {"format", 0, NULL},        {"template", 0, NULL},         {"restart-sec", 0, NULL},
    {"start-timeout", 0, NULL}, {"stop-timeout", 0, "--time"}, {"container-prefix", 0, NULL},
    {"separator", 0, NULL},     {"pod-prefix", 0, NULL},       {0}};

static void systemd_init(void *options);
static int generate(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_generate_systemd = {
    .names = {"generate systemd"},
    .group = CMD_SYSTEM,
    .summary = "print a unit of the user's systemd that runs a container",
    .usage = "[options] CONTAINER",
    .examples = "rbox generate systemd web >~/.config/systemd/user/web.service\n"
                "systemctl --user enable --now web\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct systemd_options),
    .min_args = 1,
    .max_args = 1,
    .init = systemd_init,
    .run = generate,
};

static void systemd_init(void *options)
{
    ((struct systemd_options *)options)->time_ms = -1;
}

/* One word of ExecStart= (systemd.service(5), "Command lines"): in quotes where it needs them; %
 * and $ are the unit's own. */
static void put_word(struct buf *b, const char *word)
{
    int quoted = *word == '\0' || strpbrk(word, " \t\n\"'\\;") != NULL;

    buf_puts(b, quoted ? " \"" : " ");
    for (const char *p = word; *p != '\0'; p++) {
        if (*p == '\n') {
            buf_puts(b, "\\n");
            continue;
        }
        if (*p == '%' || *p == '$') {
            buf_add(b, p, 1);
        } else if (quoted && (*p == '"' || *p == '\\')) {
            buf_puts(b, "\\");
        }
        buf_add(b, p, 1);
    }
    buf_puts(b, quoted ? "\"" : "");
}

static void put_list(struct buf *b, const char *key, const struct strv *list)
{
    for (size_t i = 0; i < list->len; i++) {
        buf_printf(b, "%s=%s\n", key, list->v[i]);
    }
}

/* What the unit itself takes care of. */
static int is_replaced(const char *word)
{
    static const char *const WORDS[] = {"-d",        "--detach",  "--detach=true", "--rm",
                                        "--rm=true", "--replace", "--replace=true"};

    for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
        if (strcmp(word, WORDS[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* "rbox run …" as it was typed, up to the image: options there are rbox's. */
static int put_new(struct buf *b, const char *self, const struct spec *s, struct err *e)
{
    const struct strv *words = &s->box.create_command;
    size_t at = 0;

    while (at < words->len && strcmp(words->v[at], "run") != 0 &&
           strcmp(words->v[at], "create") != 0) {
        at++;
    }
    if (at == words->len) {
        return err_new(e, ENOTSUP, "it is not known how container '%s' was made", s->box.name);
    }
    buf_puts(b, "ExecStart=");
    buf_puts(b, self);
    buf_puts(b, " run --replace --rm --cgroups=split");
    if (s->box.name != NULL) {
        buf_printf(b, " --name %s", s->box.name);
    }
    for (at++; at < words->len; at++) {
        if (words->v[at][0] != '-') {
            break;
        }
        if (strcmp(words->v[at], "--name") == 0) {
            at++;
        } else if (str_after(words->v[at], "--name=") == NULL && !is_replaced(words->v[at])) {
            put_word(b, words->v[at]);
        }
    }
    for (; at < words->len; at++) {
        put_word(b, words->v[at]);
    }
    buf_puts(b, "\n");
    return 0;
}

/* Was it said who tells that it is ready? By default it may do so, and most never do. */
static int tells_ready(const struct spec *s)
{
    return s->box.sdnotify != SPEC_SDNOTIFY_DEFAULT && s->box.sdnotify != SPEC_SDNOTIFY_IGNORE;
}

static int put_unit(struct buf *b, const struct systemd_options *o, const struct spec *s,
                    struct err *e)
{
    char self[PATH_MAX] = "";
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    int64_t stop_s = (o->time_ms >= 0 ? o->time_ms : s->box.stop_timeout_ms) / 1000;
    int r = 0;

    self[n > 0 ? n : 0] = '\0';
    if (!o->no_header) {
        buf_printf(b, "# container-%s.service, made by rbox generate systemd\n\n", s->box.name);
    }
    buf_printf(b, "[Unit]\nDescription=rbox container %s\n", s->box.name);
    buf_puts(b, "Wants=network-online.target\nAfter=network-online.target\n");
    put_list(b, "Wants", &o->wants);
    put_list(b, "After", &o->after);
    put_list(b, "Requires", &o->requires);
    buf_puts(b, tells_ready(s) ? "\n[Service]\nType=notify\nNotifyAccess=all\n"
                               : "\n[Service]\nType=simple\n");
    put_list(b, "Environment", &o->env);
    if (o->is_new) {
        buf_puts(b, "Delegate=yes\n");
        r = put_new(b, self, s, e);
    } else {
        buf_printf(b, "ExecStart=%s start --attach %s\n", self, s->box.name);
    }
    buf_printf(b, "ExecStop=%s stop --time %" PRId64 " %s\n", self, stop_s, s->box.name);
    buf_printf(b, "TimeoutStopSec=%" PRId64 "\nRestart=%s\nSuccessExitStatus=143 137\n",
               stop_s + 60, o->restart != NULL ? o->restart : "on-failure");
    buf_puts(b, "\n[Install]\nWantedBy=default.target\n");
    return r;
}

static int generate(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct systemd_options *o = options;
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    autobuf struct buf unit = {0};
    struct store *store = NULL;
    struct container c;
    int r = container_find(ctx, argv[0], &store, &f, &c, e);

    (void)argc;
    if (r < 0) {
        return r;
    }
    r = put_unit(&unit, o, &c.spec, e);
    if (r == 0 && o->files) {
        autofree char *name = xasprintf("container-%s.service", c.spec.box.name);
        autofree char *cwd = getcwd(NULL, 0);

        r = file_write(AT_FDCWD, name, unit.data, unit.len, 0, e);
        if (r == 0) {
            (void)printf("%s/%s\n", cwd != NULL ? cwd : ".", name);
        }
    } else if (r == 0) {
        (void)fputs(unit.data, stdout);
    }
    container_done(&c);
    return r;
}
