//! Questions to the lab's DNS server, with hickory's messages.

use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

pub fn query(name: &str, kind: RecordType) -> Message {
    let mut message = Message::query();
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    message
}

pub async fn over_udp(resolver: SocketAddr, message: &Message) -> Message {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket
        .send_to(&message.to_vec().unwrap(), resolver)
        .await
        .unwrap();
    let mut bytes = [0; 1500];
    let len = socket.recv(&mut bytes).await.unwrap();
    Message::from_vec(&bytes[..len]).unwrap()
}

pub async fn over_tcp(resolver: SocketAddr, message: &Message) -> Message {
    let mut stream = TcpStream::connect(resolver).await.unwrap();
    let bytes = message.to_vec().unwrap();
    stream.write_u16(bytes.len() as u16).await.unwrap();
    stream.write_all(&bytes).await.unwrap();
    let len = stream.read_u16().await.unwrap();
    let mut answer = vec![0; usize::from(len)];
    stream.read_exact(&mut answer).await.unwrap();
    Message::from_vec(&answer).unwrap()
}

pub fn addresses(message: &Message) -> Vec<IpAddr> {
    let records = message.answers.iter();
    records
        .filter_map(|record| match &record.data {
            RData::A(a) => Some(IpAddr::V4(a.0)),
            RData::AAAA(a) => Some(IpAddr::V6(a.0)),
            _ => None,
        })
        .collect()
}

/// All addresses of a name, or the outcome of there being none.
pub async fn resolve(resolver: SocketAddr, name: &str) -> Result<Vec<IpAddr>, &'static str> {
    let mut found = Vec::new();
    for kind in [RecordType::A, RecordType::AAAA] {
        let question = query(name, kind);
        let mut answer = over_udp(resolver, &question).await;
        if answer.metadata.truncation {
            answer = over_tcp(resolver, &question).await;
        }
        match answer.metadata.response_code {
            ResponseCode::NoError => found.extend(addresses(&answer)),
            ResponseCode::NXDomain => return Err("no_such_name"),
            _ => return Err("dns_error"),
        }
    }
    if found.is_empty() {
        Err("no_such_name")
    } else {
        Ok(found)
    }
}
