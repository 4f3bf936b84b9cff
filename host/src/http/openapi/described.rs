//! One operation in the document: who may ask for it, with what, and what is answered.

use axum::http::StatusCode;
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Answers};
use crate::{
    http::{
        body,
        error::ApiError,
        gate::REQUEST_ID,
        operation::Operation,
        query::{Many, Parameter, Query},
        routes::tokens::erased,
    },
    provision::{ProvisionError, ProvisionErrorKind, WorkspaceRequest},
    schema::Field,
    workspace_id::WorkspaceId,
};

/// The scheme of the admin's tokens.
const ADMIN: &str = "adminToken";
/// The scheme of a workspace's own token.
const OWN: &str = "workspaceToken";

/// The name of the body that creates a workspace.
pub(super) const WORKSPACE: &str = "WorkspaceRequest";
/// The name of the body that has a token forgotten.
pub(super) const ERASE: &str = "EraseRequest";

/// One operation.
pub(super) struct Described {
    tag: &'static str,
    id: &'static str,
    summary: &'static str,
    description: &'static str,
    security: Vec<Value>,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: Answers,
}

impl Described {
    /// One that anybody may ask for, and that waits for nothing.
    pub(super) fn open(
        tag: &'static str,
        id: &'static str,
        summary: &'static str,
        description: &'static str,
    ) -> Self {
        Self {
            tag,
            id,
            summary,
            description,
            security: Vec::new(),
            parameters: Vec::new(),
            body: None,
            answers: Answers::default(),
        }
    }

    /// The same for admins.
    pub(super) fn for_admins(mut self, schemas: &mut SchemaGenerator) -> Self {
        self.security = vec![json!({ADMIN: []})];
        self.with_token(schemas, &ApiError::admins_only())
            .fails(schemas, [ApiError::not_local()])
    }

    /// The same for the workspace that the path names.
    pub(super) fn for_workspace(mut self, schemas: &mut SchemaGenerator) -> Self {
        self.security = vec![json!({OWN: []})];
        self.with_token(schemas, &ApiError::workspace_only())
    }

    fn with_token(self, schemas: &mut SchemaGenerator, other_kind: &ApiError) -> Self {
        let minute = std::time::Duration::from_secs(60);
        let mut described = self.fails(
            schemas,
            [
                ApiError::unauthenticated(),
                ApiError::invalid_token(),
                ApiError::many_bad_tokens(minute),
                ApiError::overloaded(),
                ApiError::starting(),
            ],
        );
        described.answers.fail(other_kind, schemas);
        described
    }

    /// The same, which has to wait for a part of the platform that may fail.
    pub(super) fn works(self, schemas: &mut SchemaGenerator) -> Self {
        let failed = ApiError::internal("", "");
        self.fails(schemas, [ApiError::timed_out(), failed])
    }

    /// The same with these parameters in the query, and no others.
    pub(super) fn asks(
        mut self,
        schemas: &mut SchemaGenerator,
        parameters: &'static [Parameter],
    ) -> Self {
        self.parameters.extend(parameters.iter().map(in_query));
        let unknown = "/?unknown=1".parse().unwrap_or_default();
        let refused = Query::new(&unknown, parameters).err();
        self.fails(schemas, refused)
    }

    /// The same without parameters in the query.
    pub(super) fn asks_nothing(self, schemas: &mut SchemaGenerator) -> Self {
        self.asks(schemas, &[])
    }

    /// The same with this header of a request.
    pub(super) fn heeds(mut self, header: &Field) -> Self {
        self.parameters.push(in_header(header));
        self
    }

    /// The same with a JSON body, one of the [`requests`].
    pub(super) fn takes(
        mut self,
        schemas: &mut SchemaGenerator,
        name: &str,
        example: &Value,
    ) -> Self {
        let schema = json!({"$ref": format!("#/components/schemas/{name}")});
        self.body = Some(json!({
            "required": true,
            "content": {"application/json": {"schema": schema, "example": example}},
        }));
        self.fails(schemas, body::refusals())
    }

