//! A registry that wants a login, as far as an engine asks one for an image: the engine is a real one, and the login is where
//! `docker login` leaves it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ha_tests::engine_is_wanted;
use serde_json::json;

use crate::host::{docker, label, try_docker};
use crate::program::{Ran, Running};
use crate::site::Site;

/// With all that a header or a file could give a meaning to: `~` and `?` are where plain base64 and that for URLs differ.
const LOGIN: &str = "robot$ci:pa?s~w>rd~~~?\u{fc}'\"\\";

/// Serves one image under one name, to whoever has logged in.
struct Registry {
    port: u16,
    /// The image's id.
    id: String,
    /// Requests that came with the right login.
    admitted: Arc<AtomicUsize>,
}

/// What the registry has: a path's end, and its type and content.
type Served = Vec<(String, &'static str, Vec<u8>)>;

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

impl Registry {
    /// Serves the image with that archive as its only layer.
    fn start(layer: Vec<u8>) -> Self {
        let digest = |bytes: &[u8]| {
            let ring = ring_digest(bytes);
            format!("sha256:{ring}")
        };
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": { "type": "layers", "diff_ids": [digest(&layer)] },
        });
        let config = serde_json::to_vec(&config).unwrap();
        let id = digest(&config);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json", "size": config.len(), "digest": digest(&config),
            },
            "layers": [{
                "mediaType": "application/vnd.docker.image.rootfs.diff.tar", "size": layer.len(), "digest": digest(&layer),
            }],
        });
        let manifest = serde_json::to_vec(&manifest).unwrap();
        let served: Served = vec![
            ("/v2/".to_owned(), "application/json", b"{}".to_vec()),
            (format!("/blobs/{}", digest(&config)), "application/octet-stream", config),
            (format!("/blobs/{}", digest(&layer)), "application/octet-stream", layer),
            (format!("/manifests/{}", digest(&manifest)), MANIFEST, manifest.clone()),
            ("/manifests/1".to_owned(), MANIFEST, manifest),
        ];
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let admitted = Arc::<AtomicUsize>::default();
        let (served, counted) = (Arc::new(served), Arc::clone(&admitted));
        // It ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (served, counted) = (Arc::clone(&served), Arc::clone(&counted));
                // Whoever goes away in the middle is answered no further.
                std::thread::spawn(move || drop(answer(&stream, &served, &counted)));
            }
        });
        Self { port, id, admitted }
    }

    fn image(&self) -> String {
        format!("127.0.0.1:{}/team/own:1", self.port)
    }
}

fn ring_digest(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn answer(mut stream: &TcpStream, served: &Served, admitted: &AtomicUsize) -> std::io::Result<()> {
    let wanted = format!("authorization: basic {}", STANDARD.encode(LOGIN).to_lowercase());
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut may = false;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            may |= header.trim().to_lowercase() == wanted;
            if header.trim().is_empty() {
                break;
            }
        }
        let mut words = request.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        admitted.fetch_add(usize::from(may), Ordering::Relaxed);
        let found = served.iter().find(|(end, ..)| path.ends_with(end.as_str())).filter(|_| may);
        let (status, kind, body) = match found {
            Some((_, kind, body)) => ("200 OK", *kind, body.as_slice()),
            None if may => ("404 Not Found", "application/json", &b"{}"[..]),
            None => (
                "401 Unauthorized",
                "application/json",
                &br#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#[..],
            ),
        };
        write!(
            stream,
            "HTTP/1.1 {status}\r\nDocker-Distribution-Api-Version: registry/2.0\r\nWWW-Authenticate: Basic realm=\"team\"\r\n\
             Docker-Content-Digest: sha256:{}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            ring_digest(body),
            body.len()
        )?;
        if method != "HEAD" {
            stream.write_all(body)?;
        }
    }
}

/// The image goes with the test, once nothing is made of it any more.
struct Pulled(String);

