use alloc::borrow::Cow;

use super::*;

struct Nobody;

impl Names for Nobody {
    fn variable(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }

    fn function(&mut self, name: &str, arguments: &str) -> Option<String> {
        (name == "ECHO").then(|| arguments.into())
    }
}

fn value(text: &str) -> (String, String) {
    let mut troubles = Vec::new();
    let value = evaluate(text, &mut Nobody, &mut troubles).into();
    (value, troubles.join("; "))
}

#[test]
fn expressions() {
    for (text, expected) in [
        ("", ""),
        ("  ", ""),
        ("1", "1"),
        ("abc", "abc"),
        ("\"a b\"", "\"a b\""),
        ("1 + 2", "3"),
        ("1+2", "3"),
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("10 - 3 - 2", "5"),
        ("7 / 2", "3.5"),
        ("8 / 2 / 2", "2"),
        ("7 % 3", "1"),
        ("-7 % 3", "-1"),
        ("0.1 + 0.2 < 0.31", "1"),
        ("1 / 0", "2147483647"),
        ("1 % 0", "0"),
        ("-3", "-3"),
        ("- 3 + 5", "2"),
        ("--3", "3"),
        ("2 * -3", "-6"),
        ("-0", "-0"),
        ("a + 1", "1"),
        ("1 + a", "1"),
        ("a * 2", "0"),
        ("\"2\" + \"3\"", "0"),
        ("1.50", "1.50"),
        ("1.50 + 0", "1.5"),
        ("12345678901 + 1", "12345678902"),
        ("999999999999999 * 1000", "999999999999999000"),
        ("10000000000 * 10000000000", "1e+20"),
        ("1 / 100000", "1e-05"),
        ("1 / 8", "0.125"),
        ("1 = 1", "1"),
        ("1 == 1.0", "1"),
        ("1 = 2", "0"),
        ("1 != 2", "1"),
        ("a = a", "1"),
        ("a = \"a\"", "0"),
        ("\"\" = \"\"", "1"),
        ("\"1\" = 1", "0"),
        ("a = A", "0"),
        ("2 < 10", "1"),
        ("\"2\" < \"10\"", "0"),
        ("b > a", "1"),
        ("a2 > a10", "1"),
        ("2 >= 2", "1"),
        ("2 <= 1", "0"),
        ("12345678901234567890 = 12345678901234567891", "0"),
        ("00493012345 = 493012345", "1"),
        ("1 | 0", "1"),
        ("0 | 5", "5"),
        ("\"\" | x", "\"\""),
        ("0 || 0", "0"),
        ("1 & 2", "1"),
        ("x && y", "x"),
        ("1 & 0", "0"),
        ("0.0 | x", "x"),
        ("1 = 1 & 2 = 2", "1"),
        ("0 & 0 | 1", "1"),
        ("1 | 0 & 0", "1"),
        ("!0", "1"),
        ("!1", "0"),
        ("!a", "1"),
        ("!\"\"", "1"),
        ("!1 = 0", "1"),
        ("! 1 | 1", "1"),
        ("1 ? yes :: no", "yes"),
        ("0 ? yes :: no", "no"),
        ("\"\" ? yes :: no", "no"),
        ("1 = 2 ? a :: 2 = 2 ? b :: c", "b"),
        ("1 ? 0 ? a :: b :: c", "b"),
        ("1 ? \"x y\" :: z", "\"x y\""),
        ("\"123abc\" : \"[0-9]+\"", "3"),
        ("\"123abc\" : \"([0-9]+)\"", "123"),
        ("\"abc123\" : \"[0-9]+\"", "0"),
        ("\"abc123\" : \"([0-9]+)\"", ""),
        ("\"abc123\" =~ \"[0-9]+\"", "3"),
        ("\"abc123\" =~ \"c([0-9])\"", "1"),
        ("\"abc\" =~ \"[0-9]\"", "0"),
        ("5551234 =~ ^555", "3"),
        ("\"+4930123456\" =~ \"^\\+?[0-9]{7,15}$\"", "11"),
        ("\"x\" =~ \"[[:alpha:]]\"", "1"),
        ("a ~~ b", "ab"),
        ("\"a \" ~~ \"b\" ~~ 3", "a b3"),
        ("1 + \"123\" : \"12\"", "3"),
        ("-\"123\" : \"12\"", "-2"),
        ("FLOOR(2.7)", "2"),
        ("CEIL(2.1)", "3"),
        ("ROUND(-2.5)", "-3"),
        ("RINT(2.5)", "2"),
        ("TRUNC(-2.7)", "-2"),
        ("POW(2, 10)", "1024"),
        ("SQRT(16) + 1", "5"),
        ("EXP10(2)", "100"),
        ("REMAINDER(7, 4)", "-1"),
        ("COS(0) + LOG10(1000)", "4"),
        ("ECHO(a,1+1)", "a,2"),
        ("1.2.3.4 = 1.2.3.4", "1"),
        ("inf = inf", "1"),
        ("nan + 1", "1"),
    ] {
        assert_eq!(value(text).0, expected, "{text}");
    }
}

