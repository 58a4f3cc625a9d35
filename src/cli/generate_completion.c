/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Completion scripts; declared in generate.h. What an operand is, its usage says: CONTAINER, IMAGE.
 */
#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/generate.h"

#include <errno.h>
#include <string.h>

/* Commands that print what an operand of @c can be, or NULL: files then. */
static const char *candidates(const struct cmd *c)
{
    static const char CONTAINERS[] = "rbox ps -a --format '{{.Names}}' 2>/dev/null";
    static const char IMAGES[] =
        "rbox images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null; rbox images --format "
        "'{{.Repository}}' 2>/dev/null | sed 's|^docker.io/||; s|^library/||'";
    static const char VOLUMES[] = "rbox volume ls -q 2>/dev/null";
    static const char NETWORKS[] = "rbox network ls -q 2>/dev/null";

    if (strstr(c->usage, "CONTAINER") != NULL) {
        return CONTAINERS;
    }
    if (strstr(c->usage, "IMAGE") != NULL) {
        return IMAGES;
    }
    if (c->group == CMD_NETWORKS) {
        return NETWORKS;
    }
    return c->group == CMD_VOLUMES && strstr(c->usage, "NAME") != NULL ? VOLUMES : NULL;
}

/* First words of all names, each once: the commands and families. */
static void first_words(struct strv *ret)
{
    const struct cmd *c = NULL;

    for (size_t i = 0; (c = cmd_at(i)) != NULL; i++) {
        for (size_t n = 0; n < CMD_NAMES_MAX && c->names[n] != NULL; n++) {
            autofree char *word = xstrndup(c->names[n], strcspn(c->names[n], " "));

            if (c->group != CMD_HIDDEN && !strv_has(ret, word)) {
                strv_push(ret, word);
            }
        }
    }
}

/* Second words of the family @word. */
static void second_words(const char *word, struct strv *ret)
{
    const struct cmd *c = NULL;

    for (size_t i = 0; (c = cmd_at(i)) != NULL; i++) {
        for (size_t n = 0; n < CMD_NAMES_MAX && c->names[n] != NULL; n++) {
            const char *rest = str_after(c->names[n], word);

            if (rest != NULL && *rest == ' ') {
                strv_push(ret, rest + 1);
            }
        }
    }
}

static void put_words(FILE *out, const struct strv *words)
{
    for (size_t i = 0; i < words->len; i++) {
        (void)fprintf(out, "%s%s", i > 0 ? " " : "", words->v[i]);
    }
}

/* "--name -n " for all rows, or only for those that take a value. */
static void put_options(FILE *out, const struct opt *rows, int with_value_only)
{
    const char *gap = "";

    for (const struct opt *o = rows; o != NULL && !opt_is_end(o); o++) {
        if (o->name == NULL || (with_value_only && o->type == OPT_FLAG)) {
            continue;
        }
        (void)fprintf(out, "%s--%s", gap, o->name);
        if (o->letter != 0) {
            (void)fprintf(out, " -%c", o->letter);
        }
        gap = " ";
    }
}

/* ---- bash, which zsh reads too */

static const char BASH_HEAD[] =
    "# rbox completion, made by `rbox __generate`\n"
    "_rbox() {\n"
    "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "  local first='' second='' words='' options='' valued='' candidates='' i\n"
    "  COMPREPLY=()\n"
    "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "    case ${COMP_WORDS[i]} in\n"
    "      -*) ;;\n"
    "      *)\n"
    "        if [ -z \"$first\" ]; then\n"
    "          first=${COMP_WORDS[i]}\n"
    "        elif [ -z \"$second\" ]; then\n"
    "          second=${COMP_WORDS[i]}\n"
    "        fi\n"
    "        ;;\n"
    "    esac\n"
    "  done\n"
    "  case \"$first $second\" in\n";

