//! The usual plural of a kind, for where nobody knows better.

/// `deployers` of `Deployer`, `policies` of `Policy`, `ingresses` of `Ingress`: as tools that make definitions do it.
pub(crate) fn plural(kind: &str) -> String {
    let lower = kind.to_lowercase();
    match lower.as_bytes() {
        [.., b's' | b'x' | b'z'] | [.., b'c' | b's', b'h'] => format!("{lower}es"),
        [.., b'a' | b'e' | b'i' | b'o' | b'u', b'y'] => format!("{lower}s"),
        [.., b'y'] => format!("{}ies", &lower[..lower.len() - 1]),
        _ => format!("{lower}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals() {
        for (kind, expected) in [
            ("Deployer", "deployers"),
            ("NetworkPolicy", "networkpolicies"),
            ("Gateway", "gateways"),
            ("Ingress", "ingresses"),
            ("Switch", "switches"),
            ("Proxy", "proxies"),
        ] {
            assert_eq!(plural(kind), expected);
        }
    }
}
