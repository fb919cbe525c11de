//! A component that exports something else.

wit_bindgen::generate!({
    inline: r#"
        package local:other;

        interface greeter { greet: func(name: string) -> string; }

        world other { export greeter; }
    "#,
});

struct Other;

impl exports::local::other::greeter::Guest for Other {
    fn greet(name: String) -> String {
        format!("hello {name}")
    }
}

export!(Other);
