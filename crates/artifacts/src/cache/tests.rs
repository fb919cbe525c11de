#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use oarlock_core::artifact::Credentials;
use tempfile::TempDir;

use super::*;
use crate::question::Kind;

fn open(dir: &TempDir, capacity: u64) -> Cache {
    Cache::open(dir.path().join("cache"), capacity).unwrap()
}

fn question(address: &str) -> Question {
    Question::new(Kind::Archive, address, &Credentials::default())
}

#[tokio::test]
async fn bytes_come_back_and_damaged_ones_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let cache = open(&dir, 1 << 20);
    let bytes: Arc<[u8]> = Arc::from(*b"some chart");
    let digest = cache.keep(Arc::clone(&bytes)).await.unwrap();
    assert_eq!(digest, Digest::of(b"some chart"));
    assert_eq!(cache.blob(&digest).await, Some(Arc::clone(&bytes)));
    // Another process finds it too.
    assert_eq!(
        open(&dir, 1 << 20).blob(&digest).await,
        Some(Arc::clone(&bytes))
    );
    assert_eq!(cache.blob(&Digest::of(b"another")).await, None);

    let file = dir.path().join("cache/blobs").join(digest.hex());
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    // What is there is not written again.
    let inode = || fs::metadata(&file).unwrap().ino();
    let first = inode();
    cache.keep(Arc::clone(&bytes)).await.unwrap();
    assert_eq!(inode(), first);
    fs::write(&file, b"some chirt").unwrap();
    assert_eq!(cache.blob(&digest).await, None);
    fs::write(&file, b"some ch").unwrap();
    assert_eq!(cache.blob(&digest).await, None);
    cache.keep(Arc::clone(&bytes)).await.unwrap();
    assert_eq!(cache.blob(&digest).await, Some(bytes));
}

#[tokio::test]
async fn an_answer_has_an_age() {
    let dir = tempfile::tempdir().unwrap();
    let time = Arc::new(AtomicU64::new(10_000));
    let clock = Arc::clone(&time);
    let cache = open(&dir, 1 << 20)
        .with_clock(move || Timestamp::from_millis(clock.load(Ordering::Relaxed)));
    let asked = question("https://charts.example/a.tgz");
    assert_eq!(cache.record::<u32>(&asked).await, None);
    cache.note(&asked, &7_u32).await;
    let fresh = async |max_age| {
        let record = cache.record::<u32>(&asked).await.unwrap();
        assert_eq!(record.answer, 7);
        record.is_fresh(Duration::from_millis(max_age))
    };
    assert!(!fresh(0).await);
    assert!(fresh(1).await);
    time.store(12_000, Ordering::Relaxed);
    assert!(!fresh(2_000).await);
    assert!(fresh(2_001).await);
    // A clock that went back makes nothing young.
    time.store(9_999, Ordering::Relaxed);
    assert!(!fresh(u64::MAX).await);
    // What does not parse, or is of another form, is not there.
    assert_eq!(cache.record::<String>(&asked).await, None);
    let file = dir.path().join("cache/records").join(asked.hex());
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(
        text,
        format!(
            r#"{{"question":"archive https://charts.example/a.tgz","digest":"{}","asked":10000,"answer":7}}"#,
            asked.digest()
        )
    );
    // Nor is what answers another question, however it came there.
    let other = question("https://charts.example/b.tgz");
    fs::write(dir.path().join("cache/records").join(other.hex()), &text).unwrap();
    assert_eq!(cache.record::<u32>(&other).await, None);
    fs::write(&file, &text[..text.len() - 1]).unwrap();
    assert_eq!(cache.record::<u32>(&asked).await, None);
}

