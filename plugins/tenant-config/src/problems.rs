//! What is wrong, collected: an operator mends everything in one go.

use std::fmt::Write as _;

use provisionhook_plugin_abi::sdk::Fault;

/// The host cuts a longer message off.
const MOST_BYTES: usize = 3800;

/// A `config` fault with as many of the problems as it can hold. The rest is counted; all of them are in the log.
pub(crate) fn fault(problems: &[String]) -> Fault {
    let mut text = String::new();
    for (at, problem) in problems.iter().enumerate() {
        if at > 0 && text.len() + problem.len() > MOST_BYTES {
            // Writing to a string does not fail.
            let _ = write!(
                text,
                "; and {} more, which the log tells",
                problems.len() - at
            );
            for problem in problems {
                tracing::error!("{problem}");
            }
            break;
        }
        text.push_str(if at == 0 { "" } else { "; " });
        text.push_str(problem);
    }
    Fault::config(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_told_as_far_as_there_is_room() {
        let few = ["a".to_owned(), "b".to_owned()];
        assert_eq!(fault(&few).message(), "a; b");
        let many: Vec<String> = (0..100)
            .map(|at| format!("{at}{}", "x".repeat(100)))
            .collect();
        let text = fault(&many).message().to_owned();
        let told = text.matches("xx; ").count();
        assert!(text.len() < 4096 && told > 30, "{text}");
        assert!(
            text.ends_with(&format!("; and {} more, which the log tells", 100 - told)),
            "{text}"
        );
    }
}