static const char BASH_TAIL[] = "  esac\n"
                                "  case \" $valued \" in\n"
                                "    *\" $prev \"*)\n"
                                "      compopt -o default 2>/dev/null\n"
                                "      return\n"
                                "      ;;\n"
                                "  esac\n"
                                "  if [ -n \"$candidates\" ]; then\n"
                                "    words=\"$words $(eval \"$candidates\")\"\n"
                                "  fi\n"
                                "  case $cur in\n"
                                "    -*) words=$options ;;\n"
                                "  esac\n"
                                "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                                "  if [ -z \"$words\" ]; then\n"
                                "    compopt -o default 2>/dev/null\n"
                                "  fi\n"
                                "}\n"
                                "complete -F _rbox rbox\n";

/* One branch of the case: what can follow @name. @c is NULL for a family that is no command itself.
 */
static void put_branch(FILE *out, const char *name, const struct cmd *c)
{
    autostrv struct strv words = {0};
    const char *list = c != NULL ? candidates(c) : NULL;
    int is_one_word = strchr(name, ' ') == NULL;

    second_words(name, &words);
    (void)fprintf(out, "    '%s%s)\n      options='--help ", name, is_one_word ? " '*" : "'");
    put_options(out, c != NULL ? c->options : NULL, 0);
    (void)fputs("'\n      valued='", out);
    put_options(out, c != NULL ? c->options : NULL, 1);
    (void)fputs("'\n", out);
    if (words.len > 0) {
        (void)fputs("      [ -n \"$second\" ] || words='", out);
        put_words(out, &words);
        (void)fputs("'\n", out);
    }
    if (list != NULL) {
        (void)fprintf(out, "      candidates=\"%s\"\n", list);
    }
    (void)fputs("      ;;\n", out);
}

/* "image rm" is matched whole, and so must come before "image": the first branch counts. */
static void put_two_word_branches(FILE *out)
{
    const struct cmd *c = NULL;

    for (size_t i = 0; (c = cmd_at(i)) != NULL; i++) {
        for (size_t n = 0; n < CMD_NAMES_MAX && c->names[n] != NULL; n++) {
            if (strchr(c->names[n], ' ') != NULL) {
                put_branch(out, c->names[n], c);
            }
        }
    }
}

/* The command whose name is exactly @word, or NULL. */
static const struct cmd *command_of(const char *word)
{
    const struct cmd *c = NULL;

    for (size_t i = 0; (c = cmd_at(i)) != NULL; i++) {
        for (size_t n = 0; n < CMD_NAMES_MAX && c->names[n] != NULL; n++) {
            if (strcmp(c->names[n], word) == 0) {
                return c;
            }
        }
    }
    return NULL;
}

static void put_bash(FILE *out)
{
    autostrv struct strv words = {0};

    first_words(&words);
    (void)fputs(BASH_HEAD, out);
    (void)fputs("    ' ')\n      words='", out);
    put_words(out, &words);
    (void)fputs("'\n      options='", out);
    put_options(out, CMD_GLOBAL_OPTIONS, 0);
    (void)fputs("'\n      valued='", out);
    put_options(out, CMD_GLOBAL_OPTIONS, 1);
    (void)fputs("'\n      ;;\n", out);
    put_two_word_branches(out);
    for (size_t i = 0; i < words.len; i++) {
        put_branch(out, words.v[i], command_of(words.v[i]));
    }
    (void)fputs(BASH_TAIL, out);
}

static void put_zsh(FILE *out)
{
    (void)fputs("#compdef rbox\nautoload -U +X bashcompinit && bashcompinit\n", out);
    put_bash(out);
    /* What loads the file is the first completion, and it wants an answer. */
    (void)fputs("_bash_complete -F _rbox\n", out);
}

/* ---- fish */

/* @text between single quotes. */
static void put_quoted(FILE *out, const char *text)
{
    (void)fputc('\'', out);
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\') {
            (void)fputc('\\', out);
        }
        (void)fputc(*text, out);
    }
    (void)fputc('\'', out);
}

static void put_fish_command(FILE *out, const struct cmd *c, const char *name)
{
    const char *second = strchr(name, ' ');
    autofree char *first = xstrndup(name, strcspn(name, " "));
    autofree char *seen =
        second != NULL
            ? xasprintf("__fish_seen_subcommand_from %s; and __fish_seen_subcommand_from%s", first,
                        second)
            : xasprintf("__fish_seen_subcommand_from %s", first);

    (void)fprintf(out, "complete -c rbox -f -n '%s%s' -a %s -d ",
                  second != NULL ? "__fish_seen_subcommand_from " : "__fish_use_subcommand",
                  second != NULL ? first : "", second != NULL ? second + 1 : first);
    put_quoted(out, c->summary);
    (void)fputc('\n', out);
    if (candidates(c) != NULL) {
        (void)fprintf(out, "complete -c rbox -n '%s' -a \"(%s)\"\n", seen, candidates(c));
    }
    for (const struct opt *o = c->options; o != NULL && !opt_is_end(o); o++) {
        if (o->name == NULL) {
            continue;
        }
        (void)fprintf(out, "complete -c rbox -n '%s' -l %s", seen, o->name);
        if (o->letter != 0) {
            (void)fprintf(out, " -s %c", o->letter);
        }
        (void)fprintf(out, "%s -d ", o->type != OPT_FLAG ? " -r" : "");
        put_quoted(out, o->help);
        (void)fputc('\n', out);
    }
}

static void put_fish(FILE *out)
{
    const struct cmd *c = NULL;

    (void)fputs("# rbox completion, made by `rbox __generate`\n", out);
    for (size_t i = 0; (c = cmd_at(i)) != NULL; i++) {
        for (size_t n = 0; c->group != CMD_HIDDEN && n < CMD_NAMES_MAX && c->names[n] != NULL;
             n++) {
            put_fish_command(out, c, c->names[n]);
        }
    }
}

/* ---- */

int generate_completion(FILE *out, const char *shell, struct err *e)
{
    static const struct {
        const char *name;
        void (*put)(FILE *out);
    } SHELLS[] = {{"bash", put_bash}, {"zsh", put_zsh}, {"fish", put_fish}};

    for (size_t i = 0; i < sizeof(SHELLS) / sizeof(SHELLS[0]); i++) {
        if (strcmp(shell, SHELLS[i].name) == 0) {
            SHELLS[i].put(out);
            return 0;
        }
    }
    return err_new(e, EINVAL, "'%s' is not bash, zsh or fish", shell);
}
