/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NetworkSettings of `rbox inspect`; declared in container.h. */
#include "base/cleanup.h"
#include "base/json.h"
#include "box/network_config.h"
#include "cli/container.h"
#include "spec/spec_name.h"

#include <string.h>

/* What it got counts while it runs only. */
static json_t *live(const struct container *c, const char *text)
{
    return json_str(c->is_running && text != NULL ? text : "");
}

static json_int_t live_number(const struct container *c, int64_t n)
{
    return c->is_running ? (json_int_t)n : 0;
}

static json_t *aliases(const struct container *c, const struct spec_join *j)
{
    json_t *list = json_from_strv(&j->aliases);

    (void)json_array_append_new(list, json_sprintf("%.*s", SPEC_SHORT_ID, c->spec.box.id));
    return list;
}

static json_t *endpoint(const struct store *store, const struct container *c,
                        const struct spec_join *j)
{
    struct network_config config = {0};
    struct err ignored = {0};
    json_t *o = NULL;

    (void)network_config_find(store, j->network, &config, &ignored);
    o = json_pack("{s:o, s:o, s:I, s:o, s:o, s:I, s:o, s:o, s:o}", "Gateway", live(c, j->gateway),
                  "IPAddress", live(c, j->address), "IPPrefixLen", live_number(c, j->prefix),
                  "IPv6Gateway", live(c, j->gateway6), "GlobalIPv6Address", live(c, j->address6),
                  "GlobalIPv6PrefixLen", live_number(c, j->prefix6), "MacAddress",
                  live(c, j->used_mac), "NetworkID", json_str(config.id != NULL ? config.id : ""),
                  "Aliases", aliases(c, j));
    network_config_done(&config);
    return o;
}

json_t *container_networks(const struct store *store, const struct container *c)
{
    const struct spec_network *n = &c->spec.box.network;
    json_t *o = json_object();

    for (size_t i = 0; i < n->join_count; i++) {
        (void)json_object_set_new(o, n->joins[i].network, endpoint(store, c, &n->joins[i]));
    }
    return o;
}