    /// The same, which answers so when all is well.
    pub(super) fn answers(mut self, status: StatusCode, answer: Answer) -> Self {
        self.answers.add(status, answer);
        self
    }

    /// The same, which may fail so.
    pub(super) fn fails(
        mut self,
        schemas: &mut SchemaGenerator,
        errors: impl IntoIterator<Item = ApiError>,
    ) -> Self {
        for error in errors {
            self.answers.fail(&error, schemas);
        }
        self
    }

    /// The same, which may fail so with a workspace.
    pub(super) fn fails_with(
        self,
        schemas: &mut SchemaGenerator,
        kinds: impl IntoIterator<Item = ProvisionErrorKind>,
    ) -> Self {
        let error = |kind| ApiError::from(failure(kind));
        self.fails(schemas, kinds.into_iter().map(error))
    }

    pub(super) fn shown(self, operation: Operation) -> Value {
        let in_path = operation
            .route()
            .pattern()
            .split(['{', '}'])
            .skip(1)
            .step_by(2);
        let mut parameters: Vec<_> = in_path.map(shared).collect();
        parameters.extend(self.parameters);
        parameters.push(shared(REQUEST_ID.as_str()));
        let mut shown = json!({
            "tags": [self.tag],
            "operationId": self.id,
            "summary": self.summary,
            "description": self.description,
            "security": self.security,
            "parameters": parameters,
            "responses": self.answers.shown(),
        });
        if let Some(body) = self.body {
            shown["requestBody"] = body;
        }
        shown
    }
}

fn failure(kind: ProvisionErrorKind) -> ProvisionError {
    let is_recorded = matches!(kind, ProvisionErrorKind::Failed(..));
    ProvisionError {
        id: "ws-mine".parse().ok().filter(|_| is_recorded),
        kind,
        source: None,
    }
}

/// What bodies of requests may hold, by name.
pub(super) fn requests() -> [(&'static str, Value); 2] {
    [
        (ERASE, json!(erased())),
        (WORKSPACE, json!(WorkspaceRequest::schema())),
    ]
}

/// The parameters that several operations have.
pub(super) fn parameters() -> Map<String, Value> {
    let text = json!({"type": "string"});
    let in_path = |name, about, schema: Value| {
        let shown = json!({
            "name": name, "in": "path", "required": true, "description": about, "schema": schema,
        });
        (name, shown)
    };
    let id = json!(WorkspaceId::schema());
    let own = "An id for the log, which the answer has, too: at most 64 letters, digits, `-`, `_`, `.`; another is replaced.";
    let name = json!({"type": "string", "minLength": 1});
    let request =
        json!({"name": "X-Request-Id", "in": "header", "description": own, "schema": text});
    [
        in_path("id", "The id of a workspace.", id),
        in_path(
            "provider",
            "The name of a plugin that provides tokens.",
            name,
        ),
        (REQUEST_ID.as_str(), request),
    ]
    .into_iter()
    .map(|(name, shown)| (name.to_owned(), shown))
    .collect()
}

/// The ways to say who is asking.
pub(super) fn schemes() -> Value {
    let bearer = |about| json!({"type": "http", "scheme": "bearer", "description": about});
    json!({
        ADMIN: bearer("One of the operator's admin tokens. In the development mode there are none, and none is asked for."),
        OWN: bearer("The own token of the workspace that the path names, `phw_…`: in its environment as `PROVISIONHOOK_TOKEN`, and in the answer \
            that created or restarted it."),
    })
}

fn shared(name: &str) -> Value {
    json!({"$ref": format!("#/components/parameters/{name}")})
}

fn in_query(parameter: &Parameter) -> Value {
    let Field {
        name,
        about,
        schema,
    } = parameter.field;
    let mut shown = json!({"name": name, "in": "query", "description": about, "schema": schema()});
    if parameter.many != Many::No {
        shown["style"] = "form".into();
        shown["explode"] = (parameter.many == Many::Repeated).into();
    }
    shown
}

fn in_header(header: &Field) -> Value {
    let schema = (header.schema)();
    json!({"name": header.name, "in": "header", "description": header.about, "schema": schema})
}
