//! A container comes, is what it was asked to be, and goes, however often it is asked for.

use std::time::Duration;

use runtime::docker::FaultKind;
use runtime::docker::containers::{ContainerSpec, State, VolumeMount};
use tokio::io::AsyncReadExt as _;

use super::{GRACE, all_said, begin, ended, kind, of, run, sh, until_said};

#[tokio::test]
async fn a_container_lives_and_every_step_may_be_asked_for_twice() {
    let (_engine, containers) = begin();
    let spec = sh("c-1", "trap 'exit 7' TERM; echo up; while true; do sleep 0.1; done");
    // Without an init that is in between, so that what ends is the shell.
    let spec = ContainerSpec { init: false, ..spec };
    let id = containers.create(&spec).await.unwrap().id;
    assert_eq!(containers.inspect(&id).await.unwrap().state, State::Created);
    let again = containers.create(&spec).await.unwrap();
    assert_eq!((again.id.as_str(), again.existed), (id.as_str(), true));
    for _ in 0..2 {
        containers.start(&id).await.unwrap();
        let found = containers.inspect("c-1").await.unwrap();
        assert_eq!((found.id.as_str(), found.state), (id.as_str(), State::Running { health: None }));
        assert_eq!((found.origin.instance.as_str(), found.origin.revision), ("of-c-1", 1));
        assert!(found.started_at.is_some() && found.finished_at.is_none() && found.error.is_empty(), "{found:?}");
    }
    let first = containers.inspect(&id).await.unwrap();
    // Asked to end before it has said what it does then, it would not.
    until_said(&containers, &id, 1).await;
    containers.restart(&id, Duration::from_secs(30)).await.unwrap();
    until_said(&containers, &id, 2).await;
    let second = containers.inspect(&id).await.unwrap();
    assert!(second.state == State::Running { health: None } && second.started_at > first.started_at, "{second:?}");
    let list = containers.list().await.unwrap();
    assert_eq!(list.iter().map(|it| (it.name.as_str(), it.is_up)).collect::<Vec<_>>(), [("c-1", true)]);
    assert_eq!(list[0].origin, first.origin);
    for _ in 0..2 {
        containers.stop(&id, Duration::from_secs(30)).await.unwrap();
        let stopped = containers.inspect(&id).await.unwrap();
        assert_eq!(stopped.state, State::Exited { code: 7, out_of_memory: false }, "it had its time");
        assert!(stopped.finished_at > stopped.started_at, "{stopped:?}");
    }
    containers.kill(&id).await.unwrap();
    containers.start(&id).await.unwrap();
    containers.kill(&id).await.unwrap();
    assert_eq!(ended(&containers, &id).await.state, State::Exited { code: 137, out_of_memory: false });
    containers.start(&id).await.unwrap();
    for _ in 0..2 {
        containers.remove(&id, true).await.unwrap();
        assert!(containers.list().await.unwrap().is_empty());
    }
    for gone in [containers.start(&id).await, containers.stop(&id, GRACE).await, containers.kill(&id).await] {
        assert_eq!(kind(gone), FaultKind::NotFound);
    }
}

#[tokio::test]
async fn a_name_is_one_containers_and_others_are_left_alone() {
    let (engine, containers) = begin();
    let spec = sh("c-1", "sleep 600");
    let id = run(&containers, &spec).await;
    let other = ContainerSpec { memory: spec.memory + 4096, ..spec.clone() };
    let fault = containers.create(&other).await.unwrap_err();
    assert!(fault.kind == FaultKind::Differs && fault.detail.contains(&id), "{fault}");
    // Another installation on the same engine: for it, ours is somebody else's.
    let others = of(&engine, "other");
    assert_eq!(kind(others.create(&spec).await), FaultKind::NameTaken);
    for refused in [others.stop("c-1", GRACE).await, others.kill(&id).await, others.start(&id).await] {
        assert_eq!(kind(refused), FaultKind::NotFound);
    }
    assert_eq!(kind(others.inspect(&id).await), FaultKind::NotFound);
    others.remove(&id, true).await.expect("there is none of theirs");
    assert!(others.list().await.unwrap().is_empty());
    assert_eq!(containers.inspect(&id).await.unwrap().state, State::Running { health: None });
    // One that nobody here made.
    let body = r#"{"Image":"busybox:1","Cmd":["true"]}"#;
    assert_eq!(engine.ask("POST", "/containers/create?name=c-2", "application/json", body.as_bytes()).0, 201);
    assert_eq!(kind(containers.create(&sh("c-2", "true")).await), FaultKind::NameTaken);
    containers.remove("c-2", true).await.unwrap();
    assert_eq!(engine.ask("GET", "/containers/c-2/json", "text/plain", b"").0, 200, "it is still there");
    for name in ["../images/busybox:1", "c-1/json?", "", "c 1"] {
        assert_eq!(kind(containers.inspect(name).await), FaultKind::NotFound, "{name}");
    }
}

