//! Logs in a loop; with `"forever"` in its settings without end, otherwise 100,000 lines.

use contract::{log, nothing};

contract::module!("logs-without-end", |request| {
    let forever = request.settings.contains("forever");
    let mut line = 0_u64;
    while forever || line < 100_000 {
        let fields = [("line".to_owned(), line.to_string())];
        log::write(log::Level::Info, "still here", &fields);
        line += 1;
    }
    Ok(nothing())
});
