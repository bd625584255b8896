//! What holds for every format, whatever the bytes.

use crate::{
    Format,
    testing::{check, check_prefilter, csv, json},
};
use proptest::prelude::*;

const CSV: &str = "n,t,f,at,b\n1,x,1.5,2026-03-01T00:00:00Z,true\n";
const JSON: &str = r#"{"n":1,"t":"x","o":{"f":1.5,"l":[true]},"ls":[{"at":"2026-03-01T00:00:00Z"}]}"#;
const ACCESS: &[u8] = br#"h - u [10/Oct/2000:13:55:36 -0700] "GET /a?b HTTP/1.1" 200 5 "-" "x""#;

/// Files of fragments that make up records, whole and broken, with arbitrary bytes among them.
fn files(fragments: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop_oneof![
        8 => prop::sample::select(fragments).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ];
    prop::collection::vec(fragment, 0..40).prop_map(|fragments| fragments.concat())
}

fn csv_files() -> impl Strategy<Value = Vec<u8>> {
    files(&[
        b"1,x,1.5,2026-03-01T00:00:00Z,true\n",
        b"1,\"a\nb\",,,\r\n",
        b"2,\"\"\"\",nan,,f\n",
        b"x,",
        b"\"",
        b"\"\"",
        b",",
        b"\n",
        b"\r\n",
        b"7",
        b"\"1\"2,\"a\"bc,,2026-03-01T23:59:60-18:59,f\n",
        b"t,n,f,at,b\n",
        b"\xEF\xBB\xBF",
        b"caf\xC3",
        b"\xA9",
    ])
}

fn json_files() -> impl Strategy<Value = Vec<u8>> {
    files(&[
        b"{\"n\":1,\"t\":\"x\",\"o\":{\"f\":1.5,\"l\":[true]},\"ls\":[{\"at\":\"2026-03-01T00:00:00Z\"}]}\n",
        b"{\"ls\":[{},null],\"n\":2.0,\"z\":[{\"a\":\"\\u00e9\"}]}\n",
        b"{\"t\":{\"a\": 1},\"t\":2}\r\n",
        b"{\"o\":{\"l\":[true,",
        b"{\"n\":\"x\"}\n",
        b"{\"t\":\"ab\\u0063d\"}\n",
        b"{\"n\":4.04e2,\"ls\":[{\"at\":\"2026-03-0\\u0031T00:00:00Z\"}]}\n",
        b"{\"o\":",
        b"\"t\":\"caf\xC3\\n\"",
        b"{",
        b"}",
        b"null",
        b",",
        b"\n",
        b" \r\n",
    ])
}

fn access_files() -> impl Strategy<Value = Vec<u8>> {
    files(&[
        ACCESS,
        b"h - - [11/Oct/2000:13:55:36 -0700] \"\\x16\\x03\" 400 - 0.5\r\n",
        b"h - - [11/Oct/2000:13:55:37 -0700] \"GET / HTTP/1.0\" 200 5\n",
        b"h - - [11/Oct/2000:13:55:99 -0700] \"GET / HTTP/1.0\" 200 5\n",
        b"h - - [",
        b"] \"",
        b" \"caf\xC3\" ",
        b"\\",
        b"\n",
        b"\r\n",
        b"\0\0",
    ])
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..120_usize, 0..6)
}

fn projection() -> impl Strategy<Value = Vec<usize>> {
    prop::sample::subsequence((0..16).collect::<Vec<_>>(), 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn csv_reads_the_same_in_blocks(bytes in csv_files(), sizes in sizes(), projection in projection()) {
        check(&csv(CSV), &bytes, &sizes, &projection);
    }

    #[test]
    fn json_reads_the_same_in_blocks(bytes in json_files(), sizes in sizes(), projection in projection()) {
        check(&json(JSON), &bytes, &sizes, &projection);
    }

    #[test]
    fn access_reads_the_same_in_blocks(bytes in access_files(), sizes in sizes(), projection in projection()) {
        check(&Format::Access, &bytes, &sizes, &projection);
    }

    #[test]
    fn a_prefilter_loses_no_row(
        files in (csv_files(), json_files(), access_files()),
        sizes in sizes(),
        cell in (0..40_usize, 0..16_usize),
        part in (0..4_usize, 1..12_usize),
    ) {
        check_prefilter(&csv(CSV), &files.0, &sizes, cell, part);
        check_prefilter(&json(JSON), &files.1, &sizes, cell, part);
        check_prefilter(&Format::Access, &files.2, &sizes, cell, part);
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300), sizes in sizes()) {
        for format in [csv(CSV), json(JSON), Format::Access] {
            check(&format, &bytes, &sizes, &[0, 1]);
        }
        let _ = crate::detect(&bytes, "file");
        for at_start in [true, false] {
            let samples = [crate::Sample { bytes: &bytes, at_start }];
            let _ = crate::csv::CsvLayout::infer(&samples, &crate::csv::CsvOptions::default());
            let _ = crate::json::JsonLayout::infer(&samples, &[]);
        }
    }
}
