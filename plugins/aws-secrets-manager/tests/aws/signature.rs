//! Signatures that are hard to get right, against botocore.

use aws_secrets_manager::{credentials::Credentials, signer};
use jiff::Timestamp;
use provisionhook_provider_kit::outside::Request;

use crate::{
    botocore::{Signed, agrees, case},
    scripted::Recorded,
};

fn signed(request: Request, signed: Signed<'_>, at: &str) -> serde_json::Value {
    let credentials = Credentials {
        access_key_id: signed.access_key_id.to_owned(),
        secret_access_key: signed.secret_access_key.to_owned().into(),
        session_token: signed.session_token.map(|token| token.to_owned().into()),
        expires_at: None,
    };
    let at: Timestamp = at.parse().unwrap();
    let request = signer::sign(request, &credentials, (signed.service, signed.region), at).unwrap();
    let host = request.url.split('/').nth(2).unwrap().to_owned();
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()));
    let recorded = Recorded {
        method: request.method.to_owned(),
        url: request.url.clone(),
        headers: headers.chain([("host".to_owned(), host)]).collect(),
        body: String::from_utf8(request.body.to_vec()).unwrap(),
    };
    case(&recorded, signed)
}

const PLAIN: Signed<'_> = Signed {
    access_key_id: "AKIAIOSFODNN7EXAMPLE",
    secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    session_token: None,
    service: "secretsmanager",
    region: "eu-central-1",
};

fn question(url: &str, body: &str) -> Request {
    Request::post(url)
        .header("x-amz-target", "secretsmanager.GetSecretValue")
        .body("application/x-amz-json-1.1", body)
}

#[test]
fn botocore_signs_the_same() {
    let usual = "https://secretsmanager.eu-central-1.amazonaws.com/";
    let session = Signed {
        session_token: Some("IQoJb3JpZ2luX2VjEH4//////////wEa+/=="),
        ..PLAIN
    };
    let sts = Signed {
        service: "sts",
        region: "us-east-1",
        ..session
    };
    let form = Request::post("https://sts.us-east-1.amazonaws.com/").body(
        "application/x-www-form-urlencoded; charset=utf-8",
        "Action=GetCallerIdentity&Version=2011-06-15",
    );
    let spaced = question(usual, r#"{"SecretId":"prod/db"}"#).header("x-amz-meta", "  a   b  ");
    agrees(&[
        signed(
            question(usual, r#"{"SecretId":"prod/db"}"#),
            PLAIN,
            "2026-11-27T08:00:00Z",
        ),
        signed(
            question(usual, r#"{"SecretId":"prod/db"}"#),
            session,
            "2026-11-27T08:00:00.999Z",
        ),
        signed(
            question(usual, r#"{"SecretId":"a+b=c@d_e.f-g"}"#),
            session,
            "2026-01-02T03:04:05Z",
        ),
        signed(
            question("http://127.0.0.1:4566/", r#"{"SecretId":"x"}"#),
            PLAIN,
            "2026-12-31T23:59:59Z",
        ),
        signed(
            question(
                "https://vpce-1.secretsmanager.eu-central-1.vpce.amazonaws.com/",
                r#"{"SecretId":"x"}"#,
            ),
            Signed {
                region: "cn-north-1",
                ..PLAIN
            },
            "1999-12-31T23:59:59Z",
        ),
        signed(spaced, PLAIN, "2026-11-27T08:00:00Z"),
        signed(form, sts, "2026-11-27T08:00:00Z"),
    ]);
}

#[test]
fn botocore_notices_a_wrong_one() {
    let mut wrong = signed(
        question("https://x.example/", r#"{"SecretId":"x"}"#),
        PLAIN,
        "2026-11-27T08:00:00Z",
    );
    wrong["secret_access_key"] = serde_json::json!("another");
    assert!(std::panic::catch_unwind(|| agrees(&[wrong])).is_err());
    let unknown = signed(
        question("https://x.example/", r#"{"Id":"x"}"#),
        PLAIN,
        "2026-11-27T08:00:00Z",
    );
    assert!(std::panic::catch_unwind(|| agrees(&[unknown])).is_err());
}
