/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a process of a container asks the listener of --explain: the call, and the memory that its
 * arguments point to. */
#include "box/explain.h"
#include "fuzz.h"

#include <string.h>
#include <unistd.h>

static void ignore(void *arg, const char *text)
{
    (void)arg;
    (void)text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct spec spec;
    static struct seccomp_filter filter;
    struct seccomp_notif n = {.pid = (uint32_t)getpid()};
    struct explain *x = NULL;
    uint8_t memory[8192] = {0};

    if (!spec.box.explain) {
        spec_init(&spec);
        spec.box.explain = 1;
        spec.root_readonly = 1;
        spec.process.capabilities.bounding = 0;
    }
    if (len < sizeof(n.data)) {
        return 0;
    }
    memcpy(&n.data, data, sizeof(n.data));
    data += sizeof(n.data);
    len -= sizeof(n.data);
    memcpy(memory, data, len < sizeof(memory) ? len : sizeof(memory));
    n.data.nr %= 512;
    for (size_t i = 0; i < 6; i++) { /* small arguments may point into the memory, near its end */
        if (n.data.args[i] > 0x1000 && n.data.args[i] < 0x1000 + 8000) {
            n.data.args[i] += (uint64_t)(uintptr_t)memory - 0x1000;
        }
    }
    x = explain_new(&spec, &filter);
    explain_look(x, &spec, &n);
    explain_count_call(x, &spec, &n.data);
    explain_tell(x, ignore, NULL);
    explain_free(x);
    return 0;
}
