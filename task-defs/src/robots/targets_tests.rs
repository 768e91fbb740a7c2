use std::collections::HashSet;

use proptest::prelude::*;
use scanners::scope::Scope;

use super::*;

fn names(list: &TargetList) -> Vec<&str> {
    list.names().collect()
}

#[test]
fn ranks_comments_breaks_and_marks_are_understood() {
    let text = "\u{feff}1,google.com\r\n\n# a comment\n 2 , netflix.com\n3,Bücher.example\r\n\
                google.com.\nfoo,bar\n,x\nlast.example";
    let list = Targets::parse(text.as_bytes()).unwrap();
    let expected = [
        "google.com",
        "2 , netflix.com",
        "xn--bcher-kva.example",
        "foo,bar",
        ",x",
        "last.example",
    ];
    assert_eq!(names(&list), expected);
    let counts = list.counts();
    assert_eq!((counts.lines, counts.names, counts.malformed), (9, 6, 3));
    assert_eq!((counts.duplicates, counts.blank), (1, 2));
}

#[test]
fn the_list_is_the_scope_and_malformed_names_are_not_in_it() {
    let list = Targets::parse("a.example\nnot a name\n10.0.0.1\n".as_bytes()).unwrap();
    let spec = list.scope();
    assert_eq!(spec.allow_names, ["a.example", "www.a.example"]);
    let scope = Scope::try_from(spec).unwrap();
    assert!(scope.admit_name("a.example").is_ok());
    assert!(scope.admit_name("b.example").is_err());
    // What lies under a listed name may be somebody else's.
    assert!(scope.admit_name("www.a.example").is_ok());
    assert!(scope.admit_name("tenant.a.example").is_err());
    let all = Scope::try_from(list.scope_with_subdomains()).unwrap();
    assert!(all.admit_name("tenant.a.example").is_ok());
}

#[test]
fn what_is_no_list_is_refused_with_its_line() {
    let parse = |bytes: &[u8]| Targets::parse(bytes).unwrap_err().to_string();
    assert_eq!(
        parse(b"a.example\n\xff\xfe\n"),
        "line 2 is not UTF-8 text; is the list compressed?"
    );
    let long = [b"a.example\nb.example\n".as_slice(), &[b'a'; 4000]].concat();
    assert_eq!(
        parse(&long),
        "line 3 has more than 2048 bytes; is this a list of names?"
    );
    let just = [b'a'; 2048];
    assert_eq!(Targets::parse(&just[..]).unwrap().counts().malformed, 1);
    let just = [just.as_slice(), b"\n"].concat();
    assert_eq!(Targets::parse(&*just).unwrap().counts().malformed, 1);
}

#[test]
fn a_failing_reader_is_named() {
    struct Broken;
    impl io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("no more"))
        }
    }
    let error = Targets::parse(io::BufReader::new(Broken)).unwrap_err();
    assert_eq!(error.to_string(), "line 1 cannot be read: no more");
}

#[test]
fn inline_entries_are_lines() {
    let lines = ["1,a.example", "A.example", "", "two\nlines"].map(str::to_owned);
    let list = Targets::parse_lines(&lines).unwrap();
    assert_eq!(names(&list), ["a.example", "two\nlines"]);
}

proptest! {
    #[test]
    fn any_bytes_give_a_list_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Targets::parse(&*bytes);
    }

    #[test]
    fn counts_add_up_and_names_are_unique(
        lines in proptest::collection::vec("[0-9]{0,2},?[abAB.# -]{0,6}\r?", 0..60)
    ) {
        let list = Targets::parse(lines.join("\n").as_bytes()).unwrap();
        let counts = list.counts();
        prop_assert_eq!(counts.lines, counts.names + counts.duplicates + counts.blank);
        prop_assert_eq!(counts.names, list.len() as u64);
        prop_assert_eq!(list.names().collect::<HashSet<_>>().len(), list.len());
        prop_assert!(Scope::try_from(list.scope()).is_ok());
    }

    #[test]
    fn reading_a_list_again_changes_nothing(
        lines in proptest::collection::vec("[0-9]{0,2},?[abAB.# -]{0,6}", 0..60)
    ) {
        let list = Targets::parse(lines.join("\n").as_bytes()).unwrap();
        let text: String = list.names().flat_map(|name| [name, "\n"]).collect();
        let again = Targets::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(names(&again), names(&list));
    }
}
