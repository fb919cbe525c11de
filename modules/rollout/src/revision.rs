//! What tells two revisions of a pod template apart.

use serde_json::Value;

/// A name for this content: ten hexadecimal digits of its hash (FNV-1a, 64 bit). Equal for equal content, whatever the order of
/// keys; `null` and an absent field are the same.
pub fn of(content: &Value) -> String {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    hash.value(content);
    format!("{:010x}", hash.0 & 0xff_ffff_ffff)
}

struct Fnv(u64);

impl Fnv {
    fn value(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                self.bytes(b"{");
                let mut fields: Vec<_> = fields
                    .iter()
                    .filter(|(_, value)| !value.is_null())
                    .collect();
                fields.sort_by_key(|(key, _)| *key);
                for (key, value) in fields {
                    self.bytes(key.as_bytes());
                    self.bytes(b"\0:");
                    self.value(value);
                }
                self.bytes(b"}");
            }
            Value::Array(items) => {
                self.bytes(b"[");
                for item in items {
                    self.value(item);
                    self.bytes(b",");
                }
                self.bytes(b"]");
            }
            other => self.bytes(other.to_string().as_bytes()),
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use oarlock_sdk::json;

    use super::of;

    #[test]
    fn the_content_counts_and_nothing_else() {
        let plain = of(&json!({"a": 1, "b": [{"c": "x"}]}));
        assert_eq!(plain, of(&json!({"b": [{"c": "x"}], "a": 1, "d": null})));
        assert_ne!(plain, of(&json!({"a": 1, "b": [{"c": "y"}]})));
        assert_ne!(of(&json!(["a", "b"])), of(&json!(["ab"])));
        assert_eq!(plain.len(), 10);
    }
}
