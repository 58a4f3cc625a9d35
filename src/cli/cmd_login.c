/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/registry_options.h"
#include "image/auth_file.h"
#include "image/fetch.h"
#include "sys/fd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum {
    PASSWORD_BYTES_MAX = 64 << 10
};

struct login_options {
    struct registry_options registry;
    char *username;
    char *password;
    int password_stdin;
    int get_login;
    int verbose;
};

#define FIELD(name) offsetof(struct login_options, name)

static const struct opt OPTIONS[] = {
    {"username", 'u', "NAME", OPT_STRING, FIELD(username), "who (default: asked for)", NULL},
    {"password", 'p', "TEXT", OPT_STRING, FIELD(password),
     "seen by every process of this machine: better --password-stdin", NULL},
    {"password-stdin", 0, NULL, OPT_FLAG, FIELD(password_stdin),
     "the password is what comes on standard input", NULL},
    {"get-login", 0, NULL, OPT_FLAG, FIELD(get_login), "print who is logged in there", NULL},
    {"verbose", 'v', NULL, OPT_FLAG, FIELD(verbose), "say where the credentials are kept", NULL},
    REGISTRY_ACCESS_ROWS(struct login_options, registry),
    {0},
};

static const struct opt_refused REFUSED[] = {
    {"compat-auth-file", 0, "--authfile"}, {"secret", 0, NULL}, {0}};

static int login(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_login = {
    .names = {"login"},
    .group = CMD_IMAGES,
    .summary = "keep a name and a password for a registry",
    .usage = "[options] [REGISTRY]",
    .description = "They are tried first, and then kept where podman keeps them (--authfile,\n"
                   "REGISTRY_AUTH_FILE, the runtime folder, else ~/.config/containers/auth.json).",
    .examples = "rbox login -u me registry.example.com\n"
                "echo \"$TOKEN\" | rbox login -u ci --password-stdin registry.example.com\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct login_options),
    .max_args = 1,
    .run = login,
};

/* "https://host/" becomes "host". */
static char *registry_name(const char *given)
{
    const char *rest = str_after(given, "https://");
    char *name = NULL;

    rest = rest != NULL ? rest : given;
    rest = str_after(rest, "http://") != NULL ? str_after(rest, "http://") : rest;
    name = xstrdup(rest);
    while (str_ends(name, "/")) {
        name[strlen(name) - 1] = '\0';
    }
    return name;
}

/* A line from the terminal, without an echo for passwords. */
static int ask(const char *question, int is_secret, char **ret, struct err *e)
{
    struct termios before;
    struct termios silent;
    char *line = NULL;
    size_t room = 0;
    ssize_t len = 0;

    if (!isatty(STDIN_FILENO)) {
        (void)err_new(e, EINVAL, "there is no terminal to ask for %s", question);
        return err_hint(e, "rbox login --username NAME --password-stdin REGISTRY <FILE");
    }
    (void)fprintf(stderr, "%s: ", question);
    (void)tcgetattr(STDIN_FILENO, &before);
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    if (is_secret) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    len = getline(&line, &room, stdin);
    if (is_secret) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        (void)fprintf(stderr, "\n");
    }
    if (len <= 0) {
        free(line);
        return err_new(e, ECANCELED, "no %s was given", question);
    }
    line[strcspn(line, "\r\n")] = '\0';
    *ret = line;
    return 0;
}

static int get_credentials(struct login_options *o, struct credentials *ret, struct err *e)
{
    int r = 0;

    if (o->username != NULL) {
        ret->user = xstrdup(o->username);
    } else if (!o->password_stdin) {
        r = ask("Username", 0, &ret->user, e);
    } else {
        r = err_new(e, EINVAL, "--password-stdin needs --username");
    }
    if (r == 0 && o->password_stdin) {
        r = fd_read_all(STDIN_FILENO, PASSWORD_BYTES_MAX, &ret->password, NULL, e);
        if (r == 0) {
            ret->password[strcspn(ret->password, "\r\n")] = '\0';
        }
    } else if (r == 0 && o->password != NULL) {
        ret->password = xstrdup(o->password);
    } else if (r == 0) {
        r = ask("Password", 1, &ret->password, e);
    }
    if (r == 0 && (*ret->user == '\0' || strchr(ret->user, ':') != NULL)) {
        r = err_new(e, EINVAL, "'%s' is not the name of a user", ret->user);
    }
    return r;
}

static int try_them(const struct store *store, const char *registry, struct registry_options *o,
                    const struct credentials *c, struct err *e)
{
    autofree char *pair = xasprintf("%s:%s", c->user, c->password);
    struct image_ref ref = {0};
    struct registries conf = {0};
    struct progress ignored = {0};
    struct pull_options options = {0};
    struct fetch f = FETCH_CLOSED;
    int r = registry_options_read(o, &ignored, &options, e);

    ref.registry = xstrdup(registry);
    ref.repository = xstrdup("");
    options.fetch.creds = pair;
    r = r < 0 ? r : registries_read(&conf, e);
    r = r < 0 ? r : fetch_open(store, &conf, &ref, &options.fetch, &f, e);
    r = r < 0 ? r : fetch_ask(&f, json_pack("{s:s}", "op", "ping"), NULL, NULL, NULL, e);
    fetch_close(&f);
    registries_done(&conf);
    image_ref_done(&ref);
    if (r < 0) {
        (void)err_wrap(e, "cannot log in at %s", registry);
        return fetch_hint(&options.fetch, registry, e);
    }
    return 0;
}

static int login(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct login_options *o = options;
    autofree char *registry = registry_name(argc > 0 ? argv[0] : "docker.io");
    autofree char *path = NULL;
    struct credentials c = {0};
    struct store *store = NULL;
    int r = 0;

    if (o->get_login) {
        r = auth_find(o->registry.authfile, registry, "", &c, e);
        if (r == 0 && c.user == NULL) {
            r = err_new(e, ENOENT, "not logged in at %s", registry);
        }
        if (r == 0) {
            (void)printf("%s\n", c.user);
        }
        credentials_done(&c);
        return r;
    }
    r = ctx_store(ctx, &store, e);
    r = r < 0 ? r : get_credentials(o, &c, e);
    r = r < 0 ? r : try_them(store, registry, &o->registry, &c, e);
    r = r < 0 ? r : auth_store(o->registry.authfile, registry, &c, &path, e);
    if (r == 0) {
        (void)printf("Login Succeeded!\n");
        if (o->verbose) {
            (void)printf("Used: %s\n", path);
        }
    }
    credentials_done(&c);
    return r;
}
