#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn error(reference: &str, flags: &Flags) -> String {
    locate(reference, flags).unwrap_err().to_string()
}

fn remote_source(reference: &str, flags: &Flags) -> Source {
    match locate(reference, flags).unwrap() {
        Located::Remote(source, _) => source,
        Located::Local(path) => panic!("{}", path.display()),
    }
}

#[test]
fn what_is_there_is_meant() {
    let directory = tempfile::tempdir().unwrap();
    let chart = directory.path().join("chart");
    fs::create_dir(&chart).unwrap();
    fs::write(chart.join("Chart.yaml"), "name: c\n").unwrap();
    let round = chart.join("../chart/.");
    let located = locate(round.to_str().unwrap(), &Flags::default()).unwrap();
    assert!(matches!(located, Located::Local(path) if path == chart));
}

#[test]
fn what_is_no_chart_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().to_str().unwrap();
    let flags = Flags::default();
    fs::write(directory.path().join("v.yaml"), "a: 1\n").unwrap();
    fs::write(directory.path().join("c.zip"), b"PK\x03\x04").unwrap();
    fs::write(directory.path().join("long"), "text ".repeat(200)).unwrap();
    let wrong = ["", "/nowhere", "/v.yaml", "/c.zip", "/long"]
        .map(|path| error(&format!("{root}{path}"), &flags));
    insta::assert_snapshot!(wrong.join("\n").replace(root, "ROOT"), @r#"
    unable to detect chart at ROOT/Chart.yaml: open ROOT/Chart.yaml: no such file or directory; hint: a chart is a folder with a Chart.yaml, or a .tgz of one
    path "ROOT/nowhere" not found
    file 'ROOT/v.yaml' seems to be a YAML file, but expected a gzipped archive; hint: values files go behind -f
    file 'ROOT/c.zip' does not appear to be a gzipped archive; got 'application/zip'; hint: `helm package` makes one of a chart's folder
    file 'ROOT/long' does not appear to be a gzipped archive; got 'text/plain; charset=utf-8'; hint: `helm package` makes one of a chart's folder
    "#);
    let verified = Flags {
        verify: Some(crate::helm::switch::Switch(true)),
        ..Flags::default()
    };
    assert!(error(root, &verified).starts_with("unpacked charts cannot be verified"));
}

#[test]
fn references_to_elsewhere() {
    let flags = Flags {
        version: Some(" ^1.2 ".to_owned()),
        ..Flags::default()
    };
    let oci = |repository: &str, version: &str| Source::Oci {
        repository: repository.to_owned(),
        version: version.to_owned(),
    };
    assert_eq!(
        remote_source("oci://r.example.com:5000/a/b", &flags),
        oci("oci://r.example.com:5000/a/b", "^1.2")
    );
    assert_eq!(
        remote_source("oci://r.example.com:5000/a/b:1.0.0", &Flags::default()),
        oci("oci://r.example.com:5000/a/b", "1.0.0")
    );
    assert_eq!(
        remote_source("oci://r.example.com/b@sha256:00", &Flags::default()),
        oci("oci://r.example.com/b", "sha256:00")
    );
    assert!(error("oci://r.example.com/b:1.0.0", &flags).contains("mismatch"));
    assert_eq!(
        remote_source("https://h.example.com/c.tgz", &flags),
        Source::Archive("https://h.example.com/c.tgz".to_owned())
    );
    let of_repository = Flags {
        repo: Some("https://h.example.com".to_owned()),
        devel: Some(crate::helm::switch::Switch(true)),
        ..Flags::default()
    };
    assert_eq!(
        remote_source("c", &of_repository),
        Source::Repository {
            url: "https://h.example.com".to_owned(),
            chart: "c".to_owned(),
            version: ">0.0.0-0".to_owned(),
        }
    );
}

#[test]
fn names_that_mean_nothing() {
    let flags = Flags {
        repository_config: Some("/nowhere/repositories.yaml".into()),
        ..Flags::default()
    };
    let texts = ["nowhere", "a/b", "s3://a/b"].map(|name| error(name, &flags));
    insta::assert_snapshot!(texts.join("\n"), @r#"
    non-absolute URLs should be in form of repo_name/path_to_chart, got: nowhere; hint: there is no file or folder nowhere here; --repo URL names the repository that nowhere is a chart of
    repo a not found; hint: --repo URL names a repository for one call, `helm repo add a URL` for all; a chart's folder is written ./a/…
    scheme "s3" not supported
    "#);
}
