/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/spec_merge.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "box/caps.h"
#include "spec/spec_check.h"
#include "spec/spec_join.h"
#include "spec/spec_name.h"
#include "spec/spec_parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void spec_request_init(struct spec_request *q)
{
    memset(q, 0, sizeof(*q));
    spec_init(&q->spec);
    q->http_proxy = 1;
}

void spec_request_done(struct spec_request *q)
{
    spec_done(&q->spec);
    strv_done(&q->env);
    strv_done(&q->env_file);
    strv_done(&q->unset_env);
    free(q->entrypoint);
    free(q->workdir);
    free(q->user);
    strv_done(&q->cap_add);
    strv_done(&q->cap_drop);
    strv_done(&q->labels);
}

/* ---- command */

static int add_entrypoint(const char *given, struct strv *args, struct err *e)
{
    json_t *list = NULL;
    size_t i = 0;
    json_t *word = NULL;
    int r = 0;

    if (given[0] != '[') {
        if (given[0] != '\0') {
            strv_push(args, given);
        }
        return 0;
    }
    r = json_parse(given, strlen(given), "--entrypoint", &list, e);
    if (r < 0) {
        return r;
    }
    json_array_foreach(list, i, word)
    {
        if (!json_is_string(word)) {
            r = err_new(e, EINVAL, "--entrypoint '%s' is not an array of strings", given);
            break;
        }
        strv_push(args, json_string_value(word));
    }
    json_decref(list);
    return r;
}

static int merge_command(struct spec_request *q, const struct image_config *image, int argc,
                         char *const *argv, struct err *e)
{
    struct strv *args = &q->spec.process.args;
    int r = 0;

    if (q->entrypoint != NULL) {
        r = add_entrypoint(q->entrypoint, args, e);
    } else {
        strv_append(args, &image->entrypoint);
    }
    for (int i = 0; i < argc; i++) {
        strv_push(args, argv[i]);
    }
    /* An entrypoint of the user's takes the image's arguments away: they were for the other one. */
    if (argc == 0 && q->entrypoint == NULL) {
        strv_append(args, &image->cmd);
    }
    if (r == 0 && args->len == 0) {
        (void)err_new(e, EINVAL, "there is no command to run: the image names none");
        return err_hint(e, "rbox run IMAGE COMMAND");
    }
    return r;
}

/* ---- environment */

/* Take every variable of the host whose name is @pattern, or begins with it up to a '*'. */
static void copy_host(const struct spec_request *q, const char *pattern, struct strv *env)
{
    size_t len = strcspn(pattern, "*");

    for (const char *const *v = q->host_env; v != NULL && *v != NULL; v++) {
        size_t name_len = strcspn(*v, "=");
        int match = strncmp(*v, pattern, len) == 0 &&
                    (pattern[len] == '*' ? name_len >= len : name_len == len);

        if (match && (*v)[name_len] == '=') {
            autofree char *name = xstrndup(*v, name_len);

            spec_env_set(env, name, *v + name_len + 1);
        }
    }
}

static void add_variable(const struct spec_request *q, const char *text, struct strv *env)
{
    const char *equals = strchr(text, '=');

    if (equals == NULL) {
        copy_host(q, text, env);
    } else {
        autofree char *name = xstrndup(text, (size_t)(equals - text));

        spec_env_set(env, name, equals + 1);
    }
}

static void add_variables(const struct spec_request *q, const struct strv *list, struct strv *env)
{
    for (size_t i = 0; i < list->len; i++) {
        add_variable(q, list->v[i], env);
    }
}

static void unset(struct strv *env, const char *name)
{
    for (size_t i = env->len; i > 0; i--) {
        const char *rest = str_after(env->v[i - 1], name);

        if (rest != NULL && *rest == '=') {
            strv_remove(env, i - 1);
        }
    }
}

