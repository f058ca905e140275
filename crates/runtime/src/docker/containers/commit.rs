//! What a container became is kept as an image.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Containers;
use super::labels;
use super::lifecycle::good;
use super::saved::SAVED;
use super::spec::SpecFault;
use super::state::word;
use super::wire::{Ask, QUICK, json as read};
use crate::docker::Fault;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawImage {
    #[serde(default)]
    config: Option<RawConfig>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawConfig {
    #[serde(default)]
    env: Option<Vec<String>>,
    #[serde(default)]
    cmd: Option<Vec<String>>,
    #[serde(default)]
    entrypoint: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Made {
    #[serde(rename = "Id")]
    id: String,
}

impl Containers {
    /// Keeps the container's own file system as the image `repository:tag`, and says the image's id; volumes are not in it.
    /// The container stands still meanwhile, so that what is kept fits together. Variables, and ours of its labels, do not
    /// come along: they are the container's, and secrets are among them. (Engines before 25 still write them into the image's
    /// description, as `container_config`, which no container gets and who exports the image can read.) Its command comes
    /// along only where the image has none. After `limit` nobody waits any more, and the engine
    /// may still be at it; asked again, it keeps what there is then under the same name.
    ///
    /// # Errors
    /// As everything here.
    pub async fn commit(&self, id: &str, repository: &str, tag: &str, limit: Duration) -> Result<String, Fault> {
        SpecFault::unless(is_repository(repository), "repository", "it is none")?;
        SpecFault::unless(is_tag(tag), "tag", "it is none")?;
        let own = self.own(id).await?;
        let image = &own.raw.image;
        let image = match super::spec::is_word(image.trim_start_matches("sha256:")) {
            true => self.wire.ask(Ask::get(format!("/images/{image}/json")), QUICK).await?,
            false => return Err(Fault::new(crate::docker::FaultKind::NotEngine, "the container is of no image")),
        };
        // An image that was removed while its container is there says nothing of itself any more.
        let image: RawImage = if image.status == 404 { RawImage::default() } else { read(&good(&image)?)? };
        let body = kept(own.raw.env(), image.config.unwrap_or_default(), &format!("{repository}:{tag}"));
        let ask = Ask::post("/commit").with("container", &own.container.id).with("repo", repository).with("tag", tag);
        let made: Made = read(&good(&self.wire.ask(ask.with("pause", true).json(&body), limit).await?)?)?;
        Ok(word(&made.id))
    }
}

/// What an engine is told so that it does not take over what is the container's: it adds what it is not told of.
fn kept(container: &[String], image: RawConfig, saved: &str) -> Value {
    let name = |entry: &String| entry.split('=').next().unwrap_or_default().to_owned();
    let of_image = image.env.unwrap_or_default();
    let mut env: BTreeMap<String, String> = container.iter().map(|it| (name(it), format!("{}=", name(it)))).collect();
    env.extend(of_image.iter().map(|it| (name(it), it.clone())));
    let mut labels: BTreeMap<&str, &str> = labels::ALL.iter().map(|label| (*label, "")).collect();
    labels.insert(SAVED, saved);
    json!({
        "Env": env.into_values().collect::<Vec<_>>(), "Cmd": image.cmd, "Entrypoint": image.entrypoint, "Labels": labels,
    })
}

/// `team/name`, in small letters: an engine takes more, and reads a registry's host out of it.
pub(super) fn is_repository(text: &str) -> bool {
    let part = |part: &str| {
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        ends(part.chars().next()) && ends(part.chars().last()) && part.chars().all(inside) && !part.contains("___")
    };
    text.len() <= 200 && text.split('/').all(part)
}

pub(super) fn is_tag(text: &str) -> bool {
    text.len() <= 128 && super::spec::is_word(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_containers_own_is_kept() {
        let container = ["PATH=/mine".to_owned(), "SECRET=x=y".to_owned(), "EMPTY=".to_owned(), "BARE".to_owned()];
        let image = RawConfig {
            env: Some(vec!["PATH=/bin".to_owned(), "LANG=C".to_owned()]),
            cmd: Some(vec!["sh".to_owned()]),
            entrypoint: None,
        };
        let kept = kept(&container, image, "a:1");
        assert_eq!(kept["Env"], json!(["BARE=", "EMPTY=", "LANG=C", "PATH=/bin", "SECRET="]));
        assert_eq!((&kept["Cmd"], &kept["Entrypoint"]), (&json!(["sh"]), &Value::Null));
        assert_eq!(kept["Labels"]["remotegpu.installation"], "");
        assert!(!kept.to_string().contains("x=y"));
    }

    #[test]
    fn names_of_images_are_plain() {
        for good in ["saved", "team/saved-1", "a/b_c/d"] {
            assert!(is_repository(good), "{good}");
        }
        for bad in
            ["", "A", "a/", "/a", "a//b", "a:1", "registry.example.org/a", "a@b", "-a", "a-", "a b", "a?b", "../a"]
        {
            assert!(!is_repository(bad), "{bad}");
        }
        assert!(is_tag("v1.0") && !is_tag("a:b") && !is_tag(".a") && !is_tag(""));
    }
}
