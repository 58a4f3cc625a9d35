/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "box/look.h"
#include "box/processes.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "cli/format.h"
#include "cli/select.h"
#include "sys/fd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

static int top(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

struct top_options {
    int latest;
};

static const struct opt OPTIONS[] = {
    SELECT_LATEST_ROW(offsetof(struct top_options, latest)),
    {0},
};

const struct cmd cmd_top = {
    .names = {"top", "container top"},
    .group = CMD_CONTAINERS,
    .summary = "list the processes of a running container",
    .usage = "[options] CONTAINER [COLUMN…]",
    .description =
        "Columns: args capeff comm etime group hgroup hpid huser nice pcpu pgid pid ppid rss\n"
        "seccomp state time tty user vsz; h… are the host's. Several may be one word, with "
        "commas.\n"
        "The container needs no ps of its own.",
    .examples = "rbox top web\n"
                "rbox top web pid,user,rss,args\n",
    .options = OPTIONS,
    .options_size = sizeof(struct top_options),
    .max_args = CMD_ANY_ARGS,
    .stop_at_operand = 1,
    .run = top,
};

/* ---- columns: the text of one, the caller's */

struct names {
    char *passwd; /* the container's files, or NULL */
    char *group;
};

/* The name of @id in a file like passwd(5), else the number. */
static char *name_of(const char *file, int64_t id)
{
    for (const char *line = file; id >= 0 && line != NULL; line = strchr(line, '\n')) {
        const char *colon = NULL;
        long long found = 0;

        line += *line == '\n' ? 1 : 0;
        colon = strchr(line, ':');
        if (colon != NULL && sscanf(colon, ":%*[^:]:%lld", &found) == 1 && found == id &&
            memchr(line, '\n', (size_t)(colon - line)) == NULL) {
            return xstrndup(line, (size_t)(colon - line));
        }
        if (*line == '\0') {
            break;
        }
    }
    return id >= 0 ? xasprintf("%" PRId64, id) : xstrdup("?");
}

static char *text_user(const struct process *p, const struct names *n)
{
    return name_of(n->passwd, p->uid);
}

static char *text_group(const struct process *p, const struct names *n)
{
    return name_of(n->group, p->gid);
}

static char *number(int64_t n)
{
    return xasprintf("%" PRId64, n);
}

#define NUMBER_COLUMN(column, value)                                           \
    static char *text_##column(const struct process *p, const struct names *n) \
    {                                                                          \
        (void)n;                                                               \
        return number(value);                                                  \
    }

NUMBER_COLUMN(hgroup, p->host_gid)
NUMBER_COLUMN(hpid, p->host_pid)
NUMBER_COLUMN(huser, p->host_uid)
NUMBER_COLUMN(nice, p->nice)
NUMBER_COLUMN(pgid, p->pgid)
NUMBER_COLUMN(pid, p->pid)
NUMBER_COLUMN(ppid, p->ppid)
NUMBER_COLUMN(rss, p->rss_bytes / 1024)
NUMBER_COLUMN(vsz, p->vsz_bytes / 1024)

static char *text_args(const struct process *p, const struct names *n)
{
    (void)n;
    return xstrdup(p->args);
}

static char *text_comm(const struct process *p, const struct names *n)
{
    (void)n;
    return xstrdup(p->comm);
}

static char *text_capeff(const struct process *p, const struct names *n)
{
    (void)n;
    return p->effective_caps == 0 ? xstrdup("none") : xasprintf("%016" PRIx64, p->effective_caps);
}

static char *text_seccomp(const struct process *p, const struct names *n)
{
    static const char *const MODES[] = {"disabled", "strict", "filter"};

    (void)n;
    return xstrdup(p->seccomp >= 0 && p->seccomp <= 2 ? MODES[p->seccomp] : "?");
}

static char *text_state(const struct process *p, const struct names *n)
{
    (void)n;
    return xasprintf("%c", p->state);
}

/* "1h2m3s", as podman has it. */
static char *text_etime(const struct process *p, const struct names *n)
{
    int64_t s = p->age_ms / 1000;

    (void)n;
    if (s >= 3600) {
        return xasprintf("%" PRId64 "h%" PRId64 "m%" PRId64 "s", s / 3600, s / 60 % 60, s % 60);
    }
    return s >= 60 ? xasprintf("%" PRId64 "m%" PRId64 "s", s / 60, s % 60)
                   : xasprintf("%" PRId64 ".%03" PRId64 "s", s, p->age_ms % 1000);
}

static char *text_time(const struct process *p, const struct names *n)
{
    int64_t s = p->cpu_ms / 1000;

    (void)n;
    return xasprintf("%02" PRId64 ":%02" PRId64 ":%02" PRId64, s / 3600, s / 60 % 60, s % 60);
}

static char *text_pcpu(const struct process *p, const struct names *n)
{
    double share = p->age_ms > 0 ? (double)p->cpu_ms * 100 / (double)p->age_ms : 0;

    (void)n;
    return xasprintf("%.3f", share);
}

static char *text_tty(const struct process *p, const struct names *n)
{
    unsigned int minor_number = minor((dev_t)p->tty);

    (void)n;
    if (p->tty == 0) {
        return xstrdup("?");
    }
    return major((dev_t)p->tty) >= 136 && major((dev_t)p->tty) <= 143
               ? xasprintf("pts/%u", minor_number)
               : xasprintf("%u:%u", major((dev_t)p->tty), minor_number);
}

static const struct column {
    const char *name;
    const char *title;
    char *(*text)(const struct process *p, const struct names *n);
    int by_default;
} COLUMNS[] = {
    {"user", "USER", text_user, 1},
    {"pid", "PID", text_pid, 1},
    {"ppid", "PPID", text_ppid, 1},
    {"pcpu", "%CPU", text_pcpu, 1},
    {"etime", "ELAPSED", text_etime, 1},
    {"tty", "TTY", text_tty, 1},
    {"time", "TIME", text_time, 1},
    {"args", "COMMAND", text_args, 1},
    {"capeff", "EFFECTIVE CAPS", text_capeff, 0},
    {"comm", "COMMAND", text_comm, 0},
    {"group", "GROUP", text_group, 0},
    {"hgroup", "HGROUP", text_hgroup, 0},
    {"hpid", "HPID", text_hpid, 0},
    {"huser", "HUSER", text_huser, 0},
    {"nice", "NI", text_nice, 0},
    {"pgid", "PGID", text_pgid, 0},
    {"rss", "RSS", text_rss, 0},
    {"seccomp", "SECCOMP", text_seccomp, 0},
    {"state", "STATE", text_state, 0},
    {"vsz", "VSZ", text_vsz, 0},
};

enum {
    COLUMN_COUNT = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
    SHOWN_MAX = 64,
    NAMES_BYTES_MAX = 1 << 20
};

/* ---- */

struct shown {
    const struct column *columns[SHOWN_MAX];
    size_t count;
};

static const struct column *find_column(const char *name)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (strcmp(COLUMNS[i].name, name) == 0) {
            return &COLUMNS[i];
        }
    }
    return NULL;
}

