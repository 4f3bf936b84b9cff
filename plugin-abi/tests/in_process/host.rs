//! The host that the tests play: it keeps all that a plugin hands over.

use std::{
    collections::BTreeMap,
    ffi::c_void,
    ptr,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use provisionhook_plugin_abi::{
    ffi::Exported,
    pointer,
    wire::{
        self, ABI_MAJOR, ABI_MINOR, Bytes, CLOCK_1, Clock1, ENV_ABSENT, ENV_MUTATOR_1, ENV_OK,
        ENV_REFUSED, EnvMutator1, EnvStatus, EnvVtable, FaultKind, HTTP_1, Http1, HttpRequest,
        HttpSink, Instance, LEVEL_INFO, LOG_1, Log1, LogRecord, MAGIC, Op, OpVtable, POLL_FAULT,
        POLL_PENDING, POLL_READY, Poll, Prefix, ReplyVtable, SET_SECRET, Scope, Str,
        TOKEN_PROVIDER_1, Token, TokenProvider1, Waker, WakerVtable, wire_size,
    },
};

/// A log record: level, target, message, fields.
pub(crate) type Record = (u32, String, String, Vec<(String, String)>);

/// A host, with what was logged and asked.
#[repr(C)]
pub(crate) struct TestHost {
    table: wire::Host,
    pub(crate) logged: Mutex<Vec<Record>>,
    pub(crate) requests: Mutex<Vec<String>>,
}

impl TestHost {
    pub(crate) fn new() -> Box<Self> {
        let prefix = Prefix {
            magic: MAGIC,
            struct_size: wire_size::<wire::Host>(),
            abi_major: ABI_MAJOR,
            abi_minor: ABI_MINOR,
        };
        let table = wire::Host {
            prefix,
            extension: Some(service),
        };
        Box::new(Self {
            table,
            logged: Mutex::default(),
            requests: Mutex::default(),
        })
    }
}

fn text(text: Str) -> String {
    // SAFETY: lent for the callback that this runs in.
    unsafe { pointer::text(text) }.unwrap().to_owned()
}

fn host<'a>(raw: *const wire::Host) -> &'a TestHost {
    // SAFETY: the table is the first field of the test's host, which outlives its plugins.
    unsafe { &*raw.cast::<TestHost>() }
}

unsafe extern "C" fn service(_: *const wire::Host, id: Str) -> *const c_void {
    static LOG: Log1 = Log1 {
        struct_size: wire_size::<Log1>(),
        reserved: 0,
        enabled: Some(enabled),
        log: Some(log),
    };
    static CLOCK: Clock1 = Clock1 {
        struct_size: wire_size::<Clock1>(),
        reserved: 0,
        unix_ms: Some(unix_ms),
        monotonic_ns: Some(monotonic_ns),
        sleep: Some(sleep),
    };
    static HTTP: Http1 = Http1 {
        struct_size: wire_size::<Http1>(),
        reserved: 0,
        send: Some(send),
        fetch: None,
    };
    match text(id).as_str() {
        LOG_1 => (&raw const LOG).cast(),
        CLOCK_1 => (&raw const CLOCK).cast(),
        HTTP_1 => (&raw const HTTP).cast(),
        _ => ptr::null(),
    }
}

unsafe extern "C" fn enabled(_: *const wire::Host, level: u32) -> u32 {
    u32::from(level <= LEVEL_INFO)
}

unsafe extern "C" fn log(raw: *const wire::Host, record: *const LogRecord) {
    // SAFETY: lent for this call.
    let record = unsafe { pointer::sized(record) }.unwrap();
    // SAFETY: lent for this call.
    let fields = unsafe { pointer::slice(record.fields, record.field_count) }.unwrap();
    let fields = fields
        .iter()
        .map(|pair| (text(pair.key), text(pair.value)))
        .collect();
    host(raw).logged.lock().unwrap().push((
        record.level,
        text(record.target),
        text(record.message),
        fields,
    ));
}

unsafe extern "C" fn unix_ms(_: *const wire::Host) -> i64 {
    1_700_000_000_123
}

unsafe extern "C" fn monotonic_ns(_: *const wire::Host) -> u64 {
    5_000_000_000
}

/// An operation that is pending once, wakes at once, and then ends.
#[repr(C)]
struct TwoSteps {
    op: Op,
    polled: bool,
    sink: *mut HttpSink,
    fails: bool,
}

static TWO_STEPS: OpVtable = OpVtable {
    struct_size: wire_size::<OpVtable>(),
    reserved: 0,
    poll: Some(two_steps_poll),
    drop: Some(two_steps_drop),
};

/// How many of the host's operations are alive.
pub(crate) static LIVE_OPERATIONS: AtomicUsize = AtomicUsize::new(0);

fn two_steps(sink: *mut HttpSink, fails: bool) -> *mut Op {
    LIVE_OPERATIONS.fetch_add(1, Ordering::SeqCst);
    Box::into_raw(Box::new(TwoSteps {
        op: Op { vtable: &TWO_STEPS },
        polled: false,
        sink,
        fails,
    }))
    .cast()
}

unsafe extern "C" fn sleep(_: *const wire::Host, _: u64) -> *mut Op {
    two_steps(ptr::null_mut(), false)
}

unsafe extern "C" fn send(
    raw: *const wire::Host,
    request: *const HttpRequest,
    sink: *mut HttpSink,
) -> *mut Op {
    // SAFETY: lent for this call.
    let request = unsafe { pointer::sized(request) }.unwrap();
    // SAFETY: lent for this call.
    let headers = unsafe { pointer::slice(request.headers, request.header_count) }.unwrap();
    // SAFETY: lent for this call.
    let body = unsafe { pointer::bytes(request.body) }.unwrap();
    let mut line = format!("{} {}", text(request.method), text(request.url));
    for header in headers {
        line += &format!(" [{}: {}]", text(header.key), text(header.value));
    }
    line += &format!(
        " {} {}ms",
        String::from_utf8_lossy(body),
        request.timeout_ms
    );
    let fails = line.contains("/refused");
    host(raw).requests.lock().unwrap().push(line);
    two_steps(sink, fails)
}

unsafe extern "C" fn two_steps_poll(op: *mut Op, waker: *const Waker) -> Poll {
    // SAFETY: made by `two_steps`, not dropped yet.
    let step = unsafe { &mut *op.cast::<TwoSteps>() };
    if !step.polled {
        step.polled = true;
        // SAFETY: lent for this call.
        let waker = unsafe { *waker };
        // SAFETY: a waker's table lives as long as the waker.
        let table = unsafe { *waker.vtable };
        // SAFETY: each function is given the data that belongs to it, and each clone ends once.
        let (kept, discarded) = unsafe {
            (
                table.clone.unwrap()(waker.data),
                table.clone.unwrap()(waker.data),
            )
        };
        // SAFETY: as above.
        unsafe { table.drop.unwrap()(discarded) };
        // SAFETY: as above.
        unsafe { table.wake.unwrap()(kept) };
        return POLL_PENDING;
    }
    if step.sink.is_null() {
        return POLL_READY;
    }
    // SAFETY: the sink outlives the operation.
    let table = unsafe { *(*step.sink).vtable };
    if step.fails {
        let fault = wire::Fault {
            struct_size: wire_size::<wire::Fault>(),
            kind: FaultKind::DENIED,
            message: Str::new("host not granted"),
            retry_after_ms: 1500,
        };
        // SAFETY: the fault lives through the call.
        unsafe { table.fault.unwrap()(step.sink, &raw const fault) };
        return POLL_FAULT;
    }
    // SAFETY: the sink is alive, and the strings are statics.
    unsafe { table.status.unwrap()(step.sink, 201) };
    // SAFETY: as above.
    unsafe {
        table.header.unwrap()(
            step.sink,
            Str::new("content-type"),
            Str::new("application/json"),
        )
    };
    for piece in ["{\"token\":", "\"ghs_1\"}"] {
        // SAFETY: as above.
        unsafe { table.body.unwrap()(step.sink, Bytes::new(piece.as_bytes())) };
    }
    POLL_READY
}

unsafe extern "C" fn two_steps_drop(op: *mut Op) {
    // SAFETY: made by `two_steps`, dropped once.
    drop(unsafe { Box::from_raw(op.cast::<TwoSteps>()) });
    LIVE_OPERATIONS.fetch_sub(1, Ordering::SeqCst);
}

/// What a plugin handed over in one call.
#[repr(C)]
pub(crate) struct TestReply {
    reply: wire::Reply,
    pub(crate) fault: Option<(FaultKind, String, u64)>,
    pub(crate) token: Option<(String, i64, String)>,
    pub(crate) pending: *mut Op,
}

static REPLY: ReplyVtable = ReplyVtable {
    struct_size: wire_size::<ReplyVtable>(),
    reserved: 0,
    fault: Some(reply_fault),
    token: Some(reply_token),
    pending: Some(reply_pending),
};

impl TestReply {
    pub(crate) fn new() -> Self {
        Self {
            reply: wire::Reply { vtable: &REPLY },
            fault: None,
            token: None,
            pending: ptr::null_mut(),
        }
    }

    pub(crate) fn raw(&mut self) -> *mut wire::Reply {
        ptr::from_mut(self).cast()
    }
}

unsafe extern "C" fn reply_fault(reply: *mut wire::Reply, fault: *const wire::Fault) {
    // SAFETY: lent for this call.
    let fault = unsafe { pointer::sized(fault) }.unwrap();
    // SAFETY: the reply is the first field of a live `TestReply`.
    unsafe { &mut *reply.cast::<TestReply>() }.fault =
        Some((fault.kind, text(fault.message), fault.retry_after_ms));
}

unsafe extern "C" fn reply_token(reply: *mut wire::Reply, token: *const Token) {
    // SAFETY: lent for this call.
    let token = unsafe { pointer::sized(token) }.unwrap();
    let token = (
        text(token.value),
        token.expires_at_unix_ms,
        text(token.username),
    );
    // SAFETY: the reply is the first field of a live `TestReply`.
    unsafe { &mut *reply.cast::<TestReply>() }.token = Some(token);
}

unsafe extern "C" fn reply_pending(reply: *mut wire::Reply, op: *mut Op) {
    // SAFETY: the reply is the first field of a live `TestReply`.
    unsafe { &mut *reply.cast::<TestReply>() }.pending = op;
}

/// An environment: a map, with the secret flag. `FORBIDDEN` is refused.
#[repr(C)]
pub(crate) struct TestEnv {
    env: wire::Env,
    pub(crate) variables: BTreeMap<String, (String, bool)>,
}

static ENV: EnvVtable = EnvVtable {
    struct_size: wire_size::<EnvVtable>(),
    reserved: 0,
    get: Some(env_get),
    set: Some(env_set),
    unset: Some(env_unset),
};

impl TestEnv {
    pub(crate) fn new() -> Self {
        Self {
            env: wire::Env { vtable: &ENV },
            variables: BTreeMap::new(),
        }
    }

    pub(crate) fn raw(&mut self) -> *mut wire::Env {
        ptr::from_mut(self).cast()
    }

    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        self.variables.get(key).map(|(value, _)| value.as_str())
    }
}

