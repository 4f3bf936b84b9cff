//! A platform to be killed: `start_and_hang ROOT SUPERVISOR ID COMMAND...` starts one workspace, says `started`, and waits for its end, or for its own.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use provisionhook_host::runtime::{LocalRuntime, Runtime, StartSpec};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || {
        arguments
            .next()
            .ok_or("expected ROOT SUPERVISOR ID COMMAND...")
    };
    let (root, supervisor, id) = (next()?, next()?, next()?.parse()?);
    let runtime = LocalRuntime::new(Path::new(&root), vec![supervisor.into()])?;
    let spec = StartSpec::new(id, arguments.collect(), Vec::new())?;
    runtime.start(&spec).await?;
    std::io::stdout().write_all(b"started\n")?;
    runtime.wait(spec.id()).await?;
    Ok(())
}