#[tokio::test]
async fn caches_of_one_folder_write_to_files_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (open(&dir, 1 << 20), open(&dir, 1 << 20));
    // What another container with the same process id is writing.
    let aside = dir.path().join(format!("cache/.{}.0", std::process::id()));
    fs::write(&aside, b"of another").unwrap();
    for cache in [one, other] {
        let bytes: Arc<[u8]> = Arc::from(*b"some chart");
        let digest = cache.keep(Arc::clone(&bytes)).await.unwrap();
        assert_eq!(cache.blob(&digest).await, Some(bytes));
        cache.note(&question("a"), &1).await;
    }
    assert_eq!(fs::read(&aside).unwrap(), b"of another");
    let left: Vec<_> = fs::read_dir(dir.path().join("cache")).unwrap().collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[tokio::test]
async fn what_was_not_used_for_longest_goes_first() {
    let dir = tempfile::tempdir().unwrap();
    let keep: [Arc<[u8]>; 3] = [[1; 100].into(), [2; 100].into(), [3; 100].into()];
    let cache = open(&dir, 1 << 20);
    let mut digests = Vec::new();
    for (minutes, bytes) in [3, 1, 2].into_iter().zip(keep) {
        let digest = cache.keep(bytes).await.unwrap();
        let used = SystemTime::now() - Duration::from_secs(60 * minutes);
        let file = dir.path().join("cache/blobs").join(digest.hex());
        let file = OpenOptions::new().write(true).open(file).unwrap();
        file.set_modified(used).unwrap();
        digests.push(digest);
    }
    // Two hundred old bytes fit beside the new ones.
    let small = open(&dir, 300);
    small.keep(Arc::from([4; 100])).await.unwrap();
    assert_eq!(small.blob(&digests[0]).await, None);
    // Used now, and thereby the youngest.
    assert!(small.blob(&digests[2]).await.is_some());
    let tiny = open(&dir, 250);
    let last = tiny.keep(Arc::from([5; 101])).await.unwrap();
    assert_eq!(tiny.blob(&digests[1]).await, None);
    assert!(tiny.blob(&digests[2]).await.is_some());
    assert!(tiny.blob(&last).await.is_some());
    // Larger than all that there may be: the last one stays.
    let last = open(&dir, 1).keep(Arc::from([6; 102])).await.unwrap();
    let left: Vec<_> = fs::read_dir(dir.path().join("cache/blobs"))
        .unwrap()
        .collect();
    assert_eq!(left.len(), 1);
    assert!(tiny.blob(&last).await.is_some());
}

#[tokio::test]
async fn files_left_behind_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let cache = open(&dir, 1 << 20);
    let (old, new) = (dir.path().join("cache/.1.0"), dir.path().join("cache/.2.0"));
    fs::write(&old, b"half").unwrap();
    fs::write(&new, b"half").unwrap();
    let file = OpenOptions::new().write(true).open(&old).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(4000))
        .unwrap();
    cache.keep(Arc::from(*b"x")).await.unwrap();
    assert!(!old.exists());
    assert!(new.exists());
}

#[test]
fn a_folder_that_others_write_to_is_no_cache() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cache");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o770)).unwrap();
    let error = Cache::open(path.clone(), 1).err().unwrap().to_string();
    let shown = error.replace(&dir.path().display().to_string(), "/tmp");
    insta::assert_snapshot!(shown, @"the chart cache /tmp/cache can be written by others (mode 0770); hint: chmod go-w, what others put into it would be installed");
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    assert!(Cache::open(path, 1).is_ok());
    let file = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    assert!(matches!(
        Cache::open(file, 1),
        Err(CacheError::Open { .. } | CacheError::NotADirectory { .. })
    ));
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let cache = open(&dir, 1 << 20);
    fs::remove_dir_all(dir.path().join("cache")).unwrap();
    let error = cache.keep(Arc::from(*b"x")).await.unwrap_err().to_string();
    let shown = error.replace(&dir.path().display().to_string(), "/tmp");
    insta::assert_snapshot!(shown, @"cannot write to the chart cache /tmp/cache: No such file or directory (os error 2); hint: it needs space, and has to be writable for whoever runs this");
    cache.note(&question("a"), &1).await;
}
