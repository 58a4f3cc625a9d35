/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"
#include "sys/bpf.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct sock_filter code[64];
    struct seccomp_data call;
    size_t count = 0;
    uint32_t action = 0;

    if (len < sizeof(call)) {
        return 0;
    }
    memcpy(&call, data, sizeof(call));
    count = (len - sizeof(call)) / sizeof(code[0]);
    count = count < 64 ? count : 64;
    memcpy(code, data + sizeof(call), count * sizeof(code[0]));
    (void)bpf_run(code, count, &call, &action);
    return 0;
}
