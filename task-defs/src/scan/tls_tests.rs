use super::*;

fn scope() -> Scope {
    Scope::builder().allow_domain("in.example").build().unwrap()
}

/// The targets of rows with these names, all of one port at an address that is in scope for a
/// name alone.
fn targets(tls: &Tls, rows: &[&[&str]]) -> Vec<TlsTarget> {
    let mut targets = Vec::new();
    for names in rows {
        let row = serde_json::json!({
            "address": "8.8.8.8", "port": 443, "outcome": "open", "method": "syn",
            "names": names,
        });
        tls.targets(serde_json::from_value(row).unwrap(), &mut targets);
    }
    targets.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    targets.dedup();
    tls.settle(&scope(), &mut targets);
    targets
}

fn bare(rows: &[&[&str]]) -> TlsTarget {
    let target = targets(&Tls::default(), rows).remove(0);
    assert_eq!(target.name, None);
    target
}

#[test]
fn a_name_that_led_to_an_address_brings_it_into_scope_without_being_said() {
    assert!(
        bare(&[&["a.example", "www.in.example"]])
            .admit(&scope())
            .is_ok()
    );
    assert!(
        bare(&[&["a.example"], &["www.in.example"]])
            .admit(&scope())
            .is_ok()
    );
    assert!(bare(&[&["a.example"]]).admit(&scope()).is_err());
    assert!(bare(&[&[]]).admit(&scope()).is_err());
    let net = "8.8.8.0/24".parse::<ipnet::IpNet>().unwrap();
    let wide = Scope::builder().allow_domain("in.example").allow_net(net);
    assert!(bare(&[&[]]).admit(&wide.clone().build().unwrap()).is_ok());
    let narrow = wide.deny_net("8.8.8.8/32".parse::<ipnet::IpNet>().unwrap());
    let named = targets(&Tls::default(), &[&["in.example"]]).remove(1);
    assert!(named.admit(&scope()).is_ok());
    assert!(named.admit(&narrow.build().unwrap()).is_err());
}

#[test]
fn the_names_of_a_look_without_one_are_few_and_none_is_out_of_scope() {
    let outside: Vec<String> = (0..100).map(|n| format!("n{n:02}.example")).collect();
    let inside: Vec<String> = (0..40).map(|n| format!("z{n:02}.in.example")).collect();
    let rows = [&outside[..], &inside[20..], &inside[..20]];
    let rows = rows.map(|names| names.iter().map(String::as_str).collect::<Vec<_>>());
    let look = bare(&[&rows[0], &rows[1], &rows[2]]);
    assert!(
        look.via
            .iter()
            .map(Name::as_str)
            .eq(inside.iter().take(TlsTarget::MAX_VIA))
    );
    assert_eq!(look.via, bare(&[&rows[2], &rows[0], &rows[1]]).via);
    assert!(look.admit(&scope()).is_ok());
    assert!(bare(&[&rows[0]]).via.is_empty());
}

#[test]
fn one_look_of_a_port_is_first_whatever_its_rows_are() {
    let names_only = Tls {
        without_name: false,
        ..Tls::default()
    };
    for (rows, first) in [
        (&[&[][..]][..], None),
        (&[&["a.in.example", "b.in.example"]], Some("a.in.example")),
        // One row of a port knows of a name, and the other does not.
        (
            &[&[], &["b.in.example"], &["a.in.example"]],
            Some("a.in.example"),
        ),
        (
            &[&["a.example", "b.in.example"], &["a.example"]],
            Some("b.in.example"),
        ),
        (&[&[], &["a.example"]], None),
    ] {
        for tls in [&Tls::default(), &names_only] {
            let targets = targets(tls, rows);
            let all: Vec<_> = targets.iter().filter(|target| target.first).collect();
            let [only] = all[..] else { panic!("{all:?}") };
            assert_eq!(only.name.as_ref().map(Name::as_str), first, "{rows:?}");
        }
    }
    let outside = targets(&names_only, &[&["b.example"], &["a.example"]]);
    assert!(outside[0].first && !outside[1].first, "{outside:?}");
}
