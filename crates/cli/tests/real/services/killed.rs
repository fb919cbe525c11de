//! `kill -9` of the operator while the broker works.

use oarlock_broker::{Behaviour, Op};

use crate::process::PATIENCE;

use super::site::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_receipt_and_record_there_is_one_instance() {
    let Some(site) = Site::new("services-killed").await else {
        return;
    };
    let operator = site.operator().await;
    site.with_catalog().await;
    let held = Behaviour::Async { polls: 1 }.held();
    site.broker.next(Op::Provision, held);
    site.objects.apply(site.instance()).await;
    let came = site.broker.until(|broker| broker.held() == 1);
    tokio::time::timeout(PATIENCE, came)
        .await
        .expect("the broker is asked");
    operator.process.kill().await;
    assert_eq!(site.there(), (1, 0));

    let _operator = site.operator().await;
    site.objects.ready("ServiceInstance", "db").await;
    site.broker.release();
    let asked = site.broker.asked(Op::Provision);
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].path, asked[1].path);
    assert_eq!(asked[0].body, asked[1].body);
    assert_eq!(site.there(), (1, 0));
    assert_eq!(site.broker.removed(), Vec::<String>::new());

    site.objects.delete("ServiceInstance", "db").await;
    site.objects.gone("ServiceInstance", "db").await;
    assert_eq!(site.there(), (0, 0));
    site.without_broker().await;
}
