//! Where profiles lead.

use provisionhook_plugin_abi::wire::FaultKind;

use super::*;

fn profile(name: &str) -> Profile {
    let environment = Environment::from_fn(|name| match name {
        "AWS_ACCESS_KEY_ID" => Some("AKIDENV".to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some("hunter2".to_owned()),
        "HOME" => Some("/home/platform".to_owned()),
        _ => None,
    });
    Profile::new(name, None, None, Arc::new(environment))
}

/// # Errors
/// As `Profile::way`.
fn way(name: &str, config: &str, credentials: &str) -> Result<(String, Vec<String>), Fault> {
    let files = Files {
        config: config.to_owned().into(),
        credentials: credentials.to_owned().into(),
    };
    let way = profile(name).way(&files)?;
    let source = match &way.source {
        Source::Given(credentials) => credentials.access_key_id.clone(),
        Source::Process(command) => command.clone(),
        other @ (Source::WebIdentity(_)
        | Source::Container(_)
        | Source::Instance(_)
        | Source::Profile(_)) => other.name().to_owned(),
    };
    Ok((
        source,
        way.roles.into_iter().map(|role| role.role_arn).collect(),
    ))
}

#[test]
fn each_form_leads_somewhere() {
    let credentials = "[base]\naws_access_key_id=AKIDBASE\naws_secret_access_key=hunter2\n";
    let config = "
[profile process]
credential_process = /bin/x --y
[profile admin]
role_arn = arn:admin
source_profile = deploy
[profile deploy]
role_arn = arn:deploy
source_profile = base
external_id = e
[profile own]
role_arn = arn:own
source_profile = own
aws_access_key_id = AKIDOWN
aws_secret_access_key = hunter2
[profile env]
role_arn = arn:env
credential_source = Environment
[profile instance]
role_arn = arn:instance
credential_source = Ec2InstanceMetadata
[profile web]
role_arn = arn:web
web_identity_token_file = /token
";
    let roles = |roles: &[&str]| {
        roles
            .iter()
            .map(|role| (*role).to_owned())
            .collect::<Vec<_>>()
    };
    let expectations = [
        ("base", "AKIDBASE", roles(&[])),
        ("process", "/bin/x --y", roles(&[])),
        ("admin", "AKIDBASE", roles(&["arn:admin", "arn:deploy"])),
        ("own", "AKIDOWN", roles(&["arn:own"])),
        ("env", "AKIDENV", roles(&["arn:env"])),
        ("instance", "instance metadata", roles(&["arn:instance"])),
        ("web", "web identity", roles(&[])),
    ];
    for (name, source, roles) in expectations {
        assert_eq!(
            way(name, config, credentials),
            Ok((source.to_owned(), roles)),
            "{name}"
        );
    }
}

#[test]
fn what_leads_nowhere_is_told_with_profile_and_files() {
    let config = "
[profile empty]
region = x
[profile circle]
role_arn = a
source_profile = circle2
[profile circle2]
role_arn = b
source_profile = circle
[profile half]
role_arn = a
[profile nowhere]
role_arn = a
credential_source = Moon
[profile task]
role_arn = a
credential_source = EcsContainer
[profile person]
sso_session = x
";
    let expectations = [
        ("gone", "found no such profile"),
        ("empty", "found neither keys"),
        ("circle", "a circle"),
        ("half", "exactly one of"),
        ("nowhere", "another credential_source"),
        ("task", "no credentials there"),
        ("person", "single sign-on"),
    ];
    for (name, expected) in expectations {
        let fault = way(name, config, "").unwrap_err();
        assert_eq!(fault.kind(), FaultKind::CONFIG);
        assert!(fault.message().contains(expected), "{fault}");
        assert!(
            fault.message().contains("/home/platform/.aws/config"),
            "{fault}"
        );
    }
}
