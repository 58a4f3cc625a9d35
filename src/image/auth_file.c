/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/auth_file.h"

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "sys/fd.h"
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
    AUTH_BYTES_MAX = 1 << 20,
    HELPER_TIMEOUT_MS = 30000
};

void credentials_done(struct credentials *c)
{
    free(c->user);
    free(c->password);
    free(c->identity_token);
    memset(c, 0, sizeof(*c));
}

int credentials_parse(const char *text, struct credentials *ret, struct err *e)
{
    const char *colon = strchr(text, ':');

    if (colon == NULL || colon == text) {
        return err_new(e, EINVAL, "credentials are USER:PASSWORD");
    }
    *ret = (struct credentials){.user = xstrndup(text, (size_t)(colon - text)),
                                .password = xstrdup(colon + 1)};
    return 0;
}

/* ---- the files */

static void candidates(const char *authfile, struct strv *ret)
{
    const char *env = getenv("REGISTRY_AUTH_FILE");
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    const char *docker = getenv("DOCKER_CONFIG");

    if (authfile == NULL && env != NULL && *env != '\0') {
        authfile = env;
    }
    if (authfile != NULL) {
        strv_pushf(ret, "%s%s", strchr(authfile, '/') != NULL ? "" : "./", authfile);
        return;
    }
    if (runtime != NULL && *runtime == '/' && access(runtime, W_OK) == 0) {
        strv_pushf(ret, "%s/containers/auth.json", runtime);
    }
    if (config != NULL && *config == '/') {
        strv_pushf(ret, "%s/containers/auth.json", config);
    } else if (home != NULL && *home == '/') {
        strv_pushf(ret, "%s/.config/containers/auth.json", home);
    }
    if (docker != NULL && *docker == '/') {
        strv_pushf(ret, "%s/config.json", docker);
    } else if (home != NULL && *home == '/') {
        strv_pushf(ret, "%s/.docker/config.json", home);
    }
}

/* A missing file is an empty one. */
static int read_file(const char *path, json_t **ret, struct err *e)
{
    autofree char *text = NULL;
    size_t len = 0;
    int r = file_read_followed(AT_FDCWD, path, AUTH_BYTES_MAX, &text, &len, e);

    if (r < 0 && r != -ENOENT) {
        return r;
    }
    if (len == 0) {
        err_clear(e);
        *ret = json_object();
        return 0;
    }
    if (json_parse(text, len, path, ret, e) < 0) {
        return -e->errnum;
    }
    if (!json_is_object(*ret)) {
        json_decref(*ret);
        return err_new(e, EINVAL, "'%s' is not an object with credentials", path);
    }
    return 0;
}

static int write_file(const char *path, const json_t *root, struct err *e)
{
    autofree char *text = json_dumps(root, JSON_INDENT(2));
    autofree char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));
    autoclose int dir_fd = -1;

    if (*folder != '\0' && dir_make_all(folder, e) < 0) {
        return -e->errnum;
    }
    dir_fd = open(*folder != '\0' ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0) {
        return err_set(e, errno, "cannot open '%s'", folder);
    }
    return file_write(dir_fd, strrchr(path, '/') + 1, text, strlen(text), FILE_PRIVATE, e);
}

/* ---- keys: docker writes URLs, podman names */

static char *plain_key(const char *key)
{
    const char *rest = str_after(key, "https://");
    char *plain = NULL;
    size_t len = 0;

    if (rest == NULL) {
        rest = str_after(key, "http://");
    }
    plain = xstrdup(rest != NULL ? rest : key);
    len = strlen(plain);
    while (len > 0 && plain[len - 1] == '/') {
        plain[--len] = '\0';
    }
    if (str_ends(plain, "/v1") || str_ends(plain, "/v2")) {
        plain[len - 3] = '\0';
    }
    if (strcmp(plain, "index.docker.io") == 0 || strcmp(plain, "registry-1.docker.io") == 0) {
        free(plain);
        return xstrdup("docker.io");
    }
    return plain;
}

