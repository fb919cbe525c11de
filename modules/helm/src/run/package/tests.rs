#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

/// An archive: names, kinds of entries, contents.
fn archive(entries: &[(&str, u8, &[u8])]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&tar(entries)).unwrap();
    packed.finish().unwrap()
}

fn tar(entries: &[(&str, u8, &[u8])]) -> Vec<u8> {
    let mut packed = Vec::new();
    for (name, kind, content) in entries {
        let mut header = [0; BLOCK];
        let (prefix, name) = name.rsplit_once("//").unwrap_or(("", name));
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[345..345 + prefix.len()].copy_from_slice(prefix.as_bytes());
        header[257..262].copy_from_slice(b"ustar");
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[156] = *kind;
        packed.write_all(&header).unwrap();
        packed.write_all(content).unwrap();
        packed
            .write_all(&vec![
                0;
                content.len().next_multiple_of(BLOCK) - content.len()
            ])
            .unwrap();
    }
    packed.write_all(&[0; 2 * BLOCK]).unwrap();
    packed
}

#[test]
fn a_folder_is_not_compressed() {
    let folder = tar(&[("chart/values.yaml", b'0', b"a: 1\n")]);
    assert_eq!(
        text(&folder, "values.yaml").unwrap().as_deref(),
        Some("a: 1\n")
    );
}

#[test]
fn a_file_is_found_however_its_name_is_written() {
    let archive = archive(&[
        ("pax_global_header", b'g', b"19 comment=01234567\n"),
        ("web/", b'5', b""),
        ("web/values.yaml", b'0', b"a: 1\n"),
        ("web/folder//deep.yaml", b'0', b"b: 1\n"),
        ("././@LongLink", b'L', b"web/gnu.yaml\0"),
        ("web/gn", b'0', b"c: 1\n"),
        ("x", b'x', b"13 mtime=1.5\n21 path=web/pax.yaml\n"),
        ("web/pa", b'0', b"d: 1\n"),
        ("web/old.yaml", 0, b"e: 1\n"),
        ("web/binary", b'0', b"\xff"),
    ]);
    let found = |path| text(&archive, path).unwrap();
    assert_eq!(found("values.yaml").as_deref(), Some("a: 1\n"));
    assert_eq!(found("folder/deep.yaml").as_deref(), Some("b: 1\n"));
    assert_eq!(found("gnu.yaml").as_deref(), Some("c: 1\n"));
    assert_eq!(found("pax.yaml").as_deref(), Some("d: 1\n"));
    assert_eq!(found("old.yaml").as_deref(), Some("e: 1\n"));
    assert_eq!(found("none.yaml"), None);
    assert_eq!(found("pa"), None);
    assert!(text(&archive, "binary").is_err());
}

#[test]
fn what_is_no_package_is_refused() {
    assert_eq!(text(b"", "a").unwrap(), None);
    assert!(text(b"\x1f\x8b no gzip", "a").is_err());
    assert!(text(&[b'x'; BLOCK], "a").is_err());
    let whole = archive(&[("web/a", b'0', &[b'x'; 3000])]);
    for end in [0, 5, whole.len() / 2, whole.len() - 9] {
        // Cut short: not found, or refused.
        assert!(!matches!(text(&whole[..end], "b"), Ok(Some(_))));
    }
    let mut header = [b'9'; BLOCK];
    header[156] = b'0';
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&header).unwrap();
    assert!(text(&packed.finish().unwrap(), "a").is_err());
}