static int choose_columns(char **words, const char *container, struct shown *ret, struct err *e)
{
    autostrv struct strv names = {0};

    for (; *words != NULL; words++) {
        strv_split(&names, *words, ',');
    }
    for (size_t i = 0; names.len == 0 && i < COLUMN_COUNT; i++) {
        if (COLUMNS[i].by_default) {
            ret->columns[ret->count++] = &COLUMNS[i];
        }
    }
    for (size_t i = 0; i < names.len; i++) {
        const struct column *c = find_column(names.v[i]);

        if (c == NULL || ret->count == SHOWN_MAX) {
            (void)err_new(e, EINVAL, "'%s' is no column", names.v[i]);
            return err_hint(e, "rbox top --help, or with a ps in the container: rbox exec %s ps",
                            container);
        }
        ret->columns[ret->count++] = c;
    }
    return 0;
}

static json_t *make_rows(const struct process_list *l, const struct shown *shown,
                         const struct names *names)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < l->count; i++) {
        json_t *row = json_object();

        for (size_t k = 0; k < shown->count; k++) {
            autofree char *text = shown->columns[k]->text(&l->rows[i], names);

            (void)json_object_set_new(row, shown->columns[k]->name, json_str(text));
        }
        (void)json_array_append_new(rows, row);
    }
    return rows;
}

/* Names are a convenience: without them there are numbers. *ret is the caller's, or NULL. */
static void read_names(const struct found *f, const struct spec *s, const char *path, char **ret)
{
    autoclose int fd = -1;
    struct err ignored = {0};

    if (look_open_file(f, s, path, &fd, &ignored) == 0) {
        (void)fd_read_all(fd, NAMES_BYTES_MAX, ret, NULL, &ignored);
    }
}

static int print(const struct process_list *l, const struct shown *shown, const struct names *names,
                 struct err *e)
{
    struct format_column table[SHOWN_MAX + 1] = {{0}};
    json_auto_t *rows = make_rows(l, shown, names);

    for (size_t i = 0; i < shown->count; i++) {
        table[i] = (struct format_column){shown->columns[i]->title, shown->columns[i]->name};
    }
    return format_rows(stdout, NULL, table, rows, 0, e);
}

static int top(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    struct process_list list = {0};
    struct shown shown = {.count = 0};
    struct names names = {0};
    struct store *store = NULL;
    struct container c;
    const struct top_options *o = options;
    int r = select_one(ctx, o->latest, &argv, &store, &f, e);

    (void)argc;
    r = r < 0 ? r : choose_columns(argv, f.name, &shown, e);
    r = r < 0 ? r : container_read(&f, &c, e);
    if (r < 0) {
        return r;
    }
    r = processes_read(&f, &c.spec, &list, e);
    if (r == 0) {
        read_names(&f, &c.spec, "etc/passwd", &names.passwd);
        read_names(&f, &c.spec, "etc/group", &names.group);
        r = print(&list, &shown, &names, e);
    }
    processes_done(&list);
    container_done(&c);
    free(names.passwd);
    free(names.group);
    return r;
}
