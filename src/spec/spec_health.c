/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/spec_health.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

enum {
    DEFAULT_INTERVAL_MS = 30 * 1000,
    DEFAULT_TIMEOUT_MS = 30 * 1000,
    DEFAULT_RETRIES = 3
};

static const int64_t NS_PER_MS = 1000000;
static const char *const ACTIONS[] = {"none", "kill", "restart", "stop", NULL};

int spec_health_is_on(const struct spec_health *h)
{
    return h->test.len > 1 && !str_eq(h->test.v[0], "NONE");
}

void spec_health_command(const struct spec_health *h, struct strv *ret)
{
    if (str_eq(h->test.v[0], "CMD-SHELL")) {
        strv_push(ret, "/bin/sh");
        strv_push(ret, "-c");
    }
    for (size_t i = 1; i < h->test.len; i++) {
        strv_push(ret, h->test.v[i]);
    }
}

static void take(int64_t *number, int64_t image, int64_t otherwise)
{
    if (*number == 0) {
        *number = image != 0 ? image : otherwise;
    }
}

void spec_health_complete(struct spec_health *h, const struct spec_health *image)
{
    if (h->test.len == 0) {
        strv_append(&h->test, &image->test);
    }
    if (!spec_health_is_on(h)) {
        return;
    }
    take(&h->interval_ms, image->interval_ms, DEFAULT_INTERVAL_MS);
    take(&h->timeout_ms, image->timeout_ms, DEFAULT_TIMEOUT_MS);
    take(&h->start_period_ms, image->start_period_ms, 0);
    take(&h->retries, image->retries, DEFAULT_RETRIES);
}

void spec_health_done(struct spec_health *h)
{
    strv_done(&h->test);
    memset(h, 0, sizeof(*h));
}

void spec_health_switch_off(struct spec_health *h)
{
    spec_health_done(h);
    strv_push(&h->test, "NONE");
}

/* ---- JSON */

static const struct {
    const char *key;
    size_t offset;
    int64_t unit;
} NUMBERS[] = {
    {"Interval", offsetof(struct spec_health, interval_ms), 1000000},
    {"Timeout", offsetof(struct spec_health, timeout_ms), 1000000},
    {"StartPeriod", offsetof(struct spec_health, start_period_ms), 1000000},
    {"Retries", offsetof(struct spec_health, retries), 1},
};

enum {
    NUMBER_COUNT = sizeof(NUMBERS) / sizeof(NUMBERS[0])
};

json_t *spec_health_write(const struct spec_health *h)
{
    json_t *o = NULL;

    if (h->test.len == 0) {
        return NULL;
    }
    o = json_pack("{s:o}", "Test", json_from_strv(&h->test));
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        int64_t n = 0;

        memcpy(&n, (const char *)h + NUMBERS[i].offset, sizeof(n));
        if (n != 0) {
            (void)json_object_set_new(o, NUMBERS[i].key, json_integer(n * NUMBERS[i].unit));
        }
    }
    if (h->on_failure != SPEC_HEALTH_NONE) {
        (void)json_object_set_new(o, "OnFailure", json_string(ACTIONS[h->on_failure]));
    }
    return o;
}

static int read_number(const json_t *o, size_t row, struct spec_health *h)
{
    const json_t *v = json_object_get(o, NUMBERS[row].key);
    json_int_t given = json_integer_value(v);
    int64_t n = given / NUMBERS[row].unit;

    if (v == NULL || json_is_null(v)) {
        return 0;
    }
    if (!json_is_integer(v) || given < -NS_PER_MS) {
        return -EINVAL;
    }
    n += n == 0 && given > 0; /* less than the unit is still not "not said" */
    memcpy((char *)h + NUMBERS[row].offset, &n, sizeof(n));
    return 0;
}

int spec_health_read(const json_t *o, struct spec_health *ret)
{
    const json_t *action = json_object_get(o, "OnFailure");
    int found = SPEC_HEALTH_NONE;
    struct err ignored = {0};
    int r = o == NULL || json_is_null(o) ? 0
            : json_is_object(o) ? json_get_strv(o, "Test", "Healthcheck", &ret->test, &ignored)
                                : -EINVAL;

    for (size_t i = 0; r == 0 && i < NUMBER_COUNT; i++) {
        r = read_number(o, i, ret);
    }
    if (r == 0 && action != NULL) {
        r = json_is_string(action)
                ? parse_word(json_string_value(action), ACTIONS, &found, &ignored)
                : -EINVAL;
        ret->on_failure = (enum spec_health_action)found;
    }
    return r < 0 ? -EINVAL : 0;
}

/* ---- options */

static int read_words(const char *value, struct strv *words, struct err *e)
{
    json_auto_t *list = NULL;
    size_t i = 0;
    json_t *word = NULL;
    int r = json_parse(value, strlen(value), "the list", &list, e);

    json_array_foreach(list, i, word)
    {
        if (!json_is_string(word)) {
            return err_new(e, EINVAL, "'%s' is not an array of strings", value);
        }
        strv_push(words, json_string_value(word));
    }
    return r == 0 && words->len == 0 ? err_new(e, EINVAL, "'%s' names no command", value) : r;
}

/* A line for a shell, a JSON array of words, "CMD words" as in a Dockerfile, or none. */
int spec_parse_health_cmd(const char *value, void *health, struct err *e)
{
    struct spec_health *h = health;
    autostrv struct strv words = {0};
    const char *rest = str_after(value, "CMD-SHELL ");
    int r = 0;

    strv_done(&h->test);
    if (strcasecmp(value, "none") == 0) {
        strv_push(&h->test, "NONE");
        return 0;
    }
    if (value[0] == '[') {
        r = read_words(value, &words, e);
    } else if (rest == NULL && (rest = str_after(value, "CMD ")) != NULL) {
        strv_split(&words, rest, ' ');
        rest = NULL;
    }
    if (r < 0) {
        return r;
    }
    if (words.len > 0) {
        int is_kind = str_eq(words.v[0], "CMD") || str_eq(words.v[0], "CMD-SHELL") ||
                      str_eq(words.v[0], "NONE");

        if (!is_kind) {
            strv_push(&h->test, "CMD");
        }
        strv_append(&h->test, &words);
        return 0;
    }
    rest = rest != NULL ? rest : value;
    if (rest[strspn(rest, " \t")] == '\0') {
        return err_new(e, EINVAL, "it names no command");
    }
    strv_push(&h->test, "CMD-SHELL");
    strv_push(&h->test, rest);
    return 0;
}

int spec_parse_health_time(const char *value, void *number, struct err *e)
{
    int64_t *ms = number;
    int r = parse_duration_ms(value, ms, e);

    return r == 0 && *ms == 0 ? err_new(e, EINVAL, "'%s' is no time at all", value) : r;
}

int spec_parse_health_interval(const char *value, void *number, struct err *e)
{
    if (strcmp(value, "disable") == 0) {
        *(int64_t *)number = SPEC_HEALTH_BY_HAND;
        return 0;
    }
    return spec_parse_health_time(value, number, e);
}

int spec_parse_health_retries(const char *value, void *number, struct err *e)
{
    return parse_int64(value, 1, INT32_MAX, number, e);
}

int spec_parse_health_on_failure(const char *value, void *action, struct err *e)
{
    int found = 0;
    int r = parse_word(value, ACTIONS, &found, e);

    if (r == 0) {
        *(enum spec_health_action *)action = (enum spec_health_action)found;
    }
    return r;
}
