//! The cases that every runtime has to pass.

use std::sync::Arc;

use provisionhook_host::runtime::{LocalRuntime, Runtime};
use runtime_conformance::Subject;

use crate::{Root, example};

struct Local(Root);

impl Local {
    fn open(&self) -> Arc<dyn Runtime> {
        let supervisor = vec![example("supervisor").into()];
        Arc::new(LocalRuntime::new(self.0.path(), supervisor).unwrap())
    }
}

impl Subject for Local {
    async fn fresh() -> Self {
        Self(Root(tempfile::tempdir().unwrap()))
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        self.open()
    }

    fn restarted(&self) -> Arc<dyn Runtime> {
        self.open()
    }
}

runtime_conformance::suite!(Local);
