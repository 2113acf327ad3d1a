//! What the cases say when something is not as it should be, and how they wait.

use std::future::Future;
use std::time::{Duration, Instant};

use ha_tests::keycloak::Answer;
use libtest_mimic::Failed;
use serde_json::Value;

use crate::outcome::Outcome;

/// Between two looks at something that is waited for.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Fails the case unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        let holds: bool = $condition;
        if !holds {
            return Err(libtest_mimic::Failed::from(format!($($message)+)));
        }
    };
}
pub(crate) use ensure;

/// Fails the case unless both are equal.
macro_rules! ensure_eq {
    ($left:expr, $right:expr, $($message:tt)+) => {{
        // A match keeps temporaries alive, as assert_eq! does.
        match (&$left, &$right) {
            (left, right) => {
                if left != right {
                    let message = format!($($message)+);
                    return Err(libtest_mimic::Failed::from(format!("{message}: {left:?} is not {right:?}")));
                }
            }
        }
    }};
}
pub(crate) use ensure_eq;

/// Waits until `look` says yes.
pub(crate) async fn until<F, Fut>(limit: Duration, what: &str, look: F) -> Outcome
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<bool, Failed>>,
{
    let began = Instant::now();
    while !look().await? {
        ensure!(began.elapsed() < limit, "{what}: not within {} s", limit.as_secs_f32());
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

/// How a refusal is asked for and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    Program,
    Person,
}

/// The clear answer of a node that does not write.
pub(crate) fn ensure_refused(answer: &Answer, status: u16, reader: Reader) -> Outcome {
    ensure_eq!(answer.status, status, "the refusal's status ({})", answer.shown());
    let kept = answer.header("cache-control").unwrap_or_default();
    ensure!(kept.split(',').any(|word| word.trim() == "no-store"), "a refusal is not to be kept, but: {kept}");
    if status == 503 {
        let wait = answer.header("retry-after").and_then(|value| value.parse::<u32>().ok());
        ensure!(wait.is_some_and(|seconds| seconds > 0), "no Retry-After: {:?}", answer.headers);
    }
    let kind = answer.header("content-type").unwrap_or_default();
    match reader {
        Reader::Program => {
            ensure!(kind.starts_with("application/json"), "a program got {kind}");
            ensure_eq!(answer.field("error")?, "read_only_node", "the error's name");
            ensure!(
                answer.field("error_description")?.contains("read-only"),
                "it does not say why: {}",
                answer.shown()
            );
        }
        Reader::Person => {
            ensure!(kind.starts_with("text/html"), "a person got {kind}: {}", answer.shown());
            ensure!(answer.text.contains("read-only"), "it does not say why: {}", answer.shown());
        }
    }
    Ok(())
}

/// Whether a login was refused for what was given, as opposed to an accident of the server.
pub(crate) fn is_denied(answer: &Answer) -> bool {
    matches!(answer.status, 400 | 401) && answer.text.contains("\"invalid_grant\"")
}

/// The names (or whatever `field` is) in a list of objects.
pub(crate) fn each(list: &Value, field: &str) -> Vec<String> {
    let items = list.as_array().map_or(&[][..], Vec::as_slice);
    items.iter().filter_map(|item| item[field].as_str()).map(str::to_owned).collect()
}
