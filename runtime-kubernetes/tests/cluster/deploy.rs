//! The manifests and the chart, as the API server finds them.

use std::process::Command;

use runtime_conformance::Subject as _;

use crate::{Kubernetes, cluster::place};

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy");

/// What a chart comes to.
fn rendered(namespace: &str, values: &[&str]) -> String {
    let output = Command::new(place().join("bin/render"))
        .args([
            &format!("{DEPLOY}/helm/provisionhook"),
            "provisionhook",
            namespace,
        ])
        .args(values)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn manifests(namespace: &str) -> String {
    let files = ["rbac.yaml", "platform.yaml"];
    let text =
        files.map(|file| std::fs::read_to_string(format!("{DEPLOY}/kubernetes/{file}")).unwrap());
    text.join("---\n")
        .replace(
            "namespace: provisionhook",
            &format!("namespace: {namespace}"),
        )
        .replace(
            "provisionhook.provisionhook.svc",
            &format!("provisionhook.{namespace}.svc"),
        )
}

impl Kubernetes {
    /// What the API server makes of it, by object.
    fn applied(&self, manifest: &str) -> Vec<serde_json::Value> {
        let file = self.0.directory().join("manifest.yaml");
        std::fs::write(&file, manifest).unwrap();
        let file = file.display().to_string();
        let admin = place().join("admin.conf").display().to_string();
        assert!(std::path::Path::new(&admin).exists());
        let shown = self
            .0
            .kubectl(&["apply", "--server-side", "-o", "json", "-f", &file]);
        let list: serde_json::Value = serde_json::from_str(&shown).unwrap();
        let mut items = list["items"].as_array().unwrap().clone();
        items.sort_by_key(|item| format!("{} {}", item["kind"], item["metadata"]["name"]));
        items
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_comes_to_what_the_manifests_say() {
    let (plain, chart) = (Kubernetes::fresh().await, Kubernetes::fresh().await);
    let token = "adminToken=replace-me-replace-me-replace-me-replace-me";
    let plain_objects = plain.applied(&manifests(&plain.0.name));
    let chart_objects = chart.applied(&rendered(&chart.0.name, &[token]));
    assert_eq!(plain_objects.len(), 8);
    for (plain_object, chart_object) in plain_objects.iter().zip(&chart_objects) {
        let essence = |object: &serde_json::Value, namespace: &str| {
            let mut object = object.clone();
            let template = object.pointer_mut("/spec/template/metadata");
            // What tells releases apart, and has a Deployment begin anew with another configuration.
            if let Some(template) = template {
                template.as_object_mut().unwrap().remove("annotations");
            }
            let what = ["kind", "rules", "subjects", "roleRef", "spec", "data"];
            let kept = what.map(|key| object[key].to_string()).join("\n");
            kept.replace(namespace, "NAMESPACE")
                .replace("\"app.kubernetes.io/instance\":\"provisionhook\",", "")
        };
        let mut one = essence(plain_object, &plain.0.name);
        let mut other = essence(chart_object, &chart.0.name);
        if plain_object["kind"] == "Service" {
            // Each has an address of its own.
            one = plain_object["spec"]["ports"].to_string();
            other = chart_object["spec"]["ports"].to_string();
        }
        if plain_object["kind"] == "ConfigMap" || plain_object["kind"] == "Secret" {
            one = one.replace("\\n\\n", "\\n");
            other = other.replace("\\n\\n", "\\n");
        }
        assert_eq!(one, other);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_without_an_admin_token_is_refused() {
    let output = Command::new(place().join("bin/render"))
        .args([&format!("{DEPLOY}/helm/provisionhook"), "x", "y"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("expected `adminTokenSecret`, or `adminToken`"),
        "{said}"
    );
}
