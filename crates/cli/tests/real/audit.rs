//! The API server's own account of who asked for what.

use serde_json::{Value, json};

use crate::ground::Ground;
use crate::process::PATIENCE;

/// What the operator of a test asked for, up to a point in time.
pub(crate) struct Account {
    lines: Vec<Value>,
}

impl Account {
    /// Reads it. Everything that was answered before this call is in it.
    pub(crate) async fn of(ground: &Ground) -> Self {
        let read = async {
            // The log is written after the answer: it is complete up to here once it has a request that was made now.
            for number in 0.. {
                let mark = format!("{}-{number}", ground.namespace);
                let request = http::Request::get(format!("/version?mark={mark}"))
                    .body(Vec::new())
                    .unwrap();
                let _version: Value = ground.client.request(request).await.unwrap();
                let lines = lines(ground);
                let marked = lines.iter().any(|line| {
                    let uri = line["requestURI"].as_str().unwrap_or_default();
                    uri.contains(&format!("mark={}-", ground.namespace)) && uri.ends_with(&mark)
                });
                if marked {
                    return lines;
                }
            }
            unreachable!("marks do not run out")
        };
        let lines = tokio::time::timeout(PATIENCE, read)
            .await
            .expect("the audit log is written");
        let user = ground.user();
        Self {
            lines: lines
                .into_iter()
                .filter(|line| {
                    line["user"]["username"] == json!(user)
                        // A watch is answered when it begins; it may never end.
                        && (line["stage"] == "ResponseComplete" || line["verb"] == "watch")
                })
                .collect(),
        }
    }

    /// What an admission policy wrote into it under a key, of whoever asked, with the names of the objects.
    pub(crate) fn annotated(ground: &Ground, key: &str) -> Vec<(String, String)> {
        let of = |line: &Value| {
            let name = line["objectRef"]["name"].as_str()?.to_owned();
            Some((name, line["annotations"][key].as_str()?.to_owned()))
        };
        lines(ground).iter().filter_map(of).collect()
    }

    /// How much it is.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// `verb path` of all that was asked after the first `from`, but watches.
    pub(crate) fn since(&self, from: usize) -> Vec<String> {
        self.lines
            .iter()
            .skip(from)
            .filter(|line| line["verb"] != "watch")
            .map(|line| {
                format!(
                    "{} {}",
                    line["verb"].as_str().unwrap_or_default(),
                    line["requestURI"].as_str().unwrap_or_default()
                )
            })
            .collect()
    }

    /// How often objects of a resource were listed, as a list or as a watch that begins with one.
    pub(crate) fn lists(&self, resource: &str) -> usize {
        self.lines
            .iter()
            .filter(|line| {
                let uri = line["requestURI"].as_str().unwrap_or_default();
                line["objectRef"]["resource"] == resource
                    && (line["verb"] == "list"
                        || line["verb"] == "watch"
                            && line["stage"] == "ResponseStarted"
                            && uri.contains("sendInitialEvents=true"))
            })
            .count()
    }
}

fn lines(ground: &Ground) -> Vec<Value> {
    let file = ground.admin.with_file_name("audit.log");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; hint: this test reads the audit log of a cluster that `cargo xtask cluster up` started",
            file.display()
        )
    });
    // The last line may be half written.
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}