#[test]
fn what_is_not_an_expression_is_zero() {
    for (text, fault) in [
        ("1 +", Fault::Syntax),
        ("= 1", Fault::Syntax),
        ("1 2", Fault::Syntax),
        ("(1", Fault::Syntax),
        ("1)", Fault::Syntax),
        ("()", Fault::Syntax),
        ("1 ? 2", Fault::Syntax),
        ("1 ? 2 : 3", Fault::Syntax),
        ("1 :: 2", Fault::Syntax),
        ("\"a", Fault::OpenQuote),
        ("POW(1 2)", Fault::Syntax),
        ("FLOOR()", Fault::Syntax),
        ("ECHO(,1)", Fault::Syntax),
    ] {
        let told = format!("{fault} in $[{text}]");
        assert_eq!(value(text), ("0".into(), told), "{text}");
    }
}

#[test]
fn what_is_odd_is_told_and_goes_on() {
    for (text, expected, told) in [
        ("a + 1", "1", "'a' is not a number in $[a + 1]"),
        ("1 / 0", "2147483647", "a division by zero in $[1 / 0]"),
        ("NO(1) + 1", "1", "there is no function NO in $[NO(1) + 1]"),
        (
            "floor(1.5)",
            "0",
            "'floor' cannot be the name of a function in $[floor(1.5)]",
        ),
        (
            "POW(2)",
            "0",
            "POW takes another number of arguments in $[POW(2)]",
        ),
        (
            "a =~ \"(\"",
            "",
            "'(' is not a regular expression in $[a =~ \"(\"]",
        ),
    ] {
        assert_eq!(value(text), (expected.into(), told.into()), "{text}");
    }
}

#[test]
fn depth_is_bounded() {
    for text in ["(", "!", "-", "1?", "FLOOR("] {
        let (value, told) = value(&text.repeat(100_000));
        assert_eq!(value, "0", "{text}");
        assert!(told.starts_with("parentheses nest too deep"), "{text}");
    }
    let long = "1".to_string() + &"+1".repeat(4000);
    assert_eq!(value(&long).0, "4001");
}

#[test]
fn two_words_are_what_they_are_in_parentheses() {
    let words = [
        "0", "1", "12", "1.5", "a", "\"a\"", "\"1\"", "\"\"", "1.2.3", "-",
    ];
    let operators = [
        "|", "&", "=", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", ":", "=~", "~~",
    ];
    for operator in operators {
        for (left, right) in words
            .iter()
            .flat_map(|left| words.map(|right| (left, right)))
        {
            let bare = format!("{left} {operator} {right}");
            let whole = format!("({bare})");
            let (value, troubles) = value(&bare);
            let (expected, more) = self::value(&whole);
            let same = troubles.replace(&bare, &whole) == more;
            assert!(value == expected && same, "{bare}: {value} {troubles}");
        }
    }
}
