/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/spec_systemd.h"

#include "base/cleanup.h"
#include "base/parse.h"
#include "spec/spec_parse.h"

#include <signal.h>
#include <string.h>

int spec_parse_systemd(const char *value, void *mode, struct err *e)
{
    static const char *const MODES[] = {[SPEC_SYSTEMD_AUTO] = "true",
                                        [SPEC_SYSTEMD_NEVER] = "false",
                                        [SPEC_SYSTEMD_ALWAYS] = "always",
                                        NULL};
    int found = 0;
    int r = parse_word(value, MODES, &found, e);

    if (r == 0) {
        *(enum spec_systemd *)mode = (enum spec_systemd)found;
    }
    return r;
}

static int is_systemd(const char *command)
{
    static const char *const INITS[] = {"/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init"};
    const char *slash = strrchr(command, '/');

    for (size_t i = 0; i < sizeof(INITS) / sizeof(INITS[0]); i++) {
        if (strcmp(command, INITS[i]) == 0) {
            return 1;
        }
    }
    return strcmp(slash != NULL ? slash + 1 : command, "systemd") == 0;
}

static void add_tmpfs(struct spec *s, const char *place, const char *mode)
{
    struct spec_mount *m = NULL;

    if (spec_find_mount(s, place) != NULL) {
        return;
    }
    m = spec_add_mount(s);
    m->destination = xstrdup(place);
    m->type = xstrdup("tmpfs");
    m->source = xstrdup("tmpfs");
    strv_push(&m->options, "exec");
    strv_push(&m->options, mode);
}

void spec_systemd_merge(struct spec *s, enum spec_systemd mode, int has_stop_signal)
{
    autofree char *uuid = NULL;

    if (mode == SPEC_SYSTEMD_NEVER || s->box.init ||
        (mode == SPEC_SYSTEMD_AUTO && !is_systemd(s->process.args.v[0]))) {
        return;
    }
    s->box.systemd = 1;
    uuid = xstrndup(s->box.id, 32);
    spec_env_set(&s->process.env, "container_uuid", uuid);
    add_tmpfs(s, "/run", "mode=755");
    add_tmpfs(s, "/run/lock", "mode=1777");
    add_tmpfs(s, "/tmp", "mode=1777");
    add_tmpfs(s, "/var/log/journal", "mode=755");
    if (!has_stop_signal) {
        s->box.stop_signal = SIGRTMIN + 3;
    }
    if (s->box.cgroups == NULL) {
        s->box.cgroups = xstrdup("enabled");
    }
}
