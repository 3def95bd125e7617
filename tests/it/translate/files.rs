//! Files: by line number, warnings, and a diff that git takes.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::temp::Folder;
use crate::support::{Run, sexton};

const COMPOSE: &str = include_str!("files/compose.yaml");
const DOCKERFILE: &str = include_str!("files/Dockerfile");
const KUBERNETES: &str = include_str!("files/kubernetes.yaml");

/// Writes `text` as `name`, and translates it.
fn translated(folder: &Folder, name: &str, text: &str, diff: bool) -> Run {
    let path = folder.join(name);
    fs::write(&path, text).expect("a new file");
    let path = path.display().to_string();
    if diff { sexton(["translate", "--diff", &path]) } else { sexton(["translate", &path]) }
}

/// Applies `diff` with git in the root of `folder`, whose path it names.
fn apply(folder: &Folder, diff: &str) {
    let path = folder.join("the.diff");
    fs::write(&path, diff).expect("a new file");
    let root = Path::new("/");
    let status = Command::new("git")
        .args(["apply", "--unsafe-paths", "--whitespace=nowarn", "--directory=/"])
        .arg(&path)
        .current_dir(root)
        .env("GIT_CEILING_DIRECTORIES", "/")
        .status()
        .expect("git starts");
    assert!(status.success(), "{diff}");
}

/// The lines of `text` that are comments, or end with one.
fn comments(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.find('#').and_then(|at| line.get(at..))).collect()
}

#[test]
fn a_diff_changes_commands_and_nothing_else() {
    let folder = Folder::new();
    for (name, text) in [("compose.yaml", COMPOSE), ("Dockerfile", DOCKERFILE), ("k8s.yaml", KUBERNETES)] {
        let run = translated(&folder, name, text, true);
        assert!(run.stdout.starts_with("--- a/"), "{run:?}");
        apply(&folder, &run.stdout);
        let changed = fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(comments(&changed), comments(text), "{name}");
        // What is there then is ours, so that nothing is left to change.
        let again = sexton(["translate", "--diff", &folder.join(name).display().to_string()]);
        assert_eq!(again.stdout, "", "{name}: {again:?}");
        let wanted = match name {
            "compose.yaml" => include_str!("files/compose.translated.yaml"),
            "Dockerfile" => include_str!("files/Dockerfile.translated"),
            _ => include_str!("files/kubernetes.translated.yaml"),
        };
        assert_eq!(changed, wanted, "{name}");
    }
}

#[test]
fn each_check_is_told_by_its_line() {
    let folder = Folder::new();
    let run = translated(&folder, "compose.yaml", COMPOSE, false);
    assert_eq!(run.code, Some(1), "one line has no translation: {run:?}");
    let heads: Vec<_> = run
        .stdout
        .lines()
        .filter(|line| !line.starts_with(' '))
        .map(|line| {
            let rest = line.split_once("compose.yaml:").expect("the file's name").1;
            rest.split(' ').take(2).collect::<Vec<_>>().join(" ")
        })
        .collect();
    let wanted = [
        "14: test:",
        "18: command:",
        "20: test:",
        "26: test:",
        "33: test:",
        "40: command:",
        "42: test:",
        "50: test:",
        "54: test:",
        "58: test:",
    ];
    assert_eq!(heads, wanted, "{}", run.stdout);
}