#[tokio::test]
async fn volumes_outlive_their_containers() {
    let (engine, containers) = begin();
    let home =
        VolumeMount { volume: "home-7".to_owned(), target: "/home/me".to_owned(), read_only: false, empty: false };
    let spec = |name: &str, script| ContainerSpec { volumes: vec![home.clone()], ..sh(name, script) };
    assert_eq!(kind(containers.create(&spec("c-1", "true")).await), FaultKind::NotFound, "it is not made by the way");
    for _ in 0..2 {
        containers.create_volume("home-7", "7").await.unwrap();
    }
    assert_eq!(kind(containers.create_volume("home-7", "8").await), FaultKind::NameTaken);
    assert_eq!(kind(of(&engine, "other").create_volume("home-7", "7").await), FaultKind::NameTaken);
    assert_eq!(kind(of(&engine, "other").create(&spec("c-1", "true")).await), FaultKind::NameTaken);
    // Our labels on a folder of the host.
    let body = r#"{"Name":"etc","Labels":{"remotegpu.installation":"lab","remotegpu.instance":"7"},
        "DriverOpts":{"type":"none","o":"bind","device":"/etc"}}"#;
    assert_eq!(engine.ask("POST", "/volumes/create", "application/json", body.as_bytes()).0, 201);
    let etc = VolumeMount { volume: "etc".to_owned(), ..home.clone() };
    let host = ContainerSpec { volumes: vec![etc], ..sh("c-1", "true") };
    assert_eq!(kind(containers.create(&host).await), FaultKind::NameTaken);

    let first = run(&containers, &spec("c-1", "echo kept > /home/me/file")).await;
    ended(&containers, &first).await;
    assert_eq!(kind(containers.remove_volume("home-7").await), FaultKind::Busy);
    containers.remove(&first, true).await.unwrap();
    let read_only = VolumeMount { read_only: true, ..home.clone() };
    let script = "cat /home/me/file; echo x > /home/me/file || echo refused";
    let second = run(&containers, &ContainerSpec { volumes: vec![read_only], ..sh("c-2", script) }).await;
    let said = all_said(&containers, &second).await;
    assert!(said.contains(&"kept".to_owned()) && said.contains(&"refused".to_owned()), "{said:?}");
    containers.remove(&second, true).await.unwrap();
    let list = containers.list_volumes().await.unwrap();
    assert_eq!(list.iter().map(|it| (it.name.as_str(), it.instance.as_str())).collect::<Vec<_>>(), [("home-7", "7")]);
    of(&engine, "other").remove_volume("home-7").await.expect("there is none of theirs");
    for _ in 0..2 {
        assert_eq!(containers.list_volumes().await.unwrap().len(), 1);
        containers.remove_volume("etc").await.expect("that is none of ours");
    }
    containers.remove_volume("home-7").await.unwrap();
    containers.remove_volume("home-7").await.unwrap();
    assert!(containers.list_volumes().await.unwrap().is_empty());
}

#[tokio::test]
async fn files_of_a_volume_are_roots_and_stay_as_they_are() {
    let (engine, containers) = begin();
    assert_eq!(kind(containers.fill_volume("v-1", "busybox:1", &[]).await), FaultKind::NotFound);
    containers.create_volume("v-1", "7").await.unwrap();
    for content in ["first\n", "second\n"] {
        containers.fill_volume("v-1", "busybox:1", &[("limits", content), ("other", "")]).await.unwrap();
        assert!(containers.list().await.unwrap().is_empty(), "what they came by is gone");
    }
    assert_eq!(kind(containers.fill_volume("v-1", "nope:1", &[]).await), FaultKind::Image);
    assert_eq!(kind(of(&engine, "other").volume_file("v-1", "limits", "/x").await), FaultKind::NameTaken);
    assert_eq!(kind(containers.volume_file("v-2", "limits", "/x").await), FaultKind::NotFound);
    let binds = vec![containers.volume_file("v-1", "limits", "/etc/limits").await.unwrap()];
    let script = "cat /etc/limits; echo x > /etc/limits || echo refused; rm /etc/limits || echo stays; \
                  mv /etc/limits /x || echo stays; [ -O /etc/limits ] && [ ! -e /filled ] && echo roots";
    let id = run(&containers, &ContainerSpec { binds, ..sh("c-1", script) }).await;
    let said = all_said(&containers, &id).await;
    let said: Vec<&str> =
        said.iter().map(String::as_str).filter(|line| ["second", "refused", "stays", "roots"].contains(line)).collect();
    assert_eq!(said, ["second", "refused", "stays", "stays", "roots"]);
    let missing = containers.volume_file("v-1", "nope", "/etc/limits").await.unwrap();
    let fault = containers.create(&ContainerSpec { binds: vec![missing], ..sh("c-2", "true") }).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::HostFile, "{fault}");
}

