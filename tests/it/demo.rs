//! `examples/demo.sh`, which the README begins with.

use std::path::Path;
use std::process::Command;

use crate::support::{program, run};

#[test]
fn the_demo_shows_a_check_that_fails_in_time_and_an_init_that_reaps() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let server = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("demo-server-{}", std::process::id()));
    let mut compiler = Command::new("rustc");
    compiler.args(["--edition", "2024", "-o"]).arg(&server).arg(root.join("examples/server.rs"));
    assert_eq!(run(&mut compiler).code, Some(0));

    let mut demo = Command::new("sh");
    demo.arg(root.join("examples/demo.sh")).env("SEXTON", program::binary()).env("SERVER", &server);
    let shown = run(&mut demo);
    std::fs::remove_file(&server).expect("the server is removed");
    assert_eq!(shown.code, Some(0), "{shown:?}");
    for words in ["healthy: status 200", "unhealthy: timed out", "exit code 1", "the server's code: 143"] {
        assert!(shown.stdout.contains(words), "{words}: {shown:?}");
    }
    // One child of the init, the server: what that has left behind is reaped.
    assert_eq!(shown.stdout.matches(", state ").count(), 1, "{shown:?}");
}
