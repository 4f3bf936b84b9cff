//! The keys themselves, in the order in which the operator's guide lists them.

use super::{Key, Kind, key};

/// All keys.
pub(super) const COMMON: &[Key] = &[
    key(
        "listen",
        Kind::Text,
        "address and port of the HTTP API, or unix:/PATH (127.0.0.1:7878)",
    ),
    key(
        "socket_mode",
        Kind::Text,
        "mode of the Unix socket that `listen` names (0600)",
    ),
    key(
        "dev",
        Kind::Boolean,
        "do without an admin token; only on loopback (false)",
    ),
    key(
        "state_dir",
        Kind::Text,
        "where the database, the workspaces and what plugins keep live (/var/lib/provisionhook)",
    ),
    key(
        "public_url",
        Kind::Text,
        "how a workspace reaches the API (http:// or https:// and the listen address, or unix:/PATH)",
    ),
    key(
        "admin_token",
        Kind::Secret,
        "opens the admin routes; at least 32 characters",
    ),
    key(
        "admin_tokens.*",
        Kind::Secret,
        "the same, with a name for the log instead of `admin`",
    ),
    key(
        "tls.certificate",
        Kind::Text,
        "PEM file with the certificate chain to serve with; then the API speaks HTTPS only",
    ),
    key(
        "tls.key",
        Kind::Text,
        "PEM file with the private key of the certificate",
    ),
    key(
        "tls.ca_file",
        Kind::Text,
        "PEM file with the authority that workspaces are to trust for the API, as they see it",
    ),
    key(
        "plugins.directory",
        Kind::Text,
        "where the plugin .so files are (/usr/lib/provisionhook/plugins)",
    ),
    key(
        "plugins.require_pin",
        Kind::Boolean,
        "load only plugins whose sha256 is pinned (false)",
    ),
    key(
        "plugins.require_grants",
        Kind::Boolean,
        "grant only what grant_keys, grant_hosts and grant_files name (false)",
    ),
    key(
        "plugins.allow_panic_abort",
        Kind::Boolean,
        "load plugins in which a panic ends the process (false)",
    ),
    key(
        "plugins.denied_keys",
        Kind::List,
        "variables that no plugin may set, as NAME or PREFIX*",
    ),
    key(
        "plugin.*.order",
        Kind::Integer,
        "place in the chain, before the number in the file name",
    ),
    key(
        "plugin.*.required",
        Kind::Boolean,
        "do not start without this plugin (false)",
    ),
    key(
        "plugin.*.disabled",
        Kind::Boolean,
        "do not load this plugin (false)",
    ),
    key(
        "plugin.*.on_transient",
        Kind::Text,
        "skip | fail: what a transient fault does to a provision (skip)",
    ),
    key(
        "plugin.*.sha256",
        Kind::List,
        "the digests that the file may have",
    ),
    key(
        "plugin.*.budget",
        Kind::Duration,
        "the most time that one call may take",
    ),
    key(
        "plugin.*.grant_keys",
        Kind::List,
        "variables that it may set (what it declares)",
    ),
    key(
        "plugin.*.grant_hosts",
        Kind::List,
        "hosts that it may reach (what it declares)",
    ),
    key(
        "plugin.*.grant_files",
        Kind::List,
        "files that it may put into workspaces (what it declares)",
    ),
    key(
        "plugin.*.threads",
        Kind::Integer,
        "threads for its blocking calls (4)",
    ),
    key(
        "plugin.*.when.tenants",
        Kind::List,
        "apply it to these tenants only",
    ),
    key(
        "plugin.*.when.runtimes",
        Kind::List,
        "apply it to these runtimes only",
    ),
    key(
        "plugin.*.when.labels",
        Kind::Map,
        "apply it to workspaces with these labels only",
    ),
    key(
        "provision.budget",
        Kind::Duration,
        "the most time that a provision may take, from its turn (30s)",
    ),
    key(
        "provision.at_once",
        Kind::Integer,
        "provisions that run at once; more wait for their turn (64)",
    ),
    key(
        "provision.queue",
        Kind::Integer,
        "provisions that may wait; more get 429 (1024)",
    ),
    key(
        "workspace.env",
        Kind::Map,
        "variables that every workspace gets, under everything else",
    ),
    key(
        "workspace.inherit",
        Kind::List,
        "variables that every workspace gets from the platform's own environment",
    ),
    key(
        "workspace.program",
        Kind::Text,
        "path of provisionhook as workspaces see it (this executable)",
    ),
    key(
        "workspace.stop_grace",
        Kind::Duration,
        "between TERM and KILL (10s)",
    ),
    key(
        "workspace.default_ttl",
        Kind::Duration,
        "how long a workspace may run that does not say (max_ttl, else without limit)",
    ),
    key(
        "workspace.max_ttl",
        Kind::Duration,
        "the longest that a workspace may ask for (without limit)",
    ),
    key(
        "workspace.after_ttl",
        Kind::Text,
        "stop | delete: what becomes of it then, if it does not say (stop)",
    ),
    key(
        "runtime",
        Kind::Text,
        "local | docker | kubernetes: where workspaces run (local)",
    ),
    key("local.isolation", Kind::Text, "auto|off|required (auto)"),
    key("local.network", Kind::Text, "host | none (host)"),
    key("local.hide", Kind::List, "what workspaces are not to see"),
    key("local.millicpus", Kind::Integer, "thousandths of a CPU"),
    key("local.memory_bytes", Kind::Integer, "without swap"),
    key("local.pids", Kind::Integer, "processes and threads"),
    key(
        "docker.socket",
        Kind::Text,
        "socket of the daemon (/var/run/docker.sock)",
    ),
    key(
        "docker.platform",
        Kind::Text,
        "name of this platform on its daemon (drawn at the first start)",
    ),
    key(
        "docker.image",
        Kind::Text,
        "image of a workspace that names none",
    ),
    key(
        "docker.pull",
        Kind::Text,
        "missing | always | never: when images are pulled (missing)",
    ),
    key(
        "docker.user",
        Kind::Text,
        "uid or uid:gid of a workspace that names none (the image's)",
    ),
    key(
        "docker.network",
        Kind::Text,
        "network of a workspace that names none (the daemon's default)",
    ),
    key(
        "docker.millicpus",
        Kind::Integer,
        "thousandths of a processor for a workspace that names none",
    ),
    key(
        "docker.memory_bytes",
        Kind::Integer,
        "memory for a workspace that names none, without swap",
    ),
    key(
        "docker.pids",
        Kind::Integer,
        "processes and threads of a workspace that names none",
    ),
    key(
        "docker.mounts",
        Kind::List,
        "paths, with all beneath them, and volumes that workspaces may mount (none)",
    ),
    key(
        "docker.image_env",
        Kind::Boolean,
        "keep the image's variables under those of the workspace (false)",
    ),
    key(
        "docker.env_in_file",
        Kind::Boolean,
        "hand the environment over in a file instead of the container's configuration (false)",
    ),
    key(
        "docker.init",
        Kind::Boolean,
        "put the daemon's init in front of the command (true)",
    ),
    key(
        "docker.secrets_dir",
        Kind::Text,
        "tmpfs for secret files (/dev/shm/provisionhook-PLATFORM)",
    ),
    key(
        "docker.timeout",
        Kind::Duration,
        "for one request to the daemon (60s)",
    ),
    key(
        "git.hosts",
        Kind::List,
        "hosts for which git in a workspace asks the platform for a token",
    ),
    key(
        "git.provider",
        Kind::Text,
        "plugin that serves the GitHub endpoints and git (the first token provider)",
    ),
    key(
        "git.providers",
        Kind::Map,
        "plugins that serve git for single hosts: `\"gitlab.com\" = \"gitlab\"`",
    ),
    key(
        "git.rewrite_ssh",
        Kind::Boolean,
        "let git in a workspace go to these hosts over HTTPS where it was told SSH (true)",
    ),
    key(
        "http_client.proxy",
        Kind::Secret,
        "proxy URL for the plugins' requests",
    ),
    key(
        "http_client.no_proxy",
        Kind::List,
        "hosts that are reached without the proxy",
    ),
    key(
        "http_client.ca_file",
        Kind::Text,
        "PEM file with certificate authorities to trust besides the system's",
    ),
    key(
        "http_client.connect_timeout",
        Kind::Duration,
        "to open a connection (5s)",
    ),
    key(
        "http_client.timeout",
        Kind::Duration,
        "for a whole exchange (15s)",
    ),
    key(
        "server.max_body_bytes",
        Kind::Integer,
        "largest request body (1048576)",
    ),
    key(
        "server.request_timeout",
        Kind::Duration,
        "to answer a request (60s)",
    ),
    key(
        "server.max_concurrent",
        Kind::Integer,
        "requests at once; more get 429 (2048)",
    ),
    key(
        "server.max_streams",
        Kind::Integer,
        "streams of events at once; more get 429 (64)",
    ),
    key(
        "server.invalid_tokens_per_minute",
        Kind::Integer,
        "of one address that get 401; more get 429 (30)",
    ),
    key(
        "server.drain",
        Kind::Duration,
        "to finish what is under way at shutdown (20s)",
    ),
    key(
        "events.max_age",
        Kind::Duration,
        "how long events are kept (30days)",
    ),
    key(
        "events.max_count",
        Kind::Integer,
        "how many events are kept at most (1000000)",
    ),
    key("webhook.*.url", Kind::Secret, "where events are posted to"),
    key(
        "webhook.*.secret",
        Kind::Secret,
        "what they are signed with: whsec_ and 24 to 64 bytes in base64",
    ),
    key(
        "webhook.*.old_secret",
        Kind::Secret,
        "what they are signed with, too, while the receiver learns the new one",
    ),
    key(
        "webhook.*.types",
        Kind::List,
        "types of events, such as workspace.failed or workspace.* (all)",
    ),
    key(
        "webhook.*.tenants",
        Kind::List,
        "only events of these tenants' workspaces (all)",
    ),
    key(
        "webhook.*.give_up_after",
        Kind::Duration,
        "how long one event is tried (3days)",
    ),
    key("log.format", Kind::Text, "text | json (text)"),
    key(
        "log.filter",
        Kind::Text,
        "level, or target=level, comma-separated (info)",
    ),
];
