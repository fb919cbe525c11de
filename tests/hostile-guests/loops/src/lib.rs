//! Never returns.

contract::module!("loops", |_request| {
    loop {
        std::hint::black_box(0);
    }
});
