/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/registry_list.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "image/fetch.h"
#include "image/image_ref.h"
#include "image/registries.h"

#include <errno.h>
#include <string.h>

int registry_list(const struct store *store, const char *registry, const struct pull_options *po,
                  const char *path, json_t **ret, struct err *e)
{
    struct image_ref ref = {.registry = xstrdup(registry), .repository = xstrdup("")};
    struct registries conf = {0};
    struct fetch f = FETCH_CLOSED;
    json_t *answer = NULL;
    const char *text = NULL;
    int r = registries_read(&conf, e);

    r = r < 0 ? r : fetch_open(store, &conf, &ref, &po->fetch, &f, e);
    r = r < 0 ? r
              : fetch_ask(&f, json_pack("{s:s, s:s}", "op", "list", "path", path), NULL, NULL,
                          &answer, e);
    text = json_string_value(json_object_get(answer, "text"));
    r = r < 0 ? r : json_parse(text, strlen(text), "the registry's list", ret, e);
    json_decref(answer);
    fetch_close(&f);
    registries_done(&conf);
    image_ref_done(&ref);
    return r < 0 ? fetch_hint(&po->fetch, registry, e) : 0;
}

/* The full name that @name is looked for under first. */
static int full_name(const char *name, struct image_ref *ret, struct err *e)
{
    autostrv struct strv names = {0};
    struct registries conf = {0};
    struct image_ref ref = {0};
    const char *slash = strrchr(name, '/');
    int r = 0;

    if (strpbrk(slash != NULL ? slash : name, ":@") != NULL) {
        return err_new(e, EINVAL, "'%s' says which: all tags are those of a name without one",
                       name);
    }
    r = image_ref_parse(name, &ref, e);
    r = r < 0 ? r : registries_read(&conf, e);
    if (r == 0) {
        registries_names(&conf, &ref, &names);
        r = image_ref_parse(names.len > 0 ? names.v[0] : name, ret, e);
    }
    image_ref_done(&ref);
    registries_done(&conf);
    return r;
}

int registry_tags(const struct store *store, const char *name, const struct pull_options *po,
                  struct strv *ret, struct err *e)
{
    autofree char *path = NULL;
    json_auto_t *answer = NULL;
    struct image_ref ref = {0};
    const json_t *tag = NULL;
    size_t i = 0;
    int r = full_name(name, &ref, e);

    if (r == 0) {
        path = xasprintf("/v2/%s/tags/list?n=1000", ref.repository);
        r = registry_list(store, ref.registry, po, path, &answer, e);
    }
    json_array_foreach(json_object_get(answer, "tags"), i, tag)
    {
        if (json_is_string(tag)) {
            strv_pushf(ret, "%s/%s:%s", ref.registry, ref.repository, json_string_value(tag));
        }
    }
    if (r == 0 && ret->len == 0) {
        r = err_new(e, ENOENT, "%s/%s has no tags", ref.registry, ref.repository);
    }
    image_ref_done(&ref);
    return r;
}
