//! Clients that try each request once, and what they were answered.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ha_tests::keycloak::{Answer, Browser, Site};
use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};

use super::proxy::Proxy;
use crate::error::Error;
use crate::realm::{Hashing, Realm, password, user_name};
use crate::stats::{Samples, milliseconds};
use crate::world::World;

/// Longer than any request may be held.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
const SETTLED_LIMIT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const USERS: &str = "/admin/realms/bench-balancer/users";

#[derive(Debug, Clone, Copy)]
enum Kind {
    Service,
    Password,
    Session,
    Read,
    Write,
    LargeWrite,
    WriteInChunks,
}

impl Kind {
    /// As often as they stand here.
    const ALL: [Self; 10] = [
        Self::Service,
        Self::Write,
        Self::Session,
        Self::Read,
        Self::LargeWrite,
        Self::Service,
        Self::Write,
        Self::Password,
        Self::WriteInChunks,
        Self::Write,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Service => "client-credentials grant",
            Self::Password => "password login",
            Self::Session => "login by the cookie of a session",
            Self::Read => "read",
            Self::Write => "write of 1 KiB",
            Self::LargeWrite => "write of 100 KiB",
            Self::WriteInChunks => "write in chunks",
        }
    }
}

/// What the clients have.
pub(crate) struct Clients {
    realm: Arc<Realm>,
    /// On connections that are kept.
    kept: Site,
    port: u16,
    browser: Browser,
    administrator: Vec<(&'static str, String)>,
    users: Arc<AtomicU64>,
}

impl Clients {
    pub(crate) async fn ready(world: &World, proxy: &Proxy) -> Result<Self, Error> {
        let realm = Arc::new(Realm::make(world, "bench-balancer", 20, Hashing::Cheap).await?);
        let url = format!("http://127.0.0.1:{}", proxy.port);
        let kept = Site::new(&url, world.primary.public())?;
        let mut browser = Browser::new(&kept);
        let page = browser.open(&realm.authorization(&kept)).await?;
        let fields = [("username", user_name(0)), ("password", password(&user_name(0)))];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let page = browser.submit(&page, &page.form_asking("password")?, &fields).await?;
        page.handed_over("code")?;
        world.pair.wait_replayed().await?;
        let administrator = vec![
            ("grant_type", "password".to_owned()),
            ("client_id", "admin-cli".to_owned()),
            ("username", world.pair.topology().keycloak.admin.clone()),
            ("password", world.pair.cluster().secrets().keycloak_admin_password.expose().to_owned()),
        ];
        Ok(Self { realm, kept, port: proxy.port, browser, administrator, users: Arc::default() })
    }

    /// Good for a minute.
    async fn token(&self) -> Result<String, Error> {
        let request = self.kept.post("/realms/master/protocol/openid-connect/token").form(&self.administrator);
        Ok(self.kept.send(request).await?.expect(200)?.field("access_token")?)
    }
}

/// What became of the requests.
#[derive(Debug, Default)]
pub(crate) struct Told {
    took: Samples,
    longest: Duration,
    failures: Vec<String>,
}

impl Told {
    pub(crate) fn sent(&self) -> usize {
        self.took.len()
    }

    pub(crate) fn failed(&self) -> usize {
        self.failures.len()
    }

    pub(crate) fn took(&self) -> Samples {
        self.took.clone()
    }

    pub(crate) const fn longest(&self) -> Duration {
        self.longest
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.took.extend(other.took);
        self.longest = self.longest.max(other.longest);
        self.failures.extend(other.failures);
    }

