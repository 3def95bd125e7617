//! Verdicts, lines and limits of `sexton check`.

use crate::support::sexton;

#[test]
fn a_target_without_a_scheme_is_refused_with_the_remedy() {
    let run = sexton(["check", "localhost:8080"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""));
    assert_eq!(
        run.stderr,
        "sexton: localhost:8080 has no scheme; write http://localhost:8080 or tcp://localhost:8080\n"
    );
}