/* The key of @o that stands for @name, or NULL. Borrowed. */
static const char *find_key(json_t *o, const char *name)
{
    const char *key = NULL;
    json_t *value = NULL;

    json_object_foreach(o, key, value)
    {
        autofree char *plain = plain_key(key);

        if (strcmp(plain, name) == 0) {
            return key;
        }
    }
    return NULL;
}

/* ---- credential helpers (https://github.com/docker/docker-credential-helpers): asked through
 * their standard input, so the name comes in a memory file */

static int ask_helper(const char *helper, const char *verb, const char *input, char **ret,
                      struct err *e)
{
    autofree char *name = xasprintf("docker-credential-%s", helper);
    autofree char *path = NULL;
    autoclose int in_fd = -1;
    autoclose int out_fd = -1;
    autoclose int pipe_fd = -1;
    autokill int pidfd = -1;
    int status = 0;
    int r = strchr(helper, '/') != NULL
                ? err_new(e, EINVAL, "'%s' is not the name of a credential helper", helper)
                : proc_find(name, &path, e);

    r = r < 0 ? r : fd_memfd("registry", input, strlen(input), &in_fd, e);
    r = r < 0 ? r : fd_pipe(&pipe_fd, &out_fd, e);
    if (r == 0) {
        const struct proc_options o = {.argv = (const char *const[]){path, verb, NULL},
                                       .envp = (const char *const *)environ,
                                       .in_fd = in_fd,
                                       .out_fd = out_fd,
                                       .die_with_parent = 1};

        r = proc_start(&o, &pidfd, e);
    }
    close_fd(&out_fd);
    r = r < 0 ? r : fd_read_all(pipe_fd, AUTH_BYTES_MAX, ret, NULL, e);
    r = r < 0 ? r : proc_wait(pidfd, HELPER_TIMEOUT_MS, &status, e);
    if (r == 0 && status != 0) {
        r = err_new(e, ENOENT, "%s: %s", name, *ret);
    }
    return r < 0 ? err_wrap(e, "cannot ask '%s'", name) : 0;
}

static int from_helper(const char *helper, const char *key, struct credentials *ret, struct err *e)
{
    static const char WHAT[] = "the credential helper's answer";
    autofree char *text = NULL;
    json_t *root = NULL;
    const char *user = NULL;
    const char *secret = NULL;
    int r = ask_helper(helper, "get", key, &text, e);

    /* "credentials not found": it knows no better. */
    if (r == -ENOENT) {
        err_clear(e);
        return 0;
    }
    r = r < 0 ? r : json_parse(text, strlen(text), WHAT, &root, e);
    r = r < 0 ? r : json_get_string(root, "Username", WHAT, &user, e);
    r = r < 0 ? r : json_get_string(root, "Secret", WHAT, &secret, e);
    if (r == 0 && user != NULL && secret != NULL) {
        if (strcmp(user, "<token>") == 0) {
            ret->identity_token = xstrdup(secret);
        } else {
            ret->user = xstrdup(user);
            ret->password = xstrdup(secret);
        }
    }
    json_decref(root);
    return r;
}

static int from_entry(const json_t *entry, const char *path, struct credentials *ret, struct err *e)
{
    autofree char *decoded = NULL;
    const char *auth = NULL;
    const char *token = NULL;
    size_t len = 0;
    int r = json_get_string(entry, "auth", path, &auth, e);

    r = r < 0 ? r : json_get_string(entry, "identitytoken", path, &token, e);
    if (r < 0) {
        return r;
    }
    if (token != NULL && *token != '\0') {
        ret->identity_token = xstrdup(token);
        return 0;
    }
    if (auth == NULL || *auth == '\0') {
        return 0;
    }
    decoded = base64_decode(auth, &len);
    if (decoded == NULL || strlen(decoded) != len || credentials_parse(decoded, ret, e) < 0) {
        return err_new(e, EINVAL, "'%s' has an \"auth\" that is not base64 of USER:PASSWORD", path);
    }
    return 0;
}

static int is_empty(const struct credentials *c)
{
    return c->user == NULL && c->identity_token == NULL;
}

