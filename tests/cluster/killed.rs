//! The walks over workspaces in Pods: the platform is killed right after each request that it has made of the API server, and each answer
//! that it has given.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::{
    place::{Operation, Place, SECRET_FILE, install_plugin, noting},
    pods::Pods,
    steps::Moment,
    walk::{Way, assert_died_at, walk},
    world::World,
};

/// Only what is asked of the API server: the rest is as on one machine.
const PODS: Way<Pods> = Way {
    place: machine,
    counts: |step| step.to == "socket",
    moment: Moment::After,
};

#[test]
fn at_every_step_of_a_provision_in_a_pod() {
    let steps = walk(&PODS, Operation::Create);
    assert_died_at(&steps, &[("write", "socket")]);
    // What is looked for: a Pod and a claim. What is made: both, a Secret for the files of each mode, and one for the environment.
    assert!(steps.len() >= 7, "{steps:#?}");
}

#[test]
fn at_every_step_of_a_restart_in_another_pod() {
    let steps = walk(&PODS, Operation::Restart);
    assert!(steps.len() >= 15, "{steps:#?}");
}

#[test]
fn at_every_step_of_a_delete_of_a_pod() {
    let steps = walk(&PODS, Operation::Delete);
    assert!(steps.len() >= 8, "{steps:#?}");
}

/// Pods see the directory of the world, as a claim that they may mount.
fn machine() -> Pods {
    let pods = Pods::of(World::bare()).with("claims = [\"machine\"]\n");
    install_plugin(&pods.world);
    let (name, here) = (&pods.namespace.name, pods.world.directory.path());
    let spec = "accessModes: [ReadWriteOnce], storageClassName: \"\"";
    pods.namespace.apply(&format!(
        "apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: {name}}}\nspec: {{{spec}, capacity: {{storage: 1Gi}}, hostPath: {{path: \
         {here:?}}}}}\n---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: machine}}\nspec: {{{spec}, volumeName: {name}, \
         resources: {{requests: {{storage: 1Gi}}}}}}\n"
    ));
    pods
}

impl Pods {
    /// What there is of a workspace.
    fn objects(&self, id: &str, kinds: &str) -> Vec<Value> {
        let label = format!("provisionhook/workspace={id}");
        let found = self
            .namespace
            .kubectl(&["get", kinds, "-l", &label, "-o", "json"]);
        let mut found: Value = serde_json::from_str(&found).unwrap();
        serde_json::from_value(found["items"].take()).unwrap()
    }
}

impl Place for Pods {
    fn world(&self) -> &World {
        &self.world
    }

    fn request(&self, id: &str) -> Value {
        let mounts = json!([{"source": "machine", "target": self.world.directory.path()}]);
        json!({"id": id, "command": noting(&self.world, id), "container": {"mounts": mounts}})
    }

    fn running(&self, id: &str) -> usize {
        let pods = self.objects(id, "pods");
        let running = |pod: &&Value| {
            pod.pointer("/status/containerStatuses/0/state/running")
                .is_some()
        };
        pods.iter().filter(running).count()
    }

    /// Pods, and Secrets with them or without.
    fn kept(&self, id: &str) -> usize {
        self.objects(id, "pods,secrets").len()
    }

    fn has_secret(&self, id: &str) -> bool {
        let key = SECRET_FILE.replace('.', "_2e").replace('/', "_2f");
        let secrets = self.objects(id, "secrets");
        secrets
            .iter()
            .any(|secret| secret["data"].get(&key).is_some())
    }

    fn left(&self) -> Vec<String> {
        let kept = std::fs::read_dir(self.world.path("state/workspaces"));
        let kept = kept
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path());
        let objects = Self::left(self);
        objects
            .lines()
            .map(str::to_owned)
            .chain(kept.map(|path: PathBuf| path.display().to_string()))
            .collect()
    }
}
