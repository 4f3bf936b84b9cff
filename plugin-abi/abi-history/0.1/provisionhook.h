/* The plugin ABI of provisionhook. As it was at minor 0.1; kept so that plugins of an older minor can be built and tested.
 *
 * - A struct starts with `struct_size`, its size in bytes as its *maker* knew it; a table too. Who reads a field first
 *   checks that the size covers it. A missing tail means "not supported". Fields are only ever appended. The small value
 *   types ph_str, ph_bytes, ph_pair and ph_waker have no size and are frozen for ever.
 * - Strings are UTF-8, not NUL-terminated, and borrowed: valid for the call that passes them, unless the function says
 *   otherwise. `len == 0` is the empty string whatever `ptr` is, null included.
 * - Nobody frees what the other side allocated. Results are handed over by calling back; the receiver copies at once.
 * - No call may unwind out of the function that it entered. A plugin catches its own panics and exceptions.
 * - Unless a function says otherwise it may be called from any thread, and from several at the same time.
 *
 * A plugin is a shared library with two things in it: PH_PLUGIN_MANIFEST("{...}"), and an exported
 * `const ph_entry provisionhook_plugin_entry`. */

#ifndef PROVISIONHOOK_H
#define PROVISIONHOOK_H

#include <stddef.h>
#include <stdint.h>
#define PH_ENTRY_SYMBOL "provisionhook_plugin_entry"
#define PH_NOTE_SECTION ".note.provisionhook"
#define PH_NOTE_NAME "provisionhook"
#define PH_ENV_MUTATOR_1 "env-mutator/1"
#define PH_TOKEN_PROVIDER_1 "token-provider/1"
#define PH_LOG_1 "log/1"
#define PH_CLOCK_1 "clock/1"
#define PH_HTTP_1 "http/1"

typedef struct ph_prefix ph_prefix;
typedef struct ph_str ph_str;
typedef struct ph_bytes ph_bytes;
typedef struct ph_pair ph_pair;
typedef struct ph_fault ph_fault;
typedef struct ph_reply ph_reply;
typedef struct ph_reply_vtable ph_reply_vtable;
typedef struct ph_op ph_op;
typedef struct ph_op_vtable ph_op_vtable;
typedef struct ph_waker ph_waker;
typedef struct ph_waker_vtable ph_waker_vtable;
typedef struct ph_call ph_call;
typedef struct ph_env ph_env;
typedef struct ph_env_vtable ph_env_vtable;
typedef struct ph_scope ph_scope;
typedef struct ph_token ph_token;
typedef struct ph_instance ph_instance;
typedef struct ph_entry ph_entry;
typedef struct ph_host ph_host;
typedef struct ph_env_mutator_1 ph_env_mutator_1;
typedef struct ph_token_provider_1 ph_token_provider_1;
typedef struct ph_log_1 ph_log_1;
typedef struct ph_log_record ph_log_record;
typedef struct ph_clock_1 ph_clock_1;
typedef struct ph_http_1 ph_http_1;
typedef struct ph_http_request ph_http_request;
typedef struct ph_http_sink ph_http_sink;
typedef struct ph_http_sink_vtable ph_http_sink_vtable;

/*
 Spells `PRVHOOK1` in memory on a little-endian machine.
 */
#define PH_MAGIC 3552019933046395472

/*
 Both sides must have the same major. A stricter contract is a new major even if no layout changes.
 */
#define PH_ABI_MAJOR 0

/*
 Fields are appended from minor to minor. A host runs plugins of older minors, and of newer ones whose manifest
 says (`min_host_minor`) that they can do without what the host does not have.
 */
#define PH_ABI_MINOR 1

/*
 Flag of `ph_call`: nothing will be started with the result. Do not create anything upstream that someone must clean up.
 */
#define PH_CALL_DRY_RUN 1

/*
 Flag of `set`: the value is a secret. It is redacted wherever it would be shown, and wiped from memory after use.
 */
#define PH_SET_SECRET 1

/*
 Type in the ELF note.
 */
#define PH_NOTE_TYPE 1

/*
 First word of the note's descriptor; then `abi_major` and `abi_minor` as 16 bits each, then the manifest as JSON.
 */
#define PH_NOTE_FORMAT 1

/*
 Something failed and somebody must look.
 */
#define PH_LEVEL_ERROR 1

