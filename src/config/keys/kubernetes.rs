//! The keys of `[kubernetes]`.

use super::{Key, Kind, key};

pub(super) const KUBERNETES: &[Key] = &[
    key(
        "kubernetes.kubeconfig",
        Kind::Text,
        "file with which the API server is reached (the platform's own service account)",
    ),
    key(
        "kubernetes.context",
        Kind::Text,
        "context of that file (its current one)",
    ),
    key(
        "kubernetes.namespace",
        Kind::Text,
        "where Pods are made (the platform's own, or the context's)",
    ),
    key(
        "kubernetes.platform",
        Kind::Text,
        "name of this platform in its namespace (drawn at the first start)",
    ),
    key(
        "kubernetes.image",
        Kind::Text,
        "image of a workspace that names none",
    ),
    key(
        "kubernetes.pull",
        Kind::Text,
        "missing | always | never: when nodes pull images (missing)",
    ),
    key(
        "kubernetes.image_pull_secrets",
        Kind::List,
        "Secrets with which images are pulled",
    ),
    key(
        "kubernetes.service_account",
        Kind::Text,
        "service account of the Pods (the namespace's default)",
    ),
    key(
        "kubernetes.service_account_token",
        Kind::Boolean,
        "put a token of it into the Pods (false)",
    ),
    key(
        "kubernetes.node_selector",
        Kind::Map,
        "labels of the nodes that Pods may run on",
    ),
    key(
        "kubernetes.tolerations",
        Kind::List,
        "taints that keep no Pod away, as KEY[=VALUE][:EFFECT]",
    ),
    key(
        "kubernetes.runtime_class",
        Kind::Text,
        "runtime class of the Pods (the cluster's default)",
    ),
    key(
        "kubernetes.labels",
        Kind::Map,
        "labels of the Pods, beside the platform's own",
    ),
    key(
        "kubernetes.user",
        Kind::Text,
        "uid or uid:gid of a workspace that names none (the image's)",
    ),
    key(
        "kubernetes.millicpus",
        Kind::Integer,
        "limit in thousandths of a processor for a workspace that names none",
    ),
    key(
        "kubernetes.memory_bytes",
        Kind::Integer,
        "limit of memory for a workspace that names none",
    ),
    key(
        "kubernetes.request_millicpus",
        Kind::Integer,
        "what the scheduler sets aside of processors (the limit)",
    ),
    key(
        "kubernetes.request_memory_bytes",
        Kind::Integer,
        "what the scheduler sets aside of memory (the limit)",
    ),
    key(
        "kubernetes.home",
        Kind::Text,
        "claim | ephemeral: whether a home outlives its Pod (claim)",
    ),
    key(
        "kubernetes.home_size",
        Kind::Text,
        "size of a home's claim (1Gi)",
    ),
    key(
        "kubernetes.storage_class",
        Kind::Text,
        "storage class of the homes (the cluster's default)",
    ),
    key(
        "kubernetes.claims",
        Kind::List,
        "claims that workspaces may mount (none)",
    ),
    key(
        "kubernetes.host_network",
        Kind::Boolean,
        "give Pods the network of their node (false)",
    ),
    key(
        "kubernetes.init",
        Kind::Boolean,
        "let the Pod's own init reap orphans and pass TERM to a command without handlers (true)",
    ),
    key(
        "kubernetes.start_timeout",
        Kind::Duration,
        "until the command of a Pod must run (2m)",
    ),
    key(
        "kubernetes.timeout",
        Kind::Duration,
        "for one request to the API server (30s)",
    ),
];
