/* What the benches call: sets two variables, and hands out a token. */
#include <provisionhook.h>
#include <time.h>

#include "say.h"

#define VALUE STR("ghs_0123456789abcdefghijABCDEFGHIJ012345")

static ph_poll mutate(ph_instance *instance, const ph_call *call, ph_env *env, ph_reply *reply) {
    (void)instance, (void)call, (void)reply;
    env->vtable->set(env, STR("FIXTURE_TOKEN"), VALUE, PH_SET_SECRET);
    env->vtable->set(env, STR("FIXTURE_KEY"), VALUE, PH_SET_SECRET);
    return PH_POLL_READY;
}

static ph_poll token(ph_instance *instance, const ph_call *call, const ph_scope *scope, ph_reply *reply) {
    (void)instance, (void)call, (void)scope;
    ph_token token = {.struct_size = sizeof token, .value = VALUE, .expires_at_unix_ms = ((int64_t)time(NULL) + 3600) * 1000};
    reply->vtable->token(reply, &token);
    return PH_POLL_READY;
}

#define WRITES "\"FIXTURE_TOKEN\",\"FIXTURE_KEY\""
#define MUTATE mutate
#define TOKEN token
#include "plugin.h"