/*
 Something is odd, work goes on.
 */
#define PH_LEVEL_WARN 2

/*
 A milestone.
 */
#define PH_LEVEL_INFO 3

/*
 A step.
 */
#define PH_LEVEL_DEBUG 4

/*
 Everything.
 */
#define PH_LEVEL_TRACE 5

/*
 One of `PH_POLL_READY`, `PH_POLL_PENDING`, `PH_POLL_FAULT`. Anything else counts as an internal fault.
 */
typedef uint32_t ph_poll;

/*
 One of `PH_ENV_OK`, `PH_ENV_ABSENT`, `PH_ENV_REFUSED`.
 */
typedef uint32_t ph_env_status;

/*
 The first 16 bytes of `ph_entry` and `ph_host`. This layout never changes, in any major.
 */
struct ph_prefix {
    /*
     `PH_MAGIC`.
     */
    uint64_t magic;
    /*
     Size in bytes of the whole struct that this prefix opens, as its maker knew it.
     */
    uint32_t struct_size;
    /*
     `PH_ABI_MAJOR` of the maker.
     */
    uint16_t abi_major;
    /*
     `PH_ABI_MINOR` of the maker.
     */
    uint16_t abi_minor;
};

/*
 A borrowed UTF-8 string, not NUL-terminated. `len == 0` is the empty string, even with a null `ptr`.
 */
struct ph_str {
    /*
     The first byte; may be null only if `len` is 0.
     */
    const uint8_t *ptr;
    /*
     Length in bytes.
     */
    size_t len;
};

/*
 Borrowed bytes of any content. `len == 0` is empty, even with a null `ptr`.
 */
struct ph_bytes {
    /*
     The first byte; may be null only if `len` is 0.
     */
    const uint8_t *ptr;
    /*
     Length in bytes.
     */
    size_t len;
};

/*
 A borrowed key and value: a label, a permission, a header, a log field.
 */
struct ph_pair {
    /*
     The key.
     */
    struct ph_str key;
    /*
     The value.
     */
    struct ph_str value;
};

/*
 What kind of failure it was. Policy hangs on the kind, never on the text.
 */
typedef uint32_t ph_fault_kind;
/*
 The operator must mend something: a key, an id, a permission.
 */
#define PH_FAULT_CONFIG 1
/*
 An upstream is down, slow or throttling; trying later may work.
 */
#define PH_FAULT_TRANSIENT 2
/*
 The upstream understood and refused this workspace.
 */
#define PH_FAULT_DENIED 3
/*
 A defect of the plugin or the host. Unknown kinds count as this one.
 */
#define PH_FAULT_INTERNAL 4
/*
 The plugin panicked. Its instance is not called again; the host makes a new one.
 */
#define PH_FAULT_PANICKED 5
/*
 The deadline passed.
 */
#define PH_FAULT_TIMED_OUT 6
/*
 The operation was dropped before it was done.
 */
#define PH_FAULT_CANCELLED 7

/*
 A failure. The message goes to the operator's log: lower case, what was expected, what was found, what to do;
 never a secret.
 */
struct ph_fault {
    /*
     Size of this struct in bytes.
     */
    uint32_t struct_size;
    /*
     The kind.
     */
    ph_fault_kind kind;
    /*
     For the operator.
     */
    struct ph_str message;
};

/*
 A token. Opaque: no length, no alphabet is assumed, except that it is not empty and holds no control character.
 */
struct ph_token {
    /*
     Size of this struct in bytes.
     */
    uint32_t struct_size;
    /*
     0.
     */
    uint32_t flags;
    /*
     The token itself.
     */
    struct ph_str value;
    /*
     When it expires, in milliseconds since 1970 UTC; 0 = it does not say.
     */
    int64_t expires_at_unix_ms;
    /*
     The user name to go with it in HTTP basic authentication (git); empty = the host's default.
     */
    struct ph_str username;
};

/*
 The functions of a `ph_waker`. None is null, each may be called from any thread.
 */
struct ph_waker_vtable {
    /*
     Size of this table in bytes.
     */
    uint32_t struct_size;
    /*
     0.
     */
    uint32_t reserved;
    /*
     Gives the `data` of a new waker with the same vtable; it must be woken (`wake`) or dropped once.
     */
    void *(*clone)(void *data);
    /*
     Wakes, and frees `data`.
     */
    void (*wake)(void *data);
    /*
     Wakes, and leaves `data` as it is.
     */
    void (*wake_by_ref)(void *data);
    /*
     Frees `data` without waking.
     */
    void (*drop)(void *data);
};

