//! Credentials that lead to a role: profiles, and tokens of an identity provider.

use std::{fs, os::unix::fs::PermissionsExt as _};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::{assert_fault, pairs};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    botocore::{Signed, agrees, case},
    emulator::{Emulator, REGION, root},
    scripted::{Answer, Recorded, Scripted, answer},
    sources::{document, emulator_with_x, works},
    world::{plugin, variables},
};

/// A role that this account's owner, or a token of this provider, may assume.
async fn role(emulator: &Emulator, trust: Value) {
    let trust = json!({ "Version": "2012-10-17", "Statement": [trust] }).to_string();
    let allow = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}]}"#;
    emulator
        .form(
            "iam",
            &[
                ("Action", "CreateRole"),
                ("Version", "2010-05-08"),
                ("RoleName", "r"),
                ("AssumeRolePolicyDocument", &trust),
            ],
        )
        .await;
    emulator
        .form(
            "iam",
            &[
                ("Action", "PutRolePolicy"),
                ("Version", "2010-05-08"),
                ("RoleName", "r"),
                ("PolicyName", "p"),
                ("PolicyDocument", allow),
            ],
        )
        .await;
}

const ROLE: &str = "arn:aws:iam::000000000000:role/r";

#[tokio::test]
async fn a_profile_leads_to_keys_a_process_and_a_role() {
    let emulator = emulator_with_x().await;
    role(&emulator, json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": "arn:aws:iam::000000000000:root" }, "Condition": { "StringEquals": { "sts:ExternalId": "ours" } } })).await;
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let root = root();
    let keys = format!(
        "aws_access_key_id = {}\naws_secret_access_key = {}\n",
        root.access_key_id, *root.secret_access_key
    );
    fs::write(path("credentials"), format!("[keys]\n{keys}")).unwrap();
    let command = path("command");
    let printed = document()
        .replace("\"Token\"", "\"SessionToken\"")
        .replacen('{', "{\"Version\":1,", 1);
    fs::write(&command, format!("#!/bin/sh\necho '{printed}'\n")).unwrap();
    fs::set_permissions(&command, fs::Permissions::from_mode(0o700)).unwrap();
    let config = format!(
        "[profile role]\nrole_arn = {ROLE}\nsource_profile = keys\nexternal_id = ours\nregion = {REGION}\n\
         [profile stranger]\nrole_arn = {ROLE}\nsource_profile = keys\n[profile process]\ncredential_process = {command}\n"
    );
    fs::write(path("config"), config).unwrap();
    let (config_file, credentials_file) = (path("config"), path("credentials"));
    let profile = |name: &str| json!({ "profile": { "name": name, "config_file": config_file, "credentials_file": credentials_file } });
    for name in ["keys", "process", "role"] {
        works(&emulator, profile(name), &[]).await;
    }
    works(&emulator, json!({ "process": { "command": command } }), &[]).await;
    let environment = [
        ("AWS_PROFILE", "role"),
        ("AWS_CONFIG_FILE", config_file.as_str()),
        ("AWS_SHARED_CREDENTIALS_FILE", credentials_file.as_str()),
    ];
    works(&emulator, json!("chain"), &environment).await;
    let fault = plugin(
        json!({ "endpoint": emulator.url, "credentials": profile("stranger") }),
        &[],
    )
    .await
    .err()
    .unwrap();
    assert_fault(
        &fault,
        FaultKind::CONFIG,
        &["refuses the role", ROLE, "trust policy"],
    );
}

#[tokio::test]
async fn the_environment_alone_is_enough() {
    let emulator = emulator_with_x().await;
    let root = root();
    let environment = [
        ("AWS_ACCESS_KEY_ID", root.access_key_id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", &root.secret_access_key),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &emulator.url),
    ];
    let config = json!({ "credentials": "chain" });
    let plugin = plugin(config, &environment).await.unwrap();
    assert_eq!(variables(&plugin).await, pairs(&[("X", "v")]));
}

/// STS as documented: the emulator has the operation too, but takes any token.
fn sts(request: &Recorded) -> Answer {
    let form: Vec<&str> = request.body.split('&').collect();
    if !form.contains(&"Version=2011-06-15") {
        return answer(400, "");
    }
    if form[0] == "Action=GetCallerIdentity" {
        return answer(
            200,
            format!(
                "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{ROLE}</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>"
            ),
        );
    }
    let good = [
        "Action=AssumeRoleWithWebIdentity",
        "RoleSessionName=provisionhook",
        "WebIdentityToken=head.b%2Bd%2Fy.sig",
    ];
    if good.iter().any(|field| !form.contains(field)) || request.header("authorization").is_some() {
        return answer(
            400,
            "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidIdentityToken</Code><Message>Couldn't retrieve verification key</Message></Error></ErrorResponse>",
        );
    }
    let root = root();
    answer(
        200,
        format!(
            "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{}</AccessKeyId>\
             <SecretAccessKey>{}</SecretAccessKey><SessionToken>session</SessionToken><Expiration>{}</Expiration></Credentials>\
             </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
            root.access_key_id,
            *root.secret_access_key,
            jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)
        ),
    )
}

/// A file with this token, and a config and an environment that lead to it.
fn web_identity(
    token: &str,
    sts: &Scripted,
    secrets: &Scripted,
) -> (TempDir, Value, [(&'static str, String); 2]) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, token).unwrap();
    let environment = [
        (
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            file.to_str().unwrap().to_owned(),
        ),
        ("AWS_ROLE_ARN", ROLE.to_owned()),
    ];
    let config = json!({ "endpoint": secrets.url, "sts_endpoint": sts.url, "credentials": "chain", "cache_seconds": 0 });
    (directory, config, environment)
}

async fn with_x() -> Scripted {
    Scripted::start(|_| answer(200, r#"{"Name":"x","SecretString":"v"}"#)).await
}

#[tokio::test]
async fn a_web_identity_is_exchanged_again_at_half_of_the_roles_hour() {
    let (sts, secrets) = (Scripted::start(sts).await, with_x().await);
    let (_directory, config, environment) = web_identity("head.b+d/y.sig\n", &sts, &secrets);
    let plugin = plugin(
        config,
        &environment
            .each_ref()
            .map(|(name, value)| (*name, value.as_str())),
    )
    .await
    .unwrap();
    let exchanges = || {
        sts.recorded()
            .iter()
            .filter(|request| request.body.contains("WebIdentityToken"))
            .count()
    };
    for (clock, expected) in [(0, 1), (60, 1), (1900, 2)] {
        plugin.outside().set_clock(clock);
        assert_eq!(variables(&plugin).await, pairs(&[("X", "v")]));
        assert_eq!(exchanges(), expected, "at {clock} s");
    }
    let signed = Signed {
        access_key_id: &root().access_key_id,
        secret_access_key: &root().secret_access_key,
        session_token: Some("session"),
        service: "secretsmanager",
        region: REGION,
    };
    let asked = secrets.recorded();
    let mut all: Vec<Value> = asked.iter().map(|request| case(request, signed)).collect();
    let identity = sts
        .recorded()
        .into_iter()
        .find(|request| request.body.contains("GetCallerIdentity"));
    all.push(case(
        &identity.unwrap(),
        Signed {
            service: "sts",
            ..signed
        },
    ));
    agrees(&all);
}

#[tokio::test]
async fn a_web_identity_that_is_not_trusted_is_told_at_boot() {
    let (sts, secrets) = (Scripted::start(sts).await, with_x().await);
    let (_directory, config, environment) = web_identity("hunter2", &sts, &secrets);
    let boot = plugin(
        config,
        &environment
            .each_ref()
            .map(|(name, value)| (*name, value.as_str())),
    )
    .await;
    let fault = boot.err().unwrap();
    assert_fault(
        &fault,
        FaultKind::CONFIG,
        &["InvalidIdentityToken", "verification key"],
    );
    assert!(!fault.message().contains("hunter2"));
}

#[tokio::test]
async fn the_emulator_exchanges_a_web_identity_too() {
    let emulator = emulator_with_x().await;
    let url = "https://issuer.example";
    emulator
        .form(
            "iam",
            &[
                ("Action", "CreateOpenIDConnectProvider"),
                ("Version", "2010-05-08"),
                ("Url", url),
                ("ClientIDList.member.1", "sts.amazonaws.com"),
                ("ThumbprintList.member.1", &"0".repeat(40)),
            ],
        )
        .await;
    role(&emulator, json!({ "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": { "Federated": "arn:aws:iam::000000000000:oidc-provider/issuer.example" } })).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, unsigned_jwt()).unwrap();
    let config = json!({ "web_identity": { "role_arn": ROLE, "token_file": file } });
    works(&emulator, config, &[]).await;
}

/// The emulator looks at who issued it and for whom, and not at its signature.
fn unsigned_jwt() -> String {
    let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let claims = json!({ "iss": "https://issuer.example", "sub": "platform", "aud": "sts.amazonaws.com", "exp": 4_000_000_000_u64, "iat": 1 });
    format!(
        "{}.{}.c2ln",
        part(json!({ "alg": "RS256", "kid": "k" })),
        part(claims)
    )
}
