#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

use super::*;

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.2.3\n";

/// An entry of a tar, with whatever name and kind.
fn entry(tar: &mut Vec<u8>, name: &str, kind: EntryType, content: &[u8]) {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    tar.extend_from_slice(header.as_bytes());
    tar.extend_from_slice(content);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

fn tgz(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, content) in files {
        entry(&mut tar, name, EntryType::Regular, content);
    }
    pack(tar)
}

fn pack(mut tar: Vec<u8>) -> Vec<u8> {
    tar.resize(tar.len() + 1024, 0);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&tar).unwrap();
    gzip.finish().unwrap()
}

fn small() -> Limits {
    Limits {
        unpacked: 10_000,
        file: 1_000,
        files: 20,
        ..Limits::default()
    }
}

fn refused(bytes: &[u8]) -> String {
    match Package::open(bytes, &small()).and_then(|package| package.chart()) {
        Ok(chart) => format!("taken as {chart:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn an_archive_is_read_as_helm_reads_it() {
    let mut tar = Vec::new();
    entry(&mut tar, "pax_global_header", EntryType::XGlobalHeader, b"");
    entry(&mut tar, "web/", EntryType::Directory, b"");
    entry(
        &mut tar,
        "web/Chart.yaml",
        EntryType::Regular,
        CHART.as_bytes(),
    );
    entry(
        &mut tar,
        "web/templates/a.yaml",
        EntryType::Regular,
        b"a: 1",
    );
    entry(&mut tar, "web/link", EntryType::Symlink, b"");
    entry(&mut tar, "web/hard", EntryType::Link, b"");
    entry(&mut tar, "web/device", EntryType::Char, b"");
    entry(&mut tar, "other/b", EntryType::Regular, b"b");
    let package = Package::open(&pack(tar), &small()).unwrap();
    let paths: Vec<_> = package
        .files()
        .iter()
        .map(|file| (file.path.as_str(), file.content.len()))
        .collect();
    assert_eq!(
        paths,
        [
            ("Chart.yaml", CHART.len()),
            ("templates/a.yaml", 4),
            ("link", 0),
            ("hard", 0),
            ("device", 0),
            ("b", 1),
        ]
    );
    let chart = package.chart().unwrap();
    assert_eq!(
        (chart.name.as_str(), chart.version.as_str()),
        ("web", "1.2.3")
    );
    assert_eq!(package.file("templates/a.yaml"), Some(&b"a: 1"[..]));
}

#[test]
fn what_is_no_chart_is_refused_in_helms_words() {
    let chart = CHART.as_bytes();
    let large = [b' '; 1_001];
    let many: Vec<_> = (0..21).map(|_| ("web/a", &b""[..])).collect();
    let full: Vec<_> = (0..11).map(|_| ("web/a", &large[..1_000])).collect();
    let yaml = |text: &str| tgz(&[("web/Chart.yaml", text.as_bytes())]);
    let mut broken = tgz(&[("web/Chart.yaml", chart)]);
    broken.truncate(broken.len() / 2);
    let texts: Vec<String> = [
        tgz(&[("web/../../etc/passwd", b"")]),
        tgz(&[("web//etc/passwd", b"")]),
        tgz(&[("web", b"")]),
        tgz(&[("web\\c:/a", b"")]),
        tgz(&[("Chart.yaml", chart)]),
        tgz(&[("web/large", &large)]),
        tgz(&full),
        tgz(&many),
        tgz(&[]),
        tgz(&[("web/values.yaml", b"")]),
        b"PK\x03\x04 not gzip".to_vec(),
        broken,
        yaml("name: [\n"),
        yaml("name: web\n"),
        yaml("version: 1.2.3\n"),
        yaml("name: ..\nversion: 1.2.3\n"),
        yaml("name: a/b\nversion: 1.2.3\n"),
        yaml("name: web\nversion: latest\n"),
        yaml("- a\n"),
        yaml(""),
    ]
    .iter()
    .map(|bytes| refused(bytes))
    .collect();
    insta::assert_snapshot!(texts.join("\n"), @r#"
    chart illegally references parent directory
    chart illegally contains absolute paths
    chart illegally contains content outside the base directory: "web"
    chart contains illegally named files
    chart illegally contains content outside the base directory: "Chart.yaml"
    decompressed chart file "web/large" is larger than the maximum file size 1000
    decompressed chart is larger than the maximum size 10000
    chart has more than 20 files, which is the most that is read
    no files in chart archive
    Chart.yaml file is missing
    does not appear to be a gzipped archive; hint: a chart is a .tgz as `helm package` makes it
    does not appear to be a valid chart file: incomplete deflate stream
    cannot load Chart.yaml: expected string scalar at line 1, column 7
    validation: chart.metadata.version is required
    validation: chart.metadata.name is required
    validation: chart.metadata.name ".." is not allowed
    validation: chart.metadata.name "a/b" is invalid
    validation: chart.metadata.version "latest" is invalid
    cannot load Chart.yaml: expected mapping start at line 1, column 1
    validation: chart.metadata.name is required
    "#);
}

#[test]
fn bombs_are_refused_before_they_go_off() {
    // A gigabyte of zeros that says it is one file, then as a long name, then as headers without end.
    let bomb = |begin: &[u8], rest: u64| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(begin).unwrap();
        std::io::copy(
            &mut std::io::Read::take(std::io::repeat(0), rest),
            &mut gzip,
        )
        .unwrap();
        gzip.finish().unwrap()
    };
    let header = |kind: u8, size: u64| {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..5].copy_from_slice(b"web/a");
        header.set_entry_type(EntryType::new(kind));
        header.set_size(size);
        header.set_cksum();
        header.as_bytes().to_vec()
    };
    let size = 50 << 20;
    let file = bomb(&header(b'0', size), size);
    assert!(file.len() < 100_000);
    assert_eq!(
        refused(&file),
        "decompressed chart is larger than the maximum size 10000"
    );
    let name = bomb(&header(b'L', size), size);
    assert_eq!(
        refused(&name),
        "decompressed chart is larger than the maximum size 10000"
    );
    // Within what one file may be, but again and again: the tar's headers count too.
    let mut many = Vec::new();
    for _ in 0..1_000 {
        many.extend_from_slice(&header(b'5', 0));
    }
    let many = bomb(&many, 0);
    assert_eq!(
        refused(&many),
        "decompressed chart is larger than the maximum size 10000"
    );
}

fn write(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn read(root: &Path) -> Result<Package, PackageError> {
    let limits = Limits {
        files: 1_000,
        ..small()
    };
    Package::folder(&root.join("web"), root, &limits)
}

#[test]
fn a_folder_becomes_the_same_bytes_everywhere() {
    let long = format!("files/{}", "long-".repeat(30));
    let make = |order: &[usize]| {
        let dir = tempfile::tempdir().unwrap();
        let files = [
            ("web/Chart.yaml", CHART),
            ("web/templates/b.yaml", "b"),
            ("web/templates/a.yaml", "a"),
            ("web/templates/.hidden", "no"),
            ("web/notes.tmp", "no"),
            ("web/.helmignore", "*.tmp\n"),
            (&format!("web/{long}"), "long"),
        ];
        for &at in order {
            write(dir.path(), files[at].0, files[at].1);
        }
        read(dir.path()).unwrap().bytes()
    };
    let bytes = make(&[0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(bytes, make(&[6, 5, 4, 3, 2, 1, 0]));
    // What others read of it.
    let mut archive = tar::Archive::new(&bytes[..]);
    let names: Vec<String> = archive
        .entries()
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            assert_eq!(entry.header().mtime().unwrap(), 0);
            String::from_utf8(entry.path_bytes().into_owned()).unwrap()
        })
        .collect();
    let long = format!("chart/{long}");
    assert_eq!(
        names,
        [
            "chart/.helmignore",
            "chart/Chart.yaml",
            &long,
            "chart/templates/a.yaml",
            "chart/templates/b.yaml",
        ]
    );
    let opened = Package::open(&bytes, &small()).unwrap();
    assert_eq!(opened.bytes(), bytes);
}

#[test]
fn a_changed_archive_stays_an_archive() {
    let bytes = tgz(&[("web/Chart.yaml", CHART.as_bytes()), ("web/a", b"a")]);
    let mut package = Package::open(&bytes, &small()).unwrap();
    package.put("a", Arc::from(*b"b"));
    package.put("charts/c.tgz", vec![7; 900].into());
    package.remove("nothing");
    let bytes = package.bytes();
    assert!(is_gzip(&bytes));
    assert_eq!(Package::open(&bytes, &small()).unwrap(), package);
    // Longer than one stored block, and empty.
    for length in [0, 65_535, 65_536, 200_000] {
        let plain: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let packed = tarball::gzip(&plain);
        let mut again = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut again)
            .unwrap();
        assert_eq!(again, plain, "{length}");
    }
}

#[test]
fn links_lead_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("charts");
    write(&root, "web/Chart.yaml", CHART);
    write(&root, "common/a.yaml", "a");
    write(dir.path(), "secret", "s");
    symlink("../../common/a.yaml", root.join("web/inside.yaml")).unwrap();
    symlink("../common", root.join("web/folder")).unwrap();
    fs::remove_file(root.join("web/inside.yaml")).unwrap();
    symlink("../common/a.yaml", root.join("web/inside.yaml")).unwrap();
    let package = read(&root).unwrap();
    assert_eq!(package.file("inside.yaml"), Some(&b"a"[..]));
    assert_eq!(package.file("folder/a.yaml"), Some(&b"a"[..]));

    let refused = |link: &str, target: &str| {
        let link = root.join("web").join(link);
        symlink(target, &link).unwrap();
        let error = read(&root).unwrap_err().to_string();
        fs::remove_file(link).unwrap();
        error.replace(
            &dir.path().canonicalize().unwrap().display().to_string(),
            "/tmp",
        )
    };
    let mut texts = vec![
        refused("values.yaml", "../../secret"),
        refused("etc", "/etc"),
        refused("nothing", "nowhere"),
        refused("again", "."),
    ];
    let socket = root.join("web/socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    texts.push(read(&root).unwrap_err().to_string());
    fs::remove_file(&socket).unwrap();
    write(&root, "web/files/large", &"x".repeat(1_001));
    texts.push(read(&root).unwrap_err().to_string());
    // What is ignored needs no look.
    write(&root, "web/.helmignore", "files/\nout\nsocket\n");
    symlink("/etc", root.join("web/out")).unwrap();
    assert!(read(&root).is_ok());
    write(&root, "web/.helmignore", "a/**\n");
    texts.push(read(&root).unwrap_err().to_string());
    insta::assert_snapshot!(texts.join("\n"), @r#"
    values.yaml is a symbolic link to ../../secret, which is outside of /tmp/charts; hint: copy what it points at into the chart
    etc is a symbolic link to /etc, which is outside of /tmp/charts; hint: copy what it points at into the chart
    error evaluating symlink nothing: No such file or directory (os error 2); hint: does what it points at exist?
    again/… is more than 64 folders deep, which is the most that is read; hint: does a symbolic link lead to a folder above it?
    cannot load irregular file socket as it has file mode type bits set
    chart file "large" is larger than the maximum file size 1000
    double-star (**) syntax is not supported; hint: it is in the chart's .helmignore
    "#);
}

#[test]
fn links_that_fan_out_are_given_up() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "web/Chart.yaml", CHART);
    // Each folder is in the next one twice.
    for level in 0..12 {
        let folder = dir.path().join(format!("web/files/{level}"));
        fs::create_dir_all(&folder).unwrap();
        for name in ["a", "b"] {
            symlink(format!("../{}", level + 1), folder.join(name)).unwrap();
        }
    }
    fs::create_dir_all(dir.path().join("web/files/12")).unwrap();
    let error = read(dir.path()).unwrap_err();
    insta::assert_snapshot!(error, @"chart has more than 1000 folders, which is the most that is read; hint: do symbolic links lead to the same folders again and again?");
}