    pub(crate) fn shown(&self) -> String {
        let mut text = format!(
            "{} of {} failed, the longest took {:.2} s",
            self.failed(),
            self.sent(),
            self.longest.as_secs_f32()
        );
        for failure in &self.failures {
            text.push_str("\n  ");
            text.push_str(failure);
        }
        text
    }
}

/// Requests at a steady rate, whether those before are answered or not.
pub(crate) struct Load {
    ended: Arc<AtomicBool>,
    told: Arc<Mutex<Told>>,
    sender: JoinHandle<()>,
}

impl Load {
    pub(crate) async fn start(clients: &Clients, between: Duration) -> Result<Self, Error> {
        let token: Arc<str> = clients.token().await?.into();
        let (ended, told) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Told::default())));
        let (is_ended, results) = (Arc::clone(&ended), Arc::clone(&told));
        let fresh = || Client {
            realm: Arc::clone(&clients.realm),
            kept: clients.kept.clone(),
            port: clients.port,
            browser: clients.browser.clone(),
            token: Arc::clone(&token),
            users: Arc::clone(&clients.users),
        };
        let client = fresh();
        let sender = tokio::spawn(async move {
            let begun = Instant::now();
            let mut ticks = tokio::time::interval(between);
            let mut requests = JoinSet::new();
            for kind in Kind::ALL.into_iter().cycle() {
                ticks.tick().await;
                if is_ended.load(Ordering::Relaxed) {
                    break;
                }
                let (client, results) = (client.clone(), Arc::clone(&results));
                requests.spawn(async move {
                    let sent = Instant::now();
                    let outcome = tokio::time::timeout(ANSWER_LIMIT, client.send(kind)).await;
                    let took = sent.elapsed();
                    let failure = match outcome {
                        Ok(Ok(())) => None,
                        Ok(Err(why)) => Some(why.to_string()),
                        Err(_) => Some("no answer".to_owned()),
                    };
                    let mut told = results.lock().unwrap_or_else(PoisonError::into_inner);
                    told.took.push(milliseconds(took));
                    told.longest = told.longest.max(took);
                    told.failures.extend(failure.map(|why| {
                        let at = sent.duration_since(begun).as_secs_f32();
                        format!("{at:.2} s: {}, after {:.2} s: {why}", kind.name(), took.as_secs_f32())
                    }));
                });
            }
            requests.join_all().await;
        });
        Ok(Self { ended, told, sender })
    }

    /// Waits until so many more are answered.
    pub(crate) async fn answered(&self, more: u64) -> Result<(), Error> {
        let sent = || self.told.lock().unwrap_or_else(PoisonError::into_inner).sent() as u64;
        let (begun, goal) = (Instant::now(), sent() + more);
        while sent() < goal {
            if begun.elapsed() > SETTLED_LIMIT {
                return Err("requests through HAProxy are not answered".into());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Waits for all answers.
    pub(crate) async fn end(self) -> Result<Told, Error> {
        self.ended.store(true, Ordering::Relaxed);
        self.sender.await?;
        Ok(std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

#[derive(Clone)]
struct Client {
    realm: Arc<Realm>,
    kept: Site,
    port: u16,
    browser: Browser,
    token: Arc<str>,
    users: Arc<AtomicU64>,
}

impl Client {
    async fn send(mut self, kind: Kind) -> Result<(), Error> {
        let number = self.users.fetch_add(1, Ordering::Relaxed);
        match kind {
            Kind::Service => well(self.realm.client_credentials(&self.kept).await?, 200),
            Kind::Password => {
                let name = user_name(1 + number as usize % 19);
                well(self.realm.login(&self.kept, &name, &password(&name)).await?, 200)
            }
            Kind::Session => {
                let page = self.browser.open(&self.realm.authorization(&self.kept)).await?;
                page.handed_over("code").map(drop).map_err(|error| format!("{error}: {}", page.answer.shown()).into())
            }
            Kind::Read => {
                let request = self.kept.get(&format!("{USERS}?max=1")).bearer_auth(&self.token);
                well(self.kept.send(request).await?, 200)
            }
            Kind::Write => self.write(number, 1 << 10).await,
            Kind::LargeWrite => self.write(number, 100 << 10).await,
            Kind::WriteInChunks => self.write_in_chunks(number).await,
        }
    }

    /// What is left of the size are blanks, which JSON allows.
    fn user(number: u64, size: usize) -> String {
        format!("{{\"username\":\"through-{number}\"{}}}", " ".repeat(size))
    }

    async fn write(&self, number: u64, size: usize) -> Result<(), Error> {
        let request = self.kept.request(Method::POST, USERS).bearer_auth(&self.token);
        let request = request.header("content-type", "application/json").body(Self::user(number, size));
        well(self.kept.send(request).await?, 201)
    }

    /// On a connection of its own, the body in two parts of which neither is told before.
    async fn write_in_chunks(&self, number: u64) -> Result<(), Error> {
        let user = Self::user(number, 500);
        let (one, two) = user.split_at(200);
        let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
        let head = format!(
            "POST {USERS} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
            self.token
        );
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.set_nodelay(true)?;
        for part in [head, chunk(one), chunk(two) + "0\r\n\r\n"] {
            stream.write_all(part.as_bytes()).await?;
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        if answer.starts_with("HTTP/1.1 201 ") {
            return Ok(());
        }
        Err(answer.chars().take(400).collect::<String>().into())
    }
}

fn well(answer: Answer, status: u16) -> Result<(), Error> {
    answer.expect(status)?;
    Ok(())
}
