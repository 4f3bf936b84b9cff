//! The real `.so`, loaded by the host from a directory.

#![forbid(unsafe_code)]

use provisionhook_provider_kit_testing::Directory;
use serde_json::json;

#[test]
fn the_manifest_says_what_it_does() {
    let directory = Directory::of("gcp-secret-manager");
    let config = json!({
        "endpoint": "http://127.0.0.1:9", "credentials": "none", "project": "p", "token_urls": ["https://idp.example/token"],
        "variables": { "DB_PASSWORD": { "secret": "db" } }, "spread": { "APP_*": { "secret": "app" } },
    });
    let plugin = directory.load(&config).unwrap();
    let verified = plugin.loaded.verified();
    assert_eq!(verified.manifest().capabilities, ["env-mutator/1"]);
    for host in [
        "secretmanager.googleapis.com",
        "secretmanager.europe-west3.rep.googleapis.com",
        "oauth2.googleapis.com",
        "sts.googleapis.com",
        "idp.example",
    ] {
        assert!(verified.hosts().allows(host, 443), "{host}");
    }
    assert!(
        verified.hosts().allows("metadata.google.internal", 80)
            && verified.hosts().allows("127.0.0.1", 9)
    );
    assert!(
        !verified.hosts().allows("127.0.0.1", 80)
            && !verified.hosts().allows("googleapis.com.evil.example", 443)
    );
    let keys = verified.keys();
    assert!(
        keys.check_write("DB_PASSWORD").unwrap() && keys.check_write("APP_X").unwrap(),
        "both are always secret"
    );
    assert!(keys.check_write("OTHER").is_err());
}

#[test]
fn what_is_wrong_is_in_the_boot_report() {
    let directory = Directory::of("gcp-secret-manager");
    let config = json!({ "project": "p", "credentials": { "json": "{}" }, "variables": { "A": { "secret": "a" } } });
    let refused = directory.load(&config).err().unwrap().to_string();
    assert!(
        refused.contains("expected Google credentials") && refused.contains("/credentials/json"),
        "{refused}"
    );
}
