//! Two platforms that share an engine or a cluster.

use std::time::Duration;

use provisionhook_host::runtime::{Runtime, RuntimeState, StartSpec};

/// Neither sees or touches what the other has of the same id. `spec` goes on until it is ended.
pub async fn do_not_meet(one: &dyn Runtime, other: &dyn Runtime, spec: &StartSpec) {
    one.start(spec).await.unwrap();
    assert_eq!(other.list().await.unwrap(), []);
    other.start(spec).await.unwrap();
    other.stop(spec.id(), Duration::ZERO).await.unwrap();
    other.remove(spec.id()).await.unwrap();
    let state = one.state(spec.id()).await.unwrap();
    assert!(matches!(state, RuntimeState::Running { .. }), "{state:?}");
}
