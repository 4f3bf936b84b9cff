//! The real `.so`, loaded by the host from a directory.

#![forbid(unsafe_code)]

use provisionhook_provider_kit_testing::Directory;
use serde_json::json;

fn keys() -> serde_json::Value {
    json!({ "static": { "access_key_id": "AKIAEXAMPLE", "secret_access_key": "hunter2" } })
}

#[test]
fn the_manifest_says_what_it_does() {
    let directory = Directory::of("aws-secrets-manager");
    // Nobody listens there: whether the keys are good is not known at boot then, and no reason to refuse them.
    let config = json!({
        "region": "eu-central-1", "endpoint": "http://127.0.0.1:9", "credentials": keys(),
        "variables": { "DB_PASSWORD": { "secret": "db" } }, "spread": { "APP_*": { "secret": "app" } },
    });
    let plugin = directory.load(&config).unwrap();
    let verified = plugin.loaded.verified();
    assert_eq!(verified.manifest().capabilities, ["env-mutator/1"]);
    for host in [
        "secretsmanager.eu-central-1.amazonaws.com",
        "sts.cn-north-1.amazonaws.com.cn",
    ] {
        assert!(verified.hosts().allows(host, 443), "{host}");
    }
    assert!(
        verified.hosts().allows("169.254.169.254", 80) && verified.hosts().allows("127.0.0.1", 9)
    );
    assert!(
        !verified.hosts().allows("127.0.0.1", 80)
            && !verified.hosts().allows("amazonaws.com.evil.example", 443)
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
    let directory = Directory::of("aws-secrets-manager");
    let config = json!({
        "region": "eu-central-1", "credentials": { "profile": { "name": "p", "config_file": "/gone", "credentials_file": "/gone" } },
        "variables": { "DB_PASSWORD": { "secret": "db" } },
    });
    let refused = directory.load(&config).err().unwrap().to_string();
    assert!(
        refused.contains("AWS profile \"p\" (/gone, /gone), found no such profile"),
        "{refused}"
    );
}
