/* A plugin in C: sets GREETING. cc -shared -fPIC -I plugin-abi/include -o hello.so plugins/examples/c/hello.c */
#include <provisionhook.h>
#include <stdio.h>
#include <string.h>

PH_PLUGIN_MANIFEST("{\"name\":\"hello-c\",\"version\":\"1.0.0\",\"capabilities\":[\"env-mutator/1\"],"
                   "\"env\":{\"writes\":[\"GREETING\"]},\"execution\":\"inline\",\"runtime\":{\"language\":\"c\"}}");

static ph_poll mutate(ph_instance *instance, const ph_call *call, ph_env *env, ph_reply *reply) {
    (void)instance, (void)reply;
    char text[300];
    const ph_str name = call->workspace_name;
    const int shown = name.len < 256 ? (int)name.len : 256;
    const int written = snprintf(text, sizeof text, "hello %.*s", shown, (const char *)name.ptr);
    const ph_str key = PH_STR("GREETING"), value = {(const uint8_t *)text, (size_t)written};
    env->vtable->set(env, key, value, 0); /* A refusal is noted by the host, which then fails this call. */
    return PH_POLL_READY;
}

static const ph_env_mutator_1 env_mutator = {.struct_size = sizeof env_mutator, .mutate = mutate};

static const void *extension(ph_str id) {
    const size_t len = sizeof PH_ENV_MUTATOR_1 - 1;
    return id.len == len && memcmp(id.ptr, PH_ENV_MUTATOR_1, len) == 0 ? &env_mutator : NULL;
}

static ph_poll create(const ph_host *host, ph_bytes config, ph_reply *reply, ph_instance **instance) {
    static char state; /* This plugin keeps nothing; any pointer that is not null is an instance. */
    (void)host, (void)config, (void)reply;
    *instance = (ph_instance *)&state;
    return PH_POLL_READY;
}

static void destroy(ph_instance *instance) { (void)instance; }

PH_EXPORT const ph_entry provisionhook_plugin_entry = {
    .prefix = PH_PREFIX(ph_entry),
    .manifest = PH_MANIFEST,
    .create = create,
    .destroy = destroy,
    .extension = extension,
};