/* "host/a/b", "host/a", "host": the longest that is known. */
static int find_in(json_t *root, const char *path, const char *registry, const char *repository,
                   struct credentials *ret, struct err *e)
{
    autofree char *name = xasprintf("%s/%s", registry, repository);
    json_t *auths = json_object_get(root, "auths");
    json_t *helpers = json_object_get(root, "credHelpers");
    const char *store = json_string_value(json_object_get(root, "credsStore"));
    int r = 0;

    for (char *end = name + strlen(name); r == 0 && is_empty(ret) && end != NULL;
         end = strrchr(name, '/')) {
        const char *key = NULL;

        *end = '\0';
        key = find_key(helpers, name);
        if (key != NULL && json_is_string(json_object_get(helpers, key))) {
            r = from_helper(json_string_value(json_object_get(helpers, key)), key, ret, e);
            continue;
        }
        key = find_key(auths, name);
        if (key != NULL) {
            r = from_entry(json_object_get(auths, key), path, ret, e);
            if (r == 0 && is_empty(ret) && store != NULL) {
                r = from_helper(store, key, ret, e);
            }
        }
    }
    if (r == 0 && is_empty(ret) && store != NULL) {
        r = from_helper(
            store, strcmp(registry, "docker.io") == 0 ? "https://index.docker.io/v1/" : registry,
            ret, e);
    }
    return r;
}

int auth_find(const char *authfile, const char *registry, const char *repository,
              struct credentials *ret, struct err *e)
{
    autostrv struct strv paths = {0};
    int r = 0;

    memset(ret, 0, sizeof(*ret));
    candidates(authfile, &paths);
    if (authfile != NULL && access(authfile, F_OK) < 0) {
        return err_set(e, errno, "cannot read '%s'", authfile);
    }
    for (size_t i = 0; r == 0 && is_empty(ret) && i < paths.len; i++) {
        json_t *root = NULL;

        r = read_file(paths.v[i], &root, e);
        r = r < 0 ? r : find_in(root, paths.v[i], registry, repository, ret, e);
        json_decref(root);
    }
    if (r < 0) {
        credentials_done(ret);
    }
    return r;
}

/* ---- changing them */

int auth_store(const char *authfile, const char *registry, const struct credentials *c,
               char **ret_path, struct err *e)
{
    autostrv struct strv paths = {0};
    autofree char *pair = xasprintf("%s:%s", c->user, c->password);
    autofree char *auth = base64_encode(pair, strlen(pair));
    json_t *root = NULL;
    json_t *auths = NULL;
    const char *key = NULL;
    int r = 0;

    candidates(authfile, &paths);
    if (paths.len == 0) {
        return err_new(e, ENOENT, "there is no place for credentials: set HOME, or use --authfile");
    }
    r = read_file(paths.v[0], &root, e);
    if (r < 0) {
        return r;
    }
    auths = json_object_get(root, "auths");
    if (!json_is_object(auths)) {
        auths = json_object();
        (void)json_object_set_new(root, "auths", auths);
    }
    key = find_key(auths, registry);
    (void)json_object_set_new(auths, key != NULL ? key : registry,
                              json_pack("{s:s}", "auth", auth));
    r = write_file(paths.v[0], root, e);
    if (r == 0) {
        *ret_path = xstrdup(paths.v[0]);
    }
    json_decref(root);
    return r;
}

int auth_forget(const char *authfile, const char *registry, struct err *e)
{
    autostrv struct strv paths = {0};
    int found = 0;
    int r = 0;

    candidates(authfile, &paths);
    for (size_t i = 0; r == 0 && i < paths.len; i++) {
        json_t *root = NULL;
        json_t *auths = NULL;
        const char *key = NULL;
        int changed = 0;

        r = read_file(paths.v[i], &root, e);
        auths = r == 0 ? json_object_get(root, "auths") : NULL;
        if (r == 0 && registry == NULL && json_object_size(auths) > 0) {
            changed = json_object_clear(auths) == 0;
        }
        while (registry != NULL && (key = find_key(auths, registry)) != NULL) {
            (void)json_object_del(auths, key);
            changed = 1;
        }
        if (r == 0 && changed) {
            r = write_file(paths.v[i], root, e);
        }
        found |= changed;
        json_decref(root);
    }
    return r < 0 ? r : found;
}