fn env<'a>(raw: *mut wire::Env) -> &'a mut TestEnv {
    // SAFETY: the handle is the first field of a live `TestEnv`, which only the running call uses.
    unsafe { &mut *raw.cast::<TestEnv>() }
}

unsafe extern "C" fn env_get(raw: *mut wire::Env, key: Str, value: *mut Str) -> EnvStatus {
    match env(raw).variables.get(&text(key)) {
        Some((found, _)) => {
            // SAFETY: the plugin's own place for a string.
            unsafe { value.write(Str::new(found)) };
            ENV_OK
        }
        None => ENV_ABSENT,
    }
}

unsafe extern "C" fn env_set(raw: *mut wire::Env, key: Str, value: Str, flags: u32) -> EnvStatus {
    if text(key) == "FORBIDDEN" {
        return ENV_REFUSED;
    }
    env(raw)
        .variables
        .insert(text(key), (text(value), flags & SET_SECRET != 0));
    ENV_OK
}

unsafe extern "C" fn env_unset(raw: *mut wire::Env, key: Str) -> EnvStatus {
    env(raw).variables.remove(&text(key));
    ENV_OK
}

/// A waker that counts.
pub(crate) struct Woken(pub(crate) AtomicUsize);

static COUNTING: WakerVtable = WakerVtable {
    struct_size: wire_size::<WakerVtable>(),
    reserved: 0,
    clone: Some(same),
    wake: Some(count),
    wake_by_ref: Some(count),
    drop: Some(nothing),
};