impl Drop for Pulled {
    fn drop(&mut self) {
        let _ = try_docker(&["image", "rm", "-f", &self.0]);
    }
}

#[test]
fn a_login_is_handed_to_the_engine() {
    if !engine_is_wanted() {
        return;
    }
    // An archive with nothing in it.
    let registry = Registry::start(vec![0; 1024]);
    let image = registry.image();
    let _pulled = Pulled(registry.id.clone());
    let site = Site::demo(&[]);
    site.edit(|file| {
        let line = file.lines().find(|line| line.starts_with("postgres = \"")).unwrap().to_owned();
        file.replace(&line, &format!("postgres = \"{image}\""))
    });
    let up = |settings: &[(&str, &str)]| -> Ran {
        let mut command = site.command(&["up", "vm1", "--yes", "--bootstrap", "--output", "json"]);
        command.envs(settings.iter().copied());
        Running::start(command).end()
    };
    let host = image.split('/').next().unwrap();
    let config = |text: serde_json::Value| {
        fs::create_dir_all(site.path(".docker")).unwrap();
        fs::write(site.path(".docker/config.json"), text.to_string()).unwrap();
    };

    let told = up(&[]).ends_with(1).json();
    assert_eq!(told["error"]["code"], "step-failed", "{told}");
    assert!(told["error"]["help"].as_str().unwrap().contains("`docker login`"), "{told}");
    assert_eq!(registry.admitted.load(Ordering::Relaxed), 0);
    // A helper that fails is told, and not what it said.
    let helper = |body: &str| {
        let file = site.path("docker-credential-made-up");
        fs::write(&file, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let path = format!("{}:{}", site.path("").display(), std::env::var("PATH").unwrap());
    config(json!({ "credHelpers": { host: "made-up" } }));
    // Only once it has been asked: whoever asks one that is gone by then is told of that instead.
    helper("read -r _; echo secret-of-the-helper; exit 1");
    let told = up(&[("PATH", &path)]).ends_with(1);
    assert!(told.out.contains("docker-credential-made-up") && !told.out.contains("secret-of-the-helper"), "{told:#?}");
    assert_eq!(registry.admitted.load(Ordering::Relaxed), 0);

    // The image holds nothing that could run: that it is there is all that can be seen.
    let is_there = || try_docker(&["image", "inspect", &image]).0;
    let (user, password) = LOGIN.split_once(':').unwrap();
    helper(&format!(
        "read -r server; [ \"$server\" = {host} ] || exit 1\ncat <<'JSON'\n{}\nJSON",
        json!({ "ServerURL": host, "Username": user, "Secret": password })
    ));
    assert!(!is_there());
    let ran = up(&[("PATH", &path)]);
    assert!(is_there(), "not pulled by what a helper told: {ran:#?}");
    docker(&["image", "rm", "-f", &image]);
    config(json!({ "auths": { format!("https://{host}/v1/"): { "auth": STANDARD.encode(LOGIN) } } }));
    let ran = up(&[]);
    assert!(is_there(), "not pulled by what `docker login` wrote: {ran:#?}");
    // It has just been pulled, and nothing was made for it.
    let told = ran.ends_with(1).json();
    let lacks = told["error"]["causes"].to_string() + &told["error"].to_string();
    assert!(lacks.contains("it lacks /bin/sh"), "{told}");
    let ours = format!("label={}", label(&site.cluster));
    for list in [["volume", "ls"], ["network", "ls"], ["container", "ls"]] {
        assert_eq!(docker(&[&list[..], &["-q", "--filter", &ours]].concat()), "", "{list:?}");
    }
    docker(&["image", "rm", "-f", &image]);
    // `doctor` asks the registry, and pulls nothing.
    let doctor = site.run(&["doctor", "vm1", "--quick", "--output", "json"]).json();
    let checks = doctor["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["code"] == "image-postgres").unwrap();
    assert!(check["found"].as_str().unwrap().contains("`up` pulls it"), "{check}");
}