#[test]
fn what_leaves_zombies_or_has_no_limit_is_told() {
    let folder = Folder::new();
    let warned = |text: &str, name: &str| {
        let run = translated(&folder, name, text, false);
        let lines = run.stdout.lines().filter_map(|line| line.strip_prefix("  warning: "));
        lines.map(|line| line.split([':', ',']).next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let compose = |service: &str, test: &str| {
        format!("services:\n  a:\n{service}    healthcheck:\n      test: {test}\n      timeout: 5s\n")
    };
    let zombies = "leaves zombies";
    let no_limit = "no limit of its own";
    assert_eq!(warned(&compose("", "curl -f http://x/ || exit 1"), "a.yaml"), [zombies, no_limit]);
    assert_eq!(warned(&compose("    init: true\n", "curl -f http://x/ || exit 1"), "a.yaml"), [no_limit]);
    let tini = "    entrypoint: [\"tini\", \"--\", \"app\"]\n";
    assert_eq!(warned(&compose(tini, "curl -m 3 -f http://x/ || exit 1"), "a.yaml"), [""; 0]);
    assert_eq!(warned(&compose("", "[\"CMD\", \"curl\", \"-m\", \"3\", \"http://x/\"]"), "a.yaml"), [""; 0]);
    assert_eq!(
        warned(&compose("", "[\"CMD\", \"curl\", \"-m\", \"9\", \"http://x/\"]"), "a.yaml"),
        ["its own limit of 9s is not below the runtime's 5s"]
    );
    assert_eq!(
        warned("FROM a\nHEALTHCHECK CMD curl -f http://x/\nCMD app\n", "Dockerfile"),
        [zombies, no_limit]
    );
    assert_eq!(
        warned("FROM a\nHEALTHCHECK CMD [\"curl\", \"http://x/\"]\nENTRYPOINT [\"java\"]\n", "Dockerfile"),
        [no_limit, "as PID 1"]
    );
    let probe = |command: &str| {
        format!(
            "kind: Pod\nspec:\n  containers:\n    - name: a\n      livenessProbe:\n        exec:\n          command: {command}\n"
        )
    };
    assert_eq!(
        warned(&probe("[\"redis-cli\", \"ping\"]"), "pod.yaml"),
        [no_limit, "timeoutSeconds is 1 by default"]
    );
    assert_eq!(
        warned(&probe("[\"/sexton\", \"check\", \"http://x/\"]"), "pod.yaml"),
        ["the runtime's limit is 1s"]
    );
    assert_eq!(
        warned(&probe("[\"/sexton\", \"check\", \"-t\", \"800ms\", \"http://x/\"]"), "pod.yaml"),
        [""; 0]
    );
}

#[test]
fn limits_are_below_those_of_the_runtime() {
    let folder = Folder::new();
    for (timeout, wanted) in [
        ("timeout: 5s", ""),
        ("timeout: 10s", "\"--timeout\", \"9s\", "),
        ("timeout: 1m", "\"--timeout\", \"59s\", "),
        ("timeout: 3s", "\"--timeout\", \"2400ms\", "),
        ("interval: 5s", "\"--timeout\", \"29s\", "),
    ] {
        let text =
            format!("services:\n  a:\n    healthcheck:\n      test: curl -f http://x/\n      {timeout}\n");
        let run = translated(&folder, "a.yaml", &text, false);
        let wanted =
            format!("[\"CMD\", \"/sexton\", \"check\", {wanted}\"--status\", \"200-399\", \"http://x/\"]");
        assert!(run.stdout.contains(&wanted), "{timeout}: {run:?}");
        assert_eq!(run.code, Some(0));
    }
}

#[test]
fn a_script_and_stdin_are_read_and_what_is_not_yaml_is_told() {
    let folder = Folder::new();
    let script = "#!/bin/sh\n# why\nset -e\ncurl -sf http://localhost:8080/health > /dev/null\n";
    let run = translated(&folder, "healthcheck", script, false);
    assert!(
        run.stdout.contains("\"check\", \"--status\", \"200-399\", \"http://localhost:8080/health\"]"),
        "{run:?}"
    );
    let run = translated(&folder, "chart.yaml", "a: [\n  {{ x }}\n", false);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("helm template"), "{run:?}");
    let mut child = Command::new(crate::support::program::binary())
        .args(["translate", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), DOCKERFILE.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("stdin:"), "{output:?}");
}

#[test]
fn a_task_definition_of_ecs_is_read() {
    let folder = Folder::new();
    let text = "{\"containerDefinitions\": [{\"name\": \"a\", \"healthCheck\": {\"command\": [\"CMD-SHELL\", \
                \"curl -f http://localhost/ || exit 1\"], \"timeout\": 5}}]}\n";
    let run = translated(&folder, "task.json", text, false);
    assert!(
        run.stdout
            .contains("[\"CMD\", \"/sexton\", \"check\", \"--status\", \"200-399\", \"http://localhost/\"]"),
        "{run:?}"
    );
}