impl Woken {
    pub(crate) fn waker(&self) -> Waker {
        Waker {
            vtable: &COUNTING,
            data: ptr::from_ref(self).cast_mut().cast(),
        }
    }
}

unsafe extern "C" fn same(data: *mut c_void) -> *mut c_void {
    data
}

unsafe extern "C" fn count(data: *mut c_void) {
    // SAFETY: the data of every waker with this table is a live `Woken`.
    unsafe { &*data.cast::<Woken>() }
        .0
        .fetch_add(1, Ordering::SeqCst);
}

unsafe extern "C" fn nothing(_: *mut c_void) {}

/// A plugin made through its entry; destroyed when dropped.
pub(crate) struct Loaded {
    entry: &'static wire::Entry,
    instance: *mut Instance,
    pub(crate) host: Box<TestHost>,
}

impl Loaded {
    pub(crate) fn create<P: Exported>(config: &str) -> Result<Self, (FaultKind, String, u64)> {
        let (entry, host) = (P::entry(), TestHost::new());
        let (mut reply, mut instance) = (TestReply::new(), ptr::null_mut());
        let create = entry.create.unwrap();
        let config = Bytes::new(config.as_bytes());
        // SAFETY: all arguments live through the call, and the host until `destroy`.
        let ended = unsafe {
            create(
                &raw const host.table,
                config,
                reply.raw(),
                &raw mut instance,
            )
        };
        match ended {
            POLL_READY => Ok(Self {
                entry,
                instance,
                host,
            }),
            _ => Err(reply.fault.unwrap()),
        }
    }