/*
 Wakes whoever polls. Borrowed by `poll`; clone it to keep it. Frozen: it carries no size.
 */
struct ph_waker {
    /*
     Never null.
     */
    const struct ph_waker_vtable *vtable;
    /*
     The first argument of each function.
     */
    void *data;
};

/*
 The functions of an `ph_op`. Its owner calls them from one thread at a time, which need not be the same each time.
 */
struct ph_op_vtable {
    /*
     Size of this table in bytes.
     */
    uint32_t struct_size;
    /*
     0.
     */
    uint32_t reserved;
    /*
     Goes on. On `PH_POLL_PENDING` the maker keeps a clone of the waker and wakes it when there is more to do.
     Not called again after `PH_POLL_READY` or `PH_POLL_FAULT`.
     */
    ph_poll (*poll)(struct ph_op *op, const struct ph_waker *waker);
    /*
     Frees the operation, and cancels it if it is not done. Called exactly once; never blocks for long.
     */
    void (*drop)(struct ph_op *op);
};

/*
 An operation under way: made by the plugin for the host, or by the host (`clock/1`, `http/1`) for the plugin.
 The maker puts its own data behind the vtable pointer.
 */
struct ph_op {
    /*
     Never null.
     */
    const struct ph_op_vtable *vtable;
};

/*
 The functions of a `ph_reply`. None is null.
 */
struct ph_reply_vtable {
    /*
     Size of this table in bytes.
     */
    uint32_t struct_size;
    /*
     0.
     */
    uint32_t reserved;
    /*
     Hands over a fault; then return `PH_POLL_FAULT`. The last one counts.
     */
    void (*fault)(struct ph_reply *reply, const struct ph_fault *fault);
    /*
     Hands over a token; then return `PH_POLL_READY`. Only in `token`, exactly once: twice is an internal fault.
     */
    void (*token)(struct ph_reply *reply, const struct ph_token *token);
    /*
     Hands over an operation; then return `PH_POLL_PENDING`. The host owns it from here on and drops it exactly once.
     */
    void (*pending)(struct ph_reply *reply, struct ph_op *op);
};

/*
 The host's end of a call into the plugin: here the plugin hands over what the call gives. Valid until the call, or
 the operation that it started, has ended; used only by the thread that is inside that call or its `poll`.
 */
struct ph_reply {
    /*
     Never null. Host-private data follows it.
     */
    const struct ph_reply_vtable *vtable;
};

/*
 One call, and the workspace that it is for. Valid until the call, or the operation that it started, has ended.
 */
struct ph_call {
    /*
     Size of this struct in bytes.
     */
    uint32_t struct_size;
    /*
     Bit set of `CALL_*`.
     */
    uint32_t flags;
    /*
     Id of the workspace; empty when a token is asked for the platform itself.
     */
    struct ph_str workspace_id;
    /*
     The name that its user gave it; may be empty.
     */
    struct ph_str workspace_name;
    /*
     Its tenant; may be empty.
     */
    struct ph_str tenant;
    /*
     The role of the agent in it; may be empty.
     */
    struct ph_str role;
    /*
     Where it runs: `local`, `docker`, `kubernetes`; may be empty.
     */
    struct ph_str runtime;
    /*
     Its labels, sorted by key; null if there are none.
     */
    const struct ph_pair *labels;
    /*
     How many labels.
     */
    size_t label_count;
    /*
     When the host stops waiting, on the clock that `clock/1` reads as `monotonic_ns`; 0 = no deadline.
     */
    uint64_t deadline_ns;
};

/*
 The functions of an `ph_env`. None is null.
 */
struct ph_env_vtable {
    /*
     Size of this table in bytes.
     */
    uint32_t struct_size;
    /*
     0.
     */
    uint32_t reserved;
    /*
     Reads a variable that the manifest declares under `reads` or `writes`. With `PH_ENV_OK`, `value` is borrowed until
     the next `set` or `unset` of this call; otherwise it is not written.
     */
    ph_env_status (*get)(struct ph_env *env, struct ph_str key, struct ph_str *value);
    /*
     Sets a variable that the manifest declares under `writes`. `flags` is a bit set of `SET_*`.
     */
    ph_env_status (*set)(struct ph_env *env, struct ph_str key, struct ph_str value, uint32_t flags);
    /*
     Removes a variable that the manifest declares under `writes`. Removing an absent one is `PH_ENV_OK`.
     */
    ph_env_status (*unset)(struct ph_env *env, struct ph_str key);
};

