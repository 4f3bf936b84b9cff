//! The cases that every runtime has to pass: with nothing but processes, and with namespaces and control groups.

use std::sync::Arc;

use provisionhook_host::runtime::local::Confinement;
use provisionhook_host::runtime::{LocalRuntime, Runtime};
use runtime_conformance::Subject;

use crate::{Root, confined, example};

struct Local(Root);

struct Confined(Root, Confinement);

fn open(root: &Root) -> LocalRuntime {
    LocalRuntime::new(root.path(), vec![example("supervisor").into()]).unwrap()
}

impl Subject for Local {
    async fn fresh() -> Self {
        Self(Root(tempfile::tempdir().unwrap()))
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(open(&self.0))
    }

    fn restarted(&self) -> Arc<dyn Runtime> {
        self.runtime()
    }
}

impl Subject for Confined {
    async fn fresh() -> Self {
        let root = Root(tempfile::tempdir().unwrap());
        let confinement = confined::establish(&root, confined::all()).await;
        Self(root, confinement)
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(open(&self.0).with_confinement(self.1.clone()))
    }

    fn restarted(&self) -> Arc<dyn Runtime> {
        self.runtime()
    }
}

mod processes {
    runtime_conformance::suite!(super::Local);
}

mod namespaces_and_groups {
    runtime_conformance::suite!(super::Confined);
}