    pub(crate) fn mutate(&self, env: &mut TestEnv, reply: &mut TestReply) -> Poll {
        // SAFETY: the contract gives this table, or null, for this id.
        let table = unsafe { self.table::<EnvMutator1>(ENV_MUTATOR_1) }.unwrap();
        let call = call("ws-1");
        // SAFETY: all arguments live until the call has ended, because the tests keep them.
        unsafe {
            table.mutate.unwrap()(
                self.instance,
                Box::leak(Box::new(call)),
                env.raw(),
                reply.raw(),
            )
        }
    }

    pub(crate) fn token(&self, repositories: &'static [Str], reply: &mut TestReply) -> Poll {
        // SAFETY: the contract gives this table, or null, for this id.
        let table = unsafe { self.table::<TokenProvider1>(TOKEN_PROVIDER_1) }.unwrap();
        let scope = Scope {
            struct_size: wire_size::<Scope>(),
            flags: 0,
            audience: Str::new("github.com"),
            repositories: repositories.as_ptr(),
            repository_count: repositories.len(),
            permissions: ptr::null(),
            permission_count: 0,
        };
        let (call, scope) = (Box::leak(Box::new(call(""))), Box::leak(Box::new(scope)));
        // SAFETY: all arguments live until the call has ended.
        unsafe { table.token.unwrap()(self.instance, call, scope, reply.raw()) }
    }

    /// # Safety
    ///
    /// `T` is the type that the contract names `id`.
    pub(crate) unsafe fn table<T>(&self, id: &str) -> Option<&'static T> {
        let extension = self.entry.extension.unwrap();
        // SAFETY: the id lives through the call.
        let table = unsafe { extension(Str::new(id)) };
        // SAFETY: null or a table of that type, which lives as long as the plugin.
        unsafe { table.cast::<T>().as_ref() }
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // SAFETY: the test's calls have ended.
        unsafe { self.entry.destroy.unwrap()(self.instance) };
    }
}

fn call(id: &'static str) -> wire::Call {
    wire::Call {
        struct_size: wire_size::<wire::Call>(),
        flags: 0,
        workspace_id: Str::new(id),
        workspace_name: Str::new("demo"),
        tenant: Str::new("acme"),
        role: Str::EMPTY,
        runtime: Str::new("local"),
        labels: ptr::null(),
        label_count: 0,
        deadline_ns: 7_000_000_000,
        traceparent: Str::EMPTY,
    }
}

/// An operation that the test owns as a host does.
pub(crate) struct Owned(pub(crate) *mut Op);

impl Owned {
    pub(crate) fn poll(&mut self, waker: &Waker) -> Poll {
        // SAFETY: a live operation has a table.
        let table = unsafe { *(*self.0).vtable };
        // SAFETY: a live operation, polled from one thread at a time.
        unsafe { table.poll.unwrap()(self.0, waker) }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: a live operation has a table.
        let table = unsafe { *(*self.0).vtable };
        // SAFETY: dropped once.
        unsafe { table.drop.unwrap()(self.0) };
    }
}