/*
 The environment of one call: what earlier plugins wrote over what the workspace asked for. The edits of a call are a
 transaction: they are kept only if it ends with `PH_POLL_READY`. Valid until the call, or the
 operation that it started, has ended; used only by the thread that is inside that call or its `poll`.
 */
struct ph_env {
    /*
     Never null. Host-private data follows it.
     */
    const struct ph_env_vtable *vtable;
};

/*
 What a token is for. Everything empty asks for the widest token that the provider gives.
 */
struct ph_scope {
    /*
     Size of this struct in bytes.
     */
    uint32_t struct_size;
    /*
     0.
     */
    uint32_t flags;
    /*
     The service that the token is for, as the provider names it (a host name for git); may be empty.
     */
    struct ph_str audience;
    /*
     `owner/name` each, sorted; null if there are none.
     */
    const struct ph_str *repositories;
    /*
     How many repositories.
     */
    size_t repository_count;
    /*
     Permission and level each (`contents`, `read`), sorted by key; null if there are none.
     */
    const struct ph_pair *permissions;
    /*
     How many permissions.
     */
    size_t permission_count;
};

/*
 What the host gives to a plugin. Valid from `create` until `destroy` has returned.
 */
struct ph_host {
    /*
     Magic, size, ABI version of the host.
     */
    struct ph_prefix prefix;
    /*
     Gives the table of a service, or null for one that this host does not have. The table lives as long as the host.
     */
    const void *(*extension)(const struct ph_host *host, struct ph_str id);
};

/*
 The plugin's entry: *data*, not a function, so that the host can check it before any function of the plugin is called.
 */
struct ph_entry {
    /*
     Magic, size, ABI version.
     */
    struct ph_prefix prefix;
    /*
     The manifest, byte for byte as in the note.
     */
    struct ph_bytes manifest;
    /*
     Layout of the Rust mirror of this contract, as `abi_stable` describes it; null in other languages.
     */
    const void *rust_layout;
    /*
     Makes an instance. Called once at boot, and again after a panic; `config` is JSON, its `$file` and `$env`
     references already resolved. With `PH_POLL_READY`, `*instance` is the plugin's until `destroy`.
     May block for a short while. Must not return `PH_POLL_PENDING`. Never null.
     */
    ph_poll (*create)(const struct ph_host *host,
                      struct ph_bytes config,
                      struct ph_reply *reply,
                      ph_instance **instance);
    /*
     Ends an instance. Called once, when no call and no operation of it is left, from any thread. Never null.
     */
    void (*destroy)(ph_instance *instance);
    /*
     Gives the table of a capability, or null for one that the plugin does not have. The table lives as long as the
     library. Every capability that the manifest lists must be there. Never null.
     */
    const void *(*extension)(struct ph_str id);
};

/*
 `env-mutator/1`: puts variables into the environment of a workspace before it starts.
 */
struct ph_env_mutator_1 {
    /*
     Size of this table in bytes.
     */
    uint32_t struct_size;
    /*
     0.
     */
    uint32_t reserved;
    /*
     Called once for each provision. Never null. Execution class `inline` must not return
     `PH_POLL_PENDING`; class `blocking` is called on a thread of its own and may block.
     */
    ph_poll (*mutate)(ph_instance *instance,
                      const struct ph_call *call,
                      struct ph_env *env,
                      struct ph_reply *reply);
};

/*
 `token-provider/1`: hands out fresh tokens while a workspace runs.
 */
struct ph_token_provider_1 {
    /*
     Size of this table in bytes.
     */
    uint32_t struct_size;
    /*
     0.
     */
    uint32_t reserved;
    /*
     Called when the host's cache has no usable token for the scope, never twice at the same time for the same scope.
     Never null. Hands the token to `reply->token`. The plugin need not cache.
     */
    ph_poll (*token)(ph_instance *instance,
                     const struct ph_call *call,
                     const struct ph_scope *scope,
                     struct ph_reply *reply);
};

