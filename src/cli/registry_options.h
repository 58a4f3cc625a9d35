/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options that every command which speaks with a registry has. */
#ifndef RBOX_CLI_REGISTRY_OPTIONS_H
#define RBOX_CLI_REGISTRY_OPTIONS_H

#include "cli/opts.h"
#include "image/pull.h"

struct registry_options {
    char *authfile;
    char *creds;
    char *cert_dir;
    int tls_verify; /* as fetch_options */
    char *platform; /* OS/ARCH[/VARIANT] */
    char *os;
    char *architecture;
    char *variant;
    int quiet;
    int json; /* events as JSON on stdout */
};

opt_parser registry_parse_tls;

/* Rows for a struct @type that has one as its field @field. */
#define REGISTRY_ACCESS_ROWS(type, field)                                           \
    {"authfile",                                                                    \
     0,                                                                             \
     "FILE",                                                                        \
     OPT_STRING,                                                                    \
     offsetof(type, field.authfile),                                                \
     "credentials, as rbox login keeps them",                                       \
     NULL},                                                                         \
        {"creds",                                                                   \
         0,                                                                         \
         "USER:PASSWORD",                                                           \
         OPT_STRING,                                                                \
         offsetof(type, field.creds),                                               \
         "for the registry, this time only",                                        \
         NULL},                                                                     \
        {"cert-dir",                                                                \
         0,                                                                         \
         "FOLDER",                                                                  \
         OPT_STRING,                                                                \
         offsetof(type, field.cert_dir),                                            \
         "with *.crt to trust, and a client's *.cert and *.key",                    \
         NULL},                                                                     \
    {                                                                               \
        "tls-verify", 0, "true|false", OPT_PARSE, offsetof(type, field.tls_verify), \
            "false: any certificate, and plain http, will do", registry_parse_tls   \
    }

#define REGISTRY_PLATFORM_ROWS(type, field)                                                       \
    {"platform",                                                                                  \
     0,                                                                                           \
     "OS/ARCH[/VARIANT]",                                                                         \
     OPT_STRING,                                                                                  \
     offsetof(type, field.platform),                                                              \
     "for another kind of machine (default: this one's)",                                         \
     NULL},                                                                                       \
        {"os", 0, "OS", OPT_STRING, offsetof(type, field.os), "the platform's first part", NULL}, \
        {"arch",                                                                                  \
         0,                                                                                       \
         "ARCH",                                                                                  \
         OPT_STRING,                                                                              \
         offsetof(type, field.architecture),                                                      \
         "the platform's second part",                                                            \
         NULL},                                                                                   \
    {                                                                                             \
        "variant", 0, "VARIANT", OPT_STRING, offsetof(type, field.variant),                       \
            "the platform's third part", NULL                                                     \
    }

/* What prints how transfers go, to stderr: bars on a terminal, else lines. Zero-initialise. */
struct progress {
    int is_terminal;
    int is_json; /* to stdout instead */
    struct progress_row *rows;
    size_t count;
    size_t drawn; /* lines on the terminal */
    int64_t last_ms;
    struct transfer_progress transfer;
};

/* From the options to what image_pull() wants; splits o->platform. *ret borrows from @o and @p. */
int registry_options_read(struct registry_options *o, struct progress *p, struct pull_options *ret,
                          struct err *e);

/* The last state of the bars stays. */
void progress_done(struct progress *p);

#endif
