#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::*;
use crate::options::Options;

const KEY: &str =
    "-----BEGIN OPENSSH PRIVATE KEY-----\nhush-hush\n-----END OPENSSH PRIVATE KEY-----";

const ANYWHERE: Reach = Reach::Anywhere { plain_http: false };

/// A repository, a cache, and an `ssh` that notes what it was given and runs the command here.
struct Shore {
    dir: TempDir,
    depot: Depot,
    credentials: Credentials,
}

impl Shore {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path();
        for folder in ["bin", "notes", "origin", "it's a cache"] {
            fs::create_dir(at.join(folder)).unwrap();
        }
        fs::write(at.join("origin/Chart.yaml"), "name: web\nversion: 1.0.0\n").unwrap();
        git(
            &at.join("origin"),
            &["init", "--quiet", "--initial-branch=main"],
        );
        git(&at.join("origin"), &["add", "--all"]);
        git(
            &at.join("origin"),
            &["commit", "--quiet", "--message", "first"],
        );
        let options = Options {
            cache: Some(at.join("it's a cache/charts")),
            ..Options::default()
        };
        let shore = Self {
            depot: Depot::new(options).unwrap(),
            credentials: Credentials {
                identity: Some(KEY.to_owned()),
                known_hosts: Some("[127.0.0.1]:2222 ssh-ed25519 AAAA".to_owned()),
                ..Credentials::default()
            },
            dir,
        };
        shore.ssh("for last; do :; done; exec sh -c \"$last\"");
        shore
    }

    /// What `ssh` does after it has noted everything.
    fn ssh(&self, then: &str) {
        let notes = self.dir.path().join("notes");
        let script = format!(
            "#!/bin/sh\ncd '{}'\nprintf '%s\\n' \"$@\" > arguments\nenv > environment\n\
             key=$(sed -n 's/^IdentityFile=\"\\(.*\\)\"$/\\1/p' arguments)\n\
             stat -c %a \"$key\" \"$(dirname \"$key\")\" > modes\ncat \"$key\" > key\n{then}\n",
            notes.display()
        );
        let path = self.dir.path().join("bin/ssh");
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn note(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join("notes").join(name)).unwrap()
    }

    fn remote(&self) -> Remote<'_> {
        let url = format!(
            "ssh://git@127.0.0.1:2222{}/origin",
            self.dir.path().display()
        );
        let mut remote = Remote::open(&self.depot, &url, &self.credentials, &ANYWHERE).unwrap();
        let path = env::var("PATH").unwrap();
        remote.path = format!("{}:{path}", self.dir.path().join("bin").display()).into();
        remote
    }

    fn shown(&self, error: &FetchError) -> String {
        let dir = self.dir.path().display().to_string();
        error.to_string().replace(&dir, "/DIR")
    }
}

fn git(folder: &Path, arguments: &[&str]) {
    let status = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "author")
        .env("GIT_AUTHOR_EMAIL", "author@example.com")
        .env("GIT_COMMITTER_NAME", "committer")
        .env("GIT_COMMITTER_EMAIL", "committer@example.com")
        .status();
    assert!(status.unwrap().success());
}

#[tokio::test]
async fn ssh_gets_the_key_in_a_file_that_is_gone_afterwards() {
    let shore = Shore::new();
    let remote = shore.remote();
    let seen = remote.resolve("main", Duration::ZERO).await.unwrap();
    let (_, content) = remote.read("main", &seen, "").await.unwrap();
    let Content::Folder(files) = content else {
        panic!("a folder");
    };
    assert_eq!(files.len(), 1);
    assert_eq!(shore.note("key"), format!("{KEY}\n"));
    assert_eq!(shore.note("modes"), "600\n700\n");
    let arguments = shore.note("arguments");
    assert!(arguments.starts_with("-F\n/dev/null\n"), "{arguments}");
    for part in [
        "StrictHostKeyChecking=yes",
        "IdentitiesOnly=yes",
        "-p\n2222\ngit@127.0.0.1\n",
    ] {
        assert!(arguments.contains(part), "{arguments}");
    }
    // Nothing of ours is inherited: cargo sets this one.
    let environment = shore.note("environment");
    assert!(env::var_os("CARGO_MANIFEST_DIR").is_some());
    assert!(!environment.contains("CARGO_MANIFEST_DIR"), "{environment}");
    for text in [&arguments, &environment] {
        assert!(!text.contains("hush"), "{text}");
    }
    let mirror = fs::read_dir(&remote.home).unwrap().next().unwrap().unwrap();
    assert!(!mirror.path().join("secrets").exists());
}