/*
 One log record.
 */
struct ph_log_record {
    /*
     Size of this struct in bytes.
     */
    uint32_t struct_size;
    /*
     One of `LEVEL_*`.
     */
    uint32_t level;
    /*
     Where in the plugin; may be empty.
     */
    struct ph_str target;
    /*
     What happened.
     */
    struct ph_str message;
    /*
     Structured fields; null if there are none.
     */
    const struct ph_pair *fields;
    /*
     How many fields.
     */
    size_t field_count;
};

/*
 `log/1`: lands in the host's log under the plugin's name, redacted.
 */
struct ph_log_1 {
    /*
     Size of this table in bytes.
     */
    uint32_t struct_size;
    /*
     0.
     */
    uint32_t reserved;
    /*
     1 if anybody reads records of this level, else 0. Ask before building an expensive one.
     */
    uint32_t (*enabled)(const struct ph_host *host, uint32_t level);
    /*
     Writes a record. Never blocks for long.
     */
    void (*log)(const struct ph_host *host, const struct ph_log_record *record);
};

/*
 `clock/1`.
 */
struct ph_clock_1 {
    /*
     Size of this table in bytes.
     */
    uint32_t struct_size;
    /*
     0.
     */
    uint32_t reserved;
    /*
     Milliseconds since 1970 UTC.
     */
    int64_t (*unix_ms)(const struct ph_host *host);
    /*
     Nanoseconds on a clock that never goes back; the clock of `deadline_ns`.
     */
    uint64_t (*monotonic_ns)(const struct ph_host *host);
    /*
     An operation that is ready after so many nanoseconds. The caller owns it and drops it once; never null.
     */
    struct ph_op *(*sleep)(const struct ph_host *host, uint64_t nanoseconds);
};

/*
 A request.
 */
struct ph_http_request {
    /*
     Size of this struct in bytes.
     */
    uint32_t struct_size;
    /*
     0.
     */
    uint32_t flags;
    /*
     `GET`, `POST`, …
     */
    struct ph_str method;
    /*
     Absolute, `http` or `https`.
     */
    struct ph_str url;
    /*
     Headers; null if there are none.
     */
    const struct ph_pair *headers;
    /*
     How many headers.
     */
    size_t header_count;
    /*
     The body; empty for none.
     */
    struct ph_bytes body;
    /*
     For the whole exchange, in milliseconds; 0 = the host's default. The host may cut it down.
     */
    uint64_t timeout_ms;
    /*
     A longer response body is a `transient` fault; 0 = the host's default.
     */
    uint64_t max_response_bytes;
};

/*
 The functions of an `ph_http_sink`. None may be null. On success: `status` once, `header` for each, `body` for each
 piece. On failure: `fault` once, whatever came before.
 */
struct ph_http_sink_vtable {
    /*
     Size of this table in bytes.
     */
    uint32_t struct_size;
    /*
     0.
     */
    uint32_t reserved;
    /*
     The status code.
     */
    void (*status)(struct ph_http_sink *sink, uint32_t status);
    /*
     A header, its name in lower case. A value that is not UTF-8 is left out.
     */
    void (*header)(struct ph_http_sink *sink, struct ph_str name, struct ph_str value);
    /*
     A piece of the body.
     */
    void (*body)(struct ph_http_sink *sink, struct ph_bytes piece);
    /*
     The request failed.
     */
    void (*fault)(struct ph_http_sink *sink, const struct ph_fault *fault);
};

/*
 The plugin's end of a request: here the host hands over the response.
 */
struct ph_http_sink {
    /*
     Never null. Plugin-private data follows it.
     */
    const struct ph_http_sink_vtable *vtable;
};

/*
 `http/1`: HTTP and HTTPS through the host's client, with its proxy, certificate authorities and connection pool.
 A plugin reaches only the hosts that its manifest declares and its operator allows; anything else is a `denied` fault.
 */
