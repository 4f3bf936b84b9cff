//! A platform to be killed: `record_and_hang FILE` records workspaces `a-0`, `a-1`, … and says each id once it is recorded, until it is killed.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use provisionhook_host::store::{Store, WorkspaceSpec};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("expected FILE")?;
    let store = Store::open(Path::new(&path))?;
    let spec: WorkspaceSpec = serde_json::from_str(r#"{"runtime":"local","command":["true"]}"#)?;
    for number in 0_u64.. {
        let id = format!("a-{number}").parse()?;
        store.insert(&id, "", &spec).await?;
        writeln!(std::io::stdout(), "{id}")?;
    }
    Ok(())
}