#[tokio::test]
async fn what_ssh_says_is_understood() {
    let shore = Shore::new();
    let mut texts = Vec::new();
    for said in [
        "No ED25519 host key is known for [127.0.0.1]:2222 and you have requested strict checking.\nHost key verification failed.",
        "@@@@@@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@@@@@@@\nHost key verification failed.",
        "git@127.0.0.1: Permission denied (publickey).",
        "ssh: connect to host 127.0.0.1 port 2222: Connection refused",
        "ERROR: Repository not found.",
        "Load key \\\"/x/identity\\\": error in libcrypto",
    ] {
        shore.ssh(&format!("printf '%b\\n' \"{said}\" >&2; exit 255"));
        let error = shore
            .remote()
            .resolve("main", Duration::ZERO)
            .await
            .unwrap_err();
        let kind = format!("{error:?}")
            .split('(')
            .next()
            .unwrap_or_default()
            .to_owned();
        texts.push(format!("{kind}: {}", shore.shown(&error)));
    }
    insta::assert_snapshot!(texts.join("\n"));
}

#[tokio::test]
async fn ssh_is_not_asked_without_a_key_or_known_hosts() {
    let mut shore = Shore::new();
    shore.credentials.identity = None;
    let keyless = shore
        .remote()
        .resolve("main", Duration::ZERO)
        .await
        .unwrap_err();
    shore.credentials.known_hosts = None;
    let unknown = shore
        .remote()
        .resolve("main", Duration::ZERO)
        .await
        .unwrap_err();
    assert!(!shore.dir.path().join("notes/arguments").exists());
    insta::assert_snapshot!(format!(
        "{}\n{}",
        shore.shown(&keyless),
        shore.shown(&unknown)
    ));
}

#[tokio::test]
async fn a_machine_without_git_is_told_what_to_do() {
    let shore = Shore::new();
    let mut remote = shore.remote();
    remote.program = "/nothing/git".into();
    let error = remote.resolve("main", Duration::ZERO).await.unwrap_err();
    insta::assert_snapshot!(shore.shown(&error), @"cannot start /nothing/git: No such file or directory (os error 2); hint: install git (apt-get install git, apk add git) where this runs, or take the chart from a repository or a registry");
}

#[tokio::test]
async fn nothing_of_the_users_configuration_is_read() {
    let shore = Shore::new();
    let remote = shore.remote();
    let mirror = remote.hold().await.unwrap();
    for name in [".gitconfig", ".config/git/config"] {
        let path = mirror.folder().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(
            path,
            "[url \"https://evil.example\"]\n\tinsteadOf = ssh://\n",
        )
        .unwrap();
    }
    let isolation = remote.local();
    let call = Call {
        isolation: &isolation,
        folder: mirror.folder(),
        repository: None,
        arguments: ["config", "--list", "--show-origin"]
            .map(OsString::from)
            .into(),
        output: 1 << 16,
        store: None,
        time: AT_HOME,
    };
    let output = String::from_utf8(call.output().await.unwrap()).unwrap();
    let foreign: Vec<&str> = output
        .lines()
        .filter(|line| !line.starts_with("command line:"))
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    assert!(output.contains("http.followredirects=false"), "{output}");
}