struct ph_http_1 {
    /*
     Size of this table in bytes.
     */
    uint32_t struct_size;
    /*
     0.
     */
    uint32_t reserved;
    /*
     Starts a request. Everything in `request` is copied before it returns. The operation is the caller's, to poll and
     to drop once; never null. `sink` is called only from inside its `poll`, and must live until it is dropped.
     */
    struct ph_op *(*send)(const struct ph_host *host,
                          const struct ph_http_request *request,
                          struct ph_http_sink *sink);
    /*
     Does the same and returns when it is done (`PH_POLL_READY` or
     `PH_POLL_FAULT`). Blocks: only for plugins of the execution class `blocking`, and in `create`.
     */
    ph_poll (*fetch)(const struct ph_host *host,
                     const struct ph_http_request *request,
                     struct ph_http_sink *sink);
};

/*
 Done. What there was to hand over has been handed over by callback.
 */
#define PH_POLL_READY 0

/*
 Not done. From a first call: `reply->pending` was called with an operation. From `poll`: the waker will be woken.
 */
#define PH_POLL_PENDING 1

/*
 Failed. `reply->fault` (or `sink->fault`) was called with the kind and a message.
 */
#define PH_POLL_FAULT 2

/*
 Done.
 */
#define PH_ENV_OK 0

/*
 There is no such variable.
 */
#define PH_ENV_ABSENT 1

/*
 The host's key rules forbid it, or the name or value cannot be put into an environment. The host has noted why and
 fails the call with a `config` fault, whatever the plugin returns afterwards.
 */
#define PH_ENV_REFUSED 2


/* --- Helpers, written by hand --- */

/* A string literal as an initializer: ph_str name = PH_STR("x"); */
#define PH_STR(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}

/* The exported entry wants this in front of it: PH_EXPORT const ph_entry provisionhook_plugin_entry = {...}; */
#if defined(__cplusplus)
#define PH_EXPORT extern "C" __attribute__((visibility("default")))
#else
#define PH_EXPORT __attribute__((visibility("default")))
#endif

/* The frozen prefix of a ph_entry. */
#define PH_PREFIX(type) {PH_MAGIC, (uint32_t)sizeof(type), PH_ABI_MAJOR, PH_ABI_MINOR}

/* Puts the manifest, a JSON string literal, into the library's ELF note. Once, at file scope. */
#define PH_PLUGIN_MANIFEST(json)                                                                                       \
    PH_NOTE_TYPE_OF_(json)                                                                                             \
    ph_manifest_note __attribute__((used, section(".note.provisionhook"), aligned(4))) = PH_NOTE_OF_(json)

/* The same manifest as the `manifest` of the entry: the bytes of the note. */
#define PH_MANIFEST {(const uint8_t *)ph_manifest_note.manifest, sizeof(ph_manifest_note.manifest)}

#if defined(__cplusplus)
/* In C++ a string literal does not fit into an array without room for its NUL, so it is copied by the compiler. */
template <size_t N> struct ph_note_ {
    uint32_t name_size, descriptor_size, kind;
    char name[16];
    uint32_t format;
    uint16_t abi_major, abi_minor;
    char manifest[N - 1];
    constexpr explicit ph_note_(const char (&json)[N])
        : name_size(sizeof(PH_NOTE_NAME)), descriptor_size(8 + N - 1), kind(PH_NOTE_TYPE), name(PH_NOTE_NAME),
          format(PH_NOTE_FORMAT), abi_major(PH_ABI_MAJOR), abi_minor(PH_ABI_MINOR), manifest() {
        for (size_t at = 0; at + 1 < N; at++) manifest[at] = json[at];
    }
};
#define PH_NOTE_TYPE_OF_(json) static constexpr ph_note_<sizeof(json)>
#define PH_NOTE_OF_(json) ph_note_<sizeof(json)>(json)
#else
#define PH_NOTE_TYPE_OF_(json)                                                                                         \
    static const struct {                                                                                              \
        uint32_t name_size, descriptor_size, kind;                                                                     \
        char name[16];                                                                                                 \
        uint32_t format;                                                                                               \
        uint16_t abi_major, abi_minor;                                                                                 \
        char manifest[sizeof(json) - 1];                                                                               \
    }
#define PH_NOTE_OF_(json)                                                                                              \
    {                                                                                                                  \
        sizeof(PH_NOTE_NAME), 8 + sizeof(json) - 1, PH_NOTE_TYPE, PH_NOTE_NAME, PH_NOTE_FORMAT, PH_ABI_MAJOR,          \
            PH_ABI_MINOR, json                                                                                         \
    }
#endif

#endif /* PROVISIONHOOK_H */
