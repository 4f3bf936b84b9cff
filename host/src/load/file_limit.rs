//! How many files the process may have open.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit on open files to the most that this process may give itself, and returns it; `None` if there is no
/// limit. For the start of a program: each plugin keeps its sealed file open until the process ends, and each workspace
/// and request has files too, while the usual limit (1024) is that of a program that uses `select`.
///
/// # Errors
/// The system refused; the limit is as it was.
pub fn raise_file_limit() -> io::Result<Option<u64>> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let most = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        setrlimit(Resource::Nofile, most)?;
    }
    Ok(limit.maximum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_limit_is_raised_to_the_most_there_may_be() {
        let before = getrlimit(Resource::Nofile);
        let lower = Rlimit {
            current: Some(512),
            ..before
        };
        setrlimit(Resource::Nofile, lower).unwrap();
        assert_eq!(raise_file_limit().unwrap(), before.maximum);
        assert_eq!(getrlimit(Resource::Nofile).current, before.maximum);
    }
}