/// A program in the place of git.
fn program(shore: &Shore, script: &str) -> PathBuf {
    let path = shore.dir.path().join("bin/other-git");
    let notes = shore.dir.path().join("notes");
    fs::write(
        &path,
        format!("#!/bin/sh\ncd '{}'\n{script}\n", notes.display()),
    )
    .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn a_password_is_no_argument_and_is_not_repeated() {
    let shore = Shore::new();
    let credentials = Credentials {
        basic: Some(("oar".to_owned(), "hush-hush".to_owned())),
        ..Credentials::default()
    };
    let url = "http://127.0.0.1:1/origin";
    let mut remote = Remote::open(&shore.depot, url, &credentials, &ANYWHERE).unwrap();
    remote.program = program(
        &shore,
        "printf '%s\\n' \"$@\" > arguments\necho \"fatal: $GIT_CONFIG_VALUE_18 hush-hush\" >&2\nenv >&2\nexit 128",
    );
    let error = remote
        .resolve("main", Duration::ZERO)
        .await
        .unwrap_err()
        .to_string();
    let encoded = "b2FyOmh1c2gtaHVzaA==";
    assert!(error.contains("***"), "{error}");
    for text in [&error, &shore.note("arguments")] {
        assert!(!text.contains("hush") && !text.contains(encoded), "{text}");
    }
}

#[tokio::test]
async fn all_that_git_started_ends_with_it() {
    let shore = Shore::new();
    let mut remote = shore.remote();
    remote.program = program(&shore, "sleep 1000 & echo $! > child\nwait");
    let mirror = remote.hold().await.unwrap();
    let isolation = remote.local();
    let call = Call {
        isolation: &isolation,
        folder: mirror.folder(),
        repository: None,
        arguments: Vec::new(),
        output: 1,
        store: None,
        time: Duration::from_secs(60),
    };
    let child = shore.dir.path().join("notes/child");
    let begun = async {
        while !fs::read_to_string(&child).is_ok_and(|pid| pid.ends_with('\n')) {
            tokio::task::yield_now().await;
        }
    };
    let ended_early = tokio::select! {
        output = call.output() => Some(output),
        () = begun => None,
    };
    assert!(ended_early.is_none());
    let status = format!("/proc/{}/stat", shore.note("child").trim());
    // Gone, or waiting for a parent that does not care.
    let is_gone = || {
        fs::read_to_string(&status).map_or(true, |status| {
            status.rsplit(") ").next().unwrap().starts_with('Z')
        })
    };
    let gone = async {
        while !is_gone() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_limit_is_no_damage() {
    let shore = Shore::new();
    let mut remote = shore.remote();
    let seen = remote.resolve("main", Duration::ZERO).await.unwrap();
    remote.program = program(
        &shore,
        "cd \"$OLDPWD\"\ncase \"$*\" in\n*\"cat-file --batch\"*) read -r object; echo \"$object tree 99999999999\"; exec cat;;\nesac\nexec git \"$@\"",
    );
    let Err(error) = remote.read("main", &seen, "").await else {
        panic!("a folder of 99999999999 bytes");
    };
    assert!(matches!(error, FetchError::Invalid(_)), "{error:?}");
    insta::assert_snapshot!(shore.shown(&error), @"ssh://git@127.0.0.1:2222/DIR/origin: the list of a folder is larger than 16777216 bytes, which is the most that is read of it; hint: put the chart into a folder with fewer files");
    // What was fetched is still there.
    let mirror = remote.hold().await.unwrap();
    assert!(mirror.has(&remote.local(), &seen.commit).await);
    let slow = CallGit::TimedOut(AT_HOME);
    let unread = remote.unread(ReadTree::Object(slow.into()));
    assert!(matches!(
        unread,
        Absent::Refused(FetchError::Unavailable(_))
    ));
    let damaged = ReadObject::Damaged("x".to_owned());
    let unread = remote.unread(ReadTree::Object(damaged));
    assert!(matches!(unread, Absent::Damaged(_)));
}

#[tokio::test]
async fn ssh_opens_the_address_that_was_checked() {
    let shore = Shore::new();
    for (port, alias) in [(":2222", "[localhost]:2222"), ("", "localhost")] {
        let url = format!(
            "ssh://git@localhost{port}{}/origin",
            shore.dir.path().display()
        );
        let mut remote = Remote::open(&shore.depot, &url, &shore.credentials, &ANYWHERE).unwrap();
        remote.path = shore.remote().path;
        remote.resolve("main", Duration::ZERO).await.unwrap();
        let arguments = shore.note("arguments");
        let of = |name: &str| {
            let mut values = arguments.lines().filter_map(|line| line.strip_prefix(name));
            values.next().map(str::to_owned)
        };
        // The host's key is looked for under the host's name.
        assert_eq!(of("HostKeyAlias=").as_deref(), Some(alias), "{arguments}");
        let address: IpAddr = of("HostName=").unwrap().parse().unwrap();
        assert!(address.is_loopback(), "{arguments}");
        assert!(arguments.contains("git@localhost\n"), "{arguments}");
    }
}

#[tokio::test]
async fn a_user_that_the_system_does_not_know_is_told() {
    let shore = Shore::new();
    shore.ssh("echo 'No user exists for uid 65532' >&2; exit 255");
    let remote = shore.remote();
    let error = remote.resolve("main", Duration::ZERO).await.unwrap_err();
    insta::assert_snapshot!(shore.shown(&error), @"ssh://git@127.0.0.1:2222/DIR/origin: No user exists for uid 65532; hint: ssh runs only for users that the system knows: the image needs a line for this one in /etc/passwd, as deploy/Dockerfile has it; or take the repository by https://");
}

#[tokio::test]
async fn a_private_address_is_opened_for_who_chose_it() {
    let location = Location::parse("https://127.0.0.1:1/origin", None).unwrap();
    assert!(addresses(&location, true).await.is_ok());
    let error = addresses(&location, false).await.unwrap_err();
    insta::assert_snapshot!(error, @"https://127.0.0.1:1/origin: 127.0.0.1 is 127.0.0.1, a private address, and a server elsewhere has sent us there; hint: where that is meant, name this URL, or grant this server too");
    let name = Location::parse("https://localhost:1/origin", None).unwrap();
    assert!(matches!(
        addresses(&name, false).await,
        Err(FetchError::Denied(_))
    ));
}