static const char DEFAULT_PATH[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
static const char *const PROXIES[] = {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
                                      "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY"};

/* What comes later wins:
 *
 *     rbox's own   PATH, container, HOSTNAME, TERM with -t
 *     the image's  Env
 *     --http-proxy the host's proxy variables
 *     --unsetenv   takes away from the above, --unsetenv-all all of it
 *     --env-host   the whole host environment
 *     --env-file
 *     -e
 *
 * HOME is added by the core when it is not among them: it depends on the user, who is looked up
 * inside the root. */
static void merge_env(struct spec_request *q, const struct image_config *image)
{
    struct strv *env = &q->spec.process.env;

    spec_env_set(env, "PATH", DEFAULT_PATH);
    spec_env_set(env, "container", "rbox");
    if (q->spec.hostname != NULL) {
        spec_env_set(env, "HOSTNAME", q->spec.hostname);
    }
    if (q->spec.process.terminal) {
        spec_env_set(env, "TERM", "xterm");
    }
    for (size_t i = 0; i < image->env.len; i++) {
        if (strchr(image->env.v[i], '=') != NULL) { /* an image's bare name is nothing to copy */
            add_variable(q, image->env.v[i], env);
        }
    }
    for (size_t i = 0; q->http_proxy && i < sizeof(PROXIES) / sizeof(PROXIES[0]); i++) {
        copy_host(q, PROXIES[i], env);
    }
    if (q->unset_env_all) {
        strv_done(env);
    }
    for (size_t i = 0; i < q->unset_env.len; i++) {
        unset(env, q->unset_env.v[i]);
    }
    if (q->env_host) {
        copy_host(q, "*", env);
    }
    add_variables(q, &q->env_file, env);
    add_variables(q, &q->env, env);
}

int spec_parse_lines(const char *text, const char *what, struct strv *ret, struct err *e)
{
    autostrv struct strv lines = {0};

    strv_split(&lines, text, '\n');
    for (size_t i = 0; i < lines.len; i++) {
        char *line = lines.v[i];
        size_t len = strlen(line);

        while (isspace((unsigned char)*line)) {
            line++;
            len--;
        }
        if (len > 0 && line[len - 1] == '\r') {
            line[--len] = '\0';
        }
        if (*line == '\0' || *line == '#') {
            continue;
        }
        if (*line == '=' || strcspn(line, " \t") < strcspn(line, "=")) {
            return err_new(e, EINVAL, "line %zu of '%s' is not NAME=VALUE", i + 1, what);
        }
        strv_push(ret, line);
    }
    return 0;
}

/* ---- capabilities */

static int caps_of(const struct strv *names, uint64_t *ret_mask, int *ret_all, struct err *e)
{
    *ret_mask = 0;
    *ret_all = 0;
    for (size_t i = 0; i < names->len; i++) {
        autostrv struct strv words = {0};

        strv_split(&words, names->v[i], ',');
        for (size_t j = 0; j < words.len; j++) {
            uint64_t mask = 0;

            if (caps_parse(words.v[j], &mask, e) < 0) {
                return -e->errnum;
            }
            *ret_mask |= mask;
            *ret_all |= (mask & (mask - 1)) != 0;
        }
    }
    return 0;
}

/* ALL is the start, a name the exception: "--cap-drop ALL --cap-add KILL" leaves KILL, "--cap-add
 * ALL --cap-drop KILL" all others. A user other than root has those that were added, and no
 * default. */
static int merge_caps(struct spec_request *q, struct err *e)
{
    struct spec_caps *c = &q->spec.process.capabilities;
    uint64_t add = 0;
    uint64_t drop = 0;
    uint64_t all = 0;
    int add_all = 0;
    int drop_all = 0;
    uint64_t set = c->bounding;

    if (caps_of(&q->cap_add, &add, &add_all, e) < 0) {
        return err_wrap(e, "--cap-add");
    }
    if (caps_of(&q->cap_drop, &drop, &drop_all, e) < 0) {
        return err_wrap(e, "--cap-drop");
    }
    if (add_all && drop_all) {
        return err_new(e, EINVAL, "--cap-add ALL and --cap-drop ALL contradict each other");
    }
    if (!add_all && !drop_all && (add & drop) != 0) {
        return err_new(e, EINVAL, "--cap-add and --cap-drop name the same capability");
    }
    (void)caps_parse("ALL", &all, e);
    if (add_all || q->spec.box.privileged) {
        set = all & ~drop;
    } else if (drop_all) {
        set = add;
    } else {
        set = (set | add) & ~drop;
    }
    c->bounding = set;
    c->effective = set;
    c->permitted = set;
    c->ambient = add & set;
    return 0;
}

/* ---- the rest */

static void merge_privileges(struct spec *s)
{
    /* Nested: the kernel gives a new proc or sysfs only to whoever sees all of one already. */
    if (s->box.privileged || s->box.nested) {
        strv_done(&s->linux_.masked_paths);
        strv_done(&s->linux_.readonly_paths);
    }
    if (s->linux_.seccomp.mode == SPEC_SECCOMP_DEFAULT) {
        if (s->box.privileged) {
            s->linux_.seccomp.mode = SPEC_SECCOMP_UNCONFINED;
        } else if (s->box.nested) {
            s->linux_.seccomp.mode = SPEC_SECCOMP_NESTED;
        }
    }
}

static int merge_user(struct spec_request *q, const struct image_config *image, struct err *e)
{
    const struct spec_userns *u = &q->spec.linux_.userns;
    const char *image_user = image->user != NULL && image->user[0] != '\0' ? image->user : NULL;

    if (q->user != NULL) {
        q->spec.process.user = xstrdup(q->user);
    } else if (u->mode == SPEC_USERNS_KEEP_ID) { /* the point of keep-id is to be oneself */
        q->spec.process.user =
            xasprintf("%u:%u", u->keep_uid >= 0 ? (uid_t)u->keep_uid : q->caller_uid,
                      u->keep_gid >= 0 ? (gid_t)u->keep_gid : q->caller_gid);
    } else if (image_user != NULL && spec_parse_user(image_user, &q->spec.process.user, e) < 0) {
        return err_wrap(e, "the image's user");
    }
    return 0;
}

static int merge_cwd(struct spec_request *q, const struct image_config *image)
{
    const char *cwd = q->workdir != NULL ? q->workdir : image->working_dir;
    autofree char *absolute = xasprintf("/%s", cwd != NULL ? cwd : "");

    q->spec.process.cwd = spec_clean_path(absolute);
    return 0;
}

static int merge_stop_signal(struct spec_request *q, const struct image_config *image,
                             struct err *e)
{
    if (q->stop_signal != 0) {
        q->spec.box.stop_signal = q->stop_signal;
    } else if (image->stop_signal != NULL && image->stop_signal[0] != '\0' &&
               spec_parse_signal(image->stop_signal, &q->spec.box.stop_signal, e) < 0) {
        return err_wrap(e, "the image's stop signal");
    }
    return 0;
}

static int merge_health(struct spec_request *q, const struct image_config *image, struct err *e)
{
    static const struct spec_health NOTHING = {0};
    struct spec_health *h = &q->spec.box.health;
    int is_given = h->test.len > 0;

    if (q->no_healthcheck && is_given) {
        return err_new(e, EINVAL, "--health-cmd and --no-healthcheck contradict each other");
    }
    if (q->no_healthcheck) {
        spec_health_switch_off(h);
    }
    spec_health_complete(h, is_given ? &NOTHING : &image->health);
    if (!spec_health_is_on(h) && h->on_failure != SPEC_HEALTH_NONE) {
        return err_new(e, EINVAL, "--health-on-failure needs a health check: --health-cmd");
    }
    if (!spec_health_is_on(h) && q->spec.box.sdnotify == SPEC_SDNOTIFY_HEALTHY) {
        return err_new(e, EINVAL, "--sdnotify healthy needs a health check: --health-cmd");
    }
    return 0;
}

/* An image's VOLUME is what --image-volume says, unless an option put something there. */
static int merge_volumes(struct spec_request *q, const struct image_config *image, struct err *e)
{
    struct spec *s = &q->spec;
    size_t count = q->image_volumes == SPEC_IMAGE_VOLUMES_IGNORE ? 0 : image->volumes.len;

    for (size_t i = 0; i < count; i++) {
        autofree char *place = spec_clean_path(image->volumes.v[i]);
        struct spec_mount *m = NULL;

        if (place == NULL || strcmp(place, "/") == 0) {
            return err_new(e, EINVAL, "the image has a volume at '%s', which is no place for one",
                           image->volumes.v[i]);
        }
        if (spec_find_mount(s, place) != NULL) {
            continue;
        }
        if (q->image_volumes == SPEC_IMAGE_VOLUMES_TMPFS) {
            if (spec_parse_tmpfs(place, s, e) < 0) {
                return -e->errnum;
            }
            continue;
        }
        m = spec_add_mount(s);
        m->destination = steal_ptr(&place);
        m->type = xstrdup("volume");
        m->source = xstrdup("");
        m->from_image = 1;
    }
    return 0;
}

static void merge_labels(struct spec_request *q, const struct image_config *image)
{
    struct strv *labels = &q->spec.box.labels;

    add_variables(q, &image->labels, labels);
    for (size_t i = 0; i < q->labels.len; i++) {
        const char *label = q->labels.v[i];
        autofree char *name = xstrndup(label, strcspn(label, "="));

        spec_env_set(labels, name, label[strlen(name)] == '=' ? label + strlen(name) + 1 : "");
    }
    for (size_t i = 0; i < image->exposed_ports.len; i++) {
        if (!strv_has(&q->spec.box.network.exposed, image->exposed_ports.v[i])) {
            strv_push(&q->spec.box.network.exposed, image->exposed_ports.v[i]);
        }
    }
}

static void name_volumes(struct spec *s)
{
    size_t number = 0;

    for (size_t i = 0; i < s->mount_count; i++) {
        struct spec_mount *m = &s->mounts[i];

        if (str_eq(m->type, "volume") && m->volume_name == NULL) {
            m->volume_name = spec_volume_name(s->box.id, number++);
            m->is_anonymous = 1;
        }
    }
}

static int merge_names(struct spec *s, struct err *e)
{
    int r = s->box.id == NULL ? spec_make_id(&s->box.id, e) : 0;

    if (r == 0 && s->box.name == NULL) {
        s->box.name = spec_make_name(s->box.id);
    }
    if (r == 0 && s->hostname == NULL &&
        s->linux_.namespaces[SPEC_NS_UTS].mode == SPEC_NS_PRIVATE) {
        s->hostname = xstrndup(s->box.id, SPEC_SHORT_ID);
    }
    return r;
}

static int merge_cpus(struct spec_request *q, struct err *e)
{
    struct spec_resources *r = &q->spec.linux_.resources;

    if (q->cpus_quota_us == 0) {
        return 0;
    }
    if (r->cpu_quota_us != -1 || r->cpu_period_us != -1) {
        return err_new(e, EINVAL, "--cpus contradicts --cpu-quota and --cpu-period");
    }
    r->cpu_quota_us = q->cpus_quota_us;
    r->cpu_period_us = 100000;
    return 0;
}

static int merge_resources(struct spec_request *q, struct err *e)
{
    spec_unset_zeros(&q->spec.linux_.resources);
    return merge_cpus(q, e);
}

/* One map given is meant for both kinds of ids. */
static void merge_maps(struct spec_userns *u)
{
    if (u->uidmap.len > 0 && u->gidmap.len == 0) {
        strv_append(&u->gidmap, &u->uidmap);
    } else if (u->gidmap.len > 0 && u->uidmap.len == 0) {
        strv_append(&u->uidmap, &u->gidmap);
    }
}

int spec_merge(struct spec_request *q, const struct image_config *image, int argc,
               char *const *argv, struct err *e)
{
    static const struct image_config NONE = {0};
    struct spec *s = &q->spec;
    int r = spec_join_settle(s, e);

    r = r < 0 ? r : spec_check(s, e);
    image = image != NULL ? image : &NONE;
    r = r < 0 ? r : merge_command(q, image, argc, argv, e);
    r = r < 0 ? r : merge_names(s, e);
    r = r < 0 ? r : merge_caps(q, e);
    r = r < 0 ? r : merge_user(q, image, e);
    r = r < 0 ? r : merge_cwd(q, image);
    r = r < 0 ? r : merge_stop_signal(q, image, e);
    r = r < 0 ? r : merge_health(q, image, e);
    r = r < 0 ? r : merge_volumes(q, image, e);
    r = r < 0 ? r : merge_resources(q, e);
    if (r < 0) {
        return r;
    }
    name_volumes(s);
    merge_privileges(s);
    merge_env(q, image); /* after the names: HOSTNAME */
    spec_systemd_merge(s, q->systemd, q->stop_signal != 0 || image->stop_signal != NULL);
    merge_labels(q, image);
    merge_maps(&s->linux_.userns);
    return 0;
}
