//! What a stage sees of the files, and what stays of what it writes: the same for components and for programs.

use std::fs;
use std::os::unix::fs::symlink;

use insta::assert_snapshot;

use crate::support::Project;

fn logged(project: &Project) -> String {
    project.run(["run", "--format", "json"]).code(0).logged().join("\n")
}

fn tree() -> Project {
    Project::new()
        .file("app.py", "print(1)\n")
        .file(".env", "TOKEN=x\n")
        .file(".env.local", "TOKEN=x\n")
        .file(".env.example", "TOKEN=\n")
        .file(".git/config", "[core]\n")
        .file("vendor/.git/config", "[core]\n")
        .file("key.pem", "key\n")
}

#[test]
fn hidden_files_are_hidden_from_components() {
    let manifest = r#"
        [pipeline]
        hide = ["*.pem"]
        [stages.it]
        uses = "probe.wasm"
        with = { steps = [
            "read app.py", "read .env", "read .env.local", "read .env.example", "read .git/config",
            "read vendor/.git/config", "read key.pem", "read .tidegate/state.db", "read ../home", "read /etc/passwd",
            "wasi-read app.py", "wasi-read .env", "wasi-read .env.example", "wasi-read .git/config",
            "wasi-read vendor/.git/config", "wasi-read key.pem", "wasi-read .tidegate/state.db", "wasi-read ../home",
            "glob *",
        ] }
    "#;
    assert_snapshot!(logged(&tree().file("tidegate.toml", manifest)), @r#"
    app.py: print(1)
    .env: 
    .env.local: 
    .env.example: TOKEN=
    .git/config: NotFound(".git/config")
    vendor/.git/config: NotFound("vendor/.git/config")
    key.pem: 
    .tidegate/state.db: NotFound(".tidegate/state.db")
    ../home: NotGranted("`../home` leads out of what this stage can see")
    /etc/passwd: NotGranted("`/etc/passwd` leads out of what this stage can see")
    app.py: print(1)
    .env: 
    .env.example: TOKEN=
    .git/config: Os { code: 44, kind: NotFound, message: "No such file or directory" }
    vendor/.git/config: Os { code: 44, kind: NotFound, message: "No such file or directory" }
    key.pem: 
    .tidegate/state.db: Os { code: 44, kind: NotFound, message: "No such file or directory" }
    ../home: Os { code: 63, kind: PermissionDenied, message: "Operation not permitted" }
    app.py probe.wasm tidegate.toml
    "#);
}

#[test]
fn hidden_files_are_hidden_from_programs() {
    let script = "for f in app.py .env .env.local .env.example .git/config vendor/.git/config key.pem .tidegate/state.db ../home /etc/shadow; \
                  do if [ -s $f ]; then echo $f: seen; else echo $f: hidden; fi; done";
    let manifest = format!(
        "[pipeline]\nhide = [\"*.pem\"]\n[stages.it]\nuses = \"probe.wasm\"\n\
         with = {{ asks = [\"exec sh\"], steps = [{:?}] }}\ngrant = {{ exec = [\"sh\"] }}\n",
        format!("run sh -c {script}")
    );
    assert_snapshot!(logged(&tree().file("tidegate.toml", manifest)), @"
    app.py: seen
    .env: hidden
    .env.local: hidden
    .env.example: seen
    .git/config: hidden
    vendor/.git/config: hidden
    key.pem: hidden
    .tidegate/state.db: hidden
    ../home: hidden
    /etc/shadow: hidden
    ");
}

#[test]
fn links_do_not_lead_out() {
    let manifest = crate::steps(&[
        "read link",
        "wasi-read link",
        "read folder/passwd",
        "wasi-read folder/passwd",
    ]);
    let project = Project::of(&manifest);
    symlink("/etc/passwd", project.path("link")).unwrap();
    symlink("/etc", project.path("folder")).unwrap();
    assert_snapshot!(logged(&project), @r#"
    link: NotGranted("`link` leads out of what this stage can see")
    link: Os { code: 63, kind: PermissionDenied, message: "Operation not permitted" }
    folder/passwd: NotGranted("`folder/passwd` leads out of what this stage can see")
    folder/passwd: Os { code: 63, kind: PermissionDenied, message: "Operation not permitted" }
    "#);
}

/// The engine's process is outside of the mounts that hide and protect, and works for the component there.
#[test]
fn a_component_takes_nothing_away_that_is_hidden_or_read_only() {
    let manifest = r#"
        [pipeline]
        hide = ["/keys/key.pem"]
        [stages.everywhere]
        uses = "stages/probe.wasm"
        with = { steps = [
            "wasi-rename .env shown", "wasi-rename .git shown", "wasi-rename conf shown", "wasi-rename keys shown",
            "wasi-rename keys/key.pem shown", "wasi-remove conf/.env", "wasi-remove .env.local", "wasi-remove .git",
            "wasi-write evil.toml", "wasi-rename evil.toml tidegate.toml", "wasi-remove tidegate.toml",
            "wasi-remove stages/probe.wasm", "wasi-rename stages other", "wasi-rename evil.toml conf/.env",
            "wasi-rename evil.toml ../evil", "wasi-rename link/.env shown", "wasi-remove link/.env",
            "wasi-rename evil.toml good.toml", "wasi-rename conf/app.py conf/a.py", "wasi-remove good.toml",
            "wasi-rename missing x", "wasi-remove missing", "wasi-list conf",
        ] }
        grant = { write = ["."] }
        [stages.folder]
        uses = "stages/probe.wasm"
        needs = ["everywhere"]
        with = { steps = [
            "wasi-rename conf/.env conf/shown", "wasi-remove conf/.env", "wasi-rename app.py conf/b.py",
            "wasi-write-relative conf/c.py", "wasi-remove conf/c.py",
        ] }
        grant = { write = ["conf"] }
    "#;
    let project = tree()
        .file("stages/probe.wasm", "")
        .file("conf/.env", "TOKEN=x\n")
        .file("conf/app.py", "")
        .file("keys/key.pem", "key\n")
        .file("tidegate.toml", manifest);
    fs::copy(project.path("probe.wasm"), project.path("stages/probe.wasm")).unwrap();
    symlink("conf", project.path("link")).unwrap();
    assert_snapshot!(logged(&project), @r#"
    .env shown: Os { code: 10, kind: ResourceBusy, message: "Resource busy" }
    .git shown: Os { code: 10, kind: ResourceBusy, message: "Resource busy" }
    conf shown: Os { code: 10, kind: ResourceBusy, message: "Resource busy" }
    keys shown: Os { code: 10, kind: ResourceBusy, message: "Resource busy" }
    keys/key.pem shown: Os { code: 10, kind: ResourceBusy, message: "Resource busy" }
    conf/.env: Os { code: 10, kind: ResourceBusy, message: "Resource busy" }
    .env.local: Os { code: 10, kind: ResourceBusy, message: "Resource busy" }
    .git: Os { code: 10, kind: ResourceBusy, message: "Resource busy" }
    evil.toml: written
    evil.toml tidegate.toml: Os { code: 10, kind: ResourceBusy, message: "Resource busy" }
    tidegate.toml: Os { code: 10, kind: ResourceBusy, message: "Resource busy" }
    stages/probe.wasm: Os { code: 10, kind: ResourceBusy, message: "Resource busy" }
    stages other: Os { code: 10, kind: ResourceBusy, message: "Resource busy" }
    evil.toml conf/.env: Os { code: 10, kind: ResourceBusy, message: "Resource busy" }
    evil.toml ../evil: Os { code: 63, kind: PermissionDenied, message: "Operation not permitted" }
    link/.env shown: Os { code: 10, kind: ResourceBusy, message: "Resource busy" }
    link/.env: Os { code: 10, kind: ResourceBusy, message: "Resource busy" }
    evil.toml good.toml: renamed
    conf/app.py conf/a.py: renamed
    good.toml: removed
    missing x: Os { code: 44, kind: NotFound, message: "No such file or directory" }
    missing: Os { code: 44, kind: NotFound, message: "No such file or directory" }
    conf: .env a.py
    conf/.env conf/shown: Os { code: 10, kind: ResourceBusy, message: "Resource busy" }
    conf/.env: Os { code: 10, kind: ResourceBusy, message: "Resource busy" }
    app.py conf/b.py: Os { code: 63, kind: PermissionDenied, message: "Operation not permitted" }
    conf/c.py: written
    conf/c.py: removed
    "#);
    for kept in [".env", "conf/.env", ".git/config", "keys/key.pem", "stages/probe.wasm"] {
        assert!(project.path(kept).exists(), "{kept}");
    }
    assert_eq!(fs::read_to_string(project.path("tidegate.toml")).unwrap(), manifest);
}

/// The same folder by WASI as by `files`.
#[test]
fn a_component_sees_what_read_grants() {
    let manifest = r#"
        [stages.it]
        uses = "probe.wasm"
        with = { steps = ["read {folder}/a", "wasi-read {folder}/a", "wasi-write {folder}/a", "wasi-list {folder}"] }
        grant = { read = ["{folder}"] }
    "#;
    let project = Project::new();
    let folder = project.config_folder();
    fs::write(folder.join("a"), "granted").unwrap();
    let project = project.file("tidegate.toml", manifest.replace("{folder}", folder.to_str().unwrap()));
    let logged = logged(&project).replace(folder.to_str().unwrap(), "[granted]");
    assert_snapshot!(logged, @r#"
    [granted]/a: granted
    [granted]/a: granted
    [granted]/a: Os { code: 63, kind: PermissionDenied, message: "Operation not permitted" }
    [granted]: a
    "#);
}

#[test]
fn only_granted_folders_keep_what_is_written() {
    let manifest = r#"
        [stages.component]
        uses = "probe.wasm"
        with = { asks = ["write out"], steps = ["write out/a", "wasi-write out/b", "write c", "wasi-write d", "write .env"] }
        grant = { write = ["out"] }
        [stages.program]
        uses = "probe.wasm"
        needs = ["component"]
        with = { asks = ["write out", "exec sh"], steps = ["run sh -c echo x > out/e; echo x > f; echo x > app.py; cat f app.py out/e", "read app.py"] }
        grant = { write = ["out"], exec = ["sh"] }
        [stages.later]
        uses = "probe.wasm"
        needs = ["program"]
        with = { asks = ["exec sh"], steps = ["run sh -c cat app.py; ls; ls out"] }
        grant = { exec = ["sh"] }
    "#;
    let project = Project::of(manifest).file("app.py", "print(1)\n");
    assert_snapshot!(logged(&project), @r#"
    out/a: written
    out/b: written
    c: NotGranted("`c` is not in a folder that this stage may write")
    d: Os { code: 63, kind: PermissionDenied, message: "Operation not permitted" }
    .env: NotGranted("`.env` is not in a folder that this stage may write")
    x
    x
    x
    app.py: x
    print(1)
    app.py
    out
    probe.wasm
    tidegate.toml
    a
    b
    e
    "#);
    let names = |folder: &str| {
        let entries = fs::read_dir(project.path(folder)).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!(names("out"), "a b e");
    assert_eq!(names("."), ".tidegate app.py out probe.wasm tidegate.toml");
    assert_eq!(fs::read_to_string(project.path("app.py")).unwrap(), "print(1)\n");
}

#[test]
fn the_manifest_and_the_components_stay_as_they_are() {
    let manifest = r#"
        [stages.it]
        uses = "probe.wasm"
        with = { asks = ["write .", "exec sh"], steps = [
            "write tidegate.toml", "wasi-write tidegate.toml", "write probe.wasm", "wasi-write probe.wasm", "write free",
            "run sh -c for f in tidegate.toml probe.wasm; do (echo x > $f) 2>/dev/null || echo $f: refused; done",
            "run sh -c rm -f tidegate.toml probe.wasm 2>/dev/null || mv tidegate.toml x 2>/dev/null || echo still there",
            "run sh -c echo x > also-free",
        ] }
        grant = { write = ["."], exec = ["sh"] }
    "#;
    let project = Project::of(manifest);
    let component = fs::read(project.path("probe.wasm")).unwrap();
    assert_snapshot!(logged(&project), @r#"
    tidegate.toml: NotGranted("Read-only file system (os error 30)")
    tidegate.toml: Os { code: 29, kind: Uncategorized, message: "I/O error" }
    probe.wasm: NotGranted("Read-only file system (os error 30)")
    probe.wasm: Os { code: 29, kind: Uncategorized, message: "I/O error" }
    free: written
    tidegate.toml: refused
    probe.wasm: refused
    still there
    "#);
    assert_eq!(fs::read_to_string(project.path("tidegate.toml")).unwrap(), manifest);
    assert_eq!(fs::read(project.path("probe.wasm")).unwrap(), component);
    assert!(project.path("free").exists() && project.path("also-free").exists());
}

#[test]
fn artifacts_go_from_stage_to_stage() {
    let manifest = r#"
        [stages.make]
        uses = "probe.wasm"
        with = { asks = ["exec sh", "write out"], steps = ["run sh -c echo made > out/report.txt", "keep out/report.txt"] }
        grant = { exec = ["sh"], write = ["out"] }
        [stages.use]
        uses = "probe.wasm"
        needs = ["make"]
        with = { steps = ["artifact make"] }
        [stages.stranger]
        uses = "probe.wasm"
        with = { steps = ["artifact make"] }
    "#;
    let project = Project::of(manifest);
    let ran = project.run(["run", "use", "--format", "json"]).code(0);
    assert_eq!(ran.logged(), ["made"]);
    assert_eq!(ran.of_events("artifact", "name"), ["kept"]);
    let ran = project
        .run(["run", "--jobs", "1", "--keep-going", "--format", "json"])
        .code(1);
    assert_eq!(ran.message_of("stranger"), "no such artifact");
}

#[test]
fn what_is_hidden_can_not_be_kept() {
    for path in [".git/config", "../home", "/etc/passwd", "link"] {
        let project = tree().file("tidegate.toml", crate::steps(&[&format!("keep {path}")]));
        symlink("/etc/passwd", project.path("link")).unwrap();
        let ran = project.run(["run", "--format", "json"]);
        assert_eq!(ran.of_events("artifact", "name"), [""; 0], "{path}");
        assert_ne!(ran.outcomes(), ["it: passed"], "{path}");
    }
    let project = tree().file("tidegate.toml", crate::steps(&["keep .env"]));
    let ran = project.run(["run", "--format", "json"]).code(1);
    assert_snapshot!(
        ran.message_of("it"),
        @"artifact `kept`: [folder]/project/.env is hidden, so there is nothing to keep"
    );
}

/// A stand-in is empty, and would be in the way of the real file wherever the artifact goes.
#[test]
fn nothing_hidden_is_kept() {
    let manifest = r#"
        [pipeline]
        hide = ["*.pem"]
        [stages.it]
        uses = "probe.wasm"
        with = { steps = ["keep ."] }
        [stages.next]
        uses = "probe.wasm"
        needs = ["it"]
        with = { steps = ["tree it"] }
    "#;
    let project = tree().file("media/.env", "x").file("tidegate.toml", manifest);
    fs::create_dir(project.path("empty")).unwrap();
    assert_snapshot!(
        logged(&project),
        @".env.example app.py empty/ media/ probe.wasm tidegate.toml vendor/"
    );
}