#[tokio::test]
async fn networks_have_an_owner_and_go_when_nobody_is_in_them() {
    let (engine, containers) = begin();
    for _ in 0..2 {
        containers.create_network("net-c7", "customer-7").await.unwrap();
    }
    assert_eq!(kind(containers.create_network("net-c7", "customer-8").await), FaultKind::NameTaken);
    assert_eq!(kind(of(&engine, "other").create_network("net-c7", "customer-7").await), FaultKind::NameTaken);
    engine.create_network("somebodys");
    let list = containers.list_networks().await.unwrap();
    let list: Vec<_> = list.iter().map(|it| (it.name.as_str(), it.owner.as_str())).collect();
    assert_eq!(list, [("net-c7", "customer-7")]);
    let inside = ContainerSpec { network: Some("net-c7".to_owned()), ..sh("c-1", "exec sleep 600") };
    let inside = run(&containers, &inside).await;
    assert_eq!(kind(containers.remove_network("net-c7").await), FaultKind::Busy);
    containers.remove(&inside, true).await.unwrap();
    of(&engine, "other").remove_network("net-c7").await.expect("there is none of theirs");
    containers.remove_network("somebodys").await.expect("that is none of ours");
    assert_eq!(containers.list_networks().await.unwrap().len(), 1);
    for _ in 0..2 {
        containers.remove_network("net-c7").await.unwrap();
    }
    assert!(containers.list_networks().await.unwrap().is_empty());
    assert_eq!(engine.ask("GET", "/networks/somebodys", "text/plain", b"").0, 200, "it is still there");
}

#[tokio::test]
async fn what_a_container_became_is_an_image_without_its_secrets() {
    let (engine, containers) = begin();
    let id = run(&containers, &sh("c-1", "echo $SECRET > /made; sleep 600")).await;
    let saved = loop {
        let saved = containers.commit(&id, "team/saved", "1", Duration::from_secs(60)).await.unwrap();
        let spec = ContainerSpec { image: "team/saved:1".to_owned(), ..sh("c-2", "test -f /made && cat /made") };
        let look = run(&containers, &spec).await;
        let said = all_said(&containers, &look).await;
        containers.remove(&look, true).await.unwrap();
        if said == ["hunter2"] {
            break saved;
        }
    };
    assert!(saved.starts_with("sha256:"), "{saved}");
    let (_, image) = engine.ask("GET", "/images/team/saved:1/json", "text/plain", b"");
    let image: serde_json::Value = serde_json::from_str(&image).unwrap();
    assert_eq!(image["Id"], saved);
    // What a container of it gets. Old engines write the other's variables beside it, see `Containers::commit`.
    let config = image["Config"].to_string();
    assert!(config.contains("SECRET=") && !config.contains("hunter2") && !config.contains("\"lab\""), "{config}");
    assert_eq!(containers.inspect(&id).await.unwrap().state, State::Running { health: None }, "it goes on");
    // It leaves its engine as an archive, as far as somebody reads it, and is no longer there.
    assert!(containers.image_size("team/saved", "1").await.unwrap() > 500_000);
    let mut archive = Vec::new();
    let mut export = containers.export_image("team/saved", "1").await.unwrap();
    export.read_to_end(&mut archive).await.unwrap();
    let has = |text: &str| archive.windows(text.len()).any(|it| it == text.as_bytes());
    assert!(archive.len() > 500_000 && has("manifest.json") && has("team/saved:1"), "{}", archive.len());
    let mut cut = containers.export_image("team/saved", "1").await.unwrap();
    cut.read_exact(&mut [0; 512]).await.unwrap();
    drop(cut);
    assert!(containers.remove_image("team/saved", "1").await.unwrap());
    assert!(!containers.remove_image("team/saved", "1").await.unwrap(), "it is gone");
    assert_eq!(kind(containers.image_size("team/saved", "1").await), FaultKind::Image);
    assert_eq!(kind(containers.export_image("team/saved", "1").await), FaultKind::Image);
    assert_eq!(kind(containers.remove_image("../team", "1").await), FaultKind::Spec);
    assert_eq!(kind(containers.commit(&id, "Team", "1", GRACE).await), FaultKind::Spec);
    assert_eq!(kind(containers.commit(&id, "team/saved", "1", Duration::ZERO).await), FaultKind::Timeout);
    assert_eq!(kind(containers.commit("c-9", "team/saved", "1", GRACE).await), FaultKind::NotFound);
}
