//! A name server of a few lines.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hickory_proto::op::{Message, MessageType, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;

use super::LOOPBACK;

/// What the server says of a name.
#[derive(Clone)]
pub(crate) enum Says {
    Addrs(Vec<IpAddr>),
    /// A CNAME to a name with these addresses.
    Alias(&'static str, Vec<IpAddr>),
    /// A CNAME to a name that does not exist.
    Dangling(&'static str),
    /// A CNAME to the first of these names, from there to the second, and so on, all in one answer;
    /// the last does not exist.
    Chain(Vec<String>),
    Code(ResponseCode),
    Nothing,
    /// The first to a query for IPv6 addresses, the second to all others.
    ForV6(Box<Self>, Box<Self>),
    /// The first to a query for an alias, the second to all others.
    ForAlias(Box<Self>, Box<Self>),
}

pub(crate) struct NameServer {
    pub(crate) addr: SocketAddr,
    queries: Arc<AtomicUsize>,
}

impl NameServer {
    pub(crate) fn queries(&self) -> usize {
        self.queries.load(Ordering::SeqCst)
    }
}

/// Serves `zone` on a free port; names not in it do not exist.
pub(crate) async fn serve_dns(zone: impl IntoIterator<Item = (&'static str, Says)>) -> NameServer {
    let zone: HashMap<String, Says> = zone
        .into_iter()
        .map(|(name, says)| (format!("{name}."), says))
        .collect();
    let socket = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
    let addr = socket.local_addr().unwrap();
    let queries = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&queries);
    tokio::spawn(async move {
        let mut buffer = vec![0; 4096];
        while let Ok((len, from)) = socket.recv_from(&mut buffer).await {
            count.fetch_add(1, Ordering::SeqCst);
            let query = Message::from_vec(&buffer[..len]).unwrap();
            if let Some(answer) = answer(&query, &zone) {
                let _ = socket.send_to(&answer.to_vec().unwrap(), from).await;
            }
        }
    });
    NameServer { addr, queries }
}

fn answer(query: &Message, zone: &HashMap<String, Says>) -> Option<Message> {
    let question = query.queries.first()?.clone();
    let name = question.name().clone();
    let kind = question.query_type();
    let mut metadata = Metadata::new(query.id, MessageType::Response, OpCode::Query);
    metadata.recursion_available = true;
    let mut answers = Vec::new();
    let alias = |from: &Name, target: &str| {
        let target = Name::from_ascii(format!("{target}.")).unwrap();
        let alias = RData::CNAME(hickory_proto::rr::rdata::CNAME(target.clone()));
        (target, Record::from_rdata(from.clone(), 60, alias))
    };
    let alias_of = |target: &str| alias(&name, target);
    let said = match zone.get(&name.to_ascii().to_lowercase()) {
        Some(Says::ForV6(v6, _)) if kind == RecordType::AAAA => Some(&**v6),
        Some(Says::ForAlias(alias, _)) if kind == RecordType::CNAME => Some(&**alias),
        Some(Says::ForV6(_, others) | Says::ForAlias(_, others)) => Some(&**others),
        said => said,
    };
    match said {
        None => metadata.response_code = ResponseCode::NXDomain,
        Some(Says::Nothing) => return None,
        Some(Says::Code(code)) => metadata.response_code = *code,
        Some(Says::Addrs(addrs)) => answers.extend(records(&name, addrs, kind)),
        Some(Says::Alias(target, addrs)) => {
            let (target, alias) = alias_of(target);
            answers.push(alias);
            answers.extend(records(&target, addrs, kind));
        }
        Some(Says::Dangling(target)) => {
            answers.push(alias_of(target).1);
            // That the alias is there is all that who asks for it wants to know.
            if kind != RecordType::CNAME {
                metadata.response_code = ResponseCode::NXDomain;
            }
        }
        Some(Says::Chain(targets)) => {
            let mut at = name.clone();
            for target in targets {
                let (target, record) = alias(&at, target);
                answers.push(record);
                at = target;
            }
            if kind != RecordType::CNAME {
                metadata.response_code = ResponseCode::NXDomain;
            }
        }
        Some(Says::ForV6(..) | Says::ForAlias(..)) => unreachable!("one of the two was taken"),
    }
    let mut message = Message::new(query.id, MessageType::Response, OpCode::Query);
    message.metadata = metadata;
    message.add_query(question);
    message.add_answers(answers);
    Some(message)
}

fn records(name: &Name, addrs: &[IpAddr], kind: RecordType) -> Vec<Record> {
    let wanted = |addr: &&IpAddr| match kind {
        RecordType::A => addr.is_ipv4(),
        RecordType::AAAA => addr.is_ipv6(),
        _ => false,
    };
    let record = |addr: &IpAddr| Record::from_rdata(name.clone(), 60, RData::from(*addr));
    addrs.iter().filter(wanted).map(record).collect()
}
