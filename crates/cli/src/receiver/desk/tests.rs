#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio_util::task::AbortOnDropHandle;

use super::*;

/// An engine that has fetched from two sources.
struct Fake {
    on_duty: AtomicBool,
    pushed: Mutex<Vec<String>>,
}

impl Recipient for Fake {
    fn is_on_duty(&self) -> bool {
        self.on_duty.load(Ordering::Relaxed)
    }

    fn upstreams(&self) -> Vec<Upstream> {
        let read = [
            "https://git.example/acme/shop",
            "https://git.example/other/shop",
        ];
        read.iter().filter_map(|url| Upstream::parse(url)).collect()
    }

    fn pushed(&self, upstreams: &[Upstream]) -> usize {
        let mut pushed = self.pushed.lock();
        pushed.extend(upstreams.iter().map(ToString::to_string));
        upstreams.len()
    }
}

struct Site {
    desk: Desk,
    fake: Arc<Fake>,
    registry: Registry,
    directory: TempDir,
    _postman: AbortOnDropHandle<()>,
}

const RECEIVERS: &str = "receivers:
- {name: lab, type: gitlab, tokenFile: token, sources: [\"https://git.example/acme/*\"]}
- {name: any, type: generic, tokenFile: token, sources: [\"https://git.example/acme/*\", \"oci://registry.example/web\"]}
";

impl Site {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(
            directory.path().join("token"),
            "a-token-that-is-long-enough\n",
        )
        .unwrap();
        let file = directory.path().join("receivers.yaml");
        std::fs::write(&file, RECEIVERS).unwrap();
        let mut registry = Registry::default();
        let metrics = Metrics::registered(&mut registry);
        let fake = Arc::new(Fake {
            on_duty: AtomicBool::new(true),
            pushed: Mutex::default(),
        });
        let mailbox = Arc::new(Mailbox::default());
        let (postman, to, runs) = (Arc::clone(&mailbox), Arc::clone(&fake), metrics.runs());
        let postman = tokio::spawn(async move { postman.deliver(&*to, &runs).await });
        let configuration = Configuration::read(Path::new(&file)).unwrap();
        Self {
            desk: Desk::new(configuration, Arc::clone(&fake) as _, mailbox, metrics),
            fake,
            registry,
            directory,
            _postman: AbortOnDropHandle::new(postman),
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> String {
        let response = self.desk.answer(request).await;
        let status = response.status().as_u16();
        let extra: Vec<String> = [ALLOW, RETRY_AFTER]
            .iter()
            .filter_map(|name| {
                Some(format!(
                    " {name}={}",
                    response.headers().get(name)?.to_str().ok()?
                ))
            })
            .collect();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&body).trim_end().to_owned();
        format!("{status}{} {text}", extra.concat())
    }

    /// Sends as GitLab does.
    async fn push(&self, token: &str, event: &str, body: impl Into<Bytes>) -> String {
        let request = Request::post("/hook/lab")
            .header("x-gitlab-token", token)
            .header("x-gitlab-event", event);
        self.send(request.body(Full::new(body.into())).unwrap())
            .await
    }

    async fn at(&self, method: Method, path: &str) -> String {
        let request = Request::builder().method(method).uri(path);
        self.send(request.body(Full::default()).unwrap()).await
    }

    /// Passes the time that deliveries take, and tells what was delivered.
    async fn delivered(&self) -> Vec<String> {
        tokio::time::sleep(super::super::mailbox::PAUSE * 2).await;
        std::mem::take(&mut *self.fake.pushed.lock())
    }
}

const TOKEN: &str = "a-token-that-is-long-enough";
const PUSH: &str = r#"{"project": {"git_ssh_url": "git@git.example:acme/shop.git", "web_url": "https://git.example/acme/shop"}}"#;
const NOTHING: [&str; 0] = [];

#[tokio::test(start_paused = true)]
async fn a_push_reaches_who_fetched_from_there() {
    let site = Site::new();
    assert_eq!(site.push(TOKEN, "Push Hook", PUSH).await, "200 ok");
    assert_eq!(site.delivered().await, ["git.example/acme/shop"]);
}

#[tokio::test(start_paused = true)]
async fn who_is_not_known_and_what_is_not_meant_reaches_nobody() {
    let site = Site::new();
    let foreign = PUSH.replace("acme", "other");
    let mut told = vec![
        site.push("wrong", "Push Hook", PUSH).await,
        site.push(TOKEN, "Issue Hook", PUSH).await,
        site.push(TOKEN, "Push Hook", foreign).await,
        site.push(TOKEN, "Push Hook", "no JSON").await,
        site.push(TOKEN, "Push Hook", "{}").await,
        site.push(TOKEN, "Push Hook", vec![b' '; LONGEST + 1]).await,
    ];
    for (method, path) in [
        (Method::GET, "/hook/lab"),
        (Method::POST, "/hook/lab/a-token-that-is-long-enough"),
        (Method::POST, "/hook/nobody"),
        (Method::POST, "/hook/"),
        (Method::POST, "/"),
        (Method::POST, "/hook/any"),
        (Method::POST, "/hook/any/wrong"),
    ] {
        told.push(site.at(method, path).await);
    }
    insta::assert_snapshot!(told.join("\n"), @"
    401 not signed with the receiver's token
    200 ok: nothing that is waited for
    200 ok: nothing of the receiver's sources
    400 the payload: not JSON
    400 the payload: it names no repository; hint: the type of the receiver is the sender's
    413 payloads have 2 MiB at most; sources are polled all the same
    405 allow=POST webhooks are sent with POST
    404 not found; webhooks go to /hook/NAME, by the name of a receiver
    404 not found; webhooks go to /hook/NAME, by the name of a receiver
    404 not found; webhooks go to /hook/NAME, by the name of a receiver
    404 not found; webhooks go to /hook/NAME, by the name of a receiver
    401 not signed with the receiver's token
    401 not signed with the receiver's token
    ");
    assert_eq!(site.delivered().await, NOTHING);
}

#[tokio::test(start_paused = true)]
async fn whoever_names_nothing_speaks_for_all_of_its_sources() {
    let site = Site::new();
    let path = format!("/hook/any/{TOKEN}");
    assert_eq!(site.at(Method::POST, &path).await, "200 ok");
    assert_eq!(
        site.delivered().await,
        ["git.example/acme/shop", "registry.example/web"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_stands_by_says_so() {
    let site = Site::new();
    site.fake.on_duty.store(false, Ordering::Relaxed);
    insta::assert_snapshot!(site.push(TOKEN, "Push Hook", PUSH).await, @"503 retry-after=10 this replica stands by; send it to the one that leads");
    assert_eq!(site.delivered().await, NOTHING);
}

#[tokio::test(start_paused = true)]
async fn a_token_may_be_renewed() {
    let site = Site::new();
    let file = site.directory.path().join("token");
    std::fs::write(&file, "another-token-of-some-length").unwrap();
    assert!(
        site.push(TOKEN, "Push Hook", PUSH)
            .await
            .starts_with("401 ")
    );
    assert_eq!(
        site.push("another-token-of-some-length", "Push Hook", PUSH)
            .await,
        "200 ok"
    );
    std::fs::remove_file(&file).unwrap();
    insta::assert_snapshot!(site.push(TOKEN, "Push Hook", PUSH).await, @"503 the receiver's token cannot be read; its log says why");
}

#[tokio::test(start_paused = true)]
async fn more_than_can_be_held_is_refused() {
    let site = Site::new();
    let push = |number: usize| PUSH.replace("shop", &format!("shop-{number}"));
    let mut told = String::new();
    // The postman does not come while nobody waits.
    for number in 0..=256 {
        told = site.push(TOKEN, "Push Hook", push(number)).await;
    }
    insta::assert_snapshot!(told, @"429 retry-after=5 too many pushes at a time");
    assert_eq!(site.delivered().await.len(), 256);
    assert_eq!(site.push(TOKEN, "Push Hook", PUSH).await, "200 ok");
}

#[tokio::test(start_paused = true)]
async fn webhooks_are_counted() {
    let site = Site::new();
    site.push(TOKEN, "Push Hook", PUSH).await;
    site.push("wrong", "Push Hook", PUSH).await;
    site.at(Method::POST, "/hook/nobody").await;
    site.delivered().await;
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &site.registry).unwrap();
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines.sort_unstable();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    oarlock_webhook_requests_total{receiver="",code="404"} 1
    oarlock_webhook_requests_total{receiver="lab",code="200"} 1
    oarlock_webhook_requests_total{receiver="lab",code="401"} 1
    oarlock_webhook_runs_total 1
    "#);
}
