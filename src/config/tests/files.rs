//! Files: missing, unreadable, empty, nested or not.

use super::*;

#[test]
fn a_file_is_read_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("realtime.yml");
    for (content, reason, line) in [
        (&b"port: 4000"[..], None, None),
        (b"\xef\xbb\xbfport: 4000\r\n", None, None),
        (b"\r\nport: x\r\n", Some("invalid"), Some(2)),
        (b"host: a\nport: \xff", Some("invalid"), Some(2)),
        (&[b'#'; 70_000], Some("invalid"), None),
    ] {
        std::fs::write(&path, content).unwrap();
        match (Config::from_file(&path), reason) {
            (Ok(loaded), None) => assert_eq!(loaded.config.port, 4000),
            (Err(error), Some(reason)) => {
                assert_eq!(error.context["reason"], reason);
                assert_eq!(error.context["file"], path.display().to_string());
                assert_eq!(error.context.get("line").and_then(Value::as_u64), line);
                configuration_error(error);
            }
            (other, _) => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_missing_file_can_be_told_from_a_bad_one() {
    let folder = tempfile::tempdir().unwrap();
    for (path, reason) in
        [(folder.path().join("none.yml"), "not_found"), (folder.path().to_owned(), "unreadable")]
    {
        let error = configuration_error(Config::from_file(&path).unwrap_err());
        assert_eq!(error.context["reason"], reason);
        assert!(error.message.starts_with(&path.display().to_string()) && error.source.is_some());
    }
}

#[cfg(unix)]
#[test]
fn variables_that_are_not_unicode() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    let noise = || OsString::from_vec(vec![0xff]);
    let read = |name: OsString| Layers::new().environment([(name, noise())]);
    assert!(read(noise()).is_ok() && read("OTHER".into()).is_ok());
    let error = read("CIVIC_REALTIME_HOST".into()).unwrap_err();
    assert_eq!(facts(&error), "CIVIC_REALTIME_HOST: host | bytes that are not UTF-8 | a text");
}
