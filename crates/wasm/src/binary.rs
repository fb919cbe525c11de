//! What a file that ought to be a component is, by its first bytes and its section names.

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    /// A component.
    Component,
    /// A core module.
    Core {
        /// It carries the custom section that tells a linker how to wrap it as a component.
        wrappable: bool,
    },
    /// Something else.
    Other(&'static str),
}

impl Binary {
    /// Looks at `bytes`, without checking more than the kind needs.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        match bytes {
            [b'\0', b'a', b's', b'm', _, _, 1, 0, ..] => Self::Component,
            [b'\0', b'a', b's', b'm', rest @ ..] => Self::Core {
                wrappable: rest.get(4..).is_some_and(has_component_type),
            },
            [] => Self::Other("an empty file"),
            [0x1f, 0x8b, ..] => Self::Other("a gzip archive"),
            [b'(', ..] => Self::Other("WebAssembly text"),
            [0x7f, b'E', b'L', b'F', ..] => {
                Self::Other("an ELF file, such as a compiled component")
            }
            [b'<', ..] => Self::Other("HTML or XML"),
            _ => Self::Other("no WebAssembly"),
        }
    }
}

/// Whether a custom section's name starts with `component-type`, which is where wit-bindgen leaves a world.
fn has_component_type(mut sections: &[u8]) -> bool {
    while let Some((&id, rest)) = sections.split_first() {
        let Some((body, rest)) = sized(rest) else {
            return false;
        };
        let name = if id == 0 { sized(body) } else { None };
        if name.is_some_and(|(name, _)| name.starts_with(b"component-type")) {
            return true;
        }
        sections = rest;
    }
    false
}

/// Splits off bytes that are preceded by their number as LEB128.
fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut size = 0_usize;
    for (index, &byte) in bytes.iter().enumerate().take(5) {
        size |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return bytes.get(index + 1..)?.split_at_checked(size);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORE: &[u8] = b"\0asm\x01\0\0\0";

    fn with_section(id: u8, name: &[u8]) -> Vec<u8> {
        let mut bytes = CORE.to_vec();
        // An empty type section first: the name is searched for, not expected at the front.
        bytes.extend([1, 1, 0, id, u8::try_from(name.len() + 1).unwrap_or(u8::MAX)]);
        bytes.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        bytes.extend(name);
        bytes
    }

    #[test]
    fn kinds() {
        assert_eq!(Binary::of(b"\0asm\x0d\0\x01\0"), Binary::Component);
        assert_eq!(Binary::of(CORE), Binary::Core { wrappable: false });
        assert_eq!(Binary::of(b""), Binary::Other("an empty file"));
        assert_eq!(
            Binary::of(b"(component)"),
            Binary::Other("WebAssembly text")
        );
    }

    #[test]
    fn a_core_module_with_a_world_can_be_wrapped() {
        let named = |id, name| Binary::of(&with_section(id, name));
        assert_eq!(
            named(0, b"component-type:wit-bindgen:0.63.0"),
            Binary::Core { wrappable: true }
        );
        assert_eq!(named(0, b"producers"), Binary::Core { wrappable: false });
        assert_eq!(
            named(3, b"component-type"),
            Binary::Core { wrappable: false }
        );
    }

    #[test]
    fn cut_off_sections_are_no_reason_to_panic() {
        let whole = with_section(0, b"component-type");
        for end in 0..whole.len() {
            let _kind = Binary::of(&whole[..end]);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_sections_are_a_reason_to_panic(sections: Vec<u8>) {
            let _kind = Binary::of(&[CORE, &sections].concat());
        }
    }
}
