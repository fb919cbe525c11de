#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use super::*;

fn run(text: &str) -> Result<Value, Failure> {
    let map = vec![
        (Value::text("a"), Value::Int(1)),
        (Value::text("b-c"), Value::text("x")),
        (
            Value::text("list"),
            Value::list(vec![Value::Int(1), Value::Int(2)]),
        ),
    ];
    let variables = Variables::from([(String::from("self"), Value::Map(Arc::new(map)))]);
    Program::read(text).unwrap().run(&variables)
}

#[test]
fn what_is_true() {
    for text in [
        "1 + 2 * 3 == 7 && (1 + 2) * 3 == 9",
        "-3 % 2 == -1 && 7 / 2 == 3",
        "1 == 1.0 && 1u == 1 && 2 > 1.5",
        "self.a == 1 && self.b__dash__c == 'x' && self['b-c'] == \"x\"",
        "has(self.a) && !has(self.none)",
        "self.none == 1 || true",
        "!(self.none == 1 && false)",
        "self.list.all(x, x > 0) && self.list.exists(x, x == 2) && self.list.exists_one(x, x == 1)",
        "self.list.all(i, v, i < v)",
        "self.list.map(x, x * 2) == [2, 4] && self.list.map(x, x > 1, x) == [2]",
        "self.list.filter(x, x > 1).size() == 1 && 2 in self.list && 'a' in self",
        "self.all(k, k.size() > 0)",
        "'abc'.startsWith('a') && 'abc'.matches('^a.c$') && 'aXb'.lowerAscii() == 'axb'",
        "'a,b'.split(',') == ['a', 'b'] && ['a', 'b'].join('-') == 'a-b' && 'abcd'.substring(1, 3) == 'bc'",
        "duration('1h') > duration('59m') && duration('90m').getHours() == 1",
        "timestamp('2020-01-02T03:04:05Z').getFullYear() == 2020",
        "timestamp('2020-01-02T00:00:00Z') - timestamp('2020-01-01T00:00:00Z') == duration('24h')",
        "quantity('1Gi').isGreaterThan(quantity('1G')) && quantity('100m').compareTo(quantity('0.1')) == 0",
        "isIP('::1') && ip('10.0.0.1').family() == 4 && cidr('10.0.0.0/8').containsIP('10.1.2.3')",
        "url('https://example.com:8080/a?b=c').getPort() == '8080' && !isURL('no url')",
        "[1, 2, 3].isSorted() && [1, 2].sum() == 3 && [3, 1].min() == 1",
        "self.?a.orValue(5) == 1 && self.?none.orValue(5) == 5 && !self.?none.hasValue()",
        "self.?a.optMap(x, x + 1).value() == 2",
        "type(1) == int && type('') == string && type([]) == list",
        "int('5') == 5 && string(5) == '5' && double('1.5') == 1.5",
        "cel.bind(x, self.a + 1, x * x) == 4",
        "{'a': 1}['a'] == 1 && size({}) == 0",
        "r'\\d' == '\\\\d' && 'a\\u0062' == 'ab'",
        "sets.contains([1, 2], [2]) && math.greatest(1, 3) == 3",
        "true ? 1 == 1 : self.none",
    ] {
        assert!(
            matches!(run(text), Ok(Value::Bool(true))),
            "{text}: {:?}",
            run(text)
        );
    }
}

#[test]
fn what_has_no_value() {
    for (text, why) in [
        ("self.none", "no such key: none"),
        ("1 / 0", "division by zero"),
        ("self.list[2]", "index out of bounds"),
        ("1 + 'a'", "no such overload: +"),
        ("nobody", "undeclared reference to 'nobody'"),
        ("9223372036854775807 + 1", "integer overflow"),
    ] {
        assert_eq!(run(text).unwrap_err().to_string(), why, "{text}");
    }
}

#[test]
fn what_is_no_expression() {
    for text in [
        "", "1 +", "(1", "self.", "a b", "'open", "[1, 2", "#", "f(1",
    ] {
        assert!(Program::read(text).is_err(), "{text}");
    }
    let deep = format!("{}1{}", "(".repeat(1000), ")".repeat(1000));
    assert!(Program::read(&deep).is_err());
}
