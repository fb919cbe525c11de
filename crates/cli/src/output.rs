//! What was asked for goes to standard output. A reader that has gone (`| head`) ends the command, without a word.

use std::io::{self, ErrorKind, Write as _};

/// Writes one line.
pub(crate) fn line(text: impl AsRef<str>) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_ref().as_bytes())?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

/// Writes text that has its line ends.
pub(crate) fn text(text: impl AsRef<str>) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_ref().as_bytes())?;
    stdout.flush()
}

/// Whether `error` only tells that nobody reads any more.
pub(crate) fn nobody_reads(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}
