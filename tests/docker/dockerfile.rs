//! The image that `docker build .` makes of this repository.

use std::env;
use std::path::Path;
use std::process::Command;

use crate::support::{Engine, Image, builder};

/// Settings of the way to the network; Docker takes each as a build argument that no Dockerfile need declare.
const PROXIES: &[&str] = &["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];

#[test]
fn docker_build_of_the_repository_gives_an_image_with_sexton_its_licenses_and_nothing_else() {
    let Some(engine) = Engine::find() else { return };
    let Some(builder) = builder(engine) else { return };
    let argument = format!("BUILDER={builder}");
    let mut options = vec!["--build-arg", &argument];
    for name in PROXIES.iter().filter(|name| env::var_os(name).is_some()) {
        options.extend(["--build-arg", name]);
    }
    let image = Image::build_in(engine, Path::new(env!("CARGO_MANIFEST_DIR")), &options);

    let layers = engine.run(["inspect", "--format", "{{len .RootFS.Layers}}", &image.name]);
    assert_eq!(layers.trim(), "1");
    let licenses = ["", "LICENSE", "LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY-LICENSES"];
    let mut files: Vec<_> = licenses.iter().map(|name| format!("licenses/{name}")).collect();
    files.push("sexton".to_owned());
    assert_eq!(contents(engine, &image), files);
    let version = engine.run(["run", "--rm", &image.name, "--version"]);
    assert!(version.starts_with(concat!("sexton ", env!("CARGO_PKG_VERSION"), " (")), "{version}");
    assert!(version.contains(", static, "), "{version}");
}

/// The files of the image's only layer.
fn contents(engine: Engine, image: &Image) -> Vec<String> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&image.name).with_extension("saved");
    engine.run([Path::new("save"), Path::new("--output"), &path, Path::new(&image.name)]);
    let list = "tar -xOf \"$0\" \"$(tar -tf \"$0\" | grep 'layer.tar$')\" | tar -tf -";
    let listed = Command::new("sh").args(["-c", list]).arg(&path).output().expect("tar runs");
    std::fs::remove_file(&path).expect("a saved image is removed");
    let mut files: Vec<_> = String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect();
    files.sort();
    files
}
