//! Needs an interface that no host has.

wit_bindgen::generate!({
    inline: r#"
        package local:files;

        world files { import acme:disk/files@1.2.0; }

        package acme:disk@1.2.0 {
            interface files { read: func(path: string) -> string; }
        }
    "#,
    generate_all,
});

contract::module!("unknown-import", |_request| {
    let mut outcome = contract::nothing();
    outcome.tag = acme::disk::files::read("/etc/shadow");
    Ok(outcome)
});
