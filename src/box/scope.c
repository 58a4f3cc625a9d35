/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/scope.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hints.h"
#include "base/log.h"
#include "base/mem.h"

#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>

enum {
    ANSWER_TIMEOUT_MS = 20000, /* a manager under load is slow; one that is dead has no socket */
};

/* ---- libsystemd, loaded when needed */

#define SDBUS_FUNCTIONS(X)            \
    X(sd_bus_new)                     \
    X(sd_bus_set_address)             \
    X(sd_bus_set_bus_client)          \
    X(sd_bus_set_method_call_timeout) \
    X(sd_bus_start)                   \
    X(sd_bus_match_signal_async)      \
    X(sd_bus_message_new_method_call) \
    X(sd_bus_message_append)          \
    X(sd_bus_message_read)            \
    X(sd_bus_message_unref)           \
    X(sd_bus_call)                    \
    X(sd_bus_wait)                    \
    X(sd_bus_process)                 \
    X(sd_bus_error_free)              \
    X(sd_bus_flush_close_unref)

struct sdbus {
#define SDBUS_MEMBER(name) typeof(&name) name;
    SDBUS_FUNCTIONS(SDBUS_MEMBER)
};

/* Fill @lib. The library stays loaded: the launcher is short-lived. */
static int sdbus_load(struct sdbus *lib, struct err *e)
{
    void *handle = dlopen("libsystemd.so.0", RTLD_LAZY | RTLD_LOCAL);

    if (handle == NULL) {
        return err_new(e, ENOENT, "cannot load libsystemd: %s", dlerror());
    }
#define SDBUS_LOOKUP(name)                                                      \
    if ((lib->name = (typeof(&name))(uintptr_t)dlsym(handle, #name)) == NULL) { \
        return err_new(e, ENOENT, "libsystemd has no %s", #name);               \
    }
    SDBUS_FUNCTIONS(SDBUS_LOOKUP)
    return 0;
}

/* ---- the bus */

/* An open connection and what is being waited for on it. */
struct manager {
    struct sdbus lib;
    sd_bus *bus;
    const char *sender; /* of its messages; NULL on its private socket */
    const char *job;    /* object path of our job, borrowed from the reply */
    char result[32];    /* how it ended: "done"; empty while it runs */
};

static void manager_close(struct manager *m)
{
    if (m->bus != NULL) {
        m->lib.sd_bus_flush_close_unref(m->bus);
        m->bus = NULL;
    }
}
#define automanager __attribute__((cleanup(manager_close)))

/* su and sudo leave another user's folder in the environment. */
static int is_own_folder(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

/* The manager's own socket, where no bus stands between: what is left on a system without
 * dbus-user-session. No name is claimed there, and messages have no sender. */
#define PRIVATE_SOCKET "/systemd/private"

/* Addresses at which the caller's manager may be, best first. */
static void manager_addresses(struct strv *ret)
{
    const char *address = getenv("DBUS_SESSION_BUS_ADDRESS");
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    if (geteuid() == 0) {
        strv_push(ret, "unix:path=/run/dbus/system_bus_socket");
        strv_push(ret, "unix:path=/run" PRIVATE_SOCKET);
        return;
    }
    if (address != NULL && address[0] != '\0') {
        strv_push(ret, address);
    }
    if (runtime != NULL && is_own_folder(runtime)) {
        strv_pushf(ret, "unix:path=%s/bus", runtime);
    }
    strv_pushf(ret, "unix:path=/run/user/%u/bus", (unsigned int)geteuid());
    strv_pushf(ret, "unix:path=/run/user/%u" PRIVATE_SOCKET, (unsigned int)geteuid());
}

static int manager_connect(struct manager *m, const char *address, struct err *e)
{
    int r = 0;

    manager_close(m);
    m->sender = str_ends(address, PRIVATE_SOCKET) ? NULL : "org.freedesktop.systemd1";
    if ((r = m->lib.sd_bus_new(&m->bus)) < 0 ||
        (r = m->lib.sd_bus_set_address(m->bus, address)) < 0 ||
        (r = m->lib.sd_bus_set_bus_client(m->bus, m->sender != NULL)) < 0 ||
        (r = m->lib.sd_bus_set_method_call_timeout(m->bus, ANSWER_TIMEOUT_MS * 1000ULL)) < 0 ||
        (r = m->lib.sd_bus_start(m->bus)) < 0) {
        return err_set(e, -r, "cannot reach '%s'", address);
    }
    return 0;
}

static int on_job_removed(sd_bus_message *msg, void *arg, sd_bus_error *unused)
{
    struct manager *m = arg;
    const char *job = NULL;
    const char *result = NULL;

    (void)unused;
    if (m->lib.sd_bus_message_read(msg, "uoss", NULL, &job, NULL, &result) >= 0 &&
        str_eq(job, m->job)) {
        (void)snprintf(m->result, sizeof(m->result), "%s", result);
    }
    return 0;
}

/* Process what arrives until our job has ended. */
static int manager_await_job(struct manager *m, const char *unit, struct err *e)
{
    int64_t end_ms = clock_monotonic_ms() + ANSWER_TIMEOUT_MS;

    while (m->result[0] == '\0') {
        int64_t left_ms = end_ms - clock_monotonic_ms();
        int r = m->lib.sd_bus_process(m->bus, NULL);

        if (r == 0) {
            r = m->lib.sd_bus_wait(m->bus, left_ms > 0 ? (uint64_t)left_ms * 1000 : 0);
        }
        if (r < 0) {
            return err_set(e, -r, "cannot await the start of '%s'", unit);
        }
        if (left_ms <= 0) {
            return err_set(e, ETIMEDOUT, "cannot await the start of '%s'", unit);
        }
    }
    return str_eq(m->result, "done")
               ? 0
               : err_new(e, EIO, "systemd did not start '%s': %s", unit, m->result);
}

/* Is that the error of a bus that knows no manager? Where one is to be started by the bus, that
 * fails by design: systemd is never started so. */
static int is_absent(const char *error)
{
    return str_eq(error, "org.freedesktop.DBus.Error.ServiceUnknown") ||
           str_eq(error, "org.freedesktop.DBus.Error.NameHasNoOwner") ||
           (error != NULL && str_after(error, "org.freedesktop.DBus.Error.Spawn.") != NULL);
}

/* Send @msg; what the manager says against it becomes the error. The caller owns *ret_reply. */
static int manager_call(struct manager *m, sd_bus_message *msg, sd_bus_message **ret_reply,
                        struct err *e)
{
    sd_bus_error said = SD_BUS_ERROR_NULL;
    int r = m->lib.sd_bus_call(m->bus, msg, 0, &said, ret_reply);

    if (r < 0) {
        (void)err_new(e, is_absent(said.name) ? ENOENT : -r, "systemd refused: %s",
                      said.message != NULL ? said.message : strerror(-r));
        m->lib.sd_bus_error_free(&said);
        return -e->errnum;
    }
    return 0;
}

static int manager_new_call(struct manager *m, const char *method, sd_bus_message **ret)
{
    return m->lib.sd_bus_message_new_method_call(m->bus, ret, "org.freedesktop.systemd1",
                                                 "/org/freedesktop/systemd1",
                                                 "org.freedesktop.systemd1.Manager", method);
}

/* ---- what is asked of it */

typedef int manager_request(struct manager *m, const void *arg, struct err *e);

/* Make @request at the first address where a manager answers. */
static int manager_ask(manager_request *request, const void *arg, struct err *e)
{
    automanager struct manager m = {0};
    autostrv struct strv addresses = {0};
    char uid[16];
    int r = sdbus_load(&m.lib, e);

    if (r < 0) {
        return r;
    }
    manager_addresses(&addresses);
    for (size_t i = 0; i < addresses.len; i++) {
        if (manager_connect(&m, addresses.v[i], e) < 0) {
            debug("%s", e->msg);
            continue;
        }
        r = request(&m, arg, e);
        if (r != -ENOENT) {
            return r;
        }
        debug("%s: %s", addresses.v[i], e->msg);
    }
    (void)snprintf(uid, sizeof(uid), "%u", (unsigned int)geteuid());
    (void)err_new(e, ENOENT, "no systemd user manager answers for uid %s", uid);
    return err_hint_id(e, HINT_NO_BUS, uid, NULL);
}

/* Properties: Delegate hands the folder over. CollectMode lets a scope that failed go away. The
 * rest has no effect but to make the manager enable each controller that it was itself given: a
 * limit of the container's stands on box/ alone, so the scope's may not be tighter. */
static int scope_append(const struct manager *m, sd_bus_message *msg, const struct scope_request *q)
{
    return m->lib.sd_bus_message_append(                                //
        msg, "ssa(sv)a(sa(sv))", q->unit, "fail", /* properties= */ 10, //
        "Description", "s", q->description,                             //
        "Slice", "s", q->slice,                                         //
        "PIDs", "au", 1, (uint32_t)q->pid,                              //
        "Delegate", "b", 1,                                             //
        "CollectMode", "s", "inactive-or-failed",                       //
        "MemoryAccounting", "b", 1,                                     //
        "TasksMax", "t", UINT64_MAX,                                    //
        "CPUWeight", "t", (uint64_t)100,                                //
        "CPUAccounting", "b", 1,                                        //
        "IOAccounting", "b", 1,                                         //
        /* auxiliary units= */ 0);
}

static int request_start(struct manager *m, const void *arg, struct err *e)
{
    const struct scope_request *q = arg;
    sd_bus_message *msg = NULL;
    sd_bus_message *reply = NULL;
    int r = m->lib.sd_bus_match_signal_async(m->bus, NULL, m->sender, "/org/freedesktop/systemd1",
                                             "org.freedesktop.systemd1.Manager", "JobRemoved",
                                             on_job_removed, NULL, m);

    if (r >= 0 && (r = manager_new_call(m, "StartTransientUnit", &msg)) >= 0) {
        r = scope_append(m, msg, q);
    }
    if (r < 0) {
        (void)err_set(e, -r, "cannot ask systemd for '%s'", q->unit);
    } else if ((r = manager_call(m, msg, &reply, e)) == 0) {
        (void)m->lib.sd_bus_message_read(reply, "o", &m->job);
        r = manager_await_job(m, q->unit, e);
    }
    m->lib.sd_bus_message_unref(reply);
    m->lib.sd_bus_message_unref(msg);
    return r;
}

const char *scope_slice(void)
{
    return geteuid() == 0 ? "machine.slice" : "app.slice";
}

int scope_start(const struct scope_request *q, struct err *e)
{
    return manager_ask(request_start, q, e);
}

/* A call whose empty reply is all there is to it. @r is how its composing went. */
static int finish_call(struct manager *m, sd_bus_message *msg, int r, struct err *e)
{
    r = r < 0 ? err_set(e, -r, "cannot compose a message to systemd")
              : manager_call(m, msg, NULL, e);
    m->lib.sd_bus_message_unref(msg);
    return r;
}

struct set_request {
    const char *unit;
    const char *property;
    uint64_t value;
};

static int request_set(struct manager *m, const void *arg, struct err *e)
{
    const struct set_request *q = arg;
    sd_bus_message *msg = NULL;
    int r = manager_new_call(m, "SetUnitProperties", &msg);

    if (r >= 0) {
        r = m->lib.sd_bus_message_append(msg, "sba(sv)", q->unit, /* runtime= */ 1, 1, q->property,
                                         "t", q->value);
    }
    return finish_call(m, msg, r, e);
}

int scope_set(const char *unit, const char *property, uint64_t value, struct err *e)
{
    return manager_ask(request_set, &(struct set_request){unit, property, value}, e);
}

struct attach_request {
    const char *unit;
    const char *subgroup;
    pid_t pid;
};

static int request_attach(struct manager *m, const void *arg, struct err *e)
{
    const struct attach_request *q = arg;
    sd_bus_message *msg = NULL;
    int r = manager_new_call(m, "AttachProcessesToUnit", &msg);

    if (r >= 0) {
        r = m->lib.sd_bus_message_append(msg, "ssau", q->unit, q->subgroup, 1, (uint32_t)q->pid);
    }
    return finish_call(m, msg, r, e);
}

int scope_attach(const char *unit, const char *subgroup, pid_t pid, struct err *e)
{
    return manager_ask(request_attach, &(struct attach_request){unit, subgroup, pid}, e);
}
