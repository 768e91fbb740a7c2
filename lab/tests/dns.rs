//! The DNS server: what each kind of question gets.

mod client;

use client::dns::{addresses, over_tcp, over_udp, query};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use sortie_lab::{Behaviour, Mix};

#[tokio::test]
async fn any_name_has_an_honest_address_and_no_other() {
    let lab = client::start_with(Mix::only(Behaviour::Good)).await;
    let nets = lab.scope_nets();
    for name in [
        "s0000001.lab.test",
        "example.com.",
        "a.b.c.d.example.org",
        "WWW.Example.NET",
    ] {
        let question = query(name, RecordType::A);
        let udp = over_udp(lab.resolver(), &question).await;
        let tcp = over_tcp(lab.resolver(), &question).await;
        let found = addresses(&udp);
        assert_eq!(found, addresses(&tcp), "{name}");
        assert!(
            found.iter().all(|a| nets.iter().any(|net| net.contains(a))),
            "{name}: {found:?}"
        );
        assert_eq!(found.len(), 1);
        assert_eq!(udp.metadata.id, question.metadata.id);
        let echoed = udp.queries[0].name().to_ascii();
        assert_eq!(
            echoed.trim_end_matches('.'),
            name.trim_end_matches('.'),
            "its case too"
        );
        assert_eq!(udp.answers[0].ttl, 60);
    }
    let stats = lab.stats();
    assert_eq!((stats.dns_udp, stats.dns_tcp), (4, 4));
}

#[tokio::test]
async fn other_types_have_no_data_and_a_start_of_authority() {
    let lab = client::start_with(Mix::only(Behaviour::Good)).await;
    for kind in [
        RecordType::AAAA,
        RecordType::MX,
        RecordType::TXT,
        RecordType::HTTPS,
    ] {
        let answer = over_udp(lab.resolver(), &query("example.com", kind)).await;
        assert_eq!(
            answer.metadata.response_code,
            ResponseCode::NoError,
            "{kind}"
        );
        assert!(answer.answers.is_empty(), "{kind}");
        assert_eq!(
            answer.authorities[0].record_type(),
            RecordType::SOA,
            "{kind}"
        );
    }
}

#[tokio::test]
async fn names_without_addresses_say_why() {
    let lab = client::start().await;
    let cases = [
        (Behaviour::NxDomain, ResponseCode::NXDomain),
        (Behaviour::ServFail, ResponseCode::ServFail),
        (Behaviour::NoData, ResponseCode::NoError),
    ];
    for (behaviour, code) in cases {
        let name = client::names_of(behaviour).next().unwrap();
        let answer = over_udp(lab.resolver(), &query(&name, RecordType::A)).await;
        assert_eq!(answer.metadata.response_code, code, "{name}");
        assert!(answer.answers.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn some_answers_fit_into_tcp_only() {
    let lab = client::start().await;
    let name = client::names_of(Behaviour::DnsTruncated).next().unwrap();
    let question = query(&name, RecordType::A);
    let udp = over_udp(lab.resolver(), &question).await;
    assert!(udp.metadata.truncation && udp.answers.is_empty());
    let tcp = over_tcp(lab.resolver(), &question).await;
    assert!(!tcp.metadata.truncation);
    assert_eq!(addresses(&tcp).len(), 1);
}

#[tokio::test]
async fn nonsense_gets_no_answer_and_does_no_harm() {
    let lab = client::start().await;
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut endless_name = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    endless_name.extend([63; 400]);
    let pointer = [0, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1];
    for nonsense in [
        &b""[..],
        b"x",
        &[0; 12],
        &[0xff; 40],
        &endless_name,
        &pointer,
    ] {
        socket.send_to(nonsense, lab.resolver()).await.unwrap();
    }
    // The only answer that comes is the one to the question behind them.
    let question = query("example.com", RecordType::A).to_vec().unwrap();
    socket.send_to(&question, lab.resolver()).await.unwrap();
    let mut answer = [0; 512];
    socket.recv(&mut answer).await.unwrap();
    assert_eq!(answer[..2], question[..2]);
}
