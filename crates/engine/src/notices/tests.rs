use oarlock_core::egress::Credentials;
use oarlock_core::future::BoxFuture;
use oarlock_core::reconciler::{HttpError, HttpResponse};
use oarlock_core::reference::Gvk;
use parking_lot::Mutex;

use super::*;

/// Takes as many seconds as the path of a call says, and notes when it ended.
#[derive(Default)]
struct Receiver(Mutex<Vec<String>>);

impl Egress for Receiver {
    fn send(
        &self,
        request: HttpRequest,
        _: Option<Credentials>,
        _: Duration,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            let seconds = request.url.rsplit('/').next().and_then(|s| s.parse().ok());
            tokio::time::sleep(Duration::from_secs(seconds.unwrap_or_default())).await;
            let key = request.effect.unwrap_or_default();
            self.0.lock().push(key);
            Ok(HttpResponse {
                status: 200,
                headers: Vec::new(),
                body: Vec::new(),
            })
        })
    }
}

fn post(notices: &Notices, object: &str, key: &str, seconds: u64) {
    let grants = Grants {
        http: vec!["http://hook".to_owned()],
        ..Grants::default()
    };
    let notice = Notice {
        key: key.to_owned(),
        url: format!("http://hook/{seconds}"),
        headers: Vec::new(),
        body: String::new(),
    };
    let object = ObjectRef::new(Gvk::new("g", "v1", "K"), Some("ns"), object);
    notices.post(notice, &grants, &object);
}

#[tokio::test(start_paused = true)]
async fn objects_do_not_wait_for_each_other_and_one_object_keeps_its_order() {
    let (notices, postman) = channel();
    let receiver = Arc::new(Receiver::default());
    post(&notices, "slow", "slow-1", 9);
    post(&notices, "slow", "slow-2", 0);
    post(&notices, "quick", "quick-1", 2);
    post(&notices, "quick", "quick-2", 1);
    notices.close();
    postman.run(Arc::clone(&receiver) as Arc<dyn Egress>).await;
    assert_eq!(
        *receiver.0.lock(),
        ["quick-1", "quick-2", "slow-1", "slow-2"]
    );
}

#[tokio::test(start_paused = true)]
async fn so_many_are_under_way_at_a_time() {
    let (notices, postman) = channel();
    let receiver = Arc::new(Receiver::default());
    let began = tokio::time::Instant::now();
    for number in 0..AT_A_TIME * 3 {
        post(&notices, &number.to_string(), &number.to_string(), 5);
    }
    notices.close();
    postman.run(Arc::clone(&receiver) as Arc<dyn Egress>).await;
    assert_eq!(receiver.0.lock().len(), AT_A_TIME * 3);
    assert_eq!(began.elapsed(), Duration::from_secs(15));
}
